//! Bulk requests that are answered later (RFC 9967, section 2.5.1): accepted, gone on with, asked about. The body and the
//! outcomes are sealed. What became of an operation is written in the operation's own transaction, so that after a crash
//! the request goes on where it was and nothing is done twice.

use std::collections::HashSet;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::clients::caller::{self, Caller};
use crate::directory::permission::{self, Denied, Permission};
use crate::directory::room::{self, TooMany};
use crate::keys::sealing::{Sealer, SealingError};
use crate::protocol::scim::bulk::answer::{Head, Outcome};
use crate::protocol::scim::error::Refusal;
use crate::provisioning::schemas::catalog::Catalog;
use crate::record::jobs::{self, Job};
use crate::record::scim_events;
use crate::store::Tx;
use crate::store::asynchronous_requests::{self as rows, AsynchronousRequestRow, OutcomeRow};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, RequestId};
use crate::values::operation::Operation;
use crate::values::scim_scope::ScimScope;

/// Why a request was not accepted or not found.
#[derive(Debug, thiserror::Error)]
pub enum AsynchronousError {
    /// There is no such request of this client, or its answer is no longer kept.
    #[error("no such request")]
    NotFound,
    /// The client has as many requests under way as it may have.
    #[error(transparent)]
    TooMany(#[from] TooMany),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The body or an outcome cannot be sealed or opened.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// How far a request is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// So many of its operations are over.
    UnderWay {
        /// How many it has.
        operations: i64,
        /// How many are over.
        finished: i64,
    },
    /// It is over. An operation that was not tried has no outcome.
    Finished(Vec<Outcome>),
}

/// A request that is to be gone on with.
#[derive(Debug)]
pub struct Unfinished {
    /// Who sent it.
    pub caller: Caller,
    /// The body as it came.
    pub body: Vec<u8>,
    /// What is over, by position.
    pub outcomes: Vec<(usize, Outcome)>,
}

/// How much a client may have waiting, and how long answers are kept.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Requests of one client that are not finished.
    pub most_unfinished: u32,
    /// How long a request is kept, from when it came and again from when it was finished.
    pub kept_seconds: i64,
}

/// Stores a request and queues the job that does it. Its id is that of the operation.
pub fn accept(
    tx: &mut Tx<'_>,
    op: &Operation,
    caller: &Caller,
    sealed_body: Vec<u8>,
    operations: usize,
    terms: Terms,
) -> Result<(), AsynchronousError> {
    let organization = caller.organization;
    permission::require(op, organization, Permission::ChangeResources)?;
    let count = |tx: &mut Tx<'_>| rows::count_unfinished(tx, caller.client, op.at);
    room::require::<AsynchronousError>(tx, organization, terms.most_unfinished, count)?;
    rows::insert(
        tx,
        &AsynchronousRequestRow {
            id: op.request,
            org_id: organization,
            client_id: caller.client,
            credential_id: caller.credential,
            scope: caller.scope.as_str().to_owned(),
            operations: i64::try_from(operations).unwrap_or(i64::MAX),
            sealed_body: Some(sealed_body),
            created_at: op.at,
            finished_at: None,
            expires_at: op.at.plus_seconds(terms.kept_seconds),
        },
    )?;
    jobs::enqueue(tx, op, &Job::AsynchronousRequest { organization, request: op.request }, op.at)?;
    Ok(())
}

/// Seals the body of a request.
pub fn seal_body(sealer: &Sealer, request: RequestId, body: &[u8]) -> Result<Vec<u8>, SealingError> {
    sealer.seal(body, &body_place(request))
}

/// What is needed to go on with a request; `None` when it is over or no longer there.
pub fn unfinished(
    tx: &mut Tx<'_>,
    (sealer, catalog): (&Sealer, &Catalog),
    organization: OrganizationId,
    request: RequestId,
    now: Timestamp,
) -> Result<Option<Unfinished>, AsynchronousError> {
    let Some(row) = rows::find(tx, organization, request)? else { return Ok(None) };
    let Some(sealed) = &row.sealed_body else { return Ok(None) };
    let body = sealer.open(sealed, &body_place(request))?.to_vec();
    let outcomes = rows::outcomes(tx, organization, request)?;
    let outcomes = outcomes.iter().map(|row| open_outcome(sealer, row)).collect::<Result<_, _>>()?;
    let scope = ScimScope::parse(&row.scope).ok_or(StoreError::Inconsistent("asynchronous_requests.scope"))?;
    let caller = caller::presenter(tx, catalog, organization, row.credential_id, scope, now)?;
    Ok(Some(Unfinished { caller, body, outcomes }))
}

/// Notes what became of one operation, with the event that tells it.
pub fn note(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    organization: OrganizationId,
    position: usize,
    outcome: &Outcome,
) -> Result<(), StoreError> {
    let at = i64::try_from(position).unwrap_or(i64::MAX);
    let sealed = seal_outcome(sealer, op.request, at, outcome)?;
    let row = OutcomeRow { request_id: op.request, position: at, org_id: organization, sealed_outcome: sealed };
    rows::insert_outcome(tx, &row)?;
    scim_events::publish_answer(tx, op, organization, at, outcome.head.path.as_deref(), outcome.body(""))
}

/// Notes that a request is over.
pub fn finish(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kept_seconds: i64,
) -> Result<(), StoreError> {
    rows::finish(tx, organization, op.request, op.at, op.at.plus_seconds(kept_seconds))?;
    Ok(())
}

/// Ends a request that is not gone on with any more: each operation of it that is not over has this outcome. `heads` are those
/// of its operations, as far as they can be told. Nothing happens to a request that is over, or no longer there.
pub fn give_up(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    organization: OrganizationId,
    heads: &[Head],
    refusal: &Refusal,
    kept_seconds: i64,
) -> Result<(), StoreError> {
    let row = rows::find(tx, organization, op.request)?;
    let Some(row) = row.filter(|row| row.finished_at.is_none()) else { return Ok(()) };
    let over = rows::outcomes(tx, organization, op.request)?;
    let over: HashSet<i64> = over.into_iter().map(|outcome| outcome.position).collect();
    for at in (0..row.operations).filter(|at| !over.contains(at)) {
        let position = usize::try_from(at).unwrap_or(usize::MAX);
        let head = heads.get(position).cloned().unwrap_or_default();
        note(tx, op, sealer, organization, position, &Outcome::refused(head, refusal.clone()))?;
    }
    finish(tx, op, organization, kept_seconds)
}

/// How far a request of this client is. Nobody else's is there, nor one whose time is over.
pub fn progress(
    tx: &mut Tx<'_>,
    op: &Operation,
    sealer: &Sealer,
    caller: &Caller,
    request: RequestId,
) -> Result<Progress, AsynchronousError> {
    permission::require(op, caller.organization, Permission::ReadResources)?;
    let row = rows::find(tx, caller.organization, request)?;
    let row = row.filter(|row| row.client_id == caller.client && op.at < row.expires_at);
    let row = row.ok_or(AsynchronousError::NotFound)?;
    if row.finished_at.is_none() {
        let finished = rows::count_outcomes(tx, caller.organization, request)?;
        return Ok(Progress::UnderWay { operations: row.operations, finished });
    }
    let outcomes = rows::outcomes(tx, caller.organization, request)?;
    let outcomes = outcomes.iter().map(|row| Ok(open_outcome(sealer, row)?.1));
    Ok(Progress::Finished(outcomes.collect::<Result<_, AsynchronousError>>()?))
}

/// The place that the body of a request is sealed for.
pub fn body_place(request: RequestId) -> String {
    format!("asynchronous_requests.sealed_body/{request}")
}

/// The place that what became of an operation is sealed for.
pub fn outcome_place(request: RequestId, position: i64) -> String {
    format!("asynchronous_outcomes.sealed_outcome/{request}/{position}")
}

fn seal_outcome(
    sealer: &Sealer,
    request: RequestId,
    position: i64,
    outcome: &impl Serialize,
) -> Result<Vec<u8>, StoreError> {
    let text = serde_json::to_vec(outcome).map_err(|error| StoreError::Internal(error.to_string()))?;
    let sealed = sealer.seal(&text, &outcome_place(request, position));
    sealed.map_err(|error| StoreError::Internal(error.to_string()))
}

fn open_outcome<T: DeserializeOwned>(sealer: &Sealer, row: &OutcomeRow) -> Result<(usize, T), AsynchronousError> {
    let text = sealer.open(&row.sealed_outcome, &outcome_place(row.request_id, row.position))?;
    let outcome = serde_json::from_slice(&text);
    let outcome = outcome.map_err(|_| StoreError::Inconsistent("asynchronous_outcomes.sealed_outcome"))?;
    let position = usize::try_from(row.position);
    let position = position.map_err(|_| StoreError::Inconsistent("asynchronous_outcomes.position"))?;
    Ok((position, outcome))
}
