//! The request log of SCIM clients: what each sent and heard in the last days, for the administrators of its organization.
//!
//! The door records an exchange in the [`buffer`]; a task takes it out, makes [`row`]s without personal data of it and
//! stores them in batches, off the request's way. Owns what is kept, for how long, and who may read it; refuses to keep a
//! secret in any form. `docs/request-log.md` is for the reader of the log.

pub mod buffer;
pub mod level;
pub mod recorded;
pub mod row;
pub mod trial;

use std::collections::BTreeSet;

use serde_json::Value;

use super::clients::{self, ScimClientError};
use crate::directory::permission::{self, Denied, Permission};
use crate::protocol::scim::redaction;
use crate::protocol::scim::rewrite::Rewrite;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_exchanges::{self as rows, ExchangeLine, ExchangeRow, Wanted};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, RequestId, ResourceId, ScimClientId, ScimCredentialId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};
use recorded::Missed;

/// One row in so many looks whether its client has too many, and removes so many of the oldest at once.
const ROWS_PER_TRIM: u8 = 64;
const TRIMMED_AT_ONCE: i64 = 512;

/// How much is kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// Rows of one client.
    pub rows_per_client: i64,
    /// Days.
    pub days: i64,
    /// Bytes of each body, redacted, and of the sealed original.
    pub body_bytes: usize,
}

/// An exchange as a list shows it.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Line {
    pub id: RequestId,
    pub at: Timestamp,
    pub method: String,
    pub path: String,
    pub query: String,
    pub status: i32,
    pub duration_micros: i64,
    pub resource: Option<ResourceId>,
    pub scim_type: Option<String>,
    pub rule: Option<String>,
    pub rewrite_rules: Vec<String>,
    /// What was not recorded; then the line is no exchange but a summary.
    pub missed: Option<Missed>,
}

/// An exchange, whole.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Whole {
    pub line: Line,
    pub credential: Option<ScimCredentialId>,
    pub rewrites: Value,
    pub request: Value,
    pub response: Value,
    /// Whether the original is there, so that it can be tried again.
    pub has_original: bool,
}

/// Why an exchange cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RequestLogError {
    /// There is no such client or exchange in this organization.
    #[error("no such request")]
    NotFound,
    /// The original of the exchange was not kept, or is under a key that is not configured any more.
    #[error("the original of the request is not kept")]
    NotKept,
    /// It is not a request that can be tried again.
    #[error("only requests on users and groups can be tried again")]
    NotRepeatable,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<ScimClientError> for RequestLogError {
    fn from(error: ScimClientError) -> Self {
        match error {
            ScimClientError::Store(error) => Self::Store(error),
            ScimClientError::Denied(denied) => Self::Denied(denied),
            _ => Self::NotFound,
        }
    }
}

/// Stores rows, and removes the oldest of a client that has too many. Not in the transaction of the requests: the log
/// may lose what the requests may not.
pub fn keep(tx: &mut Tx<'_>, kept: &[ExchangeRow], retention: &Retention) -> Result<(), StoreError> {
    rows::insert(tx, kept)?;
    let trims = |row: &&ExchangeRow| row.id.as_bytes().last().is_some_and(|byte| byte % ROWS_PER_TRIM == 0);
    let clients: BTreeSet<_> = kept.iter().filter(trims).map(|row| (row.org_id, row.client_id)).collect();
    for (organization, client) in clients {
        rows::delete_beyond(tx, organization, client, retention.rows_per_client, TRIMMED_AT_ONCE)?;
    }
    Ok(())
}

/// Removes what is older than it may be, `limit` rows at once; tells how many went.
pub fn sweep(tx: &mut Tx<'_>, now: Timestamp, retention: &Retention, limit: i64) -> Result<usize, StoreError> {
    const SECONDS_PER_DAY: i64 = 24 * 3_600;
    rows::delete_before(tx, now.plus_seconds(retention.days.saturating_mul(-SECONDS_PER_DAY)), limit)
}

/// The exchanges of a client that are looked for, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    wanted: &Wanted,
    request: &PageRequest<RequestId>,
) -> Result<Page<Line, RequestId>, RequestLogError> {
    permission::require(op, organization, Permission::ReadAudit)?;
    clients::require_live(tx, organization, client)?;
    let found = rows::page(tx, organization, client, wanted, request)?;
    let lines = found.into_iter().map(line).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(lines, request, |line| line.id))
}

/// One exchange of a client.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    id: RequestId,
) -> Result<Whole, RequestLogError> {
    permission::require(op, organization, Permission::ReadAudit)?;
    clients::require_live(tx, organization, client)?;
    let row = rows::find(tx, organization, client, id)?.ok_or(RequestLogError::NotFound)?;
    let json = |text: &Option<String>| match text {
        Some(text) => serde_json::from_str(text).map_err(|_| StoreError::Inconsistent("scim_exchanges.request")),
        None => Ok(Value::Null),
    };
    Ok(Whole {
        credential: row.credential_id,
        rewrites: json(&row.rewrites)?,
        request: json(&row.request)?,
        response: json(&row.response)?,
        has_original: row.original.is_some(),
        line: line(ExchangeLine {
            id: row.id,
            kind: row.kind,
            at: row.at,
            method: row.method,
            status: row.status,
            duration_micros: row.duration_micros,
            resource_id: row.resource_id,
            scim_type: row.scim_type,
            rule: row.rule,
            rewrite_rules: row.rewrite_rules,
            path: row.path,
            query: row.query,
            not_recorded: row.not_recorded,
        })?,
    })
}

fn redacted_rewrites(rewrites: &[Rewrite]) -> Value {
    Value::Array(rewrites.iter().map(redaction::rewrite).collect())
}

fn line(row: ExchangeLine) -> Result<Line, StoreError> {
    let missed = match row.not_recorded {
        Some(text) if row.kind == row::SUMMARY => {
            Some(serde_json::from_str(&text).map_err(|_| StoreError::Inconsistent("scim_exchanges.not_recorded"))?)
        }
        _ => None,
    };
    Ok(Line {
        id: row.id,
        at: row.at,
        method: row.method,
        path: row.path,
        query: row.query,
        status: row.status,
        duration_micros: row.duration_micros,
        resource: row.resource_id,
        scim_type: row.scim_type,
        rule: row.rule,
        rewrite_rules: row.rewrite_rules.split_whitespace().map(str::to_owned).collect(),
        missed,
    })
}

#[cfg(test)]
mod tests;
