//! Accounts and their memberships: made, changed, suspended, ended.
//!
//! [`provision`], [`deactivate`], [`reactivate`] and [`end_membership`] write their audit entry themselves;
//! [`update_profile`] leaves it to the caller, who knows what else changed with it.

use serde_json::json;

use super::owners::{self, OwnerError};
use super::profile::Profile;
use crate::record::audit::{self, Action, Subject};
use crate::store::accounts::{self as rows, AccountRow, AddressRow};
use crate::store::failure::StoreError;
use crate::store::memberships::{self, MembershipRow};
use crate::store::{Tx, domains, identities};
use crate::values::clock::Timestamp;
use crate::values::data_center::DataCenter;
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::{Operation, Role};

/// Where an account is in its life (product rules, section 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountState {
    /// May sign in.
    Active,
    /// May not sign in, until it is reactivated.
    Inactive,
    /// Gone for good; its id never returns.
    Closed,
}

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

/// What a membership is (rules B8 and B9).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembershipKind {
    /// Belongs to the organization; at most one per person.
    Member,
    /// Belongs elsewhere and is here with limited access.
    External,
}

/// An account's membership in an organization: three separate dimensions (rule D15).
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Membership {
    pub organization: OrganizationId,
    pub kind: MembershipKind,
    pub role: Role,
    pub is_joined: bool,
    pub is_active: bool,
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

impl AccountState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Closed => "closed",
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

impl MembershipKind {
    /// The name in the store and in the `membership` claim.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Member => "member",
            Self::External => "external",
        }
    }
}

/// The account with this id.
pub fn find(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<Account>, StoreError> {
    let Some(row) = rows::find(tx, id)? else { return Ok(None) };
    let addresses = rows::addresses(tx, id)?;
    from_row(row, addresses).map(Some)
}

/// The membership of an account in an organization.
pub fn membership(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
) -> Result<Option<Membership>, StoreError> {
    memberships::find(tx, account, organization)?.map(membership_from_row).transpose()
}

/// Creates the account of a person whom an organization provisions, as a member of it. An address in the
/// organization's own verified domain makes the membership joined at once (rules D2 and E29).
pub fn provision(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    profile: &Profile,
    is_active: bool,
) -> Result<AccountId, StoreError> {
    create(tx, op, organization, profile, Role::Member, is_active)
}

/// As [`provision`], with a role: how an organization gets its first owner.
pub fn create(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    profile: &Profile,
    role: Role,
    is_active: bool,
) -> Result<AccountId, StoreError> {
    let id: AccountId = op.new_id();
    let state = if is_active { AccountState::Active } else { AccountState::Inactive };
    rows::insert(tx, &to_row(id, op, profile, state))?;
    for (position, address) in profile.addresses.iter().enumerate() {
        let address = address.as_str().to_owned();
        rows::insert_address(
            tx,
            &AddressRow { account_id: id, address, is_primary: position == 0, verified_at: None },
        )?;
    }
    let is_trusted = match profile.primary_address() {
        Some(address) => domains::is_owner(tx, organization, address.domain().as_str())?,
        None => false,
    };
    memberships::insert(
        tx,
        &MembershipRow {
            account_id: id,
            org_id: organization,
            kind: MembershipKind::Member.as_str().to_owned(),
            role: role.as_str().to_owned(),
            invite_state: if is_trusted { "joined" } else { "not_invited" }.to_owned(),
            status: if is_active { "active" } else { "inactive" }.to_owned(),
            created_at: op.at,
            updated_at: op.at,
        },
    )?;
    let detail = json!({ "role": role.as_str(), "active": is_active });
    audit::write(tx, op, Some(organization), Action::UserCreated, &Subject::new("account", id), &detail)?;
    Ok(id)
}

/// Writes a changed profile and its addresses. An address that stays keeps its verification; a new one has none.
/// Writes nothing when nothing differs, and tells whether something did.
pub fn update_profile(
    tx: &mut Tx<'_>,
    op: &Operation,
    account: AccountId,
    profile: &Profile,
) -> Result<bool, AccountError> {
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    if found.profile == *profile {
        return Ok(false);
    }
    if !rows::update_profile(tx, &to_row(account, op, profile, found.state))? {
        return Err(AccountError::NotFound);
    }
    for address in found.profile.addresses.iter().filter(|address| !profile.addresses.contains(address)) {
        rows::delete_address(tx, account, address.as_str())?;
    }
    for (position, address) in profile.addresses.iter().enumerate() {
        if found.profile.addresses.contains(address) {
            rows::mark_primary(tx, account, address.as_str(), position == 0)?;
        } else {
            let address = address.as_str().to_owned();
            let is_primary = position == 0;
            rows::insert_address(tx, &AddressRow { account_id: account, address, is_primary, verified_at: None })?;
        }
    }
    Ok(true)
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
    set_access(tx, op, organization, account, Access::Withdrawn)
}

/// Gives access back in one action (rule D13). What was signed in before stays ended.
pub fn reactivate(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), AccountError> {
    set_access(tx, op, organization, account, Access::Granted)
}

/// Ends a membership (decision Q19): its identities go with it, and the account is closed if the organization owns it.
/// The last active owner stays.
pub fn end_membership(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), AccountError> {
    owners::require_another(tx, organization, account)?;
    if !memberships::delete(tx, account, organization)? {
        return Err(AccountError::NotFound);
    }
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    identities::delete_of_account(tx, organization, account)?;
    let state = match found.ownership {
        Ownership::Organization => AccountState::Closed,
        Ownership::Personal => found.state,
    };
    rows::update_state_and_end_sessions(tx, account, state.as_str(), op.at)?;
    if state == AccountState::Closed {
        rows::delete_addresses(tx, account)?;
    }
    let subject = Subject::new("account", account);
    audit::write(tx, op, Some(organization), Action::UserDeleted, &subject, &json!({ "state": state.as_str() }))?;
    Ok(())
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Granted,
    Withdrawn,
}

fn set_access(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
    access: Access,
) -> Result<(), AccountError> {
    let (status, state, action) = match access {
        Access::Granted => ("active", AccountState::Active, Action::UserReactivated),
        Access::Withdrawn => ("inactive", AccountState::Inactive, Action::UserDeactivated),
    };
    if access == Access::Withdrawn {
        owners::require_another(tx, organization, account)?;
    }
    if !memberships::update_status(tx, account, organization, status, op.at)? {
        return match memberships::find(tx, account, organization)? {
            Some(_) => Ok(()),
            None => Err(AccountError::NotFound),
        };
    }
    let found = find(tx, account)?.ok_or(AccountError::NotFound)?;
    let state = match found.ownership {
        Ownership::Organization => state,
        Ownership::Personal => found.state,
    };
    rows::update_state_and_end_sessions(tx, account, state.as_str(), op.at)?;
    audit::write(tx, op, Some(organization), action, &Subject::new("account", account), &json!({}))?;
    Ok(())
}

fn to_row(id: AccountId, op: &Operation, profile: &Profile, state: AccountState) -> AccountRow {
    AccountRow {
        id,
        kind: AccountKind::Primary.as_str().to_owned(),
        ownership: "organization".to_owned(),
        state: state.as_str().to_owned(),
        home_dc: op.data_center.as_str().to_owned(),
        home_epoch: 1,
        version: 1,
        session_epoch: 1,
        display_name: profile.display_name.clone(),
        given_name: profile.given_name.clone(),
        family_name: profile.family_name.clone(),
        locale: profile.locale.clone(),
        zoneinfo: profile.zoneinfo.clone(),
        created_at: op.at,
        updated_at: op.at,
    }
}

fn from_row(row: AccountRow, addresses: Vec<AddressRow>) -> Result<Account, StoreError> {
    let address_verified_at = addresses.first().and_then(|address| address.verified_at);
    let addresses = addresses.iter().map(|address| address.address.parse()).collect::<Result<_, _>>();
    Ok(Account {
        id: row.id,
        kind: match row.kind.as_str() {
            "primary" => AccountKind::Primary,
            _ => return Err(StoreError::Inconsistent("accounts.kind")),
        },
        ownership: match row.ownership.as_str() {
            "organization" => Ownership::Organization,
            "personal" => Ownership::Personal,
            _ => return Err(StoreError::Inconsistent("accounts.ownership")),
        },
        state: match row.state.as_str() {
            "active" => AccountState::Active,
            "inactive" => AccountState::Inactive,
            "closed" => AccountState::Closed,
            _ => return Err(StoreError::Inconsistent("accounts.state")),
        },
        home_dc: row.home_dc.parse().map_err(|_| StoreError::Inconsistent("accounts.home_dc"))?,
        home_epoch: row.home_epoch,
        version: row.version,
        session_epoch: row.session_epoch,
        profile: Profile {
            display_name: row.display_name,
            given_name: row.given_name,
            family_name: row.family_name,
            locale: row.locale,
            zoneinfo: row.zoneinfo,
            addresses: addresses.map_err(|_| StoreError::Inconsistent("addresses.address"))?,
        },
        address_verified_at,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}

fn membership_from_row(row: MembershipRow) -> Result<Membership, StoreError> {
    Ok(Membership {
        organization: row.org_id,
        kind: match row.kind.as_str() {
            "member" => MembershipKind::Member,
            "external" => MembershipKind::External,
            _ => return Err(StoreError::Inconsistent("memberships.kind")),
        },
        role: Role::parse(&row.role).ok_or(StoreError::Inconsistent("memberships.role"))?,
        is_joined: row.invite_state == "joined",
        is_active: row.status == "active",
    })
}
