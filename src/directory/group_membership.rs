//! Whether somebody is in a group that a directory has pushed, directly or through groups in it.

use std::collections::HashSet;

use crate::store::failure::StoreError;
use crate::store::resources::{self, ResourceKind};
use crate::store::{Tx, group_roles, members};
use crate::values::ids::{AccountId, OrganizationId, ResourceId};

/// So many memberships above somebody are looked at; who has more counts as being in none of them.
const MOST_ABOVE: usize = 10_000;

/// True when the account is in one of `groups`.
pub fn is_in_any(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
    groups: &[ResourceId],
) -> Result<bool, StoreError> {
    let wanted: HashSet<i64> = members::keys(tx, organization, groups)?.into_iter().map(|row| row.k).collect();
    if wanted.is_empty() {
        return Ok(false);
    }
    let mut level = group_roles::users_of(tx, organization, &[account])?;
    let mut known: HashSet<i64> = level.iter().copied().collect();
    let mut left = MOST_ABOVE;
    while !level.is_empty() {
        let limit = i64::try_from(left.saturating_add(1)).unwrap_or(i64::MAX);
        let above = members::groups_above(tx, &level, limit)?;
        if above.iter().any(|k| wanted.contains(k)) {
            return Ok(true);
        }
        let Some(rest) = left.checked_sub(above.len()) else { return Ok(false) };
        left = rest;
        level = above.into_iter().filter(|k| known.insert(*k)).collect();
    }
    Ok(false)
}

/// True when the organization has this group.
pub fn exists(tx: &mut Tx<'_>, organization: OrganizationId, group: ResourceId) -> Result<bool, StoreError> {
    Ok(resources::find(tx, organization, ResourceKind::Group, group)?.is_some())
}
