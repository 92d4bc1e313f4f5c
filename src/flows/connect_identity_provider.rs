//! An organization connects its identity provider: fetch what describes it, check that it can be used, store it.

use super::outside::Outside;
use super::refresh_metadata::{self, ReadFailure};
use super::sign_in_by_saml::verifier::Unfinished;
use crate::directory::connections::metadata::{self, Address};
use crate::directory::connections::saml_options::SamlOptions;
use crate::directory::connections::{self, Connection, ConnectionError, NewConnection, Settings};
use crate::directory::permission::{self, Denied, Permission};
use crate::keys::sealing::SealingError;
use crate::outbound::http_client::CallFailure;
use crate::outbound::idp::IdpFailure;
use crate::protocol::oidc::relying_party::authentication::{ClientAuthentication, NotTaken};
use crate::protocol::oidc::relying_party::discovery::DiscoveryError;
use crate::protocol::oidc::relying_party::preset::{OtherIssuer, Preset};
use crate::protocol::saml::document::reader::Limits;
use crate::protocol::saml::idp_metadata::{self, IdpMetadata, InvalidMetadata};
use crate::store::failure::StoreError;
use crate::store::{Store, Tx};
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::quota::Quota;
use crate::values::secret::Secret;

/// What an administrator hands in.
#[derive(Debug, Clone)]
pub enum Provider {
    /// A SAML provider's metadata document.
    SamlMetadata(Vec<u8>),
    /// Where a SAML provider's metadata can be fetched, now and again on a schedule.
    SamlMetadataUrl(Address),
    /// An OpenID provider.
    Oidc {
        /// Its issuer.
        issuer: String,
        /// Our client id there.
        client_id: String,
        /// Our client secret there, unless we sign.
        client_secret: Option<Secret>,
        /// How we prove there that we are the client, if that is chosen.
        authentication: Option<ClientAuthentication>,
        /// The provider's product, if it is not to be taken from the issuer.
        preset: Option<Preset>,
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
    /// A secret where we sign, or none where we do not.
    #[error("private_key_jwt takes no client_secret, and every other way takes one")]
    InvalidAuthentication,
    /// The provider does not take what was chosen.
    #[error(transparent)]
    NotTaken(#[from] NotTaken),
    /// The issuer is not one of the product.
    #[error(transparent)]
    OtherIssuer(#[from] OtherIssuer),
    /// The metadata could not be read now.
    #[error(transparent)]
    Unfinished(#[from] Unfinished),
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

impl From<ReadFailure> for ConnectError {
    fn from(failure: ReadFailure) -> Self {
        match failure {
            ReadFailure::Provider(failure) => failure.into(),
            ReadFailure::Metadata(invalid) => invalid.into(),
            ReadFailure::Unfinished(unfinished) => unfinished.into(),
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
    let described = describe(outside, op, (organization, id), provider, None).await?;
    let Described { settings, sealed_secret, address } = described;
    let op = op.clone();
    let new = NewConnection { id, name, settings, sealed_secret };
    let create = move |tx: &mut Tx<'_>| {
        let created = connections::create(tx, &op, organization, &new, &quota)?;
        metadata::remember(tx, &op, &created, address.as_ref())?;
        Ok::<_, ConnectionError>(created)
    };
    Ok(store.write(create).await?)
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
    let reading = op.clone();
    let known = store.read(move |tx| connections::find_of(tx, &reading, organization, id)).await?;
    let preset = match known.settings {
        Settings::Oidc { preset, .. } => Some(preset),
        Settings::Saml { .. } => None,
    };
    let described = describe(outside, op, (organization, id), provider, preset).await?;
    let Described { settings, sealed_secret, address } = described;
    let op = op.clone();
    let replace = move |tx: &mut Tx<'_>| {
        let replaced =
            connections::provider::replace_settings(tx, &op, organization, id, &settings, sealed_secret.clone())?;
        metadata::remember(tx, &op, &replaced, address.as_ref())?;
        Ok::<_, ConnectionError>(replaced)
    };
    Ok(store.write(replace).await?)
}

/// A provider that can be used.
struct Described {
    settings: Settings,
    sealed_secret: Option<Vec<u8>>,
    /// Where its metadata is read again.
    address: Option<Address>,
}

impl Described {
    fn saml(idp: IdpMetadata, address: Option<Address>) -> Self {
        Self { settings: Settings::Saml { idp, options: SamlOptions::default() }, sealed_secret: None, address }
    }
}

async fn describe(
    outside: &Outside,
    op: &Operation,
    (organization, id): (OrganizationId, ConnectionId),
    provider: Provider,
    known: Option<Preset>,
) -> Result<Described, ConnectError> {
    match provider {
        Provider::SamlMetadata(document) => {
            let idp = idp_metadata::import(&document, op.at, &Limits::METADATA)?;
            Ok(Described::saml(idp, None))
        }
        Provider::SamlMetadataUrl(address) => {
            let (idp, verifier) = (&outside.idp, &outside.verifier);
            let read = refresh_metadata::read(idp, verifier, organization, &address, None, op.at).await?;
            // Nothing was known, so nothing can be unchanged.
            let (idp, _) = read.ok_or(IdpFailure::Status(304))?;
            Ok(Described::saml(idp, Some(address)))
        }
        Provider::Oidc { issuer, client_id, client_secret, authentication, preset } => {
            check_client(&client_id, client_secret.as_ref(), authentication)?;
            let is_to_be_checked = preset.is_some() || known.is_none();
            let preset = preset.or(known).unwrap_or_else(|| Preset::of_issuer(&issuer));
            // A connection that is older than presets keeps what it was.
            if is_to_be_checked {
                preset.check_issuer(&issuer)?;
            }
            let found = outside.idp.configuration(&issuer).await?;
            authentication.unwrap_or_else(|| ClientAuthentication::by_secret(&found)).check(&found)?;
            let place = connections::secret_place(id);
            let sealed = client_secret.map(|secret| outside.sealer.seal_secret(&secret, &place)).transpose()?;
            let settings = Settings::oidc(&issuer, &client_id, preset, authentication);
            Ok(Described { settings, sealed_secret: sealed, address: None })
        }
    }
}

fn check_client(
    client_id: &str,
    client_secret: Option<&Secret>,
    authentication: Option<ClientAuthentication>,
) -> Result<(), ConnectError> {
    let is_sound = |text: &str| (1..=1_000).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sound(client_id) || client_secret.is_some_and(|secret| !is_sound(secret.expose())) {
        return Err(ConnectError::InvalidClient);
    }
    let has_secret = client_secret.is_some();
    let signs = authentication == Some(ClientAuthentication::PrivateKeyJwt);
    if has_secret == signs { Err(ConnectError::InvalidAuthentication) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{CallFailure, ClientAuthentication, ConnectError, DiscoveryError, IdpFailure, Preset, Provider};
    use super::{create, replace};
    use crate::access::testing::{World, world};
    use crate::directory::connections::ConnectionError;
    use crate::flows::testing;
    use crate::values::operation::{Actor, Operation, Role};
    use crate::values::quota::Quota;
    use crate::values::secret::Secret;

    /// Where nobody answers, so that whoever is called shows.
    const NOBODY: &str = "http://127.0.0.1:1";

    fn oidc(issuer: &str) -> Provider {
        Provider::Oidc {
            issuer: issuer.to_owned(),
            client_id: "causeway".to_owned(),
            client_secret: Some(Secret::from("s3cret".to_owned())),
            authentication: None,
            preset: None,
        }
    }

    /// Why this provider is not connected, or not in place of the one that the world's connection has.
    async fn refused(world: &World, op: &Operation, provider: Provider) -> [Option<ConnectError>; 2] {
        let (store, outside, organization) = (world.store(), &testing::outside(), world.organization);
        let (name, quota) = ("B".to_owned(), Quota::default());
        let created = create(store, outside, op, organization, name, provider.clone(), quota).await;
        let replaced = replace(store, outside, op, organization, world.connection, provider).await;
        [created.err(), replaced.err()]
    }

    #[actix_web::test]
    async fn nobody_is_called_for_who_may_not_manage_connections() {
        for world in world().await {
            let token = world.op().new_id();
            let auditor = Actor::Admin { organization: world.organization, role: Role::Auditor, token };
            for op in [world.op(), world.op().by(auditor)] {
                for answer in refused(&world, &op, oidc(NOBODY)).await {
                    let denied = matches!(answer, Some(ConnectError::Connection(ConnectionError::Denied(_))));
                    assert!(denied, "{:?}: {answer:?}", op.actor);
                }
            }
        }
    }

    #[actix_web::test]
    async fn nobody_is_called_for_a_client_that_cannot_be_used() {
        for world in world().await {
            let with = |id: &str, secret: Option<&str>, authentication| Provider::Oidc {
                issuer: NOBODY.to_owned(),
                client_id: id.to_owned(),
                client_secret: secret.map(|secret| Secret::from(secret.to_owned())),
                authentication,
                preset: None,
            };
            let long = "x".repeat(1_001);
            for (id, secret) in [("", "s"), (&*long, "s"), ("a b", "s"), ("c", ""), ("c", &*long), ("c", "a\nb")] {
                for answer in refused(&world, &world.operator(), with(id, Some(secret), None)).await {
                    assert!(matches!(answer, Some(ConnectError::InvalidClient)), "{id} {secret}: {answer:?}");
                }
            }
            let signs = Some(ClientAuthentication::PrivateKeyJwt);
            for provider in [with("c", None, None), with("c", Some("s"), signs)] {
                for answer in refused(&world, &world.operator(), provider).await {
                    assert!(matches!(answer, Some(ConnectError::InvalidAuthentication)), "{answer:?}");
                }
            }
            let [answer, _] =
                refused(&world, &world.operator(), oidc("https://login.microsoftonline.com/common/v2.0")).await;
            assert!(matches!(answer, Some(ConnectError::OtherIssuer(_))), "{answer:?}");
        }
    }

    #[actix_web::test]
    async fn a_provider_that_does_not_take_what_was_chosen_is_not_connected() {
        for world in world().await {
            let honest = testing::Provider::start(&world, "");
            honest.script.lock().unwrap().methods = vec!["client_secret_basic"];
            let provider = Provider::Oidc {
                issuer: honest.issuer.clone(),
                client_id: "causeway".to_owned(),
                client_secret: Some(Secret::from("s3cret".to_owned())),
                authentication: Some(ClientAuthentication::ClientSecretPost),
                preset: Some(Preset::Generic),
            };
            for answer in refused(&world, &world.operator(), provider).await {
                assert!(matches!(answer, Some(ConnectError::NotTaken(_))), "{answer:?}");
            }
            let [created, _] = refused(&world, &world.operator(), oidc(&honest.issuer)).await;
            assert!(created.is_none(), "{created:?}");
        }
    }

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
