//! What somebody calls one of their passkeys, so that they know later which is which.

use std::str::FromStr;

/// A name of 1 to 60 characters that shows something and is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasskeyName(String);

/// The text is no such name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a name of a passkey")]
pub struct InvalidPasskeyName;

const MAX_CHARACTERS: usize = 60;

impl PasskeyName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PasskeyName {
    type Err = InvalidPasskeyName;

    fn from_str(text: &str) -> Result<Self, InvalidPasskeyName> {
        let text = text.trim();
        let is_fit = (1..=MAX_CHARACTERS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if is_fit { Ok(Self(text.to_owned())) } else { Err(InvalidPasskeyName) }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidPasskeyName, PasskeyName};

    #[test]
    fn a_name_is_one_line_of_sixty_characters_at_most() {
        assert_eq!("  My phone ".parse::<PasskeyName>().unwrap().as_str(), "My phone");
        assert!("\u{e9}".repeat(60).parse::<PasskeyName>().is_ok());
        for text in ["", "  ", "two\nlines", &"x".repeat(61)] {
            assert_eq!(text.parse::<PasskeyName>(), Err(InvalidPasskeyName), "{text:?}");
        }
    }
}
