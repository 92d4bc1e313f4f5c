//! Passkeys of people. What is kept of one changes with each use, by a statement that expects what was kept before.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::passkeys as table;
use super::failure::{StoreError, require_one};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, PasskeyId};

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct PasskeyRow {
    pub id: PasskeyId,
    pub account_id: AccountId,
    /// The authenticator's name for it.
    pub credential_id: Vec<u8>,
    /// Its public key and what goes with it, as JSON.
    pub credential: String,
    pub name: String,
    pub created_at: Timestamp,
    /// When it was last made or used beside the account's password.
    pub confirmed_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What a use changes.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // columns
pub struct Use {
    pub credential: String,
    pub last_used_at: Timestamp,
    /// None where no password was typed beside it.
    pub confirmed_at: Option<Timestamp>,
}

/// The row with this credential.
pub fn find_by_credential(tx: &mut Tx<'_>, credential_id: &[u8]) -> Result<Option<PasskeyRow>, StoreError> {
    let query = table::table.filter(table::credential_id.eq(credential_id)).select(PasskeyRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// All of an account, the oldest first.
pub fn of_account(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<PasskeyRow>, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).order(table::id).select(PasskeyRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// How many an account has.
pub fn count(tx: &mut Tx<'_>, account: AccountId) -> Result<i64, StoreError> {
    Ok(table::table.filter(table::account_id.eq(account)).count().get_result(tx.connection())?)
}

/// Adds one. A credential that is there already, whosever it is, is a conflict.
pub fn insert(tx: &mut Tx<'_>, row: &PasskeyRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// Notes a use. False when something else is kept of it than `before`, or it is gone.
pub fn note_use(tx: &mut Tx<'_>, id: PasskeyId, before: &str, used: &Use) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::credential.eq(before));
    let change = (table::credential.eq(&used.credential), table::last_used_at.eq(Some(used.last_used_at)));
    if diesel::update(one).set(change).execute(tx.connection())? != 1 {
        return Ok(false);
    }
    if let Some(at) = used.confirmed_at {
        let confirmed = diesel::update(table::table.filter(table::id.eq(id))).set(table::confirmed_at.eq(at));
        require_one(confirmed.execute(tx.connection())?, "passkeys")?;
    }
    Ok(true)
}

/// Gives one of an account another name. False when the account has no such.
pub fn rename(tx: &mut Tx<'_>, account: AccountId, id: PasskeyId, name: &str) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::account_id.eq(account));
    Ok(diesel::update(one).set(table::name.eq(name)).execute(tx.connection())? == 1)
}

/// Counts a wrong recovery code for an account; how many there are since the last right one. `None` when it has no passkey.
pub fn count_wrong(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<i64>, StoreError> {
    let all = diesel::update(table::table.filter(table::account_id.eq(account)));
    let counted = all.set(table::wrong_codes.eq(table::wrong_codes + 1)).returning(table::wrong_codes);
    Ok(counted.get_results::<i64>(tx.connection())?.into_iter().max())
}

/// Counts the wrong codes of an account anew.
pub fn forgive(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    let all = table::table.filter(table::account_id.eq(account)).filter(table::wrong_codes.gt(0));
    diesel::update(all).set(table::wrong_codes.eq(0)).execute(tx.connection())?;
    Ok(())
}

/// Removes one of an account. False when the account has no such.
pub fn delete(tx: &mut Tx<'_>, account: AccountId, id: PasskeyId) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::account_id.eq(account));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// Removes all of an account; how many there were.
pub fn delete_all(tx: &mut Tx<'_>, account: AccountId) -> Result<usize, StoreError> {
    Ok(diesel::delete(table::table.filter(table::account_id.eq(account))).execute(tx.connection())?)
}
