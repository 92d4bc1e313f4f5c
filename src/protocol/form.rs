//! `application/x-www-form-urlencoded`, as a body or a query, read strictly. The URL standard's parser takes everything: what is
//! no percent-encoding stands for itself, and what is no UTF-8 becomes U+FFFD, so that two texts that were sent become one
//! that was not. Here both are refused, for every reader alike.

use url::form_urlencoded;

/// The percent-encoding is broken, or what it encodes is no UTF-8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the percent-encoding or the utf-8 is broken")]
pub struct MalformedForm;

/// A name came more than once, and two readers could take different values (GitLab CVE-2023-7028).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the field was sent more than once")]
pub struct SentTwice;

/// The fields of a form in the order they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    pairs: Vec<(String, String)>,
}

impl Fields {
    /// Decodes a form.
    pub fn parse(text: &[u8]) -> Result<Self, MalformedForm> {
        check(text)?;
        Ok(Self { pairs: form_urlencoded::parse(text).into_owned().collect() })
    }

    /// The value of a field, if it was sent.
    pub fn once(&self, name: &str) -> Result<Option<&str>, SentTwice> {
        let mut values = self.pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value.as_str());
        let value = values.next();
        if values.next().is_some() { Err(SentTwice) } else { Ok(value) }
    }

    /// All of them.
    pub fn into_pairs(self) -> Vec<(String, String)> {
        self.pairs
    }
}

/// Decodes one word: a name or a value.
pub fn decode(word: &str) -> Result<String, MalformedForm> {
    // Separators would part it; in a word they stand for themselves.
    let word = word.replace('&', "%26").replace('=', "%3D");
    let fields = Fields::parse(word.as_bytes())?;
    Ok(fields.pairs.into_iter().next().map(|(word, _)| word).unwrap_or_default())
}

/// Each `%` with its two digits, and each word UTF-8 when it is decoded. A separator ends no character: it is ASCII, so the
/// whole is UTF-8 if and only if every word is.
fn check(text: &[u8]) -> Result<(), MalformedForm> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.iter().copied();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' { hexadecimal(rest.next())? << 4 | hexadecimal(rest.next())? } else { byte });
    }
    if std::str::from_utf8(&bytes).is_ok() { Ok(()) } else { Err(MalformedForm) }
}

fn hexadecimal(digit: Option<u8>) -> Result<u8, MalformedForm> {
    let value = digit.and_then(|digit| char::from(digit).to_digit(16)).and_then(|value| u8::try_from(value).ok());
    value.ok_or(MalformedForm)
}

#[cfg(test)]
mod tests {
    use super::{Fields, MalformedForm, SentTwice, decode};

    #[test]
    fn what_is_well_formed_is_read_as_it_was_written() {
        let fields = Fields::parse("email=ada%40acme.test&a=x%20y+z&&b&=c&gr%C3%BC%c3%9f=ü&d=%EF%BF%BD".as_bytes());
        let pairs = fields.unwrap().into_pairs();
        let expected =
            [("email", "ada@acme.test"), ("a", "x y z"), ("b", ""), ("", "c"), ("grüß", "ü"), ("d", "\u{fffd}")];
        assert_eq!(pairs, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
        assert!(Fields::parse(b"").unwrap().into_pairs().is_empty());
    }

    #[test]
    fn broken_percent_encoding_and_broken_utf8_are_refused_wherever_they_stand() {
        for bad in
            ["a=%", "a=%f", "a=%zz", "a=%+1", "%ff=%&&==&", "a=%ff", "%ff=a", "a=%C3", "a=%C3&b=%9F", "a&%", "a=%C0%80"]
        {
            assert_eq!(Fields::parse(bad.as_bytes()), Err(MalformedForm), "{bad}");
        }
        for bad in [&b"a=\xff"[..], b"\xc3=a", b"a=\xed\xa0\x80"] {
            assert_eq!(Fields::parse(bad), Err(MalformedForm), "{bad:?}");
        }
    }

    #[test]
    fn a_field_that_was_sent_twice_has_no_value() {
        let fields = Fields::parse(b"once=1&twice=1&tw%69ce=2").unwrap();
        assert_eq!((fields.once("once"), fields.once("twice")), (Ok(Some("1")), Err(SentTwice)));
        assert_eq!(fields.once("never"), Ok(None));
    }

    #[test]
    fn a_word_is_one_whatever_it_holds() {
        for (word, decoded) in [("", ""), ("a+b%2B", "a b+"), ("a=b&c", "a=b&c"), ("=", "="), ("%3d%26", "=&")] {
            assert_eq!(decode(word).as_deref(), Ok(decoded), "{word}");
        }
        assert_eq!((decode("%"), decode("%ff")), (Err(MalformedForm), Err(MalformedForm)));
    }
}
