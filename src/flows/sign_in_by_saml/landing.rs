//! Sign-in that begins at the provider, as a round trip that begins here.
//!
//! A response that answers no request is bound to no browser, so whoever has one could sign somebody else in as
//! themselves. Where the connection says so it is taken as a wish instead: [`stray`] looks at nothing but whether it answers
//! a request, and [`begin`], in a request of our own site, makes one. The person comes back from the provider as anybody does,
//! in the browser that left, and lands at the place that the connection names.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::SamlSignInError;
use super::verifier::Verifier;
use crate::access::attempts::departure::{self, Errand};
use crate::access::attempts::{self, NewAttempt};
use crate::access::sessions::{self, Limits};
use crate::directory::applications;
use crate::directory::connections::saml_options::Landing;
use crate::directory::connections::{self, Connection, ConnectionState, Settings};
use crate::directory::service_provider::ServiceProvider;
use crate::protocol::oidc::authorization::{AuthorizationRequest, Prompt};
use crate::protocol::oidc::pkce::CodeChallenge;
use crate::protocol::oidc::scope::ScopeSet;
use crate::protocol::saml::assertion::{self, Unasked};
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::ids::ConnectionId;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// What a response that nobody waits for comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// A wish to sign in: the connection allows that, and it answers no request.
    Wish,
    /// Nothing.
    Unexpected,
    /// Nothing either, and it is no response at all.
    Unreadable,
}

/// Looks whether a response that nobody waits for is a wish to sign in. Nothing else of it is read. What cannot be found out now is
/// unexpected, as is what comes to a connection that is not there.
pub async fn stray(
    store: &Store,
    verifier: &Verifier,
    connection: ConnectionId,
    saml_response: String,
) -> Result<Stray, StoreError> {
    let find = move |tx: &mut Tx<'_>| {
        let found = connections::find(tx, connection)?.filter(|found| found.state != ConnectionState::Deleted);
        let is_saml = |found: &Connection| matches!(found.settings, Settings::Saml { .. });
        let Some(found) = found.filter(is_saml) else { return Ok(None) };
        Ok::<_, StoreError>(Some((found.organization, landing(tx, connection)?.is_some())))
    };
    let Some((organization, has_landing)) = store.read(find).await? else { return Ok(Stray::Unexpected) };
    let limits = verifier.settings().limits;
    let looked = verifier.finish(organization, move || assertion::unasked(&saml_response, &limits));
    Ok(match looked.await {
        Ok(Unasked::Unsolicited) if has_landing => Stray::Wish,
        Ok(Unasked::Unreadable) => Stray::Unreadable,
        Ok(Unasked::Unsolicited | Unasked::Stray) | Err(_) => Stray::Unexpected,
    })
}

/// The browser that leaves.
#[derive(Debug, Clone)]
pub struct Leaving {
    /// Its binding, which its cookie holds.
    pub binding: Secret,
    /// The session that it has, if any.
    pub session: Option<Secret>,
    /// How long sessions last.
    pub limits: Limits,
    /// How long the attempt lives.
    pub ttl_seconds: i64,
}

/// Why nobody is sent to the provider.
#[derive(Debug, thiserror::Error)]
pub enum LandingError {
    /// Somebody is signed in on behalf of another organization. A link of one organization, and its provider, shall not make
    /// somebody else of them behind their back.
    #[error("somebody is signed in on behalf of another organization")]
    SignedInElsewhere,
    /// As for every sign-in; where the connection has none that begins at its provider, it is not expected.
    #[error(transparent)]
    SignIn(#[from] SamlSignInError),
}

impl From<StoreError> for LandingError {
    fn from(error: StoreError) -> Self {
        Self::SignIn(error.into())
    }
}

/// Begins an attempt and makes its request. Returns the address to send the browser to.
pub async fn begin(
    store: &Store,
    provider: &ServiceProvider,
    op: &Operation,
    connection: ConnectionId,
    leaving: Leaving,
) -> Result<String, LandingError> {
    let (starting, session, limits) = (op.clone(), leaving.session.clone(), leaving.limits);
    let find = move |tx: &mut Tx<'_>| {
        let (found, landing) = landing(tx, connection)?.ok_or(SamlSignInError::NotExpected)?;
        if let Some(token) = &session {
            let session = sessions::find_live(tx, &starting, token, limits)?;
            if session.is_some_and(|session| session.organization != found.organization) {
                return Err(LandingError::SignedInElsewhere);
            }
        }
        let application = applications::find(tx, landing.application)?;
        let application = application.filter(|application| landing.is_at(application, found.organization));
        Ok((found, landing, application.ok_or(SamlSignInError::NotExpected)?.id))
    };
    let (connection, landing, application) = store.read(find).await?;
    let request = no_request(op, &application.to_string(), &landing)?;
    let attempt = op.new_id();
    let errand = Errand { attempt, request: &request, started_at: op.at };
    let departure = super::prepare(store, provider, op, errand, &connection).await?;
    let (op, url) = (op.clone(), departure.url.clone());
    let set_out = move |tx: &mut Tx<'_>| {
        let Leaving { binding, ttl_seconds, .. } = &leaving;
        let (ttl_seconds, landing) = (*ttl_seconds, Some(landing.url.as_str()));
        let new = NewAttempt { id: attempt, application, request: &request, binding, ttl_seconds, landing };
        attempts::start(tx, &op, &new)?;
        departure::set_out(tx, &op, attempt, None, &departure)
    };
    store.write(set_out).await.map_err(SamlSignInError::from)?;
    Ok(url)
}

fn landing(tx: &mut Tx<'_>, connection: ConnectionId) -> Result<Option<(Connection, Landing)>, StoreError> {
    let found = connections::find(tx, connection)?.filter(|found| found.state == ConnectionState::Active);
    Ok(found.and_then(|found| match &found.settings {
        Settings::Saml { options, .. } => options.landing().cloned().map(|landing| (found, landing)),
        Settings::Oidc { .. } => None,
    }))
}

/// Stands for what no application has asked. Nobody has the verifier of its challenge.
fn no_request(op: &Operation, client_id: &str, landing: &Landing) -> Result<AuthorizationRequest, StoreError> {
    let challenge = CodeChallenge::parse(&URL_SAFE_NO_PAD.encode(op.entropy.bytes::<32>()));
    Ok(AuthorizationRequest {
        client_id: client_id.to_owned(),
        redirect_uri: landing.url.to_string(),
        scope: ScopeSet::parse("openid"),
        state: None,
        nonce: None,
        code_challenge: challenge.map_err(|error| StoreError::Internal(error.to_string()))?,
        prompt: Prompt::default(),
        max_age_seconds: None,
        acr_values: None,
        login_hint: None,
        id_token_hint: None,
        hinted_account: None,
        has_left_at_once: false,
    })
}
