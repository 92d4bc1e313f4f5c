//! Sign-in attempts. Each change of state is one statement that names the state it starts from, so that of two
//! callers one wins and the other hears `false`.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::attempts as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{ApplicationId, AttemptId, ConnectionId};
use crate::values::secret::TokenHash;

/// One row. `request`, `upstream` and `outcome` are JSON.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct AttemptRow {
    pub id: AttemptId,
    pub application_id: ApplicationId,
    pub binding_hash: Vec<u8>,
    pub state: String,
    pub request: String,
    pub address: Option<String>,
    pub connection_id: Option<ConnectionId>,
    pub upstream_hash: Option<Vec<u8>>,
    pub upstream: Option<String>,
    pub arrival_hash: Option<Vec<u8>>,
    pub outcome: Option<String>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// Of an attempt that no application began.
    pub landing: Option<String>,
}

/// What is stored when a browser leaves for an identity provider.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // columns
pub struct Departure {
    /// None when nobody has typed one.
    pub address: Option<String>,
    pub connection_id: ConnectionId,
    pub upstream_hash: TokenHash,
    pub upstream: String,
}

/// What is stored when its answer has come: `state`, its outcome, and the hash of what proves the browser that brought it.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // columns
pub struct Settlement {
    pub state: &'static str,
    pub outcome: String,
    pub arrival_hash: TokenHash,
}

/// Adds one attempt.
pub fn insert(tx: &mut Tx<'_>, row: &AttemptRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// The attempt with this id, in whatever state.
pub fn find(tx: &mut Tx<'_>, id: AttemptId) -> Result<Option<AttemptRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id));
    Ok(on_engine!(tx, |connection| query.select(AttemptRow::as_select()).first(connection)).optional()?)
}

/// The attempt that waits for an answer under this handle.
pub fn find_sent(tx: &mut Tx<'_>, handle: &TokenHash) -> Result<Option<AttemptRow>, StoreError> {
    let query = table::table.filter(table::upstream_hash.eq(handle.as_bytes())).filter(table::state.eq("sent"));
    Ok(on_engine!(tx, |connection| query.select(AttemptRow::as_select()).first(connection)).optional()?)
}

/// Marks the attempt as sent, from the states in `from`, while it is live. A handle of an earlier departure stops
/// working. False when the attempt is in another state or has expired.
pub fn send(
    tx: &mut Tx<'_>,
    id: AttemptId,
    from: &[&str],
    departure: &Departure,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq_any(from)).filter(table::expires_at.gt(now));
    let change = (
        table::state.eq("sent"),
        table::address.eq(departure.address.as_ref()),
        table::connection_id.eq(Some(departure.connection_id)),
        table::upstream_hash.eq(Some(departure.upstream_hash.as_bytes())),
        table::upstream.eq(Some(&departure.upstream)),
        table::outcome.eq(None::<String>),
        table::arrival_hash.eq(None::<Vec<u8>>),
        table::tries.eq(0),
    );
    let changed = Kept(diesel::update(one).set(change)).execute(tx.connection())?;
    Ok(changed == 1)
}

/// Remembers the address that was typed, while the attempt is live and in one of the states in `from`.
pub fn set_address(
    tx: &mut Tx<'_>,
    id: AttemptId,
    from: &[&str],
    address: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq_any(from)).filter(table::expires_at.gt(now));
    let changed = Kept(diesel::update(one).set(table::address.eq(Some(address)))).execute(tx.connection())?;
    Ok(changed == 1)
}

/// Consumes a handle: the attempt leaves the state "sent" with this settlement, and the handle and what was kept for the
/// answer go. False when the handle was consumed before, has expired or belongs to another connection.
pub fn consume(
    tx: &mut Tx<'_>,
    handle: &TokenHash,
    connection: ConnectionId,
    settlement: &Settlement,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::upstream_hash.eq(handle.as_bytes()))
        .filter(table::connection_id.eq(connection))
        .filter(table::state.eq("sent"))
        .filter(table::expires_at.gt(now));
    let change = (
        table::state.eq(settlement.state),
        table::outcome.eq(Some(&settlement.outcome)),
        table::arrival_hash.eq(Some(settlement.arrival_hash.as_bytes())),
        table::upstream_hash.eq(None::<Vec<u8>>),
        table::upstream.eq(None::<String>),
    );
    let changed = Kept(diesel::update(one).set(change)).execute(tx.connection())?;
    Ok(changed == 1)
}

/// Settles a live attempt that is in one of the states in `from` without an identity provider. A handle of an earlier
/// departure stops working. False when the attempt is in another state or has expired.
pub fn settle_here(
    tx: &mut Tx<'_>,
    id: AttemptId,
    from: &[&str],
    settlement: &Settlement,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq_any(from)).filter(table::expires_at.gt(now));
    let change = (
        table::state.eq(settlement.state),
        table::connection_id.eq(None::<ConnectionId>),
        table::outcome.eq(Some(&settlement.outcome)),
        table::arrival_hash.eq(Some(settlement.arrival_hash.as_bytes())),
        table::upstream_hash.eq(None::<Vec<u8>>),
        table::upstream.eq(None::<String>),
    );
    let changed = Kept(diesel::update(one).set(change)).execute(tx.connection())?;
    Ok(changed == 1)
}

/// Writes down what is known of the person of a live attempt in one of the states in `from`, of whom more is asked. A handle of
/// an earlier departure stops working, and codes are counted anew. False when the attempt is in another state or has expired.
pub fn half_settle(
    tx: &mut Tx<'_>,
    id: AttemptId,
    from: &[&str],
    to: &str,
    outcome: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq_any(from)).filter(table::expires_at.gt(now));
    let change = (
        table::state.eq(to),
        table::connection_id.eq(None::<ConnectionId>),
        table::outcome.eq(Some(outcome)),
        table::arrival_hash.eq(None::<Vec<u8>>),
        table::upstream_hash.eq(None::<Vec<u8>>),
        table::upstream.eq(None::<String>),
        table::tries.eq(0),
    );
    let changed = Kept(diesel::update(one).set(change)).execute(tx.connection())?;
    Ok(changed == 1)
}

/// Counts a code for a live attempt in `state`, if there were fewer than `most`. How many there are now.
pub fn count_code(
    tx: &mut Tx<'_>,
    id: AttemptId,
    state: &str,
    most: i32,
    now: Timestamp,
) -> Result<Option<i32>, StoreError> {
    let one = table::table
        .filter(table::id.eq(id))
        .filter(table::state.eq(state))
        .filter(table::tries.lt(most))
        .filter(table::expires_at.gt(now));
    let counted = diesel::update(one).set(table::tries.eq(table::tries + 1)).returning(table::tries);
    Ok(counted.get_result(tx.connection()).optional()?)
}

/// Moves a live attempt from one state to another and replaces its outcome. False when it was not in that state.
pub fn advance(
    tx: &mut Tx<'_>,
    id: AttemptId,
    from: &str,
    to: &str,
    outcome: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq(from)).filter(table::expires_at.gt(now));
    let change = (table::state.eq(to), table::outcome.eq(outcome));
    let changed = Kept(diesel::update(one).set(change)).execute(tx.connection())?;
    Ok(changed == 1)
}
