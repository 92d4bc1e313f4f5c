//! What is wrong with a request in SCIM's own words (RFC 7644, section 3.12), and the body that says so.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::rewrite::Rule;

/// The URN of an error body.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:Error";

/// The keyword of an error (RFC 7644, table 9; RFC 9865, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ScimType {
    /// The filter does not parse, or compares what cannot be compared.
    InvalidFilter,
    /// The query would find more than the server works through.
    TooMany,
    /// A value that has to be unique is taken.
    Uniqueness,
    /// The attribute may not be changed.
    Mutability,
    /// The body's structure is not what was expected.
    InvalidSyntax,
    /// The path of a PATCH operation is unknown or malformed.
    InvalidPath,
    /// The path of a PATCH operation finds nothing.
    NoTarget,
    /// A value is missing or does not fit its attribute.
    InvalidValue,
    /// The version of the protocol is not spoken here.
    InvalidVers,
    /// The URI of the request carries what has no place in one.
    Sensitive,
    /// The cursor is not one of this query.
    InvalidCursor,
    /// The cursor has expired.
    ExpiredCursor,
    /// The number of resources on a page is out of bounds.
    InvalidCount,
}

impl ScimType {
    /// The keyword as it stands in the body.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::InvalidFilter => "invalidFilter",
            Self::TooMany => "tooMany",
            Self::Uniqueness => "uniqueness",
            Self::Mutability => "mutability",
            Self::InvalidSyntax => "invalidSyntax",
            Self::InvalidPath => "invalidPath",
            Self::NoTarget => "noTarget",
            Self::InvalidValue => "invalidValue",
            Self::InvalidVers => "invalidVers",
            Self::Sensitive => "sensitive",
            Self::InvalidCursor => "invalidCursor",
            Self::ExpiredCursor => "expiredCursor",
            Self::InvalidCount => "invalidCount",
        }
    }

    /// The section that an error of this kind rests on when nothing more exact is said.
    const fn section(self) -> &'static str {
        match self {
            Self::InvalidFilter => "rfc7644:3.4.2.2",
            Self::TooMany => "rfc7644:3.4.2.1",
            Self::Uniqueness => "rfc7644:3.3",
            Self::Mutability => "rfc7643:7",
            Self::InvalidSyntax => "rfc7644:3.12",
            Self::InvalidPath | Self::NoTarget => "rfc7644:3.5.2",
            Self::InvalidValue => "rfc7643:2.3",
            Self::InvalidVers => "rfc7644:3.13",
            Self::Sensitive => "rfc7644:7.5.2",
            Self::InvalidCursor | Self::ExpiredCursor | Self::InvalidCount => "rfc9865:2.1",
        }
    }

    /// The status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Uniqueness => 409,
            Self::Sensitive => 403,
            Self::InvalidFilter
            | Self::TooMany
            | Self::Mutability
            | Self::InvalidSyntax
            | Self::InvalidPath
            | Self::NoTarget
            | Self::InvalidValue
            | Self::InvalidVers
            | Self::InvalidCursor
            | Self::ExpiredCursor
            | Self::InvalidCount => 400,
        }
    }
}

/// A request that was not done, as the client hears of it: alone, or as one operation of a bulk request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The status.
    pub status: u16,
    /// The keyword, where the standard has one.
    pub scim_type: Option<ScimType>,
    /// What is wrong.
    pub detail: Cow<'static, str>,
}

impl Refusal {
    /// A refusal that the standard has no keyword for.
    pub fn plain(status: u16, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { status, scim_type: None, detail: detail.into() }
    }

    /// The error body.
    pub fn body(&self) -> Value {
        body(self.status, self.scim_type, &self.detail)
    }
}

impl From<ScimError> for Refusal {
    fn from(error: ScimError) -> Self {
        Self { status: error.scim_type.status(), scim_type: Some(error.scim_type), detail: error.detail }
    }
}

/// A request that breaks a rule of the protocol. Everything but uniqueness and what is sensitive is answered with 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", .scim_type.as_str())]
pub struct ScimError {
    /// The keyword.
    pub scim_type: ScimType,
    /// What is wrong, for the administrator of the client. Names attributes and rules, never another resource.
    pub detail: Cow<'static, str>,
    /// What refuses it, by a stable name: a section (`rfc7644:3.5.2.2`), a deviation that the profile does not let pass
    /// (`loose_types`), a limit of the configuration (`limits.scim_patch_operations`), or a rule of the gateway.
    pub rule: &'static str,
}

impl ScimError {
    /// An error of `scim_type`, by the section that defines what it is about.
    pub fn new(scim_type: ScimType, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { scim_type, detail: detail.into(), rule: scim_type.section() }
    }

    /// The same error by a more exact name of what refuses it.
    #[must_use]
    pub fn by(self, rule: &'static str) -> Self {
        Self { rule, ..self }
    }

    /// The same error by a deviation that the profile does not let pass.
    #[must_use]
    pub fn under(self, rule: Rule) -> Self {
        self.by(rule.as_str())
    }

    /// The filter is wrong.
    pub fn filter(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ScimType::InvalidFilter, detail)
    }

    /// A value is wrong.
    pub fn value(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ScimType::InvalidValue, detail)
    }

    /// The body's structure is wrong.
    pub fn syntax(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ScimType::InvalidSyntax, detail)
    }

    /// A PATCH path is wrong.
    pub fn path(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ScimType::InvalidPath, detail)
    }

    /// A PATCH path finds nothing.
    pub fn no_target(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ScimType::NoTarget, detail)
    }

    /// The attribute may not be changed.
    pub fn mutability(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ScimType::Mutability, detail)
    }
}

/// The error body. RFC 7644, section 3.12: "status: The HTTP status code expressed as a JSON string."
pub fn body(status: u16, scim_type: Option<ScimType>, detail: &str) -> Value {
    let mut body = json!({ "schemas": [SCHEMA], "status": status.to_string() });
    if let Some(object) = body.as_object_mut() {
        if let Some(scim_type) = scim_type {
            object.insert("scimType".to_owned(), scim_type.as_str().into());
        }
        object.insert("detail".to_owned(), detail.into());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::{ScimType, body};

    #[test]
    fn the_status_is_a_string() {
        let body = body(409, Some(ScimType::Uniqueness), "userName is taken");
        assert_eq!(
            body.to_string(),
            r#"{"schemas":["urn:ietf:params:scim:api:messages:2.0:Error"],"status":"409","scimType":"uniqueness","detail":"userName is taken"}"#
        );
    }
}
