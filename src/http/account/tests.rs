use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use data_encoding::BASE32_NOPAD;

use super::path;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::sessions::{self, testing::brought};
use crate::access::testing::{World, by_password, only_letter, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::http::context::Context;
use crate::http::guesses::Guesses;
use crate::http::testing::{Answer, context, send};
use crate::http::throttle::{Rate, Throttle};
use crate::protocol::totp;
use crate::store::accounts as account_rows;
use crate::store::failure::StoreError;
use crate::values::ids::AccountId;
use crate::values::operation::Role;
use crate::values::password::Password;

pub(super) const BEA: &str = "bea@freelance.test";

/// The doors over one world in which Bea is signed in with her password.
pub(super) struct Stage {
    pub(super) world: World,
    context: Context,
    pub(super) bea: AccountId,
    pub(super) session: String,
}

impl Stage {
    pub(super) async fn set(world: World) -> Self {
        let context = context(&world, "https://id.example").await;
        let (op, organization, sealer) = (world.op(), world.organization, context.outside.sealer.clone());
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec![BEA.parse().unwrap()], ..Profile::default() };
            let bea = accounts::create(tx, &op, organization, &profile, Role::Member)?;
            account_rows::mark_verified(tx, bea, BEA, op.at)?;
            let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
            let hash = PasswordHash::of(&Password::typed("correct horse battery"), [7; 16], cost).unwrap();
            passwords::set(tx, &op, &sealer, bea, &hash).unwrap();
            Ok::<_, StoreError>(bea)
        });
        let bea = write.await.unwrap();
        let mut stage = Self { world, context, bea, session: String::new() };
        stage.session = stage.sign_in(bea).await;
        stage
    }

    async fn sign_in(&self, account: AccountId) -> String {
        let (op, organization, limits) = (self.world.op(), self.world.organization, self.context.session_limits());
        let write = self.world.store().write(move |tx| {
            let identified = by_password(tx, &op, organization, account)?;
            sessions::start(tx, &op, &identified, limits)
        });
        write.await.unwrap().1.expose().to_owned()
    }

    /// As [`Stage::sign_in`], through Acme's connection.
    async fn sign_in_by_connection(&self, account: AccountId) -> String {
        let (op, acme) = (self.world.op(), (self.world.organization, self.world.connection));
        let limits = self.context.session_limits();
        let write = self.world.store().write(move |tx| {
            let identified = brought(tx, &op, account, acme)?;
            sessions::start(tx, &op, &identified, limits)
        });
        write.await.unwrap().1.expose().to_owned()
    }

    pub(super) async fn get(&self, path: &str, session: &str) -> Answer {
        let cookie = ("Cookie", format!("__Host-causeway-us-session={session}"));
        send(&self.context, TestRequest::get().uri(path).insert_header(cookie)).await
    }

    pub(super) async fn post(&self, path: &str, form: &str, session: &str) -> Answer {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("__Host-causeway-us-session={session}")))
            .set_payload(form.to_owned());
        send(&self.context, request).await
    }

    /// The same from this network.
    async fn post_from(&self, network: &str, path: &str, form: &str, session: &str) -> Answer {
        let request = TestRequest::post()
            .uri(path)
            .peer_addr(format!("{network}:9").parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("__Host-causeway-us-session={session}")))
            .set_payload(form.to_owned());
        send(&self.context, request).await
    }

    /// What the forms of this session carry.
    pub(super) async fn form_token(&self, session: &str) -> String {
        let page = self.get(path::SECURITY, session).await;
        let (_, rest) = page.text().split_once("name=\"form_token\" value=\"").expect("a form");
        rest.split_once('"').unwrap().0.to_owned()
    }
}

/// A link goes to a confirmed address only, so none is offered that would never come.
#[actix_web::test]
async fn a_link_to_choose_a_password_is_offered_for_a_confirmed_address_only() {
    const DAN: &str = "dan@freelance.test";
    for world in world().await {
        let stage = Stage::set(world).await;
        let (op, organization) = (stage.world.op(), stage.world.organization);
        let write = stage.world.store().write(move |tx| {
            let profile = Profile { addresses: vec![DAN.parse().unwrap()], ..Profile::default() };
            accounts::create(tx, &op, organization, &profile, Role::Member)
        });
        let dan = write.await.unwrap();
        let session = stage.sign_in(dan).await;
        let page = stage.get(path::SECURITY, &session).await;
        assert!(page.text().contains("not confirmed") && page.text().contains("confirm yours above first"));
        assert!(!page.text().contains("Send the link"), "{}: {}", stage.world.engine(), page.text());
        let at = stage.world.op().at;
        stage.world.store().write(move |tx| account_rows::mark_verified(tx, dan, DAN, at)).await.unwrap();
        let page = stage.get(path::SECURITY, &session).await;
        assert!(page.text().contains("Send the link"), "{}: {}", stage.world.engine(), page.text());
    }
}

#[actix_web::test]
async fn account_pages_are_for_who_is_signed_in() {
    for world in world().await {
        let stage = Stage::set(world).await;
        for page in [path::SECURITY, path::SECOND_STEP, path::SESSIONS] {
            assert_eq!(stage.get(page, &stage.session).await.status, StatusCode::OK, "{page}");
            assert_eq!(stage.get(page, "cw_session_nonsense").await.status, StatusCode::FORBIDDEN, "{page}");
        }
        let (op, organization, bea) = (stage.world.operator(), stage.world.organization, stage.bea);
        stage.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, bea)).await.unwrap();
        assert_eq!(
            stage.get(path::SECURITY, &stage.session).await.status,
            StatusCode::FORBIDDEN,
            "{}",
            stage.world.engine()
        );
    }
}

#[actix_web::test]
async fn a_form_whose_encoding_is_broken_changes_nothing() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let form_token = stage.form_token(&stage.session).await;
        let form = format!("form_token={form_token}&current=correct+horse+battery&password=another+horse");
        for broken in ["%ff", "%C3+battery", "%zz"] {
            let form = format!("{form}{broken}");
            assert_eq!(stage.post(path::PASSWORD, &form, &stage.session).await.status, StatusCode::BAD_REQUEST);
            assert_eq!(stage.post("/sign-out", &form, &stage.session).await.status, StatusCode::BAD_REQUEST);
        }
        assert_eq!(stage.get(path::SECURITY, &stage.session).await.status, StatusCode::OK, "{}", stage.world.engine());
        let whole = stage.post(path::PASSWORD, &format!("{form}+battery"), &stage.session).await;
        assert_eq!(whole.status, StatusCode::SEE_OTHER, "the password is the one before: {}", whole.text());
    }
}

#[actix_web::test]
async fn a_form_without_the_token_of_its_session_changes_nothing() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let other = stage.sign_in(stage.bea).await;
        let foreign = stage.form_token(&other).await;
        for form_token in ["", "form_token=", &format!("form_token={foreign}"), "form_token=a&form_token=b"] {
            for page in [
                path::PASSWORD,
                path::ADD_SECOND_STEP,
                path::RENEW_CODES,
                path::REMOVE_SECOND_STEP,
                path::ASK_ADDRESS,
                path::END_SESSION,
                path::END_OTHER_SESSIONS,
            ] {
                let form = format!("{form_token}&current=correct+horse+battery&password=another+horse+battery");
                assert_eq!(stage.post(page, &form, &stage.session).await.status, StatusCode::BAD_REQUEST, "{page}");
            }
        }
        assert_eq!(stage.get(path::SESSIONS, &other).await.status, StatusCode::OK, "{}", stage.world.engine());
        let form = format!("form_token={}", stage.form_token(&stage.session).await);
        assert_eq!(stage.post(path::END_OTHER_SESSIONS, &form, &stage.session).await.status, StatusCode::SEE_OTHER);
        assert_eq!(stage.get(path::SESSIONS, &other).await.status, StatusCode::FORBIDDEN, "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn another_password_needs_the_one_before_and_rotates_the_session() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let other = stage.sign_in(stage.bea).await;
        let token = stage.form_token(&stage.session).await;
        let change = async |current: &str, chosen: &str| {
            let form = format!("form_token={token}&current={current}&password={chosen}");
            stage.post(path::PASSWORD, &form, &stage.session).await
        };
        for (current, chosen, problem) in [
            ("wrong", "another+horse+battery", "The password you have now is not right."),
            ("correct+horse+battery", "short", "Use 8 characters or more."),
            ("correct+horse+battery", "password123", "everybody tries first"),
        ] {
            let page = change(current, chosen).await;
            assert_eq!(page.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(page.text().contains(problem), "{}", page.text());
        }
        let changed = change("correct+horse+battery", "another+horse+battery").await;
        assert_eq!(changed.header("location").as_deref(), Some(path::SECURITY), "{}", changed.text());
        let cookie = changed.header("set-cookie").unwrap();
        let rotated = cookie.split(['=', ';']).nth(1).unwrap();
        assert_ne!(rotated, stage.session);
        assert_eq!(stage.get(path::SECURITY, rotated).await.status, StatusCode::OK);
        for ended in [&stage.session, &other] {
            assert_eq!(
                stage.get(path::SECURITY, ended).await.status,
                StatusCode::FORBIDDEN,
                "{}",
                stage.world.engine()
            );
        }
    }
}

#[actix_web::test]
async fn who_is_signed_in_by_an_organization_has_no_password_here() {
    for world in world().await {
        let stage = Stage::set(world).await;
        stage.world.set_policy(SsoPolicy::Required).await;
        let ada = stage.sign_in_by_connection(stage.world.ada).await;
        let page = stage.get(path::SECURITY, &ada).await;
        assert!(page.text().contains("Acme signs you in") && !page.text().contains("type=\"password\""));
    }
}

#[actix_web::test]
async fn an_address_is_confirmed_by_the_form_behind_its_link_and_not_by_following_it() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let unverified = stage.world.store().write(|tx| account_rows::unverify_domain(tx, "freelance.test", None));
        unverified.await.unwrap();
        let page = stage.get(path::SECURITY, &stage.session).await;
        assert!(page.text().contains("not confirmed"), "{}", page.text());
        let form = format!("form_token={}", stage.form_token(&stage.session).await);
        assert_eq!(stage.post(path::ASK_ADDRESS, &form, &stage.session).await.status, StatusCode::OK);
        let op = stage.world.op();
        let letter = stage.world.store().write(move |tx| Ok::<_, StoreError>(only_letter(tx, &op).unwrap()));
        let link = path::address(letter.await.unwrap().token.expose());
        let is_verified = async || {
            stage.world.store().read(|tx| account_rows::with_verified_address(tx, BEA)).await.unwrap().is_some()
        };
        // Somebody else's browser, to which the link of a mail may come as well, confirms nothing.
        let ada = stage.sign_in(stage.world.ada).await;
        let ada_form = format!("form_token={}", stage.form_token(&ada).await);
        for (form, session) in [("", ""), (&*ada_form, &*ada)] {
            let asked = stage.get(&link, session).await;
            assert!(asked.status == StatusCode::OK && asked.text().contains("Sign in to confirm"), "{}", asked.text());
            assert_eq!(stage.post(&link, form, session).await.status, StatusCode::FORBIDDEN);
        }
        for _ in 0..2 {
            let asked = stage.get(&link, &stage.session).await;
            assert!(asked.status == StatusCode::OK && asked.text().contains("This is my address"));
        }
        assert_eq!(stage.post(&link, "", &stage.session).await.status, StatusCode::BAD_REQUEST, "no form of ours");
        assert!(!is_verified().await, "{}", stage.world.engine());
        assert_eq!(stage.post(&link, &form, &stage.session).await.status, StatusCode::OK);
        assert!(is_verified().await, "{}", stage.world.engine());
        assert_eq!(stage.post(&link, &form, &stage.session).await.status, StatusCode::GONE, "it works once");
        assert_eq!(stage.world.entries("address.verified").await.len(), 1);
    }
}

#[actix_web::test]
async fn a_stolen_session_neither_guesses_the_password_nor_changes_it_again_and_again() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let form =
            format!("form_token={}&current=x&password=another+horse+battery", stage.form_token(&stage.session).await);
        for n in 0..20 {
            let network = format!("203.0.113.{n}");
            let answer = stage.post_from(&network, path::PASSWORD, &form, &stage.session).await;
            assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let stopped = stage.post_from("198.51.100.1", path::PASSWORD, &form, &stage.session).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS, "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn a_network_that_has_submitted_too_much_submits_no_form_of_an_account_either() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.throttles.sign_in = Throttle::new(Rate::per_minute(1));
        assert_eq!(stage.post(path::END_SESSION, "", &stage.session).await.status, StatusCode::BAD_REQUEST);
        assert_eq!(stage.post(path::END_SESSION, "", &stage.session).await.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[actix_web::test]
async fn an_address_gets_so_many_letters_an_hour() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let form = format!("form_token={}", stage.form_token(&stage.session).await);
        for _ in 0..5 {
            assert_eq!(stage.post(path::ASK_ADDRESS, &form, &stage.session).await.status, StatusCode::OK);
        }
        let stopped = stage.post(path::ASK_ADDRESS, &form, &stage.session).await;
        assert_eq!(
            (stopped.status, stopped.header("retry-after").as_deref()),
            (StatusCode::TOO_MANY_REQUESTS, Some("720"))
        );
    }
}

/// Whatever is counted of the codes, the password beside them is not tried more often than elsewhere.
#[actix_web::test]
async fn a_stolen_session_does_not_guess_the_password_at_the_second_step() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.codes = Guesses::new(100, 1_000);
        let form = format!("form_token={}&current=x&code=000000", stage.form_token(&stage.session).await);
        for _ in 0..20 {
            let answer = stage.post(path::REMOVE_SECOND_STEP, &form, &stage.session).await;
            assert_ne!(answer.status, StatusCode::TOO_MANY_REQUESTS);
        }
        let stopped = stage.post(path::REMOVE_SECOND_STEP, &form, &stage.session).await;
        assert_eq!(stopped.status, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[actix_web::test]
async fn a_session_is_ended_from_another_one_of_the_same_person() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let other = stage.sign_in(stage.bea).await;
        let page = stage.get(path::SESSIONS, &stage.session).await;
        let (_, rest) = page.text().split_once("name=\"session\" value=\"").expect("another session");
        let form = format!(
            "form_token={}&session={}",
            stage.form_token(&stage.session).await,
            rest.split_once('"').unwrap().0
        );
        let ended = stage.post(path::END_SESSION, &form, &stage.session).await;
        assert_eq!(ended.header("location").as_deref(), Some(path::SESSIONS));
        assert_eq!(stage.get(path::SESSIONS, &other).await.status, StatusCode::FORBIDDEN, "{}", stage.world.engine());
        assert_eq!(stage.get(path::SESSIONS, &stage.session).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn a_session_that_is_used_does_not_become_idle() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let idle = stage.context.session_limits().idle_seconds;
        for seconds in [idle - 60, 120] {
            stage.world.advance(seconds);
            let answer = stage.get(path::SECURITY, &stage.session).await;
            assert_eq!(answer.status, StatusCode::OK, "{}", stage.world.engine());
        }
        stage.world.advance(idle);
        assert_eq!(stage.get(path::SECURITY, &stage.session).await.status, StatusCode::FORBIDDEN);
    }
}

/// What an app makes of the key that a page shows, and the offer that the page carries.
fn shown(page: &Answer) -> (Vec<u8>, String) {
    let between = |before: &str, after: &str| {
        let (_, rest) = page.text().split_once(before).unwrap_or_else(|| panic!("no {before} in {}", page.text()));
        rest.split_once(after).unwrap().0.to_owned()
    };
    let key = between("Key: <span class=\"written-down\">", "<").replace(' ', "");
    (BASE32_NOPAD.decode(key.as_bytes()).unwrap(), between("name=\"offer\" value=\"", "\""))
}

/// The session cookie that an answer sets.
fn session_of(answer: &Answer) -> String {
    let cookie = answer.header("set-cookie").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
    cookie.split(['=', ';']).nth(1).unwrap().to_owned()
}

impl Stage {
    fn code(&self, secret: &[u8]) -> String {
        totp::code(secret, totp::step_at(self.world.op().at))
    }

    /// Adds an app in the session; the answer, and the app's secret.
    async fn add(&self, session: &str, password: &str) -> (Answer, Vec<u8>) {
        let (secret, offer) = shown(&self.get(path::SECOND_STEP, session).await);
        let (token, code) = (self.form_token(session).await, self.code(&secret));
        let form = format!("form_token={token}&offer={offer}&code={code}&current={password}");
        (self.post(path::ADD_SECOND_STEP, &form, session).await, secret)
    }
}

#[actix_web::test]
async fn a_second_step_is_added_by_password_and_code_and_ends_everything_else() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let other = stage.sign_in(stage.bea).await;
        let page = stage.get(path::SECURITY, &stage.session).await;
        assert!(page.text().contains("Your password alone lets you in"), "{}", page.text());
        let (refused, _) = stage.add(&stage.session, "wrong").await;
        assert!(refused.status == StatusCode::UNPROCESSABLE_ENTITY && refused.text().contains("password is not right"));
        let (secret, offer) = shown(&stage.get(path::SECOND_STEP, &stage.session).await);
        let token = stage.form_token(&stage.session).await;
        for code in ["000000", ""] {
            let form = format!("form_token={token}&offer={offer}&code={code}&current=correct+horse+battery");
            let refused = stage.post(path::ADD_SECOND_STEP, &form, &stage.session).await;
            assert_eq!((refused.status, shown(&refused).0), (StatusCode::UNPROCESSABLE_ENTITY, secret.clone()));
        }
        // What was offered in another session is nothing in this one.
        let (theirs, offer) = shown(&stage.get(path::SECOND_STEP, &other).await);
        let code = stage.code(&theirs);
        let form = format!("form_token={token}&offer={offer}&code={code}&current=correct+horse+battery");
        let refused = stage.post(path::ADD_SECOND_STEP, &form, &stage.session).await;
        assert_eq!(refused.header("location").as_deref(), Some(path::SECOND_STEP), "{}", stage.world.engine());

        let (added, _) = stage.add(&stage.session, "correct+horse+battery").await;
        assert_eq!(added.status, StatusCode::OK, "{}", added.text());
        assert_eq!(added.text().matches("<li class=\"written-down\">").count(), 10);
        assert_eq!(added.header("cache-control").as_deref(), Some("no-store"));
        let rotated = session_of(&added);
        for ended in [&stage.session, &other] {
            assert_eq!(stage.get(path::SECURITY, ended).await.status, StatusCode::FORBIDDEN);
        }
        let page = stage.get(path::SECOND_STEP, &rotated).await;
        assert!(page.text().contains("10 recovery codes left"), "{}: {}", stage.world.engine(), page.text());
        assert!(!page.text().contains("written-down"), "the codes are shown once");
    }
}

#[actix_web::test]
async fn a_second_step_is_changed_and_removed_by_password_and_code_only() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.codes = Guesses::new(100, 1_000);
        let (added, secret) = stage.add(&stage.session, "correct+horse+battery").await;
        let session = session_of(&added);
        let (_, rest) = added.text().split_once("<li class=\"written-down\">").unwrap();
        let recovery_code = rest.split_once('<').unwrap().0.to_owned();
        let token = stage.form_token(&session).await;
        let change = async |path: &str, current: &str, code: &str| {
            stage.post(path, &format!("form_token={token}&current={current}&code={code}"), &session).await
        };
        for (current, code) in [
            ("wrong", stage.code(&secret)),
            ("correct+horse+battery", stage.code(&secret)),
            ("wrong", recovery_code.clone()),
        ] {
            for form in [path::RENEW_CODES, path::REMOVE_SECOND_STEP] {
                let refused = change(form, current, &code).await;
                assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{form}: the code was used to add it");
            }
        }
        // A wrong code is counted, although nothing else is kept of it: there were two above.
        for form in [path::REMOVE_SECOND_STEP, path::RENEW_CODES, path::REMOVE_SECOND_STEP] {
            change(form, "correct+horse+battery", "000000").await;
        }
        assert_eq!(stage.world.entries("second_factor.guessed").await.len(), 1, "{}", stage.world.engine());
        stage.world.advance(30);
        let renewed = change(path::RENEW_CODES, "correct+horse+battery", &stage.code(&secret)).await;
        assert_eq!(renewed.text().matches("<li class=\"written-down\">").count(), 10, "{}", renewed.text());
        let stale = change(path::REMOVE_SECOND_STEP, "correct+horse+battery", &recovery_code).await;
        assert_eq!(stale.status, StatusCode::UNPROCESSABLE_ENTITY, "{}: it was replaced", stage.world.engine());
        stage.world.advance(30);
        let removed = change(path::REMOVE_SECOND_STEP, "correct+horse+battery", &stage.code(&secret)).await;
        assert_eq!(removed.header("location").as_deref(), Some(path::SECURITY), "{}", removed.text());
        assert_eq!(stage.get(path::SECURITY, &session).await.status, StatusCode::FORBIDDEN);
        let page = stage.get(path::SECURITY, &session_of(&removed)).await;
        assert!(page.text().contains("Your password alone lets you in"), "{}", stage.world.engine());
        let actions = ["second_factor.added", "recovery_codes.made", "second_factor.removed"];
        for action in actions {
            assert_eq!(stage.world.entries(action).await.len(), 1, "{action}");
        }
    }
}

#[actix_web::test]
async fn who_is_signed_in_by_an_organization_has_no_second_step_here() {
    for world in world().await {
        let stage = Stage::set(world).await;
        stage.world.set_policy(SsoPolicy::Required).await;
        let ada = stage.sign_in_by_connection(stage.world.ada).await;
        let page = stage.get(path::SECOND_STEP, &ada).await;
        assert_eq!(page.header("location").as_deref(), Some(path::SECURITY), "{}", stage.world.engine());
        assert!(!stage.get(path::SECURITY, &ada).await.text().contains("Second step"));
    }
}
