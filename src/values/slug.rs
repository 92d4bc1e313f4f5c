//! The short name of an organization in URLs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// 2 to 63 lower-case letters, digits or hyphens; starts with a letter, ends with a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// The text is not a slug.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a slug is 2 to 63 lower-case letters, digits or hyphens, starts with a letter and does not end in a hyphen")]
pub struct InvalidSlug;

impl Slug {
    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let well_formed = (2..=63).contains(&text.len())
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && !text.ends_with('-')
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if well_formed { Ok(Self(text.to_owned())) } else { Err(InvalidSlug) }
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::Slug;

    #[test]
    fn only_url_safe_names_are_slugs() {
        for good in ["acme", "a1", "big-corp"] {
            assert!(good.parse::<Slug>().is_ok(), "{good}");
        }
        for bad in ["", "a", "Acme", "-acme", "acme-", "a_b", "a/b", "1acme", "operator\n"] {
            assert!(bad.parse::<Slug>().is_err(), "{bad}");
        }
    }
}
