//! Who asks at the token and revocation endpoints.

use actix_web::HttpRequest;

use super::failure::Failure;
use crate::http::bearer;
use crate::protocol::oidc::client_authentication::{self, ClientCredentials};
use crate::protocol::oidc::error::OAuthError;
use crate::protocol::oidc::parameters::Parameters;

/// Reads the client's credentials.
pub fn credentials(request: &HttpRequest, parameters: &Parameters) -> Result<ClientCredentials, Failure> {
    let authorization = header(request)?;
    client_authentication::parse(authorization, parameters).map_err(Failure::OAuth)
}

/// The one `Authorization` header, if there is one (RFC 6749, section 5.2: `invalid_request` for what is "otherwise malformed").
pub fn header(request: &HttpRequest) -> Result<Option<&str>, Failure> {
    bearer::authorization(request).map_err(|malformed| Failure::OAuth(OAuthError::invalid_request(malformed.text())))
}
