//! How much of what a client sends is kept, and what kind of exchange one is.

/// What is recorded of a client's exchanges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Nothing.
    Off,
    /// What was refused, or failed.
    Refusals,
    /// That, and what changed something.
    Changes,
    /// Everything.
    All,
}

/// A kind of exchange. Each has its own share of what is recorded, so that one does not crowd the others out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A read that went well.
    Read,
    /// A change that went well.
    Change,
    /// Any exchange that did not.
    Refusal,
}

impl Level {
    /// Every level.
    pub const ALL: [Self; 4] = [Self::Off, Self::Refusals, Self::Changes, Self::All];

    /// The name in the store and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Refusals => "refusals",
            Self::Changes => "changes",
            Self::All => "all",
        }
    }

    /// The level with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }

    /// True when exchanges of this kind are recorded.
    pub const fn includes(self, class: Class) -> bool {
        match class {
            Class::Refusal => !matches!(self, Self::Off),
            Class::Change => matches!(self, Self::Changes | Self::All),
            Class::Read => matches!(self, Self::All),
        }
    }
}

impl Class {
    /// The kind of an exchange with this method, below this path, that was answered with this status.
    pub fn of(method: &str, path: &str, status: u16) -> Self {
        if status >= 400 {
            Self::Refusal
        } else if matches!(method, "GET" | "HEAD") || path.ends_with("/.search") {
            Self::Read
        } else {
            Self::Change
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Class, Level};

    #[test]
    fn each_level_includes_the_one_before() {
        let included = |level: Level| [Class::Refusal, Class::Change, Class::Read].map(|class| level.includes(class));
        assert_eq!(Level::ALL.map(included), [[false; 3], [true, false, false], [true, true, false], [true; 3]]);
        assert_eq!(Level::ALL.map(|level| Level::parse(level.as_str())), Level::ALL.map(Some));
    }

    #[test]
    fn a_search_by_post_and_a_head_are_reads() {
        assert_eq!(Class::of("POST", "/Users/.search", 200), Class::Read);
        assert_eq!(Class::of("POST", "/Users", 201), Class::Change);
        assert_eq!(Class::of("HEAD", "/Users", 200), Class::Read);
        assert_eq!(Class::of("GET", "/Users", 404), Class::Refusal);
    }
}
