//! Where the metadata of connections is read again, and how that went.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::saml_schema::metadata_sources as table;
use super::schema::connections;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};

diesel::allow_tables_to_appear_in_same_query!(table, connections);

/// The source of one connection's metadata.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, check_for_backend(Backend), primary_key(connection_id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
#[allow(missing_docs)] // columns
pub struct SourceRow {
    pub connection_id: ConnectionId,
    pub org_id: OrganizationId,
    pub url: String,
    pub signer: Option<String>,
    pub etag: Option<String>,
    pub read_at: Timestamp,
    pub refresh_at: Timestamp,
    pub failed_at: Option<Timestamp>,
    pub failure: Option<String>,
    pub failures: i32,
}

/// Writes the source of a connection.
pub fn put(tx: &mut Tx<'_>, row: &SourceRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(row.org_id)).filter(table::connection_id.eq(row.connection_id));
    if diesel::update(one).set(row).execute(tx.connection())? == 0 {
        diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}

/// Forgets the source of a connection.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, connection: ConnectionId) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::connection_id.eq(connection));
    diesel::delete(one).execute(tx.connection())?;
    Ok(())
}

/// The sources of these connections of an organization.
pub fn of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    wanted: &[ConnectionId],
) -> Result<Vec<SourceRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq_any(wanted.to_vec()))
        .select(SourceRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// The sources of active connections that are due at `now`, the longest due first, over all organizations.
pub fn due(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<Vec<SourceRow>, StoreError> {
    let query = table::table
        .inner_join(connections::table.on(connections::id.eq(table::connection_id)))
        .filter(table::refresh_at.le(now))
        .filter(connections::state.eq("active"))
        .order(table::refresh_at)
        .limit(limit)
        .select(SourceRow::as_select());
    Ok(query.load(tx.connection())?)
}
