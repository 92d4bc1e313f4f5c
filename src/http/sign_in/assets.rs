//! The files that pages load. Their names change with their content, so a browser may keep them for a year.

use actix_web::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};

use super::failure::Failure;
use super::visit::Visit;
use crate::http::context::Context;
use crate::pages::assets;

/// `GET /assets/{file}`
pub async fn get(request: HttpRequest, context: Data<Context>) -> HttpResponse {
    match assets::all().into_iter().find(|asset| asset.path == request.path()) {
        Some(asset) => HttpResponse::Ok()
            .insert_header((CONTENT_TYPE, asset.media_type))
            .insert_header((CACHE_CONTROL, "public, max-age=31536000, immutable"))
            .insert_header(("X-Content-Type-Options", "nosniff"))
            .insert_header(("Cross-Origin-Resource-Policy", "same-origin"))
            .insert_header(("Content-Security-Policy", "default-src 'none'"))
            .body(asset.bytes),
        None => Visit::new(&context, &request).answer(Err(Failure::NotFound)),
    }
}
