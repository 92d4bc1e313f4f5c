//! A password as a person types it, in the one form in which it is hashed and compared.
//!
//! Unicode has several spellings of the same character, and two keyboards may send two of them, so the text is brought
//! into NFC first (RFC 8265, 4.2.2). Length is counted in characters of that form. No rule asks for kinds of characters
//! (NIST SP 800-63B-4, 3.1.1.2).

use aws_lc_rs::digest;
use unicode_normalization::UnicodeNormalization as _;

use super::folding::fold;
use super::secret::Secret;

/// The fewest characters of a password.
pub const MIN_CHARACTERS: usize = 8;
/// The most characters of a password.
pub const MAX_CHARACTERS: usize = 256;

/// A password. It is not printed, and wiped on drop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(Secret);

/// Why a text cannot become somebody's password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Fewer than [`MIN_CHARACTERS`].
    #[error("the password is too short")]
    TooShort,
    /// More than [`MAX_CHARACTERS`].
    #[error("the password is too long")]
    TooLong,
}

impl Password {
    /// What somebody typed to sign in, of whatever length: a wrong password is wrong, and not malformed.
    pub fn typed(text: &str) -> Self {
        Self(Secret::from(text.nfc().collect::<String>()))
    }

    /// What somebody wants as their password.
    pub fn chosen(text: &str) -> Result<Self, Unfit> {
        let password = Self::typed(text);
        match password.expose().chars().count() {
            count if count < MIN_CHARACTERS => Err(Unfit::TooShort),
            count if count > MAX_CHARACTERS => Err(Unfit::TooLong),
            _ => Ok(password),
        }
    }

    /// The text in NFC.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The form in which it is looked for among words that everybody knows.
    pub fn folded(&self) -> Secret {
        Secret::from(fold(self.expose()))
    }

    /// Its SHA-1 in capital hexadecimal digits: the form in which lists of breached passwords are published. For finding it
    /// there, and for nothing else.
    pub fn listed_form(&self) -> Secret {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.expose().as_bytes());
        Secret::from(hash.as_ref().iter().map(|byte| format!("{byte:02X}")).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::{Password, Unfit};

    #[test]
    fn two_spellings_of_a_character_are_one_password() {
        assert_eq!(Password::typed("caf\u{e9} au lait"), Password::typed("cafe\u{301} au lait"));
        assert_ne!(Password::typed("cafe au lait"), Password::typed("caf\u{e9} au lait"));
    }

    #[test]
    fn the_length_is_counted_in_characters_after_normalisation() {
        let cases = [
            ("seven77", Err(Unfit::TooShort)),
            ("eight888", Ok(())),
            ("\u{e9}\u{e9}\u{e9}\u{e9}", Err(Unfit::TooShort)),
            ("e\u{301}e\u{301}e\u{301}e\u{301}", Err(Unfit::TooShort)),
            ("\u{1F511}\u{1F511}\u{1F511}\u{1F511}\u{1F511}\u{1F511}\u{1F511}\u{1F511}", Ok(())),
            ("        ", Ok(())),
        ];
        for (text, expected) in cases {
            assert_eq!(Password::chosen(text).map(|_| ()), expected, "{text}");
        }
        assert!(Password::chosen(&"\u{e9}".repeat(256)).is_ok());
        assert_eq!(Password::chosen(&"x".repeat(257)), Err(Unfit::TooLong));
    }

    #[test]
    fn a_password_is_looked_up_by_its_sha1() {
        assert_eq!(Password::typed("password").listed_form().expose(), "5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8");
        assert_eq!(format!("{:?}", Password::typed("hunter2hunter2")), "Password(Secret(...))");
    }
}
