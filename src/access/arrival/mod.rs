//! A person comes back from an identity provider, in the browser that began: the last step of a sign-in, in one
//! transaction. That browser has to show the cookie of the attempt and the token that only the bringer of the answer got
//! (decision 0006). It looks at the outcome again, since a person can be deactivated or a connection switched off on the
//! way, ends the session that this browser had before, makes a new one, and issues the code. Where a link led to the sign-in,
//! a session of another organization does not end: it stays, and there is no new one (decision 0025).

use serde_json::json;

use super::attempts::refusal::Refusal;
use super::attempts::state::{Identified, State};
use super::attempts::{self, Attempt, AttemptError, Life};
use super::devices;
use super::enforcement;
use super::grants::{self, Lifetimes};
use super::identity;
use super::sessions::reach::{self, Reach};
use super::sessions::{self, Limits, Session, Way};
use super::sign_in::{Facts, Moment, Step, next_step};
use super::step_up;
use super::traces;
use super::upstream_answers;
use crate::directory::applications::{self, Application};
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::protocol::oidc::error::OAuthError;
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, connections};
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::Secret;

/// What the browser showed.
#[derive(Debug, Clone)]
pub struct Presented {
    /// The binding of its attempts.
    pub binding: Secret,
    /// The session it had before, if any.
    pub session: Option<Secret>,
    /// The arrival token, if it brought the answer.
    pub arrival: Option<Secret>,
    /// What it is known by, if somebody has signed in in it before.
    pub device: Option<Secret>,
}

/// How long things last.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// A session.
    pub session: Limits,
    /// Codes and tokens.
    pub lifetimes: Lifetimes,
}

/// What the person gets.
#[derive(Debug)]
pub enum Arrival {
    /// A session, and an answer for the application.
    SignedIn {
        /// For the session cookie.
        session_token: Secret,
        /// For the cookie by which the browser is known again, if it is.
        device_token: Option<Secret>,
        /// The connection that brought them, unless they signed in by credentials of their own.
        connection: Option<ConnectionId>,
        /// What the application had asked for.
        request: Box<AuthorizationRequest>,
        /// The code, or why the application gets none.
        answer: Result<Secret, OAuthError>,
    },
    /// A session, and nothing for the application, which has not asked: it begins its own sign-in when it sees the person.
    Landed {
        /// For the session cookie.
        session_token: Secret,
        /// For the cookie by which the browser is known again, if it is.
        device_token: Option<Secret>,
        /// The place of the application.
        place: String,
    },
    /// An explanation.
    Refused {
        /// The attempt, which knows the connection.
        attempt: Box<Attempt>,
        /// Why.
        refusal: Refusal,
    },
    /// No session, and an error for the application: the identity provider cannot do what the application asks for.
    Unmet(Box<AuthorizationRequest>),
    /// Nobody answered yet: the e-mail page again.
    AskAddress,
    /// A password was right and is not enough: the page that asks for more.
    AskMore,
    /// The attempt has expired.
    Expired(Box<Attempt>),
    /// The application has had its answer.
    AlreadyFinished,
}

/// Why there is nothing to say about the attempt.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// There is no such attempt in this browser, or another one brought its answer.
    #[error("no such attempt in this browser")]
    NotFound,
    /// Another request of the same browser took this very step a moment ago.
    #[error("the step was taken already")]
    AlreadyTaken,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttemptError> for ArrivalError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::NotAllowed => Self::AlreadyTaken,
            AttemptError::Store(error) => Self::Store(error),
        }
    }
}

/// What there is to say about the attempt `id` without changing anything; `None` when the last step is to be taken, which
/// is for [`arrive`]. Anybody can ask again and again, so it is asked before a transaction is opened for writing.
pub fn look(
    tx: &mut Tx<'_>,
    op: &Operation,
    id: AttemptId,
    presented: &Presented,
) -> Result<Option<Arrival>, ArrivalError> {
    let attempt = presented_attempt(tx, id, presented)?;
    let life = attempt.life(op.at);
    if matches!(attempt.state, State::Identified(_)) && life == Life::Running {
        return Ok(None);
    }
    let told = without_change(next_step(&attempt.state, life, Moment::CameBack(None)), attempt);
    Ok(Some(for_application(tx, told)?))
}

/// Takes the last step of the attempt `id`.
pub fn arrive(
    tx: &mut Tx<'_>,
    op: &Operation,
    id: AttemptId,
    presented: &Presented,
    terms: Terms,
) -> Result<Arrival, ArrivalError> {
    let attempt = presented_attempt(tx, id, presented)?;
    let application = applications::find(tx, attempt.application)?.ok_or(ArrivalError::NotFound)?;
    let facts = match &attempt.state {
        State::Identified(who) => Some(facts(tx, op, (&attempt, who), application.organization, presented, terms)?),
        State::Started | State::Sent(_) | State::HalfProved(_) | State::Finished | State::Refused(_) => None,
    };
    let moment = Moment::CameBack(facts);
    match next_step(&attempt.state, attempt.life(op.at), moment) {
        Step::Finish(identified) => finish(tx, op, &attempt, &application, &identified, presented, terms),
        Step::Refuse(identified, refusal) => refuse(tx, op, attempt, &identified, refusal),
        step => Ok(for_application(tx, without_change(step, attempt))?),
    }
}

/// A provider that cannot do what it was asked for on behalf of the application has told the application, which asked for it and
/// may ask for less. An error is not signed; whoever made it up has kept somebody from signing in, and no more.
fn for_application(tx: &mut Tx<'_>, arrival: Arrival) -> Result<Arrival, StoreError> {
    match arrival {
        Arrival::Refused { attempt, refusal } if refusal.is_unmet() && step_up::was_asked(tx, &attempt)? => {
            Ok(Arrival::Unmet(Box::new(attempt.request)))
        }
        other => Ok(other),
    }
}

/// What decides about `who` was identified.
fn facts(
    tx: &mut Tx<'_>,
    op: &Operation,
    (attempt, who): (&Attempt, &Identified),
    application_owner: Option<OrganizationId>,
    presented: &Presented,
    terms: Terms,
) -> Result<Facts, StoreError> {
    // Both until the session is there, so that whoever switches the connection off, or signs out at its provider, ends it.
    let does_word_count = match who.connection {
        Some(connection) => {
            connections::lock_for_share(tx, connection)?;
            upstream_answers::counts_for_update(tx, attempt.id, connection)?
        }
        None => true,
    };
    // A link may have done all of it.
    let is_led = attempt.landing.is_some() || attempt.request.has_left_at_once;
    let signed_in = match &presented.session {
        Some(token) if is_led => sessions::find_live(tx, op, token, terms.session)?,
        _ => None,
    };
    let way = Way { connection: who.connection, amr: &who.amr };
    Ok(Facts {
        standing: sessions::standing(tx, who.account, who.organization, way)?,
        application_owner,
        does_word_count,
        signed_in_for: signed_in.map(|session| session.organization),
    })
}

/// The attempt, if this browser began it and, where it has an outcome, brought the answer.
fn presented_attempt(tx: &mut Tx<'_>, id: AttemptId, presented: &Presented) -> Result<Attempt, ArrivalError> {
    let attempt = attempts::find(tx, id)?.filter(|attempt| attempt.is_bound_to(&presented.binding));
    let attempt = attempt.ok_or(ArrivalError::NotFound)?;
    if has_outcome(&attempt) && !presented.arrival.as_ref().is_some_and(|arrival| attempt.is_answered_by(arrival)) {
        return Err(ArrivalError::NotFound);
    }
    Ok(attempt)
}

/// The steps that only tell something.
fn without_change(step: Step, attempt: Attempt) -> Arrival {
    match step {
        Step::Explain(refusal) | Step::Refuse(_, refusal) => Arrival::Refused { attempt: Box::new(attempt), refusal },
        Step::StartAgain => Arrival::Expired(Box::new(attempt)),
        Step::AlreadyFinished => Arrival::AlreadyFinished,
        Step::AskMore(_) => Arrival::AskMore,
        Step::AskAddress
        | Step::AskPassword
        | Step::AskOwnCredentials
        | Step::Choose { .. }
        | Step::SendTo { .. }
        | Step::ExplainNoWayIn { .. }
        | Step::Continue
        | Step::Finish(_) => Arrival::AskAddress,
    }
}

/// True when there is something to learn or to gain here that is for the bringer of the answer alone.
fn has_outcome(attempt: &Attempt) -> bool {
    matches!(attempt.state, State::Identified(_) | State::Refused(_))
}

fn finish(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: &Attempt,
    application: &Application,
    identified: &Identified,
    presented: &Presented,
    terms: Terms,
) -> Result<Arrival, ArrivalError> {
    let op = &op.by(Actor::Person { account: identified.account });
    attempts::conclude(tx, op, attempt.id, &State::Finished)?;
    if let Some(earlier) = &presented.session {
        sessions::end_by_token(tx, op, earlier)?;
    }
    let (session, session_token) = sessions::start(tx, op, identified, terms.session)?;
    if let Some(connection) = identified.connection {
        upstream_answers::bind(tx, attempt.id, connection, &session)?;
    }
    let detail = json!({
        "session": session.id,
        "connection": identified.connection,
        "application": application.id,
        "amr": identified.amr,
    });
    let subject = Subject::new("account", identified.account);
    audit::write(tx, op, Some(identified.organization), Action::SignInSucceeded, &subject, &detail)?;
    if let Some(connection) = identified.connection {
        traces::note_signed_in(tx, op, (attempt.id, connection))?;
    } else {
        enforcement::note_own_sign_in(tx, op, identified.account)?;
    }
    let device_token = note_device(tx, op, &session, presented.device.as_ref())?;
    if let Some(place) = attempt.landing.clone() {
        return Ok(Arrival::Landed { session_token, device_token, place });
    }
    let answer = grants::issue(tx, op, &attempt.request, application, &session, terms.lifetimes)?;
    let (connection, request) = (identified.connection, Box::new(attempt.request.clone()));
    Ok(Arrival::SignedIn { session_token, device_token, connection, request, answer })
}

/// The browser becomes known as the person's. One that a guest's session was made in does not: whoever runs the provider of that
/// organization could make any browser known, and guess the person's password in it unhindered, or push those out that are theirs.
fn note_device(
    tx: &mut Tx<'_>,
    op: &Operation,
    session: &Session,
    shown: Option<&Secret>,
) -> Result<Option<Secret>, StoreError> {
    match reach::of(tx, session)? {
        Reach::Account => devices::note(tx, op, session.account, shown).map(Some),
        Reach::Organization(_) => Ok(None),
    }
}

fn refuse(
    tx: &mut Tx<'_>,
    op: &Operation,
    attempt: Attempt,
    identified: &Identified,
    refusal: Refusal,
) -> Result<Arrival, ArrivalError> {
    let op = &op.by(Actor::Person { account: identified.account });
    attempts::conclude(tx, op, attempt.id, &State::Refused(refusal.clone()))?;
    let about = json!({ "account": identified.account });
    match identified.connection {
        Some(connection) => {
            upstream_answers::forget(tx, attempt.id)?;
            traces::note_refusal(tx, op, (attempt.id, connection), &refusal)?;
            let from = (identified.organization, connection);
            identity::write_refusal(tx, op, from, attempt.id, &refusal, &about)?;
        }
        None => {
            let detail = json!({ "code": refusal.code(), "attempt": attempt.id });
            let subject = Subject::new("account", identified.account);
            audit::write(tx, op, Some(identified.organization), Action::SignInRefused, &subject, &detail)?;
        }
    }
    Ok(Arrival::Refused { attempt: Box::new(attempt), refusal })
}

#[cfg(test)]
mod tests;
