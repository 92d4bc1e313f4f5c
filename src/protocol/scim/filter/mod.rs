//! Filters (RFC 7644, section 3.4.2.2): text -> tokens -> a tree whose names are resolved and whose literals are
//! typed. `evaluate` decides about a document; `provisioning::search` turns the same tree into a query.

pub mod ast;
pub mod evaluate;
pub(in crate::protocol::scim) mod lexer;
pub(in crate::protocol::scim) mod parser;

use super::error::ScimError;
use super::resource_type::ResourceType;
use super::validation::Rules;
use ast::Filter;
use lexer::tokens;
use parser::{Parser, Scope};

/// Parses a filter on resources of `resource_type`.
pub fn parse(text: &str, resource_type: &ResourceType, rules: &Rules) -> Result<Filter, ScimError> {
    parse_among(text, resource_type, &[], rules)
}

/// Parses a filter on resources of `resource_type` where those of `others` are searched as well. RFC 7644, section 3.4.2.1:
/// "For filtered attributes that are not part of a particular resource type, the service provider SHALL treat the attribute
/// as if there is no attribute value." A name that no type has is refused.
pub fn parse_among(
    text: &str,
    resource_type: &ResourceType,
    others: &[&ResourceType],
    rules: &Rules,
) -> Result<Filter, ScimError> {
    let mut parser = Parser::new(tokens(text, &rules.limits)?, rules);
    let filter = parser.filter(Scope::Resource(resource_type, others))?;
    parser.expect_end()?;
    Ok(filter)
}

#[cfg(test)]
mod tests;
