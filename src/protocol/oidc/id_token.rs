//! The ID token that applications get (OpenID Connect Core 2). One audience, as a string.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use super::claims::{AffiliationClaims, AuthenticationClaims, PersonClaims};

/// The claims of an ID token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdTokenClaims {
    /// The gateway.
    pub iss: String,
    /// The account.
    pub sub: String,
    /// The application.
    pub aud: String,
    /// Seconds since the epoch.
    pub exp: i64,
    /// Seconds since the epoch.
    pub iat: i64,
    /// Copied from the authorization request; absent after a refresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nonce: Option<String>,
    /// Binds the access token that came along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_hash: Option<String>,
    /// How the person signed in.
    #[serde(flatten)]
    pub authentication: AuthenticationClaims,
    /// Where they belong.
    #[serde(flatten)]
    pub affiliation: AffiliationClaims,
    /// Who they are, by scope.
    #[serde(flatten)]
    pub person: PersonClaims,
}

/// `at_hash`: the left half of the hash of the access token, base64url. The hash is the one of the ID token's
/// algorithm: SHA-256 for RS256, PS256 and ES256, SHA-512 for Ed25519.
pub fn at_hash(access_token: &str, algorithm: &'static digest::Algorithm) -> String {
    let hash = digest::digest(algorithm, access_token.as_bytes());
    let half: Vec<u8> = hash.as_ref().iter().copied().take(algorithm.output_len() / 2).collect();
    URL_SAFE_NO_PAD.encode(half)
}

/// What is read of an ID token that comes back as a hint. The rest may have aged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct HintClaims {
    /// Must be this gateway.
    pub iss: String,
    /// The account it was about.
    pub sub: String,
    /// The application it was for.
    pub aud: String,
    /// The session it came from.
    #[serde(default)]
    pub sid: Option<String>,
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest;

    use super::at_hash;

    #[test]
    fn at_hash_matches_the_example_of_the_specification() {
        // OpenID Connect Core, A.3: access_token and at_hash of the example response.
        assert_eq!(at_hash("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", &digest::SHA256), "77QmUPtjPfzWtF2AnpK9RQ");
    }
}
