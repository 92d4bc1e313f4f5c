//! DNS domain names in one canonical form: A-labels, lower case, no trailing dot.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A host or e-mail domain of at least two labels, as lower-case A-labels (RFC 5890). Never an IP literal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DomainName(String);

/// Why a text is not a domain name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomainName {
    /// Empty, too long, a forbidden character, or a label that is not valid under IDNA.
    #[error("not a domain name")]
    Malformed,
    /// An IPv4 or IPv6 address.
    #[error("an ip address is not a domain name")]
    IpAddress,
    /// One label only, such as `localhost`.
    #[error("a domain name has at least two labels")]
    SingleLabel,
}

impl DomainName {
    /// The canonical text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True when this name is a public suffix (`com`, `co.uk`, `github.io`), which nobody can own.
    pub fn is_public_suffix(&self) -> bool {
        psl::suffix(self.0.as_bytes()).is_some_and(|suffix| suffix.as_bytes() == self.0.as_bytes())
    }
}

impl FromStr for DomainName {
    type Err = InvalidDomainName;

    fn from_str(text: &str) -> Result<Self, InvalidDomainName> {
        if text.parse::<IpAddr>().is_ok() || text.starts_with('[') {
            return Err(InvalidDomainName::IpAddress);
        }
        // Strict: letters, digits and hyphens inside labels of 1 to 63 bytes, 253 bytes together, and no dot at the end.
        let ascii = idna::domain_to_ascii_strict(text).map_err(|_| InvalidDomainName::Malformed)?;
        if !ascii.contains('.') {
            return Err(InvalidDomainName::SingleLabel);
        }
        if ascii.rsplit('.').next().is_some_and(|last| last.bytes().all(|byte| byte.is_ascii_digit())) {
            return Err(InvalidDomainName::IpAddress);
        }
        Ok(Self(ascii))
    }
}

impl TryFrom<String> for DomainName {
    type Error = InvalidDomainName;

    fn try_from(text: String) -> Result<Self, InvalidDomainName> {
        text.parse()
    }
}

impl From<DomainName> for String {
    fn from(name: DomainName) -> Self {
        name.0
    }
}

impl fmt::Display for DomainName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::{DomainName, InvalidDomainName};

    fn name(text: &str) -> DomainName {
        text.parse().unwrap()
    }

    #[test]
    fn names_become_lower_case_a_labels() {
        assert_eq!(name("ACME.Test").as_str(), "acme.test");
        assert_eq!(name("bücher.example").as_str(), "xn--bcher-kva.example");
    }

    #[test]
    fn canonical_form_is_a_fixed_point() {
        for text in
            ["Straße.example", "ACME.Test", "bücher.example", "XN--BCHER-KVA.Example", "日本.example", "İ.example"]
        {
            let once = name(text);
            assert!(once.as_str().is_ascii(), "{text}");
            assert_eq!(name(once.as_str()), once, "{text}");
        }
    }

    #[test]
    fn ill_formed_names_are_refused() {
        for bad in [
            "",
            ".",
            "a..b",
            "-a.test",
            "a-.test",
            "a b.test",
            "a_b.test",
            "acme.test.",
            "xn--example-.org",
            "xn--a.test",
            "xn--acme-.test",
            "xn--BCHER-KVA-.test",
        ] {
            assert_eq!(bad.parse::<DomainName>(), Err(InvalidDomainName::Malformed), "{bad}");
        }
        let long = [63, 63, 63, 61].map(|length| "a".repeat(length)).join(".");
        assert!(long.len() == 253 && long.parse::<DomainName>().is_ok());
        for bad in [format!("{long}a"), format!("{}.test", "a".repeat(64))] {
            assert_eq!(bad.parse::<DomainName>(), Err(InvalidDomainName::Malformed), "{bad}");
        }
        assert_eq!("localhost".parse::<DomainName>(), Err(InvalidDomainName::SingleLabel));
        for address in ["127.0.0.1", "::1", "[::1]", "1.2.3", "[127.0.0.1]", "127.1", "acme.0"] {
            assert_eq!(address.parse::<DomainName>(), Err(InvalidDomainName::IpAddress), "{address}");
        }
    }

    #[test]
    fn public_suffixes_are_known() {
        assert!(name("co.uk").is_public_suffix());
        assert!(name("github.io").is_public_suffix());
        assert!(!name("acme.test").is_public_suffix());
    }
}
