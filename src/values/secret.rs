//! Secrets: text that must not be shown, and tokens that are kept only as a hash.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::entropy::Entropy;

/// Text that is wiped on drop and never printed. Reading it is spelled [`Secret::expose`].
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(...)")
    }
}

/// A fresh token of 256 random bits as `prefix` + 43 URL-safe characters. The prefix says what it opens, so that a
/// leaked one can be recognised by scanners.
pub fn new_token(prefix: &str, entropy: &Entropy) -> Secret {
    let random = Zeroizing::new(entropy.bytes::<32>());
    Secret::from(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(*random)))
}

/// The SHA-256 of a token. High-entropy tokens need no salt and no slow hash; the store never sees the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of a presented or freshly made token.
    pub fn of(token: &str) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The 32 bytes that the store keeps.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(...)")
    }
}

/// Compares two byte strings in time that depends on their lengths only.
pub fn is_equal(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

#[cfg(test)]
mod tests {
    use super::{Secret, TokenHash, new_token};
    use crate::values::entropy::Entropy;

    #[test]
    fn a_secret_is_not_printed() {
        assert_eq!(format!("{:?}", Secret::from("hunter2".to_owned())), "Secret(...)");
    }

    #[test]
    fn every_change_of_a_token_changes_its_hash() {
        let token = new_token("cw_scim_", &Entropy::new(|buffer| buffer.fill(9)));
        let text = token.expose();
        assert_eq!(text.len(), "cw_scim_".len() + 43);
        let hash = TokenHash::of(text);
        for other in [&text[1..], &text[..text.len() - 1], &text.to_uppercase(), &format!("{text} ")] {
            assert!(TokenHash::of(other) != hash);
        }
    }
}
