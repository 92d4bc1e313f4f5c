//! Masking what an identity provider said about somebody, and cutting what it is long-winded about. An administrator who
//! knows whom to look for recognizes them; nobody else does.

use crate::values::email::EmailAddress;

/// So many characters of a text are shown.
const MAX_TEXT: usize = 200;
/// So many characters of a name are shown, when it has at least twice as many.
const SHOWN: usize = 3;

/// An address, with the first character of its local part.
pub fn address(address: &EmailAddress) -> String {
    let first: String = address.as_str().chars().take(1).filter(|first| *first != '@').collect();
    format!("{first}***@{}", cut(address.domain().as_str()))
}

/// The name of somebody: the first characters, and how many there are.
pub fn name(text: &str) -> String {
    let count = text.chars().count();
    let shown: String = if count < 2 * SHOWN { String::new() } else { text.chars().take(SHOWN).collect() };
    format!("{shown}*** ({count} characters)")
}

/// A text that is about nobody.
pub fn cut(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::{address, cut, name};

    #[test]
    fn little_is_left_of_who_somebody_is() {
        assert_eq!(address(&"ada.lovelace@acme.test".parse().unwrap()), "a***@acme.test");
        assert_eq!(name("00u1example"), "00u*** (11 characters)");
        assert_eq!(name("ada"), "*** (3 characters)");
        assert_eq!(name(&"é".repeat(300)), "ééé*** (300 characters)");
        assert_eq!(cut(&"é".repeat(300)).chars().count(), 200);
    }
}
