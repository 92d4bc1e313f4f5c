//! E-mail addresses, by one strict parser: an ASCII dot-atom, one `@`, a domain name. Everything else is refused,
//! so that two readers of the same text can never see two addresses.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::domain_name::DomainName;

/// An address `local@domain`. Compared and stored in lower case, which no mail system in use tells apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    text: String,
    domain: DomainName,
}

/// The text is not an address in the form this gateway accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an e-mail address")]
pub struct InvalidEmailAddress;

impl EmailAddress {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The part behind the `@`.
    pub fn domain(&self) -> &DomainName {
        &self.domain
    }
}

fn is_atom_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$&'*+-/=?^_`{|}~".contains(&byte)
}

impl FromStr for EmailAddress {
    type Err = InvalidEmailAddress;

    fn from_str(text: &str) -> Result<Self, InvalidEmailAddress> {
        let (local, domain) = text.split_once('@').ok_or(InvalidEmailAddress)?;
        // "=?" opens an encoded word (RFC 2047), which some readers decode into another address.
        let is_dot_atom = local.split('.').all(|atom| !atom.is_empty() && atom.bytes().all(is_atom_byte));
        if !is_dot_atom || local.len() > 64 || text.len() > 254 || local.contains("=?") || !domain.is_ascii() {
            return Err(InvalidEmailAddress);
        }
        let domain: DomainName = domain.parse().map_err(|_| InvalidEmailAddress)?;
        Ok(Self { text: format!("{}@{domain}", local.to_ascii_lowercase()), domain })
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmailAddress;

    fn try_from(text: String) -> Result<Self, InvalidEmailAddress> {
        text.parse()
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.text
    }
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::EmailAddress;

    #[test]
    fn addresses_compare_without_case() {
        let address: EmailAddress = "Ada.Lovelace+x@ACME.test".parse().unwrap();
        assert_eq!(address.as_str(), "ada.lovelace+x@acme.test");
        assert_eq!(address.domain().as_str(), "acme.test");
    }

    #[test]
    fn anything_that_two_parsers_could_read_differently_is_refused() {
        for bad in [
            "",
            "@acme.test",
            "ada",
            "ada@",
            "ada@acme",
            "a@b@acme.test",
            "<a@b>c@acme.test",
            "\"a b\"@acme.test",
            "a..b@acme.test",
            ".a@acme.test",
            "a%b@acme.test",
            "=?utf-8?q?a?=@acme.test",
            "a\0@acme.test",
            "a@[127.0.0.1]",
            "ä@acme.test",
            "a@acme.test ",
            "a,b@acme.test",
            "@x:a@acme.test",
            "K@\u{212A}elvin.test",
            "a@acme.test\n",
            "a\n@acme.test",
            "a@acme.test,b@evil.test",
            "a@acme.test@evil.test",
            "\"a@acme.test\"@evil.test",
            "\"a\"@acme.test",
            "a(x)@acme.test",
            "a@acme.test(x)",
            "Ada <a@acme.test>",
            "a\\@evil.test@acme.test",
            "a@acme.test.",
            "a@acme_test.test",
            "a@=?utf-8?q?acme?=.test",
            // Characters that some readers fold into i, k and ss (GitHub 2019, CVE-2019-19844), and others that look alike.
            "m\u{131}ke@acme.test",
            "M\u{130}KE@acme.test",
            "\u{212A}elvin@acme.test",
            "stra\u{df}e@acme.test",
            "m\u{456}ke@acme.test",
            "mike@acme\u{3002}test",
            "mike\u{ff20}acme.test",
        ] {
            assert!(bad.parse::<EmailAddress>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_stored_is_read_as_the_same_address() {
        for text in ["Ada.Lovelace+x@ACME.test", "A@XN--BCHER-KVA.example", "o'neil!#$&*/?^_`{|}~=-@sub.acme.test"] {
            let once: EmailAddress = text.parse().unwrap();
            assert_eq!(once.as_str().parse(), Ok(once.clone()), "{text}");
        }
    }
}
