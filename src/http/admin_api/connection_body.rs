//! A connection as it comes in and goes out.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use url::Url;
use utoipa::ToSchema;

use super::oidc_options::{OidcOptionsBody, SeveralFactorsBody};
use super::saml_options_body::SamlOptionsBody;
use crate::directory::connections::metadata::{Address, MetadataSource};
use crate::directory::connections::oidc_options::OidcOptions;
use crate::directory::connections::{Connection, Settings};
use crate::directory::matching::{MatchRule, Matching};
use crate::flows::connect_identity_provider::Provider;
use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::protocol::oidc::relying_party::authentication::ClientAuthentication;
use crate::protocol::oidc::relying_party::claim_map::ClaimMap;
use crate::protocol::oidc::relying_party::preset::Preset;
use crate::protocol::saml::certificate::Certificate;
use crate::values::clock::Timestamp;
use crate::values::secret::Secret;

/// A connection to create.
#[derive(Debug, Deserialize, ToSchema)]
pub struct NewConnectionBody {
    /// The name people see when they choose between several ways in.
    #[schema(example = "Acme SSO")]
    pub name: String,
    /// The provider.
    #[serde(flatten)]
    pub provider: ProviderBody,
}

/// An identity provider.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(tag = "protocol", rename_all = "lowercase", deny_unknown_fields)]
pub enum ProviderBody {
    /// SAML 2.0: either the metadata document or where to fetch it.
    Saml {
        /// The metadata document.
        metadata_xml: Option<String>,
        /// Where the metadata document is fetched from, now and again on a schedule.
        metadata_url: Option<String>,
        /// The certificate, in PEM or base64, whose key has to sign the document at `metadata_url`.
        metadata_signer: Option<String>,
    },
    /// OpenID Connect.
    Oidc {
        /// The issuer; the discovery document is fetched from it.
        #[schema(example = "https://login.acme.test")]
        issuer: String,
        /// The gateway's client id there.
        client_id: String,
        /// The gateway's client secret there; not with `private_key_jwt`.
        #[schema(value_type = Option<String>)]
        client_secret: Option<Secret>,
        /// How the gateway proves there that it is the client: `client_secret_basic`, `client_secret_post` or
        /// `private_key_jwt`, of those that the provider's metadata lists. With the secret, as the metadata says, when left
        /// out.
        #[schema(value_type = Option<String>, example = "private_key_jwt")]
        client_authentication: Option<ClientAuthentication>,
        /// The provider's product: `generic`, `entra_id`, `okta` or `google`. What its issuer says, when left out.
        #[schema(value_type = Option<String>, example = "entra_id")]
        preset: Option<Preset>,
    },
}

impl ProviderBody {
    /// As the flow takes it.
    pub fn parse(self) -> Result<Provider, Problem> {
        let invalid = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "invalid_provider", detail);
        match self {
            Self::Saml { metadata_xml: Some(xml), metadata_url: None, metadata_signer: None } => {
                Ok(Provider::SamlMetadata(xml.into_bytes()))
            }
            Self::Saml { metadata_xml: None, metadata_url: Some(url), metadata_signer } => {
                let url = Url::parse(&url).map_err(|_| invalid("metadata_url is not a url"))?;
                let read = |text: String| Certificate::from_pem(&text);
                let signer = metadata_signer.map(read).transpose();
                let signer = signer.map_err(|_| invalid("metadata_signer is not a certificate that can be used"))?;
                Ok(Provider::SamlMetadataUrl(Address { url, signer }))
            }
            Self::Saml { .. } => {
                Err(invalid("give either metadata_xml or metadata_url, and metadata_signer with the latter only"))
            }
            Self::Oidc { issuer, client_id, client_secret, client_authentication, preset } => {
                Ok(Provider::Oidc { issuer, client_id, client_secret, authentication: client_authentication, preset })
            }
        }
    }
}

/// A certificate that may verify a SAML provider's signatures.
#[derive(Debug, Serialize, ToSchema)]
pub struct CertificateBody {
    /// SHA-256 of the certificate, in hexadecimal.
    fingerprint: String,
    expires_at: String,
}

/// Where metadata is read again, and how that went. What was read last stays until something better comes.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetadataBody {
    url: String,
    /// The fingerprint of the certificate whose key has to sign it.
    #[serde(skip_serializing_if = "Option::is_none")]
    signer: Option<String>,
    /// When it was last read.
    read_at: String,
    /// When it is read again.
    refresh_at: String,
    /// The last reading, if it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<MetadataFailureBody>,
}

/// A reading that failed.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetadataFailureBody {
    /// `metadata_unreachable`, `metadata_status`, `metadata_not_read`, `other_provider`, or a check of the document.
    code: String,
    at: String,
    /// How many failed in a row.
    count: i32,
}

impl MetadataBody {
    fn of(source: MetadataSource) -> Self {
        Self {
            url: source.address.url.to_string(),
            signer: source.address.signer.map(|signer| signer.fingerprint()),
            read_at: source.read_at.to_rfc3339(),
            refresh_at: source.refresh_at.to_rfc3339(),
            failure: source.failure.map(|failure| MetadataFailureBody {
                code: failure.code,
                at: failure.at.to_rfc3339(),
                count: failure.count,
            }),
        }
    }
}

/// What a connection knows of its provider, and what the provider must be told of the gateway.
#[derive(Debug, Serialize, ToSchema)]
#[serde(tag = "protocol", rename_all = "lowercase")]
pub enum SettingsBody {
    /// SAML 2.0.
    Saml {
        /// The provider's entity id.
        idp_entity_id: String,
        /// Where people are sent to sign in.
        idp_sso_url: String,
        /// Its signing certificates.
        idp_certificates: Vec<CertificateBody>,
        /// The gateway's entity id for this connection.
        sp_entity_id: String,
        /// The gateway's assertion consumer service for this connection.
        acs_url: String,
        /// Where the gateway's metadata for this connection is.
        sp_metadata_url: String,
        /// What is demanded of the provider.
        options: SamlOptionsBody,
        /// Where its metadata is read again, and how that went. None when it was handed in as a document.
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata: Option<MetadataBody>,
        /// From when on the metadata is no longer relied on, when it says; nobody signs in then.
        #[serde(skip_serializing_if = "Option::is_none")]
        metadata_valid_until: Option<String>,
    },
    /// OpenID Connect.
    Oidc {
        /// The provider's issuer.
        issuer: String,
        /// The gateway's client id there.
        client_id: String,
        /// The redirect URI to register there.
        callback_url: String,
        /// Where the provider may post logout tokens (`backchannel_logout_uri`).
        backchannel_logout_url: String,
        /// Where the provider may send people to sign in (`initiate_login_uri`), where the options say so.
        initiate_login_url: String,
        /// Where the provider finds the gateway's keys (`jwks_uri`).
        jwks_url: String,
        /// How the gateway proves there that it is the client, if that was chosen.
        #[serde(skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>)]
        client_authentication: Option<ClientAuthentication>,
        /// The provider's product, which says what is read from where.
        preset: PresetBody,
        /// What is demanded of the provider.
        options: OidcOptionsBody,
    },
}

/// What the preset of an OpenID connection sets, as far as the options do not.
#[derive(Debug, Serialize, ToSchema)]
pub struct PresetBody {
    /// `generic`, `entra_id`, `okta` or `google`.
    name: &'static str,
    /// The claims that name a person, of whose values an identity is made.
    subject: Vec<&'static str>,
    /// The claim with which the provider vouches for `email`.
    vouching: &'static str,
    given_name: Vec<String>,
    family_name: Vec<String>,
    display_name: Vec<String>,
    groups: Vec<String>,
    /// What several factors are called there; absent where nobody knows, so that what is known everywhere counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    several_factors: Option<SeveralFactorsBody>,
}

impl PresetBody {
    fn of(preset: Preset, options: &OidcOptions) -> Self {
        let ClaimMap { given_name, family_name, display_name, groups } = ClaimMap::new(preset, &options.claims);
        Self {
            name: preset.as_str(),
            subject: preset.subject_claims().to_vec(),
            vouching: preset.vouching_claim(),
            given_name,
            family_name,
            display_name,
            groups,
            several_factors: options.several_factors(preset).map(SeveralFactorsBody::of),
        }
    }
}

/// How a connection finds the account of somebody who signs in through it for the first time.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MatchBody {
    /// What of the SCIM user is compared: `email`, `user_name` or `external_id`.
    #[schema(example = "external_id")]
    by: String,
    /// The claim or the SAML attribute that a user name or an external id is compared with; the subject (`sub`, the
    /// NameID) when left out.
    #[schema(example = "oid")]
    #[serde(skip_serializing_if = "Option::is_none")]
    claim: Option<String>,
}

impl MatchBody {
    /// As the core takes it.
    pub fn parse(self) -> Result<Matching, Problem> {
        let by = MatchRule::parse(&self.by)
            .ok_or_else(|| Problem::new(StatusCode::BAD_REQUEST, "invalid_match", "there is no such linking rule"))?;
        Matching::new(by, self.claim).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "invalid_match", error))
    }
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionBody {
    id: String,
    name: String,
    /// `active`, `disabled` or `deleted`.
    state: &'static str,
    #[serde(flatten)]
    settings: SettingsBody,
    /// How a subject that is seen for the first time finds its account.
    r#match: MatchBody,
    version: i64,
    created_at: String,
    updated_at: String,
}

impl ConnectionBody {
    /// As it goes out; never a secret.
    pub fn of(context: &Context, connection: Connection, source: Option<MetadataSource>) -> Self {
        let id = connection.id;
        let settings = match connection.settings {
            Settings::Saml { idp, options } => SettingsBody::Saml {
                idp_entity_id: idp.entity_id,
                idp_sso_url: idp.sso_redirect_url.to_string(),
                idp_certificates: idp
                    .certificates
                    .iter()
                    .map(|certificate| CertificateBody {
                        fingerprint: certificate.fingerprint(),
                        expires_at: certificate.expires_at().to_rfc3339(),
                    })
                    .collect(),
                sp_entity_id: context.outside.service_provider.entity_id(id),
                acs_url: context.outside.service_provider.acs_url(id),
                // The entity id is the address of the metadata.
                sp_metadata_url: context.outside.service_provider.entity_id(id),
                options: SamlOptionsBody::of(options),
                metadata: source.map(MetadataBody::of),
                metadata_valid_until: idp.valid_until.map(Timestamp::to_rfc3339),
            },
            Settings::Oidc { issuer, client_id, preset, authentication, options } => SettingsBody::Oidc {
                issuer,
                client_id,
                callback_url: context.outside.relying_party.callback_url(id).into(),
                backchannel_logout_url: context.outside.relying_party.logout_url(id).into(),
                initiate_login_url: context.outside.relying_party.initiate_url(id).into(),
                jwks_url: context.outside.relying_party.jwks_url(id).into(),
                client_authentication: authentication,
                preset: PresetBody::of(preset, &options),
                options: OidcOptionsBody::of(options),
            },
        };
        Self {
            id: id.to_string(),
            name: connection.name,
            state: connection.state.as_str(),
            settings,
            r#match: MatchBody { by: connection.matching.by.as_str().to_owned(), claim: connection.matching.claim },
            version: connection.version,
            created_at: connection.created_at.to_rfc3339(),
            updated_at: connection.updated_at.to_rfc3339(),
        }
    }
}
