//! A person signs in at their organization's OpenID provider: send the browser there, and take what it brings back.
//!
//! Everything the provider sends is hostile until it is checked, for the organization configures the provider. What
//! fails a check becomes a refusal of the attempt, with one audit entry that names the check; the person sees a plain
//! page. The same browser must come back: the door has compared its binding before it calls [`finish`].

pub mod claims;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};
use url::Url;

use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::{Sent, Upstream};
use crate::access::attempts::{self, Attempt, AttemptError};
use crate::access::grants;
use crate::access::identity::{self, AssertedIdentity, IdentityError, Outcome};
use crate::directory::connections::{self, Connection, ConnectionState, Settings};
use crate::directory::matching::Matching;
use crate::directory::service_provider::callback_url;
use crate::keys::sealing::{Sealer, SealingError};
use crate::outbound::idp::{IdpClient, IdpFailure};
use crate::protocol::oidc::authorization::{AuthorizationRequest, Prompt};
use crate::protocol::oidc::pkce::CodeVerifier;
use crate::protocol::oidc::relying_party::authorization::{self, Callback, Reauthentication, Request};
use crate::protocol::oidc::relying_party::discovery::ProviderConfiguration;
use crate::protocol::oidc::relying_party::id_token::{self, Expected, IdTokenError, VerifiedIdToken};
use crate::protocol::oidc::relying_party::jwks::KeyChoiceError;
use crate::protocol::oidc::relying_party::token::{self, OwnCredentials, Tokens};
use crate::protocol::oidc::relying_party::userinfo;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::email::EmailAddress;
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, new_token};

/// What is asked of a provider besides `openid`.
const SCOPE: &str = "email profile";

/// What the story needs from outside.
#[derive(Clone)]
pub struct SignInByOidc {
    /// The store.
    pub store: Store,
    /// Fetches from providers.
    pub idp: IdpClient,
    /// Opens client secrets.
    pub sealer: Sealer,
    /// Where people reach this gateway.
    pub public_url: Url,
    /// How far a provider's clock may differ from ours.
    pub clock_skew_seconds: i64,
}

/// Why a browser cannot be sent to a provider.
#[derive(Debug, thiserror::Error)]
pub enum BeginError {
    /// The connection speaks another protocol.
    #[error("the connection is not an openid connection")]
    OtherProtocol,
    /// The provider's metadata cannot be had.
    #[error("the identity provider cannot be used")]
    Provider(#[from] IdpFailure),
    /// What the answer is compared with cannot be sealed.
    #[error("the departure cannot be sealed")]
    Sealing(#[from] SealingError),
    /// The attempt is over.
    #[error(transparent)]
    Attempt(#[from] AttemptError),
}

/// Why nothing can be made of what came to a callback.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// It is not a response of a provider.
    #[error("the response is malformed")]
    Malformed,
    /// No attempt of this browser waits for it.
    #[error("no attempt waits for this response")]
    NotExpected,
    /// The client secret of the connection, or what was kept of the departure, cannot be opened.
    #[error("a sealed value of the connection or the attempt cannot be opened")]
    Sealing(#[from] SealingError),
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<IdentityError> for FinishError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::NotExpected | IdentityError::RollBackAndRefuse(_) => Self::NotExpected,
            IdentityError::Store(error) => Self::Store(error),
        }
    }
}

/// What a waiting attempt and its connection know, read before the network is used.
struct Waiting {
    attempt: Attempt,
    organization: OrganizationId,
    /// What happened to the connection while the person was away, so that no answer counts.
    refusal: Option<Refusal>,
    connection: ConnectionId,
    /// How a `sub` that is seen for the first time finds its account.
    matching: Matching,
    issuer: String,
    client_id: String,
    client_secret: Option<Secret>,
    nonce: Secret,
    verifier: CodeVerifier,
}

/// What is kept of a departure, sealed, until its answer comes.
struct Kept {
    nonce: Secret,
    verifier: CodeVerifier,
}

/// The place that it is sealed for.
fn kept_place(attempt: AttemptId) -> String {
    format!("attempts.upstream/{attempt}")
}

/// Neither of the two has a space in it.
fn seal(sealer: &Sealer, attempt: AttemptId, kept: &Kept) -> Result<String, SealingError> {
    let text = Secret::from(format!("{} {}", kept.nonce.expose(), kept.verifier.expose()));
    Ok(URL_SAFE_NO_PAD.encode(sealer.seal_secret(&text, &kept_place(attempt))?))
}

fn open(sealer: &Sealer, attempt: AttemptId, sealed: &str) -> Result<Kept, SealingError> {
    let sealed = URL_SAFE_NO_PAD.decode(sealed).map_err(|_| SealingError::Damaged)?;
    let text = sealer.open_secret(&sealed, &kept_place(attempt))?;
    let (nonce, verifier) = text.expose().split_once(' ').ok_or(SealingError::Damaged)?;
    let verifier = CodeVerifier::parse(verifier).map_err(|_| SealingError::Damaged)?;
    Ok(Kept { nonce: Secret::from(nonce.to_owned()), verifier })
}

impl SignInByOidc {
    /// Sends the browser of `attempt` to the provider of `connection`, with the address that the person typed here as
    /// the hint. Returns where to.
    pub async fn begin(
        &self,
        op: &Operation,
        attempt: &Attempt,
        connection: &Connection,
        address: &EmailAddress,
    ) -> Result<Url, BeginError> {
        let Settings::Oidc { issuer, client_id } = &connection.settings else {
            return Err(BeginError::OtherProtocol);
        };
        let provider = self.idp.configuration(issuer).await?;
        let handle = attempts::new_handle(op);
        let nonce = new_token("", &op.entropy);
        let verifier = CodeVerifier::mint(&op.entropy);
        let url = authorization::url(
            &provider,
            &Request {
                client_id,
                redirect_uri: &callback_url(&self.public_url, connection.id),
                scope: SCOPE,
                state: handle.expose(),
                nonce: nonce.expose(),
                code_verifier: &verifier,
                login_hint: Some(address.as_str()),
                reauthentication: reauthentication(&attempt.request),
            },
        );
        let upstream = Upstream::Oidc {
            sealed: seal(&self.sealer, attempt.id, &Kept { nonce, verifier })?,
            issuer: issuer.clone(),
            client_id: client_id.clone(),
        };
        let sent = Sent { connection: connection.id, upstream };
        let (op, id, address) = (op.clone(), attempt.id, address.clone());
        self.store.write(move |tx| attempts::send(tx, &op, id, Some(&address), &sent, &handle)).await?;
        Ok(url)
    }

    /// Takes what the browser brought to the callback of `connection`, if an attempt of the browser that holds
    /// `binding` waits for it, and stores the outcome in that attempt.
    pub async fn finish(
        &self,
        op: &Operation,
        connection: ConnectionId,
        binding: &Secret,
        query: &str,
    ) -> Result<Outcome, FinishError> {
        let callback = Callback::parse(query).map_err(|_| FinishError::Malformed)?;
        let waiting = self.waiting(op, connection, &callback.state).await?;
        // dex CVE-2022-39222: a response is of use only in the browser that began.
        if !waiting.attempt.is_bound_to(binding) {
            return Err(FinishError::NotExpected);
        }
        match self.identify(op, &waiting, &callback).await {
            Ok(asserted) => self.accept(op, callback.state, asserted).await,
            Err(refusal) => self.refuse(op, (waiting.organization, connection), callback.state, refusal).await,
        }
    }

    async fn waiting(&self, op: &Operation, id: ConnectionId, handle: &str) -> Result<Waiting, FinishError> {
        let (op, handle) = (op.clone(), handle.to_owned());
        let found = self.store.read(move |tx| {
            let Some(connection) = connections::find(tx, id)? else { return Ok::<_, StoreError>(None) };
            Ok(attempts::find_sent(tx, &op, id, &handle)?.map(|(attempt, sent)| (connection, attempt, sent)))
        });
        let (connection, attempt, sent) = found.await?.ok_or(FinishError::NotExpected)?;
        let Upstream::Oidc { sealed, issuer, client_id } = sent.upstream else {
            return Err(FinishError::NotExpected);
        };
        let Kept { nonce, verifier } = open(&self.sealer, attempt.id, &sealed)?;
        let asked = Settings::Oidc { issuer: issuer.clone(), client_id: client_id.clone() };
        let refusal = match connection.state {
            ConnectionState::Disabled | ConnectionState::Deleted => Some(Refusal::ConnectionInactive),
            ConnectionState::Active if !asked.is_same_provider(&connection.settings) => {
                Some(Refusal::ConnectionChanged)
            }
            ConnectionState::Active => None,
        };
        let place = connections::secret_place(id);
        let client_secret =
            connection.sealed_secret.map(|sealed| self.sealer.open_secret(&sealed, &place)).transpose()?;
        let organization = connection.organization;
        Ok(Waiting {
            attempt,
            organization,
            refusal,
            connection: id,
            matching: connection.matching,
            issuer,
            client_id,
            client_secret,
            nonce,
            verifier,
        })
    }

    /// The exchange with the provider. Every way out but one is a refusal.
    async fn identify(
        &self,
        op: &Operation,
        waiting: &Waiting,
        callback: &Callback,
    ) -> Result<AssertedIdentity, Refusal> {
        if let Some(refusal) = &waiting.refusal {
            return Err(refusal.clone());
        }
        let provider = self.idp.configuration(&waiting.issuer).await.map_err(|failure| unreachable(&failure))?;
        callback.check_issuer(&provider).map_err(|error| unverified(&error))?;
        let code = match &callback.outcome {
            authorization::Outcome::Code(code) => code,
            authorization::Outcome::Refused(code) => return Err(Refusal::Declined { code: code.clone() }),
        };
        let own = OwnCredentials { client_id: &waiting.client_id, client_secret: waiting.client_secret.as_ref() };
        let redirect_uri = callback_url(&self.public_url, waiting.connection);
        let call = token::redeem(&provider, &own, code, &redirect_uri, &waiting.verifier)
            .map_err(|error| unreachable(&error.into()))?;
        let tokens = self.idp.tokens(&provider, &call).await.map_err(|failure| unreachable(&failure))?;
        let verified = self.verified(op, waiting, &provider, &tokens).await?;
        let claims = self.claims(&provider, &tokens, &verified, waiting.matching.claim.as_deref()).await?;
        Ok(asserted(waiting, verified, &claims))
    }

    async fn verified(
        &self,
        op: &Operation,
        waiting: &Waiting,
        provider: &ProviderConfiguration,
        tokens: &Tokens,
    ) -> Result<VerifiedIdToken, Refusal> {
        let expected = Expected {
            issuer: &provider.issuer,
            client_id: &waiting.client_id,
            nonce: waiting.nonce.expose(),
            access_token: tokens.access_token.expose(),
            authenticated_after: grants::oldest_sign_in(&waiting.attempt.request, waiting.attempt.started_at),
            now: op.at,
            skew_seconds: self.clock_skew_seconds,
        };
        let token = tokens.id_token.expose();
        let keys = self.idp.keys(&provider.jwks_uri).await.map_err(|failure| unreachable(&failure))?;
        let outcome = match id_token::verify(token, &keys, &expected) {
            // The provider may have rolled its keys over since they were fetched.
            Err(IdTokenError::Key(KeyChoiceError::NotFound)) => {
                let keys =
                    self.idp.refreshed_keys(&provider.jwks_uri).await.map_err(|failure| unreachable(&failure))?;
                id_token::verify(token, &keys, &expected)
            }
            outcome => outcome,
        };
        outcome.map_err(|error| unverified(&error))
    }

    /// The claims about the person: those of the ID token, and of UserInfo where the ID token says too little.
    async fn claims(
        &self,
        provider: &ProviderConfiguration,
        tokens: &Tokens,
        verified: &VerifiedIdToken,
        matched: Option<&str>,
    ) -> Result<Map<String, Value>, Refusal> {
        let is_enough = claims::is_enough(&verified.claims, matched);
        let Some(url) = provider.userinfo_endpoint.as_ref().filter(|_| !is_enough) else {
            return Ok(verified.claims.clone());
        };
        let body = self.idp.userinfo(url, &tokens.access_token).await.map_err(|failure| unreachable(&failure))?;
        let userinfo = userinfo::parse(&body, &verified.subject).map_err(|error| unverified(&error))?;
        Ok(claims::merge(&verified.claims, userinfo))
    }

    async fn accept(&self, op: &Operation, handle: String, asserted: AssertedIdentity) -> Result<Outcome, FinishError> {
        let from = (asserted.organization, asserted.connection);
        let (finish, asserted, presented) = (op.clone(), Arc::new(asserted), handle.clone());
        let outcome = self.store.write(move |tx| identity::accept(tx, &finish, &presented, &asserted)).await;
        match outcome {
            Err(IdentityError::RollBackAndRefuse(refusal)) => self.refuse(op, from, handle, refusal).await,
            outcome => Ok(outcome?),
        }
    }

    async fn refuse(
        &self,
        op: &Operation,
        from: (OrganizationId, ConnectionId),
        handle: String,
        refusal: Refusal,
    ) -> Result<Outcome, FinishError> {
        tracing::info!(connection = %from.1, code = refusal.code(), detail = refusal.detail(), "a sign-in was refused");
        let op = op.clone();
        Ok(self.store.write(move |tx| identity::refuse(tx, &op, from, &handle, refusal)).await?)
    }
}

fn reauthentication(request: &AuthorizationRequest) -> Reauthentication {
    match (request.prompt, request.max_age_seconds) {
        (Prompt::Login | Prompt::SelectAccount, _) => Reauthentication::Required,
        (Prompt::AsNeeded | Prompt::None, Some(seconds)) => Reauthentication::MaxAge(seconds),
        (Prompt::AsNeeded | Prompt::None, None) => Reauthentication::NotNeeded,
    }
}

fn unreachable(failure: &IdpFailure) -> Refusal {
    Refusal::Unreachable { failure: failure.to_string() }
}

fn unverified(error: &impl std::error::Error) -> Refusal {
    Refusal::Unverified { check: error.to_string() }
}

fn asserted(waiting: &Waiting, verified: VerifiedIdToken, claims: &Map<String, Value>) -> AssertedIdentity {
    AssertedIdentity {
        connection: waiting.connection,
        organization: waiting.organization,
        subject: verified.subject.clone(),
        email: claims::email(claims),
        email_verified: claims::is_email_verified(claims, &waiting.issuer),
        display_name: claims::name(claims, "name"),
        given_name: claims::name(claims, "given_name"),
        family_name: claims::name(claims, "family_name"),
        matched: match &waiting.matching.claim {
            Some(claim) => claims::name(claims, claim),
            None => Some(verified.subject.clone()),
        },
        matching: waiting.matching.clone(),
        groups: claims::groups(claims),
        authn_instant: verified.authenticated_at,
        amr: verified.amr,
        acr: verified.acr,
        session_expires_at: verified.session_expires_at,
    }
}

#[cfg(test)]
mod tests;
