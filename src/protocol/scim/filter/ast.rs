//! The tree of a filter. Names are resolved to attributes and literals are comparison keys, so that whoever walks the
//! tree needs no schema.

use serde_json::Value;

use crate::protocol::scim::attribute::Kind;
use crate::protocol::scim::resource_type::Located;

/// A filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Every one of them; never empty.
    And(Vec<Filter>),
    /// At least one of them; never empty.
    Or(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// A value is compared with a literal.
    Compare(Target, Operator, Literal),
    /// A value is there.
    Present(Target),
    /// One element of a complex attribute satisfies the filter within the brackets, whose targets are parts of it.
    Element(Target, Box<Filter>),
    /// The same for every resource of the type: it looks at an attribute that the type does not have.
    Fixed(bool),
}

/// What a filter looks at. Names are in canonical spelling.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The URN of the extension that holds the attribute; `None` at the top of the document.
    pub container: Option<String>,
    /// The attribute.
    pub attribute: String,
    /// The sub-attribute.
    pub part: Option<String>,
    /// The type of what is compared.
    pub kind: Kind,
    /// Whether case counts.
    pub case_exact: bool,
    /// Whether the attribute is an array.
    pub multi_valued: bool,
    /// The attribute's path among searchable values, without the part: `emails`, `enterprise:manager`.
    pub search_path: String,
}

/// How two values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// Equal.
    Eq,
    /// Not equal, or no value.
    Ne,
    /// Contains.
    Co,
    /// Starts with.
    Sw,
    /// Ends with.
    Ew,
    /// Greater than.
    Gt,
    /// Greater than or equal.
    Ge,
    /// Less than.
    Lt,
    /// Less than or equal.
    Le,
}

/// What a value is compared with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Literal {
    /// No value; only with `eq` and `ne`.
    Null,
    /// A value of the target's type.
    Value {
        /// Its key (`comparison::key`).
        key: String,
        /// The value as the client wrote it.
        value: Value,
    },
}

impl Filter {
    /// How many comparisons one value costs at most.
    pub fn terms(&self) -> usize {
        match self {
            Self::And(filters) | Self::Or(filters) => filters.iter().map(Self::terms).sum(),
            Self::Not(filter) | Self::Element(_, filter) => filter.terms(),
            Self::Compare(..) | Self::Present(_) | Self::Fixed(_) => 1,
        }
    }

    /// True when it looks at this part of an element.
    pub fn looks_at(&self, part: &str) -> bool {
        match self {
            Self::And(filters) | Self::Or(filters) => filters.iter().any(|filter| filter.looks_at(part)),
            Self::Not(filter) | Self::Element(_, filter) => filter.looks_at(part),
            Self::Compare(target, ..) | Self::Present(target) => target.part.as_deref() == Some(part),
            Self::Fixed(_) => false,
        }
    }
}

impl Target {
    /// The target that a located attribute is.
    pub fn of(at: Located<'_>) -> Self {
        let leaf = at.part.unwrap_or(at.attribute);
        let prefix = at.container.map(|schema| schema.search_prefix.as_ref()).unwrap_or_default();
        Self {
            container: at.container.map(|schema| schema.id.to_string()),
            attribute: at.attribute.name.to_string(),
            part: at.part.map(|part| part.name.to_string()),
            kind: leaf.kind,
            case_exact: leaf.case_exact,
            multi_valued: at.attribute.multi_valued,
            search_path: format!("{prefix}{}", at.attribute.name),
        }
    }

    /// The path of the leaf among searchable values: `emails.value`, `title`.
    pub fn leaf_path(&self) -> String {
        match &self.part {
            Some(part) => format!("{}.{part}", self.search_path),
            None => self.search_path.clone(),
        }
    }
}

impl Operator {
    /// The operator with this name in any case.
    pub fn parse(name: &str) -> Option<Self> {
        const NAMES: [(&str, Operator); 9] = [
            ("eq", Operator::Eq),
            ("ne", Operator::Ne),
            ("co", Operator::Co),
            ("sw", Operator::Sw),
            ("ew", Operator::Ew),
            ("gt", Operator::Gt),
            ("ge", Operator::Ge),
            ("lt", Operator::Lt),
            ("le", Operator::Le),
        ];
        NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, operator)| *operator)
    }

    /// True for the four that need an order.
    pub const fn is_ordering(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le)
    }

    /// True for the three that look into a text.
    pub const fn is_partial(self) -> bool {
        matches!(self, Self::Co | Self::Sw | Self::Ew)
    }

    /// True when a value with this key compares in this way with the literal's key.
    pub fn holds(self, key: &str, wanted: &str) -> bool {
        match self {
            Self::Eq => key == wanted,
            Self::Ne => key != wanted,
            Self::Co => key.contains(wanted),
            Self::Sw => key.starts_with(wanted),
            Self::Ew => key.ends_with(wanted),
            Self::Gt => key > wanted,
            Self::Ge => key >= wanted,
            Self::Lt => key < wanted,
            Self::Le => key <= wanted,
        }
    }
}
