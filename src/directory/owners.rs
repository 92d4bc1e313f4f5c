//! Owners: an organization is never left without one, for nobody else could give it another.

use crate::store::failure::StoreError;
use crate::store::{Tx, memberships};
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Role;

/// Why an owner has to stay.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// Nobody else owns the organization.
    #[error("the organization's last active owner cannot be deactivated or removed")]
    Last,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Before an account loses its access to an organization: refused when it is the last active owner. Of two owners who
/// lose it at the same time, one stays.
pub fn require_another(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<(), OwnerError> {
    let owner = Role::Owner.as_str();
    let is_active_owner = memberships::find(tx, account, organization)?
        .is_some_and(|membership| membership.role == owner && membership.status == "active");
    if !is_active_owner {
        return Ok(());
    }
    memberships::lock_role(tx, organization, owner)?;
    let active = memberships::active_in_role(tx, organization, owner)?;
    if active.iter().any(|other| *other != account) { Ok(()) } else { Err(OwnerError::Last) }
}
