//! Signing in by a SAML identity provider: the way there and the way back.
//!
//! [`prepare`] makes the request, for whose answer the attempt waits under a random RelayState. [`finish`] takes the
//! answer: it looks up what the attempt waits for, verifies on a thread of its own with no transaction open, and stores
//! the outcome in one transaction. An answer that no attempt of this connection waits for costs one lookup.

mod asking;
mod asserted;
pub mod landing;
pub mod tries;
pub mod verifier;

#[cfg(test)]
mod tests;

use crate::access::attempts::departure::{Departure, Errand};
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::{Sent, Upstream};
use crate::access::attempts::{self, AttemptError};
use crate::access::grants;
use crate::access::identity::{self, IdentityError, Outcome};
use crate::access::saml_sessions;
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, Connection, ConnectionState, Settings};
use crate::directory::matching::Matching;
use crate::directory::service_provider::{ServiceProvider, ServiceProviderError};
use crate::protocol::compared::Compared;
use crate::protocol::saml::assertion::compared::compared;
use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::assertion::{self, Authentication, Expected, Request, VerifiedAssertion};
use crate::protocol::saml::authn_request::{self, AuthnRequest, RequestSignature};
use crate::protocol::saml::decryption_key::DecryptionKey;
use crate::protocol::saml::idp_metadata::IdpMetadata;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx, assertions};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use asking::Asking;
use asserted::{Reading, asserted_identity};
use verifier::{Unfinished, Unverified, Verifier};

/// The two form fields of an answer, as they came.
#[derive(Debug, Clone)]
pub struct Answer {
    /// `SAMLResponse`.
    pub saml_response: String,
    /// `RelayState`.
    pub relay_state: String,
    /// So many people the organization may have, for who is new.
    pub most_people: u32,
}

/// Why there is no way there or back. A refused person is not among these: that is an [`Outcome`].
#[derive(Debug, thiserror::Error)]
pub enum SamlSignInError {
    /// No SAML connection has this id, or, on the way there, no active one.
    #[error("no such connection")]
    NoConnection,
    /// No attempt waits for this answer: an unknown RelayState, a second use, an expired attempt, another connection, or one
    /// answer too many.
    #[error("no attempt waits for this answer")]
    NotExpected,
    /// It is no base64, or no well-formed XML. The attempt goes on waiting, for a few answers
    /// ([`tries::MAX_TRIES`]).
    #[error("the answer cannot be read")]
    Unreadable,
    /// The attempt is over.
    #[error("the attempt is over or in another state")]
    AttemptOver,
    /// Verification did not come to an end. The same answer may be sent again, a few times
    /// ([`tries::MAX_TRIES`]).
    #[error("the answer could not be verified now: {0}")]
    NotVerified(Unfinished),
    /// Our own key.
    #[error(transparent)]
    ServiceProvider(#[from] ServiceProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<AttemptError> for SamlSignInError {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::NotAllowed => Self::AttemptOver,
            AttemptError::Store(error) => Self::Store(error),
        }
    }
}

/// Makes the request to the provider of an active connection. Nothing waits for its answer before
/// [`departure::set_out`](crate::access::attempts::departure::set_out).
pub async fn prepare(
    store: &Store,
    provider: &ServiceProvider,
    op: &Operation,
    errand: Errand<'_>,
    connection: &Connection,
) -> Result<Departure, SamlSignInError> {
    let (ConnectionState::Active, Settings::Saml { idp, options }) = (connection.state, &connection.settings) else {
        return Err(SamlSignInError::NoConnection);
    };
    let key = match options.request_signature() {
        RequestSignature::Signed => {
            let (ours, at) = (provider.clone(), op.at);
            Some(store.read(move |tx| ours.signing_key(tx, at)).await?)
        }
        RequestSignature::Unsigned => None,
    };
    let asking = Asking::of(options, errand.request);
    let request_id = authn_request::new_id(&op.entropy);
    let handle = attempts::new_handle(op);
    let url = AuthnRequest {
        id: &request_id,
        issued_at: op.at,
        destination: &idp.sso_redirect_url,
        sp_entity_id: &provider.entity_id(connection.id),
        acs_url: &provider.acs_url(connection.id),
        authentication: options.authentication(authentication(errand)),
        contexts: &asking.contexts,
        comparison: asking.comparison,
    }
    .redirect_url(handle.expose(), key.as_ref())
    .map_err(ServiceProviderError::from)?;
    let upstream = Upstream::Saml { request_id, issued_at: op.at, entity_id: idp.entity_id.clone() };
    let asked = if asking.is_for_application { asking.contexts } else { Vec::new() };
    Ok(Departure { url, handle, sent: Sent { connection: connection.id, upstream }, asked })
}

/// Takes the answer that was posted to the assertion consumer service of `connection`.
pub async fn finish(
    store: &Store,
    provider: &ServiceProvider,
    verifier: &Verifier,
    op: &Operation,
    connection: ConnectionId,
    answer: Answer,
) -> Result<Outcome, SamlSignInError> {
    let Answer { saml_response, relay_state, most_people } = answer;
    let (operation, handle) = (op.clone(), relay_state.clone());
    let ours = provider.clone();
    let mut waiting = store.read(move |tx| find_waiting(tx, &ours, &operation, connection, &handle)).await?;
    let asking = (waiting.organization, connection);
    let reading = Reading {
        matching: waiting.matching.clone(),
        map: waiting.options.attribute_map(),
        several_factors: waiting.options.several_factors(),
        most_people,
    };
    let mut compared = None;
    let verdict = if let Some(refusal) = waiting.refusal.take() {
        Err(refusal)
    } else if !verifier.admits(&relay_state, op.at) {
        return Err(SamlSignInError::NotExpected);
    } else {
        let question = Question::new(waiting, provider, verifier, op.at);
        match verifier.run(asking.0, move || question.verify(&saml_response)).await {
            Ok(assertion) => Ok(assertion),
            Err(Unverified::Rejected((rejected, told))) => {
                compared = told;
                tracing::info!(%connection, code = rejected.code(), reason = %rejected, "a response was rejected");
                if rejected.is_unreadable() {
                    return Err(SamlSignInError::Unreadable);
                }
                Err(refusal_of(&rejected))
            }
            Err(Unverified::Unfinished(unfinished)) => return Err(SamlSignInError::NotVerified(unfinished)),
        }
    };
    let (operation, handle) = (op.clone(), relay_state.clone());
    match store
        .write(move |tx| settle(tx, &operation, (asking, &reading), &handle, (&verdict, compared.as_ref())))
        .await
    {
        Ok(outcome) => Ok(outcome),
        Err(IdentityError::RollBackAndRefuse(refusal)) => {
            let op = op.clone();
            let refuse = move |tx: &mut Tx<'_>| identity::refuse(tx, &op, asking, &relay_state, refusal);
            store.write(refuse).await.map_err(not_settled)
        }
        Err(error) => Err(not_settled(error)),
    }
}

fn not_settled(error: IdentityError) -> SamlSignInError {
    match error {
        IdentityError::NotExpected => SamlSignInError::NotExpected,
        IdentityError::Store(error) => SamlSignInError::Store(error),
        IdentityError::RollBackAndRefuse(refusal) => {
            StoreError::Internal(format!("a refusal was not written down: {}", refusal.code())).into()
        }
    }
}

/// What an answer has to fit.
struct Waiting {
    organization: OrganizationId,
    /// What happened to the connection while the person was away, so that no answer counts.
    refusal: Option<Refusal>,
    connection: ConnectionId,
    idp: IdpMetadata,
    options: SamlOptions,
    /// Our keys that it may encrypt to.
    decryption_keys: Vec<DecryptionKey>,
    /// How a NameID that is seen for the first time finds its account.
    matching: Matching,
    request_id: String,
    issued_at: Timestamp,
    authentication: Authentication,
    /// The classes of which it has to have one; any will do when there is none.
    contexts: Vec<String>,
}

/// Whether the person has to prove themselves again: when the application asked for a sign-in that is not older than
/// so and so (`prompt=login`, `max_age`). A provider is not told how old, so it has to be now.
fn authentication(errand: Errand<'_>) -> Authentication {
    match grants::oldest_sign_in(errand.request, errand.started_at) {
        Some(_) => Authentication::Fresh,
        None => Authentication::Any,
    }
}

fn find_waiting(
    tx: &mut Tx<'_>,
    provider: &ServiceProvider,
    op: &Operation,
    connection: ConnectionId,
    handle: &str,
) -> Result<Waiting, SamlSignInError> {
    let found = connections::find(tx, connection)?.ok_or(SamlSignInError::NoConnection)?;
    let Settings::Saml { idp, options } = found.settings else { return Err(SamlSignInError::NoConnection) };
    let (attempt, sent) = attempts::find_sent(tx, op, connection, handle)?.ok_or(SamlSignInError::NotExpected)?;
    let Upstream::Saml { request_id, issued_at, entity_id } = sent.upstream else {
        return Err(SamlSignInError::NotExpected);
    };
    let refusal = match found.state {
        ConnectionState::Disabled | ConnectionState::Deleted => Some(Refusal::ConnectionInactive),
        ConnectionState::Active if entity_id != idp.entity_id => Some(Refusal::ConnectionChanged),
        ConnectionState::Active => None,
    };
    let (organization, authentication) = (found.organization, options.authentication(authentication(attempt.errand())));
    let contexts = options.accepted_contexts(attempt.request.level_asked());
    Ok(Waiting {
        organization,
        refusal,
        contexts,
        connection,
        idp,
        options,
        decryption_keys: provider.decryption_keys(tx, op.at)?,
        matching: found.matching,
        request_id,
        issued_at,
        authentication,
    })
}

/// Everything that a verification needs, owned, because it moves to another thread.
struct Question {
    waiting: Waiting,
    sp_entity_id: String,
    acs_url: String,
    now: Timestamp,
    settings: verifier::Settings,
}

impl Question {
    fn new(waiting: Waiting, provider: &ServiceProvider, verifier: &Verifier, now: Timestamp) -> Self {
        let sp_entity_id = provider.entity_id(waiting.connection);
        let acs_url = provider.acs_url(waiting.connection);
        Self { waiting, sp_entity_id, acs_url, now, settings: *verifier.settings() }
    }

    /// With what was compared where it is rejected, as far as that can be shown.
    fn verify(&self, saml_response: &str) -> Result<VerifiedAssertion, (Rejected, Option<Compared>)> {
        // SAML metadata 2.3.1: what is past its validUntil is not to be relied on, its keys first of all.
        if self.waiting.idp.valid_until.is_some_and(|until| until <= self.now) {
            return Err((Rejected::ProviderExpired, None));
        }
        let request = Request {
            id: &self.waiting.request_id,
            issued_at: self.waiting.issued_at,
            authentication: self.waiting.authentication,
            contexts: &self.waiting.contexts,
        };
        let expected = Expected {
            idp_entity_id: &self.waiting.idp.entity_id,
            certificates: &self.waiting.idp.certificates,
            decryption_keys: &self.waiting.decryption_keys,
            encryption: self.waiting.options.encryption(),
            sp_entity_id: &self.sp_entity_id,
            acs_url: &self.acs_url,
            request,
            now: self.now,
            skew_seconds: self.settings.clock_skew_seconds,
            limits: self.settings.limits,
        };
        assertion::verify(saml_response, &expected).map_err(|rejected| {
            let compared = compared(saml_response, &expected, &rejected);
            (rejected, compared)
        })
    }
}

/// Consumes the assertion and the attempt's handle together; the outcome of the attempt is stored either way.
fn settle(
    tx: &mut Tx<'_>,
    op: &Operation,
    (asking, reading): ((OrganizationId, ConnectionId), &Reading),
    handle: &str,
    (verdict, compared): (&Result<VerifiedAssertion, Refusal>, Option<&Compared>),
) -> Result<Outcome, IdentityError> {
    let refusal = match verdict {
        Ok(assertion) => {
            if assertions::consume(tx, asking.1, assertion.assertion_id(), assertion.replay_until())? {
                let asserted = asserted_identity(assertion, asking, reading);
                let outcome = identity::accept(tx, op, handle, &asserted)?;
                if outcome.refusal.is_none() {
                    saml_sessions::remember(tx, op, asking, outcome.attempt, assertion)?;
                }
                return Ok(outcome);
            }
            Refusal::Unverified { check: REPLAY.to_owned() }
        }
        Err(refusal) => refusal.clone(),
    };
    identity::refuse_telling(tx, op, asking, handle, refusal, compared)
}

fn refusal_of(rejected: &Rejected) -> Refusal {
    match rejected {
        Rejected::Status(code) => Refusal::Declined { code: (*code).to_owned() },
        other => Refusal::Unverified { check: other.code().to_owned() },
    }
}

/// The check that an assertion was not used before.
const REPLAY: &str = "saml_replay";
