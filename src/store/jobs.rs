//! The job queue: enqueued in the transaction that caused the job, claimed under a lease, finished or given up.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer, Text};

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::jobs as table;
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::JobId;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct JobRow {
    pub id: JobId,
    pub kind: String,
    pub slot: Option<String>,
    pub payload: String,
    pub state: String,
    pub run_at: Timestamp,
    pub attempts: i32,
    pub leased_until: Option<Timestamp>,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

/// A job that this process has claimed.
#[derive(Debug, Clone, QueryableByName)]
#[allow(missing_docs)] // columns
pub struct ClaimedRow {
    #[diesel(sql_type = Binary)]
    pub id: JobId,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Text)]
    pub payload: String,
    #[diesel(sql_type = Integer)]
    pub attempts: i32,
    #[diesel(sql_type = BigInt)]
    pub leased_until: Timestamp,
}

/// Which jobs are meant, by the names of what they do.
#[derive(Debug, Clone, Copy)]
pub enum Kinds {
    /// These.
    Only(&'static [&'static str]),
    /// All but these.
    Except(&'static [&'static str]),
}

impl Kinds {
    /// A condition on the column.
    fn condition(self) -> String {
        let (word, names) = match self {
            Self::Only(names) => ("IN", names),
            Self::Except([]) => return "1 = 1".to_owned(),
            Self::Except(names) => ("NOT IN", names),
        };
        format!("kind {word} ('{}')", names.join("', '"))
    }
}

/// Appends one job. [`super::constraint::Constraint::JobSlot`] when its slot is taken.
pub fn insert(tx: &mut Tx<'_>, row: &JobRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// True when the slot holds a job.
pub fn is_slot_taken(tx: &mut Tx<'_>, slot: &str) -> Result<bool, StoreError> {
    let found = table::table.filter(table::slot.eq(slot)).count().get_result::<i64>(tx.connection())?;
    Ok(found > 0)
}

/// True when [`claim`] would find a job; keeps an idle gateway from writing.
pub fn is_due(tx: &mut Tx<'_>, kinds: Kinds, now: Timestamp) -> Result<bool, StoreError> {
    let waiting = table::state.eq("waiting").and(table::run_at.le(now));
    let lost = table::state.eq("running").and(table::leased_until.lt(now));
    let of_kind = diesel::dsl::sql::<diesel::sql_types::Bool>(&kinds.condition());
    let found = table::table.filter(waiting.or(lost)).filter(of_kind).select(table::id).first::<JobId>(tx.connection());
    Ok(found.optional()?.is_some())
}

/// Claims due jobs, and jobs whose lease ran out, until `leased_until`.
pub fn claim(
    tx: &mut Tx<'_>,
    kinds: Kinds,
    now: Timestamp,
    leased_until: Timestamp,
    limit: i64,
) -> Result<Vec<ClaimedRow>, StoreError> {
    let lock = match tx.connection() {
        AnyConnection::Sqlite(_) => "",
        AnyConnection::Postgres(_) => " FOR UPDATE SKIP LOCKED",
    };
    let text = format!(
        "UPDATE jobs SET state = 'running', leased_until = $1, attempts = attempts + 1 WHERE id IN (\
           SELECT id FROM jobs WHERE {} \
             AND ((state = 'waiting' AND run_at <= $2) OR (state = 'running' AND leased_until < $3)) \
           ORDER BY run_at LIMIT $4{lock}) RETURNING id, kind, payload, attempts, leased_until",
        kinds.condition()
    );
    Ok(diesel::sql_query(text)
        .bind::<BigInt, _>(leased_until)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(limit)
        .load(tx.connection())?)
}

/// The job, while it is leased as it was claimed. Once its lease ran out somebody else may have claimed it, or be done with it.
#[diesel::dsl::auto_type]
fn held(claimed: &ClaimedRow) -> _ {
    let (id, leased_until): (JobId, Timestamp) = (claimed.id, claimed.leased_until);
    table::table
        .filter(table::id.eq(id))
        .filter(table::state.eq("running"))
        .filter(table::leased_until.eq(leased_until))
}

/// Removes a job that is done. False when it is not held any more.
pub fn delete(tx: &mut Tx<'_>, claimed: &ClaimedRow) -> Result<bool, StoreError> {
    Ok(diesel::delete(held(claimed)).execute(tx.connection())? == 1)
}

/// Puts a job back, to be run again at `run_at`. False when it is not held any more.
pub fn retry(
    tx: &mut Tx<'_>,
    claimed: &ClaimedRow,
    run_at: Timestamp,
    error: Option<&str>,
) -> Result<bool, StoreError> {
    let change = (
        table::state.eq("waiting"),
        table::run_at.eq(run_at),
        table::leased_until.eq(None::<Timestamp>),
        table::last_error.eq(error),
    );
    Ok(diesel::update(held(claimed)).set(change).execute(tx.connection())? == 1)
}

/// Keeps a recurring job in its slot for its next turn, with its count of attempts reset. False when it is not held any more.
pub fn reschedule(tx: &mut Tx<'_>, claimed: &ClaimedRow, run_at: Timestamp) -> Result<bool, StoreError> {
    let change = (
        table::state.eq("waiting"),
        table::run_at.eq(run_at),
        table::leased_until.eq(None::<Timestamp>),
        table::last_error.eq(None::<String>),
        table::attempts.eq(0),
    );
    Ok(diesel::update(held(claimed)).set(change).execute(tx.connection())? == 1)
}

/// Gives a job up: it stays for the operator to see, and is not claimed again. False when it is not held any more.
pub fn give_up(tx: &mut Tx<'_>, claimed: &ClaimedRow, error: &str) -> Result<bool, StoreError> {
    let change = (table::state.eq("failed"), table::last_error.eq(error), table::slot.eq(None::<String>));
    Ok(diesel::update(held(claimed)).set(change).execute(tx.connection())? == 1)
}

/// What the jobs of a kind carry, in the order they were queued.
#[cfg(test)]
pub fn payloads(tx: &mut Tx<'_>, kind: &str) -> Result<Vec<String>, StoreError> {
    let query = table::table.filter(table::kind.eq(kind)).order((table::created_at, table::id)).select(table::payload);
    Ok(query.load(tx.connection())?)
}

/// How many jobs are in a state; for the metrics.
pub fn count(tx: &mut Tx<'_>, state: &str) -> Result<i64, StoreError> {
    Ok(table::table.filter(table::state.eq(state)).count().get_result(tx.connection())?)
}
