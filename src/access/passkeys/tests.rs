use serde_json::json;

use super::assertion::{self, Beside, Checked, Shown};
use super::ceremony::{Answer, Asked, Holder, Registration, Rejected};
use super::challenges::{self, Place};
use super::testing::{Authenticator, ceremonies};
use super::{enrolment, list, rename, sign_in};
use crate::access::attempts::state::{Asked as Asks, HalfProved, Identified, State};
use crate::access::attempts::{Attempt, AttemptError};
use crate::access::own_password::{OwnPasswordError, second_step};
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::second_factors::enrolment::{CODES, EnrolmentError};
use crate::access::second_factors::reset::reset;
use crate::access::second_factors::{self, overview};
use crate::access::sessions;
use crate::access::sessions::reach::ReachError;
use crate::access::sessions::testing::{LIMITS, guest_of_globex};
use crate::access::testing::{World, by_password, world};
use crate::directory::accounts;
use crate::directory::organizations::{self, NewOrganization};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::keys::sealing::Sealer;
use crate::store::domains::{self, DomainRow};
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, jobs, recovery_codes, scratch};
use crate::values::ids::AccountId;
use crate::values::operation::Role;
use crate::values::password::Password;
use crate::values::secret::Secret;

const BEA: &str = "bea@freelance.test";

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
}

/// A member of Acme with this address and a password.
async fn person(world: &World, address: &'static str) -> AccountId {
    let (op, organization) = (world.op(), world.organization);
    let write = world.store().write(move |tx| {
        let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
        let account = accounts::create(tx, &op, organization, &profile, Role::Member)?;
        account_rows::mark_verified(tx, account, address, op.at)?;
        Ok::<_, StoreError>(account)
    });
    let account = write.await.unwrap();
    choose_password(world, account, "correct horse").await;
    account
}

async fn choose_password(world: &World, account: AccountId, text: &str) {
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let hash = PasswordHash::of(&Password::typed(text), [7; 16], cost).unwrap();
    let op = world.op();
    world.store().write(move |tx| passwords::set(tx, &op, &sealer(), account, &hash)).await.unwrap();
}

/// Asks a browser at this place, of this account if it is known who is asked.
async fn ask(world: &World, place: &Place, account: Option<AccountId>) -> Asked {
    let asked = ceremonies().ask_for_one(&[]).unwrap();
    let (op, place, kept) = (world.op(), place.clone(), asked.clone());
    world.store().write(move |tx| challenges::keep(tx, &op, &place, account, &kept, None)).await.unwrap();
    asked
}

async fn check(world: &World, place: &Place, answer: &str) -> Checked {
    let (op, place, answer) = (world.op(), place.clone(), Answer::parse(answer).unwrap());
    let presented = world.store().read(move |tx| assertion::present(tx, &op, place, answer)).await.unwrap();
    presented.check(&ceremonies())
}

async fn take(world: &World, checked: Checked, beside: Beside) -> Option<Shown> {
    let op = world.op();
    world.store().write(move |tx| assertion::take(tx, &op, &checked, beside)).await.unwrap()
}

async fn attempt(world: &World) -> Attempt {
    world.start_attempt(&Secret::from("browser".to_owned())).await
}

async fn finish(world: &World, attempt: &Attempt, answer: &str) -> Option<Secret> {
    let checked = check(world, &Place::sign_in(attempt.id), answer).await;
    let (op, attempt) = (world.op(), attempt.clone());
    world.store().write(move |tx| sign_in::identify(tx, &op, &attempt, &checked, None)).await.unwrap()
}

/// Signs in by a passkey in a fresh attempt: who was identified, if anybody was.
async fn signed_in(world: &World, authenticator: &Authenticator) -> Option<Identified> {
    let attempt = attempt(world).await;
    let asked = ask(world, &Place::sign_in(attempt.id), None).await;
    finish(world, &attempt, &authenticator.answer(&asked.options)).await?;
    match world.state_of(attempt.id).await {
        State::Identified(identified) => Some(identified),
        other => panic!("{other:?}"),
    }
}

/// The names of the notices that were queued since the last look.
async fn told(world: &World) -> Vec<String> {
    let now = world.op().at;
    let claimed = world
        .store()
        .write(move |tx| jobs::claim(tx, jobs::Kinds::Except(&[]), now.plus_seconds(1), now.plus_seconds(600), 100));
    let rows = claimed.await.unwrap().into_iter().filter(|row| row.kind == "tell_person");
    let payloads = rows.map(|row| serde_json::from_str::<serde_json::Value>(&row.payload).unwrap());
    payloads.map(|job| job["notice"]["notice"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn a_passkey_alone_signs_in_and_counts_as_several_factors() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        for (is_synced, method) in [(false, "hwk"), (true, "swk")] {
            let mut key = Authenticator::new(method);
            key.is_synced = is_synced;
            key.enrol(&world, bea).await;
            let identified = signed_in(&world, &key).await.unwrap();
            assert_eq!((identified.account, identified.organization), (bea, world.organization), "{}", world.engine());
            assert_eq!(identified.amr, [method, "user", "mfa"]);
            assert_eq!((identified.acr.as_str(), identified.connection), ("urn:causeway:acr:mfa", None));
        }
    }
}

/// A lie about one key or its browser.
type Lie = fn(&mut Authenticator);

#[tokio::test]
async fn no_dishonest_answer_identifies_anybody() {
    let lies: [(&str, Lie); 8] = [
        ("another origin", |key| key.origin = "https://id.example.evil.test"),
        ("a subdomain", |key| key.origin = "https://other.id.example"),
        ("another port", |key| key.origin = "https://id.example:8443"),
        ("plain text", |key| key.origin = "http://id.example"),
        ("a frame of another site", |key| key.is_framed = true),
        ("no user verification", |key| key.verifies = false),
        ("an unknown credential", |key| key.credential_id = b"unknown".to_vec()),
        ("no word about whose it is", |key| key.user = Vec::new()),
    ];
    for world in world().await {
        let (bea, eve) = (person(&world, BEA).await, person(&world, "eve@freelance.test").await);
        for (what, lie) in lies {
            let mut key = Authenticator::new(what);
            key.enrol(&world, bea).await;
            lie(&mut key);
            assert!(signed_in(&world, &key).await.is_none(), "{}: {what}", world.engine());
        }
        let mut other = Authenticator::new("of eve");
        other.enrol(&world, eve).await;
        other.user = bea.as_bytes().to_vec();
        assert!(signed_in(&world, &other).await.is_none(), "{}: another account's credential", world.engine());
        let mut genuine = Authenticator::new("genuine");
        genuine.enrol(&world, bea).await;
        let mut forged = Authenticator::new("genuine");
        forged.user = bea.as_bytes().to_vec();
        forged.counter.set(7);
        assert!(signed_in(&world, &forged).await.is_none(), "{}: another key", world.engine());
        assert!(signed_in(&world, &genuine).await.is_some());
    }
}

#[tokio::test]
async fn a_challenge_is_good_once_in_its_own_attempt_and_for_five_minutes() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("key");
        key.is_synced = true;
        key.counter.set(0);
        key.enrol(&world, bea).await;
        let (first, second) = (attempt(&world).await, attempt(&world).await);
        let asked = ask(&world, &Place::sign_in(first.id), None).await;
        let answer = key.answer(&asked.options);
        assert!(finish(&world, &second, &answer).await.is_none(), "{}: nothing was asked there", world.engine());
        ask(&world, &Place::sign_in(second.id), None).await;
        assert!(finish(&world, &second, &answer).await.is_none(), "{}: another attempt's", world.engine());
        let step = Place::second_step(first.id);
        assert!(take(&world, check(&world, &step, &answer).await, Beside::Nothing).await.is_none(), "another purpose");
        assert!(finish(&world, &first, &answer).await.is_some(), "{}", world.engine());
        let checked = check(&world, &Place::sign_in(first.id), &answer).await;
        assert!(take(&world, checked, Beside::Nothing).await.is_none(), "{}: replayed", world.engine());
        // One that failed is used up as well.
        let third = attempt(&world).await;
        let asked = ask(&world, &Place::sign_in(third.id), None).await;
        key.verifies = false;
        assert!(finish(&world, &third, &key.answer(&asked.options)).await.is_none());
        key.verifies = true;
        assert!(finish(&world, &third, &key.answer(&asked.options)).await.is_none(), "{}", world.engine());
        let fourth = attempt(&world).await;
        let asked = ask(&world, &Place::sign_in(fourth.id), None).await;
        let newer = ask(&world, &Place::sign_in(fourth.id), None).await;
        assert!(finish(&world, &fourth, &key.answer(&asked.options)).await.is_none(), "another came in its place");
        world.advance(super::ceremony::TTL_SECONDS);
        assert!(finish(&world, &fourth, &key.answer(&newer.options)).await.is_none(), "{}: too late", world.engine());
    }
}

#[tokio::test]
async fn of_two_requests_with_one_answer_one_is_let_in() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        // It does not count, so the question alone decides.
        let mut plain = Authenticator::new("plain");
        plain.counter.set(0);
        plain.enrol(&world, bea).await;
        let place = Place::proof(world.op().new_id());
        let asked = ask(&world, &place, Some(bea)).await;
        let answer = plain.answer(&asked.options);
        let (one, other) = (check(&world, &place, &answer).await, check(&world, &place, &answer).await);
        let (one, other) = tokio::join!(take(&world, one, Beside::Nothing), take(&world, other, Beside::Nothing));
        assert_eq!([one, other].into_iter().flatten().count(), 1, "{}", world.engine());
        // The same use of the counter, in two places, before either is taken: there are two of the key.
        let mut key = Authenticator::new("key");
        key.enrol(&world, bea).await;
        let places = [Place::proof(world.op().new_id()), Place::proof(world.op().new_id())];
        let mut checked = Vec::new();
        let before = key.counter.get();
        for place in &places {
            key.counter.set(before);
            let asked = ask(&world, place, Some(bea)).await;
            checked.push(check(&world, place, &key.answer(&asked.options)).await);
        }
        let mut let_in = 0;
        for checked in checked {
            let_in += usize::from(take(&world, checked, Beside::Nothing).await.is_some());
        }
        assert_eq!(let_in, 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_counter_that_goes_back_is_refused_written_down_and_told() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("key");
        key.enrol(&world, bea).await;
        key.counter.set(10);
        assert!(signed_in(&world, &key).await.is_some());
        told(&world).await;
        key.counter.set(5);
        assert!(signed_in(&world, &key).await.is_none(), "{}", world.engine());
        let passkey = world.store().read(move |tx| list(tx, bea)).await.unwrap()[0].id;
        assert_eq!(world.entries("passkey.copied").await, [json!({ "passkey": passkey })]);
        assert_eq!(told(&world).await, ["passkey_copied"]);
        key.counter.set(20);
        assert!(signed_in(&world, &key).await.is_some(), "{}: the one that is ahead goes on", world.engine());
        // Who says that it is somebody else's alarms nobody.
        key.counter.set(5);
        key.user = world.ada.as_bytes().to_vec();
        assert!(signed_in(&world, &key).await.is_none());
        assert_eq!(world.entries("passkey.copied").await.len(), 1, "{}", world.engine());
    }
}

/// The same function decides as about a password.
#[tokio::test]
async fn e27_who_may_not_sign_in_by_a_password_may_not_by_a_passkey() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("of bea");
        key.enrol(&world, bea).await;
        let (op, organization) = (world.operator(), world.organization);
        world.store().write(move |tx| accounts::deactivate(tx, &op, organization, bea)).await.unwrap();
        assert!(signed_in(&world, &key).await.is_none(), "{}: deactivated", world.engine());
        let (op, organization) = (world.operator(), world.organization);
        world.store().write(move |tx| accounts::reactivate(tx, &op, organization, bea)).await.unwrap();
        assert!(signed_in(&world, &key).await.is_some(), "{}", world.engine());
        // Another address of theirs lies from now on in a domain that has a policy.
        let write = world.store().write(move |tx| {
            let row = account_rows::addresses(tx, bea)?.remove(0);
            account_rows::insert_address(tx, &account_rows::AddressRow { address: "bea@acme.test".to_owned(), ..row })
        });
        write.await.unwrap();
        for (policy, is_let_in) in [(SsoPolicy::Off, true), (SsoPolicy::Required, false), (SsoPolicy::Optional, true)] {
            world.set_policy(policy).await;
            assert_eq!(signed_in(&world, &key).await.is_some(), is_let_in, "{}: {policy:?}", world.engine());
        }
    }
}

#[tokio::test]
async fn e27_a_passkey_is_refused_once_single_sign_on_is_required() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("of bea");
        key.enrol(&world, bea).await;
        assert!(signed_in(&world, &key).await.is_some());
        let op = world.operator();
        // An organization that has verified her domain and has set up no connection.
        let write = world.store().write(move |tx| {
            let new = NewOrganization {
                slug: "freelance".parse().unwrap(),
                name: "Freelance".to_owned(),
                support_name: None,
                support_email: None,
                owner: "owner@freelance.test".parse().unwrap(),
            };
            let freelance = organizations::create(tx, &op, &new).unwrap().0.id;
            let row = DomainRow {
                id: op.new_id(),
                org_id: freelance,
                name: "freelance.test".to_owned(),
                state: "verified".to_owned(),
                challenge: String::new(),
                challenge_expires_at: op.at,
                verified_at: Some(op.at),
                last_checked_at: Some(op.at),
                last_failure: None,
                created_at: op.at,
                updated_at: op.at,
                at_risk_at: None,
                lapsed_at: None,
                risk_notices: 0,
                check_at: op.at.plus_seconds(86_400),
                check_failures: 0,
            };
            domains::insert(tx, &row)?;
            sso_policy::write(tx, freelance, row.id, SsoPolicy::Required, op.at)
        });
        write.await.unwrap();
        assert!(signed_in(&world, &key).await.is_none(), "{}", world.engine());
    }
}

/// Who takes an account back by mail does not know which passkeys somebody else has added.
#[tokio::test]
async fn after_another_password_a_passkey_counts_alone_once_it_was_used_beside_it() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("key");
        key.enrol(&world, bea).await;
        assert!(signed_in(&world, &key).await.is_some());
        world.advance(60);
        choose_password(&world, bea, "another horse").await;
        assert!(signed_in(&world, &key).await.is_none(), "{}", world.engine());
        let beside = async |beside| {
            let place = Place::second_step(attempt(&world).await.id);
            let asked = ask(&world, &place, Some(bea)).await;
            take(&world, check(&world, &place, &key.answer(&asked.options)).await, beside).await
        };
        assert!(!beside(Beside::Nothing).await.unwrap().counts_alone);
        assert!(signed_in(&world, &key).await.is_none(), "{}: the password was not there", world.engine());
        assert!(beside(Beside::Password).await.is_some());
        assert!(signed_in(&world, &key).await.is_some(), "{}", world.engine());
    }
}

#[tokio::test]
async fn recovery_codes_come_with_the_first_second_factor_and_go_with_the_last() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        assert!(world.store().read(move |tx| overview(tx, bea)).await.unwrap().is_none());
        let (mut first, mut second) = (Authenticator::new("first"), Authenticator::new("second"));
        let codes = first.enrol(&world, bea).await.codes;
        assert_eq!(codes.len(), CODES, "{}", world.engine());
        assert_eq!(told(&world).await, ["passkey_added"]);
        assert!(second.enrol(&world, bea).await.codes.is_empty(), "those that are written down stay");
        let (op, typed) = (world.op(), codes[0].shown());
        let used = world.store().write(move |tx| second_factors::prove(tx, &op, &sealer(), bea, &typed)).await;
        assert!(used.unwrap(), "{}: a recovery code counts without an app", world.engine());
        let passkeys = world.store().read(move |tx| list(tx, bea)).await.unwrap();
        let mut left = Vec::new();
        for passkey in passkeys {
            let op = world.op();
            world.store().write(move |tx| enrolment::remove(tx, &op, bea, passkey.id)).await.unwrap();
            left.push(world.store().read(move |tx| recovery_codes::count(tx, bea)).await.unwrap());
        }
        assert_eq!(left, [9, 0], "{}", world.engine());
        let kinds = world.entries("second_factor.removed").await;
        assert!(kinds.len() == 2 && kinds.iter().all(|detail| detail["kind"] == "passkey"), "{kinds:?}");
    }
}

#[tokio::test]
async fn wrong_recovery_codes_of_somebody_with_passkeys_alone_are_told() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        Authenticator::new("key").enrol(&world, bea).await;
        told(&world).await;
        for _ in 0..5 {
            let op = world.op();
            let prove = world.store().write(move |tx| second_factors::prove(tx, &op, &sealer(), bea, "000000"));
            assert!(!prove.await.unwrap());
        }
        assert_eq!(told(&world).await, ["wrong_codes"], "{}", world.engine());
        assert_eq!(world.entries("second_factor.guessed").await, [json!({ "wrong_codes": 5 })]);
    }
}

#[tokio::test]
async fn a_passkey_ends_what_was_signed_in_is_bounded_and_is_one_accounts() {
    for world in world().await {
        let (bea, eve) = (person(&world, BEA).await, person(&world, "eve@freelance.test").await);
        let before = world.store().read(move |tx| accounts::find(tx, bea)).await.unwrap().unwrap().session_epoch;
        let mut key = Authenticator::new("key");
        assert!(key.enrol(&world, bea).await.session_epoch > before, "{}", world.engine());
        let asked = ceremonies().ask_for_new(&Holder { account: eve, label: "eve", credentials: &[] }).unwrap();
        let made =
            ceremonies().read_new(&asked.state, &Registration::parse(&key.make(&asked.options)).unwrap()).unwrap();
        let (op, again) = (world.op(), made.clone());
        let add = world.store().write(move |tx| enrolment::add(tx, &op, eve, &again, &"x".parse().unwrap(), 10)).await;
        assert!(matches!(add, Err(EnrolmentError::AlreadyThere)), "{}: {add:?}", world.engine());
        let op = world.op();
        let add = world.store().write(move |tx| enrolment::add(tx, &op, bea, &made, &"x".parse().unwrap(), 1)).await;
        assert!(matches!(add, Err(EnrolmentError::TooMany)), "{}: {add:?}", world.engine());
        world.set_policy(SsoPolicy::Required).await;
        let ada = world.ada;
        let ask = world.store().read(move |tx| enrolment::ask(tx, &ceremonies(), ada, 10)).await;
        assert!(ask.is_err(), "{}: an identity provider signs her in", world.engine());
    }
}

#[tokio::test]
async fn a_person_names_their_own_passkeys_and_nobody_elses() {
    for world in world().await {
        let (bea, eve) = (person(&world, BEA).await, person(&world, "eve@freelance.test").await);
        Authenticator::new("key").enrol(&world, bea).await;
        let id = world.store().read(move |tx| list(tx, bea)).await.unwrap()[0].id;
        for (account, name) in [(eve, "Mine"), (bea, "My phone")] {
            let (op, name, organization) = (world.op(), name.parse().unwrap(), world.organization);
            let write = world.store().write(move |tx| {
                let identified = by_password(tx, &op, organization, account)?;
                let session = sessions::start(tx, &op, &identified, LIMITS)?.0;
                rename(tx, &op, &session, id, &name)
            });
            write.await.unwrap();
        }
        assert_eq!(world.store().read(move |tx| list(tx, bea)).await.unwrap()[0].name, "My phone");
        assert_eq!(world.entries("passkey.renamed").await.len(), 1, "{}", world.engine());
        let (op, session) = (world.op(), guest_of_globex(&world, bea).await.session);
        let write = world.store().write(move |tx| rename(tx, &op, &session, id, &"Ours".parse().unwrap()));
        let renamed = write.await;
        assert!(matches!(renamed, Err(ReachError::OutOfReach)), "{}: D7: {renamed:?}", world.engine());
    }
}

#[test]
fn a_dishonest_registration_makes_no_passkey() {
    let account = AccountId::from_bytes(&[7; 16]).unwrap();
    let ceremonies = ceremonies();
    let ask = || ceremonies.ask_for_new(&Holder { account, label: "bea", credentials: &[b"known".to_vec()] }).unwrap();
    let cases: [(&str, Lie); 5] = [
        ("another origin", |key| key.origin = "https://evil.test"),
        ("a frame", |key| key.is_framed = true),
        ("no user verification", |key| key.verifies = false),
        ("one that is there", |key| key.credential_id = b"known".to_vec()),
        ("a name that is too long", |key| key.credential_id = vec![1; 1_024]),
    ];
    for (what, lie) in cases {
        let (asked, mut key) = (ask(), Authenticator::new("key"));
        lie(&mut key);
        let answer = Registration::parse(&key.make(&asked.options)).unwrap();
        assert_eq!(ceremonies.read_new(&asked.state, &answer).unwrap_err(), Rejected::Wrong, "{what}");
    }
    let (asked, other, mut key) = (ask(), ask(), Authenticator::new("key"));
    let answer = key.make(&asked.options);
    let parsed = Registration::parse(&answer).unwrap();
    assert!(ceremonies.read_new(&other.state, &parsed).is_err(), "another challenge");
    let hidden = Registration::parse(&answer.replace("\"rk\":true", "\"rk\":false")).unwrap();
    assert!(ceremonies.read_new(&asked.state, &hidden).is_err(), "one that the authenticator cannot offer by itself");
    assert!(ceremonies.read_new(&asked.state, &parsed).is_ok());
}

#[test]
fn what_a_browser_is_asked_requires_verification_and_a_key_it_can_offer() {
    let account = AccountId::from_bytes(&[7; 16]).unwrap();
    let new = ceremonies().ask_for_new(&Holder { account, label: "bea", credentials: &[] }).unwrap();
    let new: serde_json::Value = serde_json::from_str(&new.options).unwrap();
    let selection = &new["publicKey"]["authenticatorSelection"];
    assert_eq!((&selection["residentKey"], &selection["userVerification"]), (&json!("required"), &json!("required")));
    assert_eq!(
        (&new["publicKey"]["rp"]["id"], &new["publicKey"]["attestation"]),
        (&json!("id.example"), &json!("none"))
    );
    let one = ceremonies().ask_for_one(&[b"key".to_vec()]).unwrap();
    let one: serde_json::Value = serde_json::from_str(&one.options).unwrap();
    assert_eq!(one["publicKey"]["userVerification"], "required");
    assert_eq!(one["publicKey"]["allowCredentials"], json!([{ "type": "public-key", "id": "a2V5" }]));
    assert!(one.get("mediation").is_none(), "{one}");
}

#[test]
fn a_gateway_without_a_name_has_no_passkeys() {
    for url in ["http://127.0.0.1:8080", "http://[::1]:8080"] {
        assert!(super::ceremony::Ceremonies::new(&url.parse().unwrap()).is_none(), "{url}");
    }
    assert!(super::ceremony::Ceremonies::new(&"http://localhost:8080".parse().unwrap()).is_some());
}

#[test]
fn nothing_that_a_browser_sends_is_more_than_refused() {
    let long = json!({ "id": "a", "rawId": "A".repeat(1_368), "type": "public-key", "response": {
        "authenticatorData": "", "clientDataJSON": "", "signature": "", "userHandle": null } });
    for text in ["", "{}", "[]", "null", "{\"id\":1}", &"[".repeat(100_000), &long.to_string()] {
        assert!(Answer::parse(text).is_none() && Registration::parse(text).is_none(), "{:.40}", text);
    }
    let asked = ceremonies().ask_for_one(&[]).unwrap();
    let mut key = Authenticator::new("key");
    key.user = vec![1; 16];
    let genuine: serde_json::Value = serde_json::from_str(&key.answer(&asked.options)).unwrap();
    for field in ["authenticatorData", "clientDataJSON", "signature"] {
        for length in 0..40 {
            let mut cut = genuine.clone();
            let text = cut["response"][field].as_str().unwrap()[..length].to_owned();
            cut["response"][field] = json!(text);
            if let Some(answer) = Answer::parse(&cut.to_string()) {
                assert!(ceremonies().check(&asked.state, &answer, None).is_err(), "{field} {length}");
            }
        }
    }
}

/// What is checked of an unknown passkey fails where what is checked of a known one would: at the signature.
#[test]
fn an_unknown_passkey_costs_a_signature_as_a_known_one_does() {
    let asked = ceremonies().ask_for_one(&[]).unwrap();
    for is_synced in [false, true] {
        let mut key = Authenticator::new("unknown");
        (key.user, key.is_synced) = (vec![1; 16], is_synced);
        let answer = Answer::parse(&key.answer(&asked.options)).unwrap();
        assert_eq!(ceremonies().fails_at(&asked.state, &answer), "AuthenticationFailure");
    }
}

/// Somebody presses the button twice.
#[tokio::test]
async fn who_is_asked_twice_at_once_answers_what_was_asked_last() {
    for world in world().await {
        let place = Place::sign_in(attempt(&world).await.id);
        let asked = [(); 2].map(|()| ceremonies().ask_for_one(&[]).unwrap());
        let keep = |asked: &Asked| {
            let (op, place, asked) = (world.op(), place.clone(), asked.clone());
            move |tx: &mut Tx<'_>| challenges::keep(tx, &op, &place, None, &asked, None)
        };
        let (_, later) = scratch::overlap(world.store(), keep(&asked[0]), world.store().write(keep(&asked[1]))).await;
        later.unwrap();
        let (op, at) = (world.op(), place.clone());
        let kept = world.store().read(move |tx| challenges::find(tx, &op, &at)).await.unwrap();
        assert_eq!(kept.map(|row| row.state), Some(asked[1].state.clone()), "{}", world.engine());
    }
}

/// Another password, and the end of everything that was signed in with the one before.
fn takes_back(world: &World, account: AccountId) -> impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + use<> {
    let op = world.op();
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let hash = PasswordHash::of(&Password::typed("another horse"), [8; 16], cost).unwrap();
    move |tx| {
        account_rows::end_sessions(tx, account, op.at)?;
        passwords::set(tx, &op, &sealer(), account, &hash).unwrap();
        Ok(())
    }
}

#[tokio::test]
async fn a_passkey_alone_lets_nobody_in_while_another_password_is_chosen() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("key");
        key.enrol(&world, bea).await;
        world.advance(60);
        let attempt = attempt(&world).await;
        let asked = ask(&world, &Place::sign_in(attempt.id), None).await;
        let checked = check(&world, &Place::sign_in(attempt.id), &key.answer(&asked.options)).await;
        let op = world.op();
        let later = world.store().write(move |tx| sign_in::identify(tx, &op, &attempt, &checked, None));
        let ((), later) = scratch::overlap(world.store(), takes_back(&world, bea), later).await;
        assert_eq!(later.unwrap().map(|_| ()), None, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_password_that_is_given_up_just_now_vouches_for_no_passkey() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("key");
        key.enrol(&world, bea).await;
        let attempt = attempt(&world).await;
        let place = Place::second_step(attempt.id);
        let asked = ask(&world, &place, Some(bea)).await;
        let checked = check(&world, &place, &key.answer(&asked.options)).await;
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| by_password(tx, &op, organization, bea));
        let half = HalfProved { identified: write.await.unwrap(), asked: Asks::Factor, session: None };
        world.advance(60);
        let taken = takes_back(&world, bea);
        world.advance(1);
        let op = world.op();
        let later = world.store().write(move |tx| second_step::prove_by_passkey(tx, &op, &attempt, &half, &checked));
        let ((), later) = scratch::overlap(world.store(), taken, later).await;
        assert!(matches!(later, Err(OwnPasswordError::Changed)), "{}: {later:?}", world.engine());
        assert!(signed_in(&world, &key).await.is_none(), "{}", world.engine());
    }
}

#[tokio::test]
async fn who_signs_in_by_a_passkey_that_is_taken_away_just_now_and_the_taking_both_end() {
    for world in world().await {
        let bea = person(&world, BEA).await;
        let mut key = Authenticator::new("key");
        key.enrol(&world, bea).await;
        let attempt = attempt(&world).await;
        let asked = ask(&world, &Place::sign_in(attempt.id), None).await;
        let checked = check(&world, &Place::sign_in(attempt.id), &key.answer(&asked.options)).await;
        let (op, operator, organization) = (world.op(), world.operator(), world.organization);
        let hold = move |tx: &mut Tx<'_>| account_rows::lock(tx, bea);
        let sign_in = move |tx: &mut Tx<'_>, ()| match sign_in::identify(tx, &op, &attempt, &checked, None) {
            Ok(found) => Ok(found.is_some()),
            Err(AttemptError::Store(error)) => Err(error),
            Err(other) => panic!("{other}"),
        };
        let reset = world.store().write(move |tx| reset(tx, &operator, organization, bea));
        let (is_let_in, taken_away) = scratch::interleave(world.store(), hold, sign_in, reset).await;
        assert!(is_let_in && taken_away.is_ok(), "{}: {taken_away:?}", world.engine());
        assert!(signed_in(&world, &key).await.is_none(), "{}", world.engine());
    }
}
