//! Entity tags (RFC 7644, section 3.14): weak, and nothing but the version number of the resource.

use super::error::ScimError;

/// The tag of a version.
pub fn of(version: i64) -> String {
    format!("W/\"{version}\"")
}

/// The version of a tag in the form that [`of`] writes.
pub fn read(tag: &str) -> Option<i64> {
    let version = tag.strip_prefix("W/\"")?.strip_suffix('"')?.parse().ok()?;
    (of(version) == tag).then_some(version)
}

/// What a conditional header says about a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// `*`: any version.
    Any,
    /// One of these tags; a tag that is not ours matches nothing.
    Versions(Vec<i64>),
}

impl Condition {
    /// Reads the values that a request has for `If-Match` or `If-None-Match` (RFC 9110, section 13.1): one header with
    /// `*` or a list of entity tags. Tags are compared weakly: the `W/` makes no difference. What is malformed is
    /// refused, for a condition that nobody understands would otherwise hold for nothing or for everything.
    pub fn read<'h>(values: impl IntoIterator<Item = Option<&'h str>>) -> Result<Option<Self>, ScimError> {
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (None, _) => Ok(None),
            (Some(Some(only)), None) => Self::parse(only).map(Some).ok_or_else(malformed),
            _ => Err(malformed()),
        }
    }

    fn parse(header: &str) -> Option<Self> {
        if header.trim() == "*" {
            return Some(Self::Any);
        }
        let mut versions = Vec::new();
        // "A recipient MUST parse and ignore a reasonable number of empty list elements" (section 5.6.1.2).
        let mut rest = header.trim_matches([',', ' ', '\t']);
        loop {
            let (tag, after) = rest.strip_prefix("W/").unwrap_or(rest).strip_prefix('"')?.split_once('"')?;
            if !tag.bytes().all(|byte| byte > b' ' && byte != 0x7f) {
                return None;
            }
            // Entity tags are compared character by character: "03" is not the tag of version 3.
            versions.extend(tag.parse::<i64>().ok().filter(|version| version.to_string() == tag));
            match after.trim_start() {
                "" => return Some(Self::Versions(versions)),
                more => rest = more.strip_prefix(',')?.trim_start_matches([',', ' ', '\t']),
            }
        }
    }

    /// True when the version is among them.
    pub fn holds(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

fn malformed() -> ScimError {
    ScimError::value("If-Match and If-None-Match take * or entity tags, in one header")
}

#[cfg(test)]
mod tests {
    use super::{Condition, of};
    use crate::protocol::scim::error::ScimType;

    fn holds(header: &str, version: i64) -> bool {
        Condition::read([Some(header)]).unwrap().unwrap().holds(version)
    }

    #[test]
    fn a_tag_matches_its_own_version_only() {
        assert!(holds(&of(3), 3));
        assert!(holds("\"1\", W/\"3\"", 3));
        assert!(holds("\"a,b\" ,\"3\"", 3));
        assert!(holds(", \"1\",,\"3\",", 3));
        assert!(holds(" * ", 3));
        for other in ["W/\"4\"", "W/\"x\"", "\"\"", "\"3,4\"", "\"03\"", "W/\"+3\"", "\"-0\", \"3.0\""] {
            assert!(!holds(other, 3), "{other}");
        }
        assert_eq!(Condition::read([]), Ok(None));
    }

    #[test]
    fn what_is_no_list_of_tags_in_one_header_is_refused() {
        let refused = |values: &[Option<&str>]| Condition::read(values.to_vec()).map_err(|error| error.scim_type);
        for odd in ["", " ", "3", "\"3", "3\"", "w/\"3\"", "\"3\" \"4\"", "*, \"3\"", ",", "\"a b\"", "W/"] {
            assert_eq!(refused(&[Some(odd)]), Err(ScimType::InvalidValue), "{odd}");
        }
        assert_eq!(refused(&[None]), Err(ScimType::InvalidValue), "not text");
        assert_eq!(refused(&[Some("\"3\""), Some("\"3\"")]), Err(ScimType::InvalidValue), "two headers");
    }
}
