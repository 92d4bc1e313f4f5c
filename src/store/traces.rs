//! Traces of attempts to sign in. A step is one statement in the transaction of the step itself.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Nullable, Text};

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::policy_schema::traces as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId, TraceId};

/// One trace.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct TraceRow {
    pub id: TraceId,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub attempt_id: Option<AttemptId>,
    pub slot: Option<String>,
    pub outcome: String,
    pub code: Option<String>,
    pub step_count: i32,
    pub steps: String,
    pub updated_at: Timestamp,
}

/// What a step adds to a trace: `lines` are JSON objects, each with a line feed behind it.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // columns
pub struct Step<'s> {
    pub outcome: &'static str,
    pub code: Option<&'s str>,
    pub lines: &'s str,
    pub count: i32,
    pub at: Timestamp,
}

/// Which traces are looked for.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs)] // columns
pub struct Wanted {
    pub connection: Option<ConnectionId>,
    pub outcome: Option<&'static str>,
    pub since: Option<Timestamp>,
    pub until: Option<Timestamp>,
}

/// Begins the trace of an attempt through a connection, or goes on with it when the browser leaves again. Nothing happens
/// when there is no such connection.
pub fn begin(
    tx: &mut Tx<'_>,
    id: TraceId,
    (attempt, connection): (AttemptId, ConnectionId),
    step: &Step<'_>,
    most: i32,
) -> Result<(), StoreError> {
    let text = "INSERT INTO traces \
                  (id, org_id, connection_id, attempt_id, outcome, code, step_count, steps, updated_at) \
                SELECT $1, org_id, id, $2, $3, $4, $5, $6, $7 FROM connections WHERE id = $8 \
                ON CONFLICT (attempt_id, connection_id) DO UPDATE SET outcome = excluded.outcome, code = excluded.code, \
                  steps = CASE WHEN traces.step_count < $9 THEN traces.steps || excluded.steps ELSE traces.steps END, \
                  step_count = traces.step_count + excluded.step_count, updated_at = excluded.updated_at";
    Kept(
        diesel::sql_query(text)
            .bind::<Binary, _>(id)
            .bind::<Binary, _>(attempt)
            .bind::<Text, _>(step.outcome)
            .bind::<Nullable<Text>, _>(step.code)
            .bind::<Integer, _>(step.count)
            .bind::<Text, _>(step.lines)
            .bind::<BigInt, _>(step.at)
            .bind::<Binary, _>(connection)
            .bind::<Integer, _>(most),
    )
    .execute(tx.connection())?;
    Ok(())
}

/// Goes on with the trace of an attempt through a connection. Once it has `most` steps, only the outcome is written.
pub fn go_on(
    tx: &mut Tx<'_>,
    (attempt, connection): (AttemptId, ConnectionId),
    step: &Step<'_>,
    most: i32,
) -> Result<(), StoreError> {
    let text = "UPDATE traces SET outcome = $1, code = $2, \
                  steps = CASE WHEN step_count < $3 THEN steps || $4 ELSE steps END, \
                  step_count = step_count + $5, updated_at = $6 \
                WHERE attempt_id = $7 AND connection_id = $8";
    Kept(
        diesel::sql_query(text)
            .bind::<Text, _>(step.outcome)
            .bind::<Nullable<Text>, _>(step.code)
            .bind::<Integer, _>(most)
            .bind::<Text, _>(step.lines)
            .bind::<Integer, _>(step.count)
            .bind::<BigInt, _>(step.at)
            .bind::<Binary, _>(attempt)
            .bind::<Binary, _>(connection),
    )
    .execute(tx.connection())?;
    Ok(())
}

/// True when the slot has a trace.
pub fn is_taken(tx: &mut Tx<'_>, slot: &str) -> Result<bool, StoreError> {
    Ok(table::table.filter(table::slot.eq(slot)).count().get_result::<i64>(tx.connection())? > 0)
}

/// Writes a trace of one step into its slot, unless it is taken.
pub fn fill(
    tx: &mut Tx<'_>,
    id: TraceId,
    connection: ConnectionId,
    slot: &str,
    step: &Step<'_>,
) -> Result<(), StoreError> {
    let text = "INSERT INTO traces (id, org_id, connection_id, slot, outcome, code, step_count, steps, updated_at) \
                SELECT $1, org_id, id, $2, $3, $4, $5, $6, $7 FROM connections WHERE id = $8 \
                ON CONFLICT (slot) DO NOTHING";
    Kept(
        diesel::sql_query(text)
            .bind::<Binary, _>(id)
            .bind::<Text, _>(slot)
            .bind::<Text, _>(step.outcome)
            .bind::<Nullable<Text>, _>(step.code)
            .bind::<Integer, _>(step.count)
            .bind::<Text, _>(step.lines)
            .bind::<BigInt, _>(step.at)
            .bind::<Binary, _>(connection),
    )
    .execute(tx.connection())?;
    Ok(())
}

/// The traces of an organization that are looked for, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    wanted: &Wanted,
    after: Option<TraceId>,
    limit: i64,
) -> Result<Vec<TraceRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .order(table::id.desc())
        .limit(limit)
        .select(TraceRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::id.lt(after));
    }
    if let Some(since) = wanted.since {
        query = query.filter(table::id.ge(TraceId::lowest_at(since)));
    }
    if let Some(until) = wanted.until {
        query = query.filter(table::id.lt(TraceId::lowest_at(until)));
    }
    if let Some(connection) = wanted.connection {
        query = query.filter(table::connection_id.eq(connection));
    }
    if let Some(outcome) = wanted.outcome {
        query = query.filter(table::outcome.eq(outcome));
    }
    Ok(query.load(tx.connection())?)
}

/// One trace of an organization.
pub fn find(tx: &mut Tx<'_>, organization: OrganizationId, id: TraceId) -> Result<Option<TraceRow>, StoreError> {
    let query =
        table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id)).select(TraceRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Removes at most `limit` traces that were begun before this id could be made; tells how many went.
pub fn delete_before(tx: &mut Tx<'_>, first: TraceId, limit: i64) -> Result<usize, StoreError> {
    let text = "DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE id < $1 ORDER BY id LIMIT $2)";
    Ok(diesel::sql_query(text).bind::<Binary, _>(first).bind::<BigInt, _>(limit).execute(tx.connection())?)
}

/// An organization that has more traces than `most`, if there is one.
pub fn crowded(tx: &mut Tx<'_>, most: i64) -> Result<Option<OrganizationId>, StoreError> {
    let query = table::table
        .group_by(table::org_id)
        .having(diesel::dsl::count(table::id).gt(most))
        .order(table::org_id)
        .select(table::org_id);
    Ok(query.first(tx.connection()).optional()?)
}

/// Removes at most `limit` of the oldest traces of an organization that are more than `most`; tells how many went.
pub fn delete_beyond(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    most: i64,
    limit: i64,
) -> Result<usize, StoreError> {
    let text = "DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE org_id = $1 AND id <= \
                  (SELECT id FROM traces WHERE org_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2) ORDER BY id LIMIT $3)";
    let query =
        diesel::sql_query(text).bind::<Binary, _>(organization).bind::<BigInt, _>(most).bind::<BigInt, _>(limit);
    Ok(query.execute(tx.connection())?)
}
