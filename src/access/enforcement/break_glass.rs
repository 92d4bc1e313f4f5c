//! Break-glass: owners and administrators who may sign in by their own credentials, with a second factor, where single
//! sign-on is required (decision Q18; IPSIE: off by default, enabled for each person).
//!
//! The list ends for somebody with their access or their role (`directory::break_glass` takes them off), and does not come back
//! with it.
//! Nobody is taken off by hand while fewer than two would be left for a domain that requires single sign-on.

use serde_json::json;

use super::local::{self, LocalCredentials};
use super::preflight::LEAST_BREAK_GLASS;
use crate::directory::accounts::state::AccountState;
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::{accounts, break_glass as listed, memberships};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::break_glass as rows;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows, sso_policies};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;

/// Somebody on the list whose place counts.
#[derive(Debug, Clone, Copy)]
pub struct BreakGlass {
    /// Who.
    pub account: AccountId,
    /// Since when.
    pub since: Timestamp,
}

/// Why the list is not changed.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// There is no such member, or they are not on the list.
    #[error("no such member, or they are not on the list")]
    NotFound,
    /// Only active owners and administrators can be on the list.
    #[error("only an active owner or administrator can be on the break-glass list")]
    NotAdministrator,
    /// A domain requires single sign-on, and too few would be left.
    #[error("single sign-on is required for a domain, and fewer than two people would be left on the break-glass list")]
    WouldLockOut,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Those on the list who are active owners or administrators.
pub fn all(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId) -> Result<Vec<BreakGlass>, BreakGlassError> {
    permission::require(op, organization, Permission::Read)?;
    let found = rows::active(tx, organization)?;
    Ok(found.into_iter().map(|(account, since)| BreakGlass { account, since }).collect())
}

/// Puts somebody on the list. Doing it twice changes nothing.
pub fn add(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), BreakGlassError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let membership = memberships::find(tx, account, organization)?.ok_or(BreakGlassError::NotFound)?;
    let found = accounts::find(tx, account)?.ok_or(BreakGlassError::NotFound)?;
    if !membership.role.is_administrator() || !membership.is_active() || found.state != AccountState::Active {
        return Err(BreakGlassError::NotAdministrator);
    }
    if rows::insert(tx, organization, account, op.at)? {
        listed::announce(tx, op, organization, account, Action::BreakGlassAdded)?;
    }
    Ok(())
}

/// Takes somebody off the list. What they are signed in to ends, since it may have been opened by their place on it.
pub fn remove(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), BreakGlassError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    sso_policies::lock(tx, organization)?;
    if !rows::is_there(tx, organization, account)? {
        return Err(BreakGlassError::NotFound);
    }
    if sso_policies::is_any_in(tx, organization, &["required"])? {
        let others = rows::active(tx, organization)?.into_iter().filter(|(other, _)| *other != account).count();
        if others < LEAST_BREAK_GLASS {
            return Err(BreakGlassError::WouldLockOut);
        }
    }
    listed::leave(tx, op, organization, account)?;
    account_rows::end_sessions(tx, account, op.at)?;
    Ok(())
}

/// After a sign-in by own credentials under the verdict [`super::Verdict::BreakGlass`]: writes it down and alarms the
/// administrators, in the transaction that makes the session.
pub fn note_use(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), StoreError> {
    let subject = Subject::new("account", account);
    audit::write(tx, op, Some(organization), Action::BreakGlassUsed, &subject, &json!({}))?;
    event::publish(tx, op, organization, &Event::BreakGlassUsed { account })
}

/// True when the account's place on the list counts now.
pub fn is_effective(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<bool, StoreError> {
    Ok(rows::is_there(tx, organization, account)?
        && rows::active(tx, organization)?.iter().any(|(other, _)| *other == account))
}

/// How many on the list have what they need to use it.
pub(super) fn count_ready(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<usize, StoreError> {
    let mut ready = 0_usize;
    for (account, _) in rows::active(tx, organization)? {
        let LocalCredentials { has_password, has_mfa } = local::of(tx, account)?;
        ready = ready.saturating_add(usize::from(has_password && has_mfa));
    }
    Ok(ready)
}
