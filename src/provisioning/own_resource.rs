//! What a signed-in person may see of how an organization's directory describes them: their own user (RFC 7644, section
//! 3.11).

use std::sync::Arc;

use super::failure::ProvisioningError;
use super::resource::{self, Resource};
use crate::directory::permission::Denied;
use crate::protocol::scim::projection::Projection;
use crate::protocol::scim::resource_type::ResourceType;
use crate::store::Tx;
use crate::store::resources::{self, ResourceKind};
use crate::values::ids::OrganizationId;
use crate::values::operation::{Actor, Operation};

/// The user of the person who acts. A person whom no client has provisioned has none.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource_type: &Arc<ResourceType>,
    projection: &Projection,
) -> Result<Resource, ProvisioningError> {
    let Actor::Person { account } = op.actor else { return Err(Denied::Role.into()) };
    let id = resources::of_account(tx, organization, account)?.ok_or(ProvisioningError::NotFound)?;
    let row = resources::find(tx, organization, ResourceKind::User, id)?.ok_or(ProvisioningError::NotFound)?;
    let mut found =
        resource::complete(tx, organization, (ResourceKind::User, resource_type), vec![row.into()], projection)?;
    found.pop().ok_or(ProvisioningError::NotFound)
}
