//! Conditions on SCIM resources. Every condition is two-valued: a column that holds NULL satisfies no comparison, so
//! that `not` means what it says. `condition_text` spells them for the engines; [`Condition::service`] says which of them
//! an index can serve, and how well.

use super::trigrams;

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
    /// One group that the resource belongs to in this way satisfies the condition.
    Group(Reach, Box<Condition>),
}

/// How a resource belongs to a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// As its member, or as a member of a group in it, at any depth.
    Any,
    /// As its member.
    Direct,
    /// At some depth, and not as its member.
    Indirect,
}

/// How well an index serves a condition, from badly to well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Not at all: every resource of the kind has to be looked at.
    Scan,
    /// As what changed since an instant.
    Recent,
    /// By the trigrams of the text.
    Trigrams,
    /// As the beginning of a value.
    Prefix,
    /// As a value.
    Value,
    /// As a value that hardly two resources share.
    Name,
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
            Self::Not(one) | Self::Member(one) | Self::Group(_, one) => one.size(),
            Self::Element(_, within) => within.size(),
            Self::Always(_) => 0,
            _ => 1,
        }
    }

    /// How well an index serves it. A conjunction starts from its best operand; a choice has to start from each.
    pub fn service(&self) -> Service {
        match self {
            Self::Id(Test::Compare(Operator::Equal, _)) => Service::Name,
            Self::Column(Column::UserName | Column::ExternalId, Test::Compare(Operator::Equal, _)) => Service::Name,
            Self::Column(Column::UserName | Column::ExternalId | Column::Display, test) | Self::Value(_, test) => {
                test.service()
            }
            Self::Instant(_, Operator::Equal | Operator::Greater | Operator::GreaterOrEqual, _) => Service::Recent,
            Self::All(all) => all.iter().map(Self::service).max().unwrap_or(Service::Scan),
            Self::Any(all) => all.iter().map(Self::service).min().unwrap_or(Service::Scan),
            Self::Element(_, within) => within.anchor().map_or(Service::Scan, |(_, test)| test.service()),
            Self::Group(Reach::Indirect, _) => Service::Scan,
            // A name leads to one group, and from there to many resources.
            Self::Member(within) | Self::Group(_, within) => within.service().min(Service::Value),
            Self::Always(_)
            | Self::Not(_)
            | Self::Column(Column::Kind, _)
            | Self::Id(_)
            | Self::Active(_)
            | Self::Instant(..)
            | Self::Version(_)
            | Self::Below(_) => Service::Scan,
        }
    }

    /// True when the search starts from the trigrams of a text, in one of its choices at least.
    pub fn starts_from_trigrams(&self) -> bool {
        match self {
            Self::All(all) => self.leader(all).is_some_and(Self::starts_from_trigrams),
            Self::Any(all) => self.service() > Service::Scan && all.iter().any(Self::starts_from_trigrams),
            Self::Member(one) | Self::Group(Reach::Any | Reach::Direct, one) => one.starts_from_trigrams(),
            one => one.service() == Service::Trigrams,
        }
    }

    fn leader<'a>(&self, all: &'a [Self]) -> Option<&'a Self> {
        all.iter().find(|one| one.service() == self.service())
    }

    /// The same with what always or never holds taken out: a choice in which something always holds, for one.
    pub fn simplified(self) -> Self {
        match self {
            Self::All(all) => joined(all, Junction::All),
            Self::Any(all) => joined(all, Junction::Any),
            Self::Not(one) => match one.simplified() {
                Self::Always(holds) => Self::Always(!holds),
                one => Self::Not(Box::new(one)),
            },
            Self::Member(one) => match one.simplified() {
                Self::Always(false) => Self::Always(false),
                one => Self::Member(Box::new(one)),
            },
            Self::Group(reach, one) => match one.simplified() {
                Self::Always(false) => Self::Always(false),
                // Who belongs to any group is the member of one.
                Self::Always(true) if reach == Reach::Any => Self::Group(Reach::Direct, Box::new(Self::Always(true))),
                one => Self::Group(reach, Box::new(one)),
            },
            other => other,
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Junction {
    All,
    Any,
}

/// A conjunction (decided by the first that never holds) or a choice (by the first that always does).
fn joined(all: Vec<Condition>, junction: Junction) -> Condition {
    let decides = junction == Junction::Any;
    let mut kept = Vec::with_capacity(all.len());
    for one in all {
        match one.simplified() {
            Condition::Always(holds) if holds == decides => return Condition::Always(decides),
            Condition::Always(_) => {}
            one => kept.push(one),
        }
    }
    match (kept.len(), kept.pop()) {
        (1, Some(only)) => only,
        (_, Some(last)) => {
            kept.push(last);
            match junction {
                Junction::All => Condition::All(kept),
                Junction::Any => Condition::Any(kept),
            }
        }
        (_, None) => Condition::Always(!decides),
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

    /// The part whose comparison the condition cannot do without; of several, the one that an index serves best.
    pub(in crate::store) fn anchor(&self) -> Option<(&str, &Test)> {
        match self {
            Self::Part(path, test) => Some((path, test)),
            Self::All(all) => {
                let mut best: Option<(&str, &Test)> = None;
                for anchor in all.iter().filter_map(Self::anchor) {
                    if best.is_none_or(|(_, test)| anchor.1.service() > test.service()) {
                        best = Some(anchor);
                    }
                }
                best
            }
            Self::Any(_) | Self::Not(_) | Self::Type(_) | Self::Primary(_) => None,
        }
    }
}

impl Test {
    /// How well an index on the values serves it.
    pub(in crate::store) fn service(&self) -> Service {
        match self {
            Self::Compare(Operator::Equal, _) => Service::Value,
            Self::Compare(Operator::StartsWith, _) => Service::Prefix,
            Self::Compare(Operator::Contains, part) if part.chars().count() >= trigrams::LENGTH => Service::Trigrams,
            _ => Service::Scan,
        }
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

#[cfg(test)]
mod tests {
    use super::{Column, Condition, Instant, Operator, Reach, Service, Test};

    fn name(operator: Operator, text: &str) -> Condition {
        Condition::Column(Column::UserName, Test::Compare(operator, text.to_owned()))
    }

    #[test]
    fn a_conjunction_is_served_by_one_operand_and_a_choice_only_by_all() {
        let (served, scan) = (name(Operator::Equal, "ada"), Condition::Active(Some(true)));
        assert_eq!(served.service(), Service::Name);
        assert_eq!(scan.service(), Service::Scan);
        assert_eq!(Condition::All(vec![scan.clone(), served.clone()]).service(), Service::Name);
        assert_eq!(Condition::Any(vec![scan, served.clone()]).service(), Service::Scan);
        let prefix = name(Operator::StartsWith, "a");
        assert_eq!(Condition::Any(vec![prefix, served.clone()]).service(), Service::Prefix);
        assert_eq!(Condition::Not(Box::new(served.clone())).service(), Service::Scan);
        assert_eq!(Condition::Group(Reach::Any, Box::new(served.clone())).service(), Service::Value);
        assert_eq!(Condition::Group(Reach::Indirect, Box::new(served)).service(), Service::Scan);
    }

    #[test]
    fn what_looks_at_every_value_is_a_scan() {
        for operator in [Operator::Different, Operator::EndsWith, Operator::Greater, Operator::LessOrEqual] {
            assert_eq!(name(operator, "ada").service(), Service::Scan, "{operator:?}");
        }
        assert_eq!(Condition::Column(Column::UserName, Test::Present).service(), Service::Scan);
        assert_eq!(Condition::Instant(Instant::Updated, Operator::Less, 0).service(), Service::Scan);
        assert_eq!(Condition::Instant(Instant::Created, Operator::Greater, 0).service(), Service::Recent);
    }

    #[test]
    fn what_always_holds_is_taken_out() {
        let (yes, no, one) = (Condition::Always(true), Condition::Always(false), name(Operator::Equal, "a"));
        let all = |all: &[&Condition]| Condition::All(all.iter().map(|one| (*one).clone()).collect()).simplified();
        let any = |all: &[&Condition]| Condition::Any(all.iter().map(|one| (*one).clone()).collect()).simplified();
        assert_eq!(all(&[&yes, &one]), one);
        assert_eq!(all(&[&no, &one]), no);
        assert_eq!(any(&[&yes, &one]), yes);
        assert_eq!(any(&[&no, &one]), one);
        assert_eq!(any(&[&no, &no]), no);
        assert_eq!(Condition::Not(Box::new(all(&[&yes, &yes]))).simplified(), no);
        assert_eq!(Condition::Group(Reach::Indirect, Box::new(no.clone())).simplified(), no);
    }
}
