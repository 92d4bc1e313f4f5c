//! The one form in which names that ignore case are compared (decision Q32).

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// The text holds a control or an unassigned character, which a name may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("control and unassigned characters are not allowed in a name")]
pub struct ForbiddenCharacter;

/// `text` under NFKC and full case folding. Two names are the same when their folded forms are equal.
/// Pure ASCII takes a short path with the same result.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    text.nfkc().default_case_fold().nfkc().collect()
}

/// Refuses a name with a control, private-use or unassigned character.
pub fn check_name(text: &str) -> Result<(), ForbiddenCharacter> {
    let is_forbidden = |c: char| {
        c.is_control()
            || matches!(c, '\u{FFFE}'..='\u{FFFF}' | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
            || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
            || !unicode_normalization::char::is_public_assigned(c)
    };
    if text.chars().any(is_forbidden) { Err(ForbiddenCharacter) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::{check_name, fold};

    #[test]
    fn case_and_compatibility_forms_fold_together() {
        assert_eq!(fold("ADA"), "ada");
        assert_eq!(fold("Stra\u{df}e"), fold("STRASSE"));
        assert_eq!(fold("\u{212A}elvin"), "kelvin");
        assert_eq!(fold("\u{FF21}da"), "ada");
    }

    /// GitHub 2019, CVE-2019-19844: what an upper case turns into ASCII is not the ASCII name.
    #[test]
    fn a_dotless_i_is_not_an_i_and_a_sharp_s_is_two() {
        assert_ne!(fold("m\u{131}ke"), fold("mike"));
        assert_ne!(fold("M\u{130}KE"), fold("mike"));
        assert_ne!(fold("m\u{456}ke"), fold("mike"));
        assert_eq!(fold("stra\u{1E9E}e"), fold("strasse"));
    }

    #[test]
    fn folding_twice_changes_nothing() {
        for text in ["Ada", "\u{1E9E}", "\u{0130}", "\u{FB01}n", "\u{03A3}\u{03C2}"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text:?}");
        }
    }

    #[test]
    fn control_and_unassigned_characters_are_refused() {
        for bad in ["a\0", "a\nb", "a\u{202E}b", "a\u{0378}", "a\u{E000}"] {
            assert!(check_name(bad).is_err(), "{bad:?}");
        }
        assert!(check_name("Ada Lovelace \u{e9}").is_ok());
    }
}
