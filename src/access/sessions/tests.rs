use super::testing::{LIMITS, brought, guest_of_globex};
use super::{Session, Standing, find_live, start};
use crate::access::enforcement::break_glass;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::testing::{World, by_password, world};
use crate::directory::accounts::{self, ProfileChange};
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::keys::sealing::Sealer;
use crate::store::failure::StoreError;
use crate::store::totp_factors::{self, TotpFactorRow};
use crate::store::{domains, memberships, scratch};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, ResourceId, SessionId};
use crate::values::password::Password;
use crate::values::secret::Secret;

const WELL: Standing = Standing {
    is_account_active: true,
    is_membership_active: true,
    is_connection_active: true,
    may_stay: true,
    session_epoch: 7,
};

fn session() -> Session {
    let at = Timestamp::from_seconds(1_000_000);
    Session {
        id: SessionId::from_bytes(&[1; 16]).unwrap(),
        account: AccountId::from_bytes(&[2; 16]).unwrap(),
        organization: OrganizationId::from_bytes(&[3; 16]).unwrap(),
        connection: ConnectionId::from_bytes(&[4; 16]).ok(),
        session_epoch: 7,
        amr: vec!["pwd".to_owned()],
        acr: "1".to_owned(),
        auth_time: Some(at),
        created_at: at,
        last_seen_at: at,
        expires_at: at.plus_seconds(LIMITS.absolute_seconds),
    }
}

#[test]
fn each_thing_that_ends_a_session_ends_it_alone() {
    let start = session().created_at;
    let used_late = Session { last_seen_at: start.plus_seconds(35_900), ..session() };
    let is_live = |session: &Session, standing: Standing, after: i64| {
        session.is_live(&standing, LIMITS, start.plus_seconds(after))
    };
    let cases = [
        ("fresh", session(), WELL, 0, true),
        ("used within the idle limit", session(), WELL, 3_599, true),
        ("idle", session(), WELL, 3_600, false),
        ("in use, just before the absolute limit", used_late.clone(), WELL, 35_999, true),
        ("in use, at the absolute limit", used_late, WELL, 36_000, false),
        ("account inactive", session(), Standing { is_account_active: false, ..WELL }, 0, false),
        ("membership inactive", session(), Standing { is_membership_active: false, ..WELL }, 0, false),
        ("connection inactive", session(), Standing { is_connection_active: false, ..WELL }, 0, false),
        ("single sign-on is asked of them", session(), Standing { may_stay: false, ..WELL }, 0, false),
        ("epoch moved on", session(), Standing { session_epoch: 8, ..WELL }, 0, false),
        ("epoch moved back", session(), Standing { session_epoch: 6, ..WELL }, 0, false),
    ];
    for (name, session, standing, after, expected) in cases {
        assert_eq!(is_live(&session, standing, after), expected, "{name}");
    }
}

#[test]
fn a_use_is_written_down_once_a_minute() {
    let session = session();
    assert!(!session.is_touch_due(session.last_seen_at.plus_seconds(59)));
    assert!(session.is_touch_due(session.last_seen_at.plus_seconds(60)));
}

/// Signs somebody in with a password of their own, and with these methods beside it.
async fn by_own_credentials(world: &World, account: AccountId, on: OrganizationId, amr: &'static [&str]) -> Secret {
    let op = world.op();
    let write = world.store().write(move |tx| {
        let mut identified = by_password(tx, &op, on, account)?;
        identified.amr = amr.iter().map(|method| (*method).to_owned()).collect();
        start(tx, &op, &identified, LIMITS)
    });
    write.await.unwrap().1
}

async fn is_live(world: &World, token: &Secret) -> bool {
    let (op, token) = (world.op(), token.clone());
    world.store().read(move |tx| find_live(tx, &op, &token, LIMITS)).await.unwrap().is_some()
}

async fn put_policy(world: &World, policy: SsoPolicy) {
    let (at, organization) = (world.op().at, world.organization);
    let write = world.store().write(move |tx| {
        let (_, domain) = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap();
        sso_policy::write(tx, organization, domain, policy, at)
    });
    write.await.unwrap();
}

/// Acme's owner, on the break-glass list with a password and a second factor.
async fn break_glass_owner(world: &World) -> AccountId {
    let (op, organization) = (world.operator(), world.organization);
    let write = world.store().write(move |tx| {
        let owner = memberships::active_in_role(tx, organization, "owner")?[0];
        break_glass::add(tx, &op, organization, owner).unwrap();
        let sealer = Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap();
        let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let hash = PasswordHash::of(&Password::typed("correct horse"), [7; 16], cost).unwrap();
        passwords::set(tx, &op, &sealer, owner, &hash).unwrap();
        let factor = TotpFactorRow { account_id: owner, sealed_secret: vec![1], last_step: 0, confirmed_at: op.at };
        totp_factors::insert(tx, &factor)?;
        Ok::<_, StoreError>(owner)
    });
    write.await.unwrap()
}

/// On behalf of whichever organization it was: the policy is of the person's domain (decision Q4).
#[tokio::test]
async fn e27_q4_requiring_single_sign_on_ends_what_the_domains_people_opened_by_themselves() {
    for world in world().await {
        let (op, ada, acme) = (world.op(), world.ada, (world.organization, world.connection));
        let own = by_own_credentials(&world, ada, world.organization, &["pwd", "otp", "mfa"]).await;
        let visitor = by_own_credentials(&world, world.visitor().await, world.organization, &["pwd"]).await;
        let guest = guest_of_globex(&world, ada).await;
        let for_globex = by_own_credentials(&world, ada, guest.globex, &["pwd"]).await;
        let write = world.store().write(move |tx| {
            let identified = brought(tx, &op, ada, acme)?;
            start(tx, &op, &identified, LIMITS)
        });
        let by_acme = write.await.unwrap().1;
        let all = [&own, &for_globex, &visitor, &by_acme, &guest.token];
        let live = async || {
            let mut live = Vec::new();
            for token in all {
                live.push(is_live(&world, token).await);
            }
            live
        };
        for (policy, expected) in [
            (SsoPolicy::Off, [true; 5]),
            (SsoPolicy::Optional, [true; 5]),
            (SsoPolicy::Required, [false, false, true, true, true]),
            (SsoPolicy::Off, [true; 5]),
        ] {
            put_policy(&world, policy).await;
            assert_eq!(live().await, expected, "{}: {policy:?}", world.engine());
        }
    }
}

/// Each domain is asked in which somebody has an address, as it is when they sign in.
#[tokio::test]
async fn e27_a_policy_reaches_what_somebody_with_an_address_beside_the_primary_one_opened_by_themselves() {
    for world in world().await {
        let visitor = world.visitor().await;
        let own = by_own_credentials(&world, visitor, world.organization, &["pwd", "otp", "mfa"]).await;
        put_policy(&world, SsoPolicy::Required).await;
        assert!(is_live(&world, &own).await, "{}: no address of theirs is Acme's", world.engine());
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let mut profile = accounts::find(tx, visitor)?.unwrap().profile;
            profile.addresses.push("visitor@acme.test".parse().unwrap());
            Ok::<_, StoreError>(accounts::update_profile(tx, &op, organization, visitor, &profile).unwrap())
        });
        assert_eq!(write.await.unwrap(), ProfileChange::Written);
        assert!(!is_live(&world, &own).await, "{}", world.engine());
        put_policy(&world, SsoPolicy::Optional).await;
        assert!(is_live(&world, &own).await, "{}", world.engine());
    }
}

#[tokio::test]
async fn e26_testing_a_group_ends_what_its_members_opened_by_themselves_and_nobody_else() {
    for world in world().await {
        let own = by_own_credentials(&world, world.ada, world.organization, &["pwd"]).await;
        let ada = world.push_user("ada@acme.test").await;
        for (members, expected) in [(vec![], true), (vec![ada], false)] {
            let group: ResourceId = world.push_group("pilots", &members).await;
            put_policy(&world, SsoPolicy::Test { group }).await;
            assert_eq!(is_live(&world, &own).await, expected, "{}: {members:?}", world.engine());
        }
    }
}

#[tokio::test]
async fn q18_whoever_may_break_the_glass_keeps_what_they_opened_with_a_second_factor() {
    for world in world().await {
        let owner = break_glass_owner(&world).await;
        let with_factor = by_own_credentials(&world, owner, world.organization, &["pwd", "otp", "mfa"]).await;
        let without = by_own_credentials(&world, owner, world.organization, &["pwd"]).await;
        put_policy(&world, SsoPolicy::Required).await;
        let live = (is_live(&world, &with_factor).await, is_live(&world, &without).await);
        assert_eq!(live, (true, false), "{}", world.engine());
    }
}

/// What a policy says is found out with the membership, and more is asked for only where it asks for single sign-on.
#[tokio::test]
async fn a_use_of_a_session_by_own_credentials_costs_one_query_less_than_one_by_a_connection() {
    for world in world().await {
        let own = by_own_credentials(&world, world.ada, world.organization, &["pwd"]).await;
        let guest = guest_of_globex(&world, world.ada).await;
        let visitor = by_own_credentials(&world, world.visitor().await, world.organization, &["pwd"]).await;
        let cases =
            [(SsoPolicy::Off, &own, 4), (SsoPolicy::Required, &visitor, 4), (SsoPolicy::Required, &guest.token, 5)];
        for (policy, token, expected) in cases {
            put_policy(&world, policy).await;
            let (op, token) = (world.op(), token.clone());
            let count = world.store().read(move |tx| {
                let (found, queries) = scratch::count_queries(tx, |tx| find_live(tx, &op, &token, LIMITS));
                found.map(|found| (found.is_some(), queries))
            });
            assert_eq!(count.await.unwrap(), (true, expected), "{}: {policy:?}", world.engine());
        }
    }
}
