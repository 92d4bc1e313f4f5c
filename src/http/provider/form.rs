//! Reading what an application sends, as a form or in the query: its type, its size, its encoding.

use actix_web::HttpRequest;
use actix_web::web::{Bytes, Payload};

use super::Provider;
use super::failure::Failure;
use crate::http::request_body::{self, BodyFailure, FORM};
use crate::protocol::oidc::error::OAuthError;
use crate::protocol::oidc::parameters::Parameters;

/// The text of a form body, of which parameters can be read.
pub async fn text(request: &HttpRequest, provider: &Provider, payload: Payload) -> Result<String, Failure> {
    let text = to_text(request_body::bounded(request, payload, &[FORM], provider.form_bytes()).await)?;
    parse(provider, &text).map(|_| text)
}

/// The parameters of a form body.
pub async fn parameters(request: &HttpRequest, provider: &Provider, payload: Payload) -> Result<Parameters, Failure> {
    parse(provider, &to_text(request_body::bounded(request, payload, &[FORM], provider.form_bytes()).await)?)
}

/// The parameters of a form body, if there is a body; without one its type says nothing.
pub async fn parameters_if_any(
    request: &HttpRequest,
    provider: &Provider,
    payload: Payload,
) -> Result<Option<Parameters>, Failure> {
    let read = request_body::any(request, payload, provider.form_bytes()).await;
    if read.as_ref().is_ok_and(Bytes::is_empty) {
        return Ok(None);
    }
    let form = request_body::check_media_type(request, &[FORM]).and(read);
    parse(provider, &to_text(form)?).map(Some)
}

/// The parameters of the query, within the same bounds: a form that the browser is sent on with becomes one.
pub fn query(request: &HttpRequest, provider: &Provider) -> Result<Parameters, Failure> {
    parse(provider, request.query_string())
}

fn parse(provider: &Provider, text: &str) -> Result<Parameters, Failure> {
    Parameters::parse_within(text, provider.form_bytes())
        .map_err(|_| OAuthError::invalid_request("the parameters are malformed").into())
}

fn to_text(read: Result<Bytes, BodyFailure>) -> Result<String, Failure> {
    let body = read.map_err(|failure| match failure {
        BodyFailure::MediaType => {
            OAuthError::invalid_request("the body is not application/x-www-form-urlencoded").into()
        }
        BodyFailure::Encoding => OAuthError::invalid_request("the body has a content encoding").into(),
        BodyFailure::TooLong(_) => OAuthError::invalid_request("the body is too large").into(),
        BodyFailure::Unreadable => OAuthError::invalid_request("the body cannot be read").into(),
        BodyFailure::TooSlow => Failure::TooSlow,
    })?;
    String::from_utf8(body.to_vec()).map_err(|_| OAuthError::invalid_request("the body is not text").into())
}
