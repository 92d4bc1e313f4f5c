//! Health and metrics.
//!
//! * `GET /health/live` 200 while the process serves
//! * `GET /health/ready` 200 when the database answers, takes changes, and the keys in use can be opened, else 503 with `Retry-After`
//! * `GET /metrics` Prometheus text
//!
//! Those who ask are programs: another method is refused in plain text.

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::context::Context;
use super::methods::at;
use super::problem::RETRY_AFTER_SECONDS;
use crate::store::failure::StoreError;
use crate::telemetry::metrics;

/// Mounts the routes.
pub fn mount(services: &mut web::ServiceConfig) {
    for probe in [at("/health/live").get(live), at("/health/ready").get(ready), at("/metrics").get(scrape)] {
        services.service(probe.otherwise(other_method));
    }
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "live" }))
}

async fn ready(context: web::Data<Context>) -> HttpResponse {
    if let Err(error) = context.store.ping().await {
        tracing::warn!(%error, "not ready");
        return not_ready("database unavailable");
    }
    let (keys, now) = (context.signing_keys.clone(), context.clock.now());
    match context.store.read(move |tx| keys.oidc(tx, now)).await {
        Ok(_) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ready" })),
        Err(StoreError::Unavailable(error)) => {
            tracing::warn!(error, "not ready");
            not_ready("database unavailable")
        }
        Err(error) => {
            tracing::error!(%error, "not ready");
            not_ready("keys unavailable")
        }
    }
}

fn not_ready(status: &str) -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header((CACHE_CONTROL, "no-store"))
        .insert_header((RETRY_AFTER, RETRY_AFTER_SECONDS))
        .json(json!({ "status": status }))
}

async fn scrape() -> HttpResponse {
    match metrics::render() {
        Some(text) => HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text),
        None => HttpResponse::NotFound().finish(),
    }
}

async fn other_method() -> HttpResponse {
    HttpResponse::MethodNotAllowed()
        .content_type("text/plain; charset=utf-8")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body("the path does not have this method\n")
}
