use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use data_encoding::BASE32_NOPAD;

use crate::access::attempts::Attempt;
use crate::access::enforcement::break_glass;
use crate::access::enforcement::preflight::{self, PolicyChangeError};
use crate::access::enforcement::readiness::Thresholds;
use crate::access::mfa_policy::{self, MfaPolicy};
use crate::access::passkeys::testing::Authenticator;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::second_factors::enrolment;
use crate::access::second_factors::offer::{Offer, Place};
use crate::access::sessions;
use crate::access::testing::{REDIRECT_URI, World, by_password, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::http::context::Context;
use crate::http::guesses::Guesses;
use crate::http::sign_in::path;
use crate::http::testing::{Answer, context, send};
use crate::protocol::totp;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, domains, jobs, memberships, outbox, passkeys};
use crate::values::ids::AccountId;
use crate::values::operation::Role;
use crate::values::password::Password;
use crate::values::secret::Secret;

const BEA: &str = "bea@freelance.test";
const OWNER: &str = "owner@acme.test";
const BINDING: &str = "cw_browser_of_bea";
const RIGHT: &str = "password=correct+horse+battery";

/// The doors over one world in which Bea has a password.
struct Stage {
    world: World,
    context: Context,
    bea: AccountId,
}

impl Stage {
    async fn set(world: World) -> Self {
        let context = context(&world, "https://id.example").await;
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec![BEA.parse().unwrap()], ..Profile::default() };
            accounts::create(tx, &op, organization, &profile, Role::Member)
        });
        let bea = write.await.unwrap();
        let stage = Self { world, context, bea };
        stage.give_password(bea, BEA).await;
        stage
    }

    async fn give_password(&self, account: AccountId, address: &'static str) {
        let (op, sealer) = (self.world.op(), self.context.outside.sealer.clone());
        let write = self.world.store().write(move |tx| {
            account_rows::mark_verified(tx, account, address, op.at)?;
            let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
            let hash = PasswordHash::of(&Password::typed("correct horse battery"), [7; 16], cost).unwrap();
            passwords::set(tx, &op, &sealer, account, &hash).unwrap();
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
    }

    /// Gives somebody an app, and tells its secret and one recovery code.
    async fn give_factor(&self, account: AccountId) -> (Vec<u8>, String) {
        let (op, sealer) = (self.world.op(), self.context.outside.sealer.clone());
        let offer = Offer::new(&op, &sealer, &Place::new(account, op.request)).unwrap();
        let (typed, secret) = (totp::code(offer.secret(), totp::step_at(op.at)), offer.secret().to_vec());
        let write =
            self.world.store().write(move |tx| enrolment::enrol(tx, &op, &sealer, account, &offer, &typed)).await;
        self.world.advance(30);
        (secret, write.unwrap().codes[0].shown())
    }

    fn code(&self, secret: &[u8]) -> String {
        totp::code(secret, totp::step_at(self.world.op().at))
    }

    async fn post(&self, path: &str, form: &str) -> Answer {
        let request = TestRequest::post()
            .uri(path)
            .peer_addr("192.0.2.7:9".parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("__Host-causeway-us-attempt={BINDING}")))
            .set_payload(form.to_owned());
        send(&self.context, request).await
    }

    async fn get(&self, path: &str) -> Answer {
        let cookie = ("Cookie", format!("__Host-causeway-us-attempt={BINDING}"));
        send(&self.context, TestRequest::get().uri(path).insert_header(cookie)).await
    }

    async fn attempt(&self) -> Attempt {
        self.world.start_attempt(&Secret::from(BINDING.to_owned())).await
    }

    /// An attempt in which Bea has typed her password; the page that came of it.
    async fn typed(&self) -> (Attempt, Answer) {
        let attempt = self.attempt().await;
        self.post(&path::submit_email(attempt.id), "email=bea%40freelance.test").await;
        let answer = self.post(&path::password(attempt.id), RIGHT).await;
        (attempt, answer)
    }
}

fn location(answer: &Answer) -> String {
    answer.leads_to().unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()))
}

/// What stands between two texts of a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split_once(after).unwrap().0
}

#[actix_web::test]
async fn a_right_password_leads_to_the_second_step_and_a_right_code_to_the_application() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let (secret, recovery_code) = stage.give_factor(stage.bea).await;
        let (attempt, answer) = stage.typed().await;
        let step = path::second_step(attempt.id);
        assert_eq!(location(&answer), step);
        assert!(answer.headers.get("set-cookie").is_none(), "no session yet");
        for elsewhere in [path::outcome(attempt.id), format!("{}?answer=x", path::outcome(attempt.id))] {
            assert_eq!(location(&stage.get(&elsewhere).await), step, "{}", stage.world.engine());
        }
        let page = stage.get(&step).await;
        assert!(page.status == StatusCode::OK && page.text().contains("autocomplete=\"one-time-code\""));
        assert!(!page.text().contains(BEA), "the page is about nobody");
        let wrong = stage.post(&step, "code=000000").await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text().contains("role=\"alert\""));
        let arrival = location(&stage.post(&step, &format!("code={}", stage.code(&secret))).await);
        let arrived = location(&stage.get(&arrival).await);
        assert!(arrived.starts_with(&format!("{REDIRECT_URI}?")) && arrived.contains("code=cw_code_"), "{arrived}");
        let amr = &stage.world.entries("sign_in.succeeded").await[0]["amr"];
        assert_eq!(*amr, serde_json::json!(["pwd", "otp", "mfa"]), "{}", stage.world.engine());
        // The app is gone: a recovery code.
        let (attempt, _) = stage.typed().await;
        let used = stage.post(&path::second_step(attempt.id), &format!("code={recovery_code}")).await;
        assert!(location(&used).contains("answer="), "{}", stage.world.engine());
    }
}

/// Nothing tells whether somebody has a second factor before their password was right.
#[actix_web::test]
async fn before_the_password_is_right_nothing_tells_of_a_second_factor() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let mut seen = Vec::new();
        for has_factor in [false, true] {
            if has_factor {
                stage.give_factor(stage.bea).await;
            }
            let attempt = stage.attempt().await;
            let asked = stage.post(&path::submit_email(attempt.id), "email=bea%40freelance.test").await;
            let page = stage.get(&path::password(attempt.id)).await;
            let wrong = stage.post(&path::password(attempt.id), "password=wrong").await;
            let step = stage.get(&path::second_step(attempt.id)).await;
            let code = stage.post(&path::second_step(attempt.id), "code=000000").await;
            let set_up = stage.post(&path::set_up_second_step(attempt.id), "code=000000&offer=x").await;
            assert_eq!(location(&step), path::email(attempt.id), "{}", stage.world.engine());
            let pages = [asked, page, wrong, step, code, set_up];
            let plain = |answer: &Answer| {
                let text = format!("{} {:?} {}", answer.status, answer.header("location"), answer.text());
                text.replace(&attempt.id.to_string(), "ID")
            };
            seen.push(pages.iter().map(plain).collect::<Vec<_>>());
        }
        assert_eq!(seen[0], seen[1], "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn codes_are_bounded_for_one_account_across_attempts() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.codes = Guesses::new(1, 100);
        let (secret, _) = stage.give_factor(stage.bea).await;
        let (attempt, _) = stage.typed().await;
        for _ in 0..2 {
            let wrong = stage.post(&path::second_step(attempt.id), "code=000000").await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        // Another right password does not forgive wrong codes.
        let (attempt, _) = stage.typed().await;
        let right = format!("code={}", stage.code(&secret));
        let stopped = stage.post(&path::second_step(attempt.id), &right).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS, "{}", stage.world.engine());
        stage.world.advance(2);
        let right = format!("code={}", stage.code(&secret));
        let admitted = stage.post(&path::second_step(attempt.id), &right).await;
        assert!(location(&admitted).contains("answer="), "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn a_member_sets_a_second_factor_up_before_there_is_a_session() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let (op, organization) = (stage.world.operator(), stage.world.organization);
        let set = stage.world.store().write(move |tx| mfa_policy::set(tx, &op, organization, MfaPolicy::Required));
        set.await.unwrap();
        let (attempt, answer) = stage.typed().await;
        let page = stage.get(&location(&answer)).await;
        assert!(page.status == StatusCode::OK && page.text().contains("<svg class=\"qr-code\""));
        let read = |page: &Answer| {
            let spelled = between(page.text(), "Key: <span class=\"written-down\">", "<").replace(' ', "");
            let offer = between(page.text(), "name=\"offer\" value=\"", "\"").to_owned();
            (BASE32_NOPAD.decode(spelled.as_bytes()).unwrap(), offer)
        };
        let (secret, offer) = read(&page);
        let set_up = path::set_up_second_step(attempt.id);
        let wrong = stage.post(&set_up, &format!("code=000000&offer={offer}")).await;
        assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(read(&wrong).0, secret, "the app that has it need not scan again");
        let skipped = stage.post(&path::second_step(attempt.id), &format!("code={}", stage.code(&secret))).await;
        assert_eq!(skipped.status, StatusCode::UNPROCESSABLE_ENTITY, "it counts for nothing yet");
        // What another attempt was offered is nothing here.
        let (other, _) = stage.typed().await;
        let (_, foreign) = read(&stage.get(&path::second_step(other.id)).await);
        let taken = stage.post(&set_up, &format!("code={}&offer={foreign}", stage.code(&secret))).await;
        assert_eq!(location(&taken), path::second_step(attempt.id), "{}", stage.world.engine());
        let done = stage.post(&set_up, &format!("code={}&offer={offer}", stage.code(&secret))).await;
        assert!(done.status == StatusCode::OK && done.text().contains("Keep your recovery codes"), "{}", done.text());
        assert_eq!(done.text().matches("<li class=\"written-down\">").count(), 10);
        let arrival = between(done.text(), "class=\"primary\" href=\"", "\"").to_owned();
        assert!(location(&stage.get(&arrival).await).contains("code=cw_code_"), "{}", stage.world.engine());
        assert_eq!(stage.world.entries("second_factor.added").await.len(), 1);
    }
}

impl Stage {
    /// Two administrators of Acme on the list, each with a password; the owner is the first.
    async fn two_listed(&self) -> [AccountId; 2] {
        let (op, organization, ada) = (self.world.operator(), self.world.organization, self.world.ada);
        let write = self.world.store().write(move |tx| {
            memberships::update_role(tx, ada, organization, "admin", None, op.at)?;
            let owner = memberships::active_in_role(tx, organization, "owner")?[0];
            for account in [owner, ada] {
                break_glass::add(tx, &op, organization, account).unwrap();
            }
            Ok::<_, StoreError>(owner)
        });
        let owner = write.await.unwrap();
        self.give_password(owner, OWNER).await;
        self.give_password(ada, "ada@acme.test").await;
        [owner, ada]
    }

    /// Goes over to another policy of acme.test, as an administrator does.
    async fn go(&self, policy: SsoPolicy) -> Result<(), PolicyChangeError> {
        let (op, organization) = (self.world.operator(), self.world.organization);
        let thresholds = Thresholds { corporate: 75, education: 40 };
        let write = self.world.store().write(move |tx| {
            let domain = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap().1;
            preflight::change(tx, &op, organization, domain, (policy, Some("acme.test")), thresholds).map(drop)
        });
        write.await
    }

    /// Types address and password at once.
    async fn own(&self, address: &str) -> (Attempt, Answer) {
        let attempt = self.attempt().await;
        let own = path::own_credentials(attempt.id);
        assert_eq!(self.get(&own).await.status, StatusCode::OK);
        let answer = self.post(&own, &format!("email={address}&{RIGHT}")).await;
        (attempt, answer)
    }

    /// Signs in by address, password and code, as far as the application.
    async fn break_in(&self, address: &str, secret: &[u8]) -> String {
        let (attempt, answer) = self.own(address).await;
        assert_eq!(location(&answer), path::second_step(attempt.id), "{}", self.world.engine());
        let code = format!("code={}", self.code(secret));
        let arrival = location(&self.post(&path::second_step(attempt.id), &code).await);
        location(&self.get(&arrival).await)
    }
}

/// Decision Q18, end to end: required with two on the list, an ordinary member refused, a listed one in, the alarm raised, and the
/// way back.
#[actix_web::test]
async fn q18_break_glass_signs_in_beside_a_required_identity_provider_and_raises_the_alarm() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let [owner, ada] = stage.two_listed().await;
        let eve = {
            let (op, organization) = (stage.world.op(), stage.world.organization);
            let write = stage.world.store().write(move |tx| {
                let profile = Profile { addresses: vec!["eve@acme.test".parse().unwrap()], ..Profile::default() };
                accounts::create(tx, &op, organization, &profile, Role::Member)
            });
            write.await.unwrap()
        };
        stage.give_password(eve, "eve@acme.test").await;
        let pilots = stage.world.push_group("pilots", &[]).await;
        stage.world.answer(&stage.attempt().await, "ada@acme.test").await;
        stage.go(SsoPolicy::Optional).await.unwrap();
        stage.go(SsoPolicy::Test { group: pilots }).await.unwrap();
        let (secret, _) = stage.give_factor(owner).await;
        let early = stage.go(SsoPolicy::Required).await;
        assert!(matches!(early, Err(PolicyChangeError::NotReady(_))), "{}: one is not enough", stage.world.engine());
        stage.give_factor(ada).await;
        stage.go(SsoPolicy::Required).await.unwrap();

        let attempt = stage.attempt().await;
        assert!(stage.get(&path::email(attempt.id)).await.text().contains(&path::own_credentials(attempt.id)));
        let mut refused = Vec::new();
        let (_, answer) = stage.own("eve@acme.test").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}: her password is right", stage.world.engine());
        for address in ["eve@acme.test", "nobody@acme.test"] {
            let attempt = stage.attempt().await;
            let form = format!("email={address}&password=wrong");
            let answer = stage.post(&path::own_credentials(attempt.id), &form).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{address}");
            refused.push(answer.text().replace(address, "ADDRESS").replace(&attempt.id.to_string(), "ID"));
        }
        assert_eq!(refused[0], refused[1], "whether somebody has a password there is not told");
        let arrived = stage.break_in(OWNER, &secret).await;
        assert!(arrived.contains("code=cw_code_"), "{}: {arrived}", stage.world.engine());
        assert_eq!(stage.world.entries("break_glass.used").await.len(), 1);
        let told = stage.world.store().write(|tx| outbox::oldest_for_update(tx, 100)).await.unwrap();
        assert!(told.iter().any(|row| row.event == "break_glass_used"), "{}", stage.world.engine());

        stage.go(SsoPolicy::Optional).await.unwrap();
        stage.world.advance(30);
        let arrived = stage.break_in(OWNER, &secret).await;
        assert!(arrived.contains("code=cw_code_"), "{}: going back keeps them in", stage.world.engine());
        assert_eq!(stage.world.entries("break_glass.used").await.len(), 1, "nothing was broken");
    }
}

/// RFC 9470: the application asks for several factors, and the person has typed their password before.
#[actix_web::test]
async fn an_application_that_asks_for_more_than_the_session_has_leads_to_the_second_step() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let (secret, _) = stage.give_factor(stage.bea).await;
        let session = stage.session_by_password().await;
        let cookies =
            |session: &str| format!("__Host-causeway-us-attempt={BINDING}; __Host-causeway-us-session={session}");
        let open = async |path: &str, session: &str| {
            send(&stage.context, TestRequest::get().uri(path).insert_header(("Cookie", cookies(session)))).await
        };
        let client = stage.world.application.to_string();
        let query = |acr: &str| {
            let pairs = [
                ("client_id", client.as_str()),
                ("redirect_uri", REDIRECT_URI),
                ("response_type", "code"),
                ("scope", "openid"),
                ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
                ("code_challenge_method", "S256"),
                ("acr_values", acr),
            ];
            let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
            format!("/oauth2/authorize?{query}")
        };
        assert!(location(&open(&query("urn:causeway:acr:password"), &session).await).contains("code="));
        let step = location(&open(&query("urn:causeway:acr:mfa"), &session).await);
        assert!(step.ends_with("/second-step"), "{}: {step}", stage.world.engine());
        // Who has signed out meanwhile does not go on with a code alone.
        let other = stage.session_by_password().await;
        let left = location(&open(&query("urn:causeway:acr:mfa"), &other).await);
        let op = stage.world.op();
        let token = Secret::from(other);
        stage.world.store().write(move |tx| sessions::end_by_token(tx, &op, &token)).await.unwrap();
        let late = stage.post(&left, &format!("code={}", stage.code(&secret))).await;
        assert_eq!(late.status, StatusCode::GONE, "{}", stage.world.engine());
        let arrival = location(&stage.post(&step, &format!("code={}", stage.code(&secret))).await);
        let arrived = open(&arrival, &session).await;
        assert!(location(&arrived).contains("code=cw_code_"), "{}", stage.world.engine());
        let kept = arrived.headers.get_all("set-cookie").map(|line| line.to_str().unwrap().to_owned());
        let stronger = kept.into_iter().find(|line| line.contains("-session=")).unwrap();
        let stronger = stronger.split(['=', ';']).nth(1).unwrap().to_owned();
        let code = location(&arrived).split_once("code=").unwrap().1.split('&').next().unwrap().to_owned();
        let token = stage.redeem(&client, &code).await;
        assert_eq!(
            (&token["acr"], &token["amr"]),
            (&serde_json::json!("urn:causeway:acr:mfa"), &serde_json::json!(["pwd", "otp", "mfa"]))
        );
        assert!(location(&open(&query("urn:causeway:acr:mfa"), &stronger).await).contains("code="));
        let before = location(&open(&query("urn:causeway:acr:password"), &session).await);
        assert!(before.starts_with("/sign-in/"), "{}: the session before is over", stage.world.engine());
    }
}

impl Stage {
    /// A session that Bea made by her password alone, before anybody asked for more.
    async fn session_by_password(&self) -> String {
        let (op, organization, account) = (self.world.op(), self.world.organization, self.bea);
        let limits = self.context.session_limits();
        let write = self.world.store().write(move |tx| {
            let identified = by_password(tx, &op, organization, account)?;
            sessions::start(tx, &op, &identified, limits)
        });
        write.await.unwrap().1.expose().to_owned()
    }

    /// The claims of the ID token that a code is good for.
    async fn redeem(&self, client: &str, code: &str) -> serde_json::Value {
        let pairs = [
            ("grant_type", "authorization_code"),
            ("client_id", client),
            ("code", code),
            ("redirect_uri", REDIRECT_URI),
            ("code_verifier", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
        ];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let answer = self.post("/oauth2/token", &form).await;
        let token = answer.json()["id_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned();
        let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
        serde_json::from_slice(&claims).unwrap()
    }
}

/// What a page asks the browser.
fn options(page: &Answer) -> String {
    between(page.text(), "data-passkey-options=\"", "\"").replace("&#34;", "\"")
}

impl Stage {
    /// The same where members need a second factor.
    async fn set_requiring(world: World) -> Self {
        let stage = Self::set(world).await;
        let (op, organization) = (stage.world.operator(), stage.world.organization);
        let set = stage.world.store().write(move |tx| mfa_policy::set(tx, &op, organization, MfaPolicy::Required));
        set.await.unwrap();
        stage
    }

    /// The notices that were queued for Bea.
    async fn told(&self) -> Vec<String> {
        let now = self.world.op().at;
        let claim = move |tx: &mut Tx<'_>| {
            jobs::claim(tx, jobs::Kinds::Except(&[]), now.plus_seconds(1), now.plus_seconds(600), 100)
        };
        let claimed = self.world.store().write(claim).await.unwrap();
        claimed.into_iter().filter(|row| row.kind == "tell_person").map(|row| row.payload).collect()
    }

    /// Submits what a browser has made.
    async fn answer(&self, attempt: &Attempt, made: &str) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).append_pair("answer", made).finish();
        self.post(&path::set_up_passkey_answer(attempt.id), &form).await
    }

    async fn passkeys(&self) -> i64 {
        let bea = self.bea;
        self.world.store().read(move |tx| passkeys::count(tx, bea)).await.unwrap()
    }
}

/// As on the account page, with the right password of this attempt in the place of a session.
#[actix_web::test]
async fn a_member_makes_a_passkey_instead_and_is_signed_in_by_several_factors() {
    for world in world().await {
        let stage = Stage::set_requiring(world).await;
        let (attempt, answer) = stage.typed().await;
        let before = stage.session_by_password().await;
        let page = stage.get(&location(&answer)).await;
        assert!(page.text().contains(&format!("action=\"{}\"", path::set_up_passkey(attempt.id))), "{}", page.text());
        assert!(page.text().contains("<h2 id=\"scan\">1. Add this account to an authenticator app</h2>"));
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.contains("script-src 'self'"), "{policy}");
        // Without a script the app is all there is.
        let (_, hidden) = page.text().split_once("<section class=\"part\" aria-labelledby=\"by-passkey\"").unwrap();
        assert!(hidden.starts_with(" data-needs-passkeys hidden>"));
        let nameless = stage.post(&path::set_up_passkey(attempt.id), "name=+").await;
        assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(nameless.text().contains("aria-describedby=\"passkey-problem\""), "{}", nameless.text());
        let asked = stage.post(&path::set_up_passkey(attempt.id), "name=My+phone").await;
        assert!(asked.text().contains("Use an authenticator app instead"), "{}", asked.text());
        let mut key = Authenticator::new("key");
        let made = key.make(&options(&asked));
        let done = stage.answer(&attempt, &made).await;
        assert!(done.status == StatusCode::OK && done.text().contains("Keep your recovery codes"), "{}", done.text());
        assert_eq!(done.text().matches("<li class=\"written-down\">").count(), 10);
        let arrival = between(done.text(), "class=\"primary\" href=\"", "\"").to_owned();
        assert!(location(&stage.get(&arrival).await).contains("code=cw_code_"), "{}", stage.world.engine());
        let amr = &stage.world.entries("sign_in.succeeded").await[0]["amr"];
        assert_eq!(*amr, serde_json::json!(["pwd", "hwk", "user", "mfa"]), "{}", stage.world.engine());
        let added = stage.world.entries("second_factor.added").await;
        assert_eq!((added.len(), &added[0]["kind"]), (1, &serde_json::json!("passkey")));
        let told = stage.told().await;
        assert!(told.iter().any(|text| text.contains("passkey_added")), "{told:?}");
        let (op, limits) = (stage.world.op(), stage.context.session_limits());
        let read = move |tx: &mut Tx<'_>| sessions::find_live(tx, &op, &Secret::from(before), limits);
        assert!(stage.world.store().read(read).await.unwrap().is_none(), "what was signed in before is over");
        // From now on it is what is asked for.
        let (attempt, _) = stage.typed().await;
        let asked = stage.post(&path::second_passkey(attempt.id), "").await;
        assert!(asked.text().contains("data-passkey=\"get\""), "{}", asked.text());
        let refused = stage.post(&path::set_up_passkey(attempt.id), "name=Another").await;
        assert_eq!(location(&refused), path::second_step(attempt.id), "nobody adds another by the password alone");
        assert_eq!(stage.passkeys().await, 1, "{}", stage.world.engine());
    }
}

/// The challenge is the leave to add one: it is good once, for what this attempt's browser makes, and while the password stands.
#[actix_web::test]
async fn a_passkey_is_made_after_a_right_password_and_nowhere_else() {
    for world in world().await {
        let stage = Stage::set_requiring(world).await;
        let mut key = Authenticator::new("key");
        let stranger = stage.attempt().await;
        let unasked = stage.post(&path::set_up_passkey(stranger.id), "name=Mine").await;
        assert_eq!(location(&unasked), path::email(stranger.id), "nobody has typed a password");
        let (attempt, _) = stage.typed().await;
        let asked = options(&stage.post(&path::set_up_passkey(attempt.id), "name=Mine").await);
        let made = key.make(&asked);
        let (other, _) = stage.typed().await;
        assert_eq!(stage.answer(&other, &made).await.status, StatusCode::GONE, "{}", stage.world.engine());
        assert_eq!(location(&stage.answer(&stranger, &made).await), path::email(stranger.id));
        key.verifies = false;
        let unverified = key.make(&asked);
        let refused = stage.answer(&attempt, &unverified).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.text());
        assert!(refused.text().contains("cannot be used here") && refused.text().contains("<svg class=\"qr-code\""));
        assert_eq!(stage.answer(&attempt, &made).await.status, StatusCode::GONE, "it was used up");
        assert_eq!(stage.passkeys().await, 0, "{}", stage.world.engine());
        // Whoever ends everything, because the password was stolen, does not do so in vain.
        key.verifies = true;
        let (attempt, _) = stage.typed().await;
        let asked = options(&stage.post(&path::set_up_passkey(attempt.id), "name=Mine").await);
        let (at, bea) = (stage.world.op().at, stage.bea);
        stage.world.store().write(move |tx| account_rows::end_sessions(tx, bea, at)).await.unwrap();
        assert_eq!(stage.answer(&attempt, &key.make(&asked)).await.status, StatusCode::GONE);
        let again = stage.post(&path::set_up_passkey(attempt.id), "name=Mine").await;
        assert_eq!((again.status, stage.passkeys().await), (StatusCode::GONE, 0), "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn a_gateway_that_is_reached_by_an_ip_address_has_an_app_set_up_and_offers_no_passkey() {
    for world in world().await {
        let mut stage = Stage::set_requiring(world).await;
        stage.context.ceremonies = None;
        let (attempt, answer) = stage.typed().await;
        let page = stage.get(&location(&answer)).await;
        assert!(page.text().contains("<svg class=\"qr-code\"") && !page.text().contains("passkey"), "{}", page.text());
        let refused = stage.post(&path::set_up_passkey(attempt.id), "name=Mine").await;
        assert_eq!(refused.status, StatusCode::NOT_FOUND, "{}", stage.world.engine());
    }
}
