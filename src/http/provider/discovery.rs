//! `GET /.well-known/openid-configuration`: the metadata, rendered once at the start.

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::{Bytes, Data};

/// The rendered document.
pub struct Document(pub Bytes);

/// Answers with the document.
pub async fn get(document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, "application/json"))
        .insert_header((CACHE_CONTROL, "public, max-age=300"))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .body(document.0.clone())
}
