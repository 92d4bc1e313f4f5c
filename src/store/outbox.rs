//! Events that wait to be handed on. They are written in the transaction of the change that they tell of.

use diesel::prelude::*;

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::outbox as table;
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{EventId, OrganizationId};

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct EventRow {
    pub id: EventId,
    pub org_id: Option<OrganizationId>,
    pub event: String,
    pub payload: String,
    pub at: Timestamp,
}

/// Appends one event. On PostgreSQL it travels with the next statement.
pub fn insert(tx: &mut Tx<'_>, row: &EventRow) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        let mut query = DynamicQuery::recurring();
        query.sql("INSERT INTO outbox (id, org_id, event, payload, at) VALUES (").bytes(row.id.as_bytes()).sql(", ");
        query.optional_bytes(row.org_id.as_ref().map(|id| id.as_bytes().as_slice()));
        query.sql(", ").text(row.event.as_str()).sql(", ").text(row.payload.as_str());
        query.sql(", ").integer(row.at.micros()).sql(")");
        return tx.write_along(query);
    }
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// How many events wait.
#[cfg(test)]
pub fn count(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    Ok(table::table.count().get_result(tx.connection())?)
}

/// True when nothing waits; keeps an idle gateway from writing.
pub fn is_empty(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    Ok(table::table.select(table::id).first::<EventId>(tx.connection()).optional()?.is_none())
}

/// The oldest events, locked on PostgreSQL so that two nodes never hand on the same one.
pub fn oldest_for_update(tx: &mut Tx<'_>, limit: i64) -> Result<Vec<EventRow>, StoreError> {
    let query = table::table.order(table::id).limit(limit).select(EventRow::as_select());
    match tx.connection() {
        AnyConnection::Sqlite(_) => Ok(query.load(tx.connection())?),
        AnyConnection::Postgres(_) => {
            let ids: Vec<EventIdRow> =
                diesel::sql_query("SELECT id FROM outbox ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED")
                    .bind::<diesel::sql_types::BigInt, _>(limit)
                    .load(tx.connection())?;
            let ids: Vec<EventId> = ids.into_iter().map(|row| row.id).collect();
            let query = table::table.filter(table::id.eq_any(ids)).order(table::id).select(EventRow::as_select());
            Ok(query.load(tx.connection())?)
        }
    }
}

#[derive(QueryableByName)]
struct EventIdRow {
    #[diesel(sql_type = diesel::sql_types::Binary)]
    id: EventId,
}

/// Removes one event that was handed on; tells whether it was still there.
pub fn delete(tx: &mut Tx<'_>, id: EventId) -> Result<bool, StoreError> {
    Ok(diesel::delete(table::table.filter(table::id.eq(id))).execute(tx.connection())? == 1)
}
