use actix_web::http::StatusCode;
use actix_web::test::TestRequest;

use crate::access::passkeys::testing::{Authenticator, GATEWAY};
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::sessions;
use crate::access::testing::{World, by_password, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::http::account::path;
use crate::http::context::Context;
use crate::http::testing::{Answer, context, send};
use crate::protocol::totp;
use crate::store::failure::StoreError;
use crate::store::{accounts as account_rows, passkeys as rows};
use crate::values::ids::AccountId;
use crate::values::operation::Role;
use crate::values::password::Password;
use data_encoding::BASE32_NOPAD;

const BEA: &str = "bea@freelance.test";
const PASSWORD: (&str, &str) = ("current", "correct horse battery");

/// The doors over one world in which Bea is signed in with her password.
struct Stage {
    world: World,
    context: Context,
    bea: AccountId,
    session: String,
}

impl Stage {
    async fn set(world: World) -> Self {
        let context = context(&world, GATEWAY).await;
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
        stage.session = stage.sign_in().await;
        stage
    }

    async fn sign_in(&self) -> String {
        let (op, organization, limits) = (self.world.op(), self.world.organization, self.context.session_limits());
        let bea = self.bea;
        let write = self.world.store().write(move |tx| {
            let identified = by_password(tx, &op, organization, bea)?;
            sessions::start(tx, &op, &identified, limits)
        });
        write.await.unwrap().1.expose().to_owned()
    }

    async fn get(&self, path: &str) -> Answer {
        let cookie = ("Cookie", format!("__Host-causeway-us-session={}", self.session));
        send(&self.context, TestRequest::get().uri(path).insert_header(cookie)).await
    }

    /// Submits a form of the session.
    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let token = between(self.get(path::SECURITY).await.text(), "name=\"form_token\" value=\"").to_owned();
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let form = form.append_pair("form_token", &token).extend_pairs(pairs).finish();
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("__Host-causeway-us-session={}", self.session)))
            .set_payload(form);
        send(&self.context, request).await
    }

    /// Goes on with the session that an answer has set.
    fn go_on(&mut self, answer: &Answer) {
        let set = answer.header("set-cookie").unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()));
        self.session = set.split(['=', ';']).nth(1).unwrap().to_owned();
    }

    /// Adds a passkey, proved by these.
    async fn add(&mut self, key: &mut Authenticator, proof: &[(&str, &str)]) -> Answer {
        let pairs = [&[("name", "My phone")], proof].concat();
        let asked = self.post(path::ADD_PASSKEY, &pairs).await;
        let made = key.make(&options(&asked));
        let added = self.post(path::CREATE_PASSKEY, &[("answer", &made)]).await;
        self.go_on(&added);
        added
    }

    /// What proves by this passkey who is there.
    async fn proof(&self, key: &Authenticator) -> String {
        key.answer(&options(&self.get(path::PASSKEYS).await))
    }

    async fn count(&self) -> i64 {
        let bea = self.bea;
        self.world.store().read(move |tx| rows::count(tx, bea)).await.unwrap()
    }
}

fn between<'a>(page: &'a str, before: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split_once('"').unwrap().0
}

/// What a page asks the browser.
fn options(page: &Answer) -> String {
    between(page.text(), "data-passkey-options=\"").replace("&#34;", "\"")
}

#[actix_web::test]
async fn a_passkey_is_added_by_the_password_and_shows_recovery_codes_once() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        assert!(stage.get(path::SECURITY).await.text().contains("Add a passkey"));
        let mut key = Authenticator::new("key");
        let wrong = stage.post(path::ADD_PASSKEY, &[("name", "My phone"), ("current", "wrong")]).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text().contains("value=\"My phone\""));
        let nameless = stage.post(path::ADD_PASSKEY, &[("name", " "), PASSWORD]).await;
        assert_eq!(nameless.status, StatusCode::UNPROCESSABLE_ENTITY);
        let before = stage.session.clone();
        let added = stage.add(&mut key, &[PASSWORD]).await;
        assert_eq!(added.text().matches("<li class=\"written-down\">").count(), 10, "{}", stage.world.engine());
        let page = stage.get(path::PASSKEYS).await;
        assert!(page.text().contains("My phone") && page.text().contains("10 codes left"), "{}", page.text());
        let now = std::mem::replace(&mut stage.session, before);
        assert_eq!(stage.get(path::PASSKEYS).await.status, StatusCode::FORBIDDEN, "what was signed in is over");
        stage.session = now;
        let id = between(page.text(), "name=\"passkey\" value=\"").to_owned();
        let renamed = stage.post(path::RENAME_PASSKEY, &[("passkey", &id), ("name", "<b>Old phone")]).await;
        assert_eq!(renamed.header("location").as_deref(), Some(path::PASSKEYS));
        assert!(stage.get(path::PASSKEYS).await.text().contains("&#60;b&#62;Old phone"));
    }
}

/// The challenge is the leave to add one: a session alone does not get it, and it is good once and for its own session.
#[actix_web::test]
async fn a_stolen_session_adds_and_removes_no_passkey() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let mut key = Authenticator::new("key");
        let made = key
            .make("{\"publicKey\":{\"challenge\":\"AAAA\",\"rp\":{\"id\":\"id.example\"},\"user\":{\"id\":\"AAAA\"}}}");
        let unasked = stage.post(path::CREATE_PASSKEY, &[("answer", &made)]).await;
        assert_eq!(unasked.header("location").as_deref(), Some(path::PASSKEYS), "{}", unasked.text());
        let asked = stage.post(path::ADD_PASSKEY, &[("name", "Mine"), PASSWORD]).await;
        let made = key.make(&options(&asked));
        let other = stage.sign_in().await;
        let own = std::mem::replace(&mut stage.session, other);
        let elsewhere = stage.post(path::CREATE_PASSKEY, &[("answer", &made)]).await;
        assert_eq!(elsewhere.header("location").as_deref(), Some(path::PASSKEYS));
        assert_eq!(stage.count().await, 0, "{}: another session's", stage.world.engine());
        stage.session = own;
        let wrong = key.make(&options(&asked).replace("challenge\":\"", "challenge\":\"AA"));
        let refused = stage.post(path::CREATE_PASSKEY, &[("answer", &wrong)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        stage.post(path::CREATE_PASSKEY, &[("answer", &made)]).await;
        assert_eq!(stage.count().await, 0, "{}: it was used up", stage.world.engine());

        stage.add(&mut key, &[PASSWORD]).await;
        let id = between(stage.get(path::PASSKEYS).await.text(), "name=\"passkey\" value=\"").to_owned();
        for proof in [&[PASSWORD][..], &[PASSWORD, ("code", "000000")], &[("current", "wrong"), ("code", "000000")]] {
            let kept = stage.post(path::REMOVE_PASSKEY, &[&[("passkey", id.as_str())], proof].concat()).await;
            assert_eq!(kept.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stage.world.engine());
            let none = stage.post(path::ADD_PASSKEY, &[&[("name", "Mine")], proof].concat()).await;
            assert_eq!(none.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stage.world.engine());
        }
        assert_eq!(stage.count().await, 1, "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn one_passkey_proves_who_adds_and_removes_another() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let (mut first, mut second) = (Authenticator::new("first"), Authenticator::new("second"));
        stage.add(&mut first, &[PASSWORD]).await;
        stage.world.advance(1);
        let proof = stage.proof(&first).await;
        let added = stage.add(&mut second, &[("answer", &proof)]).await;
        assert_eq!(added.header("location").as_deref(), Some(path::PASSKEYS), "the codes of before stay");
        let again = stage.post(path::ADD_PASSKEY, &[("name", "Third"), ("answer", &proof)]).await;
        assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "{}: a proof is good once", stage.world.engine());
        let id = between(stage.get(path::PASSKEYS).await.text(), "name=\"passkey\" value=\"").to_owned();
        let mut stranger = Authenticator::new("stranger");
        stranger.user = stage.bea.as_bytes().to_vec();
        let unknown = stage.proof(&stranger).await;
        let refused = stage.post(path::REMOVE_PASSKEY, &[("passkey", &id), ("answer", &unknown)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
        let proof = stage.proof(&second).await;
        let removed = stage.post(path::REMOVE_PASSKEY, &[("passkey", &id), ("answer", &proof)]).await;
        assert_eq!(removed.header("location").as_deref(), Some(path::PASSKEYS), "{}", removed.text());
        stage.go_on(&removed);
        assert_eq!(stage.count().await, 1, "{}", stage.world.engine());
        let wrong = stage.post(path::RENEW_CODES, &[PASSWORD, ("code", "000000")]).await;
        assert!(wrong.status == StatusCode::UNPROCESSABLE_ENTITY && wrong.text().contains("role=\"alert\""));
        let proof = stage.proof(&second).await;
        let codes = stage.post(path::RENEW_CODES, &[("answer", &proof)]).await;
        assert!(codes.text().contains("Keep your recovery codes"), "{}: {}", stage.world.engine(), codes.text());
    }
}

/// A password and a stolen session are not enough to put another second factor beside the passkeys.
#[actix_web::test]
async fn whoever_has_a_passkey_adds_an_app_by_it_alone() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let mut key = Authenticator::new("key");
        stage.add(&mut key, &[PASSWORD]).await;
        let page = stage.get(path::SECOND_STEP).await;
        let (_, rest) = page.text().split_once("Key: <span class=\"written-down\">").unwrap();
        let secret = BASE32_NOPAD.decode(rest.split_once('<').unwrap().0.replace(' ', "").as_bytes()).unwrap();
        let offer = between(page.text(), "name=\"offer\" value=\"").to_owned();
        let code = totp::code(&secret, totp::step_at(stage.world.op().at));
        let app = [("offer", offer.as_str()), ("code", code.as_str())];
        stage.post(path::ADD_SECOND_STEP, &[&app[..], &[PASSWORD]].concat()).await;
        assert!(stage.world.entries("second_factor.added").await.len() == 1, "{}", stage.world.engine());
        let proof = key.answer(&options(&page));
        let none_left = stage.post(path::ADD_SECOND_STEP, &[&app[..], &[("answer", proof.as_str())]].concat()).await;
        assert_eq!(none_left.header("location").as_deref(), Some(path::SECOND_STEP), "{}", none_left.text());
        assert_eq!(stage.world.entries("second_factor.added").await.len(), 2, "{}", stage.world.engine());
    }
}

#[actix_web::test]
async fn an_account_has_no_more_passkeys_than_the_configuration_allows() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let mut config = (*stage.context.config).clone();
        config.limits.passkeys_per_account = 1;
        stage.context.config = config.into();
        let mut key = Authenticator::new("key");
        stage.add(&mut key, &[PASSWORD]).await;
        let proof = stage.proof(&key).await;
        let refused = stage.post(path::ADD_PASSKEY, &[("name", "Second"), ("answer", &proof)]).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stage.world.engine());
        assert!(refused.text().contains("as many passkeys") && !refused.text().contains("id=\"add\""));
    }
}
