//! Owners: an organization is never left without one, for nobody else could give it another.

use super::memberships::Membership;
use crate::store::failure::StoreError;
use crate::store::{Tx, memberships};
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

/// Before a member loses their access to an organization: refused when they are the last active owner. Of two owners who
/// lose it at the same time, one stays.
pub fn require_another(tx: &mut Tx<'_>, membership: &Membership) -> Result<(), OwnerError> {
    if membership.role != Role::Owner || !membership.is_active() {
        return Ok(());
    }
    memberships::lock_role(tx, membership.organization, Role::Owner.as_str())?;
    let active = memberships::active_in_role(tx, membership.organization, Role::Owner.as_str())?;
    if active.iter().any(|other| *other != membership.account) { Ok(()) } else { Err(OwnerError::Last) }
}
