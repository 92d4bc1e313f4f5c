//! Bulk requests that are answered later, and what became of their operations. Bodies and outcomes are sealed by whoever
//! writes them.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::Tx;
use super::failure::StoreError;
use super::schema_scim::{asynchronous_outcomes as outcomes, asynchronous_requests as table};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, RequestId, ScimClientId, ScimCredentialId};

/// One request.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct AsynchronousRequestRow {
    pub id: RequestId,
    pub org_id: OrganizationId,
    pub client_id: ScimClientId,
    pub credential_id: ScimCredentialId,
    pub scope: String,
    pub operations: i64,
    pub sealed_body: Option<Vec<u8>>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub expires_at: Timestamp,
}

/// What became of one operation.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = outcomes, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct OutcomeRow {
    pub request_id: RequestId,
    pub position: i64,
    pub org_id: OrganizationId,
    pub sealed_outcome: Vec<u8>,
}

/// Inserts a request.
pub fn insert(tx: &mut Tx<'_>, row: &AsynchronousRequestRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The request of an organization with this id.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: RequestId,
) -> Result<Option<AsynchronousRequestRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id)).filter(table::org_id.eq(organization));
    Ok(query.select(AsynchronousRequestRow::as_select()).first(tx.connection()).optional()?)
}

/// How many requests of a client are not finished and not given up.
pub fn count_unfinished(tx: &mut Tx<'_>, client: ScimClientId, now: Timestamp) -> Result<i64, StoreError> {
    let query = table::table
        .filter(table::client_id.eq(client))
        .filter(table::finished_at.is_null())
        .filter(table::expires_at.gt(now));
    Ok(query.count().get_result(tx.connection())?)
}

/// Notes that a request is over: its body goes, its outcomes stay until `expires_at`. Tells whether it was not yet.
pub fn finish(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: RequestId,
    at: Timestamp,
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::id.eq(id))
        .filter(table::org_id.eq(organization))
        .filter(table::finished_at.is_null());
    let over =
        (table::finished_at.eq(Some(at)), table::expires_at.eq(expires_at), table::sealed_body.eq(None::<Vec<u8>>));
    Ok(diesel::update(one).set(over).execute(tx.connection())? == 1)
}

/// Inserts what became of an operation. [`super::constraint::Constraint::AsynchronousOutcome`] when that is known already.
pub fn insert_outcome(tx: &mut Tx<'_>, row: &OutcomeRow) -> Result<(), StoreError> {
    diesel::insert_into(outcomes::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// What became of the operations of a request so far, in their order.
pub fn outcomes(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    request: RequestId,
) -> Result<Vec<OutcomeRow>, StoreError> {
    let query = outcomes::table
        .filter(outcomes::request_id.eq(request))
        .filter(outcomes::org_id.eq(organization))
        .order(outcomes::position)
        .select(OutcomeRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// How many operations of a request are over.
pub fn count_outcomes(tx: &mut Tx<'_>, organization: OrganizationId, request: RequestId) -> Result<i64, StoreError> {
    let query = outcomes::table.filter(outcomes::request_id.eq(request)).filter(outcomes::org_id.eq(organization));
    Ok(query.count().get_result(tx.connection())?)
}

/// Removes at most `limit` requests whose time is over, with their outcomes; tells how many went.
pub fn delete_expired(tx: &mut Tx<'_>, now: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let text = "DELETE FROM asynchronous_requests WHERE id IN \
                (SELECT id FROM asynchronous_requests WHERE expires_at < $1 LIMIT $2)";
    Ok(diesel::sql_query(text).bind::<BigInt, _>(now).bind::<BigInt, _>(limit).execute(tx.connection())?)
}
