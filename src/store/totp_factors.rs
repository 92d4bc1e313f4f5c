//! Authenticator apps of people: one for an account, its secret sealed.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::totp_factors as table;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct TotpFactorRow {
    pub account_id: AccountId,
    pub sealed_secret: Vec<u8>,
    /// Of the last code that was used.
    pub last_step: i64,
    pub confirmed_at: Timestamp,
}

/// The row of an account.
pub fn find(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<TotpFactorRow>, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).select(TotpFactorRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// True when an account has one.
pub fn is_there(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).select(table::account_id);
    Ok(query.first::<AccountId>(tx.connection()).optional()?.is_some())
}

/// Adds one. An account that has one keeps it, which is a conflict.
pub fn insert(tx: &mut Tx<'_>, row: &TotpFactorRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// Uses the code of `step`, of the factor that was confirmed then, and counts wrong ones anew. False when it, or a later one, was
/// used before.
pub fn use_step(tx: &mut Tx<'_>, account: AccountId, confirmed_at: Timestamp, step: i64) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::account_id.eq(account))
        .filter(table::confirmed_at.eq(confirmed_at))
        .filter(table::last_step.lt(step));
    Ok(diesel::update(one).set((table::last_step.eq(step), table::wrong_codes.eq(0))).execute(tx.connection())? == 1)
}

/// Counts a wrong code for an account; how many there are since the last right one.
pub fn count_wrong(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<i64>, StoreError> {
    let one = diesel::update(table::table.filter(table::account_id.eq(account)));
    let counted = one.set(table::wrong_codes.eq(table::wrong_codes + 1)).returning(table::wrong_codes);
    Ok(counted.get_result(tx.connection()).optional()?)
}

/// Counts the wrong codes of an account anew.
pub fn forgive(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    let one = table::table.filter(table::account_id.eq(account)).filter(table::wrong_codes.gt(0));
    diesel::update(one).set(table::wrong_codes.eq(0)).execute(tx.connection())?;
    Ok(())
}

/// Removes the one of an account; tells whether there was one.
pub fn delete(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    Ok(diesel::delete(table::table.filter(table::account_id.eq(account))).execute(tx.connection())? == 1)
}
