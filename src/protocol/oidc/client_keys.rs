//! The keys that a client's assertions are checked with (RFC 7517): registered with the client, or published by it or
//! by whoever speaks for it. Each key checks the algorithms of its own type and size and nothing else, whatever the
//! token's header says (RFC 8725, 3.1).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use super::relying_party::jwks::{KeyChoiceError, MalformedKeySet, RSA_BITS, bits};

/// The algorithms that are accepted, as the metadata names them.
pub const ALGORITHMS: [&str; 5] = ["ES256", "ES384", "RS256", "PS256", "EdDSA"];
/// The largest document that is read.
const MAX_BYTES: usize = 64 * 1024;
const MAX_KEYS: usize = 50;
/// Members that only a private or a shared key has (RFC 7518, 6.2.2, 6.3.2, 6.4.1).
const SECRET_MEMBERS: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Why keys cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKeys {
    /// Not a key set.
    #[error("jwks is not a key set")]
    Malformed,
    /// Too many keys, or too long a URL.
    #[error("the key set or its url is too long")]
    TooLong,
    /// A private key. It belongs to the client alone.
    #[error("jwks holds a private or a shared key")]
    Secret,
    /// No key that could check anything.
    #[error("no key of the set can be used: P-256, P-384, Ed25519, or RSA of 2048 to 4096 bits")]
    Unusable,
}

/// A public key and the algorithms that it checks.
#[derive(Debug, Clone)]
struct ClientKey {
    kid: Option<String>,
    algorithms: Vec<Algorithm>,
    key: DecodingKey,
}

/// The keys of a client that can be used.
#[derive(Debug, Clone)]
pub struct ClientKeySet(Vec<ClientKey>);

impl ClientKeySet {
    /// Reads a published key set. Keys that cannot be used are passed over (RFC 7517, 5).
    pub fn parse(body: &[u8]) -> Result<Self, MalformedKeySet> {
        if body.len() > MAX_BYTES {
            return Err(MalformedKeySet);
        }
        let document: Value = serde_json::from_slice(body).map_err(|_| MalformedKeySet)?;
        let keys = members(&document).ok_or(MalformedKeySet)?;
        if keys.len() > MAX_KEYS {
            return Err(MalformedKeySet);
        }
        Ok(Self(keys.iter().filter_map(usable).collect()))
    }

    /// Reads a key set that somebody registers. All of its keys must be public, and one of them usable.
    pub fn registered(document: &Value) -> Result<Self, InvalidKeys> {
        let keys = members(document).ok_or(InvalidKeys::Malformed)?;
        if keys.len() > MAX_KEYS || document.to_string().len() > MAX_BYTES {
            return Err(InvalidKeys::TooLong);
        }
        if keys.iter().any(|key| SECRET_MEMBERS.iter().any(|name| key.get(name).is_some())) {
            return Err(InvalidKeys::Secret);
        }
        let found = Self(keys.iter().filter_map(usable).collect());
        if found.is_empty() { Err(InvalidKeys::Unusable) } else { Ok(found) }
    }

    /// True when no key can be used.
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The key for a token: the one that it names, or the only one that fits when it names none.
    pub(super) fn choose(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&DecodingKey, KeyChoiceError> {
        let mut fitting = self.0.iter().filter(|known| {
            known.algorithms.contains(&algorithm) && kid.is_none_or(|kid| known.kid.as_deref() == Some(kid))
        });
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(&only.key),
            (Some(_), Some(_)) => Err(KeyChoiceError::Ambiguous),
            (None, _) => Err(KeyChoiceError::NotFound),
        }
    }
}

fn members(document: &Value) -> Option<&Vec<Value>> {
    document.as_object()?.get("keys")?.as_array()
}

fn usable(jwk: &Value) -> Option<ClientKey> {
    let text = |name: &str| jwk.get(name).and_then(Value::as_str);
    let long = |name: &str, length: usize| {
        let part = text(name)?;
        URL_SAFE_NO_PAD.decode(part).is_ok_and(|bytes| bytes.len() == length).then_some(part)
    };
    let (possible, key): (&[Algorithm], DecodingKey) = match (text("kty")?, text("crv")) {
        ("RSA", _) if RSA_BITS.contains(&bits(text("n")?)?) => {
            (&[Algorithm::RS256, Algorithm::PS256], DecodingKey::from_rsa_components(text("n")?, text("e")?).ok()?)
        }
        ("EC", Some("P-256")) => {
            (&[Algorithm::ES256], DecodingKey::from_ec_components(long("x", 32)?, long("y", 32)?).ok()?)
        }
        ("EC", Some("P-384")) => {
            (&[Algorithm::ES384], DecodingKey::from_ec_components(long("x", 48)?, long("y", 48)?).ok()?)
        }
        ("OKP", Some("Ed25519")) => (&[Algorithm::EdDSA], DecodingKey::from_ed_components(long("x", 32)?).ok()?),
        _ => return None,
    };
    // RFC 7517, 4.2 and 4.3: a key that says what it is for is used for nothing else.
    let is_for_signatures = match (jwk.get("use"), jwk.get("key_ops")) {
        (Some(usage), _) => usage == "sig",
        (None, Some(operations)) => operations.as_array()?.iter().any(|operation| operation == "verify"),
        (None, None) => true,
    };
    let algorithms: Vec<Algorithm> = match jwk.get("alg") {
        None => possible.to_vec(),
        Some(named) => possible.iter().copied().filter(|known| named == name(*known)).collect(),
    };
    let kid = text("kid").map(str::to_owned);
    (is_for_signatures && !algorithms.is_empty()).then_some(ClientKey { kid, algorithms, key })
}

/// The name of an algorithm that some key here can have.
const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::RS256 => "RS256",
        Algorithm::PS256 => "PS256",
        Algorithm::EdDSA => "EdDSA",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ClientKeySet, MAX_BYTES, MAX_KEYS};

    #[test]
    fn a_key_set_is_read_up_to_its_bounds() {
        let of = |keys: usize| json!({ "keys": vec![json!({}); keys] }).to_string();
        assert!(ClientKeySet::parse(of(MAX_KEYS).as_bytes()).is_ok());
        assert!(ClientKeySet::parse(of(MAX_KEYS + 1).as_bytes()).is_err());
        let padded = |bytes: usize| of(1) + &" ".repeat(bytes - of(1).len());
        assert!(ClientKeySet::parse(padded(MAX_BYTES).as_bytes()).is_ok());
        assert!(ClientKeySet::parse(padded(MAX_BYTES + 1).as_bytes()).is_err());
    }
}
