//! The characteristics of an attribute (RFC 7643, sections 2.2 and 7), as data that validation, discovery,
//! projection and filters read.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::format::Format;

/// The data type of an attribute (RFC 7643, section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Unicode text.
    String,
    /// JSON `true` or `false`.
    Boolean,
    /// A number with a fraction.
    Decimal,
    /// A whole number.
    Integer,
    /// An `xsd:dateTime`.
    DateTime,
    /// Base64 text (RFC 4648).
    Binary,
    /// A URI, absolute or relative.
    Reference,
    /// An object of sub-attributes.
    Complex,
}

/// Who may write an attribute, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Mutability {
    /// Only the server.
    ReadOnly,
    /// The client, at any time.
    ReadWrite,
    /// The client, once.
    Immutable,
    /// The client; nobody reads it.
    WriteOnly,
}

/// When an attribute stands in an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Returned {
    /// In every answer.
    Always,
    /// In none.
    Never,
    /// Unless it is excluded.
    Default,
    /// Only when it is asked for.
    Request,
}

/// Over what range a value is unique.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Uniqueness {
    /// Anywhere any number of times.
    None,
    /// Once in an organization.
    Server,
    /// Once in the world.
    Global,
}

/// One attribute or sub-attribute. Built with a constructor per type and narrowed by the `with`-like methods below,
/// from the defaults of RFC 7643, section 2.2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Attribute {
    /// The canonical spelling of the name.
    pub name: Cow<'static, str>,
    /// The data type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Whether the value is an array.
    pub multi_valued: bool,
    /// What it is for, for people.
    pub description: Cow<'static, str>,
    /// Whether a resource must have it.
    pub required: bool,
    /// Suggested values; others are accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub canonical_values: Vec<Cow<'static, str>>,
    /// Whether comparisons tell upper from lower case.
    pub case_exact: bool,
    /// Who may write it.
    pub mutability: Mutability,
    /// When it is answered.
    pub returned: Returned,
    /// Over what range it is unique.
    pub uniqueness: Uniqueness,
    /// What a reference may point at.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reference_types: Vec<Cow<'static, str>>,
    /// The parts of a complex attribute.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sub_attributes: Vec<Attribute>,
    /// The form of its texts.
    #[serde(skip)]
    pub format: Format,
    /// The only values that it may have, folded; `None` for any.
    #[serde(skip)]
    pub allowed: Option<Arc<BTreeSet<String>>>,
}

impl Attribute {
    fn new(name: &'static str, kind: Kind, description: &'static str) -> Self {
        Self { description: Cow::Borrowed(description), ..Self::of_kind(Cow::Borrowed(name), kind) }
    }

    /// An attribute with the characteristics that it has when nothing is said (RFC 7643, section 2.2).
    pub fn of_kind(name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self {
            name: name.into(),
            kind,
            multi_valued: false,
            description: Cow::Borrowed(""),
            required: false,
            canonical_values: Vec::new(),
            case_exact: false,
            mutability: Mutability::ReadWrite,
            returned: Returned::Default,
            uniqueness: Uniqueness::None,
            reference_types: Vec::new(),
            sub_attributes: Vec::new(),
            format: Format::Free,
            allowed: None,
        }
    }

    /// A string.
    pub fn text(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::String, description)
    }

    /// A boolean.
    pub fn boolean(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::Boolean, description)
    }

    /// A point in time.
    pub fn date_time(name: &'static str, description: &'static str) -> Self {
        Self::new(name, Kind::DateTime, description)
    }

    /// Base64 text; case-exact by nature.
    pub fn binary(name: &'static str, description: &'static str) -> Self {
        Self { case_exact: true, ..Self::new(name, Kind::Binary, description) }
    }

    /// A URI that points at one of `targets`; case-exact by nature (RFC 7643, section 2.3.7).
    pub fn reference(name: &'static str, targets: &[&'static str], description: &'static str) -> Self {
        let reference_types = targets.iter().map(|target| Cow::Borrowed(*target)).collect();
        Self { case_exact: true, reference_types, ..Self::new(name, Kind::Reference, description) }
    }

    /// An object of `parts`.
    pub fn complex(name: &'static str, parts: Vec<Self>, description: &'static str) -> Self {
        Self { sub_attributes: parts, ..Self::new(name, Kind::Complex, description) }
    }

    /// The same, as an array.
    pub fn many(self) -> Self {
        Self { multi_valued: true, ..self }
    }

    /// The same, required.
    pub fn required(self) -> Self {
        Self { required: true, ..self }
    }

    /// The same, told apart by case.
    pub fn case_exact(self) -> Self {
        Self { case_exact: true, ..self }
    }

    /// The same, unique in an organization.
    pub fn unique(self) -> Self {
        Self { uniqueness: Uniqueness::Server, ..self }
    }

    /// The same, written by the server alone.
    pub fn read_only(self) -> Self {
        Self { mutability: Mutability::ReadOnly, ..self }
    }

    /// The same, written once.
    pub fn immutable(self) -> Self {
        Self { mutability: Mutability::Immutable, ..self }
    }

    /// The same, written and never read.
    pub fn write_only(self) -> Self {
        Self { mutability: Mutability::WriteOnly, returned: Returned::Never, ..self }
    }

    /// The same, answered always.
    pub fn always(self) -> Self {
        Self { returned: Returned::Always, ..self }
    }

    /// The same, answered on request.
    pub fn on_request(self) -> Self {
        Self { returned: Returned::Request, ..self }
    }

    /// The same, with suggested values.
    pub fn one_of(self, values: &[&'static str]) -> Self {
        Self { canonical_values: values.iter().map(|value| Cow::Borrowed(*value)).collect(), ..self }
    }

    /// The same, with texts of this form.
    pub fn written_as(self, format: Format) -> Self {
        Self { format, ..self }
    }

    /// True for the name in any case (RFC 7643, section 2.1: "Attribute names are case insensitive").
    pub fn is_named(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The sub-attribute with this name in any case.
    pub fn part(&self, name: &str) -> Option<&Self> {
        self.sub_attributes.iter().find(|part| part.is_named(name))
    }
}
