//! Around every request: an id, a span, one log line, two metrics; HEAD as a GET; and a fence, so that a panic in a
//! handler costs that request alone.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{ConnectionType, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage as _, HttpRequest, HttpResponse, web};
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use super::context::Context;
use super::{head, panicked};
use crate::telemetry::metrics;
use crate::values::ids::{Id, RequestId};

/// The header that tells a client the id of its request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The id of this request. Every request has one from [`observe`].
pub fn request_id(request: &HttpRequest) -> RequestId {
    let known = request.extensions().get::<RequestId>().copied();
    known.unwrap_or_else(|| Id::from_uuid(uuid::Uuid::nil()))
}

/// The middleware.
pub async fn observe(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let started = Instant::now();
    let context = request.app_data::<web::Data<Context>>().cloned();
    let id = match &context {
        Some(context) => RequestId::mint(context.clock.now(), &context.entropy),
        None => Id::from_uuid(uuid::Uuid::nil()),
    };
    request.extensions_mut().insert(id);
    let (path, method) = (request.path().to_owned(), request.method().to_string());
    let surface = surface(&path);
    let is_head = head::taken_as_get(&mut request);
    let span = tracing::info_span!("request", request_id = %id, surface, method);
    let handled = AssertUnwindSafe(next.call(request)).catch_unwind().instrument(span.clone()).await;
    let handled = match handled {
        Ok(Ok(mut response)) => {
            tag(response.headers_mut(), id);
            if response.status() == StatusCode::REQUEST_TIMEOUT {
                // The rest of the body would be taken for the next request (RFC 9110, 15.5.9).
                response.response_mut().head_mut().set_connection_type(ConnectionType::Close);
            }
            let (request, response) = response.into_parts();
            let response = answer_to(is_head, response.map_into_boxed_body());
            Ok(ServiceResponse::new(request, response))
        }
        Ok(Err(error)) => Err(answer_to(is_head, error.error_response())),
        Err(_) => {
            ::metrics::counter!(metrics::PANICS).increment(1);
            tracing::error!(parent: &span, "a handler panicked");
            Err(answer_to(is_head, panicked::answer((surface, &path), id, context.as_deref().map(AsRef::as_ref))))
        }
    };
    let status = match &handled {
        Ok(response) => response.status().as_u16(),
        Err(answer) => answer.status().as_u16(),
    };
    record(surface, &method, status, started);
    let milliseconds = started.elapsed().as_secs_f64() * 1_000.0;
    // A read that went well is worth a line only to somebody who looks for it.
    if status < 400 && matches!(method.as_str(), "GET" | "HEAD") {
        tracing::debug!(parent: &span, status, milliseconds, "served");
    } else {
        tracing::info!(parent: &span, status, milliseconds, "served");
    }
    // The request went into the handler, and nothing may hold a second handle on it meanwhile: an answer that is made here
    // travels as an error, which actix turns back into the answer.
    handled.map_err(|mut answer| {
        tag(answer.headers_mut(), id);
        InternalError::from_response("answered outside of the handler", answer).into()
    })
}

fn answer_to(is_head: bool, answer: HttpResponse) -> HttpResponse {
    if is_head { head::without_content(answer) } else { answer }
}

fn tag(headers: &mut HeaderMap, id: RequestId) {
    if let Ok(value) = HeaderValue::from_str(&id.to_string()) {
        headers.insert(REQUEST_ID, value);
    }
}

fn record(surface: &'static str, method: &str, status: u16, started: Instant) {
    let class = match status {
        0..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    };
    let method = match method {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        _ => "other",
    };
    ::metrics::counter!(metrics::REQUESTS, "surface" => surface, "method" => method, "status" => class).increment(1);
    ::metrics::histogram!(metrics::REQUEST_SECONDS, "surface" => surface).record(started.elapsed().as_secs_f64());
}

/// The surface that a path belongs to; a label with few values.
pub fn surface(path: &str) -> &'static str {
    let first = path.split('/').nth(1).unwrap_or_default();
    match first {
        "scim" => "scim",
        "api" => "api",
        "oauth2" | ".well-known" => "provider",
        "federation" => "federation",
        "sign-in" | "sign-out" | "activation" | "link" | "password" | "assets" => "sign_in",
        "account" => "account",
        "health" | "metrics" => "health",
        _ => "other",
    }
}
