//! Health and metrics.
//!
//! * `GET /health/live` 200 while the process serves
//! * `GET /health/ready` 200 when the database answers, else 503 with `Retry-After`
//! * `GET /metrics` Prometheus text

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, get, web};
use serde_json::json;

use super::context::Context;
use super::problem::RETRY_AFTER_SECONDS;
use crate::telemetry::metrics;

/// Mounts the routes.
pub fn mount(services: &mut web::ServiceConfig) {
    services.service(live).service(ready).service(scrape);
}

#[get("/health/live")]
async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "live" }))
}

#[get("/health/ready")]
async fn ready(context: web::Data<Context>) -> HttpResponse {
    match context.store.ping().await {
        Ok(()) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ready" })),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            HttpResponse::ServiceUnavailable()
                .insert_header((CACHE_CONTROL, "no-store"))
                .insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS))
                .json(json!({ "status": "database unavailable" }))
        }
    }
}

#[get("/metrics")]
async fn scrape() -> HttpResponse {
    match metrics::render() {
        Some(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        None => HttpResponse::NotFound().finish(),
    }
}
