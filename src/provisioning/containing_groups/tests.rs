//! What a deletion does to the groups that held who is deleted, in one transaction, on both engines.

use std::sync::Arc;

use serde_json::{Value, json};

use super::MOST_TOLD;
use crate::protocol::scim::etag::Condition;
use crate::protocol::scim::patch::request;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::resource::{self, Patch};
use crate::provisioning::tests::{NOW, add_members, empty_groups, operation, organization, rules, team, told};
use crate::provisioning::{groups, users};
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, members, scim_events, scratch};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId};

/// The version of a group and when it was changed.
fn state(tx: &mut Tx<'_>, acme: OrganizationId, group: ResourceId) -> (i64, Timestamp) {
    let row = resources::find(tx, acme, ResourceKind::Group, group).unwrap().unwrap();
    (row.version, row.updated_at)
}

/// The groups that events of a change of members tell of, with the version that they name.
fn told_of_members(tx: &mut Tx<'_>, acme: OrganizationId) -> Vec<(String, Value)> {
    let claims = scim_events::all(tx, acme).unwrap().into_iter();
    let claims = claims.map(|row| serde_json::from_str::<Value>(&row.claims).unwrap());
    let name = "urn:ietf:params:scim:event:prov:patch:notice";
    let mut found: Vec<(String, Value)> = claims
        .filter(|claims| claims["events"][name]["attributes"] == json!(["members"]))
        .map(|claims| (claims["sub_id"]["uri"].as_str().unwrap().to_owned(), claims["events"][name]["version"].clone()))
        .collect();
    found.sort_by(|one, other| one.0.cmp(&other.0));
    found
}

#[tokio::test]
async fn a_group_is_another_one_when_a_member_of_it_is_deleted() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let (crew, people) = team(tx, acme, 2);
            let others = empty_groups(tx, acme, 3);
            let (second, above, empty) = (others[0], others[1], others[2]);
            let ada = resources::find(tx, acme, ResourceKind::User, people[0])?.unwrap().k;
            let at = Timestamp::from_micros(NOW);
            members::insert(tx, acme, second.1, &[ada], at)?;
            members::insert(tx, acme, above.1, &[second.1], at)?;
            let later = operation(NOW + 9_000_000);
            users::delete(tx, &later, acme, people[0], None)?;
            let changed = (2, resource::instant(&later));
            let unchanged = (1, resource::instant(&operation(NOW)));
            assert_eq!((state(tx, acme, crew), state(tx, acme, second.0)), (changed, changed), "{engine}");
            assert_eq!((state(tx, acme, above.0), state(tx, acme, empty.0)), (unchanged, unchanged), "{engine}");
            let mut wanted = vec![
                (format!("/Groups/{crew}"), json!("W/\"2\"")),
                (format!("/Groups/{}", second.0), json!("W/\"2\"")),
            ];
            wanted.sort_by(|one, other| one.0.cmp(&other.0));
            assert_eq!(told_of_members(tx, acme), wanted, "{engine}");

            groups::delete(tx, &later, acme, second.0, None)?;
            assert_eq!((state(tx, acme, above.0), state(tx, acme, crew)), (changed, changed), "{engine}");
            assert_eq!(told_of_members(tx, acme).len(), 3, "{engine}: the group above the one that went");
            let old = Condition::Versions(vec![1]);
            let refused = groups::delete(tx, &later, acme, above.0, Some(&old));
            assert!(matches!(refused, Err(ProvisioningError::VersionMismatch)), "{engine}: {refused:?}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Somebody who is in more groups than are told of leaves all of them changed.
#[tokio::test]
async fn events_of_one_deletion_are_bounded_and_versions_are_not() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let (_, people) = team(tx, acme, 1);
            let ada = resources::find(tx, acme, ResourceKind::User, people[0])?.unwrap().k;
            let groups = empty_groups(tx, acme, MOST_TOLD + 5);
            for (_, k) in &groups {
                members::insert(tx, acme, *k, &[ada], Timestamp::from_micros(NOW))?;
            }
            users::delete(tx, &operation(NOW), acme, people[0], None)?;
            assert!(groups.iter().all(|(id, _)| state(tx, acme, *id).0 == 2), "{engine}");
            assert_eq!(told_of_members(tx, acme).len(), MOST_TOLD, "{engine}");
            let deleted = told(tx, acme).into_iter().filter(|(name, ..)| name == "prov:delete").count();
            assert_eq!(deleted, 1, "{engine}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// One takes everybody out of the group and puts them in again, which asks for their rows; meanwhile one of them is deleted,
/// which asks for the group.
#[tokio::test]
async fn whoever_deletes_a_member_waits_for_the_group_and_holds_nothing_meanwhile() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let made = scratch.store.write(|tx| {
            let acme = organization(tx, "acme");
            let (crew, people) = team(tx, acme, 3);
            Ok::<_, ProvisioningError>((acme, crew, people))
        });
        let (acme, crew, people) = made.await.unwrap();
        let empties = move |tx: &mut Tx<'_>| {
            let body = json!({ "schemas": [request::SCHEMA], "Operations": [{ "op": "remove", "path": "members" }] });
            let operations = request::read(body.as_object().unwrap().clone(), &rules()).unwrap();
            let patch = Patch { operations, resource_type: Arc::clone(resource_type::group()), rules: rules() };
            groups::patch(tx, &operation(NOW), acme, crew, patch, None).unwrap();
            Ok(())
        };
        let all: Vec<(ResourceId, i64)> = people.iter().map(|id| (*id, 0)).collect();
        let fills = move |tx: &mut Tx<'_>, ()| {
            add_members(tx, acme, crew, &all, 1_000).unwrap();
            Ok(())
        };
        let (ada, op) = (people[1], operation(NOW));
        let deletes = scratch.store.write(move |tx| users::delete(tx, &op, acme, ada, None));
        let (_, deleted) = scratch::interleave(&scratch.store, empties, fills, deletes).await;
        deleted.unwrap();
        let read = scratch.store.read(move |tx| {
            groups::find(tx, &operation(NOW), acme, resource_type::group(), crew, &Projection::Default)
        });
        let left = read.await.unwrap();
        let left: Vec<ResourceId> = left.related.iter().map(|member| member.id).collect();
        assert_eq!(left, [people[0], people[2]], "{engine}");
    }
}
