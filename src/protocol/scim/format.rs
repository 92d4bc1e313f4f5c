//! Attributes whose texts have a form of their own (RFC 7643, section 4.1): countries, time zones, languages, telephone
//! numbers, certificates. What is safe to spell in one way is spelt so; nothing is lost.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The form of an attribute's text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// None in particular.
    #[default]
    Free,
    /// An ISO 3166-1 alpha-2 code.
    Country,
    /// A name of the IANA time zone database.
    TimeZone,
    /// A language tag (RFC 5646).
    LanguageTag,
    /// What stands in `Accept-Language` (RFC 9110).
    LanguageRange,
    /// A telephone number.
    Phone,
    /// The DER of an X.509 certificate, in base64.
    Certificate,
}

impl Format {
    /// What a text of another form is not.
    pub const fn wanted(self) -> &'static str {
        match self {
            Self::Free => "a text",
            Self::Country => "an ISO 3166-1 alpha-2 code",
            Self::TimeZone => "a name of the IANA time zone database",
            Self::LanguageTag => "a language tag (RFC 5646)",
            Self::LanguageRange => "a list of languages as in Accept-Language",
            Self::Phone => "a telephone number",
            Self::Certificate => "the DER of an X.509 certificate in base64",
        }
    }
}

/// The assigned codes of ISO 3166-1 alpha-2, two letters each.
const COUNTRIES: &str = "ADAEAFAGAIALAMAOAQARASATAUAWAXAZBABBBDBEBFBGBHBIBJBLBMBNBOBQBRBSBTBVBWBYBZCACCCDCFCGCHCICKCLCM\
CNCOCRCUCVCWCXCYCZDEDJDKDMDODZECEEEGEHERESETFIFJFKFMFOFRGAGBGDGEGFGGGHGIGLGMGNGPGQGRGSGTGUGWGYHKHMHNHRHTHUIDIEILIMINIOIQ\
IRISITJEJMJOJPKEKGKHKIKMKNKPKRKWKYKZLALBLCLILKLRLSLTLULVLYMAMCMDMEMFMGMHMKMLMMMNMOMPMQMRMSMTMUMVMWMXMYMZNANCNENFNGNINLNO\
NPNRNUNZOMPAPEPFPGPHPKPLPMPNPRPSPTPWPYQARERORSRURWSASBSCSDSESGSHSISJSKSLSMSNSOSRSSSTSVSXSYSZTCTDTFTGTHTJTKTLTMTNTOTRTTTV\
TWTZUAUGUMUSUYUZVAVCVEVGVIVNVUWFWSYEYTZAZMZW";

/// The text in its one spelling; `None` when it is not of this form.
pub fn canonical(format: Format, text: &str) -> Option<Cow<'_, str>> {
    let same = || Cow::Borrowed(text);
    match format {
        Format::Free => Some(same()),
        Format::Certificate => decoded(text).is_some_and(|der| is_certificate(&der)).then(same),
        Format::Country => {
            let code = text.to_ascii_uppercase();
            let is_known = code.len() == 2 && COUNTRIES.as_bytes().chunks(2).any(|known| known == code.as_bytes());
            is_known.then_some(Cow::Owned(code))
        }
        Format::TimeZone => is_time_zone(text).then(same),
        Format::LanguageTag => is_language_tag(text).then(same),
        Format::LanguageRange => text.split(',').all(|range| is_language_range(range.trim())).then(same),
        // RFC 3966: the scheme has no case. A number that is no URI stays as it was sent: who compares what it reads
        // with what it sent would find a difference for ever.
        Format::Phone => Some(match text.get(..4) {
            Some(scheme) if scheme != "tel:" && scheme.eq_ignore_ascii_case("tel:") => {
                Cow::Owned(format!("tel:{}", text.get(4..).unwrap_or_default()))
            }
            _ => same(),
        }),
    }
}

/// `America/Argentina/Buenos_Aires`, `Etc/GMT+5`, `UTC`: the form, not the list, which changes several times a year.
fn is_time_zone(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic())
            && part.len() <= 30
            && part.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+'))
    };
    text.split('/').count() <= 3 && text.split('/').all(is_part)
}

fn is_language_tag(text: &str) -> bool {
    let mut parts = text.split('-');
    let first = parts.next().unwrap_or_default();
    let is_first = (1..=8).contains(&first.len()) && first.chars().all(|c| c.is_ascii_alphabetic());
    is_first && parts.all(|part| (1..=8).contains(&part.len()) && part.chars().all(|c| c.is_ascii_alphanumeric()))
}

fn is_language_range(text: &str) -> bool {
    let (range, weight) = match text.split_once(';') {
        Some((range, weight)) => (range.trim(), Some(weight.trim())),
        None => (text, None),
    };
    let is_weight = |weight: &str| {
        let number = weight.strip_prefix("q=").unwrap_or_default();
        number.len() <= 5 && number.parse::<f32>().is_ok_and(|number| (0.0..=1.0).contains(&number))
    };
    (range == "*" || is_language_tag(range)) && weight.is_none_or(is_weight)
}

/// RFC 7643, section 2.3.6: base64 or its URL-safe alphabet; padding may be absent.
pub fn decoded(text: &str) -> Option<Vec<u8>> {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let sets = [alphabet::STANDARD, alphabet::URL_SAFE];
    sets.iter().find_map(|set| GeneralPurpose::new(set, config).decode(text).ok())
}

/// True for the DER of an X.509 certificate, judged by its outer form: a sequence of a sequence, a sequence and a bit
/// string, and nothing behind it.
pub fn is_certificate(der: &[u8]) -> bool {
    const SEQUENCE: u8 = 0x30;
    const BIT_STRING: u8 = 0x03;
    let Some((SEQUENCE, whole, &[])) = element(der) else { return false };
    let Some((SEQUENCE, _, rest)) = element(whole) else { return false };
    let Some((SEQUENCE, _, rest)) = element(rest) else { return false };
    matches!(element(rest), Some((BIT_STRING, _, &[])))
}

/// The tag, the content and what follows of the first element of DER.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0_usize, |length, byte| length << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*tag, content, rest))
}

#[cfg(test)]
mod tests {
    use super::{Format, canonical, is_certificate};

    fn spelt(format: Format, text: &str) -> Option<String> {
        canonical(format, text).map(std::borrow::Cow::into_owned)
    }

    #[test]
    fn s4_1_2_a_country_is_an_iso_3166_code_in_capitals() {
        assert_eq!(spelt(Format::Country, "us"), Some("US".to_owned()));
        assert_eq!(spelt(Format::Country, "ZW"), Some("ZW".to_owned()));
        for other in ["USA", "United States", "XX", "U", "", "DK\u{e9}", "EA"] {
            assert_eq!(spelt(Format::Country, other), None, "{other}");
        }
    }

    #[test]
    fn time_zones_and_languages_have_their_form() {
        for zone in ["America/Los_Angeles", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "UTC"] {
            assert!(spelt(Format::TimeZone, zone).is_some(), "{zone}");
        }
        for other in ["", "Pacific Standard Time", "+02:00", "America/", "a/b/c/d"] {
            assert_eq!(spelt(Format::TimeZone, other), None, "{other}");
        }
        for tag in ["en", "en-US", "zh-Hant-TW", "de-CH-1996", "x-klingon"] {
            assert!(spelt(Format::LanguageTag, tag).is_some(), "{tag}");
        }
        for other in ["", "en_US", "en-", "english language", "1n"] {
            assert_eq!(spelt(Format::LanguageTag, other), None, "{other}");
        }
        for ranges in ["da, en-GB;q=0.8, en;q=0.7", "*", "en"] {
            assert!(spelt(Format::LanguageRange, ranges).is_some(), "{ranges}");
        }
        for other in ["en;q=2", "en;q=", "en_US", "en,,de"] {
            assert_eq!(spelt(Format::LanguageRange, other), None, "{other}");
        }
    }

    #[test]
    fn a_telephone_number_keeps_its_digits() {
        assert_eq!(spelt(Format::Phone, "TEL:+1-201-555-0123"), Some("tel:+1-201-555-0123".to_owned()));
        assert_eq!(spelt(Format::Phone, "+1 (201) 555-0123"), Some("+1 (201) 555-0123".to_owned()));
    }

    #[test]
    fn s4_1_2_a_certificate_is_the_der_of_one() {
        let certificate = [0x30, 0x08, 0x30, 0x00, 0x30, 0x00, 0x03, 0x02, 0x00, 0x01];
        assert!(is_certificate(&certificate));
        for length in 0..certificate.len() {
            assert!(!is_certificate(&certificate[..length]), "{length}");
        }
        assert!(!is_certificate(&[&certificate[..], &[0]].concat()));
        assert!(!is_certificate(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30]));
        assert!(!is_certificate(&[0x30, 0x80, 0x30, 0x00]));
    }
}
