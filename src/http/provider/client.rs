//! Who asks at the token and revocation endpoints.

use actix_web::HttpRequest;
use actix_web::http::header::AUTHORIZATION;

use super::failure::Failure;
use crate::protocol::oidc::client_authentication::{self, ClientCredentials};
use crate::protocol::oidc::parameters::Parameters;

/// Reads the client's credentials. Two `Authorization` headers are as bad as one that is not text.
pub fn credentials(request: &HttpRequest, parameters: &Parameters) -> Result<ClientCredentials, Failure> {
    let authorization = header(request)?;
    client_authentication::parse(authorization, parameters).map_err(Failure::OAuth)
}

/// The one `Authorization` header, if there is one.
pub fn header(request: &HttpRequest) -> Result<Option<&str>, Failure> {
    let mut headers = request.headers().get_all(AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(only), None) => only.to_str().map(Some).map_err(|_| Failure::OAuth(client_authentication::refused())),
        (Some(_), Some(_)) => Err(Failure::OAuth(client_authentication::refused())),
    }
}
