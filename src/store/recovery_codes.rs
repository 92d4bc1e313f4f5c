//! Recovery codes of people, as hashes. Using one is its removal, in one statement.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::recovery_codes as table;
use super::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;
use crate::values::secret::TokenHash;

/// Adds one.
pub fn insert(tx: &mut Tx<'_>, account: AccountId, hash: &TokenHash, at: Timestamp) -> Result<(), StoreError> {
    let row = (table::account_id.eq(account), table::code_hash.eq(hash.as_bytes()), table::made_at.eq(at));
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// Uses one up. False when the account has no such code, or has it no longer.
pub fn consume(tx: &mut Tx<'_>, account: AccountId, hash: &TokenHash) -> Result<bool, StoreError> {
    let one = table::table.filter(table::account_id.eq(account)).filter(table::code_hash.eq(hash.as_bytes()));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// How many an account has left.
pub fn count(tx: &mut Tx<'_>, account: AccountId) -> Result<i64, StoreError> {
    Ok(table::table.filter(table::account_id.eq(account)).count().get_result(tx.connection())?)
}

/// Removes all of an account.
pub fn delete_all(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::account_id.eq(account))).execute(tx.connection())?;
    Ok(())
}
