//! From the path as it was sent to what it names. There is one spelling of every path: no percent-encoding, no empty or
//! dot segments, no parameters, exact case.

use actix_web::http;

use super::failure::Failure;
use crate::protocol::scim::assignable::AssignableKind;
use crate::protocol::scim::error::{ScimError, ScimType};
use crate::store::resources::ResourceKind;
use crate::values::ids::{RequestId, ResourceId};
use crate::values::slug::Slug;

/// A path below `/scim`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The organization's name in the path.
    pub slug: Slug,
    /// What is meant.
    pub target: Target,
}

/// What a path names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// What the server says about itself.
    Discovery(Document),
    /// All resources of all kinds: the base URI itself, with or without a slash behind it.
    Root,
    /// All resources of a kind.
    Collection(ResourceKind),
    /// A search whose query stands in the body; over all kinds for `None`.
    Search(Option<ResourceKind>),
    /// The roles or entitlements that users can be assigned.
    Assignables(AssignableKind),
    /// One of them, by its value.
    Assignable(AssignableKind, String),
    /// One resource; `None` for what cannot be an id.
    Resource(ResourceKind, Option<ResourceId>),
    /// Many operations in one request.
    Bulk,
    /// A bulk request whose client did not wait; `None` for what cannot be one.
    BulkRequest(Option<RequestId>),
    /// The user of the person who asks.
    Me,
    /// Nothing.
    Unknown,
}

/// A document of discovery, and the id of one when the path has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// `/ServiceProviderConfig`
    ServiceProviderConfig,
    /// `/ResourceTypes`
    ResourceTypes(Option<String>),
    /// `/Schemas`
    Schemas(Option<String>),
}

/// The methods that SCIM uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // the names say it
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Route {
    /// The route of a raw path. What is not below a well-formed organization is unknown.
    pub fn parse(path: &str) -> Result<Self, Failure> {
        let rest = path.strip_prefix("/scim/v2/").ok_or_else(|| other_version(path))?;
        let (slug, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let slug = slug.parse().map_err(|_| Failure::NotFound)?;
        let segments: Vec<&str> = rest.split('/').collect();
        Ok(Self { slug, target: target(&segments) })
    }
}

/// RFC 7644, section 3.13: a version that the path names and the server does not speak is `invalidVers`.
fn other_version(path: &str) -> Failure {
    let first = path.strip_prefix("/scim/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let is_version = first
        .strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.'));
    if is_version {
        ScimError::new(ScimType::InvalidVers, "the version of the protocol is v2").into()
    } else {
        Failure::NotFound
    }
}

fn target(segments: &[&str]) -> Target {
    match segments {
        [""] => Target::Root,
        ["Users"] => Target::Collection(ResourceKind::User),
        ["Groups"] => Target::Collection(ResourceKind::Group),
        ["ServiceProviderConfig"] => Target::Discovery(Document::ServiceProviderConfig),
        ["ResourceTypes"] => Target::Discovery(Document::ResourceTypes(None)),
        ["Schemas"] => Target::Discovery(Document::Schemas(None)),
        ["ResourceTypes", id] => Target::Discovery(Document::ResourceTypes(Some((*id).to_owned()))),
        // A colon may be sent encoded; the document is public and names nothing of an organization.
        ["Schemas", id] => Target::Discovery(Document::Schemas(Some(id.replace("%3A", ":").replace("%3a", ":")))),
        ["Bulk"] => Target::Bulk,
        ["Bulk", id] => Target::BulkRequest(id.parse().ok()),
        ["Me"] => Target::Me,
        [".search"] => Target::Search(None),
        ["Users", ".search"] => Target::Search(Some(ResourceKind::User)),
        ["Groups", ".search"] => Target::Search(Some(ResourceKind::Group)),
        ["Roles"] => Target::Assignables(AssignableKind::Role),
        ["Entitlements"] => Target::Assignables(AssignableKind::Entitlement),
        ["Roles", value] => assignable(AssignableKind::Role, value),
        ["Entitlements", value] => assignable(AssignableKind::Entitlement, value),
        ["Users", id] => Target::Resource(ResourceKind::User, id.parse().ok()),
        ["Groups", id] => Target::Resource(ResourceKind::Group, id.parse().ok()),
        _ => Target::Unknown,
    }
}

/// A value is whatever the organization wrote, so its path may have to be encoded.
fn assignable(kind: AssignableKind, segment: &str) -> Target {
    match decoded(segment) {
        Some(value) => Target::Assignable(kind, value),
        None => Target::Unknown,
    }
}

fn decoded(segment: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(segment.len());
    let mut rest = segment.bytes();
    while let Some(byte) = rest.next() {
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        bytes.push(if byte == b'%' { digit(rest.next())? << 4 | digit(rest.next())? } else { byte });
    }
    String::from_utf8(bytes).ok()
}

impl Target {
    /// The method, when the target has it.
    pub fn method(&self, method: &http::Method) -> Result<Method, Failure> {
        let (allowed, names): (&[Method], &'static str) = match self {
            Self::Discovery(_)
            | Self::Me
            | Self::BulkRequest(_)
            | Self::Assignables(_)
            | Self::Assignable(..)
            | Self::Root => (&[Method::Get], "GET, HEAD"),
            Self::Collection(_) => (&[Method::Get, Method::Post], "GET, HEAD, POST"),
            Self::Search(_) | Self::Bulk => (&[Method::Post], "POST"),
            Self::Resource(..) => {
                (&[Method::Get, Method::Put, Method::Patch, Method::Delete], "GET, HEAD, PUT, PATCH, DELETE")
            }
            // Whatever is asked of it, the answer is the same.
            Self::Unknown => return Ok(Method::Get),
        };
        let method = match method.as_str() {
            "GET" => Method::Get,
            "POST" => Method::Post,
            "PUT" => Method::Put,
            "PATCH" => Method::Patch,
            "DELETE" => Method::Delete,
            _ => return Err(Failure::MethodNotAllowed(names)),
        };
        if allowed.contains(&method) { Ok(method) } else { Err(Failure::MethodNotAllowed(names)) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Document, Failure, Route, ScimType, Target};
    use crate::store::resources::ResourceKind;

    #[test]
    fn a_path_has_one_spelling() {
        let target = |path: &str| Route::parse(path).ok().map(|route| route.target);
        assert_eq!(target("/scim/v2/acme/Users"), Some(Target::Collection(ResourceKind::User)));
        assert_eq!(
            target("/scim/v2/acme/Schemas/urn%3Aietf:x"),
            Some(Target::Discovery(Document::Schemas(Some("urn:ietf:x".to_owned()))))
        );
        for odd in [
            "users",
            "USERS",
            "%55sers",
            "Users/",
            "/Users",
            "Users;x",
            "./Users",
            "x/../Users",
            "Users%2f",
            "Users//",
            "/",
        ] {
            let found = target(&format!("/scim/v2/acme/{odd}"));
            assert!(matches!(found, Some(Target::Unknown | Target::Resource(_, None))), "{odd}: {found:?}");
        }
        for root in ["/scim/v2/acme", "/scim/v2/acme/"] {
            assert_eq!(target(root), Some(Target::Root), "{root}");
        }
        for odd in
            ["/scim/v2/Acme/Users", "/scim/v2//Users", "/scim/v2/a%63me/Users", "/scim/v1/acme/Users", "/scim/v2/"]
        {
            assert_eq!(target(odd), None, "{odd}");
        }
    }

    #[test]
    fn rfc7644_3_13_a_version_that_is_not_spoken_is_refused_by_name() {
        let refused = |path: &str| match Route::parse(path) {
            Err(Failure::Protocol(error)) => Some(error.scim_type),
            _ => None,
        };
        for other in ["/scim/v1/acme/Users", "/scim/v1.1/acme/Users", "/scim/v3/Users", "/scim/v20/acme/Users"] {
            assert_eq!(refused(other), Some(ScimType::InvalidVers), "{other}");
        }
        for unknown in ["/scim/acme/Users", "/scim/v/acme/Users", "/scim/vx/acme", "/scim", "/scim/v2", "/scim/v2/"] {
            assert!(matches!(Route::parse(unknown), Err(Failure::NotFound) | Err(Failure::Protocol(_))), "{unknown}");
        }
    }
}
