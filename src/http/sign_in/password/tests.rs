use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use crate::access::attempts::Attempt;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::testing::{REDIRECT_URI, World, world};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::directory::{accounts, connections};
use crate::http::context::Context;
use crate::http::guesses::Guesses;
use crate::http::sign_in::path;
use crate::http::testing::{Answer, context, send};
use crate::http::throttle::{Rate, Throttle};
use crate::store::accounts::{self as account_rows, AddressRow};
use crate::store::failure::StoreError;
use crate::store::jobs;
use crate::store::scratch::{Tally, Work};
use crate::values::ids::{AccountId, ConnectionId};
use crate::values::operation::Role;
use crate::values::password::Password;
use crate::values::secret::Secret;

const BEA: &str = "bea@freelance.test";
const BINDING: &str = "cw_browser_of_bea";
const RIGHT: &str = "correct+horse+battery";
const ADA: &str = "ada@acme.test";

/// The doors over one world in which Bea has a password.
struct Stage {
    world: World,
    context: Context,
    bea: AccountId,
}

impl Stage {
    async fn set(world: World) -> Self {
        let context = context(&world, "https://id.example").await;
        let (op, organization, sealer) = (world.op(), world.organization, context.outside.sealer.clone());
        let write = world.store().write(move |tx| {
            let profile = Profile { addresses: vec![BEA.parse().unwrap()], ..Profile::default() };
            let bea = accounts::create(tx, &op, organization, &profile, Role::Member)?;
            account_rows::mark_verified(tx, bea, BEA, op.at)?;
            // At another cost than today's, so that the sign-in moves it to that of today.
            let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
            let hash = PasswordHash::of(&Password::typed("correct horse battery"), [7; 16], cost).unwrap();
            passwords::set(tx, &op, &sealer, bea, &hash).unwrap();
            Ok::<_, StoreError>(bea)
        });
        let bea = write.await.unwrap();
        Self { world, context, bea }
    }

    async fn post(&self, path: &str, form: &str, cookies: &str) -> Answer {
        self.post_from("192.0.2.7", path, form, cookies).await
    }

    async fn post_from(&self, network: &str, path: &str, form: &str, cookies: &str) -> Answer {
        let request = TestRequest::post()
            .uri(path)
            .peer_addr(format!("{network}:9").parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("__Host-causeway-us-attempt={BINDING}{cookies}")))
            .set_payload(form.to_owned());
        send(&self.context, request).await
    }

    async fn get(&self, path: &str, cookies: &str) -> Answer {
        let cookies = format!("__Host-causeway-us-attempt={BINDING}{cookies}");
        send(&self.context, TestRequest::get().uri(path).insert_header(("Cookie", cookies))).await
    }

    /// A fresh attempt in which this address was typed.
    async fn typed(&self, address: &str) -> (Attempt, Answer) {
        let attempt = self.world.start_attempt(&Secret::from(BINDING.to_owned())).await;
        let form = format!("email={}", address.replace('@', "%40"));
        let answer = self.post(&path::submit_email(attempt.id), &form, "").await;
        (attempt, answer)
    }

    /// The same for an address that may lead to a provider, which is not there: the page, or what else came.
    async fn typed_in_vain(&self, address: &str) -> (Attempt, Answer) {
        self.world.connect_to("http://127.0.0.1:1").await;
        self.typed(address).await
    }

    async fn disable(&self, connection: ConnectionId) {
        let (op, organization) = (self.world.operator(), self.world.organization);
        let disable = self.world.store().write(move |tx| connections::disable(tx, &op, organization, connection));
        disable.await.unwrap();
    }

    /// Address and password, with these cookies beside the attempt's.
    async fn submit(&self, address: &str, password: &str, cookies: &str) -> (Attempt, Answer) {
        let (attempt, _) = self.typed(address).await;
        let answer = self.post(&path::password(attempt.id), &format!("password={password}"), cookies).await;
        (attempt, answer)
    }

    /// The whole sign-in: the answer that goes to the application.
    async fn sign_in(&self, cookies: &str) -> Answer {
        let (_, answer) = self.submit(BEA, RIGHT, cookies).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text());
        self.get(&answer.header("location").unwrap(), cookies).await
    }

    /// The notices that were queued for Bea.
    async fn told(&self) -> Vec<String> {
        let now = self.world.op().at;
        let claim = move |tx: &mut crate::store::Tx<'_>| {
            jobs::claim(tx, jobs::Kinds::Except(&[]), now.plus_seconds(1), now.plus_seconds(600), 100)
        };
        let claimed = self.world.store().write(claim).await.unwrap();
        let payloads = claimed.into_iter().filter(|row| row.kind == "tell_person").map(|row| row.payload);
        payloads.filter(|text| text.contains(&self.bea.to_string())).collect()
    }
}

/// The value of a cookie that was set, as a further cookie of a request.
fn cookie(answer: &Answer, name: &str) -> String {
    let lines = answer.headers.get_all("set-cookie").map(|line| line.to_str().unwrap().to_owned());
    let found = lines.into_iter().find(|line| line.contains(name)).unwrap_or_else(|| panic!("no {name}"));
    format!("; {}", found.split(';').next().unwrap())
}

/// What a page says, without what differs in each.
fn without_ids(answer: &Answer, attempt: &Attempt, address: &str) -> String {
    answer.text().replace(&attempt.id.to_string(), "ID").replace(address, "ADDRESS")
}

#[actix_web::test]
async fn a_right_password_leads_to_the_application_with_a_session_and_is_kept_at_the_cost_of_today() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let (attempt, asked) = stage.typed(BEA).await;
        assert_eq!(asked.header("location"), Some(path::password(attempt.id)));
        let page = stage.get(&path::password(attempt.id), "").await;
        assert!(page.status == StatusCode::OK && page.text().contains("autocomplete=\"current-password\""));
        for page in [page, stage.get(&path::own_credentials(attempt.id), "").await] {
            let policy = page.header("content-security-policy").unwrap();
            assert!(policy.contains("form-action 'self';"), "where a password is typed no form leads away: {policy}");
        }
        let arrived = stage.sign_in("").await;
        assert_eq!(arrived.header("location"), None, "a form's redirects end at the gateway (decision 0035)");
        let location = arrived.leads_to().unwrap();
        assert!(location.starts_with(&format!("{REDIRECT_URI}?")) && location.contains("code=cw_code_"), "{location}");
        assert!(cookie(&arrived, "-session=").contains("__Host-causeway-us-session=cw_session_"));
        let lines: Vec<_> = arrived.headers.get_all("set-cookie").map(|line| line.to_str().unwrap()).collect();
        let device = lines.iter().find(|line| line.contains("-device=")).unwrap();
        assert!(device.contains("Max-Age=34560000; Path=/; HttpOnly; SameSite=Lax; Secure"), "{device}");
        let (sealer, bea, cost) =
            (stage.context.outside.sealer.clone(), stage.bea, stage.context.config.passwords.memory_kib);
        let kept = stage.world.store().read(move |tx| passwords::find(tx, &sealer, bea)).await.unwrap().unwrap();
        assert!(kept.hash.has_cost(Cost { memory_kib: cost, passes: 1, lanes: 1 }), "{}", stage.world.engine());
        assert_eq!(stage.world.entries("sign_in.succeeded").await[0]["amr"], serde_json::json!(["pwd"]));
    }
}

/// Decision Q26: nothing tells a known address from an unknown one.
#[actix_web::test]
async fn a_wrong_password_and_an_address_of_nobody_get_the_same_answer() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let mut answers = Vec::new();
        for address in [BEA, "nobody@freelance.test"] {
            let (attempt, asked) = stage.typed(address).await;
            let page = stage.get(&path::password(attempt.id), "").await;
            let wrong = stage.post(&path::password(attempt.id), "password=wrong", "").await;
            assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
            assert!(wrong.text().contains("role=\"alert\"") && wrong.header("set-cookie").is_none());
            answers.push((
                asked.status,
                without_ids(&page, &attempt, address),
                without_ids(&wrong, &attempt, address),
                stage
                    .post("/password/forgotten", &format!("email={address}"), "")
                    .await
                    .text()
                    .replace(address, "ADDRESS"),
            ));
        }
        assert_eq!(answers[0], answers[1], "{}", stage.world.engine());
    }
}

/// What a door did for an address: what it answered, and what it cost.
#[derive(Debug, PartialEq, Eq)]
struct Served {
    status: StatusCode,
    headers: Vec<(String, String)>,
    text: String,
    work: Work,
    compared: usize,
}

impl Stage {
    fn served(&self, answer: &Answer, names: &[&str], tally: &Tally) -> Served {
        let request = answer.header("x-request-id").unwrap();
        let names = || names.iter().copied().chain([request.as_str()]);
        let plain = |text: &str| names().fold(text.to_owned(), |text, name| text.replace(name, "NAME"));
        let header = |name: &str, value: &str| (name.to_owned(), plain(value));
        let headers = answer.headers.iter().filter(|(name, _)| name.as_str() != "x-request-id");
        Served {
            status: answer.status,
            headers: headers.map(|(name, value)| header(name.as_str(), value.to_str().unwrap())).collect(),
            text: plain(answer.text()),
            work: tally.take(),
            compared: self.context.passwords.compared.swap(0, std::sync::atomic::Ordering::Relaxed),
        }
    }

    /// One that is worth what the policy of her organization's domain leaves of it.
    async fn give_ada_a_password(&self) {
        let (op, ada, sealer) = (self.world.op(), self.world.ada, self.context.outside.sealer.clone());
        let write = self.world.store().write(move |tx| {
            account_rows::mark_verified(tx, ada, ADA, op.at)?;
            let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
            let hash = PasswordHash::of(&Password::typed("correct horse battery"), [8; 16], cost).unwrap();
            passwords::set(tx, &op, &sealer, ada, &hash).unwrap();
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
    }

    /// Everything that somebody without a secret can ask about an address, one door after the other.
    async fn probe(&self, address: &str, tally: &Tally, device: &str) -> Vec<Served> {
        let attempt = self.world.start_attempt(&Secret::from(BINDING.to_owned())).await;
        let (id, typed) = (attempt.id.to_string(), address.replace('@', "%40"));
        let names = [id.as_str(), address, typed.as_str()];
        let mut served = Vec::new();
        tally.take();
        for (path, form) in [
            (path::submit_email(attempt.id), Some(format!("email={typed}"))),
            (path::submit_choice(attempt.id), Some("connection=01890a5d-ac96-774b-bcce-b302099a8057".to_owned())),
            (path::password(attempt.id), None),
            (path::password(attempt.id), Some("password=wrong".to_owned())),
            (path::second_step(attempt.id), None),
            (path::own_credentials(attempt.id), Some(format!("email={typed}&password=wrong"))),
            (path::FORGOTTEN.to_owned(), Some(format!("email={typed}"))),
        ] {
            let answer = match form {
                Some(form) => self.post(&path, &form, device).await,
                None => self.get(&path, device).await,
            };
            served.push(self.served(&answer, &names, tally));
        }
        served
    }
}

/// Identical answers for the same work: what is asked of the store, and how many passwords are compared, by the count and not
/// by the clock. Under each policy, for somebody whom it tests as well, and with several connections, one and none.
#[actix_web::test]
async fn whether_an_address_is_known_changes_neither_an_answer_nor_the_work_for_it() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let (store, tally) = stage.world.store().counted();
        stage.context.store = store;
        stage.context.guesses = Guesses::new(1_000, 1_000);
        stage.context.throttles.mails = Throttle::new(Rate::per_minute(1_000));
        stage.context.throttles.sign_in = Throttle::new(Rate::per_minute(1_000));
        stage.world.connect_to("http://127.0.0.1:1").await;
        stage.give_ada_a_password().await;
        let user = stage.world.push_user(ADA).await;
        let group = stage.world.push_group("pilots", &[user]).await;
        for device in ["", "; __Host-causeway-us-device=cw_device_of_somebody"] {
            stage.is_probed_in_vain([BEA, "nobody@freelance.test"], device, &tally).await;
        }
        let policies = [SsoPolicy::Off, SsoPolicy::Optional, SsoPolicy::Test { group }, SsoPolicy::Required];
        for gone in [None, Some(stage.world.other_connection), Some(stage.world.connection)] {
            stage.world.set_policy(SsoPolicy::Off).await;
            if let Some(connection) = gone {
                stage.disable(connection).await;
            }
            for policy in policies {
                stage.world.set_policy(policy).await;
                stage.is_probed_in_vain([ADA, "nobody@acme.test"], "", &tally).await;
            }
        }
    }
}

impl Stage {
    /// Each door does the same for somebody and for nobody.
    async fn is_probed_in_vain(&self, [known, unknown]: [&str; 2], device: &str, tally: &Tally) {
        let unknown = self.probe(unknown, tally, device).await;
        let known = self.probe(known, tally, device).await;
        assert_eq!(known, unknown, "{} {device}", self.world.engine());
        assert_eq!(known.iter().map(|served| served.work.writes).max(), Some(1), "{known:#?}");
        assert!(known.iter().all(|served| served.work.queries > 0), "{known:#?}");
        let compared: Vec<_> = known.iter().map(|served| served.compared).collect();
        let has_password_page = known[2].status == StatusCode::OK;
        assert_eq!(compared, [0, 0, 0, usize::from(has_password_page), 0, 1, 0], "{}", self.world.engine());
    }
}

/// Who may not use their password learns it neither by an answer nor by the work.
#[actix_web::test]
async fn a_password_that_may_not_be_used_is_wrong_like_any_other() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let (store, tally) = stage.world.store().counted();
        stage.context.store = store;
        let wrong = stage.probe(BEA, &tally, "").await;
        let (op, organization, bea) = (stage.world.operator(), stage.world.organization, stage.bea);
        stage.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, bea)).await.unwrap();
        assert_eq!(stage.probe(BEA, &tally, "").await, wrong, "{}", stage.world.engine());
        let (attempt, answer) = stage.submit(BEA, RIGHT, "").await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stage.world.engine());
        assert!(without_ids(&answer, &attempt, BEA).contains("is not right"));
    }
}

#[actix_web::test]
async fn a_form_that_sends_a_password_twice_or_none_is_malformed() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let (attempt, _) = stage.typed(BEA).await;
        for form in ["", "password=a&password=correct+horse+battery", "password[]=correct+horse+battery"] {
            let answer = stage.post(&path::password(attempt.id), form, "").await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
        }
        // GitLab, CVE-2023-7028: a link is sent to one address.
        for form in ["email=bea%40freelance.test&email=eve%40evil.test", "email[]=bea%40freelance.test", ""] {
            let answer = stage.post("/password/forgotten", form, "").await;
            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{form}");
        }
        let both = stage.post("/password/forgotten", "email=bea%40freelance.test%2Ceve%40evil.test", "").await;
        assert_eq!(both.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
}

#[actix_web::test]
async fn e27_an_address_whose_domain_requires_single_sign_on_has_no_password_page() {
    for world in world().await {
        let stage = Stage::set(world).await;
        stage.world.set_policy(SsoPolicy::Required).await;
        let (attempt, answer) = stage.typed(ADA).await;
        assert!(answer.text().contains("Choose how to sign in"));
        let page = stage.get(&path::password(attempt.id), "").await;
        assert_eq!(page.header("location"), Some(path::email(attempt.id)));
        let page = stage.post(&path::password(attempt.id), "password=x", "").await;
        assert_eq!(page.header("location"), Some(path::email(attempt.id)));
    }
}

/// Through the choice page where it is offered, and through the page that takes address and password at once under every policy.
#[actix_web::test]
async fn e18_e28_a_person_of_the_domain_signs_in_by_password_unless_single_sign_on_is_asked_of_them() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.guesses = Guesses::new(100, 100);
        stage.give_ada_a_password().await;
        let user = stage.world.push_user(ADA).await;
        let pilots = stage.world.push_group("pilots", &[user]).await;
        let others = stage.world.push_group("others", &[]).await;
        stage.disable(stage.world.other_connection).await;
        for (policy, is_good) in [
            (SsoPolicy::Off, true),
            (SsoPolicy::Optional, true),
            (SsoPolicy::Test { group: others }, true),
            (SsoPolicy::Test { group: pilots }, false),
            (SsoPolicy::Required, false),
        ] {
            stage.world.set_policy(policy).await;
            let case = format!("{}: {policy:?}", stage.world.engine());
            let (attempt, page) = stage.typed_in_vain(ADA).await;
            let is_chosen = matches!(policy, SsoPolicy::Optional | SsoPolicy::Test { .. });
            let link = format!("<a class=\"way\" href=\"{}\">", path::password(attempt.id));
            assert_eq!(page.text().contains(&link), is_chosen, "{case}: {}", page.text());
            let form = format!("password={RIGHT}");
            let mut doors = vec![(path::own_credentials(attempt.id), format!("email=ada%40acme.test&{form}"))];
            if is_chosen {
                doors.push((path::password(attempt.id), form));
            }
            for (door, form) in doors.into_iter().rev() {
                let answer = stage.post(&door, &form, "").await;
                if is_good {
                    let arrived = answer.header("location").unwrap_or_else(|| panic!("{case}: {}", answer.text()));
                    assert!(arrived.contains("/continue?answer="), "{case}: {arrived}");
                    break;
                }
                assert_eq!(answer.status, StatusCode::FORBIDDEN, "{case}: {}", answer.text());
                assert!(answer.text().contains("Acme wants you to use its own sign-in"), "{case}: {}", answer.text());
                let (_, onward) = answer.text().split_once("<form method=\"post\" action=\"").unwrap();
                assert!(onward.starts_with(&path::submit_email(attempt.id)), "{case}: {onward}");
                assert!(onward.contains("name=\"email\" value=\"ada@acme.test\""), "{case}: {onward}");
                assert!(answer.header("content-security-policy").unwrap().contains("form-action 'self' https:"));
            }
        }
    }
}

/// The address that was typed leads to a password page, which would ask for the same password again.
#[actix_web::test]
async fn who_is_asked_for_single_sign_on_under_another_address_is_led_to_type_that_one() {
    for world in world().await {
        let stage = Stage::set(world).await;
        stage.world.set_policy(SsoPolicy::Required).await;
        let bea = stage.bea;
        let write = stage.world.store().write(move |tx| {
            let row = account_rows::addresses(tx, bea)?.remove(0);
            let other = AddressRow { address: "bea@acme.test".to_owned(), is_primary: false, ..row };
            account_rows::insert_address(tx, &other)
        });
        write.await.unwrap();
        let (attempt, answer) = stage.submit(BEA, RIGHT, "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}: {}", stage.world.engine(), answer.text());
        assert!(answer.text().contains(&format!("href=\"{}\"", path::email(attempt.id))), "{}", answer.text());
        assert!(!answer.text().contains("<form") && !answer.text().contains("bea@acme.test"), "{}", answer.text());
    }
}

#[actix_web::test]
async fn who_guesses_waits_and_the_person_in_their_own_browser_does_not() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.guesses = Guesses::new(1, 3);
        let device = cookie(&stage.sign_in("").await, "-device=");
        for n in 0..2 {
            let (attempt, _) = stage.typed(BEA).await;
            let guess = stage.post_from(&format!("203.0.113.{n}"), &path::password(attempt.id), "password=x", "").await;
            assert_eq!(guess.status, StatusCode::UNPROCESSABLE_ENTITY);
        }
        let (attempt, _) = stage.typed(BEA).await;
        let right = format!("password={RIGHT}");
        let stopped = stage.post_from("203.0.113.9", &path::password(attempt.id), &right, "").await;
        assert_eq!(
            (stopped.status, stopped.header("retry-after").as_deref()),
            (StatusCode::TOO_MANY_REQUESTS, Some("1200"))
        );
        assert!(stage.sign_in(&device).await.leads_to().unwrap().contains("code="), "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn a_sign_in_in_another_browser_is_told_once_and_the_first_of_all_is_not() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let device = cookie(&stage.sign_in("").await, "-device=");
        assert_eq!(cookie(&stage.sign_in(&device).await, "-device="), device);
        assert_eq!(stage.told().await, Vec::<String>::new());
        stage.sign_in("").await;
        let told = stage.told().await;
        assert!(told.len() == 1 && told[0].contains("unknown_device"), "{}: {told:?}", stage.world.engine());
    }
}
