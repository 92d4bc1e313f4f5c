//! The path of a PATCH operation (RFC 7644, figure 7): `attr`, `attr.part`, `attr[filter]`, `attr[filter].part`, or the
//! URN of an extension, which names its whole container.

use crate::protocol::scim::error::{ScimError, ScimType};
use crate::protocol::scim::filter::ast::Filter;
use crate::protocol::scim::filter::lexer::{Token, tokens};
use crate::protocol::scim::filter::parser::Parser;
use crate::protocol::scim::resource_type::{Located, Place, ResourceType};
use crate::protocol::scim::schema::Schema;
use crate::protocol::scim::validation::Rules;

/// Where an operation works.
#[derive(Debug)]
pub(super) struct Path<'t> {
    pub(super) target: Target<'t>,
}

#[derive(Debug)]
pub(super) enum Target<'t> {
    /// The container of an extension.
    Extension(&'t Schema),
    /// An attribute or a part of it, of the elements that satisfy the filter.
    Attribute(Located<'t>, Option<Box<Filter>>),
}

/// Reads a path.
pub(super) fn parse<'t>(text: &str, resource_type: &'t ResourceType, rules: &Rules) -> Result<Path<'t>, ScimError> {
    let unknown = || ScimError::path("the path names an attribute that there is not");
    let as_path = |error: ScimError| ScimError { scim_type: ScimType::InvalidPath, ..error };
    let tokens = tokens(text, &rules.limits).map_err(as_path)?;
    let mut parser = Parser::new(tokens, rules);
    let name = parser.take_word().ok_or_else(|| ScimError::path("the path is empty"))?;
    let at = match resource_type.find(&name).ok_or_else(unknown)? {
        Place::Extension(schema) => {
            parser.expect_end().map_err(as_path)?;
            return Ok(Path { target: Target::Extension(schema) });
        }
        Place::Attribute(at) => at,
    };
    if !parser.take(&Token::OpenBracket) {
        parser.expect_end().map_err(as_path)?;
        return Ok(Path { target: Target::Attribute(at, None) });
    }
    let filter = parser.bracketed(at)?;
    let part = match parser.take_word() {
        Some(word) => {
            let name = word.strip_prefix('.').ok_or_else(unknown)?;
            Some(at.attribute.part(name).ok_or_else(unknown)?)
        }
        None => None,
    };
    parser.expect_end().map_err(as_path)?;
    Ok(Path { target: Target::Attribute(Located { part, ..at }, Some(Box::new(filter))) })
}
