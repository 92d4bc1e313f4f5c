//! Proof Key for Code Exchange (RFC 7636), method S256 only. The gateway checks it as provider and makes it as
//! relying party.

use std::fmt;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::values::entropy::Entropy;
use crate::values::secret::{Secret, is_equal};

const CHALLENGE_LENGTH: usize = 43;

/// A `code_challenge` of method S256: the base64url form of a SHA-256 value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CodeChallenge(String);

/// The text is not the base64url form of 32 bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an s256 code challenge")]
pub struct InvalidCodeChallenge;

impl CodeChallenge {
    /// Reads a challenge; only canonical base64url of 32 bytes is one.
    pub fn parse(text: &str) -> Result<Self, InvalidCodeChallenge> {
        if text.len() == CHALLENGE_LENGTH && URL_SAFE_NO_PAD.decode(text).is_ok() {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCodeChallenge)
        }
    }

    /// The challenge on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `verifier` is the one this challenge was made from, compared in constant time.
    pub fn is_met_by(&self, verifier: &CodeVerifier) -> bool {
        is_equal(self.0.as_bytes(), verifier.challenge().0.as_bytes())
    }
}

impl TryFrom<String> for CodeChallenge {
    type Error = InvalidCodeChallenge;

    fn try_from(text: String) -> Result<Self, InvalidCodeChallenge> {
        Self::parse(&text)
    }
}

impl From<CodeChallenge> for String {
    fn from(challenge: CodeChallenge) -> Self {
        challenge.0
    }
}

/// A `code_verifier`: 43 to 128 unreserved characters (RFC 7636, 4.1).
#[derive(Clone)]
pub struct CodeVerifier(Secret);

/// The text is not a code verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a code verifier")]
pub struct InvalidCodeVerifier;

impl CodeVerifier {
    /// Reads a presented verifier.
    pub fn parse(text: &str) -> Result<Self, InvalidCodeVerifier> {
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if (43..=128).contains(&text.len()) && text.bytes().all(is_unreserved) {
            Ok(Self(Secret::from(text.to_owned())))
        } else {
            Err(InvalidCodeVerifier)
        }
    }

    /// A fresh verifier of 256 random bits.
    pub fn mint(entropy: &Entropy) -> Self {
        Self(Secret::from(URL_SAFE_NO_PAD.encode(entropy.bytes::<32>())))
    }

    /// The text that the token request carries.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// `BASE64URL(SHA256(ASCII(code_verifier)))`.
    pub fn challenge(&self) -> CodeChallenge {
        let hash = digest::digest(&digest::SHA256, self.0.expose().as_bytes());
        CodeChallenge(URL_SAFE_NO_PAD.encode(hash.as_ref()))
    }
}

impl fmt::Debug for CodeVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CodeVerifier(...)")
    }
}

#[cfg(test)]
mod tests {
    use super::{CodeChallenge, CodeVerifier};

    // RFC 7636, appendix B.
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    #[test]
    fn the_rfc_example_matches() {
        let verifier = CodeVerifier::parse(VERIFIER).unwrap();
        assert_eq!(verifier.challenge().as_str(), CHALLENGE);
        assert!(CodeChallenge::parse(CHALLENGE).unwrap().is_met_by(&verifier));
    }

    #[test]
    fn another_verifier_does_not_match() {
        let challenge = CodeChallenge::parse(CHALLENGE).unwrap();
        let other = CodeVerifier::parse(&VERIFIER.replace('d', "e")).unwrap();
        assert!(!challenge.is_met_by(&other));
        // `plain`: the challenge presented as its own verifier.
        assert!(!challenge.is_met_by(&CodeVerifier::parse(CHALLENGE).unwrap()));
    }

    #[test]
    fn only_the_rfc_alphabet_and_length_is_a_verifier() {
        for bad in ["", &"a".repeat(42), &"a".repeat(129), &format!("{}+", "a".repeat(43)), &"\u{e9}".repeat(43)] {
            assert!(CodeVerifier::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_challenge_is_canonical_base64url_of_32_bytes() {
        for bad in [
            "",
            &CHALLENGE[1..],
            &format!("{CHALLENGE}="),
            &CHALLENGE.replace('-', "+"),
            &CHALLENGE.replace("cM", "cN"),
        ] {
            assert!(CodeChallenge::parse(bad).is_err(), "{bad}");
        }
    }
}
