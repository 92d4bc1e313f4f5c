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
    let mut parser = Parser::new(tokens(text, &rules.limits)?, rules);
    let filter = parser.filter(Scope::Resource(resource_type))?;
    parser.expect_end()?;
    Ok(filter)
}

#[cfg(test)]
mod tests;
