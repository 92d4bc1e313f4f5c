//! What becomes of a POST for somebody who is there already, on both engines.

use serde_json::{Value, json};

use super::{PolicyError, Reprovisioning, find, holder, set};
use crate::access::testing::{World, world};
use crate::directory::accounts;
use crate::directory::accounts::state::AccountState;
use crate::protocol::scim::document;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::clients;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::users;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::values::ids::{AccountId, OrganizationId, ResourceId, ScimClientId, ScimCredentialId};
use crate::values::operation::{Actor, Operation};
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;

fn draft(body: Value) -> users::UserDraft {
    let rules = Rules::new(Profile::Standard.tolerance(), Limits::default());
    let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules).unwrap();
    users::draft(read.document, resource_type::user()).unwrap()
}

fn ada(external_id: &str, is_active: bool) -> users::UserDraft {
    draft(json!({ "userName": "ada.l@acme.test", "externalId": external_id, "active": is_active }))
}

/// A client of this profile, as the actor of an operation.
fn client(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, profile: Profile) -> (Operation, ScimClientId) {
    let client = clients::create(tx, op, acme, "directory", profile, &Quota::default()).unwrap().id;
    let credential = ScimCredentialId::from_bytes(&[4; 16]).unwrap();
    (op.by(Actor::ScimClient { organization: acme, client, credential, scope: ScimScope::Write }), client)
}

fn account(tx: &mut Tx<'_>, acme: OrganizationId, id: ResourceId) -> (AccountId, AccountState) {
    let account = resources::find(tx, acme, ResourceKind::User, id).unwrap().unwrap().account_id.unwrap();
    (account, accounts::find(tx, account).unwrap().unwrap().state)
}

/// What a transaction of its own would say: the last statement of a case here, since PostgreSQL takes none after it.
fn is_taken(outcome: &Result<impl std::fmt::Debug, ProvisioningError>) -> bool {
    matches!(outcome, Err(ProvisioningError::UserNameTaken))
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
async fn reactivate_takes_on_again_whom_the_client_had_deactivated_under_the_same_id() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (okta, id) = client(tx, &op, acme, Profile::Okta);
            assert_eq!(find(tx, &op, acme, id).unwrap(), Reprovisioning::Reactivate, "Okta's own default");
            let first = users::create(tx, &okta, acme, &ada("00u1", true)).unwrap();
            let before = account(tx, acme, first.id).0;
            users::replace(tx, &okta, acme, first.id, &ada("00u1", false), None).unwrap();
            let again = users::create(tx, &okta, acme, &ada("00u1", true)).unwrap();
            assert_eq!((again.id, again.active), (first.id, Some(true)));
            assert_eq!(account(tx, acme, first.id), (before, AccountState::Active));
            // Okta's trap: the same external id under another user name.
            users::replace(tx, &okta, acme, first.id, &ada("00u1", false), None).unwrap();
            let renamed = draft(json!({ "userName": "ada.king@acme.test", "externalId": "00u1" }));
            assert_eq!(users::create(tx, &okta, acme, &renamed).unwrap().id, first.id);
            let active = users::create(tx, &okta, acme, &draft(json!({ "userName": "ada.king@acme.test" })));
            assert!(is_taken(&active), "an active user is not taken over: {active:?}");
        })
        .await;
    }
}

#[tokio::test]
async fn reactivate_leaves_whom_another_client_has_pushed_alone() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (other, _) = client(tx, &op, acme, Profile::Entra);
            let (okta, _) = client(tx, &op, acme, Profile::Okta);
            users::create(tx, &other, acme, &ada("e-1", false)).unwrap();
            let same_id = draft(json!({ "userName": "somebody.else@acme.test", "externalId": "e-1" }));
            let found = users::create(tx, &okta, acme, &same_id).unwrap();
            assert_eq!(found.active, Some(true), "an external id is one client's own");
            assert!(is_taken(&users::create(tx, &okta, acme, &ada("e-1", true))));
        })
        .await;
    }
}

#[tokio::test]
async fn adopt_takes_over_whoever_is_there() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (other, _) = client(tx, &op, acme, Profile::Entra);
            let (new, id) = client(tx, &op, acme, Profile::Standard);
            set(tx, &op, acme, id, Reprovisioning::Adopt).unwrap();
            for is_active in [true, false] {
                let first = users::create(tx, &other, acme, &ada("e-1", is_active)).unwrap();
                let taken = users::create(tx, &new, acme, &ada("n-1", true)).unwrap();
                assert_eq!((taken.id, taken.active), (first.id, Some(true)));
                users::delete(tx, &new, acme, first.id, None).unwrap();
            }
        })
        .await;
        assert_eq!(world.entries("user.reprovisioned").await.len(), 2, "{}", world.engine());
    }
}

#[tokio::test]
async fn whom_a_client_has_adopted_is_its_own_from_then_on() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (other, _) = client(tx, &op, acme, Profile::Entra);
            let (new, id) = client(tx, &op, acme, Profile::Standard);
            set(tx, &op, acme, id, Reprovisioning::Adopt).unwrap();
            let first = users::create(tx, &other, acme, &ada("e-1", true)).unwrap();
            users::create(tx, &new, acme, &ada("n-1", true)).unwrap();
            set(tx, &op, acme, id, Reprovisioning::Reactivate).unwrap();
            users::replace(tx, &new, acme, first.id, &ada("n-1", false), None).unwrap();
            assert_eq!(users::create(tx, &new, acme, &ada("n-1", true)).unwrap().id, first.id);
        })
        .await;
        assert_eq!(world.entries("scim_client.policy_set").await.len(), 2, "{}", world.engine());
    }
}

#[tokio::test]
async fn refuse_is_the_default_and_says_who_is_there() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (entra, id) = client(tx, &op, acme, Profile::Entra);
            assert_eq!(find(tx, &op, acme, id).unwrap(), Reprovisioning::Refuse);
            let first = users::create(tx, &entra, acme, &ada("e-1", false)).unwrap();
            let who = holder(tx, &entra, acme, &ada("e-2", true)).unwrap().unwrap();
            assert_eq!((who.id, who.is_active), (first.id, false));
            assert!(is_taken(&users::create(tx, &entra, acme, &ada("e-1", true))));
        })
        .await;
    }
}

#[tokio::test]
async fn a_client_does_not_set_its_own_policy() {
    for world in world().await {
        run(&world, |tx, op, acme| {
            let (entra, id) = client(tx, &op, acme, Profile::Entra);
            let outcome = set(tx, &entra, acme, id, Reprovisioning::Adopt);
            assert!(matches!(outcome, Err(PolicyError::Denied(_))), "{outcome:?}");
            let nobody = ScimClientId::from_bytes(&[9; 16]).unwrap();
            assert!(matches!(set(tx, &op, acme, nobody, Reprovisioning::Adopt), Err(PolicyError::NotFound)));
        })
        .await;
    }
}
