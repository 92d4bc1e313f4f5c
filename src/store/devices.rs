//! Browsers in which people have signed in before. A browser's token is kept as a hash only.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::devices as table;
use super::failure::StoreError;
use super::kept::Kept;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;
use crate::values::secret::TokenHash;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct DeviceRow {
    pub account_id: AccountId,
    pub token_hash: Vec<u8>,
    pub first_seen_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Adds one.
pub fn insert(tx: &mut Tx<'_>, row: &DeviceRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// Notes that an account was used in a browser again; tells whether the browser was known.
pub fn touch(
    tx: &mut Tx<'_>,
    account: AccountId,
    token: &TokenHash,
    now: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::account_id.eq(account))
        .filter(table::token_hash.eq(token.as_bytes()))
        .filter(table::expires_at.gt(now));
    let change = (table::last_seen_at.eq(now), table::expires_at.eq(expires_at));
    Ok(Kept(diesel::update(one).set(change)).execute(tx.connection())? == 1)
}

/// True when the account was used in this browser before.
pub fn is_known(tx: &mut Tx<'_>, account: AccountId, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
    let query = table::table
        .filter(table::account_id.eq(account))
        .filter(table::token_hash.eq(token.as_bytes()))
        .filter(table::expires_at.gt(now));
    Ok(query.count().get_result::<i64>(tx.connection())? > 0)
}

/// How many browsers an account was used in that are still known.
pub fn count(tx: &mut Tx<'_>, account: AccountId, now: Timestamp) -> Result<i64, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).filter(table::expires_at.gt(now));
    Ok(query.count().get_result(tx.connection())?)
}

/// Forgets one browser of an account, such as one whose time is over.
pub fn forget(tx: &mut Tx<'_>, account: AccountId, token: &TokenHash) -> Result<(), StoreError> {
    let one = table::table.filter(table::account_id.eq(account)).filter(table::token_hash.eq(token.as_bytes()));
    diesel::delete(one).execute(tx.connection())?;
    Ok(())
}

/// In how many browsers an account was seen for the first time since then.
pub fn count_first_seen_since(tx: &mut Tx<'_>, account: AccountId, since: Timestamp) -> Result<i64, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).filter(table::first_seen_at.gt(since));
    Ok(query.count().get_result(tx.connection())?)
}

/// Forgets all browsers of an account but the `most` that were used last.
pub fn keep_latest(tx: &mut Tx<'_>, account: AccountId, most: i64) -> Result<(), StoreError> {
    let of_account = table::table.filter(table::account_id.eq(account));
    let first_too_many: Option<Timestamp> = of_account
        .order((table::last_seen_at.desc(), table::token_hash.desc()))
        .offset(most)
        .limit(1)
        .select(table::last_seen_at)
        .first(tx.connection())
        .optional()?;
    if let Some(last_seen_at) = first_too_many {
        diesel::delete(of_account.filter(table::last_seen_at.le(last_seen_at))).execute(tx.connection())?;
    }
    Ok(())
}

/// Forgets every browser of an account.
pub fn forget_all(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::account_id.eq(account))).execute(tx.connection())?;
    Ok(())
}
