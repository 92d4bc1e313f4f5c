//! An organization connects its identity provider: fetch what describes it, check that it can be used, store it.

use url::Url;

use super::outside::Outside;
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, Connection, ConnectionError, NewConnection, Settings};
use crate::directory::permission::{self, Denied, Permission};
use crate::keys::sealing::SealingError;
use crate::outbound::http_client::CallFailure;
use crate::outbound::idp::IdpFailure;
use crate::protocol::oidc::relying_party::discovery::DiscoveryError;
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::idp_metadata::{self, InvalidMetadata};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// What an administrator hands in.
#[derive(Debug, Clone)]
pub enum Provider {
    /// A SAML provider's metadata document.
    SamlMetadata(Vec<u8>),
    /// Where a SAML provider's metadata can be fetched, now.
    SamlMetadataUrl(Url),
    /// An OpenID provider.
    Oidc {
        /// Its issuer.
        issuer: String,
        /// Our client id there.
        client_id: String,
        /// Our client secret there.
        client_secret: Secret,
    },
}

/// Why the provider could not be connected.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The metadata is not acceptable.
    #[error(transparent)]
    Metadata(#[from] InvalidMetadata),
    /// The provider is said to be where the gateway never calls, which is for the administrator to put right.
    #[error(transparent)]
    Address(IdpFailure),
    /// The provider cannot be reached, or describes itself in a way that cannot be used.
    #[error(transparent)]
    Provider(IdpFailure),
    /// A client id or secret that is empty or too long.
    #[error("client id and secret have 1 to 1000 printable characters")]
    InvalidClient,
    /// The secret could not be sealed.
    #[error(transparent)]
    Sealing(#[from] SealingError),
    /// The connection could not be stored.
    #[error(transparent)]
    Connection(#[from] ConnectionError),
}

impl From<IdpFailure> for ConnectError {
    fn from(failure: IdpFailure) -> Self {
        match failure {
            IdpFailure::Call(CallFailure::ForbiddenUrl | CallFailure::ForbiddenAddress)
            | IdpFailure::Discovery(DiscoveryError::Issuer) => Self::Address(failure),
            IdpFailure::Call(_)
            | IdpFailure::Status(_)
            | IdpFailure::Discovery(_)
            | IdpFailure::KeySet(_)
            | IdpFailure::Token(_) => Self::Provider(failure),
        }
    }
}

impl From<StoreError> for ConnectError {
    fn from(error: StoreError) -> Self {
        Self::Connection(error.into())
    }
}

impl From<Denied> for ConnectError {
    fn from(error: Denied) -> Self {
        Self::Connection(error.into())
    }
}

/// Creates a connection. Nothing is stored unless the provider describes itself in a way that can be used.
pub async fn create(
    store: &Store,
    outside: &Outside,
    op: &Operation,
    organization: OrganizationId,
    name: String,
    provider: Provider,
    quota: Quota,
) -> Result<Connection, ConnectError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let id: ConnectionId = op.new_id();
    let (settings, sealed_secret) = describe(outside, op, id, provider).await?;
    let op = op.clone();
    let new = NewConnection { id, name, settings, sealed_secret };
    Ok(store.write(move |tx| connections::create(tx, &op, organization, &new, &quota)).await?)
}

/// Describes the provider of a connection anew, such as after a certificate roll-over.
pub async fn replace(
    store: &Store,
    outside: &Outside,
    op: &Operation,
    organization: OrganizationId,
    id: ConnectionId,
    provider: Provider,
) -> Result<Connection, ConnectError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let (settings, sealed_secret) = describe(outside, op, id, provider).await?;
    let op = op.clone();
    let replaced = store
        .write(move |tx| connections::replace_settings(tx, &op, organization, id, &settings, sealed_secret.clone()));
    Ok(replaced.await?)
}

async fn describe(
    outside: &Outside,
    op: &Operation,
    id: ConnectionId,
    provider: Provider,
) -> Result<(Settings, Option<Vec<u8>>), ConnectError> {
    match provider {
        Provider::SamlMetadata(document) => {
            let idp = idp_metadata::import(&document, op.at, &Limits::METADATA)?;
            Ok((Settings::Saml { idp, options: SamlOptions::default() }, None))
        }
        Provider::SamlMetadataUrl(url) => {
            let document = outside.idp.saml_metadata(&url).await?;
            let idp = idp_metadata::import(&document, op.at, &Limits::METADATA)?;
            Ok((Settings::Saml { idp, options: SamlOptions::default() }, None))
        }
        Provider::Oidc { issuer, client_id, client_secret } => {
            let is_sound = |text: &str| (1..=1_000).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
            if !is_sound(&client_id) || !is_sound(client_secret.expose()) {
                return Err(ConnectError::InvalidClient);
            }
            outside.idp.configuration(&issuer).await?;
            let sealed = outside.sealer.seal_secret(&client_secret, &connections::secret_place(id))?;
            Ok((Settings::Oidc { issuer, client_id }, Some(sealed)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{CallFailure, ConnectError, DiscoveryError, IdpFailure};

    #[test]
    fn where_the_gateway_never_calls_is_the_administrators_fault_and_the_rest_the_providers() {
        let is_address = |failure: IdpFailure| matches!(ConnectError::from(failure), ConnectError::Address(_));
        assert!(is_address(CallFailure::ForbiddenUrl.into()));
        assert!(is_address(CallFailure::ForbiddenAddress.into()));
        assert!(is_address(DiscoveryError::Issuer.into()));
        for failure in [CallFailure::Unreachable, CallFailure::TimedOut, CallFailure::TooLong, CallFailure::Broken] {
            assert!(!is_address(failure.into()));
        }
        assert!(!is_address(DiscoveryError::IssuerMismatch.into()));
        assert!(!is_address(IdpFailure::Status(500)));
    }
}
