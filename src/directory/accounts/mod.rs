//! Accounts: made, changed, suspended, ended; and with each the membership that goes with it.
//!
//! [`provision`], [`joining::join`], [`deactivate`], [`reactivate`] and [`end_membership`] write their audit entry themselves;
//! [`update_profile`] leaves it to the caller, who knows what else changed with it.

mod address_change;
pub mod joining;
pub mod mailbox;
mod row;
pub mod state;

use serde_json::json;

use super::activation::invite;
use super::break_glass;
use super::memberships::{self, InviteState, Membership, MembershipKind, MembershipStatus};
use super::owners::{self, OwnerError};
use super::profile::Profile;
use crate::record::audit::{self, Action, Subject};
use crate::store::accounts::{self as rows, AddressRow};
use crate::store::failure::StoreError;
use crate::store::memberships::{self as membership_rows, MembershipRow};
use crate::store::{Tx, carried_roles, credentials, identities};
use crate::values::clock::Timestamp;
use crate::values::data_center::DataCenter;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Operation, Role};
use row::{from_row, to_row};
use state::AccountState;

/// Whether a person's account here is their primary one (rule A10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountKind {
    /// The account where the person first signed up.
    Primary,
}

/// Who decides about the account (decision Q29).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ownership {
    /// The organization that created it.
    Organization,
    /// The person.
    Personal,
}

/// A person's account at this data center.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Account {
    pub id: AccountId,
    pub kind: AccountKind,
    pub ownership: Ownership,
    pub state: AccountState,
    pub home_dc: DataCenter,
    pub home_epoch: i64,
    pub version: i64,
    /// Sessions and tokens carry the value they were made with and die when it moves.
    pub session_epoch: i64,
    pub profile: Profile,
    /// When the primary address was verified, if it was.
    pub address_verified_at: Option<Timestamp>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An account that was made for somebody.
#[derive(Debug, Clone, Copy)]
pub struct Provisioned {
    /// The account.
    pub account: AccountId,
    /// Whether the person may sign in with it now; not before they have joined (rule E30).
    pub may_sign_in: bool,
    /// Set where the account is new and the person has joined with it: the status of their membership, and the account is in
    /// the state that goes with it.
    pub joined_as: Option<MembershipStatus>,
}

/// What became of a changed profile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProfileChange {
    /// Nothing differed.
    None,
    /// It was written.
    Written,
    /// It was written, and the person has joined by it: the new address lies in the organization's own domain.
    Joined,
}

/// Why an account could not be changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// There is no such account in this organization.
    #[error("no such account in this organization")]
    NotFound,
    /// It is the organization's last active owner.
    #[error("the organization's last active owner cannot be deactivated or removed")]
    LastOwner,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<OwnerError> for AccountError {
    fn from(error: OwnerError) -> Self {
        match error {
            OwnerError::Last => Self::LastOwner,
            OwnerError::Store(error) => Self::Store(error),
        }
    }
}

impl AccountKind {
    /// The name in the store and in the `account_kind` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Primary => "primary",
        }
    }
}

/// The account with this id.
pub fn find(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Account>, StoreError> {
    let Some(row) = rows::find(tx, id)? else { return Ok(None) };
    let addresses = rows::addresses(tx, id)?;
    from_row(row, addresses).map(Some)
}

/// Creates the account of a person whom an organization provisions, as a member of it. Who is to have access and has not
/// joined by their address ([`memberships::on_arrival`]) is sent an activation mail (rule E30).
pub fn provision(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    profile: &Profile,
    status: MembershipStatus,
) -> Result<Provisioned, StoreError> {
    let invite_state = memberships::on_arrival(tx, organization, profile.primary_address())?;
    provision_as(tx, op, organization, profile, status, invite_state)
}

/// As [`provision`], where it is known how they come in.
pub fn provision_as(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    profile: &Profile,
    status: MembershipStatus,
    invite_state: InviteState,
) -> Result<Provisioned, StoreError> {
    let state = match invite_state {
        InviteState::Joined => AccountState::of(status),
        InviteState::NotInvited | InviteState::NotJoined => AccountState::PendingVerification,
    };
    let account = insert(tx, op, organization, profile, state, (Role::Member, invite_state, status))?;
    let is_awaited = state == AccountState::PendingVerification && status == MembershipStatus::Active;
    if let Some(address) = profile.primary_address().filter(|_| is_awaited) {
        invite::issue(tx, op, organization, account, address)?;
    }
    let joined_as = (invite_state == InviteState::Joined).then_some(status);
    Ok(Provisioned { account, may_sign_in: state == AccountState::Active, joined_as })
}

/// Creates the account of a person for whom the operator vouches, such as an organization's first owner. It is active at once.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    profile: &Profile,
    role: Role,
) -> Result<AccountId, StoreError> {
    let status = MembershipStatus::Active;
    insert(tx, op, organization, profile, AccountState::of(status), (role, InviteState::Joined, status))
}

fn insert(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    profile: &Profile,
    state: AccountState,
    (role, invite_state, status): (Role, InviteState, MembershipStatus),
) -> Result<AccountId, StoreError> {
    let id: AccountId = op.new_id();
    let address = |(position, address): (usize, &EmailAddress)| AddressRow {
        account_id: id,
        address: address.as_str().to_owned(),
        is_primary: position == 0,
        verified_at: None,
    };
    let addresses: Vec<AddressRow> = profile.addresses.iter().enumerate().map(address).collect();
    let membership = MembershipRow {
        account_id: id,
        org_id: organization,
        kind: MembershipKind::Member.as_str().to_owned(),
        role: role.as_str().to_owned(),
        invite_state: invite_state.as_str().to_owned(),
        status: status.as_str().to_owned(),
        created_at: op.at,
        updated_at: op.at,
        direct_role: None,
    };
    rows::insert(tx, &to_row(id, op, profile, state), &addresses, &membership)?;
    let detail = json!({
        "role": role.as_str(),
        "active": status == MembershipStatus::Active,
        "joined": invite_state == InviteState::Joined,
    });
    audit::write(tx, op, Some(organization), Action::UserCreated, &Subject::new("account", id), &detail)?;
    Ok(id)
}

/// Writes a changed profile of a member and its addresses. An address that stays keeps its verification; a new one has
/// none. Writes nothing when nothing differs. Another primary address of somebody who has not joined revokes the link
/// that was sent to the old one: they join, or a link goes to the new one. What their user shows is the caller's to say.
pub fn update_profile(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
    profile: &Profile,
) -> Result<ProfileChange, AccountError> {
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    if found.profile == *profile {
        return Ok(ProfileChange::None);
    }
    rows::update_profile(tx, &to_row(account, op, profile, found.state))?;
    for address in found.profile.addresses.iter().filter(|address| !profile.addresses.contains(address)) {
        rows::delete_address(tx, account, address.as_str())?;
    }
    for address in profile.addresses.iter().filter(|address| !found.profile.addresses.contains(address)) {
        let address = address.as_str().to_owned();
        rows::insert_address(tx, &AddressRow { account_id: account, address, is_primary: false, verified_at: None })?;
    }
    if found.profile.primary_address() != profile.primary_address() {
        if let Some(primary) = profile.primary_address() {
            rows::make_primary(tx, account, primary.as_str())?;
        }
        address_change::tell(tx, op, &found)?;
    }
    if found.state != AccountState::PendingVerification || found.profile.primary_address() == profile.primary_address()
    {
        return Ok(ProfileChange::Written);
    }
    invite::revoke(tx, op, organization, account)?;
    if joining::finish_if_trusted(tx, op, organization, account)?.is_some() {
        return Ok(ProfileChange::Joined);
    }
    let membership = memberships::find(tx, account, organization)?.ok_or(AccountError::NotFound)?;
    if let (true, Some(address)) = (membership.is_active(), profile.primary_address()) {
        invite::issue(tx, op, organization, account, address)?;
    }
    Ok(ProfileChange::Written)
}

/// Takes a member's access away: the membership becomes inactive, and with it the account if the organization owns
/// it. Every session, token and grant of the account is dead from this commit on (device 1 of the architecture), and so is
/// every admin token of it. The last active owner stays.
/// Doing it twice changes nothing.
pub fn deactivate(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), AccountError> {
    let (membership, found) = find_member(tx, organization, account)?;
    let Ok(status) = membership.status.deactivate() else { return Ok(()) };
    owners::require_another(tx, &membership)?;
    break_glass::end(tx, op, &membership)?;
    set_status(tx, op, &membership, &found, status, Action::UserDeactivated)?;
    Ok(())
}

/// Gives access back in one action (rule D13), and tells whether the person may sign in now. What was signed in before
/// stays ended. Who has not joined has to do so first, and is sent an activation mail unless one is on its way: asked for
/// twice, there is still one mail. Doing it twice changes nothing.
pub fn reactivate(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<bool, AccountError> {
    let (membership, found) = find_member(tx, organization, account)?;
    let Ok(status) = membership.status.reactivate() else { return Ok(found.state == AccountState::Active) };
    let state = set_status(tx, op, &membership, &found, status, Action::UserReactivated)?;
    let is_uninvited = membership.invite_state == InviteState::NotInvited;
    if (state, is_uninvited) == (AccountState::PendingVerification, true)
        && let Some(address) = primary_address(tx, account)?
    {
        invite::issue(tx, op, organization, account, &address)?;
    }
    Ok(state == AccountState::Active)
}

/// A member and their account, without its addresses.
fn find_member(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(Membership, Account), AccountError> {
    let (membership, found) = rows::find_member(tx, organization, account)?.ok_or(AccountError::NotFound)?;
    Ok((memberships::from_row(membership)?, from_row(found, Vec::new())?))
}

fn primary_address(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<EmailAddress>, StoreError> {
    let Some(row) = rows::addresses(tx, account)?.into_iter().next() else { return Ok(None) };
    row.address.parse().map(Some).map_err(|_| StoreError::Inconsistent("addresses.address"))
}

fn set_status(
    tx: &mut Tx<'_>,
    op: &Operation,
    membership: &Membership,
    found: &Account,
    status: MembershipStatus,
    action: Action,
) -> Result<AccountState, AccountError> {
    let (account, organization) = (membership.account, membership.organization);
    let state = match found.ownership {
        Ownership::Organization => found.state.with_access(status).map_err(|_| AccountError::NotFound)?,
        Ownership::Personal => found.state,
    };
    if !rows::update_access(tx, (organization, account), status.as_str(), state.as_str(), op.at)? {
        return Ok(found.state);
    }
    audit::write(tx, op, Some(organization), action, &Subject::new("account", account), &json!({}))?;
    Ok(state)
}

/// Ends a membership (decision Q19): its identities go with it, and the account is closed if the organization owns it.
/// The last active owner stays.
pub fn end_membership(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), AccountError> {
    let membership = memberships::find(tx, account, organization)?.ok_or(AccountError::NotFound)?;
    owners::require_another(tx, &membership)?;
    invite::revoke(tx, op, organization, account)?;
    if !membership_rows::delete(tx, account, organization)? {
        return Err(AccountError::NotFound);
    }
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    identities::delete_of_account(tx, organization, account)?;
    carried_roles::delete_of_member(tx, organization, account)?;
    break_glass::end(tx, op, &membership)?;
    let state = match found.ownership {
        Ownership::Organization => found.state.close().map_err(|_| AccountError::NotFound)?,
        Ownership::Personal => found.state,
    };
    rows::update_state_and_end_sessions(tx, account, state.as_str(), op.at)?;
    if state == AccountState::Closed {
        credentials::delete_of_account(tx, account)?;
        rows::delete_addresses(tx, account)?;
    }
    let subject = Subject::new("account", account);
    audit::write(tx, op, Some(organization), Action::UserDeleted, &subject, &json!({ "state": state.as_str() }))?;
    Ok(())
}

#[cfg(test)]
mod tests;
