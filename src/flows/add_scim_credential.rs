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

#[cfg(test)]
mod tests {
    use super::{AddError, InvalidKeys, ScimClientError, run};
    use crate::access::testing::{World, world};
    use crate::flows::testing::{Provider, outside};
    use crate::protocol::scim::tolerance::Profile;
    use crate::provisioning::clients;
    use crate::provisioning::clients::credentials::{MAX_TTL_SECONDS, NewCredential};
    use crate::provisioning::clients::kind::{CredentialKind, KeySource};
    use crate::values::operation::{Actor, Operation, Role};
    use crate::values::quota::Quota;
    use crate::values::scim_scope::ScimScope;

    /// Why a client whose keys are published there gets no credential.
    async fn refused(world: &World, op: &Operation, jwks_uri: &str, ttl_seconds: i64) -> Option<AddError> {
        let (operator, organization) = (world.operator(), world.organization);
        let made = world.store().write(move |tx| {
            let name = operator.request.to_string();
            clients::create(tx, &operator, organization, &name, Profile::Standard, &Quota::default())
        });
        let client = made.await.unwrap().id;
        let keys = KeySource::JwksUri(jwks_uri.parse().unwrap());
        let new = NewCredential { kind: CredentialKind::PrivateKeyJwt { keys }, scope: ScimScope::Write, ttl_seconds };
        run(world.store(), &outside().client_keys, op, organization, client, new, Quota::default()).await.err()
    }

    /// Nobody answers there, so that whoever is called shows.
    const NOBODY: &str = "http://127.0.0.1:1/jwks";

    #[actix_web::test]
    async fn nobody_is_called_for_who_may_not_or_for_what_cannot_be_stored() {
        for world in world().await {
            let token = world.op().new_id();
            let auditor = Actor::Admin { organization: world.organization, role: Role::Auditor, token };
            for op in [world.op(), world.op().by(auditor)] {
                let answer = refused(&world, &op, NOBODY, 60).await;
                let denied = matches!(answer, Some(AddError::Client(ScimClientError::Denied(_))));
                assert!(denied, "{:?}: {answer:?}", op.actor);
            }
            let answer = refused(&world, &world.operator(), NOBODY, MAX_TTL_SECONDS + 1).await;
            assert!(matches!(answer, Some(AddError::Client(ScimClientError::InvalidTtl))), "{answer:?}");
        }
    }

    #[actix_web::test]
    async fn keys_that_check_nothing_make_no_credential() {
        for world in world().await {
            let provider = Provider::start(&world, "");
            let jwks_uri = format!("{}/jwks", provider.issuer);
            provider.script.lock().unwrap().jwks.clear();
            let answer = refused(&world, &world.operator(), &jwks_uri, 60).await;
            let expected = AddError::Client(InvalidKeys::Unusable.into()).to_string();
            assert_eq!(answer.map(|answer| answer.to_string()), Some(expected));
        }
    }
}
