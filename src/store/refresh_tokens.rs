//! Refresh tokens: kept as hashes, consumed by one statement. A consumed one is kept while it could be presented
//! again, so that its second use is noticed.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::refresh_tokens as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::GrantId;
use crate::values::secret::TokenHash;

/// One refresh token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct RefreshTokenRow {
    pub token_hash: Vec<u8>,
    pub grant_id: GrantId,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub consumed_at: Option<Timestamp>,
}

/// Inserts one token.
pub fn insert(tx: &mut Tx<'_>, row: &RefreshTokenRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// The token with this hash, consumed or not.
pub fn find(tx: &mut Tx<'_>, token: &TokenHash) -> Result<Option<RefreshTokenRow>, StoreError> {
    let query = table::table.filter(table::token_hash.eq(token.as_bytes()));
    Ok(on_engine!(tx, |connection| query.select(RefreshTokenRow::as_select()).first(connection)).optional()?)
}

/// Consumes a token. Of any number of callers, at any number of nodes, one is told `true`.
pub fn consume(tx: &mut Tx<'_>, token: &TokenHash, at: Timestamp) -> Result<bool, StoreError> {
    let unused = table::table.filter(table::token_hash.eq(token.as_bytes())).filter(table::consumed_at.is_null());
    Ok(Kept(diesel::update(unused).set(table::consumed_at.eq(Some(at)))).execute(tx.connection())? == 1)
}
