//! What SCIM clients sent and heard: written in batches, read by administrators, gone after some days.

use diesel::prelude::*;

use super::Tx;
use super::connection::AnyConnection;
use super::failure::StoreError;
use super::schema_scim::scim_exchanges as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, RequestId, ResourceId, ScimClientId, ScimCredentialId};
use crate::values::page::PageRequest;

/// One exchange, whole, or a summary of those that were not recorded.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ExchangeRow {
    pub id: RequestId,
    pub org_id: OrganizationId,
    pub client_id: ScimClientId,
    pub credential_id: Option<ScimCredentialId>,
    pub kind: String,
    pub at: Timestamp,
    pub method: String,
    pub status: i32,
    pub duration_micros: i64,
    pub resource_id: Option<ResourceId>,
    pub scim_type: Option<String>,
    pub rule: Option<String>,
    pub rewrite_rules: String,
    pub path: String,
    pub query: String,
    pub not_recorded: Option<String>,
    pub rewrites: Option<String>,
    pub request: Option<String>,
    pub response: Option<String>,
    pub original: Option<Vec<u8>>,
}

/// An exchange as a list shows it.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct ExchangeLine {
    pub id: RequestId,
    pub kind: String,
    pub at: Timestamp,
    pub method: String,
    pub status: i32,
    pub duration_micros: i64,
    pub resource_id: Option<ResourceId>,
    pub scim_type: Option<String>,
    pub rule: Option<String>,
    pub rewrite_rules: String,
    pub path: String,
    pub query: String,
    pub not_recorded: Option<String>,
}

/// Which exchanges are looked for. Summaries have method `""` and status 0.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// The first and the last status.
    pub statuses: Option<(i32, i32)>,
    /// The method.
    pub method: Option<String>,
    /// The resource.
    pub resource: Option<ResourceId>,
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// Inserts exchanges, on PostgreSQL in one round trip for each [`ROWS_AT_ONCE`].
pub fn insert(tx: &mut Tx<'_>, rows: &[ExchangeRow]) -> Result<(), StoreError> {
    /// Twenty columns each, within the protocol's 65,535 parameters.
    const ROWS_AT_ONCE: usize = 256;
    match tx.connection() {
        AnyConnection::Sqlite(sqlite) => {
            for row in rows {
                diesel::insert_into(table::table).values(row).execute(sqlite)?;
            }
        }
        AnyConnection::Postgres(postgres) => {
            for some in rows.chunks(ROWS_AT_ONCE) {
                diesel::insert_into(table::table).values(some).execute(postgres)?;
            }
        }
    }
    Ok(())
}

/// The exchanges of a client that are looked for, newest first; `page.after` is the last id of the page before.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    wanted: &Wanted,
    page: &PageRequest<RequestId>,
) -> Result<Vec<ExchangeLine>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::client_id.eq(client))
        .order(table::id.desc())
        .limit(page.fetch_limit())
        .select(ExchangeLine::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.lt(after));
    }
    if let Some(since) = wanted.since {
        query = query.filter(table::id.ge(RequestId::lowest_at(since)));
    }
    if let Some(until) = wanted.until {
        query = query.filter(table::id.lt(RequestId::lowest_at(until)));
    }
    if let Some((first, last)) = wanted.statuses {
        query = query.filter(table::status.between(first, last));
    }
    if let Some(method) = wanted.method.clone() {
        query = query.filter(table::method.eq(method));
    }
    if let Some(resource) = wanted.resource {
        query = query.filter(table::resource_id.eq(resource));
    }
    Ok(query.load(tx.connection())?)
}

/// One exchange of a client.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    id: RequestId,
) -> Result<Option<ExchangeRow>, StoreError> {
    let query = table::table
        .filter(table::id.eq(id))
        .filter(table::org_id.eq(organization))
        .filter(table::client_id.eq(client))
        .select(ExchangeRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Deletes the oldest exchanges of a client beyond the newest `most`, `limit` of them at once; tells how many went.
pub fn delete_beyond(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    most: i64,
    limit: i64,
) -> Result<usize, StoreError> {
    let mine = table::table.filter(table::org_id.eq(organization)).filter(table::client_id.eq(client));
    let beyond = mine.order(table::id.desc()).offset(most).limit(1).select(table::id);
    let Some(newest) = beyond.first::<RequestId>(tx.connection()).optional()? else { return Ok(0) };
    let gone = mine.filter(table::id.le(newest)).order(table::id).limit(limit).select(table::id);
    let gone: Vec<RequestId> = gone.load(tx.connection())?;
    Ok(diesel::delete(table::table.filter(table::id.eq_any(gone))).execute(tx.connection())?)
}

/// Deletes exchanges of before `at`, `limit` of them at once; tells how many went.
pub fn delete_before(tx: &mut Tx<'_>, at: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let old = table::table.filter(table::id.lt(RequestId::lowest_at(at))).order(table::id).limit(limit);
    let gone: Vec<RequestId> = old.select(table::id).load(tx.connection())?;
    Ok(diesel::delete(table::table.filter(table::id.eq_any(gone))).execute(tx.connection())?)
}
