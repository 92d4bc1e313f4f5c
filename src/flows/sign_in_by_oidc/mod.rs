//! A person signs in at their organization's OpenID provider: send the browser there, and take what it brings back.
//!
//! Everything the provider sends is hostile until it is checked, for the organization configures the provider. What
//! fails a check becomes a refusal of the attempt, with one audit entry that names the check; the person sees a plain
//! page. The same browser must come back.

mod departure;
mod exchange;

use std::sync::Arc;

use crate::access::attempts::departure::{Departure, Errand};
use crate::access::attempts::refusal::Refusal;
use crate::access::attempts::state::{Sent, Upstream};
use crate::access::attempts::{self, Attempt};
use crate::access::identity::{self, AssertedIdentity, IdentityError, Outcome};
use crate::directory::connection_policy;
use crate::directory::connection_roles;
use crate::directory::connections::oidc_options::OidcOptions;
use crate::directory::connections::{self, Connection, ConnectionState, Settings};
use crate::directory::matching::Matching;
use crate::directory::relying_party::RelyingParty;
use crate::keys::sealing::{Sealer, SealingError};
use crate::outbound::idp::{IdpClient, IdpFailure};
use crate::protocol::oidc::authorization::{AuthorizationRequest, Prompt};
use crate::protocol::oidc::pkce::CodeVerifier;
use crate::protocol::oidc::relying_party::authentication::ClientAuthentication;
use crate::protocol::oidc::relying_party::authorization::{self, Callback, Reauthentication, Request};
use crate::protocol::oidc::relying_party::claim_map::Uses;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::oidc::signing::SigningKey;
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::email::EmailAddress;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, new_token};
use departure::{Kept, open, seal};
use exchange::{Exchange, Refused};

/// What the story needs from outside.
#[derive(Clone)]
pub struct SignInByOidc {
    /// The store.
    pub store: Store,
    /// Fetches from providers.
    pub idp: IdpClient,
    /// Opens client secrets.
    pub sealer: Sealer,
    /// Who the gateway is towards them.
    pub relying_party: RelyingParty,
    /// How far a provider's clock may differ from ours.
    pub clock_skew_seconds: i64,
    /// So many people an organization may have, for who is new.
    pub most_people: u32,
}

/// Why a browser cannot be sent to a provider.
#[derive(Debug, thiserror::Error)]
pub enum PrepareError {
    /// The connection speaks another protocol.
    #[error("the connection is not an openid connection")]
    OtherProtocol,
    /// The provider's metadata cannot be had.
    #[error("the identity provider cannot be used")]
    Provider(#[from] IdpFailure),
    /// What the answer is compared with cannot be sealed.
    #[error("the departure cannot be sealed")]
    Sealing(#[from] SealingError),
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
    /// How we prove that we are the client, if that was chosen.
    authentication: Option<ClientAuthentication>,
    /// The key for that, where it takes one.
    key: Option<SigningKey>,
    preset: Preset,
    options: OidcOptions,
    /// What of it something is made of.
    uses: Uses,
    nonce: Secret,
    verifier: CodeVerifier,
}

impl SignInByOidc {
    /// Makes the request to the provider of a connection, with the address that the person typed here, or that the gateway
    /// knows of them, as the hint. Nothing waits for its answer before
    /// [`departure::set_out`](crate::access::attempts::departure::set_out).
    pub async fn prepare(
        &self,
        op: &Operation,
        errand: Errand<'_>,
        connection: &Connection,
        address: Option<&EmailAddress>,
    ) -> Result<Departure, PrepareError> {
        let Settings::Oidc { issuer, client_id, preset, options, .. } = &connection.settings else {
            return Err(PrepareError::OtherProtocol);
        };
        let provider = self.idp.configuration(issuer).await?;
        let handle = attempts::new_handle(op);
        let nonce = new_token("", &op.entropy);
        let verifier = CodeVerifier::mint(&op.entropy);
        let level = errand.request.level_asked();
        let asking = options.asks_for(*preset, level);
        let url = authorization::url(
            &provider,
            &Request {
                client_id,
                redirect_uri: &self.relying_party.callback_url(connection.id),
                scope: &options.scope(),
                state: handle.expose(),
                nonce: nonce.expose(),
                code_verifier: &verifier,
                login_hint: address.map(EmailAddress::as_str),
                reauthentication: reauthentication(errand.request, options),
                acr_values: &asking.acr_values,
                contexts: &asking.contexts,
                workspace: address.filter(|_| *preset == Preset::Google).map(|address| address.domain().as_str()),
            },
        );
        let upstream = Upstream::Oidc {
            sealed: seal(&self.sealer, errand.attempt, &Kept { nonce, verifier })?,
            issuer: issuer.clone(),
            client_id: client_id.clone(),
        };
        let map = options.several_factors(*preset);
        let asked = map.as_ref().map(|map| map.asks_for(level).to_vec()).unwrap_or_default();
        Ok(Departure { url: url.into(), handle, sent: Sent { connection: connection.id, upstream }, asked })
    }

    /// Takes what the browser brought to the callback of `connection`, if an attempt of the browser that holds
    /// `binding` waits for it, and stores the outcome in that attempt.
    pub async fn finish(
        &self,
        op: &Operation,
        connection: ConnectionId,
        binding: Option<&Secret>,
        query: &str,
    ) -> Result<Outcome, FinishError> {
        let callback = Callback::parse(query).map_err(|_| FinishError::Malformed)?;
        let binding = binding.ok_or(FinishError::NotExpected)?;
        let waiting = self.waiting(op, connection, &callback.state).await?;
        // dex CVE-2022-39222: a response is of use only in the browser that began.
        if !waiting.attempt.is_bound_to(binding) {
            return Err(FinishError::NotExpected);
        }
        match (Exchange { flow: self, op, waiting: &waiting }).identify(&callback).await {
            Ok(asserted) => self.accept(op, callback.state, asserted).await,
            Err(refused) => self.refuse(op, (waiting.organization, connection), callback.state, refused).await,
        }
    }

    async fn waiting(&self, op: &Operation, id: ConnectionId, handle: &str) -> Result<Waiting, FinishError> {
        let (reading, handle, relying_party) = (op.clone(), handle.to_owned(), self.relying_party.clone());
        let found = self.store.read(move |tx| {
            let Some(connection) = connections::find(tx, id)? else { return Ok::<_, StoreError>(None) };
            let Some((attempt, sent)) = attempts::find_sent(tx, &reading, id, &handle)? else { return Ok(None) };
            let signs = matches!(
                connection.settings,
                Settings::Oidc { authentication: Some(ClientAuthentication::PrivateKeyJwt), .. }
            );
            let key = if signs { Some(relying_party.signing_key(tx, reading.at)?) } else { None };
            let (organization, by) = (connection.organization, connection.matching.by);
            let uses = Uses {
                names: connection_policy::of(tx, organization, id, by)?.provisions,
                groups: connection_roles::is_any(tx, organization, id)?,
            };
            Ok(Some((connection, attempt, sent, key, uses)))
        });
        let (connection, attempt, sent, key, uses) = found.await?.ok_or(FinishError::NotExpected)?;
        let Upstream::Oidc { sealed, issuer, client_id } = sent.upstream else {
            return Err(FinishError::NotExpected);
        };
        let Settings::Oidc { issuer: present, client_id: client, preset, authentication, options } =
            connection.settings
        else {
            return Err(FinishError::NotExpected);
        };
        let Kept { nonce, verifier } = open(&self.sealer, attempt.id, &sealed)?;
        let refusal = match connection.state {
            ConnectionState::Disabled | ConnectionState::Deleted => Some(Refusal::ConnectionInactive),
            ConnectionState::Active if (&present, &client) != (&issuer, &client_id) => Some(Refusal::ConnectionChanged),
            ConnectionState::Active => None,
        };
        let place = connections::secret_place(id);
        let secret = connection.sealed_secret.map(|sealed| self.sealer.open_secret(&sealed, &place));
        Ok(Waiting {
            attempt,
            organization: connection.organization,
            refusal,
            connection: id,
            matching: connection.matching,
            issuer,
            client_id,
            client_secret: secret.transpose()?,
            authentication,
            key,
            preset,
            options,
            uses,
            nonce,
            verifier,
        })
    }

    async fn accept(&self, op: &Operation, handle: String, asserted: AssertedIdentity) -> Result<Outcome, FinishError> {
        let from = (asserted.organization, asserted.connection);
        let (finish, asserted, presented) = (op.clone(), Arc::new(asserted), handle.clone());
        let outcome = self.store.write(move |tx| identity::accept(tx, &finish, &presented, &asserted)).await;
        match outcome {
            Err(IdentityError::RollBackAndRefuse(refusal)) => self.refuse(op, from, handle, refusal.into()).await,
            outcome => Ok(outcome?),
        }
    }

    async fn refuse(
        &self,
        op: &Operation,
        from: (OrganizationId, ConnectionId),
        handle: String,
        Refused { refusal, compared }: Refused,
    ) -> Result<Outcome, FinishError> {
        tracing::info!(connection = %from.1, code = refusal.code(), detail = refusal.detail(), "a sign-in was refused");
        let op = op.clone();
        let refuse =
            move |tx: &mut Tx<'_>| identity::refuse_telling(tx, &op, from, &handle, refusal, compared.as_ref());
        Ok(self.store.write(refuse).await?)
    }
}

fn reauthentication(request: &AuthorizationRequest, options: &OidcOptions) -> Reauthentication {
    match (request.prompt, request.max_age_seconds) {
        _ if options.forces_authentication => Reauthentication::Required,
        (Prompt::Login | Prompt::SelectAccount, _) => Reauthentication::Required,
        (Prompt::AsNeeded | Prompt::None, Some(seconds)) => Reauthentication::MaxAge(seconds),
        (Prompt::AsNeeded | Prompt::None, None) => Reauthentication::NotNeeded,
    }
}

#[cfg(test)]
mod tests;
