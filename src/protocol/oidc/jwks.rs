//! The keys the gateway publishes (RFC 7517). Written by hand, so that `alg` and `use` are there and a private part
//! cannot be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    kid: String,
    alg: &'static str,
    #[serde(rename = "use")]
    usage: &'static str,
    #[serde(flatten)]
    parameters: KeyParameters,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kty")]
enum KeyParameters {
    #[serde(rename = "EC")]
    Ec { crv: &'static str, x: String, y: String },
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

impl PublicJwk {
    /// A P-256 key for ES256, from its coordinates.
    pub fn es256(kid: &str, x: &[u8], y: &[u8]) -> Self {
        let parameters = KeyParameters::Ec { crv: "P-256", x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) };
        Self { kid: kid.to_owned(), alg: "ES256", usage: "sig", parameters }
    }

    /// An RSA key for RS256, from modulus and exponent without leading zeros.
    pub fn rs256(kid: &str, modulus: &[u8], exponent: &[u8]) -> Self {
        let parameters = KeyParameters::Rsa { n: URL_SAFE_NO_PAD.encode(modulus), e: URL_SAFE_NO_PAD.encode(exponent) };
        Self { kid: kid.to_owned(), alg: "RS256", usage: "sig", parameters }
    }

    /// The key's id.
    pub fn kid(&self) -> &str {
        &self.kid
    }
}

/// The document at `jwks_uri`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct JwkSet {
    /// Every key that a token in use may have been signed with, and those that will sign next.
    pub keys: Vec<PublicJwk>,
}
