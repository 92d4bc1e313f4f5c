//! Accounts as rows, and back.

use super::state::AccountState;
use super::{Account, AccountKind, Ownership};
use crate::directory::profile::Profile;
use crate::store::accounts::{AccountRow, AddressRow};
use crate::store::failure::StoreError;
use crate::values::ids::AccountId;
use crate::values::operation::Operation;

/// The row of an account that an organization creates.
pub(super) fn to_row(id: AccountId, op: &Operation, profile: &Profile, state: AccountState) -> AccountRow {
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

/// The account of a row and its addresses, the primary one first.
pub(super) fn from_row(row: AccountRow, addresses: Vec<AddressRow>) -> Result<Account, StoreError> {
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
        state: AccountState::parse(&row.state).ok_or(StoreError::Inconsistent("accounts.state"))?,
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
