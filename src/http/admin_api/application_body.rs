//! An application as it comes in and goes out; of an organization and of the operator alike.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::directory::applications::{Application, ApplicationKind, NewApplication};
use crate::http::problem::Problem;
use crate::protocol::oidc::signing::SigningAlgorithm;
use crate::values::secret::Secret;

/// An application to register.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewApplicationBody {
    /// The name people see when they sign in.
    #[schema(example = "Acme Wiki")]
    name: String,
    /// `confidential` (a server, with a secret) or `public`; `confidential` when left out.
    kind: Option<String>,
    /// `ES256`, `RS256`, `PS256` or `EdDSA` (Ed25519); `RS256` when left out, which every client knows.
    id_token_algorithm: Option<String>,
    /// Where people may be sent back to after sign-in; compared exactly.
    redirect_uris: Vec<String>,
    /// Where people may be sent back to after sign-out; compared exactly.
    #[serde(default)]
    post_logout_redirect_uris: Vec<String>,
}

impl NewApplicationBody {
    /// As the core takes it.
    pub fn parse(self) -> Result<NewApplication, Problem> {
        let invalid = |detail: &str| Problem::new(StatusCode::BAD_REQUEST, "invalid_application", detail);
        Ok(NewApplication {
            name: self.name,
            kind: match self.kind.as_deref() {
                None | Some("confidential") => ApplicationKind::Confidential,
                Some("public") => ApplicationKind::Public,
                Some(_) => return Err(invalid("kind is confidential or public")),
            },
            id_token_algorithm: match self.id_token_algorithm.as_deref() {
                None => SigningAlgorithm::Rs256,
                Some(name) => SigningAlgorithm::parse(name)
                    .ok_or_else(|| invalid("id_token_algorithm is ES256, RS256, PS256 or EdDSA"))?,
            },
            redirect_uris: self.redirect_uris,
            post_logout_redirect_uris: self.post_logout_redirect_uris,
        })
    }
}

/// An application.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApplicationBody {
    /// Its id, which is its `client_id` as well.
    client_id: String,
    name: String,
    kind: &'static str,
    id_token_algorithm: &'static str,
    redirect_uris: Vec<String>,
    post_logout_redirect_uris: Vec<String>,
    created_at: String,
    /// The secret; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

impl ApplicationBody {
    /// As it goes out.
    pub fn of(application: Application) -> Self {
        Self::with_secret(application, None)
    }

    /// As it goes out right after its secret was made.
    pub fn with_secret(application: Application, secret: Option<Secret>) -> Self {
        Self {
            client_id: application.id.to_string(),
            name: application.name,
            kind: application.kind.as_str(),
            id_token_algorithm: application.id_token_algorithm.as_str(),
            redirect_uris: application.redirect_uris,
            post_logout_redirect_uris: application.post_logout_redirect_uris,
            created_at: application.created_at.to_rfc3339(),
            client_secret: secret.map(|secret| secret.expose().to_owned()),
        }
    }
}

/// A fresh client secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct SecretBody {
    /// The secret; it is shown in this answer and never again.
    client_secret: String,
}

impl SecretBody {
    /// As it goes out.
    pub fn of(secret: &Secret) -> Self {
        Self { client_secret: secret.expose().to_owned() }
    }
}
