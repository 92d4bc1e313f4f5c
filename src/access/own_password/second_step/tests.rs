use serde_json::json;

use super::{Facts, SetUp, Step, asked, prove, set_up, step_up};
use crate::access::attempts::state::{Asked, HalfProved, State};
use crate::access::attempts::{self, Attempt, MAX_CODES};
use crate::access::enforcement::break_glass;
use crate::access::mfa_policy::{self, MfaPolicy, MfaPolicyError};
use crate::access::own_password::{OwnPasswordError, Proved, Worth, find_candidate, identify};
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::second_factors::enrolment;
use crate::access::second_factors::offer::{Offer, Place};
use crate::access::sessions::{self, Limits, Session};
use crate::access::testing::{World, by_password, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::keys::sealing::Sealer;
use crate::protocol::totp;
use crate::store::accounts::{self as account_rows, AddressRow};
use crate::store::failure::StoreError;
use crate::store::memberships::{self, MembershipRow};
use crate::store::{Tx, jobs, scratch};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Role;
use crate::values::password::Password;
use crate::values::secret::Secret;

const COST: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
const BEA: &str = "bea@freelance.test";
const OWNER: &str = "owner@acme.test";

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
}

fn hash() -> PasswordHash {
    PasswordHash::of(&Password::typed("correct horse"), [7; 16], COST).unwrap()
}

#[test]
fn more_than_a_password_is_asked_of_whoever_has_more_or_needs_it() {
    for worth in [Worth::Alone, Worth::WithFactor] {
        for (is_required, is_asked_by_application) in [(false, false), (true, false), (false, true), (true, true)] {
            let facts = Facts { worth, has_factor: true, is_required, is_asked_by_application };
            assert_eq!(asked(&facts), Some(Asked::Factor), "{facts:?}");
            let facts = Facts { has_factor: false, ..facts };
            let is_enough = worth == Worth::Alone && !is_required && !is_asked_by_application;
            assert_eq!(asked(&facts), (!is_enough).then_some(Asked::SetUp), "{facts:?}");
        }
    }
}

/// Somebody with this verified address and a password, who is a member of `organization`.
async fn person(world: &World, address: &'static str, organization: OrganizationId) -> AccountId {
    let op = world.op();
    let write = world.store().write(move |tx| {
        let profile = Profile { addresses: vec![address.parse().unwrap()], ..Profile::default() };
        let id = accounts::create(tx, &op, organization, &profile, Role::Member)?;
        account_rows::mark_verified(tx, id, address, op.at)?;
        passwords::set(tx, &op, &sealer(), id, &hash()).unwrap();
        Ok::<_, StoreError>(id)
    });
    write.await.unwrap()
}

/// Gives somebody an app, and tells its secret.
async fn give_factor(world: &World, account: AccountId) -> Offer {
    let op = world.op();
    let offer = Offer::new(&op, &sealer(), &Place::new(account, op.request)).unwrap();
    let (typed, given) = (totp::code(offer.secret(), totp::step_at(op.at)), offer.clone());
    world.store().write(move |tx| enrolment::enrol(tx, &op, &sealer(), account, &given, &typed)).await.unwrap();
    world.advance(30);
    offer
}

/// Types the right password of `address` in a fresh attempt.
async fn typed(world: &World, address: &str) -> Option<(Attempt, Proved)> {
    typed_for(world, address, None).await
}

async fn typed_for(world: &World, address: &str, acr_values: Option<&str>) -> Option<(Attempt, Proved)> {
    let mut attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
    attempt.request.acr_values = acr_values.map(str::to_owned);
    let (op, address, begun) = (world.op(), address.parse::<EmailAddress>().unwrap(), attempt.clone());
    let write = world.store().write(move |tx| {
        let Some(candidate) = find_candidate(tx, &op, &sealer(), &address, None)? else { return Ok(None) };
        identify(tx, &op, &sealer(), &begun, &candidate, None, None).map(Some)
    });
    let proved = match write.await {
        // The password is right, and the account may not use it.
        Ok(Some(Proved::SingleSignOn { .. })) => None,
        outcome => outcome.unwrap(),
    }?;
    let id = attempt.id;
    let now = world.store().read(move |tx| crate::access::attempts::find(tx, id)).await.unwrap().unwrap();
    Some((now, proved))
}

fn half(attempt: &Attempt) -> HalfProved {
    match &attempt.state {
        State::HalfProved(half) => half.clone(),
        other => panic!("{other:?}"),
    }
}

async fn step(world: &World, attempt: &Attempt, code: &str) -> Result<Step, OwnPasswordError> {
    let (op, attempt, half, code) = (world.op(), attempt.clone(), half(attempt), code.to_owned());
    world.store().write(move |tx| prove(tx, &op, &sealer(), &attempt, &half, &code)).await
}

fn code_of(offer: &Offer, world: &World) -> String {
    totp::code(offer.secret(), totp::step_at(world.op().at))
}

#[tokio::test]
async fn a_password_and_a_code_identify_the_person_by_several_factors() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        let offer = give_factor(&world, bea).await;
        let (attempt, proved) = typed(&world, BEA).await.unwrap();
        assert_eq!((proved, half(&attempt).asked), (Proved::Half, Asked::Factor), "{}", world.engine());
        assert!(matches!(step(&world, &attempt, "000000").await.unwrap(), Step::Wrong));
        assert!(matches!(step(&world, &attempt, &code_of(&offer, &world)).await.unwrap(), Step::Right(_)));
        let State::Identified(who) = world.state_of(attempt.id).await else { panic!("{}", world.engine()) };
        assert_eq!(
            (who.account, who.amr, who.acr.as_str()),
            (bea, ["pwd", "otp", "mfa"].map(str::to_owned).to_vec(), "urn:causeway:acr:mfa")
        );
    }
}

/// Nothing that was proved before stands after too many guesses, and the person hears of it.
#[tokio::test]
async fn after_so_many_wrong_codes_the_password_is_asked_again_and_the_person_is_told() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        let offer = give_factor(&world, bea).await;
        let (attempt, _) = typed(&world, BEA).await.unwrap();
        for _ in 1..MAX_CODES {
            assert!(matches!(step(&world, &attempt, "000000").await.unwrap(), Step::Wrong));
        }
        assert!(matches!(step(&world, &attempt, "000000").await.unwrap(), Step::WrongTooOften), "{}", world.engine());
        assert_eq!(world.state_of(attempt.id).await, State::Started);
        let late = step(&world, &attempt, &code_of(&offer, &world)).await;
        assert!(matches!(late, Err(OwnPasswordError::Attempt(_))), "{}: {late:?}", world.engine());
        assert_eq!(world.entries("second_factor.guessed").await.len(), 1);
        let now = world.op().at;
        let queued = world
            .store()
            .write(move |tx| jobs::claim(tx, jobs::Kinds::Except(&[]), now, now.plus_seconds(60), 100))
            .await
            .unwrap();
        assert!(queued.iter().any(|row| row.payload.contains("wrong_codes")));
    }
}

/// A fresh attempt does not begin anew: who types four codes, and the password again, is told of with the next.
#[tokio::test]
async fn wrong_codes_are_counted_over_all_attempts() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        give_factor(&world, bea).await;
        for times in [4, 1] {
            let (attempt, _) = typed(&world, BEA).await.unwrap();
            assert!(world.entries("second_factor.guessed").await.is_empty(), "{}", world.engine());
            for _ in 0..times {
                assert!(matches!(step(&world, &attempt, "000000").await.unwrap(), Step::Wrong));
            }
        }
        assert_eq!(world.entries("second_factor.guessed").await.len(), 1, "{}", world.engine());
    }
}

/// Somebody who has signed in by a password ten minutes ago, and the attempt that asks them for a code.
async fn asked_for_more(world: &World, account: AccountId) -> (Session, Attempt) {
    let (op, organization) = (world.op(), world.organization);
    let write = world.store().write(move |tx| {
        let identified = by_password(tx, &op, organization, account)?;
        sessions::start(tx, &op, &identified, Limits { idle_seconds: 3_600, absolute_seconds: 36_000 })
    });
    let session = write.await.unwrap().0;
    world.advance(600);
    let attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
    let (op, id, of) = (world.op(), attempt.id, session.clone());
    assert!(world.store().write(move |tx| step_up(tx, &op, id, &of)).await.unwrap());
    let attempt = world.store().read(move |tx| attempts::find(tx, id)).await.unwrap().unwrap();
    (session, attempt)
}

/// An application that asks for a recent sign-in is not content with a code.
#[tokio::test]
async fn a_code_alone_raises_a_session_and_makes_its_sign_in_no_younger() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        let offer = give_factor(&world, bea).await;
        let (session, attempt) = asked_for_more(&world, bea).await;
        let early = world.start_attempt(&Secret::from("browser".to_owned())).await;
        let by_connection = Session { connection: Some(world.connection), ..session.clone() };
        let of_another = Session { account: world.ada, ..session.clone() };
        for other in [by_connection, of_another] {
            let (op, id) = (world.op(), early.id);
            assert!(!world.store().write(move |tx| step_up(tx, &op, id, &other)).await.unwrap(), "{}", world.engine());
            assert_eq!(world.state_of(id).await, State::Started);
        }
        assert!(matches!(step(&world, &attempt, &code_of(&offer, &world)).await.unwrap(), Step::Right(_)));
        let State::Identified(who) = world.state_of(attempt.id).await else { panic!("{}", world.engine()) };
        assert_eq!(
            (who.auth_time, who.acr.as_str()),
            (session.auth_time, "urn:causeway:acr:mfa"),
            "{}",
            world.engine()
        );
    }
}

#[tokio::test]
async fn a_session_that_has_been_ended_is_not_raised_by_a_code() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        let offer = give_factor(&world, bea).await;
        let (session, attempt) = asked_for_more(&world, bea).await;
        let (op, id, organization) = (world.op(), session.id, world.organization);
        let ended = world.store().write(move |tx| sessions::end(tx, &op, id, organization, &json!({})));
        assert!(ended.await.unwrap());
        let late = step(&world, &attempt, &code_of(&offer, &world)).await;
        assert!(matches!(late, Err(OwnPasswordError::Changed)), "{}: {late:?}", world.engine());
    }
}

/// Whoever takes the account back at this very moment keeps it.
#[tokio::test]
async fn a_second_factor_that_is_set_up_while_everything_is_ended_is_not_taken() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        require_mfa(&world, world.organization).await;
        let (attempt, _) = typed(&world, BEA).await.unwrap();
        let (op, at, half) = (world.op(), world.op().at, half(&attempt));
        let offer = Offer::new(&op, &sealer(), &Place::new(bea, attempt.id)).unwrap();
        let code = code_of(&offer, &world);
        let set = world.store().write(move |tx| set_up(tx, &op, &sealer(), &attempt, &half, (&offer, &code)));
        let ended = move |tx: &mut Tx<'_>| account_rows::end_sessions(tx, bea, at);
        let (_, set) = scratch::overlap(world.store(), ended, set).await;
        assert!(matches!(set, Err(OwnPasswordError::Changed)), "{}: {set:?}", world.engine());
    }
}

#[tokio::test]
async fn a_password_that_is_changed_or_an_account_that_is_closed_meanwhile_ends_the_second_step() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        let offer = give_factor(&world, bea).await;
        let (attempt, _) = typed(&world, BEA).await.unwrap();
        let op = world.op();
        world.store().write(move |tx| account_rows::end_sessions(tx, bea, op.at)).await.unwrap();
        let late = step(&world, &attempt, &code_of(&offer, &world)).await;
        assert!(matches!(late, Err(OwnPasswordError::Changed)), "{}: {late:?}", world.engine());
    }
}

async fn require_mfa(world: &World, organization: OrganizationId) {
    let op = world.operator();
    let set = world.store().write(move |tx| mfa_policy::set(tx, &op, organization, MfaPolicy::Required)).await;
    assert_eq!(set.unwrap(), MfaPolicy::Required);
}

/// Led to set one up before there is a session; and nothing that the page carries is good for somebody else.
#[tokio::test]
async fn a_member_without_a_factor_sets_one_up_where_their_organization_asks_for_it() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        assert!(matches!(typed(&world, BEA).await.unwrap().1, Proved::Whole(_)));
        require_mfa(&world, world.organization).await;
        let (attempt, proved) = typed(&world, BEA).await.unwrap();
        assert_eq!((proved, half(&attempt).asked), (Proved::Half, Asked::SetUp), "{}", world.engine());
        let op = world.op();
        let offer = Offer::new(&op, &sealer(), &Place::new(bea, attempt.id)).unwrap();
        let take = async |code: String| {
            let (op, attempt, half, offer) = (world.op(), attempt.clone(), half(&attempt), offer.clone());
            let set = world.store().write(move |tx| set_up(tx, &op, &sealer(), &attempt, &half, (&offer, &code)));
            set.await
        };
        assert!(matches!(take("000000".to_owned()).await, Err(OwnPasswordError::Enrolment(_))));
        assert!(matches!(world.state_of(attempt.id).await, State::HalfProved(_)));
        let SetUp { codes, .. } = take(code_of(&offer, &world)).await.unwrap();
        assert_eq!(codes.len(), enrolment::CODES);
        let State::Identified(who) = world.state_of(attempt.id).await else { panic!("{}", world.engine()) };
        let epoch = world.store().read(move |tx| accounts::find(tx, bea)).await.unwrap().unwrap().session_epoch;
        assert_eq!((who.session_epoch, who.acr.as_str()), (epoch, "urn:causeway:acr:mfa"));
        world.advance(30);
        assert_eq!(half(&typed(&world, BEA).await.unwrap().0).asked, Asked::Factor, "asked for from then on");
        assert_eq!(world.entries("mfa_policy.changed").await.len(), 1);
    }
}

/// Rules C6 and A19, invariant 15: the policy of an organization does not reach those who belong elsewhere.
#[tokio::test]
async fn c6_a19_an_external_is_not_held_to_the_policy_of_the_organization_they_visit() {
    for world in world().await {
        let bea = person(&world, BEA, world.organization).await;
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let id = op.new_id();
            let row = account_rows::AccountRow { id, ..account_rows::find(tx, bea)?.unwrap() };
            let address = "cem@elsewhere.test".to_owned();
            let address = AddressRow { account_id: id, address, is_primary: true, verified_at: Some(op.at) };
            let of_bea = memberships::find(tx, bea, organization)?.unwrap();
            let membership = MembershipRow { account_id: id, kind: "external".to_owned(), ..of_bea };
            account_rows::insert(tx, &row, &[address], &membership)?;
            passwords::set(tx, &op, &sealer(), id, &hash()).unwrap();
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
        require_mfa(&world, organization).await;
        assert_eq!(half(&typed(&world, BEA).await.unwrap().0).asked, Asked::SetUp, "{}: a member", world.engine());
        let proved = typed(&world, "cem@elsewhere.test").await.unwrap().1;
        assert!(matches!(proved, Proved::Whole(_)), "{}: {proved:?}", world.engine());
        let nobody = world.op();
        let refused = world.store().write(move |tx| mfa_policy::set(tx, &nobody, organization, MfaPolicy::Off)).await;
        assert!(matches!(refused, Err(MfaPolicyError::Denied(_))));
    }
}

#[tokio::test]
async fn an_application_that_asks_for_several_factors_gets_them() {
    for world in world().await {
        person(&world, BEA, world.organization).await;
        let asks = Some("urn:causeway:acr:mfa");
        assert_eq!(half(&typed_for(&world, BEA, asks).await.unwrap().0).asked, Asked::SetUp, "{}", world.engine());
        for little in ["urn:causeway:acr:password", "1", "urn:causeway:acr:mfa urn:causeway:acr:password"] {
            let proved = typed_for(&world, BEA, Some(little)).await.unwrap().1;
            assert!(matches!(proved, Proved::Whole(_)), "{little}");
        }
    }
}

/// Puts the owner of Acme, whose address is an identity provider's matter, on the list, with a password.
async fn listed_owner(world: &World) -> AccountId {
    let (op, organization) = (world.operator(), world.organization);
    let write = world.store().write(move |tx| {
        let owner = memberships::active_in_role(tx, organization, "owner")?[0];
        break_glass::add(tx, &op, organization, owner).unwrap();
        account_rows::mark_verified(tx, owner, OWNER, op.at)?;
        passwords::set(tx, &op, &sealer(), owner, &hash()).unwrap();
        Ok::<_, StoreError>(owner)
    });
    write.await.unwrap()
}

/// Decision Q18: for those on the list, with a second factor and not without.
#[tokio::test]
async fn q18_break_glass_enters_by_password_and_second_factor_and_nobody_else_of_the_domain_does() {
    for world in world().await {
        let owner = listed_owner(&world).await;
        let (_, proved) = typed(&world, OWNER).await.unwrap();
        assert!(matches!(proved, Proved::Whole(_)), "{}: E28, as anybody while nothing is asked", world.engine());
        world.set_policy(SsoPolicy::Required).await;
        assert!(typed(&world, OWNER).await.is_none(), "required, and no second factor");
        let offer = give_factor(&world, owner).await;
        let (attempt, proved) = typed(&world, OWNER).await.unwrap();
        assert_eq!((proved, half(&attempt).asked), (Proved::Half, Asked::Factor), "{}", world.engine());
        assert!(matches!(step(&world, &attempt, &code_of(&offer, &world)).await.unwrap(), Step::Right(_)));
        // Another one of the domain, with a password from before.
        let (op, ada) = (world.op(), world.ada);
        let write = world.store().write(move |tx| {
            account_rows::mark_verified(tx, ada, "ada@acme.test", op.at)?;
            passwords::set(tx, &op, &sealer(), ada, &hash()).unwrap();
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
        assert!(typed(&world, "ada@acme.test").await.is_none(), "{}", world.engine());
    }
}
