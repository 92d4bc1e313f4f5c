//! A provider's keys (RFC 7517): which of them the gateway uses. Which of those checks a given token is openidconnect's
//! choice.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _, JwsSigningAlgorithm as _};
use serde::Deserialize;
use serde_json::Value;

/// The largest document that is read.
pub const MAX_BYTES: usize = 256 * 1024;
const MAX_KEYS: usize = 100;
/// The algorithms that are accepted from a provider: no `none`, no shared secrets, nothing weaker.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 4] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];
/// The sizes of RSA keys that are used. Shorter ones are weak (RFC 7518, 3.3); the verifier refuses longer ones.
pub(in crate::protocol::oidc) const RSA_BITS: std::ops::RangeInclusive<usize> = 2_048..=4_096;

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

/// The public signature keys of a provider that the gateway can use. Others in the document are passed over.
#[derive(Debug, Clone)]
pub struct KeySet(CoreJsonWebKeySet);

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
        Ok(Self(CoreJsonWebKeySet::new(document.keys.into_iter().filter_map(usable).collect())))
    }

    /// The keys for a verifier. One that takes them all chooses well, for every key here fits its algorithms: a token
    /// that names a key is checked with that key only; one that names none is checked if exactly one key fits
    /// (OpenID Connect Core 10.1).
    pub(super) const fn as_library(&self) -> &CoreJsonWebKeySet {
        &self.0
    }

    /// The key for a token under `algorithm`: the one that it names, or the only one that fits when it names none.
    pub(super) fn choose(
        &self,
        kid: Option<&str>,
        algorithm: &CoreJwsSigningAlgorithm,
    ) -> Result<&CoreJsonWebKey, KeyChoiceError> {
        let fits = |key: &&CoreJsonWebKey| {
            let is_named = kid.is_none_or(|kid| key.key_id().is_some_and(|known| known.as_str() == kid));
            let is_for_algorithm = match key.signing_alg() {
                JsonWebKeyAlgorithm::Unspecified => true,
                JsonWebKeyAlgorithm::Algorithm(named) => named == algorithm,
                JsonWebKeyAlgorithm::Unsupported => false,
            };
            is_named && is_for_algorithm && algorithm.key_type().as_ref() == Some(key.key_type())
        };
        let mut fitting = self.0.keys().iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only),
            (Some(_), Some(_)) => Err(KeyChoiceError::Ambiguous),
            (None, _) => Err(KeyChoiceError::NotFound),
        }
    }
}

// The library would match a key with an algorithm by the key's type, and look at curve and size too late or not at all.
fn usable(jwk: Value) -> Option<CoreJsonWebKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let possible: &[CoreJwsSigningAlgorithm] = match (text("kty")?, text("crv")) {
        ("RSA", _) if RSA_BITS.contains(&bits(text("n")?)?) => {
            &[CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256, CoreJwsSigningAlgorithm::RsaSsaPssSha256]
        }
        ("EC", Some("P-256")) => &[CoreJwsSigningAlgorithm::EcdsaP256Sha256],
        ("OKP", Some("Ed25519")) => &[CoreJwsSigningAlgorithm::EdDsa],
        _ => return None,
    };
    let key: CoreJsonWebKey = serde_json::from_value(jwk).ok()?;
    let is_for_signatures = key.key_use().is_none_or(|usage| usage.allows_signature());
    let is_for_us = match key.signing_alg() {
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Algorithm(named) => possible.contains(named),
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    (is_for_signatures && is_for_us).then_some(key)
}

/// The length of a number without its leading zeros.
pub(in crate::protocol::oidc) fn bits(number: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(number).ok()?;
    let mut digits = bytes.iter().skip_while(|byte| **byte == 0);
    let first = digits.next()?;
    Some(digits.count() * 8 + 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{KeySet, MAX_BYTES, MAX_KEYS};

    #[test]
    fn a_key_set_is_read_up_to_its_bounds() {
        let of = |keys: usize| json!({ "keys": vec![json!({}); keys] }).to_string();
        assert!(KeySet::parse(of(MAX_KEYS).as_bytes()).is_ok());
        assert!(KeySet::parse(of(MAX_KEYS + 1).as_bytes()).is_err());
        let padded = |bytes: usize| of(1) + &" ".repeat(bytes - of(1).len());
        assert!(KeySet::parse(padded(MAX_BYTES).as_bytes()).is_ok());
        assert!(KeySet::parse(padded(MAX_BYTES + 1).as_bytes()).is_err());
    }
}
