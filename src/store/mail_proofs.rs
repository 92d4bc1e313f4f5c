//! Links by which people show that a mailbox is theirs. Tokens are kept as hashes.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::mail_proofs as table;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, MailProofId};
use crate::values::secret::TokenHash;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct MailProofRow {
    pub id: MailProofId,
    pub purpose: String,
    pub address: String,
    pub account_id: Option<AccountId>,
    pub token_hash: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Adds one.
pub fn insert(tx: &mut Tx<'_>, row: &MailProofRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The row with this id.
pub fn find(tx: &mut Tx<'_>, id: MailProofId) -> Result<Option<MailProofRow>, StoreError> {
    Ok(table::table.filter(table::id.eq(id)).select(MailProofRow::as_select()).first(tx.connection()).optional()?)
}

/// The row with this token.
pub fn find_by_token(tx: &mut Tx<'_>, token: &TokenHash) -> Result<Option<MailProofRow>, StoreError> {
    let query = table::table.filter(table::token_hash.eq(token.as_bytes())).select(MailProofRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Binds a row to an account and gives it a token; one that it had stops working. False when the row is gone.
pub fn address_to(tx: &mut Tx<'_>, id: MailProofId, account: AccountId, token: &TokenHash) -> Result<bool, StoreError> {
    let change = (table::account_id.eq(Some(account)), table::token_hash.eq(Some(token.as_bytes())));
    Ok(diesel::update(table::table.filter(table::id.eq(id))).set(change).execute(tx.connection())? == 1)
}

/// Uses a token up: single use is this one statement. Tells whether it was there and had not expired.
pub fn consume(tx: &mut Tx<'_>, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::token_hash.eq(token.as_bytes())).filter(table::expires_at.gt(now));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// Removes one that there is nothing to send for.
pub fn delete(tx: &mut Tx<'_>, id: MailProofId) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::id.eq(id))).execute(tx.connection())?;
    Ok(())
}

/// Takes the links of one purpose that an account has back.
pub fn delete_of_account(tx: &mut Tx<'_>, account: AccountId, purpose: &str) -> Result<(), StoreError> {
    let all = table::table.filter(table::account_id.eq(account)).filter(table::purpose.eq(purpose));
    diesel::delete(all).execute(tx.connection())?;
    Ok(())
}
