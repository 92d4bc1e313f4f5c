//! The bodies of credentials of SCIM clients.

use actix_web::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use crate::http::context::Context;
use crate::http::problem::Problem;
use crate::protocol::oidc::discovery::path;
use crate::provisioning::clients::credentials::{NewCredential, ScimCredential};
use crate::provisioning::clients::kind::{CredentialKind, ForeignIdentity, KeySource};
use crate::values::ids::ScimClientId;
use crate::values::scim_scope::ScimScope;
use crate::values::secret::Secret;

const DEFAULT_TTL_SECONDS: i64 = 365 * 24 * 3600;

/// A credential to create. What it needs depends on its kind.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewScimCredentialBody {
    /// `bearer` (a token for the `Authorization` header), `client_secret`, `private_key_jwt` or `workload_identity`
    /// (for access tokens of `/oauth2/token`); `bearer` when left out.
    kind: Option<String>,
    /// `read`, `write` or, from operators only, `replica`; `write` when left out. Each includes those before it.
    scope: Option<String>,
    /// How long it lives, in seconds, up to three years; a year when left out.
    ttl_seconds: Option<i64>,
    /// The public keys of a `private_key_jwt` or `workload_identity` (RFC 7517).
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    /// Where they are published, instead: https.
    #[schema(value_type = Option<String>)]
    jwks_uri: Option<Url>,
    /// Who signs the assertions of a `workload_identity`.
    #[schema(example = "https://login.microsoftonline.com/TENANT/v2.0")]
    issuer: Option<String>,
    /// Whom they are about.
    subject: Option<String>,
    /// Whom they are for, as their `aud` says it.
    audience: Option<String>,
}

/// A credential, without its token or secret.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimCredentialBody {
    id: String,
    kind: &'static str,
    scope: &'static str,
    /// `live`, `expires_soon` (within 30 days), `expired` or `revoked`.
    state: &'static str,
    created_at: String,
    expires_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<String>,
    /// When the administrators were last told that it ends soon.
    #[serde(skip_serializing_if = "Option::is_none")]
    warned_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<String>,
    /// What the token endpoint knows the client as; absent for the kind `bearer`, as all below.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_endpoint: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    jwks: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issuer: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    audience: Option<String>,
    /// The bearer token; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// The client secret; only in the answer that creates it.
    #[serde(skip_serializing_if = "Option::is_none")]
    client_secret: Option<String>,
}

/// All credentials of a client.
#[derive(Debug, Serialize, ToSchema)]
pub struct ScimCredentialListBody {
    items: Vec<ScimCredentialBody>,
}

impl NewScimCredentialBody {
    /// What is to be created. Refuses what the kind does not have, so that nothing is left out in silence.
    pub fn parse(self) -> Result<NewCredential, Problem> {
        let scope = ScimScope::parse(self.scope.as_deref().unwrap_or("write"));
        let scope = scope.ok_or_else(|| invalid("scope is read, write or replica"))?;
        let ttl_seconds = self.ttl_seconds.unwrap_or(DEFAULT_TTL_SECONDS);
        Ok(NewCredential { kind: self.kind()?, scope, ttl_seconds })
    }

    fn kind(self) -> Result<CredentialKind, Problem> {
        let name = self.kind.as_deref().unwrap_or("bearer");
        let identity = match (self.issuer, self.subject, self.audience) {
            (None, None, None) => None,
            (Some(issuer), Some(subject), Some(audience)) => Some(ForeignIdentity { issuer, subject, audience }),
            _ => return Err(invalid("issuer, subject and audience go together")),
        };
        let keys = match (self.jwks, self.jwks_uri) {
            (None, None) => None,
            (Some(document), None) => Some(KeySource::Jwks(document)),
            (None, Some(url)) => Some(KeySource::JwksUri(url)),
            (Some(_), Some(_)) => return Err(invalid("jwks and jwks_uri exclude each other")),
        };
        match (name, keys, identity) {
            ("bearer", None, None) => Ok(CredentialKind::Bearer),
            ("client_secret", None, None) => Ok(CredentialKind::ClientSecret),
            ("private_key_jwt", Some(keys), None) => Ok(CredentialKind::PrivateKeyJwt { keys }),
            ("workload_identity", Some(keys), Some(identity)) => {
                Ok(CredentialKind::WorkloadIdentity { keys, identity })
            }
            ("bearer" | "client_secret", _, _) => Err(invalid("this kind has neither keys nor an issuer")),
            ("private_key_jwt", _, _) => Err(invalid("private_key_jwt needs jwks or jwks_uri, and no issuer")),
            ("workload_identity", _, _) => {
                Err(invalid("workload_identity needs jwks or jwks_uri, issuer, subject and audience"))
            }
            _ => Err(invalid("kind is bearer, client_secret, private_key_jwt or workload_identity")),
        }
    }
}

fn invalid(detail: &str) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "invalid_credential", detail)
}

impl ScimCredentialBody {
    /// The credential of a client, as it is shown.
    pub fn of(context: &Context, client: ScimClientId, credential: ScimCredential) -> Self {
        let uses_tokens = !matches!(credential.kind, CredentialKind::Bearer);
        let state = credential.state(context.clock.now()).as_str();
        let mut body = Self {
            id: credential.id.to_string(),
            kind: credential.kind.as_str(),
            scope: credential.scope.as_str(),
            state,
            created_at: credential.created_at.to_rfc3339(),
            expires_at: credential.expires_at.to_rfc3339(),
            last_used_at: credential.last_used_at.map(|at| at.to_rfc3339()),
            warned_at: credential.warned_at.map(|at| at.to_rfc3339()),
            revoked_at: credential.revoked_at.map(|at| at.to_rfc3339()),
            client_id: uses_tokens.then(|| client.to_string()),
            token_endpoint: uses_tokens.then(|| format!("{}{}", context.issuer(), path::TOKEN)),
            jwks: None,
            jwks_uri: None,
            issuer: None,
            subject: None,
            audience: None,
            token: None,
            client_secret: None,
        };
        let keys = match credential.kind {
            CredentialKind::Bearer | CredentialKind::ClientSecret => None,
            CredentialKind::PrivateKeyJwt { keys } => Some(keys),
            CredentialKind::WorkloadIdentity { keys, identity } => {
                body.issuer = Some(identity.issuer);
                body.subject = Some(identity.subject);
                body.audience = Some(identity.audience);
                Some(keys)
            }
        };
        match keys {
            None => {}
            Some(KeySource::Jwks(document)) => body.jwks = Some(document),
            Some(KeySource::JwksUri(url)) => body.jwks_uri = Some(url.into()),
        }
        body
    }

    /// The same in the answer that creates it.
    pub fn with_secret(self, secret: Option<Secret>) -> Self {
        let shown = secret.map(|secret| secret.expose().to_owned());
        match self.kind {
            "bearer" => Self { token: shown, ..self },
            _ => Self { client_secret: shown, ..self },
        }
    }
}

impl ScimCredentialListBody {
    /// The credentials of a client.
    pub fn of(context: &Context, client: ScimClientId, credentials: Vec<ScimCredential>) -> Self {
        Self { items: credentials.into_iter().map(|one| ScimCredentialBody::of(context, client, one)).collect() }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::NewScimCredentialBody;
    use crate::provisioning::clients::kind::CredentialKind;

    fn parse(body: Value) -> Result<CredentialKind, &'static str> {
        let body: NewScimCredentialBody = serde_json::from_value(body).unwrap();
        body.parse().map(|new| new.kind).map_err(|problem| problem.code)
    }

    #[test]
    fn an_empty_body_is_a_bearer_token_that_may_write() {
        assert_eq!(parse(json!({})), Ok(CredentialKind::Bearer));
    }

    #[test]
    fn what_a_kind_needs_must_be_there_and_what_it_has_not_must_not() {
        let keys = json!({ "keys": [] });
        for wrong in [
            json!({ "kind": "password" }),
            json!({ "scope": "admin" }),
            json!({ "jwks": keys }),
            json!({ "kind": "client_secret", "issuer": "i", "subject": "s", "audience": "a" }),
            json!({ "kind": "private_key_jwt" }),
            json!({ "kind": "private_key_jwt", "jwks": keys, "issuer": "i", "subject": "s", "audience": "a" }),
            json!({ "kind": "private_key_jwt", "jwks": keys, "jwks_uri": "https://a.test/" }),
            json!({ "kind": "workload_identity", "jwks": keys }),
            json!({ "kind": "workload_identity", "jwks": keys, "issuer": "i", "subject": "s" }),
            json!({ "kind": "workload_identity", "issuer": "i", "subject": "s", "audience": "a" }),
        ] {
            assert_eq!(parse(wrong.clone()), Err("invalid_credential"), "{wrong}");
        }
        let whole =
            json!({ "kind": "workload_identity", "jwks": keys, "issuer": "i", "subject": "s", "audience": "a" });
        assert!(matches!(parse(whole), Ok(CredentialKind::WorkloadIdentity { .. })));
    }
}
