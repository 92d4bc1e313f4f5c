//! Rule E33 and decisions Q19 and Q25, on both engines.

use serde_json::{Value, json};

use super::review;
use crate::access::testing::{World, world};
use crate::directory::accounts;
use crate::directory::accounts::state::AccountState;
use crate::directory::cases::{self, CaseState};
use crate::directory::memberships;
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::resource::{Patch, Resource};
use crate::provisioning::{group_roles, groups, users};
use crate::store::failure::StoreError;
use crate::store::organizations::{self, OrganizationRow};
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, accounts as account_rows, domains, scim_events, scratch};
use crate::values::ids::{AccountId, OrganizationId, ResourceId};
use crate::values::operation::{Operation, Role};
use crate::values::page::PageRequest;

fn rules() -> Rules {
    Rules::new(Profile::Standard.tolerance(), Limits::default())
}

fn draft(body: Value) -> users::UserDraft {
    let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
    users::draft(read.document, resource_type::user()).unwrap()
}

fn push(tx: &mut Tx<'_>, op: &Operation, at: OrganizationId, address: &str) -> Resource {
    users::create(tx, op, at, &draft(json!({ "userName": address, "displayName": "Pushed" }))).unwrap()
}

fn set_active(tx: &mut Tx<'_>, op: &Operation, at: OrganizationId, id: ResourceId, is_active: bool) -> Resource {
    let body = json!({ "schemas": [request::SCHEMA],
        "Operations": [{ "op": "replace", "path": "active", "value": is_active }] });
    let operations = request::read(body.as_object().unwrap().clone(), &rules()).unwrap();
    let patch = Patch { operations, resource_type: resource_type::user().clone(), rules: rules() };
    users::patch(tx, op, at, id, patch, None).unwrap()
}

fn account_of(tx: &mut Tx<'_>, at: OrganizationId, id: ResourceId) -> Option<AccountId> {
    resources::find(tx, at, ResourceKind::User, id).unwrap().unwrap().account_id
}

/// Makes them the member of a group that carries a role.
fn make_user_admin(tx: &mut Tx<'_>, op: &Operation, at: OrganizationId, member: ResourceId) {
    let body = json!({ "displayName": "Help desk", "members": [{ "value": member.to_string() }] });
    let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules()).unwrap();
    let draft = groups::draft(read, resource_type::group(), &rules()).unwrap();
    let group = groups::create(tx, op, at, &draft).unwrap();
    group_roles::put(tx, op, at, group, Role::UserAdmin).unwrap();
}

fn role(tx: &mut Tx<'_>, at: OrganizationId, id: ResourceId) -> Role {
    let account = account_of(tx, at, id).unwrap();
    memberships::find(tx, account, at).unwrap().unwrap().role
}

fn open_cases(tx: &mut Tx<'_>, op: &Operation, at: OrganizationId) -> Vec<cases::Case> {
    cases::page(tx, op, at, &PageRequest::new(None, None).unwrap()).unwrap().items
}

/// Globex, in which Ada has an account whose address she has confirmed.
fn globex(tx: &mut Tx<'_>, op: &Operation, address: &str) -> (OrganizationId, ResourceId, AccountId) {
    let id: OrganizationId = op.new_id();
    let row = OrganizationRow {
        id,
        slug: "globex".to_owned(),
        name: "Globex".to_owned(),
        support_name: "Help".to_owned(),
        support_email: "help@globex.test".to_owned(),
        version: 1,
        created_at: op.at,
        updated_at: op.at,
    };
    organizations::insert(tx, &row).unwrap();
    let user = push(tx, op, id, address).id;
    let account = account_of(tx, id, user).unwrap();
    account_rows::mark_verified(tx, account, address, op.at).unwrap();
    (id, user, account)
}

async fn run(world: &World, work: impl FnOnce(&mut Tx<'_>, Operation, OrganizationId) + Send + 'static) {
    let (op, acme) = (world.operator(), world.organization);
    let done = world.store().write(move |tx| {
        work(tx, op, acme);
        Ok::<_, StoreError>(())
    });
    done.await.unwrap_or_else(|error| panic!("{}: {error}", world.engine()));
}

const ADA: &str = "ada@freelance.test";

#[tokio::test]
async fn e33_somebody_who_exists_outside_gets_a_case_and_no_second_account() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (home, at_home, account) = globex(tx, &op, ADA);
            let before = accounts::find(tx, account).unwrap().unwrap();
            let pushed = push(tx, &op, acme, ADA);
            assert_eq!((pushed.active, account_of(tx, acme, pushed.id)), (Some(false), None));
            let open = open_cases(tx, &op, acme);
            assert_eq!((open.len(), open[0].user, open[0].address.as_str()), (1, pushed.id, ADA));
            for _ in 0..2 {
                let again = set_active(tx, &op, acme, pushed.id, true);
                assert_eq!((again.active, again.version), (Some(false), pushed.version), "no loop, no error");
            }
            set_active(tx, &op, acme, pushed.id, false);
            let put = draft(json!({ "userName": ADA, "displayName": "Other", "active": true }));
            assert_eq!(users::replace(tx, &op, acme, pushed.id, &put, None).unwrap().active, Some(false));
            // Invariant 14: the account elsewhere is as it was, and so is its owner's view of it.
            let after = accounts::find(tx, account).unwrap().unwrap();
            assert_eq!(
                (after.state, after.session_epoch, &after.profile),
                (AccountState::PendingVerification, before.session_epoch, &before.profile)
            );
            assert!(memberships::find(tx, account, acme).unwrap().is_none());
            assert!(memberships::find(tx, account, home).unwrap().is_some());
            assert!(open_cases(tx, &op, home).is_empty(), "nobody else hears of it");
            users::delete(tx, &op, acme, pushed.id, None).unwrap();
            assert!(open_cases(tx, &op, acme).is_empty());
            assert_eq!(account_of(tx, home, at_home), Some(account));
        })
        .await;
        // Asked for access, then for none; and over with the user.
        let asked: Vec<_> =
            world.entries("case.updated").await.iter().map(|entry| entry["access_asked"].clone()).collect();
        assert!(asked.contains(&false.into()) && asked.contains(&true.into()), "{}: {asked:?}", world.engine());
        assert_eq!(world.entries("case.closed").await.len(), 1, "{}", world.engine());
        let deleted = world.entries("user.deleted").await;
        assert_eq!(deleted, [json!({ "state": "waiting" })], "{}", world.engine());
    }
}

#[tokio::test]
async fn e33_another_address_that_exists_outside_as_well_is_another_case() {
    const BEA: &str = "bea@freelance.test";
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (home, _, _) = globex(tx, &op, ADA);
            let bea = push(tx, &op, home, BEA).id;
            let bea = account_of(tx, home, bea).unwrap();
            account_rows::mark_verified(tx, bea, BEA, op.at).unwrap();
            let pushed = push(tx, &op, acme, ADA);
            let put = draft(json!({ "userName": BEA, "active": true }));
            assert_eq!(users::replace(tx, &op, acme, pushed.id, &put, None).unwrap().active, Some(false));
            let open = open_cases(tx, &op, acme);
            assert_eq!((open.len(), open[0].address.as_str()), (1, BEA));
        })
        .await;
    }
}

#[tokio::test]
async fn e33_whoever_has_waited_has_the_role_of_their_groups_at_once() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (home, at_home, _) = globex(tx, &op, ADA);
            let reviewed = push(tx, &op, acme, ADA).id;
            let case = open_cases(tx, &op, acme).remove(0);
            make_user_admin(tx, &op, acme, reviewed);
            users::delete(tx, &op, home, at_home, None).unwrap();
            assert!(review(tx, &op, acme, &case).unwrap());
            assert_eq!(role(tx, acme, reviewed), Role::UserAdmin);
        })
        .await;
    }
}

#[tokio::test]
async fn e33_whoever_waits_no_more_with_another_address_has_the_role_of_their_groups_at_once() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            globex(tx, &op, ADA);
            let pushed = push(tx, &op, acme, ADA).id;
            make_user_admin(tx, &op, acme, pushed);
            let put = draft(json!({ "userName": "ada.l@acme.test", "active": true }));
            users::replace(tx, &op, acme, pushed, &put, None).unwrap();
            assert_eq!(role(tx, acme, pushed), Role::UserAdmin);
        })
        .await;
    }
}

#[tokio::test]
async fn a_case_whose_user_is_gone_is_closed() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            globex(tx, &op, ADA);
            let pushed = push(tx, &op, acme, ADA).id;
            let case = open_cases(tx, &op, acme).remove(0);
            let k = resources::find(tx, acme, ResourceKind::User, pushed).unwrap().unwrap().k;
            resources::delete(tx, acme, k).unwrap();
            assert!(!review(tx, &op, acme, &case).unwrap());
            assert!(open_cases(tx, &op, acme).is_empty());
        })
        .await;
    }
}

#[tokio::test]
async fn a_member_whom_a_client_takes_on_is_written_down() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            push(tx, &op, acme, "ada@acme.test");
        })
        .await;
        let updated = world.entries("user.updated").await;
        assert!(updated.contains(&json!({ "provisioned": true })), "{}: {updated:?}", world.engine());
    }
}

#[tokio::test]
async fn e33_an_address_in_another_organizations_domain_is_a_case_and_one_of_ones_own_people_is_not() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (home, _, _) = globex(tx, &op, ADA);
            let contractor = push(tx, &op, home, "bob@acme.test");
            assert_eq!((contractor.active, account_of(tx, home, contractor.id)), (Some(false), None));
            let own = push(tx, &op, acme, "bob@acme.test");
            assert_eq!(own.active, Some(true), "the domain's owner is not kept from its own people");
            let account = account_of(tx, acme, own.id).unwrap();
            account_rows::mark_verified(tx, account, "bob@acme.test", op.at).unwrap();
            let body = json!({ "userName": "second", "emails": [{ "value": "bob@acme.test" }] });
            let second = users::create(tx, &op, acme, &draft(body)).unwrap();
            assert!(account_of(tx, acme, second.id).is_some(), "it is verified for one of their own");
        })
        .await;
    }
}

#[tokio::test]
async fn e33_when_the_address_becomes_free_the_case_is_done_and_the_user_has_an_account() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (home, at_home, _) = globex(tx, &op, ADA);
            let pushed = push(tx, &op, acme, ADA);
            let case = open_cases(tx, &op, acme).remove(0);
            assert!(!review(tx, &op, acme, &case).unwrap(), "still outside");
            users::delete(tx, &op, home, at_home, None).unwrap();
            assert!(review(tx, &op, acme, &case).unwrap());
            let account = account_of(tx, acme, pushed.id).unwrap();
            let found = accounts::find(tx, account).unwrap().unwrap();
            assert_eq!(
                (found.state, found.profile.display_name.as_deref()),
                (AccountState::PendingVerification, Some("Pushed"))
            );
            assert!(open_cases(tx, &op, acme).is_empty());
            assert!(!review(tx, &op, acme, &case).unwrap(), "once");
            assert_eq!(switched(tx, acme), 0, "who still has to follow their mail has no access yet");
        })
        .await;
    }
}

#[tokio::test]
async fn e33_a_case_that_ends_with_access_is_told_to_those_who_hear_of_changes() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (home, at_home, _) = globex(tx, &op, ADA);
            let pushed = push(tx, &op, acme, ADA);
            let case = open_cases(tx, &op, acme).remove(0);
            users::delete(tx, &op, home, at_home, None).unwrap();
            domains::insert(tx, &owned(acme, "freelance.test", &op)).unwrap();
            assert!(review(tx, &op, acme, &case).unwrap());
            let row = resources::find(tx, acme, ResourceKind::User, pushed.id).unwrap().unwrap();
            assert_eq!((row.active, row.version), (Some(true), pushed.version + 1));
            assert_eq!(switched(tx, acme), 1);
        })
        .await;
    }
}

/// How many events say that somebody has access now (RFC 9967, section 2.4).
fn switched(tx: &mut Tx<'_>, at: OrganizationId) -> usize {
    scim_events::all(tx, at).unwrap().iter().filter(|row| row.claims.contains("prov:activate")).count()
}

fn owned(organization: OrganizationId, name: &str, op: &Operation) -> domains::DomainRow {
    domains::DomainRow {
        id: op.new_id(),
        org_id: organization,
        name: name.to_owned(),
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
    }
}

#[tokio::test]
async fn e33_another_address_ends_the_waiting() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            globex(tx, &op, ADA);
            let pushed = push(tx, &op, acme, ADA);
            let put = draft(json!({ "userName": "ada@acme.test", "active": true }));
            let replaced = users::replace(tx, &op, acme, pushed.id, &put, None).unwrap();
            assert_eq!(replaced.active, Some(true), "an address of the organization's own (E29)");
            assert!(account_of(tx, acme, pushed.id).is_some() && open_cases(tx, &op, acme).is_empty());
        })
        .await;
    }
}

#[tokio::test]
async fn q19_a_deleted_user_loses_membership_and_account_and_can_be_made_again_under_another_id() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let first = push(tx, &op, acme, "bob@acme.test");
            let account = account_of(tx, acme, first.id).unwrap();
            users::delete(tx, &op, acme, first.id, None).unwrap();
            assert!(memberships::find(tx, account, acme).unwrap().is_none());
            let closed = accounts::find(tx, account).unwrap().unwrap();
            assert_eq!((closed.state, closed.profile.addresses.len()), (AccountState::Closed, 0), "a tombstone stays");
            let second = push(tx, &op, acme, "bob@acme.test");
            assert_ne!(second.id, first.id);
            assert_ne!(account_of(tx, acme, second.id), Some(account));
        })
        .await;
    }
}

/// Ada, who waits because of an account elsewhere, which is gone by now.
async fn free_to_come(world: &World) -> (ResourceId, cases::Case) {
    let (op, acme) = (world.operator(), world.organization);
    let made = world.store().write(move |tx| {
        let (home, at_home, _) = globex(tx, &op, ADA);
        let pushed = push(tx, &op, acme, ADA).id;
        users::delete(tx, &op, home, at_home, None).unwrap();
        Ok::<_, StoreError>((pushed, open_cases(tx, &op, acme).remove(0)))
    });
    made.await.unwrap()
}

#[tokio::test]
async fn a_user_who_is_deleted_while_their_case_is_looked_at_gets_no_account() {
    for world in world().await {
        let (pushed, case) = free_to_come(&world).await;
        let (op, now, acme) = (world.operator(), world.operator(), world.organization);
        let before = world.entries("user.created").await.len();
        let delete = move |tx: &mut Tx<'_>| {
            users::delete(tx, &op, acme, pushed, None).unwrap();
            Ok(())
        };
        let reviewed = world.store().write(move |tx| review(tx, &now, acme, &case));
        let (_, reviewed) = scratch::overlap(world.store(), delete, reviewed).await;
        assert!(!reviewed.unwrap(), "{}", world.engine());
        assert_eq!(world.entries("user.created").await.len(), before, "{}", world.engine());
    }
}

#[tokio::test]
async fn a_case_that_is_closed_twice_at_once_is_closed_once() {
    for world in world().await {
        let (pushed, _) = free_to_come(&world).await;
        let acme = world.organization;
        let closing = |transition| {
            let op = world.operator();
            move |tx: &mut Tx<'_>| cases::close(tx, &op, acme, pushed, transition)
        };
        let second = world.store().write(closing(CaseState::finish));
        let (first, second) = scratch::overlap(world.store(), closing(CaseState::cancel), second).await;
        assert_eq!((first, second.unwrap()), (true, false), "{}", world.engine());
        assert_eq!(world.entries("case.closed").await.len(), 1, "{}", world.engine());
    }
}
