//! A browser leaves for the identity provider of a connection, whichever protocol that speaks. The request is made with no
//! transaction open; from the end of the one transaction on, the attempt waits for the answer.

use super::sign_in_by_oidc::{PrepareError, SignInByOidc};
use super::sign_in_by_saml::{self, SamlSignInError};
use crate::access::attempts::departure::{self, Departure, Errand};
use crate::access::attempts::{self, Attempt, AttemptError, NewAttempt};
use crate::directory::connections::{Connection, Settings};
use crate::directory::service_provider::ServiceProvider;
use crate::protocol::oidc::authorization::AuthorizationRequest;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::email::EmailAddress;
use crate::values::ids::ApplicationId;
use crate::values::operation::Operation;
use crate::values::secret::Secret;

/// What the story needs from outside.
#[derive(Clone)]
pub struct LeaveForProvider {
    /// The store.
    pub store: Store,
    /// Towards OpenID providers.
    pub by_oidc: SignInByOidc,
    /// Who the gateway is towards SAML providers.
    pub service_provider: ServiceProvider,
}

/// Why a browser has not left.
#[derive(Debug, thiserror::Error)]
pub enum NotLeft {
    /// The identity provider cannot be used.
    #[error("the identity provider cannot be used: {0}")]
    Unreachable(String),
    /// The attempt is over.
    #[error("the attempt is over or in another state")]
    AttemptOver,
    /// The request cannot be made.
    #[error("the request cannot be made: {0}")]
    NotMade(String),
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// An attempt that is about to begin.
#[derive(Debug, Clone)]
pub struct Beginning {
    /// Which application asked.
    pub application: ApplicationId,
    /// What it asked for, validated.
    pub request: AuthorizationRequest,
    /// The browser's binding, which its cookie holds.
    pub binding: Secret,
    /// How long the attempt lives.
    pub ttl_seconds: i64,
}

impl LeaveForProvider {
    /// Lets an attempt wait for the answer of this connection's provider; `address` is what the person typed, if they did.
    /// Returns where the browser goes.
    pub async fn leave(
        &self,
        op: &Operation,
        attempt: &Attempt,
        address: Option<&EmailAddress>,
        connection: &Connection,
    ) -> Result<String, NotLeft> {
        let departure = self.prepare(op, attempt.errand(), address, connection).await?;
        let (op, id, address, url) = (op.clone(), attempt.id, address.cloned(), departure.url.clone());
        self.store.write(move |tx| departure::set_out(tx, &op, id, address.as_ref(), &departure)).await?;
        Ok(url)
    }

    /// The same for an attempt that begins by it.
    pub async fn begin(
        &self,
        op: &Operation,
        beginning: Beginning,
        address: EmailAddress,
        connection: &Connection,
    ) -> Result<String, NotLeft> {
        let id = op.new_id();
        let errand = Errand { attempt: id, request: &beginning.request, started_at: op.at };
        let departure = self.prepare(op, errand, Some(&address), connection).await?;
        let (op, url) = (op.clone(), departure.url.clone());
        let set_out = move |tx: &mut Tx<'_>| {
            let Beginning { application, request, binding, ttl_seconds } = &beginning;
            let (application, ttl_seconds) = (*application, *ttl_seconds);
            attempts::start(tx, &op, &NewAttempt { id, application, request, binding, ttl_seconds, landing: None })?;
            departure::set_out(tx, &op, id, Some(&address), &departure)
        };
        self.store.write(set_out).await?;
        Ok(url)
    }

    async fn prepare(
        &self,
        op: &Operation,
        errand: Errand<'_>,
        address: Option<&EmailAddress>,
        connection: &Connection,
    ) -> Result<Departure, NotLeft> {
        match &connection.settings {
            Settings::Oidc { .. } => Ok(self.by_oidc.prepare(op, errand, connection, address).await?),
            Settings::Saml { .. } => {
                Ok(sign_in_by_saml::prepare(&self.store, &self.service_provider, op, errand, connection).await?)
            }
        }
    }
}

impl From<AttemptError> for NotLeft {
    fn from(error: AttemptError) -> Self {
        match error {
            AttemptError::NotAllowed => Self::AttemptOver,
            AttemptError::Store(error) => Self::Store(error),
        }
    }
}

impl From<PrepareError> for NotLeft {
    fn from(error: PrepareError) -> Self {
        match error {
            PrepareError::Provider(failure) => Self::Unreachable(failure.to_string()),
            PrepareError::OtherProtocol | PrepareError::Sealing(_) => Self::NotMade(error.to_string()),
        }
    }
}

impl From<SamlSignInError> for NotLeft {
    fn from(error: SamlSignInError) -> Self {
        match error {
            SamlSignInError::AttemptOver => Self::AttemptOver,
            SamlSignInError::Store(error) => Self::Store(error),
            SamlSignInError::NoConnection
            | SamlSignInError::NotExpected
            | SamlSignInError::Unreadable
            | SamlSignInError::NotVerified(_)
            | SamlSignInError::ServiceProvider(_) => Self::NotMade(error.to_string()),
        }
    }
}
