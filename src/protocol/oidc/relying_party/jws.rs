//! The signature of what a provider signs besides ID tokens: its logout tokens and, where it signs them, its UserInfo
//! answers. The key comes from the provider's set and fits the algorithm; what is said is for the callers to check.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openidconnect::JsonWebKey as _;
use openidconnect::core::CoreJwsSigningAlgorithm;
use serde::Deserialize;
use serde_json::Value;

use super::jwks::{KeyChoiceError, KeySet};
use super::strictness::Strictness;

/// The longest token that is read.
pub const MAX_TOKEN: usize = 64 * 1024;

/// Why a token counts as not signed by the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not a compact JWS, oversized, or of an unknown algorithm.
    #[error("the token is not a signed one")]
    Malformed,
    /// The header names another type, an algorithm that is not allowed, or a critical extension.
    #[error("the token's header is not acceptable")]
    Header,
    /// No key of the provider fits.
    #[error(transparent)]
    Key(#[from] KeyChoiceError),
    /// The signature does not hold.
    #[error("the token's signature does not hold")]
    Signature,
}

impl JwsError {
    /// The provider may have rolled its keys over since they were fetched.
    pub const fn is_key_unknown(&self) -> bool {
        matches!(self, Self::Key(KeyChoiceError::NotFound))
    }
}

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<Value>,
    #[serde(default)]
    cty: Option<Value>,
}

/// The payload of `token`, which a key of the provider has signed with an algorithm of `strictness`. `types` are those that its
/// header may name.
pub fn payload(token: &str, keys: &KeySet, strictness: Strictness, types: &[&str]) -> Result<Vec<u8>, JwsError> {
    if token.len() > MAX_TOKEN {
        return Err(JwsError::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(JwsError::Malformed)?;
    let (header, payload) = message.split_once('.').ok_or(JwsError::Malformed)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| JwsError::Malformed);
    let (signature, payload) = (decode(signature)?, decode(payload)?);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| JwsError::Malformed)?;
    let is_typed = |typ: &str| types.iter().any(|known| typ.eq_ignore_ascii_case(known));
    let is_plain = header.crit.is_none() && header.cty.is_none() && header.typ.as_deref().is_none_or(is_typed);
    if !is_plain || !strictness.algorithms().contains(&header.alg) {
        return Err(JwsError::Header);
    }
    let key = keys.choose(header.kid.as_deref(), &header.alg)?;
    key.verify_signature(&header.alg, message.as_bytes(), &signature).map_err(|_| JwsError::Signature)?;
    Ok(payload)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{JwsError, MAX_TOKEN, payload};
    use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS, document};
    use crate::protocol::oidc::relying_party::jwks::{KeyChoiceError, KeySet};
    use crate::protocol::oidc::relying_party::strictness::Strictness;

    fn keys() -> KeySet {
        KeySet::parse(&document(&[KEYS.ec_jwk("ec"), KEYS.rsa_jwk("rsa"), KEYS.ed_jwk("ed")])).unwrap()
    }

    fn check(header: &serde_json::Value) -> Result<Vec<u8>, JwsError> {
        payload(&KEYS.sign(header, &json!({ "sub": "ada" })), &keys(), Strictness::Core, &["JWT", "logout+jwt"])
    }

    #[test]
    fn what_the_provider_signs_with_an_allowed_algorithm_is_read() {
        for (alg, kid) in [("ES256", "ec"), ("RS256", "rsa"), ("PS256", "rsa"), ("EdDSA", "ed")] {
            assert_eq!(check(&json!({ "alg": alg, "kid": kid })).unwrap(), br#"{"sub":"ada"}"#, "{alg}");
            assert!(check(&json!({ "alg": alg, "typ": "Logout+JWT" })).is_ok(), "{alg}: the only key that fits");
        }
    }

    #[test]
    fn ipsie_sl1_pkcs1_signatures_are_refused() {
        let check = |alg, kid| {
            let token = KEYS.sign(&json!({ "alg": alg, "kid": kid }), &json!({ "sub": "ada" }));
            payload(&token, &keys(), Strictness::Ipsie, &["JWT"]).map(drop)
        };
        for (alg, kid) in [("ES256", "ec"), ("PS256", "rsa"), ("EdDSA", "ed")] {
            assert_eq!(check(alg, kid), Ok(()), "{alg}");
        }
        assert_eq!(check("RS256", "rsa"), Err(JwsError::Header));
    }

    #[test]
    fn headers_of_another_kind_are_refused() {
        for header in [
            json!({ "alg": "none", "kid": "ec" }),
            json!({ "alg": "HS256", "kid": "rsa" }),
            json!({ "alg": "ES256", "kid": "ec", "typ": "at+jwt" }),
            json!({ "alg": "ES256", "kid": "ec", "crit": ["b64"], "b64": false }),
            json!({ "alg": "ES256", "kid": "ec", "cty": "JWT" }),
        ] {
            assert_eq!(check(&header), Err(JwsError::Header), "{header}");
        }
    }

    #[test]
    fn only_the_key_that_is_named_and_fits_the_algorithm_counts() {
        let not_found = Err(JwsError::Key(KeyChoiceError::NotFound));
        assert_eq!(check(&json!({ "alg": "ES256", "kid": "other" })), not_found);
        assert_eq!(check(&json!({ "alg": "RS256", "kid": "ec" })), not_found);
        let several = KeySet::parse(&document(&[KEYS.ec_jwk("1"), OTHER_KEYS.ec_jwk("2")])).unwrap();
        let unnamed = KEYS.sign(&json!({ "alg": "ES256" }), &json!({}));
        assert_eq!(payload(&unnamed, &several, Strictness::Core, &[]), Err(JwsError::Key(KeyChoiceError::Ambiguous)));
        let mut pinned = KEYS.rsa_jwk("rsa");
        pinned["alg"] = "RS256".into();
        let pinned = KeySet::parse(&document(&[pinned])).unwrap();
        let other = KEYS.sign(&json!({ "alg": "PS256", "kid": "rsa" }), &json!({}));
        assert_eq!(payload(&other, &pinned, Strictness::Core, &[]), not_found);
        let forged =
            OTHER_KEYS.sign(&json!({ "alg": "ES256", "kid": "ec", "jwk": OTHER_KEYS.ec_jwk("ec") }), &json!({}));
        assert_eq!(payload(&forged, &keys(), Strictness::Core, &[]), Err(JwsError::Signature));
    }

    #[test]
    fn what_is_no_signed_token_is_malformed() {
        let long = "a".repeat(MAX_TOKEN + 1);
        for bad in ["", "a", "a.b", "e30.e30.e30.e30.e30", "e30.e30.%", &long] {
            assert_eq!(payload(bad, &keys(), Strictness::Core, &[]), Err(JwsError::Malformed), "{bad:.20}");
        }
        let token = KEYS.sign(&json!({ "alg": "ES256", "kid": "ec" }), &json!({ "sub": "ada" }));
        for end in 0..token.len() {
            assert!(payload(&token[..end], &keys(), Strictness::Core, &[]).is_err(), "{end}");
        }
    }
}
