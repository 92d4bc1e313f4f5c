//! What an operator and Acme's administrator do before people come: the organization, its domain, its SCIM client, its
//! connections, the app. Through the same core functions and flows as the API, before the gateway serves.

use anyhow::bail;
use url::Url;

use super::manifest::Manifest;
use super::name_server::{self, ZONE};
use super::part;
use super::places::Places;
use crate::app;
use crate::cli::{as_operator, load};
use crate::config::Config;
use crate::directory::admin_tokens::{self, NewToken};
use crate::directory::applications::{self, ApplicationKind, NewApplication};
use crate::directory::connections::Connection;
use crate::directory::connections::metadata::Address;
use crate::directory::domains::claim;
use crate::directory::organizations::{self, NewOrganization, Organization};
use crate::flows::connect_identity_provider::{self, Provider};
use crate::flows::outside::Outside;
use crate::flows::verify_domain;
use crate::keys::sealing::Sealer;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::protocol::scim::tolerance::Profile;
use crate::provisioning::clients;
use crate::provisioning::clients::credentials::{self, NewCredential};
use crate::provisioning::clients::kind::CredentialKind;
use crate::store::Store;
use crate::store::failure::StoreError;
use crate::values::operation::{Operation, Role};
use crate::values::scim_scope::ScimScope;
use crate::values::secret::{Secret, new_token};

const TTL_SECONDS: i64 = 30 * 24 * 3600;
/// The gateway's client id at the OpenID provider.
const CLIENT_ID: &str = "causeway";

#[derive(Debug, thiserror::Error)]
enum SetupError {
    #[error(transparent)]
    Organization(#[from] organizations::OrganizationError),
    #[error(transparent)]
    Token(#[from] admin_tokens::AdminTokenError),
    #[error(transparent)]
    Client(#[from] clients::ScimClientError),
    #[error(transparent)]
    Application(#[from] applications::ApplicationError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The database of a gateway that does not serve yet.
pub struct Setup {
    config: Config,
    store: Store,
    outside: Outside,
    op: Operation,
    organization: Organization,
    admin_token: Secret,
}

impl Setup {
    /// Makes the database and the gateway's keys, and the organization "Acme" with its owner.
    pub async fn begin(places: &Places) -> anyhow::Result<Self> {
        let config = load(&places.configuration())?.config;
        let (store, op) = as_operator(&config).await?;
        let sealer = Sealer::new(&config.encryption_keys)?;
        app::establish_keys(&store, &sealer, &op).await?;
        let outside = app::outside(&config, sealer)?;
        let new = NewOrganization {
            slug: "acme".parse()?,
            name: "Acme".to_owned(),
            support_name: Some("Acme help desk".to_owned()),
            support_email: Some("help@acme.test".parse()?),
            owner: "owner@acme.test".parse()?,
        };
        let (at, quota) = (op.clone(), config.limits.quota);
        let created = store.write(move |tx| {
            let (organization, owner) = organizations::create(tx, &at, &new)?;
            let name = "demo".to_owned();
            let token = NewToken { name, role: Role::Owner, ttl_seconds: TTL_SECONDS, account: Some(owner) };
            let (_, secret) = admin_tokens::create(tx, &at, organization.id, &token, &quota)?;
            Ok::<_, SetupError>((organization, secret))
        });
        let (organization, admin_token) = created.await?;
        Ok(Self { config, store, outside, op, organization, admin_token })
    }

    /// Claims the domain, publishes its record, and has the gateway look it up.
    pub async fn prove_domain(&self, places: &Places) -> anyhow::Result<()> {
        let (op, organization, name) = (self.op.clone(), self.organization.id, ZONE.parse()?);
        let quota = self.config.limits.quota;
        let domain = self.store.write(move |tx| claim::create(tx, &op, organization, &name, &quota)).await?;
        let value = crate::directory::domains::proof::record_value(&domain.challenge);
        name_server::write(places, Some((crate::directory::domains::proof::LABEL, &value)))?;
        part::run(places.knotc_reload()).await?;
        for _ in 0..100 {
            let checked = verify_domain::run(&self.store, &self.outside.dns, &self.op, organization, domain.id).await?;
            if checked.1.is_none() {
                return Ok(());
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        bail!("the DNS server does not serve the record of {ZONE}")
    }

    /// Adds the connections, the SCIM client, the app and the operator's token.
    pub async fn finish(self, places: &Places) -> anyhow::Result<Manifest> {
        let metadata = Url::parse(&format!("{}/metadata", places.saml_idp_url()))?;
        let saml = self
            .connect("Acme SAML", Provider::SamlMetadataUrl(Address { url: metadata.clone(), signer: None }))
            .await?;
        let client_secret = new_token("", &self.op.entropy);
        let provider = Provider::Oidc {
            issuer: places.openid_provider_url(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: Some(client_secret.clone()),
            authentication: None,
            preset: None,
        };
        let oidc = self.connect("Acme OpenID", provider).await?;
        let redirect_uri = format!("{}/callback", places.sample_app_url());
        let app = sample_app(places, &redirect_uri);
        let (op, organization, quota) = (self.op.clone(), self.organization.id, self.config.limits.quota);
        let written = self.store.write(move |tx| {
            let client = clients::create(tx, &op, organization, "Acme directory", Profile::Standard, &quota)?;
            let new = NewCredential { kind: CredentialKind::Bearer, scope: ScimScope::Write, ttl_seconds: TTL_SECONDS };
            let (_, scim_token) = credentials::create(tx, &op, organization, client.id, &new, &quota)?;
            let (application, secret) = applications::register(tx, &op, None, &app, &quota)?;
            let operator_token = admin_tokens::create_for_operator(tx, &op, "demo", TTL_SECONDS)?;
            Ok::<_, SetupError>((scim_token, application, secret, operator_token))
        });
        let (scim_token, application, secret, operator_token) = written.await?;
        let gateway = places.gateway_url();
        Ok(Manifest {
            operator_token: operator_token.expose().to_owned(),
            organization: self.organization.id,
            data_center: self.config.data_center.to_string(),
            admin_token: self.admin_token.expose().to_owned(),
            scim_base: format!("{gateway}/scim/v2/{}", self.organization.slug),
            scim_token: scim_token.map(|token| token.expose().to_owned()).unwrap_or_default(),
            saml_connection: saml.id,
            acs_url: self.outside.service_provider.acs_url(saml.id),
            sp_metadata_url: self.outside.service_provider.entity_id(saml.id),
            idp_metadata_url: metadata.to_string(),
            idp_entity_id: entity_id(&saml),
            oidc_connection: oidc.id,
            callback_url: self.outside.relying_party.callback_url(oidc.id).into(),
            idp_client_id: CLIENT_ID.to_owned(),
            idp_client_secret: client_secret.expose().to_owned(),
            client_id: application.id.to_string(),
            client_secret: secret.map(|secret| secret.expose().to_owned()).unwrap_or_default(),
            redirect_uris: vec![redirect_uri],
        })
    }

    async fn connect(&self, name: &str, provider: Provider) -> anyhow::Result<Connection> {
        let (store, outside, organization) = (&self.store, &self.outside, self.organization.id);
        let (name, quota) = (name.to_owned(), self.config.limits.quota);
        let connected =
            connect_identity_provider::create(store, outside, &self.op, organization, name, provider, quota);
        Ok(connected.await?)
    }
}

fn sample_app(places: &Places, redirect_uri: &str) -> NewApplication {
    NewApplication {
        name: "Sample app".to_owned(),
        kind: ApplicationKind::Confidential,
        id_token_algorithm: SigningAlgorithm::Es256,
        redirect_uris: vec![redirect_uri.to_owned()],
        post_logout_redirect_uris: vec![format!("{}/", places.sample_app_url())],
    }
}

fn entity_id(connection: &Connection) -> String {
    match &connection.settings {
        crate::directory::connections::Settings::Saml { idp, .. } => idp.entity_id.clone(),
        crate::directory::connections::Settings::Oidc { issuer, .. } => issuer.clone(),
    }
}
