//! The claims of security event tokens about SCIM resources: appended, read by who hands them on, swept.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::kept::Kept;
use super::schema_scim::scim_events as table;
use crate::store::connection::Backend;
use crate::values::ids::{EventId, OrganizationId};

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimEventRow {
    pub id: EventId,
    pub org_id: OrganizationId,
    pub claims: String,
}

/// Appends the events of one change. On SQLite with one prepared statement; on PostgreSQL they travel with the next statement.
pub fn insert(tx: &mut Tx<'_>, rows: &[ScimEventRow]) -> Result<(), StoreError> {
    for row in rows {
        match tx.engine() {
            Engine::Sqlite => {
                Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
            }
            Engine::Postgres => {
                let mut query = DynamicQuery::recurring();
                query.sql("INSERT INTO scim_events (id, org_id, claims) VALUES (").bytes(row.id.as_bytes());
                query.sql(", ").bytes(row.org_id.as_bytes()).sql(", ").text(row.claims.as_str()).sql(")");
                tx.write_along(query)?;
            }
        }
    }
    Ok(())
}

/// Removes at most `limit` of the events that were made before `first` could be; tells how many went.
pub fn delete_before(tx: &mut Tx<'_>, first: EventId, limit: i64) -> Result<usize, StoreError> {
    let text = "DELETE FROM scim_events WHERE id IN (SELECT id FROM scim_events WHERE id < $1 ORDER BY id LIMIT $2)";
    Ok(diesel::sql_query(text).bind::<Binary, _>(first).bind::<BigInt, _>(limit).execute(tx.connection())?)
}

/// The events of an organization, oldest first.
#[cfg(test)]
pub fn all(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ScimEventRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).order(table::id);
    Ok(query.select(ScimEventRow::as_select()).load(tx.connection())?)
}
