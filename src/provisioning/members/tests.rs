//! Changes to the members of a group that say more, or less, than they seem to, in one transaction, on both engines.

use serde_json::{Value, json};

use crate::protocol::scim::document;
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::groups;
use crate::provisioning::tests::{NOW, operation, organization, remove_members, team};
use crate::store::{Tx, scratch};
use crate::values::ids::{OrganizationId, ResourceId};

fn refused_as<T>(outcome: &Result<T, ProvisioningError>) -> Option<ScimType> {
    match outcome {
        Err(ProvisioningError::Protocol(error)) => Some(error.scim_type),
        _ => None,
    }
}

/// The version of a group and how many members it has.
fn state(tx: &mut Tx<'_>, acme: OrganizationId, group: ResourceId) -> (i64, usize) {
    let kind = resource_type::group();
    let found = groups::find(tx, &operation(NOW), acme, kind, group, &Projection::Default).unwrap();
    (found.version, found.related.len())
}

/// PUT of a group with these members.
fn put(
    tx: &mut Tx<'_>,
    acme: OrganizationId,
    group: ResourceId,
    profile: Profile,
    members: Value,
) -> Result<i64, ProvisioningError> {
    let rules = Rules::new(profile.tolerance(), Limits::default());
    let body = json!({ "schemas": [resource_type::group().schema.id], "displayName": "Team", "members": members });
    let read = document::read(body.as_object().unwrap().clone(), resource_type::group(), &rules)?;
    let draft = groups::draft(read, resource_type::group(), &rules)?;
    groups::replace(tx, &operation(NOW), acme, group, &draft, None)
}

#[tokio::test]
async fn a_removal_by_the_reference_of_a_member_removes_nobody() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let (group, people) = team(tx, acme, 3);
            let reference = format!("https://id.acme.test/scim/v2/acme/Users/{}", people[0]);
            for filter in [
                format!("$ref ne \"{reference}\""),
                format!("$ref eq \"{reference}\""),
                format!("value ne \"{}\" and $ref ne \"{reference}\"", people[0]),
                "not ($ref pr)".to_owned(),
            ] {
                let removal = json!([{ "op": "remove", "path": format!("members[{filter}]") }]);
                let refused = remove_members(tx, acme, group, removal, 1_000);
                assert_eq!(refused_as(&refused), Some(ScimType::InvalidFilter), "{engine}: {filter}");
                assert_eq!(state(tx, acme, group), (1, 3), "{engine}: {filter}");
            }
            let by_value = json!([{ "op": "remove", "path": format!("members[value ne \"{}\"]", people[0]) }]);
            assert_eq!(remove_members(tx, acme, group, by_value, 1_000)?, 1, "{engine}");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}

/// Ids of another system are no empty list.
#[tokio::test]
async fn members_that_nobody_knows_do_not_empty_a_group() {
    for scratch in scratch::all() {
        let engine = scratch.engine;
        let done = scratch.store.write(move |tx| {
            let acme = organization(tx, "acme");
            let (group, people) = team(tx, acme, 3);
            let stranger: ResourceId = operation(NOW).new_id();
            let strangers = json!([{ "value": stranger.to_string() }, { "value": "00u1abcd" }]);
            for profile in Profile::ALL {
                let refused = put(tx, acme, group, profile, strangers.clone());
                assert_eq!(refused_as(&refused), Some(ScimType::InvalidValue), "{engine}: {profile:?}");
            }
            let replace = |value: &Value| json!([{ "op": "replace", "path": "members", "value": value }]);
            let refused = remove_members(tx, acme, group, replace(&strangers), 1_000);
            assert_eq!(refused_as(&refused), Some(ScimType::InvalidValue), "{engine}");
            assert_eq!(state(tx, acme, group), (1, 3), "{engine}: nobody has left");
            let one = json!([{ "value": stranger.to_string() }, { "value": people[1].to_string() }]);
            assert_eq!(remove_members(tx, acme, group, replace(&one), 1_000)?, 1, "{engine}: one of them is known");
            put(tx, acme, group, Profile::Standard, json!([]))?;
            assert_eq!(state(tx, acme, group), (3, 0), "{engine}: an empty list is one");
            Ok::<_, ProvisioningError>(())
        });
        done.await.unwrap();
    }
}
