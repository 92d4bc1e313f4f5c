//! The list of those who may sign in by their own credentials where single sign-on is required, as far as it ends with what
//! somebody is in their organization. Who is put on it, and what it allows, is `access::enforcement`'s.

use serde_json::json;

use super::memberships::Membership;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::failure::StoreError;
use crate::store::{Tx, break_glass as rows, passkeys, passwords, totp_factors};
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;

/// So many are needed while single sign-on is required (decision Q18).
pub const LEAST: usize = 2;

/// How many on the list have a password and a second factor.
pub(super) fn equipped(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<usize, StoreError> {
    let mut equipped = 0_usize;
    for (account, _) in rows::active(tx, organization)? {
        let has_factor = totp_factors::is_there(tx, account)? || passkeys::count(tx, account)? > 0;
        equipped = equipped.saturating_add(usize::from(has_factor && passwords::is_there(tx, account)?));
    }
    Ok(equipped)
}

/// Takes somebody off the list who is no longer what it is for, if they are on it; tells whether they were. What they are signed
/// in to is for the caller to end.
pub fn leave(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<bool, StoreError> {
    let was_there = rows::delete(tx, organization, account)?;
    if was_there {
        announce(tx, op, organization, account, Action::BreakGlassRemoved)?;
    }
    Ok(was_there)
}

/// The same for a member whose access ends. Who is no administrator is on no list; what an older gateway left there is forgotten.
pub fn end(tx: &mut Tx<'_>, op: &Operation, membership: &Membership) -> Result<(), StoreError> {
    match membership.role.is_administrator() {
        true => leave(tx, op, membership.organization, membership.account).map(drop),
        false => rows::forget(tx, membership.organization, membership.account),
    }
}

/// Writes a change of the list down and publishes it.
pub fn announce(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
    action: Action,
) -> Result<(), StoreError> {
    audit::write(tx, op, Some(organization), action, &Subject::new("account", account), &json!({}))?;
    event::publish(tx, op, organization, &Event::BreakGlassChanged { account })
}
