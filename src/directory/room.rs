//! Room for one more: whether an organization may keep another domain, connection, application, token or client. Looked
//! at in the transaction that writes, so that two who come at once do not both get the last place.

use crate::store::failure::StoreError;
use crate::store::{Tx, organizations};
use crate::values::ids::OrganizationId;

/// The organization has as many as it may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there are {0} of these, and there can be no more")]
pub struct TooMany(pub u32);

/// Refuses one more when `count` finds `most` already.
pub fn require<E>(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    most: u32,
    count: impl FnOnce(&mut Tx<'_>) -> Result<i64, StoreError>,
) -> Result<(), E>
where
    E: From<StoreError> + From<TooMany>,
{
    organizations::lock(tx, organization)?;
    if count(tx)? >= i64::from(most) { Err(TooMany(most).into()) } else { Ok(()) }
}
