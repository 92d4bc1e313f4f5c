//! The `schemas` of a message (RFC 7644, section 3.1): a search, a PATCH.

use serde_json::Value;

use super::error::ScimError;
use super::json::{Object, get};
use super::rewrite::Rule;
use super::validation::Rules;

/// Refuses a message whose `schemas` does not name `schema`. None at all may be understood as the one that the endpoint
/// takes.
pub fn check(body: &Object, schema: &str, rules: &Rules) -> Result<(), ScimError> {
    let name = schema.rsplit(':').next().unwrap_or(schema);
    let refused = || ScimError::syntax(format!("schemas does not name {name}"));
    match get(body, "schemas") {
        Some(Value::Array(schemas)) => {
            let is_named = schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(schema));
            if is_named { Ok(()) } else { Err(refused().by("rfc7644:3.1")) }
        }
        other if rules.tolerance.loose_schemas.is_understood() => {
            let received = other.cloned().unwrap_or(Value::Null);
            rules.note(Rule::LooseSchemas, "schemas", received, Value::Array(vec![schema.into()]));
            Ok(())
        }
        _ => Err(refused().under(Rule::LooseSchemas)),
    }
}
