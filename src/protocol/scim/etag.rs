//! Entity tags (RFC 7644, section 3.14): weak, and nothing but the version number of the resource.

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
    /// Reads `If-Match` or `If-None-Match`. Tags are compared weakly: the `W/` makes no difference.
    pub fn parse(header: &str) -> Self {
        if header.trim() == "*" {
            return Self::Any;
        }
        let version = |tag: &str| {
            let tag = tag.trim();
            tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"')?.strip_suffix('"')?.parse().ok()
        };
        Self::Versions(header.split(',').filter_map(version).collect())
    }

    /// True when the version is among them.
    pub fn holds(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, of};

    #[test]
    fn a_tag_matches_its_own_version_only() {
        assert!(Condition::parse(&of(3)).holds(3));
        assert!(Condition::parse("\"1\", W/\"3\"").holds(3));
        assert!(Condition::parse("*").holds(3));
        for other in ["", "W/\"4\"", "3", "\"3", "W/\"x\"", "\"\""] {
            assert!(!Condition::parse(other).holds(3), "{other}");
        }
    }
}
