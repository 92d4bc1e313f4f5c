//! Attempts to sign in: what an application asked for, which browser began it, and how far it has come.
//!
//! An attempt lives for minutes. It is bound to the browser that began it by a cookie, of which the store keeps a hash.
//! While the browser is at an identity provider, the attempt waits under a *handle* (RelayState or `state`), again
//! kept as a hash, which is consumed by one statement: it works once, and for the connection that it was made for.
//! Whoever brings the answer gets an *arrival token* for it, kept as a hash too: the outcome is for the browser that holds
//! both the cookie and the token, so that a sign-in cannot be begun by one person and finished by another.

pub mod departure;
pub mod refusal;
pub mod state;

use serde::{Deserialize, Serialize};

use super::traces;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::store::Tx;
use crate::store::attempts::{self, AttemptRow, Departure, Settlement};
use crate::store::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::email::EmailAddress;
use crate::values::ids::{ApplicationId, AttemptId, ConnectionId, RequestId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, is_equal, new_token};

use refusal::Refusal;
use state::{HalfProved, Identified, Sent, State};

/// How many codes may be typed for one right password.
pub const MAX_CODES: i32 = 5;

/// An attempt as it was read.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its id, which stands in the URLs of the pages. Not a secret: every page asks for the cookie as well.
    pub id: AttemptId,
    /// Which application asked.
    pub application: ApplicationId,
    /// What it asked for, validated.
    pub request: AuthorizationRequest,
    /// The address that the person typed last.
    pub address: Option<EmailAddress>,
    /// The connection it was sent to last.
    pub connection: Option<ConnectionId>,
    /// Where it ends when no application began it: a place of [`Self::application`], which gets no code.
    pub landing: Option<String>,
    /// How far it has come.
    pub state: State,
    /// The request in which it was refused: the one whose audit entry says why.
    pub refused_in: Option<RequestId>,
    /// When it was begun.
    pub started_at: Timestamp,
    /// The end of its life.
    pub expires_at: Timestamp,
    binding_hash: Vec<u8>,
    arrival_hash: Option<Vec<u8>>,
}

/// Whether there is time left for an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It may go on.
    Running,
    /// It has expired.
    Over,
}

/// Why an attempt cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum AttemptError {
    /// The attempt has expired, was finished, or is otherwise not in a state that allows this.
    #[error("the attempt is over or in another state")]
    NotAllowed,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Attempt {
    /// True when the browser that shows this binding began the attempt.
    pub fn is_bound_to(&self, binding: &Secret) -> bool {
        is_equal(TokenHash::of(binding.expose()).as_bytes(), &self.binding_hash)
    }

    /// True when the browser that shows this token brought the answer.
    pub fn is_answered_by(&self, arrival: &Secret) -> bool {
        let hash = TokenHash::of(arrival.expose());
        self.arrival_hash.as_ref().is_some_and(|kept| is_equal(hash.as_bytes(), kept))
    }

    /// True when its life is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.life(now) == Life::Over
    }

    /// Whether it lives.
    pub fn life(&self, now: Timestamp) -> Life {
        if self.expires_at <= now { Life::Over } else { Life::Running }
    }
}

/// A fresh binding for a browser that has none. A browser keeps one binding for all its attempts, so that a second tab
/// does not break the first.
pub fn new_binding(op: &Operation) -> Secret {
    new_token("cw_browser_", &op.entropy)
}

/// A fresh handle for a journey to an identity provider.
pub fn new_handle(op: &Operation) -> Secret {
    new_token("", &op.entropy)
}

/// What an attempt begins with.
#[derive(Debug, Clone, Copy)]
pub struct NewAttempt<'a> {
    /// Its id, made by whoever begins it.
    pub id: AttemptId,
    /// Which application asked.
    pub application: ApplicationId,
    /// What it asked for, validated.
    pub request: &'a AuthorizationRequest,
    /// The browser's binding, which its cookie holds.
    pub binding: &'a Secret,
    /// How long the attempt lives.
    pub ttl_seconds: i64,
    /// Where it ends when no application began it: a place of the application, which gets no code.
    pub landing: Option<&'a str>,
}

/// Begins an attempt.
pub fn start(tx: &mut Tx<'_>, op: &Operation, new: &NewAttempt<'_>) -> Result<(), StoreError> {
    attempts::insert(
        tx,
        &AttemptRow {
            id: new.id,
            application_id: new.application,
            binding_hash: TokenHash::of(new.binding.expose()).as_bytes().to_vec(),
            state: State::Started.as_str().to_owned(),
            request: json(new.request)?,
            address: None,
            connection_id: None,
            upstream_hash: None,
            upstream: None,
            arrival_hash: None,
            outcome: None,
            created_at: op.at,
            expires_at: op.at.plus_seconds(new.ttl_seconds),
            landing: new.landing.map(str::to_owned),
        },
    )
}

/// A fresh attempt for what `earlier` asked for, in the same browser. Refused once the application has its answer.
pub fn start_again(
    tx: &mut Tx<'_>,
    op: &Operation,
    earlier: &Attempt,
    binding: &Secret,
    ttl_seconds: i64,
) -> Result<AttemptId, AttemptError> {
    if earlier.state == State::Finished || !earlier.is_bound_to(binding) {
        return Err(AttemptError::NotAllowed);
    }
    // Whoever asks for a fresh one does so on a page.
    let request = AuthorizationRequest { has_left_at_once: false, ..earlier.request.clone() };
    let new = NewAttempt {
        id: op.new_id(),
        application: earlier.application,
        request: &request,
        binding,
        ttl_seconds,
        landing: earlier.landing.as_deref(),
    };
    start(tx, op, &new)?;
    Ok(new.id)
}

/// The attempt with this id, in whatever state.
pub fn find(tx: &mut Tx<'_>, id: AttemptId) -> Result<Option<Attempt>, StoreError> {
    attempts::find(tx, id)?.map(attempt).transpose()
}

/// The live attempt that waits for an answer of `connection` under `handle`. Consumes nothing.
pub fn find_sent(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: ConnectionId,
    handle: &str,
) -> Result<Option<(Attempt, Sent)>, StoreError> {
    let Some(row) = attempts::find_sent(tx, &TokenHash::of(handle))? else { return Ok(None) };
    let attempt = attempt(row)?;
    match attempt.state.clone() {
        State::Sent(sent) if sent.connection == connection && !attempt.is_expired(op.at) => Ok(Some((attempt, sent))),
        _ => Ok(None),
    }
}

/// Remembers which address was typed, before the person chooses between several ways in.
pub fn set_address(tx: &mut Tx<'_>, op: &Operation, id: AttemptId, address: &EmailAddress) -> Result<(), AttemptError> {
    let is_set = attempts::set_address(tx, id, &State::SENDABLE, address.as_str(), op.at)?;
    if is_set { Ok(()) } else { Err(AttemptError::NotAllowed) }
}

/// Sends the attempt to an identity provider. The answer is expected under `handle`; an earlier handle stops working.
/// `address` is what the person typed, if they did.
pub fn send(
    tx: &mut Tx<'_>,
    op: &Operation,
    id: AttemptId,
    address: Option<&EmailAddress>,
    sent: &Sent,
    handle: &Secret,
) -> Result<(), AttemptError> {
    let departure = Departure {
        address: address.map(|address| address.as_str().to_owned()),
        connection_id: sent.connection,
        upstream_hash: TokenHash::of(handle.expose()),
        upstream: json(&sent.upstream)?,
    };
    if !attempts::send(tx, id, &State::SENDABLE, &departure, op.at)? {
        return Err(AttemptError::NotAllowed);
    }
    Ok(traces::note_sent(tx, op, id, address, sent)?)
}

/// Consumes `handle` and stores the outcome, which is [`State::Identified`] or [`State::Refused`]. Returns the
/// arrival token, for the browser that brought the answer and for no other. Refused when the handle was consumed before,
/// has expired or belongs to another connection.
pub fn settle(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: ConnectionId,
    handle: &str,
    outcome: &State,
) -> Result<Secret, AttemptError> {
    let Some(text) = outcome_json(op, outcome)? else { return Err(AttemptError::NotAllowed) };
    let arrival = new_token("", &op.entropy);
    let arrival_hash = TokenHash::of(arrival.expose());
    let settlement = Settlement { state: outcome.as_str(), outcome: text, arrival_hash };
    let is_settled = attempts::consume(tx, &TokenHash::of(handle), connection, &settlement, op.at)?;
    if is_settled { Ok(arrival) } else { Err(AttemptError::NotAllowed) }
}

/// The person has proved themselves here, in the browser that began the attempt. An answer of an identity provider is not
/// waited for any more. Returns the arrival token, for this browser and for no other.
pub fn identify_here(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: &Attempt,
    identified: Identified,
) -> Result<Secret, AttemptError> {
    let state = attempt.state.clone().identify_here(identified).map_err(|_| AttemptError::NotAllowed)?;
    let Some(outcome) = outcome_json(op, &state)? else { return Err(AttemptError::NotAllowed) };
    let arrival = new_token("", &op.entropy);
    let settlement = Settlement { state: state.as_str(), outcome, arrival_hash: TokenHash::of(arrival.expose()) };
    let is_settled = attempts::settle_here(tx, attempt.id, &State::SENDABLE, &settlement, op.at)?;
    if is_settled { Ok(arrival) } else { Err(AttemptError::NotAllowed) }
}

/// The person has proved themselves here by half, in the browser that began the attempt. An answer of an identity provider is
/// not waited for any more.
pub fn half_prove(tx: &mut Tx<'_>, op: &Operation, attempt: &Attempt, half: HalfProved) -> Result<(), AttemptError> {
    let state = attempt.state.clone().half_prove(half).map_err(|_| AttemptError::NotAllowed)?;
    let Some(outcome) = outcome_json(op, &state)? else { return Err(AttemptError::NotAllowed) };
    let is_moved = attempts::half_settle(tx, attempt.id, &State::SENDABLE, state.as_str(), &outcome, op.at)?;
    if is_moved { Ok(()) } else { Err(AttemptError::NotAllowed) }
}

/// Counts one more code that is about to be compared: true when it is the last that may be. Refused when there were
/// [`MAX_CODES`] of them, or none is asked for.
pub fn count_code(tx: &mut Tx<'_>, op: &Operation, id: AttemptId) -> Result<bool, AttemptError> {
    let counted = attempts::count_code(tx, id, "half_proved", MAX_CODES, op.at)?;
    counted.map(|count| count >= MAX_CODES).ok_or(AttemptError::NotAllowed)
}

/// After too many wrong codes: the attempt starts over, with the address.
pub fn start_over(tx: &mut Tx<'_>, op: &Operation, id: AttemptId) -> Result<(), AttemptError> {
    let is_moved = attempts::advance(tx, id, "half_proved", State::Started.as_str(), None, op.at)?;
    if is_moved { Ok(()) } else { Err(AttemptError::NotAllowed) }
}

/// Moves an identified attempt on to `next`, which is [`State::Finished`] or [`State::Refused`]. Of two callers one
/// succeeds.
pub fn conclude(tx: &mut Tx<'_>, op: &Operation, id: AttemptId, next: &State) -> Result<(), AttemptError> {
    let outcome = outcome_json(op, next)?;
    let is_moved = attempts::advance(tx, id, "identified", next.as_str(), outcome.as_deref(), op.at)?;
    if is_moved { Ok(()) } else { Err(AttemptError::NotAllowed) }
}

fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|error| StoreError::Internal(error.to_string()))
}

/// A refusal as it is stored: with the request whose audit entry says why.
#[derive(Serialize, Deserialize)]
struct StoredRefusal {
    request: RequestId,
    #[serde(flatten)]
    refusal: Refusal,
}

fn outcome_json(op: &Operation, state: &State) -> Result<Option<String>, StoreError> {
    match state {
        State::Identified(identified) => json(identified).map(Some),
        State::HalfProved(half) => json(half).map(Some),
        State::Refused(refusal) => json(&StoredRefusal { request: op.request, refusal: refusal.clone() }).map(Some),
        State::Started | State::Sent(_) | State::Finished => Ok(None),
    }
}

fn attempt(row: AttemptRow) -> Result<Attempt, StoreError> {
    let request = parsed(Some(&row.request), "an attempt's request")?;
    let address = row.address.as_deref().map(str::parse).transpose();
    let (state, refused_in) = state_of(&row)?;
    Ok(Attempt {
        state,
        refused_in,
        id: row.id,
        application: row.application_id,
        connection: row.connection_id,
        landing: row.landing,
        request,
        address: address.map_err(|_| StoreError::Inconsistent("an attempt's address"))?,
        started_at: row.created_at,
        expires_at: row.expires_at,
        binding_hash: row.binding_hash,
        arrival_hash: row.arrival_hash,
    })
}

fn state_of(row: &AttemptRow) -> Result<(State, Option<RequestId>), StoreError> {
    let outcome = row.outcome.as_deref();
    let state = match row.state.as_str() {
        "started" => State::Started,
        "sent" => State::Sent(Sent {
            connection: row.connection_id.ok_or(StoreError::Inconsistent("an attempt's connection"))?,
            upstream: parsed(row.upstream.as_deref(), "an attempt's upstream")?,
        }),
        "half_proved" => State::HalfProved(parsed(outcome, "an attempt's outcome")?),
        "identified" => State::Identified(parsed(outcome, "an attempt's outcome")?),
        "refused" => {
            let stored: StoredRefusal = parsed(outcome, "an attempt's outcome")?;
            return Ok((State::Refused(stored.refusal), Some(stored.request)));
        }
        "finished" => State::Finished,
        _ => return Err(StoreError::Inconsistent("an attempt's state")),
    };
    Ok((state, None))
}

fn parsed<T: serde::de::DeserializeOwned>(text: Option<&str>, what: &'static str) -> Result<T, StoreError> {
    text.and_then(|text| serde_json::from_str(text).ok()).ok_or(StoreError::Inconsistent(what))
}

#[cfg(test)]
mod tests;
