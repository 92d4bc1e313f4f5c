//! What a connection does with somebody new, and which groups at its identity provider carry a role.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::policy_schema::{connection_policies as table, connection_roles as roles};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};

/// The policy of one connection.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ConnectionPolicyRow {
    pub connection_id: ConnectionId,
    pub org_id: OrganizationId,
    pub linking: String,
    pub provisions: bool,
    pub default_role: String,
    pub updated_at: Timestamp,
}

/// Writes a policy in place of the one that is there.
pub fn put(tx: &mut Tx<'_>, row: &ConnectionPolicyRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(row.org_id)).filter(table::connection_id.eq(row.connection_id));
    let changed = diesel::update(one)
        .set((
            table::linking.eq(&row.linking),
            table::provisions.eq(row.provisions),
            table::default_role.eq(&row.default_role),
            table::updated_at.eq(row.updated_at),
        ))
        .execute(tx.connection())?;
    if changed == 0 {
        diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}

/// The policy of a connection; none of one that is older than policies.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<Option<ConnectionPolicyRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::connection_id.eq(connection));
    Ok(on_engine!(tx, |engine| query.select(ConnectionPolicyRow::as_select()).first(engine)).optional()?)
}

/// The groups of a connection that carry a role, with the role, by name.
pub fn roles(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<Vec<(String, String)>, StoreError> {
    let query = roles::table
        .filter(roles::org_id.eq(organization))
        .filter(roles::connection_id.eq(connection))
        .order(roles::group_name)
        .select((roles::group_name, roles::role));
    Ok(on_engine!(tx, |engine| query.load(engine))?)
}

/// Writes the groups of a connection that carry a role, in place of all that do.
pub fn replace_roles(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    list: &[(String, String)],
) -> Result<(), StoreError> {
    let all = roles::table.filter(roles::org_id.eq(organization)).filter(roles::connection_id.eq(connection));
    diesel::delete(all).execute(tx.connection())?;
    for (group, role) in list {
        let row = (
            roles::connection_id.eq(connection),
            roles::group_name.eq(group),
            roles::org_id.eq(organization),
            roles::role.eq(role),
        );
        diesel::insert_into(roles::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}
