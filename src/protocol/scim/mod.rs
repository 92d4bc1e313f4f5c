//! SCIM 2.0 as pure functions on JSON documents (RFC 7643, RFC 7644).
//!
//! Owns schemas as data, the JSON gate, documents, filters, PATCH, bulk requests, projection, entity tags and error bodies; refuses
//! I/O and knows no tenant. What a vendor's client does differently comes in as a [`tolerance::Tolerance`] value.

pub mod assignable;
pub mod attribute;
pub mod budget;
pub mod bulk;
pub mod comparison;
pub mod document;
pub mod error;
pub mod etag;
pub mod filter;
pub mod format;
pub mod immutable;
pub mod json;
pub mod length;
pub mod limits;
pub mod list;
pub mod member;
pub mod message;
pub mod patch;
pub mod prefer;
pub mod projection;
pub mod redaction;
pub mod render;
pub mod required;
pub mod resource_type;
pub mod rewrite;
pub mod schema;
pub mod search_request;
pub mod service_provider_config;
pub mod sort;
pub mod tolerance;
pub mod validation;
