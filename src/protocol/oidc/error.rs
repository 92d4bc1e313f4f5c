//! Error codes of RFC 6749, RFC 6750, RFC 7009 and OpenID Connect Core 3.1.2.6, and the pair "code, description" that
//! an endpoint answers with. Descriptions are fixed texts: nothing that a client sent is ever echoed.

use serde::Serialize;

/// A registered error code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// A parameter is missing, repeated, malformed or contradicts another.
    InvalidRequest,
    /// The client is unknown or did not prove who it is.
    InvalidClient,
    /// The code, the refresh token or what it is bound to does not hold (any more).
    InvalidGrant,
    /// This client may not use this grant.
    UnauthorizedClient,
    /// The grant type is not one of ours.
    UnsupportedGrantType,
    /// The scope lacks `openid` or exceeds what was granted.
    InvalidScope,
    /// The person or the gateway's rules said no.
    AccessDenied,
    /// Only `code` is a response type here.
    UnsupportedResponseType,
    /// Something failed inside the gateway.
    ServerError,
    /// The gateway cannot answer for a moment.
    TemporarilyUnavailable,
    /// `prompt=none`, and nobody suitable is signed in.
    LoginRequired,
    /// The person's identity provider cannot sign them in as the application asks (OpenID Connect Core Error Code
    /// `unmet_authentication_requirements` 1.0).
    UnmetAuthenticationRequirements,
    /// `request` (a request object by value) is not supported.
    RequestNotSupported,
    /// `request_uri` (a request object by reference) is not supported; it is never fetched.
    RequestUriNotSupported,
    /// `registration` is not supported.
    RegistrationNotSupported,
    /// RFC 6750: the access token is malformed, expired, revoked or foreign.
    InvalidToken,
    /// RFC 6750: the access token lacks a scope.
    InsufficientScope,
}

impl ErrorCode {
    /// The code on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::UnmetAuthenticationRequirements => "unmet_authentication_requirements",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
        }
    }
}

/// What went wrong, in a form that may leave the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{description}")]
pub struct OAuthError {
    /// The registered code.
    pub code: ErrorCode,
    /// A fixed text for the developer of the client: printable ASCII without `"` and `\` (RFC 6749, 5.2).
    pub description: &'static str,
}

impl OAuthError {
    /// The pair of `code` and `description`.
    pub const fn new(code: ErrorCode, description: &'static str) -> Self {
        Self { code, description }
    }

    /// `invalid_request` with a description.
    pub const fn invalid_request(description: &'static str) -> Self {
        Self::new(ErrorCode::InvalidRequest, description)
    }

    /// The JSON body of RFC 6749, 5.2.
    pub fn body(&self) -> ErrorBody {
        ErrorBody { error: self.code.as_str(), error_description: self.description }
    }
}

/// The body of an error answer.
#[derive(Debug, Clone, Serialize)]
pub struct ErrorBody {
    /// The registered code.
    pub error: &'static str,
    /// The description.
    pub error_description: &'static str,
}

#[cfg(test)]
mod tests {
    use super::ErrorCode;

    #[test]
    fn serialised_codes_are_the_wire_codes() {
        for code in [ErrorCode::InvalidRequest, ErrorCode::RequestUriNotSupported, ErrorCode::LoginRequired] {
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{}\"", code.as_str()));
        }
    }
}
