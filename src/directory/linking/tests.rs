//! Whom a connection brings for the first time: linked, made, or refused; and what their groups carry.

use futures_util::future::join_all;
use serde_json::json;

use crate::access::attempts::refusal::Refusal;
use crate::access::identity::{AssertedIdentity, accept};
use crate::access::realm::{self, Route};
use crate::access::testing::{LINKING, World, world};
use crate::directory::accounts::{self, Account};
use crate::directory::connection_policy::{self, ConnectionPolicy, LinkingRule, PolicyError};
use crate::directory::connection_roles::{self, ConnectionRole, ConnectionRoleError};
use crate::directory::connection_route::{self, ConnectionRoute, RouteError};
use crate::directory::connections;
use crate::directory::matching::{MatchRule, Matching};
use crate::directory::memberships::{self, InviteState};
use crate::record::jobs::Job;
use crate::record::notice::PersonNotice;
use crate::store::connections::ConnectionRow;
use crate::store::domains::{self, DomainRow};
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::{
    accounts as account_rows, connections as connection_rows, jobs, memberships as membership_rows, sso_policies,
};
use crate::values::ids::{AccountId, ConnectionId, ResourceId};
use crate::values::operation::{Actor, Role};

const PROVISIONING: ConnectionPolicy =
    ConnectionPolicy { linking: LinkingRule::Never, provisions: true, default_role: Role::Member };

async fn set(world: &World, connection: ConnectionId, policy: ConnectionPolicy) -> Result<(), PolicyError> {
    let (op, organization) = (world.operator(), world.organization);
    world.store().write(move |tx| connection_policy::set(tx, &op, organization, connection, policy)).await
}

/// Somebody new, as the world's connection asserts them.
fn eve(world: &World) -> AssertedIdentity {
    AssertedIdentity {
        subject: "00u-eve".to_owned(),
        email: Some("eve@acme.test".parse().unwrap()),
        display_name: Some("Eve Example".to_owned()),
        ..ada(world)
    }
}

async fn sign_in(world: &World, asserted: AssertedIdentity) -> Result<AccountId, Refusal> {
    world.sign_in(asserted).await
}

fn ada(world: &World) -> AssertedIdentity {
    world.asserted()
}

async fn rule(world: &World, by: MatchRule) {
    let (op, organization, connection) = (world.operator(), world.organization, world.connection);
    let matching = Matching::new(by, None).unwrap();
    let replace = world
        .store()
        .write(move |tx| connections::provider::replace_matching(tx, &op, organization, connection, matching.clone()));
    replace.await.unwrap();
}

async fn account(world: &World, id: AccountId) -> Account {
    world.store().read(move |tx| accounts::find(tx, id)).await.unwrap().unwrap()
}

async fn role_of(world: &World, id: AccountId) -> Role {
    let organization = world.organization;
    world.store().read(move |tx| memberships::find(tx, id, organization)).await.unwrap().unwrap().role
}

/// What each rule does with a member whom the connection has not brought before.
#[tokio::test]
async fn an_account_is_linked_only_by_what_the_rule_names() {
    for world in world().await {
        let rules = [
            (LinkingRule::Never, MatchRule::Email, Err(Refusal::LinkingOff)),
            (LinkingRule::VerifiedAddress, MatchRule::Email, Ok(world.ada)),
            // Known by now: the rule is asked at the first sight only.
            (LinkingRule::Never, MatchRule::Email, Ok(world.ada)),
        ];
        for (linking, by, expected) in rules {
            rule(&world, by).await;
            set(&world, world.connection, ConnectionPolicy { linking, ..LINKING }).await.unwrap();
            assert_eq!(sign_in(&world, ada(&world)).await, expected, "{} {linking:?}", world.engine());
        }
        for (linking, by) in
            [(LinkingRule::Subject, MatchRule::Email), (LinkingRule::VerifiedAddress, MatchRule::UserName)]
        {
            rule(&world, by).await;
            let policy = ConnectionPolicy { linking, ..LINKING };
            assert!(matches!(set(&world, world.connection, policy).await, Err(PolicyError::OtherMatch)));
        }
    }
}

/// nOAuth, and a connection whose person was given another subject: the address alone moves nothing, whichever tenant or
/// client says it, and neither does an address that changed.
#[tokio::test]
async fn neither_another_subject_nor_another_address_moves_an_account() {
    for world in world().await {
        sign_in(&world, ada(&world)).await.unwrap();
        let other_tenant = AssertedIdentity { subject: "another tenant|00u1".to_owned(), ..ada(&world) };
        assert_eq!(sign_in(&world, other_tenant.clone()).await, Err(Refusal::SubjectChanged), "{}", world.engine());
        set(&world, world.connection, PROVISIONING).await.unwrap();
        assert_eq!(sign_in(&world, other_tenant).await, Err(Refusal::LinkingOff), "{}", world.engine());
        let moved = AssertedIdentity { email: Some("ada.king@acme.test".parse().unwrap()), ..ada(&world) };
        assert_eq!(sign_in(&world, moved).await, Ok(world.ada));
        let addresses = account(&world, world.ada).await.profile.addresses;
        assert_eq!(addresses, ["ada@acme.test".parse().unwrap()], "the address stays");
    }
}

#[tokio::test]
async fn e32_somebody_new_gets_one_account_however_often_they_arrive_at_once() {
    for world in world().await {
        assert_eq!(sign_in(&world, eve(&world)).await, Err(Refusal::Unknown), "not before the policy says so");
        let policy = ConnectionPolicy { default_role: Role::Auditor, ..PROVISIONING };
        set(&world, world.connection, policy).await.unwrap();
        let mut handles = Vec::new();
        for _ in 0..4 {
            handles.push(world.depart(world.connection).await.1);
        }
        let arrivals = join_all(handles.into_iter().map(|handle| {
            let (op, asserted) = (world.op(), eve(&world));
            world.store().write(move |tx| accept(tx, &op, handle.expose(), &asserted))
        }));
        assert!(arrivals.await.iter().all(|arrival| arrival.as_ref().unwrap().refusal.is_none()), "{}", world.engine());
        let made = sign_in(&world, eve(&world)).await.unwrap();
        let found = account(&world, made).await;
        assert_eq!(found.profile.display_name.as_deref(), Some("Eve Example"));
        assert!(found.address_verified_at.is_some());
        assert_eq!(role_of(&world, made).await, Role::Auditor);
        let organization = world.organization;
        let with_address =
            world.store().read(move |tx| membership_rows::members_with_address(tx, organization, "eve@acme.test"));
        assert_eq!(with_address.await.unwrap(), [made]);
        assert_eq!(world.entries("user.created").await.len(), 3, "the owner, Ada and Eve");
    }
}

/// The directory comes later, and finds the person there.
#[tokio::test]
async fn who_was_made_at_sign_in_is_the_same_account_when_a_directory_pushes_them() {
    for world in world().await {
        set(&world, world.connection, PROVISIONING).await.unwrap();
        let made = sign_in(&world, eve(&world)).await.unwrap();
        let (user, organization) = (world.push_user("eve@acme.test").await, world.organization);
        let pushed = world.store().read(move |tx| resources::find(tx, organization, ResourceKind::User, user));
        assert_eq!(pushed.await.unwrap().unwrap().account_id, Some(made), "{}", world.engine());
        // From now on the names are the directory's.
        let renamed = AssertedIdentity { display_name: Some("Somebody Else".to_owned()), ..eve(&world) };
        assert_eq!(sign_in(&world, renamed).await, Ok(made));
        assert_ne!(account(&world, made).await.profile.display_name.as_deref(), Some("Somebody Else"));
    }
}

/// gitlab #422582 and rule E33: whoever is there in any way gets no second account.
#[tokio::test]
async fn nobody_who_is_there_in_any_way_is_made_again() {
    for world in world().await {
        set(&world, world.connection, PROVISIONING).await.unwrap();
        let (op, organization, ada_id) = (world.operator(), world.organization, world.ada);
        assert_eq!(sign_in(&world, ada(&world)).await, Err(Refusal::LinkingOff), "a member");
        let eve_id = sign_in(&world, eve(&world)).await.unwrap();
        let write = world.store().write(move |tx| {
            accounts::deactivate(tx, &op, organization, ada_id)?;
            accounts::deactivate(tx, &op, organization, eve_id)
        });
        write.await.unwrap();
        assert_eq!(sign_in(&world, eve(&world)).await, Err(Refusal::AccountInactive), "known, and switched off");
        assert_eq!(sign_in(&world, ada(&world)).await, Err(Refusal::LinkingOff), "switched off");
        let new = AssertedIdentity { email: Some("new@acme.test".parse().unwrap()), ..eve(&world) };
        for (what, asserted, refusal) in [
            ("no address", AssertedIdentity { email: None, ..eve(&world) }, Refusal::NoVerifiedAddress),
            ("not vouched for", AssertedIdentity { email_verified: false, ..new }, Refusal::NoVerifiedAddress),
        ] {
            let asserted = AssertedIdentity { subject: what.to_owned(), ..asserted };
            assert_eq!(sign_in(&world, asserted).await, Err(refusal), "{what}");
        }
        // Somebody outside the organization has proved the mailbox.
        let at = world.op().at;
        let write = world.store().write(move |tx| {
            let row = account_rows::AddressRow {
                account_id: ada_id,
                address: "zoe@acme.test".to_owned(),
                is_primary: false,
                verified_at: Some(at),
            };
            account_rows::insert_address(tx, &row)?;
            membership_rows::delete(tx, ada_id, organization)?;
            Ok::<_, StoreError>(())
        });
        write.await.unwrap();
        let zoe = AssertedIdentity { email: Some("zoe@acme.test".parse().unwrap()), ..eve(&world) };
        let zoe = AssertedIdentity { subject: "00u-zoe".to_owned(), ..zoe };
        assert_eq!(sign_in(&world, zoe).await, Err(Refusal::AddressTaken), "{}", world.engine());
    }
}

fn carrying(list: &[(&str, Role)]) -> Vec<ConnectionRole> {
    list.iter().map(|(group, role)| ConnectionRole { group: (*group).to_owned(), role: *role }).collect()
}

async fn replace(world: &World, list: &[(&str, Role)]) -> Result<(), ConnectionRoleError> {
    let (op, organization, connection, list) = (world.operator(), world.organization, world.connection, carrying(list));
    world.store().write(move |tx| connection_roles::replace(tx, &op, organization, connection, &list)).await
}

fn in_groups(world: &World, groups: &[&str]) -> AssertedIdentity {
    AssertedIdentity { groups: groups.iter().map(|group| (*group).to_owned()).collect(), ..ada(world) }
}

/// What a sign-in or a changed mapping no longer gives is taken away.
#[tokio::test]
async fn a_role_by_a_group_ends_with_the_group_with_the_mapping_and_with_the_connection() {
    for world in world().await {
        sign_in(&world, in_groups(&world, &["ops", "audit"])).await.unwrap();
        assert_eq!(role_of(&world, world.ada).await, Role::Member, "no group has a role by its name");
        replace(&world, &[("ops", Role::Admin), ("audit", Role::Auditor)]).await.unwrap();
        assert_eq!(role_of(&world, world.ada).await, Role::Member, "from the next sign-in on");
        let steps: [(&[&str], Role); 4] = [
            (&["ops", "audit"], Role::Admin),
            (&["audit", "Ops"], Role::Auditor),
            (&[], Role::Member),
            (&["ops"], Role::Admin),
        ];
        for (groups, role) in steps {
            sign_in(&world, in_groups(&world, groups)).await.unwrap();
            assert_eq!(role_of(&world, world.ada).await, role, "{} {groups:?}", world.engine());
        }
        replace(&world, &[("ops", Role::AppAdmin)]).await.unwrap();
        assert_eq!(role_of(&world, world.ada).await, Role::AppAdmin, "the group carries another role");
        replace(&world, &[("audit", Role::Auditor)]).await.unwrap();
        assert_eq!(role_of(&world, world.ada).await, Role::Member, "the group carries none");
        sign_in(&world, in_groups(&world, &["audit"])).await.unwrap();
        // infrahq #1726: another connection does not leave the groups of this one.
        let elsewhere = AssertedIdentity { connection: world.other_connection, ..ada(&world) };
        sign_in(&world, elsewhere).await.unwrap();
        assert_eq!(role_of(&world, world.ada).await, Role::Member);
        sign_in(&world, in_groups(&world, &["audit"])).await.unwrap();
        let (op, organization, connection) = (world.operator(), world.organization, world.connection);
        world.store().write(move |tx| connections::disable(tx, &op, organization, connection)).await.unwrap();
        assert_eq!(role_of(&world, world.ada).await, Role::Member, "the connection is off");
        let changes = world.entries("user.role_changed").await;
        assert!(changes.iter().all(|entry| entry["by"] == "sign_in") && changes.len() == 10, "{changes:#?}");
        assert_eq!(world.entries("connection.roles_set").await.len(), 3, "{}", world.engine());
    }
}

#[tokio::test]
async fn only_a_human_administrator_lets_groups_carry_roles_and_never_owner() {
    for world in world().await {
        for list in [&[("ops", Role::Owner)][..], &[("ops", Role::Member)]] {
            assert!(matches!(replace(&world, list).await, Err(ConnectionRoleError::RoleNotGivable)));
        }
        for list in [&[("", Role::Admin)][..], &[("a", Role::Admin), ("a", Role::Auditor)], &[("a\u{0}", Role::Admin)]]
        {
            assert!(matches!(replace(&world, list).await, Err(ConnectionRoleError::InvalidList)), "{list:?}");
        }
        let (organization, connection) = (world.organization, world.connection);
        let by_connection = world.op().by(Actor::Connection { organization, connection });
        let write =
            world.store().write(move |tx| connection_roles::replace(tx, &by_connection, organization, connection, &[]));
        assert!(matches!(write.await, Err(ConnectionRoleError::Denied(_))));
        let owner = ConnectionPolicy { default_role: Role::Owner, ..PROVISIONING };
        assert!(matches!(set(&world, connection, owner).await, Err(PolicyError::RoleNotGivable)));
    }
}

async fn route(world: &World, connection: ConnectionId, route: ConnectionRoute) -> Result<(), RouteError> {
    let (op, organization) = (world.operator(), world.organization);
    world.store().write(move |tx| connection_route::set(tx, &op, organization, connection, &route)).await
}

/// Groups are asked when the person is known; what is offered before depends on the domain alone.
#[tokio::test]
async fn a_connection_is_for_its_groups_and_offers_itself_to_everybody() {
    for world in world().await {
        let ada_user = world.push_user("ada@acme.test").await;
        let inner = world.push_group("ops", &[ada_user]).await;
        let staff = world.push_group("staff", &[inner]).await;
        let others = world.push_group("contractors", &[]).await;
        let only =
            |groups: &[ResourceId]| ConnectionRoute { only_groups: groups.to_vec(), ..ConnectionRoute::default() };
        let except =
            |groups: &[ResourceId]| ConnectionRoute { except_groups: groups.to_vec(), ..ConnectionRoute::default() };
        let both = ConnectionRoute { except_groups: vec![inner], ..only(&[staff]) };
        for (what, rule, expected) in [
            ("for another group", only(&[others]), Err(Refusal::OtherConnection)),
            ("not for this one", except(&[staff]), Err(Refusal::OtherConnection)),
            ("for this one but not for that", both, Err(Refusal::OtherConnection)),
            ("for this one, through another", only(&[others, staff]), Ok(world.ada)),
            ("known by now, and for another group", only(&[others]), Err(Refusal::OtherConnection)),
        ] {
            route(&world, world.connection, rule).await.unwrap();
            assert_eq!(sign_in(&world, ada(&world)).await, expected, "{} {what}", world.engine());
        }
        set(&world, world.connection, PROVISIONING).await.unwrap();
        let before = world.entries("user.created").await.len();
        assert_eq!(sign_in(&world, eve(&world)).await, Err(Refusal::OtherConnection), "somebody new is in no group");
        assert_eq!(world.entries("user.created").await.len(), before, "{}: and nobody is made", world.engine());
        assert!(matches!(
            route(&world, world.connection, only(&[ResourceId::from_bytes(&[3; 16]).unwrap()])).await,
            Err(RouteError::InvalidGroups)
        ));
        let offered = async |address: &'static str| {
            world.store().read(move |tx| realm::find_route(tx, &address.parse().unwrap())).await.unwrap()
        };
        let organization = world.organization;
        let choose =
            |connections: Vec<ConnectionId>| Route::Choose { organization, connections, has_own_password: true };
        let mut known = [world.connection, world.other_connection];
        known.sort();
        let [one, other] = known;
        assert_eq!(offered("ada@acme.test").await, choose(vec![one, other]), "{}", world.engine());
        route(&world, one, ConnectionRoute { priority: 5, ..ConnectionRoute::default() }).await.unwrap();
        for address in ["ada@acme.test", "nobody@acme.test"] {
            assert_eq!(offered(address).await, choose(vec![other, one]), "{address}");
        }
    }
}

#[tokio::test]
async fn somebody_new_has_the_role_of_the_policy_and_from_then_on_the_names_that_the_provider_gives() {
    for world in world().await {
        let before = world.entries("connection.policy_set").await.len();
        set(&world, world.connection, ConnectionPolicy { default_role: Role::Auditor, ..PROVISIONING }).await.unwrap();
        assert_eq!(world.entries("connection.policy_set").await.len(), before + 1, "{}", world.engine());
        let id = sign_in(&world, eve(&world)).await.unwrap();
        assert_eq!(role_of(&world, id).await, Role::Auditor, "{}", world.engine());
        let given = json!({ "from": "member", "to": "auditor", "by": "connection" });
        assert_eq!(world.entries("user.role_changed").await, [given], "{}", world.engine());
        let renamed = AssertedIdentity { display_name: Some("Eve Other".to_owned()), ..eve(&world) };
        world.advance(60);
        assert_eq!(sign_in(&world, renamed).await, Ok(id));
        let name = account(&world, id).await.profile.display_name;
        assert_eq!(name.as_deref(), Some("Eve Other"), "{}", world.engine());
    }
}

#[tokio::test]
async fn when_an_administrator_was_last_here_is_known_from_each_sign_in() {
    for world in world().await {
        let owner = AssertedIdentity {
            subject: "00u-owner".to_owned(),
            email: Some("owner@acme.test".parse().unwrap()),
            ..ada(&world)
        };
        let organization = world.organization;
        for _ in 0..2 {
            world.advance(60);
            sign_in(&world, owner.clone()).await.unwrap();
            let through = [world.connection];
            let last =
                world.store().read(move |tx| sso_policies::last_sign_in_of_administrator(tx, organization, &through));
            assert_eq!(last.await.unwrap(), Some(world.op().at), "{}", world.engine());
        }
    }
}

/// Nobody is asked about a connection that is not for them.
#[tokio::test]
async fn a_connection_asks_nobody_whom_it_is_not_for() {
    for world in world().await {
        set(&world, world.connection, ConnectionPolicy { linking: LinkingRule::Ask, ..LINKING }).await.unwrap();
        let others = world.push_group("contractors", &[]).await;
        let only = ConnectionRoute { only_groups: vec![others], ..ConnectionRoute::default() };
        route(&world, world.connection, only).await.unwrap();
        assert_eq!(sign_in(&world, ada(&world)).await, Err(Refusal::OtherConnection), "{}", world.engine());
        assert!(world.entries("identity.link_asked").await.is_empty());
    }
}

#[tokio::test]
async fn whoever_waited_for_their_domain_joins_by_signing_in() {
    for world in world().await {
        world.push_user("bea@new.test").await;
        let (op, organization) = (world.op(), world.organization);
        let verified = world.store().write(move |tx| {
            let owned = domains::owner_of(tx, "acme.test", domains::Owned::Trusted)?.unwrap().1;
            let acme = domains::find(tx, organization, owned)?.unwrap();
            domains::insert(tx, &DomainRow { id: op.new_id(), name: "new.test".to_owned(), ..acme })
        });
        verified.await.unwrap();
        let bea = AssertedIdentity {
            subject: "00u-bea".to_owned(),
            email: Some("bea@new.test".parse().unwrap()),
            ..ada(&world)
        };
        let id = sign_in(&world, bea).await.unwrap();
        let joined = world.store().read(move |tx| memberships::find(tx, id, organization)).await.unwrap().unwrap();
        assert_eq!(joined.invite_state, InviteState::Joined, "{}", world.engine());
    }
}

/// The name that a directory gave somebody is one of the organization's own people's.
#[tokio::test]
async fn a_name_in_a_directory_leads_to_nobody_whose_account_is_their_own() {
    for world in world().await {
        let user = world.push_user("cem@acme.test").await;
        let (visitor, organization) = (world.visitor().await, world.organization);
        let given = world.store().write(move |tx| {
            let k = resources::find(tx, organization, ResourceKind::User, user)?.unwrap().k;
            resources::set_account(tx, k, visitor)
        });
        given.await.unwrap();
        rule(&world, MatchRule::UserName).await;
        let cem = AssertedIdentity {
            subject: "00u-cem".to_owned(),
            email: None,
            matched: Some("cem@acme.test".to_owned()),
            matching: Matching::new(MatchRule::UserName, None).unwrap(),
            ..ada(&world)
        };
        assert_eq!(sign_in(&world, cem).await, Err(Refusal::Unknown), "{}", world.engine());
    }
}

/// A connection that is older than policies, or that a node of the earlier version made, has none.
#[tokio::test]
async fn a_connection_from_before_policies_links_as_it_always_did() {
    for world in world().await {
        let (op, connection) = (world.op(), world.connection);
        let write = world.store().write(move |tx| {
            let row = connection_rows::find(tx, connection)?.unwrap();
            let id: ConnectionId = op.new_id();
            connection_rows::insert(tx, &ConnectionRow { id, match_by: None, ..row })?;
            Ok::<_, StoreError>(id)
        });
        let older = write.await.unwrap();
        let asserted = AssertedIdentity { connection: older, ..ada(&world) };
        assert_eq!(sign_in(&world, asserted).await, Ok(world.ada), "{}", world.engine());
        let asserted = AssertedIdentity { connection: older, ..eve(&world) };
        assert_eq!(sign_in(&world, asserted).await, Err(Refusal::Unknown), "and makes nobody");
    }
}

/// The person of an account that was there before hears of the new way in; somebody whose account was made just now does not.
#[tokio::test]
async fn a_link_to_an_account_that_was_there_is_told_to_its_person() {
    for world in world().await {
        let policy = ConnectionPolicy { linking: LinkingRule::VerifiedAddress, ..PROVISIONING };
        set(&world, world.connection, policy).await.unwrap();
        sign_in(&world, eve(&world)).await.unwrap();
        for _ in 0..2 {
            sign_in(&world, ada(&world)).await.unwrap();
        }
        let told = world.store().read(|tx| jobs::payloads(tx, "tell_person")).await.unwrap();
        let told: Vec<Job> = told.iter().map(|payload| serde_json::from_str(payload).unwrap()).collect();
        let links = told.iter().filter_map(|job| match job {
            Job::TellPerson { account, notice: PersonNotice::IdentityLinked, .. } => Some(*account),
            _ => None,
        });
        assert_eq!(links.collect::<Vec<_>>(), [world.ada], "{}: {told:?}", world.engine());
    }
}

/// Okta 2024-10-30: a name so long that what followed it was cut off somewhere told nobody from anybody. Here the longest names are
/// told apart to the last character, and one of three hundred is none.
#[tokio::test]
async fn okta_2024_10_the_longest_names_are_told_apart_to_the_last_character_and_longer_ones_are_none() {
    for world in world().await {
        rule(&world, MatchRule::UserName).await;
        let names = ['a', 'b'].map(|last| format!("{}{last}", "n".repeat(255)));
        let mut accounts = Vec::new();
        for name in &names {
            accounts.push(world.push_named(name.clone()).await);
        }
        let matching = world.matching().await;
        for (n, (name, account)) in names.iter().zip(&accounts).enumerate() {
            let asserted = AssertedIdentity {
                subject: format!("{n}-{}", "s".repeat(298)),
                email: None,
                email_verified: false,
                matched: Some(name.clone()),
                matching: matching.clone(),
                ..ada(&world)
            };
            for _ in 0..2 {
                assert_eq!(sign_in(&world, asserted.clone()).await, Ok(*account), "{}: {n}", world.engine());
            }
            let cut = name[..255].to_owned();
            let long = format!("{name}{}", "n".repeat(44));
            for (matched, refusal) in [(cut, Refusal::Unknown), (long, Refusal::Unknown)] {
                let other =
                    AssertedIdentity { subject: "other".to_owned(), matched: Some(matched), ..asserted.clone() };
                assert_eq!(sign_in(&world, other).await, Err(refusal), "{}: {n}", world.engine());
            }
        }
        assert_ne!(accounts[0], accounts[1]);
    }
}

/// A provider that makes people up fills no more than its organization's room.
#[tokio::test]
async fn e32_accounts_that_are_made_at_sign_in_count_against_the_organizations_room() {
    for world in world().await {
        set(&world, world.connection, PROVISIONING).await.unwrap();
        world.push_user("ada@acme.test").await;
        let person = |name: &str, most_people: u32| AssertedIdentity {
            subject: format!("00u-{name}"),
            email: Some(format!("{name}@acme.test").parse().unwrap()),
            most_people,
            ..ada(&world)
        };
        assert!(sign_in(&world, person("eve", 2)).await.is_ok(), "{}: one was pushed", world.engine());
        assert_eq!(sign_in(&world, person("bob", 2)).await, Err(Refusal::Full), "{}", world.engine());
        assert!(sign_in(&world, person("eve", 2)).await.is_ok(), "{}: who is there comes in", world.engine());
        assert!(sign_in(&world, person("bob", 3)).await.is_ok(), "{}: a refusal takes no place", world.engine());
        assert_eq!(sign_in(&world, person("cem", 3)).await, Err(Refusal::Full), "{}", world.engine());
    }
}
