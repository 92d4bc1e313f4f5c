//! What an OpenID provider said of somebody who is on the way back with it. Of the name of their session there only the hash is
//! kept. A row goes with its attempt at the latest.

use diesel::prelude::*;
use diesel::sql_types::Binary;

use super::Tx;
use super::failure::StoreError;
use super::kept::{Kept, KeptSelect};
use super::relying_party_schema::upstream_answers as table;
use crate::store::connection::AnyConnection;
use crate::values::ids::{AccountId, AttemptId, ConnectionId, OrganizationId};
use crate::values::secret::TokenHash;

/// One row.
#[derive(Debug, Clone, Insertable)]
#[diesel(table_name = table, treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct UpstreamAnswerRow {
    pub attempt_id: AttemptId,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub account_id: AccountId,
    /// None when the provider did not say which session.
    pub sid_hash: Option<Vec<u8>>,
}

/// Keeps an answer. One that came before it said the same attempt's last word.
pub fn insert(tx: &mut Tx<'_>, row: &UpstreamAnswerRow) -> Result<(), StoreError> {
    forget(tx, row.attempt_id)?;
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// True when an answer through the connection is kept of the attempt; it stays until this transaction ends. On SQLite there is
/// one writer.
pub fn is_kept_for_update(tx: &mut Tx<'_>, attempt: AttemptId, connection: ConnectionId) -> Result<bool, StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM upstream_answers WHERE attempt_id = $1 FOR UPDATE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(attempt)).execute(postgres)?;
    }
    let one = table::table.filter(table::attempt_id.eq(attempt)).filter(table::connection_id.eq(connection));
    Ok(one.count().get_result::<i64>(tx.connection())? > 0)
}

/// Forgets the answer of an attempt.
pub fn forget(tx: &mut Tx<'_>, attempt: AttemptId) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::attempt_id.eq(attempt))).execute(tx.connection())?;
    Ok(())
}

/// Forgets the answers about this session at the connection's provider.
pub fn forget_of_session(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    sid: &TokenHash,
) -> Result<(), StoreError> {
    let all = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::sid_hash.eq(sid.as_bytes()));
    diesel::delete(all).execute(tx.connection())?;
    Ok(())
}

/// Forgets the answers about an account through the connection: all, or, where a session is named, those about it and those of
/// which the provider never said about which they are.
pub fn forget_of_account(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    account: AccountId,
    sid: Option<&TokenHash>,
) -> Result<(), StoreError> {
    let all = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::account_id.eq(account));
    match sid {
        Some(sid) => {
            let is_meant = table::sid_hash.is_null().or(table::sid_hash.eq(sid.as_bytes()));
            diesel::delete(all.filter(is_meant)).execute(tx.connection())?;
        }
        None => {
            diesel::delete(all).execute(tx.connection())?;
        }
    }
    Ok(())
}
