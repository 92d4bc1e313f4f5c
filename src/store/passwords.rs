//! Hashes of people's passwords, sealed.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::Tx;
use super::credential_schema::passwords as table;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct PasswordRow {
    pub account_id: AccountId,
    pub sealed_hash: Vec<u8>,
    pub set_at: Timestamp,
}

/// The row of an account.
pub fn find(tx: &mut Tx<'_>, account: AccountId) -> Result<Option<PasswordRow>, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).select(PasswordRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// True when an account has one.
pub fn is_there(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).select(table::account_id);
    Ok(query.first::<AccountId>(tx.connection()).optional()?.is_some())
}

/// Writes the row of an account, over the one that it had.
pub fn put(tx: &mut Tx<'_>, row: &PasswordRow) -> Result<(), StoreError> {
    let text = "INSERT INTO passwords (account_id, sealed_hash, set_at) VALUES ($1, $2, $3) \
                ON CONFLICT (account_id) DO UPDATE SET sealed_hash = excluded.sealed_hash, set_at = excluded.set_at";
    diesel::sql_query(text)
        .bind::<Binary, _>(row.account_id)
        .bind::<Binary, _>(&row.sealed_hash)
        .bind::<BigInt, _>(row.set_at)
        .execute(tx.connection())?;
    Ok(())
}

/// Writes another hash of a password that was set when `row` says; changes nothing when it was set anew.
pub fn replace(tx: &mut Tx<'_>, row: &PasswordRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::account_id.eq(row.account_id)).filter(table::set_at.eq(row.set_at));
    diesel::update(one).set(table::sealed_hash.eq(&row.sealed_hash)).execute(tx.connection())?;
    Ok(())
}
