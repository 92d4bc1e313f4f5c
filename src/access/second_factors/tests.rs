use super::enrolment::{CODES, Enrolled, EnrolmentError, enrol, remove, renew_codes};
use super::offer::{Offer, Place};
use super::reset::{ResetError, reset};
use super::{overview, prove};
use crate::access::devices;
use crate::access::testing::{World, world};
use crate::directory::accounts;
use crate::directory::profile::Profile;
use crate::directory::sso_policy::SsoPolicy;
use crate::keys::sealing::Sealer;
use crate::protocol::totp;
use crate::store::failure::StoreError;
use crate::store::memberships::{self, MembershipRow};
use crate::store::{accounts as account_rows, devices as device_rows, jobs, recovery_codes, totp_factors};
use crate::values::ids::{AccountId, AdminTokenId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::secret::Secret;

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
}

/// Bea, a member of Acme whose address no identity provider answers for.
async fn bea(world: &World) -> AccountId {
    let (op, organization) = (world.op(), world.organization);
    let write = world.store().write(move |tx| {
        let profile = Profile { addresses: vec!["bea@freelance.test".parse().unwrap()], ..Profile::default() };
        accounts::create(tx, &op, organization, &profile, Role::Member)
    });
    write.await.unwrap()
}

fn offer(op: &Operation, account: AccountId) -> Offer {
    Offer::new(op, &sealer(), &Place::new(account, op.request)).unwrap()
}

fn code_of(offer: &Offer, op: &Operation) -> String {
    totp::code(offer.secret(), totp::step_at(op.at))
}

/// Gives an account an app; its secret, and what came of it.
async fn enrolled(world: &World, account: AccountId) -> (Offer, Enrolled) {
    let op = world.op();
    let (offer, taken) = (offer(&op, account), op.clone());
    let typed = code_of(&offer, &op);
    let given = offer.clone();
    let write = world.store().write(move |tx| enrol(tx, &taken, &sealer(), account, &given, &typed));
    (offer, write.await.unwrap())
}

async fn proof(world: &World, account: AccountId, typed: &str) -> bool {
    let (op, typed) = (world.op(), typed.to_owned());
    world.store().write(move |tx| prove(tx, &op, &sealer(), account, &typed)).await.unwrap()
}

/// The names of the notices that were queued since the last look.
async fn told(world: &World) -> Vec<String> {
    let now = world.op().at;
    let claimed = world
        .store()
        .write(move |tx| jobs::claim(tx, jobs::Kinds::Except(&[]), now.plus_seconds(1), now.plus_seconds(600), 100));
    let rows = claimed.await.unwrap().into_iter().filter(|row| row.kind == "tell_person");
    let payloads = rows.map(|row| serde_json::from_str::<serde_json::Value>(&row.payload).unwrap());
    payloads.map(|job| job["notice"].to_string()).collect()
}

#[tokio::test]
async fn an_app_counts_once_a_code_of_it_was_typed_and_each_code_is_good_once() {
    for world in world().await {
        let bea = bea(&world).await;
        let op = world.op();
        let unproved = offer(&op, bea);
        let wrong = world.store().write(move |tx| enrol(tx, &op, &sealer(), bea, &unproved, "000000"));
        assert!(matches!(wrong.await, Err(EnrolmentError::WrongCode)), "{}", world.engine());
        assert!(!proof(&world, bea, "000000").await, "nothing was kept");
        let (offer, enrolled) = enrolled(&world, bea).await;
        assert_eq!(enrolled.codes.len(), CODES);
        let first = code_of(&offer, &world.op());
        assert!(!proof(&world, bea, &first).await, "the code that confirmed it is used up");
        world.advance(30);
        let next = code_of(&offer, &world.op());
        assert!(proof(&world, bea, &format!("{} {}", &next[..3], &next[3..])).await);
        assert!(!proof(&world, bea, &next).await, "{}: a code is good once", world.engine());
        assert!(!proof(&world, bea, &first).await, "and so is every one before it");
        let other = world.ada;
        world.advance(30);
        assert!(!proof(&world, other, &code_of(&offer, &world.op())).await, "somebody else's");
        assert_eq!(world.entries("second_factor.added").await, [serde_json::json!({ "kind": "totp" })]);
    }
}

#[tokio::test]
async fn of_two_who_type_the_same_code_at_once_one_is_let_in() {
    for world in world().await {
        let bea = bea(&world).await;
        let (offer, enrolled) = enrolled(&world, bea).await;
        world.advance(30);
        let typed = code_of(&offer, &world.op());
        let (one, other) = tokio::join!(proof(&world, bea, &typed), proof(&world, bea, &typed));
        assert_eq!([one, other].into_iter().filter(|is_right| *is_right).count(), 1, "{}", world.engine());
        let code = enrolled.codes[0].shown();
        let (one, other) = tokio::join!(proof(&world, bea, &code), proof(&world, bea, &code));
        assert_eq!([one, other].into_iter().filter(|is_right| *is_right).count(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_recovery_code_is_good_once_is_told_and_the_rest_stay() {
    for world in world().await {
        let bea = bea(&world).await;
        let op = world.op();
        let none = world.store().write(move |tx| renew_codes(tx, &op, bea)).await;
        assert!(matches!(none, Err(EnrolmentError::NotAllowed)), "{}: there is no app", world.engine());
        let (_, enrolled) = enrolled(&world, bea).await;
        assert_eq!(told(&world).await, ["{\"notice\":\"second_factor_added\"}"]);
        let code = enrolled.codes[3].shown();
        assert!(proof(&world, bea, &code.to_uppercase()).await);
        assert!(!proof(&world, bea, &code).await, "{}", world.engine());
        assert_eq!(world.entries("recovery_code.used").await, [serde_json::json!({ "left": CODES - 1 })]);
        assert_eq!(told(&world).await, ["{\"notice\":\"recovery_code_used\"}"]);
        let left = world.store().read(move |tx| overview(tx, bea)).await.unwrap().unwrap();
        assert_eq!(left.codes_left, 9);
        let op = world.op();
        let renewed = world.store().write(move |tx| renew_codes(tx, &op, bea)).await.unwrap();
        assert_eq!(renewed.len(), CODES);
        assert_eq!(told(&world).await, ["{\"notice\":\"recovery_codes_made\"}"]);
        assert!(!proof(&world, bea, &enrolled.codes[4].shown()).await, "those before are gone");
        assert!(proof(&world, bea, &renewed[0].shown()).await);
    }
}

/// Wherever they are typed: whoever begins anew after four is told of as well.
#[tokio::test]
async fn every_fifth_wrong_code_in_a_row_is_written_down_and_told() {
    for world in world().await {
        let bea = bea(&world).await;
        let (offer, enrolled) = enrolled(&world, bea).await;
        told(&world).await;
        let wrong = async |times: usize| {
            for _ in 0..times {
                assert!(!proof(&world, bea, "000000").await);
            }
        };
        wrong(4).await;
        assert!(told(&world).await.is_empty(), "{}", world.engine());
        wrong(1).await;
        assert_eq!(told(&world).await, ["{\"notice\":\"wrong_codes\"}"]);
        world.advance(1);
        wrong(5).await;
        assert_eq!(told(&world).await.len(), 1, "{}: and again", world.engine());
        assert_eq!(
            world.entries("second_factor.guessed").await,
            [serde_json::json!({ "wrong_codes": 10 }), serde_json::json!({ "wrong_codes": 5 })]
        );
        wrong(4).await;
        world.advance(30);
        assert!(proof(&world, bea, &code_of(&offer, &world.op())).await);
        wrong(4).await;
        assert!(proof(&world, bea, &enrolled.codes[0].shown()).await);
        told(&world).await;
        wrong(4).await;
        assert!(told(&world).await.is_empty(), "{}: a right one of either kind begins anew", world.engine());
    }
}

/// Whoever has the password alone can make browsers known; with a second factor these are nobody's.
#[tokio::test]
async fn browsers_that_were_known_before_there_was_a_second_factor_are_forgotten() {
    for world in world().await {
        let bea = bea(&world).await;
        let (op, at) = (world.op(), world.op().at);
        world.store().write(move |tx| devices::note(tx, &op, bea, None)).await.unwrap();
        let known = async || world.store().read(move |tx| device_rows::count(tx, bea, at)).await.unwrap();
        assert_eq!(known().await, 1);
        enrolled(&world, bea).await;
        assert_eq!(known().await, 0, "{}", world.engine());
    }
}

#[tokio::test]
async fn what_is_kept_is_sealed_and_hashed_and_goes_with_the_app() {
    for world in world().await {
        let bea = bea(&world).await;
        let (offer, enrolled) = enrolled(&world, bea).await;
        let row = world.store().read(move |tx| totp_factors::find(tx, bea)).await.unwrap().unwrap();
        assert!(!row.sealed_secret.windows(8).any(|window| window == &offer.secret()[..8]));
        assert!(sealer().open(&row.sealed_secret, "totp_factors.sealed_secret/another").is_err());
        let op = world.op();
        let again = self::offer(&op, bea);
        let typed = code_of(&again, &op);
        let twice = world.store().write(move |tx| enrol(tx, &op, &sealer(), bea, &again, &typed)).await;
        assert!(matches!(twice, Err(EnrolmentError::AlreadyThere)), "{}: {twice:?}", world.engine());
        let op = world.op();
        let epoch = world.store().write(move |tx| remove(tx, &op, bea)).await.unwrap();
        assert_eq!(epoch, enrolled.session_epoch + 1, "what was signed in is over");
        assert!(!proof(&world, bea, &enrolled.codes[0].shown()).await);
        let left = world.store().read(move |tx| recovery_codes::count(tx, bea)).await.unwrap();
        assert_eq!(left, 0, "{}", world.engine());
        let op = world.op();
        let twice = world.store().write(move |tx| remove(tx, &op, bea)).await;
        assert!(matches!(twice, Err(EnrolmentError::NotAllowed)));
    }
}

/// Invariant 12: credentials exist where somebody signs in, and an account that an organization signs in has none here.
#[tokio::test]
async fn who_may_have_no_password_gets_no_second_factor_and_a_deleted_account_keeps_none() {
    for world in world().await {
        world.set_policy(SsoPolicy::Required).await;
        let (op, ada) = (world.op(), world.ada);
        let hers = offer(&op, ada);
        let typed = code_of(&hers, &op);
        let refused = world.store().write(move |tx| enrol(tx, &op, &sealer(), ada, &hers, &typed)).await;
        assert!(matches!(refused, Err(EnrolmentError::NotAllowed)), "{}", world.engine());
        let bea = bea(&world).await;
        enrolled(&world, bea).await;
        let (op, organization) = (world.operator(), world.organization);
        world.store().write(move |tx| accounts::end_membership(tx, &op, organization, bea)).await.unwrap();
        let left = world
            .store()
            .read(move |tx| Ok::<_, StoreError>((totp_factors::is_there(tx, bea)?, recovery_codes::count(tx, bea)?)));
        assert_eq!(left.await.unwrap(), (false, 0), "{}", world.engine());
    }
}

/// Rules D4, D7 and C13: for the organization's own members, by those who decide about signing in.
#[tokio::test]
async fn d7_administrators_take_the_lost_factor_of_their_own_members_away_and_of_nobody_else() {
    for world in world().await {
        let bea = bea(&world).await;
        let (_, enrolled) = enrolled(&world, bea).await;
        told(&world).await;
        let organization = world.organization;
        let take =
            async |op: Operation, account| world.store().write(move |tx| reset(tx, &op, organization, account)).await;
        for role in [Role::UserAdmin, Role::AppAdmin, Role::Auditor, Role::Member] {
            let token = AdminTokenId::from_bytes(&[1; 16]).unwrap();
            let op = world.op().by(Actor::Admin { organization, role, token });
            assert!(matches!(take(op, bea).await, Err(ResetError::Denied(_))), "{role:?}");
        }
        assert!(matches!(take(world.operator(), world.ada).await, Err(ResetError::NotFound)), "she has none");
        let op = world.op();
        let visitor = world.store().write(move |tx| {
            let id: AccountId = op.new_id();
            let row = account_rows::AccountRow { id, ..account_rows::find(tx, bea)?.unwrap() };
            let of_bea = memberships::find(tx, bea, organization)?.unwrap();
            let membership = MembershipRow { account_id: id, kind: "external".to_owned(), ..of_bea };
            account_rows::insert(tx, &row, &[], &membership)?;
            Ok::<_, StoreError>(id)
        });
        let visitor = visitor.await.unwrap();
        self::enrolled(&world, visitor).await;
        let refused = take(world.operator(), visitor).await;
        assert!(matches!(refused, Err(ResetError::NotOwnMember)), "{}: {refused:?}", world.engine());
        told(&world).await;
        take(world.operator(), bea).await.unwrap();
        assert!(!proof(&world, bea, &enrolled.codes[0].shown()).await);
        assert_eq!(told(&world).await, ["{\"notice\":\"second_factor_removed\"}"], "{}", world.engine());
        assert_eq!(world.entries("second_factor.removed").await.len(), 1);
    }
}
