//! Reading a form body: its type, its size, its encoding.

use actix_web::http::header::CONTENT_TYPE;
use actix_web::web::Bytes;
use actix_web::{Error, HttpRequest};

use crate::protocol::oidc::error::OAuthError;
use crate::protocol::oidc::parameters::Parameters;

/// A body, or why the framework did not read it (it was too large, or the connection broke).
pub type Body = Result<Bytes, Error>;

/// The text of a form body.
pub fn text<'a>(request: &HttpRequest, body: &'a Body) -> Result<&'a str, OAuthError> {
    let media_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    if !essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        return Err(OAuthError::invalid_request("the body is not application/x-www-form-urlencoded"));
    }
    let body = body.as_ref().map_err(|_| OAuthError::invalid_request("the body is too large"))?;
    std::str::from_utf8(body).map_err(|_| OAuthError::invalid_request("the body is not text"))
}

/// The parameters of a form body.
pub fn parameters(request: &HttpRequest, body: &Body) -> Result<Parameters, OAuthError> {
    Parameters::parse(text(request, body)?).map_err(|_| OAuthError::invalid_request("the parameters are malformed"))
}
