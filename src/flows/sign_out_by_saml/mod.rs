//! Signing out across a SAML provider (single logout).
//!
//! [`answer`]: the provider says that somebody has signed out there; their sessions through that connection end here, and
//! it is answered. [`begin`]: somebody signs out here; their session ends first, whatever comes of the rest, and the
//! provider is asked to end its own. [`finish`]: what it answers decides what the person is told. A session that ends by
//! itself is nobody's wish, and nobody is asked.

#[cfg(test)]
mod tests;

use crate::access::saml_sessions::{self, SamlSession};
use crate::access::sessions::{self, Limits};
use crate::access::sign_outs::{self, Leaving};
use crate::directory::connections::{self, ConnectionState, Settings};
use crate::directory::service_provider::{ServiceProvider, ServiceProviderError};
use crate::flows::sign_in_by_saml::verifier::{Unfinished, Verifier};
use crate::protocol::saml::authn_request::new_id;
use crate::protocol::saml::document::Element;
use crate::protocol::saml::idp_metadata::{IdpMetadata, LogoutService};
use crate::protocol::saml::logout::ours::{Ours, Outgoing, Subject, request_xml, response_xml, send};
use crate::protocol::saml::logout::request::{self, LogoutRequest};
use crate::protocol::saml::logout::response::{self, LogoutResponse};
use crate::protocol::saml::logout::{Expected, LogoutRejected, posted, redirected};
use crate::protocol::saml::redirect_binding::{Kind, Received};
use crate::protocol::saml::signing_key::SigningKey;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx, assertions};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::Secret;

/// A message as it came.
#[derive(Debug, Clone)]
pub enum Message {
    /// By HTTP-Redirect.
    Redirected(Received),
    /// By HTTP-POST.
    Posted {
        /// What the form's field holds.
        text: String,
        /// What the sender wants back, or brings back.
        relay_state: Option<String>,
    },
}

/// Why nothing is done.
#[derive(Debug, thiserror::Error)]
pub enum SignOutError {
    /// No active SAML connection has this id.
    #[error("no such connection")]
    NoConnection,
    /// The message does not count.
    #[error(transparent)]
    Rejected(#[from] LogoutRejected),
    /// Nobody waits for this answer.
    #[error("nobody waits for this answer")]
    NotExpected,
    /// It was not verified in time.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
    /// Our own key.
    #[error(transparent)]
    ServiceProvider(#[from] ServiceProviderError),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What it takes to speak with the providers of connections.
#[derive(Clone, Copy)]
pub struct Parties<'a> {
    /// The database.
    pub store: &'a Store,
    /// Who we are.
    pub provider: &'a ServiceProvider,
    /// Where messages are verified.
    pub verifier: &'a Verifier,
}

/// The provider of a connection.
struct Party {
    organization: OrganizationId,
    idp: IdpMetadata,
    key: SigningKey,
}

impl Message {
    fn relay_state(&self) -> Option<&str> {
        match self {
            Self::Redirected(received) => received.relay_state.as_deref(),
            Self::Posted { relay_state, .. } => relay_state.as_deref(),
        }
    }
}

/// Ends the sessions that the request names. Returns our answer, if the provider takes one.
pub async fn answer(
    parties: Parties<'_>,
    op: &Operation,
    connection: ConnectionId,
    message: Message,
) -> Result<Option<Outgoing>, SignOutError> {
    let Party { organization, idp, key } = find(parties, op, connection).await?;
    let relay_state = message.relay_state().map(str::to_owned);
    let service = idp.logout.clone();
    let reading = Reading { kind: Kind::Request, message, idp };
    let asked = read(parties, op, (organization, connection), reading, request::read).await?;
    let (asking, whom) = (op.by(Actor::Connection { organization, connection }), asked.clone());
    parties.store.write(move |tx| end_sessions(tx, &asking, (organization, connection), &whom)).await?;
    let Some(LogoutService { binding, response_url, .. }) = service else { return Ok(None) };
    let (id, entity_id) = (new_id(&op.entropy), parties.provider.entity_id(connection));
    let ours = Ours { id: &id, issued_at: op.at, destination: &response_url, sp_entity_id: &entity_id };
    let xml = response_xml(&ours, &asked.id);
    let sent = send(binding, Kind::Response, &ours, &xml, relay_state.as_deref(), &key);
    Ok(Some(sent.map_err(ServiceProviderError::from)?))
}

/// A request works once: a second use could end a session that came after the first.
fn end_sessions(
    tx: &mut Tx<'_>,
    op: &Operation,
    on: (OrganizationId, ConnectionId),
    asked: &LogoutRequest,
) -> Result<(), SignOutError> {
    // An id of a request is no id of an assertion, though one provider makes both.
    let key = format!("logout {}", asked.id);
    if !assertions::consume(tx, on.1, &key, asked.replay_until)? {
        return Err(LogoutRejected::Replay.into());
    }
    Ok(saml_sessions::end(tx, op, on, &asked.name_id, &asked.session_indexes)?)
}

/// Ends the session of a cookie. Returns our request to end the provider's, if the session was live and its provider takes
/// one.
pub async fn begin(
    parties: Parties<'_>,
    op: &Operation,
    token: Secret,
    limits: Limits,
    leaving: Leaving,
) -> Result<Option<Outgoing>, SignOutError> {
    let (ours, ending) = (parties.provider.clone(), op.clone());
    let end = move |tx: &mut Tx<'_>| {
        let live = sessions::find_live(tx, &ending, &token, limits)?;
        sessions::end_by_token(tx, &ending, &token)?;
        let Some(session) = live else { return Ok::<_, SignOutError>(None) };
        let Some(upstream) = saml_sessions::find(tx, session.id)? else { return Ok(None) };
        let Some(party) = party(tx, &ours, upstream.connection, ending.at)? else { return Ok(None) };
        let Some(service) = party.idp.logout else { return Ok(None) };
        let request_id = new_id(&ending.entropy);
        let on = (party.organization, upstream.connection);
        let handle = sign_outs::begin(tx, &ending, on, &request_id, &leaving)?;
        Ok(Some((upstream, service, party.key, request_id, handle)))
    };
    let Some((upstream, service, key, id, handle)) = parties.store.write(end).await? else { return Ok(None) };
    let SamlSession { connection, name_id, qualifiers, index } = upstream;
    let entity_id = parties.provider.entity_id(connection);
    let ours = Ours { id: &id, issued_at: op.at, destination: &service.request_url, sp_entity_id: &entity_id };
    let subject = Subject { name_id: &name_id, qualifiers: &qualifiers, session_index: index.as_deref() };
    let xml = request_xml(&ours, &subject);
    let sent = send(service.binding, Kind::Request, &ours, &xml, Some(handle.expose()), &key);
    Ok(Some(sent.map_err(ServiceProviderError::from)?))
}

/// Takes the provider's answer to a request of ours. Returns the handle that the person's browser left with.
pub async fn finish(
    parties: Parties<'_>,
    op: &Operation,
    connection: ConnectionId,
    message: Message,
) -> Result<Secret, SignOutError> {
    let Party { organization, idp, .. } = find(parties, op, connection).await?;
    let handle = message.relay_state().map(|state| Secret::from(state.to_owned())).ok_or(SignOutError::NotExpected)?;
    let reading = Reading { kind: Kind::Response, message, idp };
    let answered: LogoutResponse = read(parties, op, (organization, connection), reading, response::read).await?;
    let (op, returned) = (op.clone(), handle.clone());
    let settle =
        move |tx: &mut Tx<'_>| sign_outs::settle(tx, &op, (organization, connection), returned.expose(), &answered);
    if parties.store.write(settle).await? { Ok(handle) } else { Err(SignOutError::NotExpected) }
}

/// A message, and whose it has to be.
struct Reading {
    kind: Kind,
    message: Message,
    idp: IdpMetadata,
}

/// Verifies a message on a thread of its own, and reads it.
async fn read<T: Send + 'static>(
    parties: Parties<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    reading: Reading,
    read: impl FnOnce(&Element, &Expected<'_>) -> Result<T, LogoutRejected> + Send + 'static,
) -> Result<T, SignOutError> {
    let (slo_url, settings, at) = (parties.provider.slo_url(connection), *parties.verifier.settings(), op.at);
    let work = move || {
        let Reading { kind, message, idp } = reading;
        // SAML metadata 2.3.1: what is past its validUntil is not to be relied on, its keys first of all.
        if idp.valid_until.is_some_and(|until| until <= at) {
            return Err(LogoutRejected::ProviderExpired);
        }
        let expected = Expected {
            idp_entity_id: &idp.entity_id,
            certificates: &idp.certificates,
            slo_url: &slo_url,
            now: at,
            skew_seconds: settings.clock_skew_seconds,
            limits: settings.limits,
        };
        read(&verified(kind, &message, &expected)?, &expected)
    };
    Ok(parties.verifier.finish(organization, work).await??)
}

fn verified(kind: Kind, message: &Message, expected: &Expected<'_>) -> Result<Element, LogoutRejected> {
    let root = match kind {
        Kind::Request => "LogoutRequest",
        Kind::Response => "LogoutResponse",
    };
    match message {
        Message::Redirected(received) => redirected(received, root, expected),
        Message::Posted { text, .. } => posted(text, root, expected),
    }
}

async fn find(parties: Parties<'_>, op: &Operation, connection: ConnectionId) -> Result<Party, SignOutError> {
    let (ours, at) = (parties.provider.clone(), op.at);
    let found = parties.store.read(move |tx| party(tx, &ours, connection, at)).await?;
    found.ok_or(SignOutError::NoConnection)
}

fn party(
    tx: &mut Tx<'_>,
    provider: &ServiceProvider,
    connection: ConnectionId,
    at: Timestamp,
) -> Result<Option<Party>, SignOutError> {
    let found = connections::find(tx, connection)?.filter(|found| found.state == ConnectionState::Active);
    let Some(found) = found else { return Ok(None) };
    let Settings::Saml { idp, .. } = found.settings else { return Ok(None) };
    Ok(Some(Party { organization: found.organization, idp, key: provider.signing_key(tx, at)? }))
}
