//! The groups that lose a member because the member is deleted. For them it is a change as every other: their version moves
//! on, so that no condition holds that was made before, and an event tells of it, as of a client's PATCH.
//!
//! On PostgreSQL who deletes takes locks in the order in which a change of members does: the groups, then the resource, then
//! the membership of a person ([`lock`] before anything else, [`leave`] before the row goes). A group that the resource comes
//! into between the two is locked late, and the engine ends the wait if there ever is one.

use super::announcement::{self, Subject, Verb};
use super::failure::ProvisioningError;
use super::resource;
use crate::directory::permission::{self, Permission};
use crate::store::Tx;
use crate::store::containing_groups as rows;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// The most groups of one deleted resource that an event tells of. All of them get a new version.
const MOST_TOLD: usize = 1_000;

/// Locks the groups of resources that are about to be deleted, in one order for all of them.
pub fn lock(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    leaving: &[ResourceId],
) -> Result<(), ProvisioningError> {
    permission::require(op, organization, Permission::ChangeResources)?;
    Ok(rows::lock(tx, organization, leaving)?)
}

/// Changes the groups of a resource whose row goes next in this transaction.
pub(super) fn leave(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    member: i64,
) -> Result<(), StoreError> {
    let mut groups = rows::touch(tx, organization, member, resource::instant(op))?;
    groups.sort_by_key(|group| group.id);
    for group in groups.iter().take(MOST_TOLD) {
        let (kind, external_id) = (ResourceKind::Group, group.external_id.as_deref());
        let told = Subject { kind, id: group.id, external_id, version: Some(group.version) };
        announcement::publish(tx, op, organization, told, &[Verb::Patch.changed(vec!["members".to_owned()])])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
