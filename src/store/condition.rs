//! Conditions on SCIM resources. Every condition is two-valued: a column that holds NULL satisfies no comparison, so
//! that `not` means what it says. `condition_text` spells them for the engines.

/// A condition on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// Holds, or does not, whatever the resource.
    Always(bool),
    /// Every one of them.
    All(Vec<Condition>),
    /// At least one of them.
    Any(Vec<Condition>),
    /// Not this one.
    Not(Box<Condition>),
    /// A text column.
    Column(Column, Test),
    /// The id, in its text form.
    Id(Test),
    /// Whether the user is active; `None`: the user has the attribute.
    Active(Option<bool>),
    /// An instant in microseconds.
    Instant(Instant, Operator, i64),
    /// The version number.
    Version(i64),
    /// A value of exactly this path.
    Value(String, Test),
    /// Any value below this prefix: `emails.`, `enterprise:`.
    Below(String),
    /// One element of the array with this path satisfies the condition.
    Element(String, Box<ElementCondition>),
    /// One member of the group satisfies the condition.
    Member(Box<Condition>),
    /// One group that the resource belongs to satisfies the condition.
    Group(Box<Condition>),
}

/// A condition on one element of an array.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementCondition {
    /// Every one of them.
    All(Vec<ElementCondition>),
    /// At least one of them.
    Any(Vec<ElementCondition>),
    /// Not this one.
    Not(Box<ElementCondition>),
    /// The element's type.
    Type(Test),
    /// The element's primary flag; `None`: it has one.
    Primary(Option<bool>),
    /// The part of the element with this full path.
    Part(String, Test),
}

/// A text column of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Column {
    /// The folded user name.
    UserName,
    /// The external id.
    ExternalId,
    /// The folded display name.
    Display,
    /// `user` or `group`.
    Kind,
}

/// An instant of a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// When it was made.
    Created,
    /// When it was changed last.
    Updated,
}

/// What a text has to satisfy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// To be there.
    Present,
    /// To compare in this way.
    Compare(Operator, String),
}

/// How two values are compared, by their bytes. A value that is not there satisfies none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Operator {
    Equal,
    Different,
    Contains,
    StartsWith,
    EndsWith,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

impl Condition {
    /// How many comparisons it is made of.
    pub fn size(&self) -> usize {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().map(Self::size).sum(),
            Self::Not(one) | Self::Member(one) | Self::Group(one) => one.size(),
            Self::Element(_, within) => within.size(),
            Self::Always(_) => 0,
            _ => 1,
        }
    }

    /// True when few resources satisfy it, so that it is worth starting from.
    pub(in crate::store) fn is_selective(&self) -> bool {
        match self {
            Self::Id(test) | Self::Column(Column::UserName | Column::ExternalId | Column::Display, test) => {
                test.is_selective()
            }
            Self::All(all) => all.iter().any(Self::is_selective),
            Self::Any(all) => all.iter().all(Self::is_selective),
            _ => false,
        }
    }
}

impl ElementCondition {
    fn size(&self) -> usize {
        match self {
            Self::All(all) | Self::Any(all) => all.iter().map(Self::size).sum(),
            Self::Not(one) => one.size(),
            _ => 1,
        }
    }
}

impl Test {
    pub(in crate::store) fn is_selective(&self) -> bool {
        matches!(self, Self::Compare(Operator::Equal | Operator::StartsWith, _))
    }
}

impl Operator {
    /// The comparison in SQL.
    pub(in crate::store) const fn sql(self) -> &'static str {
        match self {
            Self::Equal | Self::Contains | Self::StartsWith | Self::EndsWith => " = ",
            Self::Different => " <> ",
            Self::Greater => " > ",
            Self::GreaterOrEqual => " >= ",
            Self::Less => " < ",
            Self::LessOrEqual => " <= ",
        }
    }
}
