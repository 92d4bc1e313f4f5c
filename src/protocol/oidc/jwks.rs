//! The keys the gateway publishes (RFC 7517). Written by hand, so that `alg` and `use` are there and a private part
//! cannot be.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use super::signing::SigningAlgorithm;

/// A public key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PublicJwk {
    kid: String,
    alg: SigningAlgorithm,
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
    #[serde(rename = "OKP")]
    Okp { crv: &'static str, x: String },
}

impl PublicJwk {
    /// A P-256 key for ES256, from its coordinates.
    pub fn es256(kid: &str, x: &[u8], y: &[u8]) -> Self {
        let parameters = KeyParameters::Ec { crv: "P-256", x: URL_SAFE_NO_PAD.encode(x), y: URL_SAFE_NO_PAD.encode(y) };
        Self { kid: kid.to_owned(), alg: SigningAlgorithm::Es256, usage: "sig", parameters }
    }

    /// An RSA key for `alg`, from modulus and exponent without leading zeros.
    pub fn rsa(kid: &str, alg: SigningAlgorithm, modulus: &[u8], exponent: &[u8]) -> Self {
        let parameters = KeyParameters::Rsa { n: URL_SAFE_NO_PAD.encode(modulus), e: URL_SAFE_NO_PAD.encode(exponent) };
        Self { kid: kid.to_owned(), alg, usage: "sig", parameters }
    }

    /// An Ed25519 key (RFC 8037, 2), from its 32 bytes.
    pub fn ed25519(kid: &str, x: &[u8]) -> Self {
        let parameters = KeyParameters::Okp { crv: "Ed25519", x: URL_SAFE_NO_PAD.encode(x) };
        Self { kid: kid.to_owned(), alg: SigningAlgorithm::EdDsa, usage: "sig", parameters }
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
