//! Which session at an OpenID provider opened a session here. Of its name there only the hash is kept.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::relying_party_schema::upstream_sessions as table;
use super::schema::sessions;
use crate::store::connection::Backend;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, SessionId};
use crate::values::secret::TokenHash;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct UpstreamSessionRow {
    pub session_id: SessionId,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub sid_hash: Vec<u8>,
}

/// A session, and the hash of its name at the provider, as far as the provider said one.
pub type Opened = (SessionId, Option<Vec<u8>>);

/// Adds one.
pub fn insert(tx: &mut Tx<'_>, row: &UpstreamSessionRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// A session goes on as another one.
pub fn hand_on(tx: &mut Tx<'_>, from: SessionId, to: SessionId) -> Result<(), StoreError> {
    diesel::update(table::table.filter(table::session_id.eq(from)))
        .set(table::session_id.eq(to))
        .execute(tx.connection())?;
    Ok(())
}

/// The sessions that have not ended and were opened by this one at the connection's provider.
pub fn open(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    sid: &TokenHash,
) -> Result<Vec<SessionId>, StoreError> {
    let query = table::table
        .inner_join(sessions::table.on(sessions::id.eq(table::session_id)))
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::sid_hash.eq(sid.as_bytes()))
        .filter(sessions::ended_at.is_null())
        .select(table::session_id);
    Ok(query.load(tx.connection())?)
}

/// The sessions of an account that have not ended and were opened through the connection.
pub fn open_of_account(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    account: AccountId,
) -> Result<Vec<Opened>, StoreError> {
    let query = sessions::table
        .left_join(table::table.on(table::session_id.eq(sessions::id)))
        .filter(sessions::org_id.eq(organization))
        .filter(sessions::account_id.eq(account))
        .filter(sessions::connection_id.eq(connection))
        .filter(sessions::ended_at.is_null())
        .select((sessions::id, table::sid_hash.nullable()));
    Ok(query.load(tx.connection())?)
}
