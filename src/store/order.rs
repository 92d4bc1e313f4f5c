//! In which order a search shows what it found, and the position of a resource in that order. Resources with the same
//! value, and those without one, follow the order in which they were made, so that every position is one of its own.

/// What resources are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortKey {
    /// The folded user name.
    UserName,
    /// The external id.
    ExternalId,
    /// The folded display name.
    Display,
    /// The id, in its text form.
    Id,
    /// Whether the user is active.
    Active,
    /// When it was made.
    Created,
    /// When it was changed last.
    Updated,
    /// The version number.
    Version,
    /// The value of this path: of the primary element, else of the first.
    Value(String),
    /// The type of the element that stands first in the same sense, of the array with this path.
    ElementType(String),
    /// Whether that element is the primary one.
    ElementPrimary(String),
    /// The same text for every resource of the kind.
    Constant(String),
    /// None of the kind has a value.
    Absent,
}

/// What the values are that a list is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum Sorting {
    /// It is not sorted.
    None,
    /// Texts.
    Texts,
    /// Numbers, as [`SortValue::Number`] says.
    Numbers,
}

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Small values first, those without one last.
    Ascending,
    /// The other way round.
    Descending,
}

impl Direction {
    /// The other way.
    pub const fn reversed(self) -> Self {
        match self {
            Self::Ascending => Self::Descending,
            Self::Descending => Self::Ascending,
        }
    }

    pub(in crate::store) const fn sql(self) -> &'static str {
        match self {
            Self::Ascending => " ASC",
            Self::Descending => " DESC",
        }
    }

    /// The comparison that holds for what comes later.
    pub(in crate::store) const fn later(self) -> &'static str {
        match self {
            Self::Ascending => " > ",
            Self::Descending => " < ",
        }
    }
}

/// A value that resources are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SortValue {
    /// A text, by its bytes.
    Text(String),
    /// A whole number, an instant in microseconds, or a truth value.
    Number(i64),
}

/// The place of a resource in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// Its value; `None` when it has none, or the list is not sorted.
    pub value: Option<SortValue>,
    /// Its key.
    pub k: i64,
}

/// Which part of a list is read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slice {
    /// Only what comes behind this position.
    pub after: Option<Position>,
    /// How many of those are left out.
    pub offset: i64,
    /// How many are read at most.
    pub limit: i64,
}

impl SortKey {
    /// True when an index holds all resources of a kind in this order.
    pub const fn is_indexed(&self) -> bool {
        self.column().is_some()
    }

    /// The column of the index that holds this order.
    pub(in crate::store) const fn column(&self) -> Option<&'static str> {
        match self {
            Self::UserName => Some("user_name_folded"),
            Self::ExternalId => Some("external_id"),
            Self::Display => Some("display_folded"),
            Self::Updated => Some("updated_at"),
            _ => None,
        }
    }

    /// What the values are.
    pub(in crate::store) const fn sorting(&self) -> Sorting {
        match self {
            Self::Active | Self::Created | Self::Updated | Self::Version | Self::ElementPrimary(_) => Sorting::Numbers,
            Self::UserName
            | Self::ExternalId
            | Self::Display
            | Self::Id
            | Self::Value(_)
            | Self::ElementType(_)
            | Self::Constant(_)
            | Self::Absent => Sorting::Texts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Direction, SortKey};

    #[test]
    fn what_comes_later_is_greater_on_the_way_up_and_smaller_on_the_way_down() {
        assert_eq!(Direction::Ascending.later(), " > ");
        assert_eq!(Direction::Ascending.reversed().later(), " < ");
    }

    #[test]
    fn only_columns_have_an_index_for_their_order() {
        assert!(SortKey::UserName.is_indexed() && SortKey::Updated.is_indexed());
        assert!(!SortKey::Created.is_indexed() && !SortKey::Value("title".to_owned()).is_indexed());
    }
}
