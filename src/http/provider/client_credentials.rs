//! The client credentials grant of `POST /oauth2/token`: a SCIM client asks for an access token.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, PRAGMA};

use super::Provider;
use super::failure::Failure;
use crate::flows::prove_scim_client::{Desk, ProofError};
use crate::http::scim::admission::{Holder, Turn};
use crate::protocol::oidc::client_authentication::{self, ClientCredentials};
use crate::protocol::oidc::error::{ErrorCode, OAuthError};
use crate::protocol::oidc::token::ClientTokenResponse;
use crate::provisioning::clients::tokens::{self, IssueError, Terms};
use crate::values::ids::ScimClientId;
use crate::values::operation::Operation;
use crate::values::scim_scope::ScimScope;

impl From<IssueError> for Failure {
    fn from(error: IssueError) -> Self {
        match error {
            IssueError::Gone | IssueError::Replayed => Self::OAuth(client_authentication::refused()),
            IssueError::Scope => {
                Self::OAuth(OAuthError::new(ErrorCode::InvalidScope, "the scope exceeds that of the credential"))
            }
            IssueError::Store(error) => error.into(),
        }
    }
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Nothing
            | ProofError::Secret
            | ProofError::Untrusted
            | ProofError::Assertion(_)
            | ProofError::NoId => Self::OAuth(client_authentication::refused()),
            ProofError::Keys(failure) => {
                Self::Unavailable(format!("the keys of a client cannot be fetched: {failure}"))
            }
            ProofError::Store(error) => error.into(),
        }
    }
}

/// Gives a token. Who asks is proved before anything is written, and every token counts as a request of the client.
pub async fn answer(
    provider: &Provider,
    op: &Operation,
    credentials: &ClientCredentials,
    wanted: Option<ScimScope>,
) -> Result<HttpResponse, Failure> {
    // Only an id is told: what a client that is set up wrongly sends as one may be its secret.
    let client = credentials.client_id.parse::<ScimClientId>().ok();
    let told = |refusal: &dyn std::fmt::Display| tracing::info!(?client, %refusal, "a token request was refused");
    let proved = desk(provider).prove(credentials, op.at).await.inspect_err(|error| told(error))?;
    let holder = Holder { client: proved.client, organization: proved.organization };
    provider.context.throttles.scim.count(&Turn::default(), holder, op.at)?;
    let (terms, in_write) = (terms(provider), op.clone());
    let issued = provider.store().write(move |tx| tokens::issue(tx, &in_write, &proved, wanted, terms)).await;
    let issued = issued.inspect_err(|error| told(error))?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).insert_header((PRAGMA, "no-cache")).json(
        ClientTokenResponse {
            access_token: issued.token.expose().to_owned(),
            token_type: "Bearer",
            expires_in: issued.expires_in_seconds,
            scope: issued.scope.as_str(),
        },
    ))
}

fn desk(provider: &Provider) -> Desk {
    Desk {
        store: provider.store().clone(),
        keys: provider.context.outside.client_keys.clone(),
        issuer: provider.issuer().to_owned(),
        clock_skew_seconds: provider.context.config.lifetimes.clock_skew_seconds,
    }
}

fn terms(provider: &Provider) -> Terms {
    let config = &provider.context.config;
    Terms {
        ttl_seconds: config.lifetimes.scim_access_token_seconds,
        most: config.limits.scim_access_tokens_per_credential,
    }
}
