//! Sessions of people at this gateway. The token of a session's cookie is kept as a hash only.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::sessions as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, SessionId};
use crate::values::secret::TokenHash;

/// One row. `amr` is a JSON array.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct SessionRow {
    pub id: SessionId,
    pub token_hash: Vec<u8>,
    pub account_id: AccountId,
    pub org_id: OrganizationId,
    /// None for a sign-in with credentials of the person's own.
    pub connection_id: Option<ConnectionId>,
    pub session_epoch: i64,
    pub amr: String,
    pub acr: String,
    pub auth_time: Timestamp,
    pub created_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub is_auth_time_known: bool,
}

/// Adds one session.
pub fn insert(tx: &mut Tx<'_>, row: &SessionRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// The session with this token, ended or not.
pub fn find_by_token(tx: &mut Tx<'_>, token: &TokenHash) -> Result<Option<SessionRow>, StoreError> {
    let query = table::table.filter(table::token_hash.eq(token.as_bytes()));
    Ok(on_engine!(tx, |connection| query.select(SessionRow::as_select()).first(connection)).optional()?)
}

/// Notes that a session was used. False when it has ended.
pub fn touch(tx: &mut Tx<'_>, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::ended_at.is_null());
    Ok(Kept(diesel::update(one).set(table::last_seen_at.eq(at))).execute(tx.connection())? == 1)
}

/// The sessions of an account that have not ended or expired, the newest first; only those on behalf of `within`, if that is
/// given.
pub fn open_of_account(
    tx: &mut Tx<'_>,
    account: AccountId,
    within: Option<OrganizationId>,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<SessionRow>, StoreError> {
    let mut query = table::table
        .filter(table::account_id.eq(account))
        .filter(table::ended_at.is_null())
        .filter(table::expires_at.gt(now))
        .order(table::id.desc())
        .limit(limit)
        .select(SessionRow::as_select())
        .into_boxed();
    if let Some(organization) = within {
        query = query.filter(table::org_id.eq(organization));
    }
    Ok(query.load(tx.connection())?)
}

/// True when a session has neither been ended nor come to its end.
pub fn is_open(tx: &mut Tx<'_>, id: SessionId, now: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::ended_at.is_null()).filter(table::expires_at.gt(now));
    Ok(one.count().get_result::<i64>(tx.connection())? > 0)
}

/// Ends every session that a connection opened; tells how many there were.
pub fn end_of_connection(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let all = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::ended_at.is_null());
    Ok(diesel::update(all).set(table::ended_at.eq(Some(at))).execute(tx.connection())?)
}

/// Ends every session of an account but `kept`, or only those on behalf of `within`, if that is given; tells how many there were.
pub fn end_others(
    tx: &mut Tx<'_>,
    account: AccountId,
    within: Option<OrganizationId>,
    kept: SessionId,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let others = table::table
        .filter(table::account_id.eq(account))
        .filter(table::id.ne(kept))
        .filter(table::ended_at.is_null())
        .filter(table::expires_at.gt(at));
    let ended = table::ended_at.eq(Some(at));
    Ok(match within {
        None => diesel::update(others).set(ended).execute(tx.connection())?,
        Some(within) => diesel::update(others.filter(table::org_id.eq(within))).set(ended).execute(tx.connection())?,
    })
}

/// Ends a session. False when it had ended before.
pub fn end(tx: &mut Tx<'_>, id: SessionId, at: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::ended_at.is_null());
    Ok(Kept(diesel::update(one).set(table::ended_at.eq(Some(at)))).execute(tx.connection())? == 1)
}
