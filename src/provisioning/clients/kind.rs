//! The kinds of credentials, and what each keeps: a hash, or whose signature is believed.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use crate::protocol::oidc::client_keys::{ClientKeySet, InvalidKeys};
use crate::store::failure::StoreError;

/// The longest issuer, subject or audience.
const MAX_TEXT_CHARS: usize = 1_000;
/// The longest URL of a key set.
const MAX_URL: usize = 2_000;

/// How a client proves itself.
#[derive(Debug, Clone, PartialEq)]
pub enum CredentialKind {
    /// A token in the `Authorization` header of each request (RFC 6750).
    Bearer,
    /// A secret, for which the token endpoint gives access tokens (RFC 6749, 4.4).
    ClientSecret,
    /// A JWT that the client signs itself (RFC 7523, 2.2).
    PrivateKeyJwt {
        /// What checks it.
        keys: KeySource,
    },
    /// A JWT that somebody else signs for the client, who holds no secret at all.
    WorkloadIdentity {
        /// What checks it.
        keys: KeySource,
        /// What it must say.
        identity: ForeignIdentity,
    },
}

/// Where the keys come from that check a client's assertions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    /// They are kept here (RFC 7517, 5).
    Jwks(Value),
    /// They are published there.
    JwksUri(Url),
}

/// Whom an assertion of somebody else is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs)] // claims of RFC 7519
pub struct ForeignIdentity {
    pub issuer: String,
    pub subject: String,
    pub audience: String,
}

impl ForeignIdentity {
    /// True when an assertion can be compared with it.
    pub fn is_sound(&self) -> bool {
        [&self.issuer, &self.subject, &self.audience].into_iter().all(|text| {
            !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS && !text.chars().any(char::is_control)
        })
    }
}

impl KeySource {
    /// Refuses keys that no assertion could be checked with. Whether the URL can be called, and what is there, is seen
    /// by whoever calls it.
    pub fn check(&self) -> Result<(), InvalidKeys> {
        match self {
            Self::Jwks(document) => ClientKeySet::registered(document).map(|_| ()),
            Self::JwksUri(url) if url.as_str().len() <= MAX_URL => Ok(()),
            Self::JwksUri(_) => Err(InvalidKeys::TooLong),
        }
    }
}

/// What is kept of a kind beside its name.
#[derive(Serialize, Deserialize)]
struct Trust {
    keys: KeySource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    identity: Option<ForeignIdentity>,
}

impl CredentialKind {
    /// The name in the store and the API.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::ClientSecret => "client_secret",
            Self::PrivateKeyJwt { .. } => "private_key_jwt",
            Self::WorkloadIdentity { .. } => "workload_identity",
        }
    }

    /// Where its keys are published, if they are.
    pub const fn jwks_uri(&self) -> Option<&Url> {
        match self {
            Self::PrivateKeyJwt { keys: KeySource::JwksUri(url) }
            | Self::WorkloadIdentity { keys: KeySource::JwksUri(url), .. } => Some(url),
            _ => None,
        }
    }

    /// What the store keeps beside the name.
    pub fn trust(&self) -> Result<Option<String>, StoreError> {
        let trust = match self {
            Self::Bearer | Self::ClientSecret => return Ok(None),
            Self::PrivateKeyJwt { keys } => Trust { keys: keys.clone(), identity: None },
            Self::WorkloadIdentity { keys, identity } => Trust { keys: keys.clone(), identity: Some(identity.clone()) },
        };
        serde_json::to_string(&trust).map(Some).map_err(|error| StoreError::Internal(error.to_string()))
    }

    /// The kind that the store keeps under this name.
    pub fn of(name: &str, trust: Option<&str>) -> Result<Self, StoreError> {
        const INCONSISTENT: StoreError = StoreError::Inconsistent("scim_credentials.kind");
        let trust: Option<Trust> = trust.map(serde_json::from_str).transpose().map_err(|_| INCONSISTENT)?;
        match (name, trust) {
            ("bearer", None) => Ok(Self::Bearer),
            ("client_secret", None) => Ok(Self::ClientSecret),
            ("private_key_jwt", Some(Trust { keys, identity: None })) => Ok(Self::PrivateKeyJwt { keys }),
            ("workload_identity", Some(Trust { keys, identity: Some(identity) })) => {
                Ok(Self::WorkloadIdentity { keys, identity })
            }
            _ => Err(INCONSISTENT),
        }
    }
}
