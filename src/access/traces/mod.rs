//! Traces: what happened in each attempt to sign in through a connection, step by step, for that organization's
//! administrators. The answer to "why can't I sign in".
//!
//! A step is written in the transaction of the step itself. What came from outside is masked ([`mask`]) and cut; nothing
//! that proves anything is in it. A trace has [`MOST_STEPS`] steps at most, an organization so many traces as the
//! configuration says. Of answers that no attempt waits for, which anybody can send, one an hour is kept for each
//! connection and reason.

pub mod mask;

use serde_json::{Map, Value, json};

use super::attempts::refusal::Refusal;
use super::attempts::state::{Sent, Upstream};
use super::identity::AssertedIdentity;
use crate::directory::permission::{self, Denied, Permission};
use crate::protocol::compared::Compared;
use crate::protocol::oidc::class_map::Verdict;
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::traces::{self as rows, Step, TraceRow, Wanted};
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{AccountId, AttemptId, ConnectionId, OrganizationId, TraceId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};

/// Once a trace has so many steps, only its outcome is written.
pub const MOST_STEPS: i32 = 24;
/// So many `amr` values are shown, and so many of what else is said in words of the same kind.
const MOST_AMR: usize = 5;

/// How far an attempt through a connection came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The browser left for the provider, and no answer has come.
    Sent,
    /// The provider said who it is, and the browser has not come back with it.
    Identified,
    /// The person is in.
    SignedIn,
    /// The person was not let in.
    Refused,
}

/// A trace as administrators read it.
#[derive(Debug, Clone)]
#[allow(missing_docs)] // the names say it
pub struct Trace {
    pub id: TraceId,
    pub connection: ConnectionId,
    /// `None` of an answer that no attempt waited for.
    pub attempt: Option<AttemptId>,
    pub outcome: String,
    /// Why the person was not let in.
    pub code: Option<String>,
    pub updated_at: Timestamp,
    /// Each has its name under `step` and its instant under `at`.
    pub steps: Vec<Value>,
}

/// Why traces cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// There is no such trace in this organization.
    #[error("no such trace")]
    NotFound,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Outcome {
    /// The name in the store and in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Identified => "identified",
            Self::SignedIn => "signed_in",
            Self::Refused => "refused",
        }
    }

    /// The outcome with this name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Sent, Self::Identified, Self::SignedIn, Self::Refused].into_iter().find(|one| one.as_str() == name)
    }
}

/// The browser leaves for the provider.
pub(super) fn note_sent(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: AttemptId,
    address: Option<&EmailAddress>,
    sent: &Sent,
) -> Result<(), StoreError> {
    let (protocol, provider) = match &sent.upstream {
        Upstream::Saml { entity_id, .. } => ("saml", entity_id),
        Upstream::Oidc { issuer, .. } => ("oidc", issuer),
    };
    let detail =
        json!({ "protocol": protocol, "provider": mask::cut(provider), "address": address.map(mask::address) });
    let lines = line(op, "sent", detail);
    let step = Step { outcome: Outcome::Sent.as_str(), code: None, lines: &lines, count: 1, at: op.at };
    rows::begin(tx, op.new_id(), (attempt, sent.connection), &step, MOST_STEPS)
}

/// The provider was asked for several factors, in these words of its own.
pub fn note_asked(
    tx: &mut Tx<'_>,
    op: &Operation,
    on: (AttemptId, ConnectionId),
    words: &[String],
) -> Result<(), StoreError> {
    let lines = line(op, "asked", json!({ "several_factors": shown(words) }));
    let step = Step { outcome: Outcome::Sent.as_str(), code: None, lines: &lines, count: 1, at: op.at };
    rows::go_on(tx, on, &step, MOST_STEPS)
}

/// The browser could not leave, because the provider cannot be used.
pub fn note_not_sent(
    tx: &mut Tx<'_>,
    op: &Operation,
    (attempt, connection): (AttemptId, ConnectionId),
    refusal: &Refusal,
) -> Result<(), StoreError> {
    let lines = refused(op, refusal);
    let step =
        Step { outcome: Outcome::Refused.as_str(), code: Some(refusal.code()), lines: &lines, count: 1, at: op.at };
    rows::begin(tx, op.new_id(), (attempt, connection), &step, MOST_STEPS)
}

/// An answer came that passed the checks of its protocol: what it said, and what became of it.
pub(super) fn note_answer(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: AttemptId,
    asserted: &AssertedIdentity,
    verdict: Result<AccountId, &Refusal>,
) -> Result<(), StoreError> {
    let mut lines = line(op, "answered", said(asserted));
    let (outcome, code) = match verdict {
        Ok(account) => {
            lines.push_str(&line(op, "identified", json!({ "account": account })));
            (Outcome::Identified, None)
        }
        Err(refusal) => {
            lines.push_str(&refused(op, refusal));
            (Outcome::Refused, Some(refusal.code()))
        }
    };
    let step = Step { outcome: outcome.as_str(), code, lines: &lines, count: 2, at: op.at };
    rows::go_on(tx, (attempt, asserted.connection), &step, MOST_STEPS)
}

/// A check of the protocol failed: what came, which nobody has verified, beside what should have come.
pub(super) fn note_compared(
    tx: &mut Tx<'_>,
    op: &Operation,
    on: (AttemptId, ConnectionId),
    compared: &Compared,
) -> Result<(), StoreError> {
    let lines = line(op, "compared", json!({ "is_verified": false, "compared": compared }));
    let step = Step { outcome: Outcome::Sent.as_str(), code: None, lines: &lines, count: 1, at: op.at };
    rows::go_on(tx, on, &step, MOST_STEPS)
}

/// The person is not let in.
pub(super) fn note_refusal(
    tx: &mut Tx<'_>,
    op: &Operation,
    on: (AttemptId, ConnectionId),
    refusal: &Refusal,
) -> Result<(), StoreError> {
    let lines = refused(op, refusal);
    let code = Some(refusal.code());
    let step = Step { outcome: Outcome::Refused.as_str(), code, lines: &lines, count: 1, at: op.at };
    rows::go_on(tx, on, &step, MOST_STEPS)
}

/// The person is in.
pub(super) fn note_signed_in(tx: &mut Tx<'_>, op: &Operation, on: (AttemptId, ConnectionId)) -> Result<(), StoreError> {
    let lines = line(op, "signed_in", json!({}));
    let step = Step { outcome: Outcome::SignedIn.as_str(), code: None, lines: &lines, count: 1, at: op.at };
    rows::go_on(tx, on, &step, MOST_STEPS)
}

/// The hour's place of an answer to a connection that could not be taken, because of `code`.
fn slot(op: &Operation, connection: ConnectionId, code: &str) -> String {
    format!("{connection} {code} {}", op.at.seconds().div_euclid(3_600))
}

/// True when an answer that could not be taken is to be written down: it is the first of its kind in this hour.
pub fn is_stray_new(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: ConnectionId,
    code: &'static str,
) -> Result<bool, StoreError> {
    Ok(!rows::is_taken(tx, &slot(op, connection, code))?)
}

/// An answer came to a connection that could not be taken, so that no attempt is known.
pub fn note_stray(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: ConnectionId,
    code: &'static str,
) -> Result<(), StoreError> {
    let lines = line(op, "not_taken", json!({ "code": code, "request": op.request }));
    let step = Step { outcome: Outcome::Refused.as_str(), code: Some(code), lines: &lines, count: 1, at: op.at };
    rows::fill(tx, op.new_id(), connection, &slot(op, connection, code), &step)
}

/// The traces of an organization that are looked for, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    wanted: &Wanted,
    request: &PageRequest<TraceId>,
) -> Result<Page<Trace, TraceId>, TraceError> {
    permission::require(op, organization, Permission::ReadAudit)?;
    let found = rows::page(tx, organization, wanted, request.after, request.fetch_limit())?;
    let found = found.into_iter().map(from_row).collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(found, request, |trace| trace.id))
}

/// One trace of an organization.
pub fn find(tx: &mut Tx<'_>, op: &Operation, organization: OrganizationId, id: TraceId) -> Result<Trace, TraceError> {
    permission::require(op, organization, Permission::ReadAudit)?;
    Ok(from_row(rows::find(tx, organization, id)?.ok_or(TraceError::NotFound)?)?)
}

fn from_row(row: TraceRow) -> Result<Trace, StoreError> {
    let steps = row.steps.lines().map(serde_json::from_str).collect::<Result<_, _>>();
    Ok(Trace {
        id: row.id,
        connection: row.connection_id,
        attempt: row.attempt_id,
        outcome: row.outcome,
        code: row.code,
        updated_at: row.updated_at,
        steps: steps.map_err(|_| StoreError::Inconsistent("traces.steps"))?,
    })
}

/// What an identity provider said, without saying who it was about.
fn said(asserted: &AssertedIdentity) -> Value {
    json!({
        "subject": mask::name(&asserted.subject),
        "address": asserted.email.as_ref().map(mask::address),
        "is_address_verified": asserted.email_verified,
        "has_display_name": asserted.display_name.is_some(),
        "has_given_name": asserted.given_name.is_some(),
        "has_family_name": asserted.family_name.is_some(),
        "matched": asserted.matched.as_deref().map(mask::name),
        "groups": asserted.groups.len(),
        "authenticated_at": asserted.authn_instant.map(Timestamp::to_rfc3339),
        "amr": shown(&asserted.amr),
        "acr": asserted.acr.as_deref().map(mask::cut),
        "further": (!asserted.further.is_empty()).then(|| shown(&asserted.further)),
        "several_factors": match asserted.several_factors {
            Verdict::Unmapped => None,
            Verdict::Met => Some("met"),
            Verdict::NotMet => Some("not_met"),
        },
        "session_expires_at": asserted.session_expires_at.map(Timestamp::to_rfc3339),
    })
}

fn shown(words: &[String]) -> Vec<String> {
    words.iter().take(MOST_AMR).map(|word| mask::cut(word)).collect()
}

fn refused(op: &Operation, refusal: &Refusal) -> String {
    let detail = json!({
        "code": refusal.code(), "detail": refusal.detail().map(mask::cut), "request": op.request,
    });
    line(op, "refused", detail)
}

/// One step as a line. JSON has no line feed of its own.
fn line(op: &Operation, name: &'static str, detail: Value) -> String {
    let mut members = Map::new();
    members.insert("step".to_owned(), json!(name));
    members.insert("at".to_owned(), json!(op.at.to_rfc3339()));
    if let Value::Object(detail) = detail {
        members.extend(detail.into_iter().filter(|(_, value)| !value.is_null()));
    }
    format!("{}\n", Value::Object(members))
}

#[cfg(test)]
mod tests;
