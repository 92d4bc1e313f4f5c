//! Health and metrics.
//!
//! * `GET /health/live` 200 while the process serves
//! * `GET /health/ready` 200 when the database answers, takes changes, the keys in use can be opened, and no value that lasts is sealed
//!   under a key that is not configured, else 503 with `Retry-After`
//! * `GET /metrics` Prometheus text
//!
//! Those who ask are programs: another method is refused in plain text.

use actix_web::http::header::{CACHE_CONTROL, RETRY_AFTER};
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::context::Context;
use super::methods::at;
use super::problem::RETRY_AFTER_SECONDS;
use crate::keys::under;
use crate::store::Tx;
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
    let sealer = context.outside.sealer.clone();
    let look = move |tx: &mut Tx<'_>| {
        keys.oidc(tx, now)?;
        Ok(under::require_known(tx, &sealer)?)
    };
    match context.store.read(look).await {
        Ok(()) => HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ready" })),
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

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use crate::access::passwords::place;
    use crate::access::testing::world;
    use crate::http::testing::{context, send};
    use crate::keys::sealing::Sealer;
    use crate::store::passwords::{self, PasswordRow};
    use crate::values::secret::Secret;

    #[actix_web::test]
    async fn a_gateway_is_not_ready_while_a_password_is_sealed_under_a_key_that_it_does_not_have() {
        for world in world().await {
            let context = context(&world, "https://id.test").await;
            let strange = Sealer::new(&[Secret::from(STANDARD.encode([77; 32]))]).unwrap();
            for (sealer, status) in [(&context.outside.sealer, 200), (&strange, 503), (&context.outside.sealer, 200)] {
                let sealed_hash = sealer.seal(b"a hash", &place(world.ada)).unwrap();
                let row = PasswordRow { account_id: world.ada, sealed_hash, set_at: world.op().at };
                world.store().write(move |tx| passwords::put(tx, &row)).await.unwrap();
                let answer = send(&context, TestRequest::get().uri("/health/ready")).await;
                assert_eq!(answer.status, status, "{}: {}", world.engine(), answer.text());
                assert_eq!(answer.text().contains("keys unavailable"), status == 503, "{}", answer.text());
            }
        }
    }
}
