use serde_json::json;

use super::{Checks, LEAST_BREAK_GLASS, Missing, PolicyChangeError, Report, change, report};
use crate::access::enforcement::break_glass::{self, BreakGlassError};
use crate::access::enforcement::readiness::{self, OrganizationKind, Readiness, Thresholds};
use crate::access::enforcement::{Verdict, VerdictError, note_own_sign_in, of_member};
use crate::access::identity::AssertedIdentity;
use crate::access::passwords::{self, Cost, PasswordHash};
use crate::access::testing::{LINKING, World, world};
use crate::directory::carried_roles::{self, Carried, Source};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule};
use crate::directory::connection_route::{self, ConnectionRoute, RouteError};
use crate::directory::connections::oidc_options::{self, OidcOptions};
use crate::directory::connections::{self, ConnectionError, Settings, provider};
use crate::directory::domains::claim::{self, DomainError};
use crate::directory::matching::{MatchRule, Matching};
use crate::directory::profile::Profile;
use crate::directory::sso_policy::{self, SsoPolicy};
use crate::directory::{accounts, memberships as directory_memberships};
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::store::failure::StoreError;
use crate::store::sso_policies::{self, DomainCounts};
use crate::store::totp_factors::TotpFactorRow;
use crate::store::{
    Tx, break_glass as rows, carried_roles as carried_rows, domains, memberships, outbox, scratch, totp_factors,
};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, DomainId, OrganizationId, ResourceId};
use crate::values::operation::{Operation, Role};
use crate::values::password::Password;
use crate::values::secret::Secret;

const THRESHOLDS: Thresholds = Thresholds { corporate: 75, education: 40 };

fn group() -> ResourceId {
    ResourceId::from_bytes(&[1; 16]).unwrap()
}

fn checks() -> Checks {
    Checks {
        is_domain_verified: true,
        has_active_connection: true,
        has_open_connection: true,
        has_recent_sign_in: true,
        break_glass: LEAST_BREAK_GLASS,
        readiness: Readiness { counts: DomainCounts { people: 100, members: 75, signed_in: 0 }, threshold_percent: 75 },
    }
}

/// Q18, E10, E26, E31 and E34: what each step asks for.
#[test]
fn q18_each_step_asks_for_what_it_rests_on() {
    let few = Readiness { counts: DomainCounts { people: 100, members: 74, signed_in: 74 }, ..checks().readiness };
    let unproved = Checks { is_domain_verified: false, ..checks() };
    let unconnected = Checks { has_active_connection: false, ..checks() };
    let closed = Checks { has_open_connection: false, ..checks() };
    let untried = Checks { has_recent_sign_in: false, ..checks() };
    let one_left = Checks { break_glass: 1, ..checks() };
    let early = Checks { readiness: few, ..checks() };
    let (optional, test, required) = (SsoPolicy::Optional, SsoPolicy::Test { group: group() }, SsoPolicy::Required);
    for (what, checks, missing) in [
        ("all is there", checks(), [vec![], vec![], vec![]]),
        ("the domain", unproved, [vec![Missing::Domain], vec![Missing::Domain], vec![Missing::Domain]]),
        (
            "a connection",
            unconnected,
            [vec![Missing::Connection], vec![Missing::Connection], vec![Missing::Connection]],
        ),
        ("one for those who are asked", closed, [vec![], vec![Missing::OpenConnection], vec![Missing::OpenConnection]]),
        ("a sign-in", untried, [vec![], vec![], vec![Missing::RecentSignIn]]),
        ("break-glass", one_left, [vec![], vec![], vec![Missing::BreakGlass]]),
        ("people", early, [vec![], vec![], vec![Missing::Readiness]]),
    ] {
        assert_eq!([optional, test, required].map(|policy| checks.missing(policy)), missing, "{what}");
        assert_eq!(checks.missing(SsoPolicy::Off), [], "{what}");
    }
}

async fn acme_test(world: &World) -> DomainId {
    world.store().read(|tx| domains::owner_of(tx, "acme.test", domains::Owned::Trusted)).await.unwrap().unwrap().1
}

async fn go(world: &World, next: SsoPolicy, typed: Option<&'static str>) -> Result<Report, PolicyChangeError> {
    let (op, organization, id) = (world.operator(), world.organization, acme_test(world).await);
    world.store().write(move |tx| change(tx, &op, organization, id, (next, typed), THRESHOLDS)).await
}

/// As it was when all was ready: nobody has a second factor here.
async fn require(world: &World) {
    let (at, organization, id) = (world.op().at, world.organization, acme_test(world).await);
    let required = SsoPolicy::Required;
    world.store().write(move |tx| sso_policy::write(tx, organization, id, required, at)).await.unwrap();
}

async fn write<E>(world: &World, work: impl FnOnce(&mut Tx<'_>) -> Result<(), E> + Send + 'static) -> Result<(), E>
where
    E: From<StoreError> + Send + 'static,
{
    world.store().write(work).await
}

async fn owner(world: &World) -> AccountId {
    let organization = world.organization;
    world.store().read(move |tx| memberships::active_in_role(tx, organization, "owner")).await.unwrap()[0]
}

#[tokio::test]
async fn e26_e34_a_policy_goes_on_step_by_step_and_only_when_all_is_ready() {
    for world in world().await {
        assert!(matches!(go(&world, SsoPolicy::Required, None).await, Err(PolicyChangeError::WrongState(_))));
        assert_eq!(go(&world, SsoPolicy::Optional, None).await.unwrap().policy, SsoPolicy::Optional);
        let test = SsoPolicy::Test { group: group() };
        assert!(matches!(go(&world, test, None).await, Err(PolicyChangeError::NoSuchGroup)), "{}", world.engine());
        let (at, organization, id) = (world.op().at, world.organization, acme_test(&world).await);
        write::<StoreError>(&world, move |tx| sso_policy::write(tx, organization, id, test, at)).await.unwrap();
        let Err(PolicyChangeError::NotReady(missing)) = go(&world, SsoPolicy::Required, None).await else {
            panic!("not refused")
        };
        assert_eq!(missing, [Missing::RecentSignIn, Missing::BreakGlass], "{}", world.engine());
        let op = world.operator();
        let found = world.store().read(move |tx| report(tx, &op, organization, id, THRESHOLDS)).await.unwrap();
        let counts = DomainCounts { people: 2, members: 2, signed_in: 0 };
        assert_eq!((found.policy, found.checks.readiness.counts), (test, counts), "the owner and Ada");
        assert_eq!(go(&world, SsoPolicy::Off, None).await.unwrap().policy, SsoPolicy::Off, "back at once");
        assert_eq!(world.entries("sso_policy.changed").await.len(), 2);
    }
}

#[tokio::test]
async fn administrators_are_told_of_a_policy_that_changes() {
    for world in world().await {
        let attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
        world.answer(&attempt, "ada@acme.test").await;
        go(&world, SsoPolicy::Optional, None).await.unwrap();
        let told = world.store().write(|tx| outbox::oldest_for_update(tx, 100)).await.unwrap();
        assert!(told.iter().any(|row| row.event == "sso_policy_changed"), "{}", world.engine());
    }
}

#[tokio::test]
async fn q18_going_back_is_possible_whatever_is_missing() {
    for world in world().await {
        for connection in [world.connection, world.other_connection] {
            let (op, organization) = (world.operator(), world.organization);
            let disable = move |tx: &mut Tx<'_>| connections::disable(tx, &op, organization, connection).map(drop);
            write(&world, disable).await.unwrap();
        }
        require(&world).await;
        let (pilots, others) = (world.push_group("pilots", &[]).await, world.push_group("others", &[]).await);
        let another_test = SsoPolicy::Test { group: others };
        for back in [SsoPolicy::Test { group: pilots }, another_test, SsoPolicy::Optional, SsoPolicy::Off] {
            assert_eq!(go(&world, back, None).await.unwrap().policy, back, "{}", world.engine());
        }
    }
}

#[tokio::test]
async fn q18_the_sign_in_of_an_administrator_counts_for_a_day() {
    for world in world().await {
        let (organization, id, ada) = (world.organization, acme_test(&world).await, world.ada);
        let is_recent = async || {
            let op = world.operator();
            let found = world.store().read(move |tx| report(tx, &op, organization, id, THRESHOLDS)).await.unwrap();
            found.checks.has_recent_sign_in
        };
        let binding = crate::values::secret::Secret::from("browser".to_owned());
        world.answer(&world.start_attempt(&binding).await, "ada@acme.test").await;
        assert!(!is_recent().await, "{}: of a member", world.engine());
        let at = world.op().at;
        let make_admin = move |tx: &mut Tx<'_>| memberships::update_role(tx, ada, organization, "admin", None, at);
        write::<StoreError>(&world, make_admin).await.unwrap();
        world.advance(24 * 3_600 - 1);
        assert!(is_recent().await, "{}", world.engine());
        world.advance(1);
        assert!(!is_recent().await, "{}", world.engine());
    }
}

#[tokio::test]
async fn e31_education_has_a_threshold_of_its_own_which_operators_set() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let set = move |tx: &mut Tx<'_>| readiness::set_kind(tx, &op, organization, OrganizationKind::Education);
        write(&world, set).await.unwrap();
        let domain = "acme.test".parse().unwrap();
        let found = world.store().read(move |tx| readiness::load(tx, organization, &domain, THRESHOLDS)).await.unwrap();
        assert_eq!(found.threshold_percent, 40, "{}", world.engine());
        let op = world.op();
        let set = move |tx: &mut Tx<'_>| readiness::set_kind(tx, &op, organization, OrganizationKind::Corporate);
        assert!(matches!(write(&world, set).await, Err(readiness::KindError::Denied(_))));
    }
}

/// Only these come in through the world's connection.
async fn keep_for(world: &World, groups: Vec<ResourceId>) {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let route = ConnectionRoute { only_groups: groups, ..ConnectionRoute::default() };
    write(world, move |tx: &mut Tx<'_>| connection_route::set(tx, &op, organization, connection, &route))
        .await
        .unwrap();
}

async fn disable_the_other(world: &World) {
    let (op, organization, other) = (world.operator(), world.organization, world.other_connection);
    write(world, move |tx: &mut Tx<'_>| connections::disable(tx, &op, organization, other).map(drop)).await.unwrap();
}

/// Everybody outside its groups would stay outside.
#[tokio::test]
async fn e34_nobody_is_required_to_come_by_a_connection_that_is_for_others() {
    for world in world().await {
        disable_the_other(&world).await;
        ready_but_for_people(&world).await;
        let pilots = world.push_group("staff", &[]).await;
        go(&world, SsoPolicy::Optional, None).await.unwrap();
        keep_for(&world, vec![pilots]).await;
        let others = SsoPolicy::Test { group: world.push_group("others", &[]).await };
        let Err(PolicyChangeError::NotReady(missing)) = go(&world, others, None).await else {
            panic!("{}", world.engine())
        };
        assert_eq!(missing, [Missing::OpenConnection], "{}: a test of people whom it does not let in", world.engine());
        go(&world, SsoPolicy::Test { group: pilots }, None).await.unwrap();
        let Err(PolicyChangeError::NotReady(missing)) = go(&world, SsoPolicy::Required, Some("acme.test")).await else {
            panic!("{}", world.engine())
        };
        let expected = [Missing::OpenConnection, Missing::RecentSignIn];
        assert_eq!(missing, expected, "{}: nor does it show that others get in", world.engine());
        keep_for(&world, vec![]).await;
        go(&world, SsoPolicy::Required, Some("acme.test")).await.unwrap();
    }
}

/// What was shown to work is not what stands there any more.
#[tokio::test]
async fn q18_a_sign_in_counts_until_what_decides_who_comes_in_is_changed() {
    for world in world().await {
        let (op, organization, id, ada) = (world.op(), world.organization, acme_test(&world).await, world.ada);
        let make_admin = move |tx: &mut Tx<'_>| memberships::update_role(tx, ada, organization, "admin", None, op.at);
        write::<StoreError>(&world, make_admin).await.unwrap();
        let is_recent = async || {
            let op = world.operator();
            let found = world.store().read(move |tx| report(tx, &op, organization, id, THRESHOLDS)).await.unwrap();
            found.checks.has_recent_sign_in
        };
        world.sign_in(world.asserted()).await.unwrap();
        let connection = world.connection;
        for round in 0..4 {
            assert!(is_recent().await, "{}: {round}", world.engine());
            world.advance(1);
            let op = world.operator();
            let change = move |tx: &mut Tx<'_>| match round {
                0 => {
                    let demanded = OidcOptions { forces_authentication: true, ..OidcOptions::default() };
                    oidc_options::replace(tx, &op, organization, connection, &demanded).map(drop)
                }
                1 => {
                    let settings = Settings::oidc("https://idp.acme.test", "causeway", Preset::Generic, None);
                    provider::replace_settings(tx, &op, organization, connection, &settings, Some(vec![1])).map(drop)
                }
                2 => {
                    let matching = Matching { by: MatchRule::UserName, ..Matching::default() };
                    provider::replace_matching(tx, &op, organization, connection, matching).map(drop)
                }
                _ => {
                    let policy = ConnectionPolicy { linking: LinkingRule::Never, ..LINKING };
                    connection_policy::set(tx, &op, organization, connection, policy).unwrap();
                    Ok(())
                }
            };
            write::<ConnectionError>(&world, change).await.unwrap();
            assert!(!is_recent().await, "{}: {round}", world.engine());
            world.advance(1);
            let matching = world.matching().await;
            world.sign_in(AssertedIdentity { matching, ..world.asserted() }).await.unwrap();
        }
        let op = world.operator();
        let provisions = ConnectionPolicy { linking: LinkingRule::Never, provisions: true, ..LINKING };
        world.advance(1);
        let more = move |tx: &mut Tx<'_>| connection_policy::set(tx, &op, organization, connection, provisions);
        write(&world, more).await.unwrap();
        assert!(is_recent().await, "{}: more people come in, and nobody less", world.engine());
    }
}

/// PostHog #97388: an enforcement whose connection goes away must not open anything, so the connection stays.
#[tokio::test]
async fn what_would_lock_an_organization_out_is_refused_before_it_is_stored() {
    for world in world().await {
        require(&world).await;
        world.sign_in(world.asserted()).await.unwrap();
        let (organization, domain) = (world.organization, acme_test(&world).await);
        let (one, other, op) = (world.connection, world.other_connection, world.operator());
        let disable = |op: crate::values::operation::Operation, id| {
            move |tx: &mut Tx<'_>| connections::disable(tx, &op, organization, id).map(drop)
        };
        write(&world, disable(op.clone(), other)).await.unwrap();
        let refused = write(&world, disable(op.clone(), one)).await;
        assert!(matches!(refused, Err(ConnectionError::WouldLockOut)), "{}", world.engine());
        let group = world.push_group("pilots", &[]).await;
        let many = ConnectionRoute { only_groups: vec![group; 51], ..ConnectionRoute::default() };
        let routing = op.clone();
        let too_many = move |tx: &mut Tx<'_>| connection_route::set(tx, &routing, organization, one, &many);
        assert!(matches!(write(&world, too_many).await, Err(RouteError::InvalidGroups)), "{}", world.engine());
        let some = ConnectionRoute { only_groups: vec![group], ..ConnectionRoute::default() };
        let routing = op.clone();
        let narrow = move |tx: &mut Tx<'_>| connection_route::set(tx, &routing, organization, one, &some);
        assert!(matches!(write(&world, narrow).await, Err(RouteError::WouldLockOut)), "{}", world.engine());
        let deleting = op.clone();
        let refused = write(&world, move |tx: &mut Tx<'_>| connections::delete(tx, &deleting, organization, one)).await;
        assert!(matches!(refused, Err(ConnectionError::WouldLockOut)));
        let releasing = op.clone();
        let release = move |tx: &mut Tx<'_>| claim::release(tx, &releasing, organization, domain).map(drop);
        assert!(matches!(write(&world, release).await, Err(DomainError::WouldLockOut)));
        go(&world, SsoPolicy::Optional, None).await.unwrap();
        write(&world, disable(op.clone(), one)).await.unwrap();
        let release = move |tx: &mut Tx<'_>| claim::release(tx, &op, organization, domain).map(drop);
        write(&world, release).await.unwrap();
    }
}

#[tokio::test]
async fn break_glass_is_for_administrators_and_ends_with_their_access() {
    for world in world().await {
        let (organization, owner, ada) = (world.organization, owner(&world).await, world.ada);
        let add = |account| {
            let op = world.operator();
            move |tx: &mut Tx<'_>| break_glass::add(tx, &op, organization, account)
        };
        let remove = |account| {
            let op = world.operator();
            move |tx: &mut Tx<'_>| break_glass::remove(tx, &op, organization, account)
        };
        assert!(matches!(write(&world, add(ada)).await, Err(BreakGlassError::NotAdministrator)));
        let at = world.op().at;
        let make_admin = move |tx: &mut Tx<'_>| memberships::update_role(tx, ada, organization, "admin", None, at);
        write::<StoreError>(&world, make_admin).await.unwrap();
        for account in [ada, ada, owner] {
            write(&world, add(account)).await.unwrap();
        }
        assert_eq!(world.entries("break_glass.added").await.len(), 2, "{}", world.engine());
        require(&world).await;
        assert!(matches!(write(&world, remove(ada)).await, Err(BreakGlassError::WouldLockOut)));
        // IPSIE: it dies through provisioning, also where it is one of the last two; and does not come back.
        let op = world.operator();
        let off_and_on = move |tx: &mut Tx<'_>| {
            accounts::deactivate(tx, &op, organization, ada)?;
            accounts::reactivate(tx, &op, organization, ada).map(drop)
        };
        write(&world, off_and_on).await.unwrap();
        let left = world.store().read(move |tx| rows::active(tx, organization)).await.unwrap();
        assert_eq!(left.iter().map(|(account, _)| *account).collect::<Vec<_>>(), [owner]);
        go(&world, SsoPolicy::Off, None).await.unwrap();
        let epoch =
            async || world.store().read(move |tx| accounts::find(tx, owner)).await.unwrap().unwrap().session_epoch;
        let before = epoch().await;
        write(&world, remove(owner)).await.unwrap();
        assert_eq!(epoch().await, before + 1, "{}: what they were signed in to goes on", world.engine());
        assert!(matches!(write(&world, remove(owner)).await, Err(BreakGlassError::NotFound)));
        assert_eq!(world.entries("break_glass.removed").await.len(), 2, "{}", world.engine());
    }
}

/// A directory takes the role away, and with it what a place on the list has opened.
#[tokio::test]
async fn break_glass_ends_with_the_role_that_a_group_carries_and_does_not_come_back_with_it() {
    for world in world().await {
        let (op, organization, ada) = (world.operator(), world.organization, world.ada);
        let carry = |role: Option<Role>| {
            let op = op.clone();
            move |tx: &mut Tx<'_>| {
                let carried = role.map(|role| Carried { role, group: None });
                let membership = directory_memberships::find(tx, ada, organization)?.unwrap();
                carried_roles::carry(tx, &op, &membership, Source::Group, carried)?;
                Ok::<_, StoreError>(())
            }
        };
        write(&world, carry(Some(Role::Admin))).await.unwrap();
        let added = op.clone();
        write(&world, move |tx: &mut Tx<'_>| break_glass::add(tx, &added, organization, ada)).await.unwrap();
        let epoch =
            async || world.store().read(move |tx| accounts::find(tx, ada)).await.unwrap().unwrap().session_epoch;
        let before = epoch().await;
        write(&world, carry(None)).await.unwrap();
        assert_eq!(epoch().await, before + 1, "{}: what they were signed in to goes on", world.engine());
        write(&world, carry(Some(Role::Admin))).await.unwrap();
        assert!(world.store().read(move |tx| rows::active(tx, organization)).await.unwrap().is_empty());
        assert_eq!(world.entries("break_glass.removed").await.len(), 1, "{}", world.engine());
        assert_eq!(epoch().await, before + 1, "{}", world.engine());
        // With the membership both go for good.
        let (added, ended) = (op.clone(), op.clone());
        write(&world, move |tx: &mut Tx<'_>| break_glass::add(tx, &added, organization, ada)).await.unwrap();
        write(&world, move |tx: &mut Tx<'_>| accounts::end_membership(tx, &ended, organization, ada)).await.unwrap();
        let left = world.store().read(move |tx| {
            let is_listed = rows::is_there(tx, organization, ada)?;
            Ok::<_, StoreError>((is_listed, carried_rows::of_member(tx, organization, ada)?.len()))
        });
        assert_eq!(left.await.unwrap(), (false, 0), "{}", world.engine());
    }
}

/// A role that groups carried before it was written down by what.
#[tokio::test]
async fn what_an_older_gateway_let_groups_carry_counts_as_theirs() {
    for world in world().await {
        let (op, organization, ada) = (world.operator(), world.organization, world.ada);
        let roles = world.store().write(move |tx| {
            memberships::update_role(tx, ada, organization, "app_admin", Some("member"), op.at)?;
            let carry = |tx: &mut Tx<'_>, source, role: Option<Role>| {
                let membership = directory_memberships::find(tx, ada, organization)?.unwrap();
                let carried = role.map(|role| Carried { role, group: None });
                carried_roles::carry(tx, &op, &membership, source, carried)?;
                Ok::<_, StoreError>(directory_memberships::find(tx, ada, organization)?.unwrap().role)
            };
            let beside = carry(tx, Source::SignIn, Some(Role::Auditor))?;
            Ok::<_, StoreError>([beside, carry(tx, Source::SignIn, None)?, carry(tx, Source::Group, None)?])
        });
        assert_eq!(roles.await.unwrap(), [Role::AppAdmin, Role::AppAdmin, Role::Member], "{}", world.engine());
    }
}

#[tokio::test]
async fn q18_each_use_of_break_glass_is_audited_and_told() {
    for world in world().await {
        let (op, organization, ada) = (world.op(), world.organization, world.ada);
        let note = move |tx: &mut Tx<'_>| {
            break_glass::note_use(tx, &op, organization, ada)?;
            crate::store::outbox::oldest_for_update(tx, 100)
        };
        let told = world.store().write(note).await.unwrap();
        assert!(told.iter().any(|row| row.event == "break_glass_used"), "{}", world.engine());
        assert_eq!(world.entries("break_glass.used").await.len(), 1);
    }
}

/// Whose primary address nobody owns, and another one lies in a domain that requires single sign-on.
#[tokio::test]
async fn q18_a_use_is_noted_for_whichever_address_single_sign_on_is_asked() {
    for world in world().await {
        let (op, organization) = (world.operator(), world.organization);
        let write = world.store().write(move |tx| {
            let addresses = ["kim@freelance.test", "kim@acme.test"].map(|text| text.parse().unwrap()).to_vec();
            let profile = Profile { addresses, ..Profile::default() };
            let kim = accounts::create(tx, &op, organization, &profile, Role::Admin)?;
            break_glass::add(tx, &op, organization, kim).unwrap();
            passwords::set(tx, &op, &sealer(), kim, &password()).unwrap();
            let secret = TotpFactorRow { account_id: kim, sealed_secret: vec![1], last_step: 0, confirmed_at: op.at };
            totp_factors::insert(tx, &secret)?;
            note_own_sign_in(tx, &op, kim)?;
            Ok::<_, StoreError>(kim)
        });
        let kim = write.await.unwrap();
        assert!(world.entries("break_glass.used").await.is_empty(), "{}: nothing is asked yet", world.engine());
        require(&world).await;
        let op = world.op();
        world.store().write(move |tx| note_own_sign_in(tx, &op, kim)).await.unwrap();
        assert_eq!(world.entries("break_glass.used").await.len(), 1, "{}", world.engine());
    }
}

fn sealer() -> Sealer {
    Sealer::new(&[Secret::from("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=".to_owned())]).unwrap()
}

fn password() -> PasswordHash {
    let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    PasswordHash::of(&Password::typed("correct horse"), [7; 16], cost).unwrap()
}

#[tokio::test]
async fn e27_the_facts_of_a_member_follow_the_policy_of_their_domain() {
    for world in world().await {
        let (organization, ada) = (world.organization, world.ada);
        let verdict = async || {
            let op = world.operator();
            world.store().read(move |tx| of_member(tx, &op, organization, ada)).await.unwrap()
        };
        assert_eq!(verdict().await.0.policy(), SsoPolicy::Off, "{}", world.engine());
        require(&world).await;
        let (facts, found) = verdict().await;
        assert_eq!((facts.policy(), found), (SsoPolicy::Required, Verdict::IdentityProvider));
        let binding = crate::values::secret::Secret::from("browser".to_owned());
        let attempt = world.start_attempt(&binding).await;
        world.answer(&attempt, "ada@acme.test").await;
        assert!(verdict().await.0.has_signed_in_by_connection);
        let op = world.operator();
        write(&world, move |tx: &mut Tx<'_>| accounts::deactivate(tx, &op, organization, ada)).await.unwrap();
        assert_eq!(verdict().await.1, Verdict::Nothing);
        let op = world.operator();
        write(&world, move |tx: &mut Tx<'_>| accounts::end_membership(tx, &op, organization, ada)).await.unwrap();
        let op = world.operator();
        let gone = world.store().read(move |tx| of_member(tx, &op, organization, ada)).await;
        assert!(matches!(gone, Err(VerdictError::NotFound)), "{}: no member any more", world.engine());
    }
}

#[tokio::test]
async fn a_test_is_for_the_members_of_its_group() {
    for world in world().await {
        let (organization, ada) = (world.organization, world.ada);
        let user = world.push_user("ada@acme.test").await;
        let (hers, others) = (world.push_group("pilots", &[user]).await, world.push_group("others", &[]).await);
        go(&world, SsoPolicy::Optional, None).await.unwrap();
        for (group, is_in) in [(hers, true), (others, false)] {
            go(&world, SsoPolicy::Test { group }, None).await.unwrap();
            let op = world.operator();
            let found = world.store().read(move |tx| of_member(tx, &op, organization, ada)).await.unwrap();
            assert_eq!(found.0.domain.unwrap().is_in_test_group, is_in, "{}", world.engine());
        }
    }
}

/// Writes the policy of Acme's domain as it is.
fn put(tx: &mut Tx<'_>, organization: OrganizationId, policy: SsoPolicy, at: Timestamp) -> Result<(), StoreError> {
    let domain = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap().1;
    sso_policy::write(tx, organization, domain, policy, at)
}

/// The owner, Ada and Kim, who are on the list.
async fn three_on_the_list(world: &World) -> [AccountId; 3] {
    let (op, organization, owner, ada) = (world.operator(), world.organization, owner(world).await, world.ada);
    let write = world.store().write(move |tx| {
        memberships::update_role(tx, ada, organization, "admin", None, op.at)?;
        let profile = Profile { addresses: vec!["kim@acme.test".parse().unwrap()], ..Profile::default() };
        let kim = accounts::create(tx, &op, organization, &profile, Role::Admin)?;
        for account in [owner, ada, kim] {
            break_glass::add(tx, &op, organization, account).unwrap();
        }
        Ok::<_, StoreError>([owner, ada, kim])
    });
    write.await.unwrap()
}

/// Takes somebody off the list.
fn taking_off(
    world: &World,
    account: AccountId,
) -> impl FnOnce(&mut Tx<'_>) -> Result<(), BreakGlassError> + Send + 'static {
    let (op, organization) = (world.operator(), world.organization);
    move |tx| break_glass::remove(tx, &op, organization, account)
}

#[tokio::test]
async fn of_two_who_are_taken_off_a_list_of_three_at_once_the_second_stays() {
    for world in world().await {
        let [_, ada, kim] = three_on_the_list(&world).await;
        require(&world).await;
        let remove = taking_off(&world, ada);
        let first = move |tx: &mut Tx<'_>| {
            remove(tx).unwrap();
            Ok(())
        };
        let second = world.store().write(taking_off(&world, kim));
        let (_, second) = scratch::overlap(world.store(), first, second).await;
        assert!(matches!(second, Err(BreakGlassError::WouldLockOut)), "{}: {second:?}", world.engine());
    }
}

/// All is there but for the one who leaves the list.
#[tokio::test]
async fn a_place_on_the_list_that_is_given_up_at_that_moment_does_not_count_for_the_requirement() {
    for world in world().await {
        let [owner, ada, kim] = three_on_the_list(&world).await;
        let test = SsoPolicy::Test { group: world.push_group("pilots", &[]).await };
        let (op, organization) = (world.operator(), world.organization);
        let prepare = move |tx: &mut Tx<'_>| {
            break_glass::remove(tx, &op, organization, kim).unwrap();
            for account in [owner, ada] {
                give_password(tx, &op, account);
                give_factor(tx, &op, account)?;
            }
            put(tx, organization, test, op.at)
        };
        write::<StoreError>(&world, prepare).await.unwrap();
        let attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
        world.answer(&attempt, "ada@acme.test").await;
        let remove = taking_off(&world, ada);
        let first = move |tx: &mut Tx<'_>| {
            remove(tx).unwrap();
            Ok(())
        };
        let required = go(&world, SsoPolicy::Required, Some("acme.test"));
        let (_, required) = scratch::overlap(world.store(), first, required).await;
        let Err(PolicyChangeError::NotReady(missing)) = required else { panic!("{}", world.engine()) };
        assert_eq!(missing, [Missing::BreakGlass], "{}", world.engine());
    }
}

#[tokio::test]
async fn of_two_connections_that_are_switched_off_at_once_the_second_stays() {
    for world in world().await {
        require(&world).await;
        for connection in [world.connection, world.other_connection] {
            world.sign_in(AssertedIdentity { connection, ..world.asserted() }).await.unwrap();
        }
        let disable = |id| {
            let (op, organization) = (world.operator(), world.organization);
            move |tx: &mut Tx<'_>| connections::disable(tx, &op, organization, id).map(drop)
        };
        let disable_one = disable(world.connection);
        let first = move |tx: &mut Tx<'_>| {
            disable_one(tx).unwrap();
            Ok(())
        };
        let second = world.store().write(disable(world.other_connection));
        let (_, second) = scratch::overlap(world.store(), first, second).await;
        assert!(matches!(second, Err(ConnectionError::WouldLockOut)), "{}: {second:?}", world.engine());
    }
}

#[tokio::test]
async fn a_domain_is_not_given_back_whose_policy_leaves_no_other_way_from_that_moment() {
    for world in world().await {
        go(&world, SsoPolicy::Optional, None).await.unwrap();
        let (op, organization, domain) = (world.operator(), world.organization, acme_test(&world).await);
        let at = op.at;
        let first = move |tx: &mut Tx<'_>| put(tx, organization, SsoPolicy::Test { group: group() }, at);
        let release = world.store().write(move |tx| claim::release(tx, &op, organization, domain).map(drop));
        let (_, released) = scratch::overlap(world.store(), first, release).await;
        assert!(matches!(released, Err(DomainError::WouldLockOut)), "{}: {released:?}", world.engine());
    }
}

/// Whoever has waited for somebody else's change holds the policy as well as whoever came first.
#[tokio::test]
async fn a_policy_that_was_waited_for_stays_as_it_is_until_whoever_waited_is_done() {
    for world in world().await {
        go(&world, SsoPolicy::Optional, None).await.unwrap();
        let (at, organization) = (world.op().at, world.organization);
        let writing = |policy| move |tx: &mut Tx<'_>| put(tx, organization, policy, at);
        let look = move |tx: &mut Tx<'_>| {
            let domain = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap().1;
            sso_policy::of(tx, organization, domain)
        };
        let waiting = scratch::interleave(
            world.store(),
            move |tx: &mut Tx<'_>| {
                sso_policies::lock(tx, organization)?;
                look(tx)
            },
            move |tx, before| Ok((before, look(tx)?)),
            world.store().write(writing(SsoPolicy::Off)),
        );
        let test = SsoPolicy::Test { group: group() };
        let (_, ((before, after), off)) = scratch::overlap(world.store(), writing(test), waiting).await;
        assert_eq!((before, after), (test, test), "{}", world.engine());
        off.unwrap();
    }
}

#[test]
fn a_refusal_names_all_that_is_missing() {
    let all = [
        Missing::Domain,
        Missing::Connection,
        Missing::OpenConnection,
        Missing::RecentSignIn,
        Missing::BreakGlass,
        Missing::Readiness,
    ];
    let told = PolicyChangeError::NotReady(all.to_vec()).to_string();
    assert_eq!(
        told,
        "missing: domain_verified, active_connection, open_connection, recent_sign_in, break_glass, readiness"
    );
}

/// Whoever is on the list without the role for it.
#[tokio::test]
async fn q18_a_place_on_the_list_counts_with_the_role_for_it_alone() {
    for world in world().await {
        let (op, organization, owner, ada) = (world.operator(), world.organization, owner(&world).await, world.ada);
        let since = op.at;
        let found = world.store().write(move |tx| {
            break_glass::add(tx, &op, organization, owner).unwrap();
            rows::insert(tx, organization, ada, op.at)?;
            let listed = break_glass::all(tx, &op, organization).unwrap();
            let listed: Vec<_> = listed.into_iter().map(|one| (one.account, one.since)).collect();
            let effective = [owner, ada].map(|account| break_glass::is_effective(tx, organization, account).unwrap());
            Ok::<_, StoreError>((listed, effective))
        });
        assert_eq!(found.await.unwrap(), (vec![(owner, since)], [true, false]), "{}", world.engine());
    }
}

#[tokio::test]
async fn q18_an_administrator_whose_access_is_taken_away_is_not_put_on_the_list_and_may_not_sign_in() {
    for world in world().await {
        let (op, organization, ada) = (world.operator(), world.organization, world.ada);
        let write = world.store().write(move |tx| {
            memberships::update_role(tx, ada, organization, "admin", None, op.at)?;
            memberships::update_status(tx, ada, organization, "inactive", op.at)?;
            let refused = break_glass::add(tx, &op, organization, ada);
            Ok::<_, StoreError>((refused, of_member(tx, &op, organization, ada).unwrap().1))
        });
        let (refused, verdict) = write.await.unwrap();
        assert!(matches!(refused, Err(BreakGlassError::NotAdministrator)), "{}: {refused:?}", world.engine());
        assert_eq!(verdict, Verdict::Nothing, "{}: the account itself is active", world.engine());
    }
}

fn give_password(tx: &mut Tx<'_>, op: &Operation, account: AccountId) {
    passwords::set(tx, op, &sealer(), account, &password()).unwrap();
}

fn give_factor(tx: &mut Tx<'_>, op: &Operation, account: AccountId) -> Result<(), StoreError> {
    let (sealed_secret, confirmed_at) = (vec![1], op.at);
    totp_factors::insert(tx, &TotpFactorRow { account_id: account, sealed_secret, last_step: 0, confirmed_at })
}

/// All that a requirement asks for, but that two of three people have not joined.
async fn ready_but_for_people(world: &World) {
    let [owner, ada, kim] = three_on_the_list(world).await;
    let test = SsoPolicy::Test { group: world.push_group("pilots", &[]).await };
    let attempt = world.start_attempt(&Secret::from("browser".to_owned())).await;
    world.answer(&attempt, "ada@acme.test").await;
    let (op, organization) = (world.operator(), world.organization);
    let prepare = move |tx: &mut Tx<'_>| {
        for account in [owner, ada] {
            give_password(tx, &op, account);
            give_factor(tx, &op, account)?;
        }
        for account in [owner, kim] {
            memberships::update_invite_state(tx, account, organization, "not_joined", op.at)?;
        }
        put(tx, organization, test, op.at)
    };
    write::<StoreError>(world, prepare).await.unwrap();
}

#[tokio::test]
async fn e34_only_the_typed_name_goes_on_below_the_threshold_and_the_entry_says_so() {
    for world in world().await {
        ready_but_for_people(&world).await;
        for typed in [None, Some("other.test")] {
            let Err(PolicyChangeError::NotReady(missing)) = go(&world, SsoPolicy::Required, typed).await else {
                panic!("{}: {typed:?}", world.engine())
            };
            assert_eq!(missing, [Missing::Readiness], "{}: {typed:?}", world.engine());
        }
        go(&world, SsoPolicy::Required, Some("acme.test")).await.unwrap();
        go(&world, SsoPolicy::Off, None).await.unwrap();
        let (organization, at, owner) = (world.organization, world.op().at, owner(&world).await);
        let join = move |tx: &mut Tx<'_>| memberships::update_invite_state(tx, owner, organization, "joined", at);
        write::<StoreError>(&world, join).await.unwrap();
        let thresholds = Thresholds { corporate: 66, education: 40 };
        let (op, id) = (world.operator(), acme_test(&world).await);
        let optional = (SsoPolicy::Optional, Some("acme.test"));
        let change = world.store().write(move |tx| change(tx, &op, organization, id, optional, thresholds));
        assert_eq!(change.await.unwrap().checks.readiness.percent(), 66, "{}", world.engine());
        let mut told = world.entries("sso_policy.changed").await;
        told.sort_by_key(|detail| detail["to"].to_string());
        let told: Vec<_> =
            told.iter().map(|detail| ["to", "joined_percent", "overridden"].map(|key| &detail[key])).collect();
        let expected = [
            [&json!("off"), &json!(33), &json!(false)],
            [&json!("optional"), &json!(66), &json!(false)],
            [&json!("required"), &json!(33), &json!(true)],
        ];
        assert_eq!(told, expected, "{}: typed without need is no override", world.engine());
    }
}

#[tokio::test]
async fn e34_the_typed_name_overrides_the_share_of_people_and_nothing_else() {
    for world in world().await {
        world.set_policy(SsoPolicy::Test { group: world.push_group("pilots", &[]).await }).await;
        let Err(PolicyChangeError::NotReady(missing)) = go(&world, SsoPolicy::Required, Some("acme.test")).await else {
            panic!("{}", world.engine())
        };
        assert!(missing.contains(&Missing::BreakGlass), "{}: {missing:?}", world.engine());
        assert!(!missing.contains(&Missing::Readiness), "{}: {missing:?}", world.engine());
    }
}

#[tokio::test]
async fn q18_who_has_a_password_and_a_second_factor_is_ready_for_break_glass() {
    for world in world().await {
        let [owner, ada, kim] = three_on_the_list(&world).await;
        let (op, organization, id) = (world.operator(), world.organization, acme_test(&world).await);
        let counts = world.store().write(move |tx| {
            let ready = |tx: &mut Tx<'_>| report(tx, &op, organization, id, THRESHOLDS).unwrap().checks.break_glass;
            let nobody = ready(tx);
            give_password(tx, &op, owner);
            give_factor(tx, &op, owner)?;
            give_password(tx, &op, ada);
            give_factor(tx, &op, kim)?;
            let one = ready(tx);
            give_factor(tx, &op, ada)?;
            Ok::<_, StoreError>([nobody, one, ready(tx)])
        });
        assert_eq!(counts.await.unwrap(), [0, 1, 2], "{}", world.engine());
    }
}
