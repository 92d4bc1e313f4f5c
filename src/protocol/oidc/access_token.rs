//! The access token: a JWT of type `at+jwt` (RFC 9068). It opens this gateway's UserInfo endpoint and nothing else.

use serde::{Deserialize, Serialize};

use super::scope::ScopeSet;

/// The claims of an access token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessTokenClaims {
    /// The gateway.
    pub iss: String,
    /// The account.
    pub sub: String,
    /// The resource: the gateway itself.
    pub aud: String,
    /// The application.
    pub client_id: String,
    /// Seconds since the epoch.
    pub exp: i64,
    /// Seconds since the epoch.
    pub iat: i64,
    /// The token's own id.
    pub jti: String,
    /// What it opens.
    pub scope: ScopeSet,
    /// The grant it was made from; when that is revoked, the token is dead.
    pub grant: String,
    /// The session it was made from.
    pub sid: String,
    /// The account's session epoch when it was made; when the account's moves, the token is dead.
    pub sep: i64,
    /// The data center that made it.
    pub dc: String,
    /// The data center of the person's primary account.
    pub home_dc: String,
}
