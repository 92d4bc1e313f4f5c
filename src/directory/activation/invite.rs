//! Asking for an activation mail, again, and taking it back.

use serde_json::json;

use super::{Activation, ActivationState, TTL_SECONDS, WrongActivationState, from_row};
use crate::directory::memberships;
use crate::directory::permission::{self, Denied, Permission};
use crate::record::audit::{self, Action, Subject};
use crate::record::jobs::{self, Job};
use crate::store::activations::{self as rows, ActivationRow};
use crate::store::failure::StoreError;
use crate::store::{Tx, memberships as membership_rows};
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, ActivationId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};

/// An administrator can have the mail sent again after so many seconds.
pub const RESEND_SECONDS: i64 = 600;

/// Why a mail is not sent again.
#[derive(Debug, thiserror::Error)]
pub enum InviteError {
    /// There is no such activation in this organization.
    #[error("no such activation")]
    NotFound,
    /// It was accepted or revoked.
    #[error(transparent)]
    WrongState(#[from] WrongActivationState),
    /// It was asked for only just now.
    #[error("the mail was sent less than ten minutes ago")]
    TooSoon {
        /// When it can be asked for again.
        retry_after_seconds: i64,
    },
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Invites a member who has not joined: one mail to `address`, whose link works for [`TTL_SECONDS`]. The caller has seen
/// that nobody is invited twice.
pub(in crate::directory) fn issue(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
    address: &EmailAddress,
) -> Result<(), StoreError> {
    let row = ActivationRow {
        id: op.new_id(),
        org_id: organization,
        account_id: account,
        address: address.as_str().to_owned(),
        state: ActivationState::Open.as_str().to_owned(),
        token_hash: None,
        created_at: op.at,
        asked_at: op.at,
        sent_at: None,
        expires_at: op.at.plus_seconds(TTL_SECONDS),
    };
    rows::delete_expired_of(tx, organization, account)?;
    rows::insert(tx, &row)?;
    ask(tx, op, &row)
}

/// Queues the mail of an open activation; its member is invited from now on.
fn ask(tx: &mut Tx<'_>, op: &Operation, row: &ActivationRow) -> Result<(), StoreError> {
    if let Some(membership) = memberships::find(tx, row.account_id, row.org_id)?
        && let Ok(invited) = membership.invite_state.invite()
    {
        membership_rows::update_invite_state(tx, row.account_id, row.org_id, invited.as_str(), op.at)?;
    }
    jobs::enqueue(tx, op, &Job::SendActivation { organization: row.org_id, activation: row.id }, op.at)?;
    let detail = json!({ "account": row.account_id, "expires_at": row.expires_at.to_rfc3339() });
    log(tx, op, row, Action::ActivationSent, &detail)
}

/// Takes the link of a member back, if one is open: the address changed, or they leave, or need it no more.
pub(in crate::directory) fn revoke(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), StoreError> {
    rows::delete_expired_of(tx, organization, account)?;
    let Some(row) = rows::find_open(tx, organization, account)? else { return Ok(()) };
    end(tx, op, row, ActivationState::revoke, Action::ActivationRevoked)
}

/// Ends activations whose time is over, at most `limit`; tells how many there were.
pub fn expire_due(tx: &mut Tx<'_>, op: &Operation, limit: i64) -> Result<usize, StoreError> {
    let due = rows::expired(tx, op.at, limit)?;
    let count = due.len();
    for row in due {
        end(tx, op, row, ActivationState::expire, Action::ActivationExpired)?;
    }
    Ok(count)
}

fn end(
    tx: &mut Tx<'_>,
    op: &Operation,
    row: ActivationRow,
    transition: fn(ActivationState) -> Result<ActivationState, WrongActivationState>,
    action: Action,
) -> Result<(), StoreError> {
    let from = row.state.clone();
    let activation = from_row(row.clone(), None)?;
    let Ok(state) = transition(activation.state) else { return Ok(()) };
    let row = ActivationRow { state: state.as_str().to_owned(), ..row };
    if !rows::update(tx, &row, &from)? {
        return Ok(());
    }
    if let Some(membership) = memberships::find(tx, row.account_id, row.org_id)?
        && let Ok(withdrawn) = membership.invite_state.withdraw()
    {
        membership_rows::update_invite_state(tx, row.account_id, row.org_id, withdrawn.as_str(), op.at)?;
    }
    log(tx, op, &row, action, &json!({ "account": row.account_id }))
}

/// The activations of an organization that nobody has followed: open and expired ones.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<ActivationId>,
) -> Result<Page<Activation, ActivationId>, InviteError> {
    permission::require(op, organization, Permission::Read)?;
    let states = [ActivationState::Open.as_str(), ActivationState::Expired.as_str()];
    let found = rows::page(tx, organization, &states, request)?;
    let found = found.into_iter().map(|(row, user)| from_row(row, user)).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |activation| activation.id))
}

/// Sends the mail of an open or expired activation again, with a fresh link; the one before stops working. Not more
/// often than every [`RESEND_SECONDS`].
pub fn resend(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    id: ActivationId,
) -> Result<Activation, InviteError> {
    permission::require(op, organization, Permission::ManageUsers)?;
    let row = rows::find(tx, organization, id)?.ok_or(InviteError::NotFound)?;
    let activation = from_row(row.clone(), None)?;
    let state = activation.state.resend()?;
    let again_at = activation.asked_at.plus_seconds(RESEND_SECONDS);
    if again_at > op.at {
        return Err(InviteError::TooSoon { retry_after_seconds: again_at.seconds() - op.at.seconds() });
    }
    let changed = ActivationRow {
        state: state.as_str().to_owned(),
        token_hash: None,
        asked_at: op.at,
        expires_at: op.at.plus_seconds(TTL_SECONDS),
        ..row.clone()
    };
    if !rows::update(tx, &changed, &row.state)? {
        return Err(InviteError::NotFound);
    }
    ask(tx, op, &changed)?;
    Ok(from_row(changed, None)?)
}

fn log(
    tx: &mut Tx<'_>,
    op: &Operation,
    row: &ActivationRow,
    action: Action,
    detail: &serde_json::Value,
) -> Result<(), StoreError> {
    audit::write(tx, op, Some(row.org_id), action, &Subject::new("activation", row.id), detail)
}
