//! Reading a provider's UserInfo answer (OpenID Connect Core 5.3.2 to 5.3.4), which some providers sign.

use serde_json::{Map, Value};

use super::jwks::KeySet;
use super::jws::{self, JwsError};
use super::strictness::Strictness;

/// The largest answer that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// The media type of a signed answer.
pub const SIGNED: &str = "application/jwt";

/// What the answer must match.
#[derive(Debug, Clone, Copy)]
pub struct Expected<'a> {
    /// The provider.
    pub issuer: &'a str,
    /// The gateway's client id there.
    pub client_id: &'a str,
    /// The `sub` of the verified ID token.
    pub subject: &'a str,
    /// What the connection is held to.
    pub strictness: Strictness,
}

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserInfoError {
    /// Not a JSON object with a `sub`.
    #[error("the userinfo answer is malformed")]
    Malformed,
    /// "If they do not match, the UserInfo Response values MUST NOT be used."
    #[error("the userinfo answer is about somebody else")]
    Subject,
    /// It is signed, and the signature is not the provider's.
    #[error("the userinfo answer is not signed by the provider: {0}")]
    Signature(JwsError),
    /// It is signed, and `iss` or `aud` is missing or another.
    #[error("the signed userinfo answer is of another issuer or for another client")]
    Context,
}

impl UserInfoError {
    /// The provider may have rolled its keys over since they were fetched.
    pub const fn is_key_unknown(&self) -> bool {
        matches!(self, Self::Signature(error) if error.is_key_unknown())
    }
}

/// The claims of a signed answer. "If signed, the UserInfo Response SHOULD contain the Claims iss and aud": here it must,
/// so that nothing else that the provider signs passes for one.
pub fn verify(body: &[u8], keys: &KeySet, expected: &Expected<'_>) -> Result<Map<String, Value>, UserInfoError> {
    let token = std::str::from_utf8(body).map_err(|_| UserInfoError::Malformed)?;
    let payload = jws::payload(token.trim(), keys, expected.strictness, &["JWT"]).map_err(UserInfoError::Signature)?;
    let claims = parse(&payload, expected.subject)?;
    let is_for_us = match claims.get("aud") {
        Some(Value::String(only)) => only == expected.client_id,
        Some(Value::Array(list)) => matches!(list.as_slice(), [only] if only == expected.client_id),
        _ => false,
    };
    let is_from_them = claims.get("iss").and_then(Value::as_str) == Some(expected.issuer);
    if is_for_us && is_from_them { Ok(claims) } else { Err(UserInfoError::Context) }
}

/// The claims of an unsigned answer about `subject`, the `sub` of the verified ID token.
pub fn parse(body: &[u8], subject: &str) -> Result<Map<String, Value>, UserInfoError> {
    if body.len() > MAX_BYTES {
        return Err(UserInfoError::Malformed);
    }
    let claims: Map<String, Value> = serde_json::from_slice(body).map_err(|_| UserInfoError::Malformed)?;
    match claims.get("sub") {
        Some(Value::String(sub)) if sub == subject => Ok(claims),
        Some(Value::String(_)) => Err(UserInfoError::Subject),
        _ => Err(UserInfoError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Expected, MAX_BYTES, UserInfoError, parse, verify};
    use crate::protocol::oidc::relying_party::dishonest::{KEYS, OTHER_KEYS, document};
    use crate::protocol::oidc::relying_party::jwks::KeySet;
    use crate::protocol::oidc::relying_party::jws::JwsError;
    use crate::protocol::oidc::relying_party::strictness::Strictness;

    #[test]
    fn oidcc_client_test_userinfo_signed() {
        let keys = KeySet::parse(&document(&[KEYS.ec_jwk("ec")])).unwrap();
        let expected =
            Expected { issuer: "https://op.test", client_id: "c", subject: "ada", strictness: Strictness::Core };
        let header = json!({ "alg": "ES256", "kid": "ec" });
        let claims = json!({ "iss": "https://op.test", "aud": "c", "sub": "ada", "email": "ada@acme.test" });
        let check = |token: String| verify(token.as_bytes(), &keys, &expected);
        assert_eq!(check(KEYS.sign(&header, &claims)).unwrap()["email"], "ada@acme.test");
        let forged = check(OTHER_KEYS.sign(&header, &claims));
        assert_eq!(forged, Err(UserInfoError::Signature(JwsError::Signature)));
        let unsigned = check(KEYS.sign(&json!({ "alg": "none" }), &claims));
        assert_eq!(unsigned, Err(UserInfoError::Signature(JwsError::Header)));
        for (name, value, error) in [
            ("sub", json!("eve"), UserInfoError::Subject),
            ("iss", json!("https://evil.test"), UserInfoError::Context),
            ("iss", json!(null), UserInfoError::Context),
            ("aud", json!("other"), UserInfoError::Context),
            ("aud", json!(["c", "other"]), UserInfoError::Context),
            ("aud", json!(null), UserInfoError::Context),
        ] {
            let mut claims = claims.clone();
            claims[name] = value.clone();
            assert_eq!(check(KEYS.sign(&header, &claims)), Err(error), "{name} {value}");
        }
    }

    #[test]
    fn oidcc_client_test_userinfo_invalid_sub() {
        assert_eq!(parse(br#"{"sub":"other","email":"a@b.test"}"#, "ada"), Err(UserInfoError::Subject));
        assert!(parse(br#"{"sub":"ada","email":"a@b.test"}"#, "ada").is_ok());
    }

    #[test]
    fn answers_without_a_textual_subject_are_refused() {
        for bad in ["", "[]", "{}", r#"{"sub":["ada"]}"#, r#"{"sub":null}"#, "x.y.z"] {
            assert_eq!(parse(bad.as_bytes(), "ada"), Err(UserInfoError::Malformed), "{bad}");
        }
    }

    #[test]
    fn an_answer_is_read_up_to_its_bound() {
        let good = r#"{"sub":"ada"}"#;
        let padded = |bytes: usize| parse([good, &" ".repeat(bytes - good.len())].concat().as_bytes(), "ada");
        assert!(padded(MAX_BYTES).is_ok());
        assert_eq!(padded(MAX_BYTES + 1), Err(UserInfoError::Malformed));
    }
}
