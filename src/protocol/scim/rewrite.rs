//! What was understood otherwise than it was written: each deviation of a client that its profile let pass, as the client
//! sent it and as it was read. Parsers note them in the [`Rewrites`] that comes with the rules of a request; nothing is
//! allocated for a request that keeps to the standard, and nothing is shared between requests.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

/// Rewrites of one request that are kept; a body that deviates more often repeats itself.
const MOST: usize = 50;

/// A deviation that a profile understands or refuses: one for each field of `tolerance::Tolerance` that is about what
/// comes in. The names are stable and listed in `docs/scim-profiles.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the fields of the tolerance say it
pub enum Rule {
    LooseTypes,
    BareValues,
    EmptyText,
    ReplaceCreates,
    RemovalByValue,
    IdleRemoval,
    PathKeys,
    BareLiterals,
    LooseSchemas,
    LooseFormats,
    UnknownMembers,
    ReadOnlyValues,
    VerbsInAnyCase,
    EmptyOperations,
    JsonText,
    ShortNames,
}

impl Rule {
    /// Every rule, for the test that compares this list with `docs/scim-profiles.md`.
    pub const ALL: [Self; 16] = [
        Self::LooseTypes,
        Self::BareValues,
        Self::EmptyText,
        Self::ReplaceCreates,
        Self::RemovalByValue,
        Self::IdleRemoval,
        Self::PathKeys,
        Self::BareLiterals,
        Self::LooseSchemas,
        Self::LooseFormats,
        Self::UnknownMembers,
        Self::ReadOnlyValues,
        Self::VerbsInAnyCase,
        Self::EmptyOperations,
        Self::JsonText,
        Self::ShortNames,
    ];

    /// The name in the request log and the documents.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LooseTypes => "loose_types",
            Self::BareValues => "bare_values",
            Self::EmptyText => "empty_text",
            Self::ReplaceCreates => "replace_creates",
            Self::RemovalByValue => "removal_by_value",
            Self::IdleRemoval => "idle_removal",
            Self::PathKeys => "path_keys",
            Self::BareLiterals => "bare_literals",
            Self::LooseSchemas => "loose_schemas",
            Self::LooseFormats => "loose_formats",
            Self::UnknownMembers => "unknown_members",
            Self::ReadOnlyValues => "read_only_values",
            Self::VerbsInAnyCase => "verbs_in_any_case",
            Self::EmptyOperations => "empty_operations",
            Self::JsonText => "json_text",
            Self::ShortNames => "short_names",
        }
    }
}

/// One deviation that was let pass. The values are the client's own: whoever keeps them takes personal data out.
#[derive(Debug, Clone, PartialEq)]
pub struct Rewrite {
    /// What allows it.
    pub rule: Rule,
    /// The attribute, path or member of the body that it is about.
    pub at: String,
    /// What the client sent.
    pub received: Value,
    /// What it was read as.
    pub understood: Value,
}

/// The rewrites of one request. Clones share them, so that whoever hands the rules to a parser reads them afterwards.
#[derive(Debug, Clone, Default)]
pub struct Rewrites {
    noted: Arc<Mutex<Vec<Rewrite>>>,
}

impl Rewrites {
    /// Notes one, unless there are many already.
    pub fn note(&self, rule: Rule, at: &str, received: Value, understood: Value) {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.len() < MOST {
            noted.push(Rewrite { rule, at: at.to_owned(), received, understood });
        }
    }

    /// Takes what was noted so far.
    pub fn take(&self) -> Vec<Rewrite> {
        std::mem::take(&mut *self.noted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::{MOST, Rewrites, Rule};

    #[test]
    fn clones_share_what_is_noted_and_it_is_bounded() {
        let (kept, handed_on) = (Rewrites::default(), Rewrites::default());
        let parser = kept.clone();
        for _ in 0..MOST * 2 {
            parser.note(Rule::LooseTypes, "active", "False".into(), false.into());
        }
        let noted = kept.take();
        assert_eq!((noted.len(), &noted[0].understood), (MOST, &Value::Bool(false)));
        assert!(kept.take().is_empty() && handed_on.take().is_empty());
    }

    #[test]
    fn names_are_unique() {
        for (index, rule) in Rule::ALL.iter().enumerate() {
            assert!(Rule::ALL[..index].iter().all(|other| other.as_str() != rule.as_str()));
        }
    }
}
