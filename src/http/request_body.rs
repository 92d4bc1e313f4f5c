//! Reading a JSON body within bounds: the media type, the size, the depth, then the type. Nothing else is stored in
//! memory for a request that will be refused.

use actix_web::HttpRequest;
use actix_web::http::StatusCode;
use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Payload;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Reads the body as a `T`. Unknown members are faults, so that a misspelt one is not silently ignored.
pub async fn json<T: DeserializeOwned>(request: &HttpRequest, payload: Payload, limit: usize) -> Result<T, Problem> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    if !media_type.eq_ignore_ascii_case("application/json") {
        let detail = "the body must be application/json";
        return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type", detail));
    }
    let body = match payload.to_bytes_limited(limit).await {
        Ok(Ok(body)) => body,
        Ok(Err(_)) => return Err(Problem::new(StatusCode::BAD_REQUEST, "malformed", "the body cannot be read")),
        Err(_) => {
            let detail = format!("the body is longer than {limit} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail));
        }
    };
    serde_json::from_slice(&body).map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "malformed", error))
}
