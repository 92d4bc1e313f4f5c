//! Room for one more user or group: how many an organization may have, which the operator configures. The count is the exact
//! one that triggers keep. Nothing is locked, so that creating has no serial point: of those who come for the last places at
//! once, as many may be let in as the organization has requests inside the store.

use super::failure::ProvisioningError;
use crate::store::resources::ResourceKind;
use crate::store::{Tx, resource_counts};
use crate::values::ids::OrganizationId;

/// Refuses one more when the organization has `most` already.
pub(super) fn require(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    kind: ResourceKind,
    most: u32,
) -> Result<(), ProvisioningError> {
    require_of(resource_counts::total(tx, organization, kind)?, kind, most)
}

/// As [`require`], where it is known how many the organization has.
pub(super) fn require_of(has: i64, kind: ResourceKind, most: u32) -> Result<(), ProvisioningError> {
    if has >= i64::from(most) { Err(ProvisioningError::Full { kind, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::protocol::scim::limits::Limits;
    use crate::protocol::scim::resource_type::{group, user};
    use crate::protocol::scim::tolerance::Profile;
    use crate::protocol::scim::validation::Rules;
    use crate::protocol::scim::{document, error::Refusal};
    use crate::provisioning::failure::ProvisioningError;
    use crate::provisioning::tests::{operation, organization};
    use crate::provisioning::{groups, users};
    use crate::store::scratch;
    use crate::values::ids::RequestId;

    const NOW: i64 = 1_700_000_000_000_000;

    fn rules() -> Rules {
        Rules::new(Profile::Standard.tolerance(), Limits { groups: 1, ..Limits::default() })
    }

    fn read(body: &Value, resource_type: &crate::protocol::scim::resource_type::ResourceType) -> document::Draft {
        document::read(body.as_object().unwrap().clone(), resource_type, &rules()).unwrap()
    }

    fn somebody(name: &str) -> users::UserDraft {
        users::draft(read(&json!({ "userName": name }), user()).document, user())
            .unwrap()
            .within(&Limits { users: 2, ..Limits::default() })
    }

    fn team(name: &str) -> groups::GroupDraft {
        groups::draft(read(&json!({ "displayName": name }), group()), group(), &rules()).unwrap()
    }

    fn refusal(error: ProvisioningError) -> (&'static str, Refusal) {
        (error.rule(), error.refusal(RequestId::from_bytes(&[1; 16]).unwrap()))
    }

    #[tokio::test]
    async fn an_organization_has_room_for_so_many_and_again_when_one_has_gone() {
        for scratch in scratch::all() {
            let done = scratch.store.write(|tx| {
                let (acme, globex, op) = (organization(tx, "acme"), organization(tx, "globex"), operation(NOW));
                let first = users::create(tx, &op, acme, &somebody("a"))?.id;
                users::create(tx, &op, acme, &somebody("b"))?;
                let (rule, full) = refusal(users::create(tx, &op, acme, &somebody("c")).unwrap_err());
                assert_eq!((rule, full.status), ("limits.scim_users_per_organization", 403));
                assert!(full.detail.contains('2'), "{full:?}");
                users::create(tx, &op, globex, &somebody("a"))?;
                users::delete(tx, &op, acme, first, None)?;
                users::create(tx, &op, acme, &somebody("c"))?;
                let one = groups::create(tx, &op, acme, &team("one"))?;
                let (rule, full) = refusal(groups::create(tx, &op, acme, &team("two")).unwrap_err());
                assert_eq!((rule, full.status), ("limits.scim_groups_per_organization", 403));
                groups::delete(tx, &op, acme, one, None)?;
                groups::create(tx, &op, acme, &team("two"))?;
                Ok::<_, ProvisioningError>(())
            });
            done.await.unwrap();
        }
    }
}
