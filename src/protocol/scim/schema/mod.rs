//! The schemas that the gateway serves, one file each, and the type they have in common.

pub mod causeway_user;
pub mod definition;
pub mod enterprise_user;
pub mod group;
pub mod urn;
pub mod user;

use std::borrow::Cow;

use super::attribute::{Attribute, Mutability, Returned};

/// A schema (RFC 7643, section 7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema {
    /// The URN.
    pub id: Cow<'static, str>,
    /// The name for people.
    pub name: Cow<'static, str>,
    /// What it describes.
    pub description: Cow<'static, str>,
    /// What stands before the attribute's name in the path of a searchable value; empty for a base schema.
    pub search_prefix: Cow<'static, str>,
    /// The attributes, in the order of discovery.
    pub attributes: Vec<Attribute>,
}

impl Schema {
    /// The attribute with this name in any case.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.is_named(name))
    }

    /// True for a schema of which a client can write nothing.
    pub fn is_read_only(&self) -> bool {
        self.attributes.iter().all(|attribute| attribute.mutability == Mutability::ReadOnly)
    }

    /// True for a schema of which an answer shows nothing that the client does not ask for by name.
    pub fn is_shown_on_request(&self) -> bool {
        self.attributes.iter().all(|attribute| attribute.returned == Returned::Request)
    }
}
