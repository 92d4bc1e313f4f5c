//! Reading a provider's UserInfo answer (OpenID Connect Core 5.3.2 to 5.3.4).

use serde_json::{Map, Value};

/// The largest answer that is read.
pub const MAX_BYTES: usize = 256 * 1024;

/// Why an answer is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserInfoError {
    /// Not a JSON object with a `sub`.
    #[error("the userinfo answer is malformed")]
    Malformed,
    /// "If they do not match, the UserInfo Response values MUST NOT be used."
    #[error("the userinfo answer is about somebody else")]
    Subject,
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
    use super::{MAX_BYTES, UserInfoError, parse};

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
