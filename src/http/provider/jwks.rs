//! `GET /oauth2/jwks`: the published keys. Next keys are among them well before they sign, so the answer may be cached.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::Provider;
use super::failure::Failure;

/// Answers with the key set.
pub async fn get(provider: Provider) -> Result<HttpResponse, Failure> {
    let op = provider.operation();
    let ours = provider.keys().clone();
    let keys = provider.store().read(move |tx| ours.oidc(tx, op.at)).await?;
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .json(keys.jwks()))
}
