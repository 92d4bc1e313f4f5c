//! A SCIM client gets a credential. Keys that it publishes are fetched first, so that none is stored that could never be
//! used.

use crate::directory::permission::{self, Denied, Permission};
use crate::outbound::http_client::CallFailure;
use crate::outbound::idp::IdpFailure;
use crate::outbound::key_sets::KeySets;
use crate::protocol::oidc::client_keys::{ClientKeySet, InvalidKeys};
use crate::provisioning::clients::ScimClientError;
use crate::provisioning::clients::credentials::{self, NewCredential, ScimCredential};
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::ids::{OrganizationId, ScimClientId};
use crate::values::operation::Operation;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// Why there is no credential.
#[derive(Debug, thiserror::Error)]
pub enum AddError {
    /// The keys are said to be where the gateway never calls.
    #[error(transparent)]
    Address(IdpFailure),
    /// The keys cannot be fetched or read.
    #[error(transparent)]
    Keys(IdpFailure),
    /// The credential could not be stored.
    #[error(transparent)]
    Client(#[from] ScimClientError),
}

impl From<IdpFailure> for AddError {
    fn from(failure: IdpFailure) -> Self {
        match failure {
            IdpFailure::Call(CallFailure::ForbiddenUrl | CallFailure::ForbiddenAddress) => Self::Address(failure),
            IdpFailure::Call(_)
            | IdpFailure::Status(_)
            | IdpFailure::Discovery(_)
            | IdpFailure::KeySet(_)
            | IdpFailure::Token(_) => Self::Keys(failure),
        }
    }
}

impl From<Denied> for AddError {
    fn from(error: Denied) -> Self {
        Self::Client(error.into())
    }
}

impl From<StoreError> for AddError {
    fn from(error: StoreError) -> Self {
        Self::Client(error.into())
    }
}

/// Creates a credential of a client, and answers with its token or secret where it has one.
pub async fn run(
    store: &Store,
    keys: &KeySets<ClientKeySet>,
    op: &Operation,
    organization: OrganizationId,
    client: ScimClientId,
    new: NewCredential,
    quota: Quota,
) -> Result<(ScimCredential, Option<Secret>), AddError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    credentials::check(op, &new)?;
    if let Some(url) = new.kind.jwks_uri()
        && keys.keys(url).await?.is_empty()
    {
        return Err(ScimClientError::from(InvalidKeys::Unusable).into());
    }
    let op = op.clone();
    Ok(store.write(move |tx| credentials::create(tx, &op, organization, client, &new, &quota)).await?)
}
