//! A member joins: by the link of an activation mail, or because their address lies in the organization's own domain.

use serde_json::json;

use super::state::AccountState;
use super::{Account, AccountError, find};
use crate::directory::activation::invite;
use crate::directory::memberships::{self, Membership};
use crate::record::audit::{self, Action, Subject};
use crate::record::scim_events;
use crate::store::domains::Owned;
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as rows, domains, memberships as membership_rows};
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;

/// Lets a member who has not joined do so, if their primary address lies in the organization's own verified domain (rules
/// D2 and E29); one that has lapsed lets nobody in. Tells whether they have joined now.
pub fn join_if_trusted(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<bool, AccountError> {
    let Some(may_sign_in) = finish_if_trusted(tx, op, organization, account)? else { return Ok(false) };
    scim_events::show_access(tx, op, organization, account, may_sign_in)?;
    Ok(true)
}

/// As [`join_if_trusted`], but tells whether who has joined may sign in instead of showing it.
pub(super) fn finish_if_trusted(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<bool>, AccountError> {
    let Some(membership) = memberships::find(tx, account, organization)? else { return Ok(None) };
    if membership.is_joined() {
        return Ok(None);
    }
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    let Some(address) = found.profile.primary_address() else { return Ok(None) };
    let is_trusted = domains::is_owner(tx, organization, address.domain().as_str(), Owned::Trusted)?;
    if is_trusted { finish_joining(tx, op, &membership, &found).map(Some) } else { Ok(None) }
}

/// A member joins: they accepted, by a link that only their mailbox got. They may sign in from now on, if the
/// organization has given them access; the answer tells. Joining twice changes nothing.
pub fn join(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<bool, AccountError> {
    let membership = memberships::find(tx, account, organization)?.ok_or(AccountError::NotFound)?;
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    if membership.is_joined() {
        return Ok(found.state == AccountState::Active && membership.is_active());
    }
    let may_sign_in = finish_joining(tx, op, &membership, &found)?;
    scim_events::show_access(tx, op, organization, account, may_sign_in)?;
    Ok(may_sign_in)
}

fn finish_joining(
    tx: &mut Tx<'_>,
    op: &Operation,
    membership: &Membership,
    found: &Account,
) -> Result<bool, AccountError> {
    let (account, organization) = (membership.account, membership.organization);
    let joined = membership.invite_state.join().map_err(|_| StoreError::Inconsistent("memberships.invite_state"))?;
    invite::revoke(tx, op, organization, account)?;
    membership_rows::update_invite_state(tx, account, organization, joined.as_str(), op.at)?;
    // Somebody who was there before there were invitations has an account that is past its verification.
    let state = found.state.verify(membership.status).unwrap_or(found.state);
    if state != found.state {
        rows::update_state_and_end_sessions(tx, account, state.as_str(), op.at)?;
    }
    let may_sign_in = state == AccountState::Active && membership.is_active();
    let subject = Subject::new("account", account);
    audit::write(tx, op, Some(organization), Action::UserJoined, &subject, &json!({ "active": may_sign_in }))?;
    Ok(may_sign_in)
}
