//! `GET /.well-known/openid-configuration`.

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;

use super::Provider;
use crate::protocol::oidc::discovery::ProviderMetadata;

/// Answers with the metadata.
pub async fn get(provider: Provider) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .json(ProviderMetadata::of(provider.issuer()))
}
