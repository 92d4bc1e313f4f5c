//! Which of several connections is offered first, and whom each lets through.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::policy_schema::connection_routes as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};

/// The route of one connection. The groups are JSON lists.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ConnectionRouteRow {
    pub connection_id: ConnectionId,
    pub org_id: OrganizationId,
    pub priority: i32,
    pub only_groups: String,
    pub except_groups: String,
    pub updated_at: Timestamp,
}

/// Writes a route in place of the one that is there.
pub fn put(tx: &mut Tx<'_>, row: &ConnectionRouteRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(row.org_id)).filter(table::connection_id.eq(row.connection_id));
    diesel::delete(one).execute(tx.connection())?;
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The route of a connection, if one was set.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<Option<ConnectionRouteRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::connection_id.eq(connection));
    Ok(on_engine!(tx, |engine| query.select(ConnectionRouteRow::as_select()).first(engine)).optional()?)
}

/// The priorities that an organization has set.
pub fn priorities(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<(ConnectionId, i32)>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).select((table::connection_id, table::priority));
    Ok(query.load(tx.connection())?)
}
