//! A provider's keys (RFC 7517), and which of them checks a given token.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The largest document that is read.
pub const MAX_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;

/// The document is not a key set, too large, or holds too many keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the key set is malformed")]
pub struct MalformedKeySet;

/// Why no key was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyChoiceError {
    /// No key fits. Fetching the set again may help, once.
    #[error("no key of the provider fits the token")]
    NotFound,
    /// Several keys fit, and the token does not say which.
    #[error("several keys of the provider fit the token")]
    Ambiguous,
}

#[derive(Debug, Clone)]
struct Key {
    kid: Option<String>,
    /// The algorithms this key may check: one, or two for an RSA key that does not say.
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The public signature keys of a provider that the gateway can use. Others in the document are passed over.
#[derive(Debug, Clone)]
pub struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<Value>,
}

impl KeySet {
    /// Reads a key set. RFC 7517, 5: "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" (key type)
    /// values that are not understood by them".
    pub fn parse(body: &[u8]) -> Result<Self, MalformedKeySet> {
        if body.len() > MAX_BYTES {
            return Err(MalformedKeySet);
        }
        let document: Document = serde_json::from_slice(body).map_err(|_| MalformedKeySet)?;
        if document.keys.len() > MAX_KEYS {
            return Err(MalformedKeySet);
        }
        Ok(Self { keys: document.keys.into_iter().filter_map(usable).collect() })
    }

    /// The one key for a token of this algorithm. A token that names a key is checked with that key only; one that
    /// names none is checked if exactly one key fits (OpenID Connect Core 10.1).
    pub fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&DecodingKey, KeyChoiceError> {
        let mut fitting = self
            .keys
            .iter()
            .filter(|key| key.algorithms.contains(&algorithm) && (kid.is_none() || key.kid.as_deref() == kid));
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Ok(&key.key),
            (None, _) => Err(KeyChoiceError::NotFound),
            (Some(_), Some(_)) => Err(KeyChoiceError::Ambiguous),
        }
    }
}

fn usable(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    if jwk.common.public_key_use.as_ref().is_some_and(|usage| *usage != PublicKeyUse::Signature) {
        return None;
    }
    let possible = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => vec![Algorithm::RS256, Algorithm::PS256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => vec![Algorithm::ES256],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => vec![Algorithm::EdDSA],
        _ => return None,
    };
    let algorithms = match jwk.common.key_algorithm {
        None => possible,
        Some(named) => possible.into_iter().filter(|algorithm| format!("{algorithm:?}") == named.to_string()).collect(),
    };
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    (!algorithms.is_empty()).then_some(Key { kid: jwk.common.key_id, algorithms, key })
}
