use actix_web::http::StatusCode;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::access::attempts::Attempt;
use crate::access::enforcement::break_glass;
use crate::access::passkeys::testing::{Authenticator, GATEWAY};
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::testing::{REDIRECT_URI, World, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::http::context::Context;
use crate::http::sign_in::path;
use crate::http::testing::{Answer, context, send};
use crate::store::failure::StoreError;
use crate::store::{accounts as account_rows, domains, memberships};
use crate::values::ids::AccountId;
use crate::values::operation::Role;
use crate::values::password::Password;
use crate::values::secret::Secret;

const BEA: &str = "bea@freelance.test";
const BINDING: &str = "cw_browser_of_bea";

/// The doors over one world in which Bea has a password.
struct Stage {
    world: World,
    context: Context,
    bea: AccountId,
}

impl Stage {
    async fn set(world: World) -> Self {
        let context = context(&world, GATEWAY).await;
        let mut stage = Self { bea: world.ada, world, context };
        stage.bea = stage.person(BEA).await;
        stage
    }

    async fn person(&self, address: &'static str) -> AccountId {
        let (op, organization) = (self.world.op(), self.world.organization);
        let write = self.world.store().write(move |tx| {
            let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
            accounts::create(tx, &op, organization, &profile, Role::Member)
        });
        let account = write.await.unwrap();
        self.give_password(account, address).await;
        account
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

    async fn key(&self, name: &str, account: AccountId) -> Authenticator {
        let mut key = Authenticator::new(name);
        key.enrol(&self.world, account).await;
        key
    }

    async fn post(&self, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("__Host-causeway-us-attempt={BINDING}")))
            .set_payload(form);
        send(&self.context, request).await
    }

    async fn get(&self, path: &str) -> Answer {
        let cookie = ("Cookie", format!("__Host-causeway-us-attempt={BINDING}"));
        send(&self.context, TestRequest::get().uri(path).insert_header(cookie)).await
    }

    async fn attempt(&self) -> Attempt {
        self.world.start_attempt(&Secret::from(BINDING.to_owned())).await
    }

    /// Signs in by a passkey alone, as far as the answer to what the browser said.
    async fn sign_in(&self, key: &Authenticator) -> (Attempt, Answer) {
        let attempt = self.attempt().await;
        let asked = self.post(&path::passkey(attempt.id), &[]).await;
        let answer = key.answer(&options(&asked));
        let answer = self.post(&path::passkey_answer(attempt.id), &[("answer", &answer)]).await;
        (attempt, answer)
    }
}

/// What a page asks the browser.
fn options(page: &Answer) -> String {
    let (_, rest) = page.text().split_once("data-passkey-options=\"").unwrap_or_else(|| panic!("{}", page.text()));
    rest.split_once('"').unwrap().0.replace("&#34;", "\"")
}

fn location(answer: &Answer) -> String {
    answer.leads_to().unwrap_or_else(|| panic!("{}: {}", answer.status, answer.text()))
}

#[actix_web::test]
async fn a_passkey_leads_to_the_application_without_a_password() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let key = stage.key("key", stage.bea).await;
        let attempt = stage.attempt().await;
        let page = stage.get(&path::email(attempt.id)).await;
        assert!(page.text().contains(&format!("action=\"{}\" data-needs-passkeys hidden", path::passkey(attempt.id))));
        assert!(page.header("content-security-policy").unwrap().ends_with("script-src 'self'"));
        let (_, answer) = stage.sign_in(&key).await;
        let arrived = location(&stage.get(&location(&answer)).await);
        assert!(arrived.starts_with(&format!("{REDIRECT_URI}?")) && arrived.contains("code=cw_code_"), "{arrived}");
        let amr = &stage.world.entries("sign_in.succeeded").await[0]["amr"];
        assert_eq!(*amr, json!(["hwk", "user", "mfa"]), "{}", stage.world.engine());
    }
}

/// Nobody learns from the answer whether a passkey is known, whose it is, or why it lets nobody in.
#[actix_web::test]
async fn every_passkey_that_lets_nobody_in_has_the_same_answer() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let eve = stage.person("eve@freelance.test").await;
        let (gone, back) = (stage.key("of eve", eve).await, stage.key("back", stage.bea).await);
        let mut unknown = Authenticator::new("unknown");
        unknown.user = eve.as_bytes().to_vec();
        let mut unverified = stage.key("unverified", stage.bea).await;
        unverified.verifies = false;
        let mut elsewhere = stage.key("elsewhere", stage.bea).await;
        elsewhere.origin = "https://evil.test";
        back.counter.set(0);
        let (op, organization) = (stage.world.operator(), stage.world.organization);
        stage.world.store().write(move |tx| accounts::deactivate(tx, &op, organization, eve)).await.unwrap();
        let mut seen = Vec::new();
        for key in [unknown, gone, back, unverified, elsewhere] {
            let (attempt, answer) = stage.sign_in(&key).await;
            let headers: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
            let text = answer.text().replace(&attempt.id.to_string(), "ID");
            seen.push(format!("{} {headers:?} {text}", answer.status));
        }
        assert!(seen[0].starts_with("422") && seen[0].contains("role=\"alert\""), "{}", seen[0]);
        assert!(seen.iter().all(|other| *other == seen[0]), "{}: {seen:#?}", stage.world.engine());
        let malformed = stage.post(&path::passkey_answer(stage.attempt().await.id), &[("answer", "{}")]).await;
        assert_eq!(malformed.status, StatusCode::BAD_REQUEST);
    }
}

#[actix_web::test]
async fn a_passkey_is_asked_for_in_the_browser_that_began_and_while_the_attempt_lives() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let key = stage.key("key", stage.bea).await;
        let foreign = stage.world.start_attempt(&Secret::from("another browser".to_owned())).await;
        assert_eq!(stage.post(&path::passkey(foreign.id), &[]).await.status, StatusCode::BAD_REQUEST);
        let (attempt, answer) = stage.sign_in(&key).await;
        let again = stage.post(&path::passkey(attempt.id), &[]).await;
        assert_eq!(location(&again), path::outcome(attempt.id), "{}", stage.world.engine());
        stage.get(&location(&answer)).await;
        assert_eq!(stage.post(&path::passkey(attempt.id), &[]).await.status, StatusCode::GONE);
        let late = stage.attempt().await;
        stage.world.advance(901);
        let expired = stage.post(&path::passkey(late.id), &[]).await;
        assert!(expired.text().contains(&path::restart(late.id)), "{}", expired.text());
    }
}

#[actix_web::test]
async fn after_a_password_a_passkey_is_the_second_step_and_nobody_elses_is() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let eve = stage.person("eve@freelance.test").await;
        let (key, other) = (stage.key("of bea", stage.bea).await, stage.key("of eve", eve).await);
        let attempt = stage.attempt().await;
        stage.post(&path::submit_email(attempt.id), &[("email", BEA)]).await;
        let step = stage.post(&path::password(attempt.id), &[("password", "correct horse battery")]).await;
        assert_eq!(location(&step), path::second_step(attempt.id), "{}", stage.world.engine());
        let page = stage.get(&path::second_step(attempt.id)).await;
        assert!(page.text().contains(&path::second_passkey(attempt.id)) && page.text().contains("Recovery code"));
        let early = stage.post(&path::second_passkey_answer(attempt.id), &[("answer", &key.answer(ANY))]).await;
        assert_eq!(early.status, StatusCode::UNPROCESSABLE_ENTITY, "nothing was asked");
        let asked = options(&stage.post(&path::second_passkey(attempt.id), &[]).await);
        let allowed: Value = serde_json::from_str(&asked).unwrap();
        assert_eq!(allowed["publicKey"]["allowCredentials"].as_array().unwrap().len(), 1);
        let foreign = stage.post(&path::second_passkey_answer(attempt.id), &[("answer", &other.answer(&asked))]).await;
        assert_eq!(foreign.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stage.world.engine());
        let asked = options(&stage.post(&path::second_passkey(attempt.id), &[]).await);
        let right = stage.post(&path::second_passkey_answer(attempt.id), &[("answer", &key.answer(&asked))]).await;
        assert!(location(&stage.get(&location(&right)).await).contains("code=cw_code_"));
        let amr = &stage.world.entries("sign_in.succeeded").await[0]["amr"];
        assert_eq!(*amr, json!(["pwd", "hwk", "user", "mfa"]), "{}", stage.world.engine());
    }
}

/// What no attempt was asked.
const ANY: &str = "{\"publicKey\":{\"challenge\":\"AAAA\",\"rpId\":\"id.example\"}}";

/// Decision Q18: a passkey breaks the glass as a password and a code do, for who is on the list, and for nobody else.
#[actix_web::test]
async fn q18_where_single_sign_on_is_required_a_passkey_is_for_the_break_glass_list_alone() {
    for world in world().await {
        let stage = Stage::set(world).await;
        let eve = stage.person("eve@acme.test").await;
        let (op, organization, ada) = (stage.world.operator(), stage.world.organization, stage.world.ada);
        let write = stage.world.store().write(move |tx| {
            memberships::update_role(tx, ada, organization, "admin", None, op.at)?;
            break_glass::add(tx, &op, organization, ada).unwrap();
            let (_, domain) = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap();
            sso_policy::write(tx, organization, domain, SsoPolicy::Required, op.at)
        });
        write.await.unwrap();
        stage.give_password(ada, "ada@acme.test").await;
        let listed = stage.key("of ada", ada).await;
        let (_, answer) = stage.sign_in(&listed).await;
        assert!(location(&stage.get(&location(&answer)).await).contains("code=cw_code_"), "{}", stage.world.engine());
        assert_eq!(stage.world.entries("break_glass.used").await.len(), 1, "the administrators are told");
        // Somebody who got theirs before there was a connection.
        let mut other = Authenticator::new("of eve");
        other.user = eve.as_bytes().to_vec();
        stage.plant(&mut other, eve).await;
        let (_, answer) = stage.sign_in(&other).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", stage.world.engine());
    }
}

impl Stage {
    /// Gives somebody a passkey who may not have one any more.
    async fn plant(&self, key: &mut Authenticator, account: AccountId) {
        let mut row = key.row(&self.world.op());
        row.account_id = account;
        self.world.store().write(move |tx| crate::store::passkeys::insert(tx, &row)).await.unwrap();
    }
}

#[actix_web::test]
async fn a_gateway_that_is_reached_by_an_ip_address_offers_no_passkeys() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        stage.context.ceremonies = None;
        let attempt = stage.attempt().await;
        let page = stage.get(&path::email(attempt.id)).await;
        assert!(!page.text().contains("passkey") && !page.text().contains("<script"), "{}", page.text());
        assert!(!page.header("content-security-policy").unwrap().contains("script-src"));
        assert_eq!(stage.post(&path::passkey(attempt.id), &[]).await.status, StatusCode::NOT_FOUND);
    }
}

/// CVE-2026-9791: what is switched off is not there. A gateway whose address is no name has no passkeys.
#[actix_web::test]
async fn cve_2026_9791_where_there_are_no_passkeys_their_doors_are_not_there_and_no_page_leads_to_them() {
    for world in world().await {
        let mut stage = Stage::set(world).await;
        let doors = ["passkey", "passkey/answer", "second-step/passkey", "second-step/passkey/answer"];
        let doors = [&doors[..], &["second-step/set-up/passkey", "second-step/set-up/passkey/answer"]].concat();
        let attempt = stage.world.start_attempt(&Secret::from(BINDING.to_owned())).await;
        let (ours, answer) = (path::email(attempt.id), [("answer", "{}"), ("name", "Phone")]);
        for door in &doors {
            let there = stage.post(&format!("{ours}/{door}"), &answer).await;
            assert_ne!(there.status, StatusCode::NOT_FOUND, "{}: {door}", stage.world.engine());
        }
        assert!(stage.get(&ours).await.text().contains("/passkey"), "{}", stage.world.engine());
        stage.context.ceremonies = None;
        for door in &doors {
            let gone = stage.post(&format!("{ours}/{door}"), &answer).await;
            assert_eq!(gone.status, StatusCode::NOT_FOUND, "{}: {door}", stage.world.engine());
        }
        assert!(!stage.get(&ours).await.text().contains("/passkey"), "{}", stage.world.engine());
    }
}
