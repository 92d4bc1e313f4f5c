//! What a SCIM write means for the person, in one transaction, on both engines.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::directory::accounts::state::AccountState;
use crate::directory::accounts::{self, AccountError};
use crate::directory::memberships;
use crate::directory::profile::Profile as PersonProfile;
use crate::protocol::scim::document;
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::{self, ResourceType, ResourceTypes};
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{Patch, Resource};
use crate::provisioning::{brake, clients, groups, reprovisioning, users};
use crate::record::audit;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::members;
use crate::store::organizations::{self, OrganizationRow};
use crate::store::resources::{self, ResourceKind};
use crate::store::scim_events;
use crate::store::scratch;
use crate::values::clock::Timestamp;
use crate::values::entropy::Entropy;
use crate::values::ids::{AccountId, EventId, Id, OrganizationId, ResourceId, Sequence};
use crate::values::operation::{Actor, Operation, Role};
use crate::values::page::PageRequest;
use crate::values::quota::Quota;
use crate::values::scim_scope::ScimScope;

/// An operation of the gateway itself at this instant.
pub(super) fn operation(at: i64) -> Operation {
    let entropy = Entropy::new(|buffer| {
        static NEXT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(1);
        let n = NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed).to_be_bytes();
        for (byte, value) in buffer.iter_mut().rev().zip(n.iter().rev()) {
            *byte = *value;
        }
    });
    Operation {
        actor: Actor::System,
        request: Id::mint(Timestamp::from_micros(at), &entropy),
        at: Timestamp::from_micros(at),
        entropy,
        sequence: Sequence::default(),
        data_center: "us".parse().unwrap(),
    }
}

/// A fresh organization.
pub(super) fn organization(tx: &mut Tx<'_>, slug: &str) -> OrganizationId {
    let op = operation(1_700_000_000_000_000);
    let row = OrganizationRow {
        id: op.new_id(),
        slug: slug.to_owned(),
        name: slug.to_owned(),
        support_name: "Help".to_owned(),
        support_email: "help@acme.test".to_owned(),
        version: 1,
        created_at: op.at,
        updated_at: op.at,
    };
    organizations::insert(tx, &row).unwrap();
    row.id
}

/// What a client without a profile is read with.
pub(super) fn rules() -> Rules {
    Rules::new(Profile::Standard.tolerance(), Limits::default())
}

pub(super) const NOW: i64 = 1_700_000_000_000_000;
pub(super) const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";

pub(super) fn user(body: Value) -> users::UserDraft {
    let read = document::read(body.as_object().unwrap().clone(), resource_type::user(), &rules());
    users::draft(read.unwrap().document, resource_type::user()).unwrap()
}

pub(super) fn patch(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ResourceId,
    operations: Value,
) -> Result<Resource, ProvisioningError> {
    patch_of(tx, organization, id, resource_type::user(), operations)
}

pub(super) fn patch_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ResourceId,
    resource_type: &Arc<ResourceType>,
    operations: Value,
) -> Result<Resource, ProvisioningError> {
    let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
    let operations = request::read(body.as_object().unwrap().clone(), &rules())?;
    let patch = Patch { operations, resource_type: Arc::clone(resource_type), rules: rules() };
    users::patch(tx, &operation(NOW + 5_000_000), organization, id, patch, None)
}

pub(super) fn account(tx: &mut Tx<'_>, organization: OrganizationId, id: ResourceId) -> AccountId {
    resources::find(tx, organization, ResourceKind::User, id).unwrap().unwrap().account_id.unwrap()
}

/// The names of the audit entries, newest first.
pub(super) fn entries(tx: &mut Tx<'_>, organization: OrganizationId) -> Vec<String> {
    let page = audit::page(tx, organization, &PageRequest::new(None, Some(200)).unwrap()).unwrap();
    page.items.into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn deactivating_by_patch_ends_what_is_signed_in() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            let account = account(tx, acme, id);
            let before = accounts::find(tx, account)?.unwrap();
            patch(tx, acme, id, json!([{ "op": "replace", "path": "active", "value": false }]))?;
            let after = accounts::find(tx, account)?.unwrap();
            assert!(after.session_epoch > before.session_epoch, "{engine}");
            assert_eq!(after.state, AccountState::Inactive);
            let removed = patch(tx, acme, id, json!([{ "op": "remove", "path": "active" }]))?;
            assert_eq!(removed.active, None);
            assert_eq!(accounts::find(tx, account)?.unwrap().state, AccountState::Inactive, "a removal lets nobody in");
            patch(tx, acme, id, json!([{ "op": "replace", "path": "active", "value": false }]))?;
            let put = user(json!({ "userName": "ada" }));
            let replaced = users::replace(tx, &operation(NOW), acme, id, &put, None)?;
            assert_eq!(replaced.active, Some(false), "a PUT without active lets nobody in");
            patch(tx, acme, id, json!([{ "op": "replace", "value": { "active": "True" } }]))?;
            assert_eq!(accounts::find(tx, account)?.unwrap().state, AccountState::Active);
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn every_change_writes_one_audit_entry_and_no_change_writes_none() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            assert_eq!(entries(tx, acme), ["user.created"]);
            let title = json!([{ "op": "add", "path": "title", "value": "Countess" }]);
            let changed = patch(tx, acme, id, title.clone())?;
            let same = patch(tx, acme, id, title)?;
            assert_eq!((same.version, same.updated_at), (changed.version, changed.updated_at));
            patch(tx, acme, id, json!([{ "op": "replace", "path": "active", "value": false }]))?;
            users::delete(tx, &operation(NOW), acme, id, None)?;
            let mut found = entries(tx, acme);
            found.sort();
            assert_eq!(found, ["user.created", "user.deactivated", "user.deleted", "user.updated"]);
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_member_who_was_there_before_the_client_keeps_the_account() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let profile =
                PersonProfile { addresses: vec!["owner@acme.test".parse().unwrap()], ..PersonProfile::default() };
            let owner = accounts::create(tx, &operation(NOW), acme, &profile, Role::Owner)?;
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "Owner@acme.test" })))?.id;
            assert_eq!(account(tx, acme, id), owner);
            assert_eq!(memberships::find(tx, owner, acme)?.unwrap().role, Role::Owner);
            let mail = json!({ "userName": "second", "emails": [{ "value": "owner@acme.test" }] });
            let other = users::create(tx, &operation(NOW), acme, &user(mail))?.id;
            assert_ne!(account(tx, acme, other), owner, "one account, one user");
            let globex = organization(tx, "globex");
            let stranger =
                users::create(tx, &operation(NOW), globex, &user(json!({ "userName": "owner@acme.test" })))?.id;
            assert_ne!(account(tx, globex, stranger), owner, "another organization gets no hold of the person");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// CVE-2025-41115: an external id names nobody inside.
#[tokio::test]
async fn an_external_id_has_no_effect_on_any_other_account() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let ada = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada", "externalId": "1" })))?;
            let before = account(tx, acme, ada.id);
            for (n, external) in ["1".to_owned(), ada.id.to_string(), before.to_string()].into_iter().enumerate() {
                let new = json!({ "userName": format!("eve{n}"), "externalId": external, "id": ada.id.to_string() });
                for at in [acme, globex] {
                    let eve = users::create(tx, &operation(NOW), at, &user(new.clone()))?;
                    assert_ne!(eve.id, ada.id);
                    assert_ne!(account(tx, at, eve.id), before);
                }
            }
            let found = users::find(tx, &operation(NOW), acme, resource_type::user(), ada.id, &Projection::Default)?;
            assert_eq!((found.version, found.document), (1, ada.document));
            let elsewhere =
                users::find(tx, &operation(NOW), globex, resource_type::user(), ada.id, &Projection::Default);
            assert!(matches!(elsewhere, Err(ProvisioningError::NotFound)));
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_client_provisions_its_own_organization_only() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let client = Actor::ScimClient {
                organization: globex,
                client: Id::mint(Timestamp::from_micros(NOW), &operation(NOW).entropy),
                credential: Id::mint(Timestamp::from_micros(NOW), &operation(NOW).entropy),
                scope: ScimScope::Write,
            };
            let op = Operation { actor: client, ..operation(NOW) };
            let refused = users::create(tx, &op, acme, &user(json!({ "userName": "ada" })));
            assert!(matches!(refused, Err(ProvisioningError::Denied(_))));
            let ada = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?;
            let refused = users::delete(tx, &op, acme, ada.id, None);
            assert!(matches!(refused, Err(ProvisioningError::Denied(_))));
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// A client of this organization with this scope.
pub(super) fn client_of(organization: OrganizationId, scope: ScimScope) -> Operation {
    let (client, credential) = (Id::from_bytes(&[3; 16]).unwrap(), Id::from_bytes(&[4; 16]).unwrap());
    operation(NOW).by(Actor::ScimClient { organization, client, credential, scope })
}

/// What the functions answer that a request of a client comes down to, the reading ones first.
fn asked_by(tx: &mut Tx<'_>, op: &Operation, acme: OrganizationId, ada: ResourceId) -> [Vec<String>; 2] {
    fn text(outcome: Result<impl Sized, ProvisioningError>) -> String {
        outcome.err().map_or_else(|| "let in".to_owned(), |error| format!("{error:?}"))
    }
    let (of_user, of_group, nobody) = (resource_type::user(), resource_type::group(), op.new_id());
    let row = resources::find(tx, acme, ResourceKind::User, ada).unwrap().unwrap();
    let body = json!({ "displayName": format!("g{nobody}") });
    let read = document::read(body.as_object().unwrap().clone(), of_group, &rules()).unwrap();
    let group = groups::draft(read, of_group, &rules()).unwrap();
    let eve = user(json!({ "userName": format!("eve{nobody}") }));
    let reads = vec![
        text(users::find(tx, op, acme, of_user, nobody, &Projection::Default)),
        text(users::read(tx, op, acme, of_user, row.into(), &Projection::Default)),
        text(groups::find(tx, op, acme, of_group, nobody, &Projection::Default)),
        text(groups::has_more_members_than(tx, op, acme, nobody, 1)),
    ];
    let changes = vec![
        text(users::create(tx, op, acme, &eve)),
        text(users::delete(tx, op, acme, nobody, None)),
        text(groups::create(tx, op, acme, &group)),
        text(groups::delete(tx, op, acme, nobody, None)),
        text(reprovisioning::holder(tx, op, acme, &eve)),
        text(brake::hold(tx, op, acme, ada, brake::Removal::Delete)),
    ];
    [reads, changes]
}

#[tokio::test]
async fn every_function_that_a_client_can_reach_refuses_it_elsewhere_and_past_its_scope() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let ada = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            let [reads, changes] = asked_by(tx, &client_of(globex, ScimScope::Write), acme, ada);
            let elsewhere = [reads, changes].concat();
            assert!(elsewhere.iter().all(|said| said == "Denied(OtherOrganization)"), "{engine}: {elsewhere:?}");
            let [reads, changes] = asked_by(tx, &client_of(acme, ScimScope::Read), acme, ada);
            assert!(reads.iter().all(|said| !said.contains("Denied")), "{engine}: {reads:?}");
            assert!(changes.iter().all(|said| said == "Denied(Scope)"), "{engine}: {changes:?}");
            let [_, changes] = asked_by(tx, &client_of(acme, ScimScope::Write), acme, ada);
            assert!(changes.iter().all(|said| !said.contains("Denied")), "{engine}: {changes:?}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

pub(super) fn person(address: &str) -> PersonProfile {
    PersonProfile { addresses: vec![address.parse().unwrap()], ..PersonProfile::default() }
}

fn is_immutable(outcome: &Result<impl std::fmt::Debug, ProvisioningError>) -> bool {
    matches!(outcome, Err(ProvisioningError::Protocol(error)) if error.scim_type == ScimType::Mutability)
}

#[tokio::test]
async fn a_client_can_neither_deactivate_nor_remove_the_last_active_owner() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let owner = accounts::create(tx, &operation(NOW), acme, &person("o@acme.test"), Role::Owner)?;
            let closed = json!({ "userName": "o@acme.test", "active": false });
            assert!(is_immutable(&users::create(tx, &operation(NOW), acme, &user(closed))), "{engine}");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "o@acme.test" })))?.id;
            assert_eq!(account(tx, acme, id), owner);
            let off = json!([{ "op": "replace", "path": "active", "value": false }]);
            assert!(is_immutable(&patch(tx, acme, id, off.clone())), "{engine}");
            assert!(is_immutable(&users::delete(tx, &operation(NOW), acme, id, None)), "{engine}");
            assert_eq!(accounts::find(tx, owner)?.unwrap().state, AccountState::Active);
            // The job that does confirmed removals goes on after a refusal, in the same transaction.
            assert_eq!(account(tx, acme, id), owner, "{engine}: the user is whole after the refusal");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn an_owner_can_go_once_there_is_another_active_one() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let op = operation(NOW);
            let [first, second] = ["one@acme.test", "two@acme.test"].map(person);
            let first = accounts::create(tx, &op, acme, &first, Role::Owner)?;
            let second = accounts::create(tx, &op, acme, &second, Role::Owner)?;
            accounts::deactivate(tx, &op, acme, second).unwrap();
            let last = accounts::deactivate(tx, &op, acme, first);
            assert!(matches!(last, Err(AccountError::LastOwner)), "{engine}: the other one is not active");
            accounts::reactivate(tx, &op, acme, second).unwrap();
            accounts::deactivate(tx, &op, acme, first).unwrap();
            assert!(
                matches!(accounts::end_membership(tx, &op, acme, second), Err(AccountError::LastOwner)),
                "{engine}"
            );
            accounts::end_membership(tx, &op, acme, first).unwrap();
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// A group of `count` users named `u0`, `u1` and so on.
pub(super) fn team(tx: &mut Tx<'_>, acme: OrganizationId, count: usize) -> (ResourceId, Vec<ResourceId>) {
    let mut people = Vec::new();
    for n in 0..count {
        let name = json!({ "userName": format!("u{n}"), "displayName": format!("u{n}") });
        people.push(users::create(tx, &operation(NOW), acme, &user(name)).unwrap().id);
    }
    let members: Vec<Value> = people.iter().map(|id| json!({ "value": id.to_string() })).collect();
    let body = json!({ "displayName": "Team", "members": members });
    let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
    let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
    (groups::create(tx, &operation(NOW), acme, &draft).unwrap(), people)
}

#[tokio::test]
async fn a_user_has_a_name_that_can_be_one_and_there_is_room_for_so_many() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let body = json!({ "userName": "a\u{7}da" });
            let nameless = users::draft(body.as_object().unwrap().clone(), resource_type::user());
            assert!(
                matches!(&nameless, Err(error) if error.scim_type == ScimType::InvalidValue),
                "{engine}: {nameless:?}"
            );
            let named =
                |name: &str| user(json!({ "userName": name })).within(&Limits { users: 1, ..Limits::default() });
            users::create(tx, &operation(NOW), acme, &named("ada"))?;
            let second = users::create(tx, &operation(NOW), acme, &named("bob"));
            assert!(matches!(second, Err(ProvisioningError::Full { .. })), "{engine}: {second:?}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Whoever is in a document that is too long can still be shut out, by PUT as by PATCH.
#[tokio::test]
async fn a_document_does_not_become_too_long_and_one_that_is_can_still_be_changed() {
    let titled = |length: usize| json!({ "userName": "ada", "title": "x".repeat(length), "active": true });
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let most = Limits { resource_bytes: 2_000, ..Limits::default() };
            let is_long = |refused: &Result<Resource, ProvisioningError>| {
                matches!(refused, Err(ProvisioningError::Protocol(error)) if error.rule == "limits.scim_resource_bytes")
            };
            let created = users::create(tx, &operation(NOW), acme, &user(titled(2_000)).within(&most));
            assert!(is_long(&created), "{engine}: {created:?}");
            let id = users::create(tx, &operation(NOW), acme, &user(titled(1_500)).within(&most))?.id;
            let mut put = |body: Value, limits: &Limits| {
                users::replace(tx, &operation(NOW + 1), acme, id, &user(body).within(limits), None)
            };
            assert!(is_long(&put(titled(2_000), &most)), "{engine}");
            put(titled(5_000), &Limits::default())?;
            assert!(is_long(&put(titled(5_001), &most)), "{engine}");
            let mut out = titled(5_000);
            out["active"] = json!(false);
            assert_eq!(put(out, &most)?.active, Some(false), "{engine}");
            put(titled(4_000), &most)?;
            let longer = json!([{ "op": "add", "path": "nickName", "value": "x".repeat(140_000) }]);
            let patched = patch(tx, acme, id, longer);
            assert!(is_long(&patched), "{engine}: {patched:?}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_group_does_not_become_too_long() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let rules = Rules { limits: Limits { resource_bytes: 150, ..Limits::default() }, ..rules() };
            let named = |length: usize| {
                let body = json!({ "schemas": [GROUP], "displayName": "x".repeat(length) });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules);
                groups::draft(read.unwrap(), resource_type::group(), &rules).unwrap()
            };
            let is_long = |refused: ProvisioningError| refused.rule() == "limits.scim_resource_bytes";
            assert!(is_long(groups::create(tx, &operation(NOW), acme, &named(200)).unwrap_err()), "{engine}");
            let id = groups::create(tx, &operation(NOW), acme, &named(10))?;
            let replaced = groups::replace(tx, &operation(NOW), acme, id, &named(200), None);
            assert!(is_long(replaced.unwrap_err()), "{engine}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn rfc9967_an_administrators_removal_tells_what_the_clients_would() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            users::deactivate(tx, &operation(NOW), acme, id)?;
            let names: Vec<String> = told(tx, acme).into_iter().map(|(name, ..)| name).collect();
            assert!(names.iter().any(|name| name == "prov:deactivate"), "{engine}: {names:?}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// What the gateway knows about a user is read for the answer to a change only where every answer shows it.
#[tokio::test]
async fn what_is_shown_on_request_alone_is_not_read_for_the_answer_to_a_change() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            for (resource_type, title, is_shown) in [(resource_type::user(), "Dr", false), (&whole(), "Prof", true)] {
                let operations = json!([{ "op": "replace", "path": "title", "value": title }]);
                let changed = patch_of(tx, acme, id, resource_type, operations)?;
                assert_eq!(changed.standing.is_some(), is_shown, "{engine}: {title}");
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn every_change_of_a_group_is_kept_and_written_down_once() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let (group, people) = team(tx, acme, 2);
            let kept = |tx: &mut Tx<'_>| {
                let found =
                    groups::find(tx, &operation(NOW), acme, resource_type::group(), group, &Projection::Default)?;
                Ok::<_, ProvisioningError>((found.version, found.document.contains("Crew"), found.related.len()))
            };
            assert_eq!(kept(tx)?, (1, false, 2), "{engine}");
            let body = json!({ "displayName": "Crew", "members": [{ "value": people[0].to_string() }] });
            let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules())?;
            let crew = groups::draft(read, resource_type::group(), &rules())?;
            assert_eq!(groups::replace(tx, &operation(NOW + 1), acme, group, &crew, None)?, 2);
            assert_eq!(kept(tx)?, (2, true, 1), "{engine}");
            remove_members(tx, acme, group, json!([{ "op": "remove", "path": "members" }]), 10)?;
            assert_eq!(kept(tx)?, (3, true, 0), "{engine}: the members alone");
            groups::delete(tx, &operation(NOW + 2), acme, group, None)?;
            let mut found = entries(tx, acme);
            found.retain(|action| action.starts_with("group."));
            found.sort();
            assert_eq!(found, ["group.created", "group.deleted", "group.updated", "group.updated"], "{engine}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_strict_client_is_told_of_a_member_that_is_nobody() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let nobody: ResourceId = operation(NOW).new_id();
            let create = |tx: &mut Tx<'_>, profile: Profile| {
                let rules = Rules::new(profile.tolerance(), Limits::default());
                let body = json!({ "schemas": [GROUP], "displayName": "Crew", "members": [{ "value": nobody.to_string() }] });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules)?;
                let draft = groups::draft(read, resource_type::group(), &rules)?;
                groups::create(tx, &operation(NOW), acme, &draft)
            };
            let refused = create(tx, Profile::Strict);
            let is_told = matches!(&refused, Err(ProvisioningError::Protocol(error)) if error.scim_type == ScimType::InvalidValue);
            assert!(is_told, "{engine}: {refused:?}");
            create(tx, Profile::Standard)?;
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Removes members by these paths within this budget; tells how many are left.
pub(super) fn remove_members(
    tx: &mut Tx<'_>,
    acme: OrganizationId,
    group: ResourceId,
    operations: Value,
    patch_comparisons: usize,
) -> Result<usize, ProvisioningError> {
    let rules = Rules { limits: Limits { patch_comparisons, ..Limits::default() }, ..rules() };
    let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
    let operations = request::read(body.as_object().unwrap().clone(), &rules)?;
    let patch = Patch { operations, resource_type: resource_type::group().clone(), rules };
    groups::patch(tx, &operation(NOW + 1), acme, group, patch, None)?;
    Ok(groups::find(tx, &operation(NOW), acme, resource_type::group(), group, &Projection::Default)?.related.len())
}

#[tokio::test]
async fn filters_over_members_read_them_once_and_within_the_budget() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let (group, people) = team(tx, acme, 30);
            let remove = |path: &str| json!({ "op": "remove", "path": path });
            let two = json!([remove("members[display eq \"u1\"]"), remove("members[display eq \"u2\"]")]);
            let refused = remove_members(tx, acme, group, two.clone(), 89);
            assert!(is_too_many(&refused), "{refused:?}");
            let by_id = remove(&format!("members[value eq \"{}\"]", people[0]));
            // What was refused removed u1 in this transaction, which a request would have rolled back.
            assert_eq!(remove_members(tx, acme, group, json!([by_id]), 0)?, 28);
            assert!(is_too_many(&remove_members(tx, acme, group, json!([remove("members[display pr]")]), 10)));
            assert_eq!(remove_members(tx, acme, group, two, 28 * 3)?, 27, "the members are read once");
            let again = json!([
                remove("members[display eq \"u3\"]"),
                { "op": "add", "path": "members", "value": [{ "value": people[3].to_string() }] },
                remove("members[display eq \"u3\"]"),
            ]);
            assert_eq!(remove_members(tx, acme, group, again, 1_000)?, 26, "who came in meanwhile is seen");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// `count` groups without members, as their ids and keys.
pub(super) fn empty_groups(tx: &mut Tx<'_>, acme: OrganizationId, count: usize) -> Vec<(ResourceId, i64)> {
    let group = |tx: &mut Tx<'_>| {
        let body = json!({ "displayName": "g" });
        let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules());
        let draft = groups::draft(read.unwrap(), resource_type::group(), &rules()).unwrap();
        let id = groups::create(tx, &operation(NOW), acme, &draft).unwrap();
        (id, resources::find(tx, acme, ResourceKind::Group, id).unwrap().unwrap().k)
    };
    (0..count).map(|_| group(tx)).collect()
}

/// Makes the PATCH of a group that adds these members, one operation for each.
pub(super) fn add_members(
    tx: &mut Tx<'_>,
    acme: OrganizationId,
    group: ResourceId,
    members: &[(ResourceId, i64)],
    patch_comparisons: usize,
) -> Result<(), ProvisioningError> {
    let rules = Rules { limits: Limits { patch_comparisons, ..Limits::default() }, ..rules() };
    let add = |id: &ResourceId| json!({ "op": "add", "path": "members", "value": [{ "value": id.to_string() }] });
    let operations: Vec<Value> = members.iter().map(|(id, _)| add(id)).collect();
    let body = json!({ "schemas": [request::SCHEMA], "Operations": operations });
    let operations = request::read(body.as_object().unwrap().clone(), &rules)?;
    let patch = Patch { operations, resource_type: resource_type::group().clone(), rules };
    groups::patch(tx, &operation(NOW + 1), acme, group, patch, None).map(drop)
}

pub(super) fn is_too_many<T>(outcome: &Result<T, ProvisioningError>) -> bool {
    matches!(outcome, Err(ProvisioningError::Protocol(error)) if error.scim_type == ScimType::TooMany)
}

/// Above the group that is patched stand two layers of groups, each of the lower in each of the upper.
#[tokio::test]
async fn nested_groups_are_walked_once_for_a_patch_so_that_others_can_write_meanwhile() {
    const WIDTH: usize = 150;
    for scratch in scratch::all() {
        let (engine, store) = (scratch.engine, scratch.store.clone());
        let made = store.write(|tx| {
            let (acme, globex) = (organization(tx, "acme"), organization(tx, "globex"));
            let keys = |layer: &[(ResourceId, i64)]| layer.iter().map(|(_, k)| *k).collect::<Vec<_>>();
            let (upper, lower) = (empty_groups(tx, acme, WIDTH), empty_groups(tx, acme, WIDTH));
            let (bottom, leaves) = (empty_groups(tx, acme, 1)[0], empty_groups(tx, acme, 300));
            for (_, group) in &upper {
                members::insert(tx, acme, *group, &keys(&lower), Timestamp::from_micros(NOW))?;
            }
            for (_, group) in &lower {
                members::insert(tx, acme, *group, &[bottom.1], Timestamp::from_micros(NOW))?;
            }
            Ok::<_, ProvisioningError>((acme, globex, bottom, leaves, upper))
        });
        let (acme, globex, bottom, leaves, upper) = made.await.unwrap();
        let edges = WIDTH * WIDTH + WIDTH;
        let narrow = leaves.clone();
        let refused = store.write(move |tx| add_members(tx, acme, bottom.0, &narrow, edges)).await;
        assert!(is_too_many(&refused), "{engine}: each membership above is charged: {refused:?}");
        let circle = store.write(move |tx| add_members(tx, acme, bottom.0, &upper[7..8], 100_000)).await;
        assert!(matches!(circle, Err(ProvisioningError::Protocol(_))), "{engine}: {circle:?}");

        let patch = store.write(move |tx| add_members(tx, acme, bottom.0, &leaves, 100_000));
        let other = async {
            tokio::task::yield_now().await;
            let begun = std::time::Instant::now();
            let body = user(json!({ "userName": "eve" }));
            store.write(move |tx| users::create(tx, &operation(NOW), globex, &body)).await.unwrap();
            begun.elapsed()
        };
        let (patched, waited) = tokio::join!(patch, other);
        patched.unwrap();
        assert!(waited < std::time::Duration::from_secs(1), "{engine}: another organization waited {waited:?}");
        let counts = store.read(move |tx| {
            let by_id = |tx: &mut Tx<'_>, at, most| members::count_by_id_up_to(tx, at, bottom.0, most).unwrap();
            let by_key = [1_000, 299].map(|most| members::count_up_to(tx, bottom.1, most).unwrap());
            Ok::<_, StoreError>((by_key, by_id(tx, acme, 1_000), by_id(tx, acme, 299), by_id(tx, globex, 1_000)))
        });
        assert_eq!(counts.await.unwrap(), ([300, 299], 300, 299, 0), "{engine}");
    }
}

#[tokio::test]
async fn replacing_all_members_again_and_again_is_charged() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let (group, people) = team(tx, acme, 30);
            let all: Vec<Value> = people.iter().map(|id| json!({ "value": id.to_string() })).collect();
            let replace = json!({ "op": "replace", "path": "members", "value": all });
            let one = json!({ "op": "replace", "path": "members", "value": [all[0]] });
            assert_eq!(remove_members(tx, acme, group, json!([replace]), 30)?, 30, "once is what a PUT does");
            assert!(is_too_many(&remove_members(tx, acme, group, json!([replace, replace]), 30 + 30 + 29)));
            assert_eq!(remove_members(tx, acme, group, json!([replace, one]), 30 + 1 + 30)?, 1);
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_change_reads_no_more_groups_of_a_user_than_others_can_wait_for() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            let k = resources::find(tx, acme, ResourceKind::User, id)?.unwrap().k;
            let groups = empty_groups(tx, acme, 1_001);
            for (_, group) in &groups[1..] {
                members::insert(tx, acme, *group, &[k], Timestamp::from_micros(NOW))?;
            }
            let title = |title: &str| json!([{ "op": "replace", "path": "title", "value": title }]);
            let few = patch(tx, acme, id, title("a"))?;
            assert_eq!((few.related.len(), few.is_complete), (1_000, true));
            members::insert(tx, acme, groups[0].1, &[k], Timestamp::from_micros(NOW))?;
            assert!(!patch(tx, acme, id, title("b"))?.is_complete);
            let whole = users::find(tx, &operation(NOW), acme, resource_type::user(), id, &Projection::Default)?;
            assert_eq!((whole.related.len(), whole.is_complete), (1_001, true));
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// What a user is made of in every organization.
fn whole() -> Arc<ResourceType> {
    Arc::clone(&ResourceTypes::base().with_standing().user)
}

fn whole_user(body: Value) -> users::UserDraft {
    let read = document::read(body.as_object().unwrap().clone(), &whole(), &rules());
    users::draft(read.unwrap().document, &whole()).unwrap()
}

/// However they are read: on PostgreSQL a few that are in no group themselves come with the user's row.
#[tokio::test]
async fn the_groups_of_a_user_are_whole_however_many_they_are_and_wherever_they_are() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let at = Timestamp::from_micros(NOW);
            let groups = empty_groups(tx, acme, 23);
            for (count, is_nested) in [(0, false), (1, false), (20, false), (21, false), (1, true), (20, true)] {
                let name = json!({ "userName": format!("u{count}{is_nested}"), "active": count > 0 });
                let id = users::create(tx, &operation(NOW), acme, &whole_user(name))?.id;
                let k = resources::find(tx, acme, ResourceKind::User, id)?.unwrap().k;
                for (_, group) in groups.iter().take(count).rev() {
                    members::insert(tx, acme, *group, &[k], at)?;
                }
                let mut wanted: Vec<(ResourceId, bool)> =
                    groups.iter().take(count).map(|(id, _)| (*id, true)).collect();
                if is_nested {
                    members::insert(tx, acme, groups[22].1, &[groups[0].1], at)?;
                    wanted.push((groups[22].0, false));
                }
                let read = users::find(tx, &operation(NOW), acme, &whole(), id, &Projection::Default)?;
                let changed =
                    patch_of(tx, acme, id, &whole(), json!([{ "op": "replace", "path": "title", "value": "a" }]))?;
                for shown in [read, changed] {
                    let found: Vec<(ResourceId, bool)> =
                        shown.related.iter().map(|one| (one.id, one.is_direct)).collect();
                    assert_eq!(found, wanted, "{engine}: {count} {is_nested}");
                    let standing: Value = serde_json::from_str(&shown.standing.unwrap()).unwrap();
                    assert_eq!(standing.get("lockedReason").is_some(), count == 0, "{engine}: {standing}");
                }
                members::delete(tx, groups[22].1, &[groups[0].1])?;
            }
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Each round trip to PostgreSQL costs both ends, so what is asked for most makes few (decision 0017). The transaction's
/// own statements and the credential are not among these.
#[tokio::test]
async fn on_postgresql_a_request_makes_few_round_trips() {
    let scratch = scratch::postgres();
    let done = scratch.store.write(|tx| {
        let acme = organization(tx, "acme");
        let op = operation(NOW).by(Actor::ScimClient {
            organization: acme,
            client: Id::from_bytes(&[3; 16]).unwrap(),
            credential: Id::from_bytes(&[4; 16]).unwrap(),
            scope: ScimScope::Write,
        });
        let draft = whole_user(json!({ "userName": "ada", "title": "Countess", "nickName": "ada" }));
        let (created, creating) = scratch::count_queries(tx, |tx| users::create(tx, &op, acme, &draft));
        let id = created?.id;
        let (found, finding) =
            scratch::count_queries(tx, |tx| users::find(tx, &operation(NOW), acme, &whole(), id, &Projection::Default));
        assert_eq!(found?.id, id);
        let off = json!([{ "op": "replace", "path": "active", "value": false }]);
        let (patched, patching) = scratch::count_queries(tx, |tx| patch_of(tx, acme, id, &whole(), off));
        assert_eq!(patched?.active, Some(false));
        let (team, _) = team(tx, acme, 0);
        let add = json!([{ "op": "add", "path": "members", "value": [{ "value": id.to_string() }] }]);
        let (joined, joining) = scratch::count_queries(tx, |tx| remove_members(tx, acme, team, add, 1_000));
        joined?;
        // The last reads the group again, in two.
        assert_eq!((finding, creating, patching, joining), (1, 2, 5, 7));
        Ok::<_, ProvisioningError>(())
    });
    done.await.unwrap();
}

/// What an organization's or a client's row is locked by, everybody who writes for it meets at (decision 0027).
#[tokio::test]
async fn on_postgresql_a_write_locks_neither_the_organization_nor_the_client() {
    let scratch = scratch::postgres();
    let (acme, client) = scratch
        .store
        .write(|tx| {
            let acme = organization(tx, "acme");
            let made = clients::create(tx, &operation(NOW), acme, "Directory", Profile::Standard, &Quota::default());
            Ok::<_, StoreError>((acme, made.unwrap().id))
        })
        .await
        .unwrap();
    let done = scratch.store.write(move |tx| {
        let credential = Id::from_bytes(&[4; 16]).unwrap();
        let actor = Actor::ScimClient { organization: acme, client, credential, scope: ScimScope::Write };
        let op = operation(NOW).by(actor);
        let user = whole_user(json!({ "userName": "ada@acme.test", "emails": [{ "value": "ada@acme.test" }] }));
        let id = users::create(tx, &op, acme, &user)?.id;
        patch(tx, acme, id, json!([{ "op": "replace", "path": "active", "value": false }]))?;
        assert_eq!(scratch::locked_rows(tx, &["organizations", "scim_clients"]), 0);
        Ok::<_, ProvisioningError>(())
    });
    done.await.unwrap();
}

/// The events of the organization: the last part of the name, what changed, and whether there is a version.
pub(super) fn told(tx: &mut Tx<'_>, organization: OrganizationId) -> Vec<(String, Vec<String>, bool)> {
    let mut found = Vec::new();
    for row in scim_events::all(tx, organization).unwrap() {
        let claims: Value = serde_json::from_str(&row.claims).unwrap();
        assert_eq!((&claims["jti"], &claims["sub_id"]["format"]), (&json!(row.id.to_string()), &json!("scim")));
        assert!(claims["txn"].is_string() && claims["iat"].is_i64() && claims.get("sub").is_none());
        let (name, payload) = claims["events"].as_object().unwrap().iter().next().unwrap();
        let names = payload["attributes"].as_array().cloned().unwrap_or_default();
        let names = names.iter().map(|name| name.as_str().unwrap().to_owned()).collect();
        found.push((name.rsplit("event:").next().unwrap().to_owned(), names, payload["version"].is_string()));
    }
    found.sort();
    found
}

#[tokio::test]
async fn rfc9967_each_change_of_a_user_tells_its_events_and_no_value() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let new = json!({ "userName": "ada", "externalId": "e-1", "title": "Countess" });
            let id = users::create(tx, &operation(NOW), acme, &user(new))?.id;
            let off = json!([{ "op": "replace", "path": "active", "value": false }]);
            patch(tx, acme, id, off.clone())?;
            patch(tx, acme, id, off)?;
            let put = user(json!({ "userName": "ada", "externalId": "e-1", "nickName": "A", "active": true }));
            users::replace(tx, &operation(NOW), acme, id, &put, None)?;
            let rows = scim_events::all(tx, acme)?;
            assert!(rows.iter().all(|row| row.claims.contains(&format!("/Users/{id}")) && row.claims.contains("e-1")));
            assert!(!rows.iter().any(|row| row.claims.contains("Countess") || row.claims.contains("\"ada\"")));
            users::delete(tx, &operation(NOW), acme, id, None)?;
            let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
            assert_eq!(
                told(tx, acme),
                [
                    ("prov:activate".to_owned(), vec![], true),
                    ("prov:create:notice".to_owned(), all(&["userName", "externalId", "title", "active"]), true),
                    ("prov:deactivate".to_owned(), vec![], true),
                    ("prov:delete".to_owned(), vec![], false),
                    ("prov:patch:notice".to_owned(), all(&["active"]), true),
                    ("prov:put:notice".to_owned(), all(&["title", "nickName", "active"]), true),
                ]
            );
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn rfc9967_each_change_of_a_group_tells_its_event_and_a_change_that_fails_tells_none() {
    for scratch in scratch::all() {
        let made = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let ada = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            let (team, _) = team(tx, acme, 0);
            let add = json!([{ "op": "add", "path": "members", "value": [{ "value": ada.to_string() }] }]);
            remove_members(tx, acme, team, add.clone(), 1_000)?;
            assert_eq!(remove_members(tx, acme, team, add, 1_000)?, 1);
            groups::delete(tx, &operation(NOW), acme, team, None)?;
            let of_groups: Vec<_> =
                told(tx, acme).into_iter().filter(|(_, names, _)| !names.contains(&"userName".into())).collect();
            assert_eq!(
                of_groups,
                [
                    ("prov:create:notice".to_owned(), vec!["displayName".to_owned()], true),
                    ("prov:delete".to_owned(), vec![], false),
                    ("prov:patch:notice".to_owned(), vec!["members".to_owned()], true),
                ]
            );
            Ok::<_, ProvisioningError>((acme, scim_events::all(tx, acme)?.len()))
        });
        let (acme, count) = made.await.unwrap();
        let failed = scratch.store.write(move |tx| {
            users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "eve" })))?;
            users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "EVE" })))
        });
        assert!(matches!(failed.await, Err(ProvisioningError::UserNameTaken)));
        assert_eq!(scratch.store.read(move |tx| scim_events::all(tx, acme)).await.unwrap().len(), count);
    }
}

#[tokio::test]
async fn rfc9967_events_are_swept_by_their_time_a_batch_at_a_time() {
    for scratch in scratch::all() {
        let done = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            for (n, name) in (0..).zip(["a", "b", "c", "d"]) {
                users::create(tx, &operation(NOW + n * 1_000_000), acme, &user(json!({ "userName": name })))?;
            }
            let first = EventId::lowest_at(Timestamp::from_micros(NOW + 3_000_000));
            assert_eq!(scim_events::delete_before(tx, first, 2)?, 2);
            assert_eq!(scim_events::delete_before(tx, first, 2)?, 1);
            assert_eq!(scim_events::delete_before(tx, first, 2)?, 0);
            assert_eq!(scim_events::all(tx, acme)?.len(), 1);
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

#[tokio::test]
async fn a_change_is_refused_whose_version_another_one_takes_at_that_moment() {
    for scratch in scratch::all() {
        let made = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let id = users::create(tx, &operation(NOW), acme, &user(json!({ "userName": "ada" })))?.id;
            Ok::<_, ProvisioningError>((acme, id))
        });
        let (acme, id) = made.await.unwrap();
        let replacing = move |title: &'static str| {
            move |tx: &mut Tx<'_>| {
                let draft = user(json!({ "userName": "ada", "title": title }));
                users::replace(tx, &operation(NOW), acme, id, &draft, Some(&Condition::Versions(vec![1]))).map(drop)
            }
        };
        let first = move |tx: &mut Tx<'_>| {
            replacing("Dr")(tx).unwrap();
            Ok(())
        };
        let second = scratch.store.write(replacing("Prof"));
        let (_, second) = scratch::overlap(&scratch.store, first, second).await;
        assert!(matches!(second, Err(ProvisioningError::VersionMismatch)), "{}: {second:?}", scratch.engine);
    }
}

/// The third group is in the second and the first in the fourth; the second comes into the first while the fourth comes into
/// the third.
#[tokio::test]
async fn a_circle_is_not_closed_from_two_sides_at_once() {
    for scratch in scratch::all() {
        let made = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let mut group = |name: &str, members: Value| {
                let body = json!({ "displayName": name, "members": members });
                let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules())?;
                let draft = groups::draft(read, resource_type::group(), &rules())?;
                groups::create(tx, &operation(NOW), acme, &draft)
            };
            let third = group("Third", json!([]))?;
            let second = group("Second", json!([{ "value": third.to_string() }]))?;
            let first = group("First", json!([]))?;
            let fourth = group("Fourth", json!([{ "value": first.to_string() }]))?;
            Ok::<_, ProvisioningError>((acme, [first, second, third, fourth]))
        });
        let (acme, [first, second, third, fourth]) = made.await.unwrap();
        let adding = move |group: ResourceId, member: ResourceId| {
            move |tx: &mut Tx<'_>| {
                let operation_of =
                    json!({ "op": "add", "path": "members", "value": [{ "value": member.to_string() }] });
                let body = json!({ "schemas": [request::SCHEMA], "Operations": [operation_of] });
                let operations = request::read(body.as_object().unwrap().clone(), &rules())?;
                let patch = Patch { operations, resource_type: Arc::clone(resource_type::group()), rules: rules() };
                groups::patch(tx, &operation(NOW), acme, group, patch, None)
            }
        };
        let adds = move |tx: &mut Tx<'_>| Ok(adding(first, second)(tx).unwrap());
        let closes = scratch.store.write(adding(third, fourth));
        let (_, closed) = scratch::overlap(&scratch.store, adds, closes).await;
        assert!(matches!(closed, Err(ProvisioningError::Protocol(_))), "{}: {closed:?}", scratch.engine);
    }
}
