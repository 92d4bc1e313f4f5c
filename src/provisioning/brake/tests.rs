//! Decision Q33, on both engines.

use std::ops::Range;

use serde_json::json;

use super::{BrakeError, BrakeState, Removal, confirm, confirmed, find, hold, reject, release, set_limit};
use crate::access::testing::{World, world};
use crate::directory::accounts;
use crate::directory::accounts::state::AccountState;
use crate::directory::memberships::MembershipStatus;
use crate::directory::profile::Profile as Person;
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::Patch;
use crate::provisioning::users;
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::scim_clients::{self, ScimClientRow};
use crate::store::{Tx, jobs, outbox, removals, scratch};
use crate::values::ids::{AccountId, OrganizationId, ResourceId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::scim_scope::ScimScope;

fn rules() -> Rules {
    Rules::new(Profile::Standard.tolerance(), Limits::default())
}

fn client(op: &Operation, organization: OrganizationId) -> Operation {
    let client = ScimClientId::from_bytes(&[3; 16]).unwrap();
    op.by(Actor::ScimClient {
        organization,
        client,
        credential: ScimCredentialId::from_bytes(&[4; 16]).unwrap(),
        scope: ScimScope::Write,
    })
}

/// The same, where the client is there.
fn stored_client(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Operation {
    let row = ScimClientRow {
        id: ScimClientId::from_bytes(&[3; 16]).unwrap(),
        org_id: organization,
        name: "IdP".to_owned(),
        profile: "strict".to_owned(),
        state: "active".to_owned(),
        created_at: op.at,
        updated_at: op.at,
        request_log: "off".to_owned(),
    };
    scim_clients::insert(tx, &row).unwrap();
    client(op, organization)
}

fn push(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, count: usize) -> Vec<ResourceId> {
    push_all(tx, op, acme, 0..count)
}

fn push_all(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, numbers: Range<usize>) -> Vec<ResourceId> {
    let user = |n: usize| {
        let body = json!({ "userName": format!("u{n}@acme.test") });
        let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
        users::draft(read.document, resource_type::user()).unwrap()
    };
    numbers.map(|n| users::create(tx, op, acme, &user(n)).unwrap().id).collect()
}

fn set_active(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, id: ResourceId, is_active: bool) -> Outcome {
    let body = json!({ "schemas": [request::SCHEMA],
        "Operations": [{ "op": "replace", "path": "active", "value": is_active }] });
    let operations = request::read(body.as_object().unwrap().clone(), &rules()).unwrap();
    let patch = Patch { operations, resource_type: resource_type::user().clone(), rules: rules() };
    users::patch(tx, op, acme, id, patch, None).map(drop)
}

type Outcome = Result<(), ProvisioningError>;

/// As a request is answered: what is refused leaves nothing behind but its place on the list.
fn remove(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, id: ResourceId, removal: Removal) -> Outcome {
    let outcome = match removal {
        Removal::Delete => users::delete(tx, op, acme, id, None),
        Removal::Deactivate => set_active(tx, op, acme, id, false),
    };
    if let Err(ProvisioningError::RemovalHeld { resource, removal }) = &outcome {
        hold(tx, op, acme, *resource, *removal).unwrap();
    }
    outcome
}

fn is_held(outcome: &Outcome) -> bool {
    matches!(outcome, Err(ProvisioningError::RemovalHeld { .. }))
}

fn state(tx: &mut Tx<'_>, acme: OrganizationId, id: ResourceId) -> Option<AccountState> {
    let row = resources::find(tx, acme, ResourceKind::User, id).unwrap()?;
    Some(accounts::find(tx, row.account_id.unwrap()).unwrap().unwrap().state)
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
async fn q33_a_mass_removal_waits_for_a_human_and_is_done_when_it_is_confirmed() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 12);
            set_limit(tx, &op, acme, 3, 0).unwrap();
            let idp = client(&op, acme);
            for id in &people[..3] {
                remove(tx, &idp, acme, *id, Removal::Delete).unwrap();
            }
            let events = outbox::count(tx).unwrap();
            let outcomes: Vec<_> =
                people[3..6].iter().map(|id| remove(tx, &idp, acme, *id, Removal::Deactivate)).collect();
            // The first of them opened the list; then a few who are not on it may go.
            assert!(is_held(&outcomes[0]), "{outcomes:?}");
            assert_eq!(outbox::count(tx).unwrap(), events + 1, "the administrators are told once");
            assert!(is_held(&remove(tx, &idp, acme, people[3], Removal::Delete)), "who is on the list waits");
            assert_eq!(state(tx, acme, people[3]), Some(AccountState::Active), "and keeps the access meanwhile");
            let brake = find(tx, &op, acme).unwrap();
            assert_eq!(
                (brake.state, brake.client),
                (BrakeState::Waiting, Some(ScimClientId::from_bytes(&[3; 16]).unwrap()))
            );
            assert_eq!(removals::waiting(tx).unwrap(), brake.waiting, "who watches the gateway sees how many wait");
            confirm(tx, &op, acme).unwrap();
            assert_eq!(removals::waiting(tx).unwrap(), 0);
            assert_eq!(jobs::payloads(tx, "remove_held").unwrap().len(), 1);
            assert_eq!(confirmed(tx, &op, acme, 10).unwrap(), [(people[3], Removal::Delete)]);
            remove(tx, &idp, acme, people[7], Removal::Delete).unwrap();
            assert!(matches!(confirm(tx, &op, acme), Err(BrakeError::NothingWaits)));
            let later = Operation { at: op.at.plus_seconds(25 * 3600), ..idp.clone() };
            for id in &people[8..11] {
                remove(tx, &later, acme, *id, Removal::Delete).unwrap();
            }
            assert!(is_held(&remove(tx, &later, acme, people[11], Removal::Delete)), "a decision counts for a day");
        })
        .await;
    }
}

#[tokio::test]
async fn q33_what_was_rejected_stays_and_the_client_hears_no() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 4);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            assert!(is_held(&remove(tx, &idp, acme, people[1], Removal::Delete)));
            reject(tx, &op, acme).unwrap();
            let again = remove(tx, &idp, acme, people[1], Removal::Delete);
            assert!(matches!(again, Err(ProvisioningError::RemovalRejected)), "{again:?}");
            assert!(confirmed(tx, &op, acme, 10).unwrap().is_empty());
            assert_eq!(state(tx, acme, people[1]), Some(AccountState::Active));
            let next_day = Operation { at: op.at.plus_seconds(25 * 3600), ..idp.clone() };
            remove(tx, &next_day, acme, people[1], Removal::Delete).unwrap();
        })
        .await;
        assert_eq!(world.entries("removals.rejected").await.len(), 1, "{}", world.engine());
    }
}

#[tokio::test]
async fn q33_a_single_persons_removal_is_never_delayed() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 30);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            assert!(is_held(&remove(tx, &idp, acme, people[1], Removal::Delete)));
            // The list waits; whoever has to go in the meantime goes, but no second mass.
            let next = Operation { at: op.at.plus_seconds(60), ..idp.clone() };
            for id in &people[2..22] {
                remove(tx, &next, acme, *id, Removal::Delete).unwrap();
            }
            assert!(is_held(&remove(tx, &next, acme, people[22], Removal::Delete)));
            let hours_later = Operation { at: op.at.plus_seconds(5 * 3600), ..idp.clone() };
            assert!(
                is_held(&remove(tx, &hours_later, acme, people[1], Removal::Delete)),
                "time alone confirms nothing"
            );
            remove(tx, &hours_later, acme, people[23], Removal::Delete).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn q33_the_share_counts_if_it_is_more_and_only_who_may_sign_in_counts() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 20);
            set_limit(tx, &op, acme, 1, 20).unwrap();
            let idp = client(&op, acme);
            // 20 % of 20, before the hour.
            for id in &people[..4] {
                remove(tx, &idp, acme, *id, Removal::Deactivate).unwrap();
                remove(tx, &idp, acme, *id, Removal::Delete).unwrap();
            }
            assert!(is_held(&remove(tx, &idp, acme, people[4], Removal::Deactivate)));
            // What the gateway and administrators do is not braked.
            users::delete(tx, &op, acme, people[5], None).unwrap();
            users::deactivate(tx, &op, acme, people[6]).unwrap();
            assert_eq!(state(tx, acme, people[6]), Some(AccountState::Inactive));
            release(tx, acme, people[4]).unwrap();
        })
        .await;
    }
}

/// Whoever comes in the meantime does not widen the share: those who may sign in are counted once an hour.
#[tokio::test]
async fn q33_the_share_is_of_those_who_were_there_when_it_was_counted() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 20);
            set_limit(tx, &op, acme, 1, 20).unwrap();
            let idp = client(&op, acme);
            for id in &people[..2] {
                remove(tx, &idp, acme, *id, Removal::Delete).unwrap();
            }
            push_all(tx, &op, acme, 20..40);
            for id in &people[2..4] {
                remove(tx, &idp, acme, *id, Removal::Delete).unwrap();
            }
            assert!(is_held(&remove(tx, &idp, acme, people[4], Removal::Delete)));
        })
        .await;
    }
}

/// The request was looked at before an administrator let the list through, and is noted after that.
#[tokio::test]
async fn q33_a_list_that_was_let_through_is_not_lost_to_one_who_comes_at_that_moment() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 5);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            assert!(is_held(&remove(tx, &idp, acme, people[1], Removal::Delete)));
            confirm(tx, &op, acme).unwrap();
            hold(tx, &idp, acme, people[2], Removal::Delete).unwrap();
            assert_eq!(find(tx, &op, acme).unwrap().state, BrakeState::Confirmed);
            assert_eq!(confirmed(tx, &op, acme, 10).unwrap(), [(people[1], Removal::Delete)]);
            remove(tx, &idp, acme, people[2], Removal::Delete).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn q33_a_new_list_begins_without_what_was_rejected_before() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 5);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            assert!(is_held(&remove(tx, &idp, acme, people[1], Removal::Delete)));
            reject(tx, &op, acme).unwrap();
            let next_day = Operation { at: op.at.plus_seconds(25 * 3600), ..idp.clone() };
            remove(tx, &next_day, acme, people[2], Removal::Delete).unwrap();
            assert!(is_held(&remove(tx, &next_day, acme, people[3], Removal::Delete)));
            let brake = find(tx, &Operation { at: next_day.at, ..op.clone() }, acme).unwrap();
            assert_eq!((brake.state, brake.waiting), (BrakeState::Waiting, 1));
        })
        .await;
    }
}

#[tokio::test]
async fn only_a_human_who_manages_users_decides() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 2);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            assert!(is_held(&remove(tx, &idp, acme, people[1], Removal::Delete)));
            let admin = |role| op.by(Actor::Admin { organization: acme, role, token: op.new_id() });
            for who in [idp, admin(Role::Auditor), admin(Role::AppAdmin)] {
                assert!(matches!(confirm(tx, &who, acme), Err(BrakeError::Denied(_))), "{who:?}");
                assert!(matches!(reject(tx, &who, acme), Err(BrakeError::Denied(_))), "{who:?}");
                assert!(matches!(set_limit(tx, &who, acme, 9, 9), Err(BrakeError::Denied(_))), "{who:?}");
            }
            for (per_hour, share) in [(0, 20), (1_000_001, 20), (1, -1), (1, 101)] {
                assert!(
                    matches!(set_limit(tx, &op, acme, per_hour, share), Err(BrakeError::InvalidLimit)),
                    "{per_hour} {share}"
                );
            }
            for (per_hour, share) in [(1_000_000, 0), (1, 100)] {
                assert_eq!(set_limit(tx, &op, acme, per_hour, share).unwrap().removals_per_hour, per_hour);
            }
            confirm(tx, &admin(Role::UserAdmin), acme).unwrap();
        })
        .await;
    }
}

#[tokio::test]
async fn of_two_removals_that_are_held_at_once_the_first_begins_the_list() {
    for world in world().await {
        let (op, acme) = (world.operator(), world.organization);
        let pushed = world.store().write(move |tx| Ok::<_, StoreError>(push(tx, &op, acme, 2))).await.unwrap();
        let holding = |id| {
            let op = client(&world.op(), acme);
            move |tx: &mut Tx<'_>| hold(tx, &op, acme, id, Removal::Delete)
        };
        let first = holding(pushed[0]);
        let first = move |tx: &mut Tx<'_>| {
            first(tx).unwrap();
            Ok(())
        };
        let second = world.store().write(holding(pushed[1]));
        let (_, second) = scratch::overlap(world.store(), first, second).await;
        assert!(second.is_ok(), "{}: {second:?}", world.engine());
        assert_eq!(world.entries("removals.held").await.len(), 1, "{}", world.engine());
        let held = world.store().read(move |tx| removals::held_count(tx, acme)).await.unwrap();
        assert_eq!(held, 2, "{}", world.engine());
    }
}

/// To remove `active` takes no access, and so it is no removal; what comes after it is one.
#[tokio::test]
async fn q33_who_may_sign_in_counts_whatever_the_user_shows() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 5);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            for id in &people {
                without_active(tx, &idp, acme, *id);
                assert_eq!(state(tx, acme, *id), Some(AccountState::Active));
            }
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            assert_eq!(find(tx, &op, acme).unwrap().removed, 1, "it counts");
            for (id, removal) in [(people[1], Removal::Delete), (people[2], Removal::Deactivate)] {
                // The list that the one before opened lets a few others go.
                removals::release_all(tx, acme).unwrap();
                let open =
                    removals::BrakeRow { state: "open".to_owned(), ..removals::find(tx, acme).unwrap().unwrap() };
                removals::put(tx, &open).unwrap();
                assert!(is_held(&remove(tx, &idp, acme, id, removal)), "{removal:?} past the limit");
                assert_eq!(state(tx, acme, id), Some(AccountState::Active));
            }
            // Somebody who is out already can go.
            let out = account_of(tx, acme, people[3]);
            accounts::deactivate(tx, &op, acme, out).unwrap();
            remove(tx, &idp, acme, people[3], Removal::Delete).unwrap();
            assert_eq!(find(tx, &op, acme).unwrap().removed, 1);
        })
        .await;
    }
}

/// Somebody who has not joined cannot sign in, whatever the directory has asked for.
#[tokio::test]
async fn q33_who_has_not_joined_is_no_removal() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let people = push(tx, &op, acme, 1);
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = client(&op, acme);
            remove(tx, &idp, acme, people[0], Removal::Delete).unwrap();
            let body = json!({ "userName": "eve", "emails": [{ "value": "eve@elsewhere.test" }] });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
            let draft = users::draft(read.document, resource_type::user()).unwrap();
            let eve = users::create(tx, &op, acme, &draft).unwrap().id;
            assert_eq!(state(tx, acme, eve), Some(AccountState::PendingVerification));
            without_active(tx, &idp, acme, eve);
            remove(tx, &idp, acme, eve, Removal::Deactivate).unwrap();
            without_active(tx, &idp, acme, eve);
            remove(tx, &idp, acme, eve, Removal::Delete).unwrap();
            assert_eq!(find(tx, &op, acme).unwrap().removed, 1);
        })
        .await;
    }
}

/// Those who signed in before the client came are members without a user. That the client makes their users with `active: false`
/// takes access from them as well.
#[tokio::test]
async fn q33_who_was_there_before_the_client_is_not_removed_beside_the_brake() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let member = |tx: &mut Tx<'_>, address: &str| {
                let profile = Person { addresses: vec![address.parse().unwrap()], ..Person::default() };
                accounts::provision(tx, &op, acme, &profile, MembershipStatus::Active).unwrap().account
            };
            let addresses = ["u0@acme.test", "u1@acme.test", "u2@acme.test"];
            let members = addresses.map(|address| member(tx, address));
            set_limit(tx, &op, acme, 1, 0).unwrap();
            let idp = stored_client(tx, &op, acme);
            let create = |tx: &mut Tx<'_>, address: &str| {
                let body = json!({ "userName": address, "active": false });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules()).unwrap();
                users::create(tx, &idp, acme, &users::draft(read.document, resource_type::user()).unwrap()).unwrap()
            };
            let users = addresses.map(|address| create(tx, address));
            assert_eq!(users.each_ref().map(|user| user.active), [Some(false), Some(true), Some(false)]);
            let accounts = users.each_ref().map(|user| account_of(tx, acme, user.id));
            assert_eq!(accounts, members, "nobody gets a second account");
            // The second waits, and began the list; the third is one of the few who may go while it waits.
            let brake = find(tx, &op, acme).unwrap();
            assert_eq!((brake.state, brake.waiting, brake.removed), (BrakeState::Waiting, 1, 2));
            assert_eq!(state(tx, acme, users[1].id), Some(AccountState::Active));
            confirm(tx, &op, acme).unwrap();
            assert_eq!(confirmed(tx, &op, acme, 10).unwrap(), [(users[1].id, Removal::Deactivate)]);
            users::deactivate(tx, &op, acme, users[1].id).unwrap();
            assert_eq!(state(tx, acme, users[1].id), Some(AccountState::Inactive));
            // Whoever could not sign in is no removal, and an administrator is never braked.
            let gone = create(tx, "new@acme.test");
            assert_eq!((gone.active, find(tx, &op, acme).unwrap().removed), (Some(false), 2));
        })
        .await;
    }
}

/// A client removes `active`, which says neither.
fn without_active(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, id: ResourceId) {
    let body = json!({ "schemas": [request::SCHEMA], "Operations": [{ "op": "remove", "path": "active" }] });
    let operations = request::read(body.as_object().unwrap().clone(), &rules()).unwrap();
    let patch = Patch { operations, resource_type: resource_type::user().clone(), rules: rules() };
    assert_eq!(users::patch(tx, op, acme, id, patch, None).unwrap().active, None);
}

fn account_of(tx: &mut Tx<'_>, acme: OrganizationId, id: ResourceId) -> AccountId {
    resources::find(tx, acme, ResourceKind::User, id).unwrap().unwrap().account_id.unwrap()
}
