//! Authorization codes: kept as hashes, consumed by one statement.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::authorization_codes as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::GrantId;
use crate::values::secret::TokenHash;

/// One code.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct CodeRow {
    pub code_hash: Vec<u8>,
    pub grant_id: GrantId,
    pub redirect_uri: String,
    pub nonce: Option<String>,
    pub code_challenge: String,
    pub expires_at: Timestamp,
    pub consumed_at: Option<Timestamp>,
}

/// Inserts one code.
pub fn insert(tx: &mut Tx<'_>, row: &CodeRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// The code with this hash, consumed or not.
pub fn find(tx: &mut Tx<'_>, code: &TokenHash) -> Result<Option<CodeRow>, StoreError> {
    let query = table::table.filter(table::code_hash.eq(code.as_bytes()));
    Ok(on_engine!(tx, |connection| query.select(CodeRow::as_select()).first(connection)).optional()?)
}

/// Consumes a code. Of any number of callers, at any number of nodes, one is told `true`.
pub fn consume(tx: &mut Tx<'_>, code: &TokenHash, at: Timestamp) -> Result<bool, StoreError> {
    let unused = table::table.filter(table::code_hash.eq(code.as_bytes())).filter(table::consumed_at.is_null());
    Ok(Kept(diesel::update(unused).set(table::consumed_at.eq(Some(at)))).execute(tx.connection())? == 1)
}
