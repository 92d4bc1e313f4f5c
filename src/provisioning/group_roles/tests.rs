//! Roles that groups carry, on both engines.

use serde_json::{Value, json};

use super::{GroupRoleError, MOST_GROUPS, all, candidates, evaluate_users, put, remove, settle};
use crate::access::testing::{World, world};
use crate::directory::accounts::{self, AccountError};
use crate::directory::memberships;
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::resource::Patch;
use crate::provisioning::{groups, users};
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, jobs, memberships as membership_rows, scratch};
use crate::values::ids::{AccountId, OrganizationId, ResourceId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::scim_scope::ScimScope;

fn rules() -> Rules {
    Rules::new(Profile::Standard.tolerance(), Limits::default())
}

fn user(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, name: &str) -> ResourceId {
    let body = json!({ "userName": name });
    let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
    users::create(tx, op, acme, &users::draft(read.document, resource_type::user()).unwrap()).unwrap().id
}

fn group(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, name: &str, members: &[ResourceId]) -> ResourceId {
    let members: Vec<Value> = members.iter().map(|id| json!({ "value": id.to_string() })).collect();
    let body = json!({ "displayName": name, "members": members });
    let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules()).unwrap();
    let draft = groups::draft(read, resource_type::group(), &rules()).unwrap();
    groups::create(tx, op, acme, &draft).unwrap()
}

fn patch(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, group: ResourceId, operation: Value) {
    let body = json!({ "schemas": [request::SCHEMA], "Operations": [operation] });
    let operations = request::read(body.as_object().unwrap().clone(), &rules()).unwrap();
    let patch = Patch { operations, resource_type: resource_type::group().clone(), rules: rules() };
    groups::patch(tx, op, acme, group, patch, None).unwrap();
}

fn add(member: ResourceId) -> Value {
    json!({ "op": "add", "path": "members", "value": [{ "value": member.to_string() }] })
}

fn without(member: ResourceId) -> Value {
    json!({ "op": "remove", "path": format!("members[value eq \"{member}\"]") })
}

fn account(tx: &mut Tx<'_>, acme: OrganizationId, id: ResourceId) -> AccountId {
    resources::find(tx, acme, ResourceKind::User, id).unwrap().unwrap().account_id.unwrap()
}

fn role(tx: &mut Tx<'_>, acme: OrganizationId, id: ResourceId) -> Role {
    let account = account(tx, acme, id);
    memberships::find(tx, account, acme).unwrap().unwrap().role
}

/// What the job does.
fn run_jobs(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId) {
    assert!(!jobs::payloads(tx, "evaluate_roles").unwrap().is_empty(), "no job was queued");
    let users = candidates(tx, acme).unwrap();
    evaluate_users(tx, op, acme, &users).unwrap();
}

async fn run(world: &World, work: impl FnOnce(&mut Tx<'_>, Operation, OrganizationId) + Send + 'static) {
    let (op, acme) = (world.operator(), world.organization);
    let done = world.store().write(move |tx| {
        work(tx, op, acme);
        Ok::<_, StoreError>(())
    });
    done.await.unwrap_or_else(|error| panic!("{}: {error}", world.engine()));
}

#[tokio::test]
async fn members_of_a_group_have_the_role_that_an_administrator_lets_it_carry() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (ada, bob) = (user(tx, &op, acme, "ada.l"), user(tx, &op, acme, "bob"));
            let help_desk = group(tx, &op, acme, "Help desk", &[ada]);
            put(tx, &op, acme, help_desk, Role::UserAdmin).unwrap();
            assert_eq!((role(tx, acme, ada), role(tx, acme, bob)), (Role::UserAdmin, Role::Member));
            patch(tx, &op, acme, help_desk, add(bob));
            assert_eq!(role(tx, acme, bob), Role::UserAdmin);
            patch(tx, &op, acme, help_desk, without(ada));
            assert_eq!(role(tx, acme, ada), Role::Member, "whoever leaves loses it at once");
            put(tx, &op, acme, help_desk, Role::Auditor).unwrap();
            assert_eq!((role(tx, acme, bob), all(tx, &op, acme).unwrap().len()), (Role::Auditor, 1));
            remove(tx, &op, acme, help_desk).unwrap();
            assert_eq!(role(tx, acme, bob), Role::Member);
            assert!(matches!(remove(tx, &op, acme, help_desk), Err(GroupRoleError::NotFound)));
        })
        .await;
        let changes = world.entries("user.role_changed").await;
        assert_eq!(changes.len(), 5, "{}: {changes:?}", world.engine());
        let (set, removed) = (world.entries("group_role.set").await, world.entries("group_role.removed").await);
        assert_eq!((set.len(), removed.len()), (2, 1), "{}", world.engine());
    }
}

#[tokio::test]
async fn the_deletion_of_a_group_takes_the_role_and_what_was_given_by_hand_stays() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let ada = user(tx, &op, acme, "ada.l");
            let by_hand = account(tx, acme, ada);
            membership_rows::update_role(tx, by_hand, acme, "app_admin", None, op.at).unwrap();
            let admins = group(tx, &op, acme, "Admins", &[ada]);
            put(tx, &op, acme, admins, Role::Admin).unwrap();
            assert_eq!(role(tx, acme, ada), Role::Admin);
            groups::delete(tx, &op, acme, admins, None).unwrap();
            assert_eq!(role(tx, acme, ada), Role::AppAdmin);
            assert!(all(tx, &op, acme).unwrap().is_empty());
        })
        .await;
        assert_eq!(world.entries("group_role.removed").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_role_reaches_the_members_of_nested_groups() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let ada = user(tx, &op, acme, "ada.l");
            let inner = group(tx, &op, acme, "Inner", &[ada]);
            let outer = group(tx, &op, acme, "Outer", &[inner]);
            put(tx, &op, acme, outer, Role::AppAdmin).unwrap();
            run_jobs(tx, &op, acme);
            assert_eq!(role(tx, acme, ada), Role::AppAdmin);
            let bob = user(tx, &op, acme, "bob");
            patch(tx, &op, acme, inner, add(bob));
            assert_eq!(role(tx, acme, bob), Role::AppAdmin);
            patch(tx, &op, acme, outer, without(inner));
            run_jobs(tx, &op, acme);
            assert_eq!((role(tx, acme, ada), role(tx, acme, bob)), (Role::Member, Role::Member));
        })
        .await;
    }
}

#[tokio::test]
async fn a_group_of_many_is_looked_at_by_a_job() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people: Vec<_> = (0..120).map(|n| user(tx, &op, acme, &format!("u{n}"))).collect();
            let many = group(tx, &op, acme, "Many", &people);
            put(tx, &op, acme, many, Role::Auditor).unwrap();
            assert_eq!(role(tx, acme, people[0]), Role::Member, "not in the transaction of the change");
            run_jobs(tx, &op, acme);
            assert!(people.iter().all(|id| role(tx, acme, *id) == Role::Auditor));
            patch(tx, &op, acme, many, json!({ "op": "replace", "path": "members", "value": [] }));
            run_jobs(tx, &op, acme);
            assert!(people.iter().all(|id| role(tx, acme, *id) == Role::Member));
        })
        .await;
    }
}

#[tokio::test]
async fn nobody_raises_themselves_and_no_group_makes_or_unmakes_an_owner() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let client = ScimClientId::from_bytes(&[3; 16]).unwrap();
            let credential = ScimCredentialId::from_bytes(&[4; 16]).unwrap();
            let idp = op.by(Actor::ScimClient { organization: acme, client, credential, scope: ScimScope::Write });
            let owner = user(tx, &op, acme, "owner@acme.test");
            assert_eq!(role(tx, acme, owner), Role::Owner, "the owner was there before");
            let named = group(tx, &op, acme, "owner", &[owner]);
            let admin = |role| op.by(Actor::Admin { organization: acme, role, token: op.new_id() });
            for who in [idp, admin(Role::UserAdmin), admin(Role::AppAdmin), admin(Role::Auditor)] {
                let outcome = put(tx, &who, acme, named, Role::Admin);
                assert!(matches!(outcome, Err(GroupRoleError::Denied(_))), "{who:?}: {outcome:?}");
            }
            for given in [Role::Owner, Role::Member] {
                assert!(matches!(put(tx, &op, acme, named, given), Err(GroupRoleError::RoleNotGivable)));
            }
            put(tx, &admin(Role::Admin), acme, named, Role::Auditor).unwrap();
            assert_eq!(role(tx, acme, owner), Role::Owner, "the higher one counts");
            remove(tx, &op, acme, named).unwrap();
            let owner = account(tx, acme, owner);
            assert!(matches!(accounts::deactivate(tx, &op, acme, owner), Err(AccountError::LastOwner)));
        })
        .await;
    }
}

#[tokio::test]
async fn no_more_groups_carry_a_role_than_are_looked_through() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let groups: Vec<ResourceId> =
                (0..=MOST_GROUPS).map(|n| group(tx, &op, acme, &format!("Team {n}"), &[])).collect();
            for known in &groups[1..] {
                put(tx, &op, acme, *known, Role::Auditor).unwrap();
            }
            assert!(matches!(put(tx, &op, acme, groups[0], Role::Auditor), Err(GroupRoleError::TooMany)));
            put(tx, &op, acme, groups[1], Role::Admin).unwrap();
            remove(tx, &op, acme, groups[1]).unwrap();
            put(tx, &op, acme, groups[0], Role::Auditor).unwrap();
        })
        .await;
    }
}

/// Bob, in two groups.
async fn bob_in_two(world: &World) -> (ResourceId, [ResourceId; 2]) {
    let (op, acme) = (world.operator(), world.organization);
    let made = world.store().write(move |tx| {
        let bob = user(tx, &op, acme, "bob");
        Ok::<_, StoreError>((bob, ["One", "Two"].map(|name| group(tx, &op, acme, name, &[bob]))))
    });
    made.await.unwrap()
}

/// Somebody leaves a group.
fn leaving(
    world: &World,
    who: ResourceId,
    from: ResourceId,
) -> impl FnOnce(&mut Tx<'_>) -> Result<(), StoreError> + Send + 'static {
    let (op, acme) = (world.operator(), world.organization);
    move |tx| {
        patch(tx, &op, acme, from, without(who));
        Ok(())
    }
}

#[tokio::test]
async fn who_leaves_two_groups_at_once_keeps_the_role_of_neither() {
    for world in world().await {
        let (bob, [one, two]) = bob_in_two(&world).await;
        run(&world, move |tx, op, acme| {
            for group in [one, two] {
                put(tx, &op, acme, group, Role::UserAdmin).unwrap();
            }
        })
        .await;
        let second = world.store().write(leaving(&world, bob, two));
        let (_, second) = scratch::overlap(world.store(), leaving(&world, bob, one), second).await;
        second.unwrap();
        let engine = world.engine();
        run(&world, move |tx, _, acme| assert_eq!(role(tx, acme, bob), Role::Member, "{engine}")).await;
    }
}

#[tokio::test]
async fn who_comes_into_a_group_that_stops_carrying_a_role_at_that_moment_does_not_keep_it() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let made = world.store().write(move |tx| {
            let (bob, help_desk) = (user(tx, &op, acme, "bob"), group(tx, &op, acme, "Help desk", &[]));
            put(tx, &op, acme, help_desk, Role::UserAdmin).unwrap();
            Ok::<_, StoreError>((bob, help_desk))
        });
        let (bob, help_desk) = made.await.unwrap();
        let (op, now) = (world.operator(), world.operator());
        let comes = move |tx: &mut Tx<'_>| {
            patch(tx, &op, acme, help_desk, add(bob));
            Ok(role(tx, acme, bob))
        };
        let removed = world.store().write(move |tx| remove(tx, &now, acme, help_desk));
        let (before, removed) = scratch::overlap(world.store(), comes, removed).await;
        removed.unwrap();
        let engine = world.engine();
        run(&world, move |tx, _, acme| {
            assert_eq!((before, role(tx, acme, bob)), (Role::UserAdmin, Role::Member), "{engine}");
        })
        .await;
    }
}

#[tokio::test]
async fn who_comes_into_a_group_that_comes_below_one_with_a_role_at_that_moment_has_the_role() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let made = world.store().write(move |tx| {
            let (bob, inner) = (user(tx, &op, acme, "bob"), group(tx, &op, acme, "Inner", &[]));
            let outer = group(tx, &op, acme, "Outer", &[]);
            put(tx, &op, acme, outer, Role::Auditor).unwrap();
            Ok::<_, StoreError>((bob, inner, outer))
        });
        let (bob, inner, outer) = made.await.unwrap();
        let (op, store) = (world.operator(), world.store());
        let coming = move |tx: &mut Tx<'_>| {
            patch(tx, &op, acme, inner, add(bob));
            Ok(())
        };
        let nesting = async {
            let (op, evaluating) = (world.operator(), world.operator());
            let nest = store.write(move |tx| {
                patch(tx, &op, acme, outer, add(inner));
                Ok::<_, StoreError>(())
            });
            nest.await.unwrap();
            store.write(move |tx| settle(tx, acme)).await.unwrap();
            let users = store.read(move |tx| candidates(tx, acme)).await.unwrap();
            store.write(move |tx| evaluate_users(tx, &evaluating, acme, &users)).await.unwrap();
        };
        scratch::overlap(store, coming, nesting).await;
        let found = store.read(move |tx| Ok::<_, StoreError>(role(tx, acme, bob))).await.unwrap();
        assert_eq!(found, Role::Auditor, "{}", world.engine());
    }
}
