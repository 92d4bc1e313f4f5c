//! The body of a PATCH request.

use serde_json::Value;

use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::json::{Object, get};
use crate::protocol::scim::validation::Rules;

/// The URN of a PATCH body.
pub const SCHEMA: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    /// Sets or appends.
    Add,
    /// Unassigns.
    Remove,
    /// Sets.
    Replace,
}

/// One operation.
#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    /// What it does.
    pub verb: Verb,
    /// Where, unparsed; an empty path is none.
    pub path: Option<String>,
    /// With what.
    pub value: Option<Value>,
}

/// Reads the operations of a body. Their names are understood in any case ("Replace" comes from Entra ID).
pub fn read(body: Object, rules: &Rules) -> Result<Vec<Operation>, ScimError> {
    let names_schema = match get(&body, "schemas") {
        Some(Value::Array(schemas)) => {
            schemas.iter().filter_map(Value::as_str).any(|urn| urn.eq_ignore_ascii_case(SCHEMA))
        }
        _ => rules.tolerance.loose_schemas.is_understood(),
    };
    if !names_schema {
        return Err(ScimError::syntax("schemas does not name PatchOp"));
    }
    let operations = body.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Operations")).map(|(_, value)| value);
    let Some(Value::Array(operations)) = operations else {
        return Err(ScimError::syntax("Operations is not an array"));
    };
    if operations.is_empty() {
        return Err(ScimError::syntax("Operations is empty"));
    }
    if operations.len() > rules.limits.patch_operations {
        return Err(ScimError::value(format!("more than {} operations", rules.limits.patch_operations)));
    }
    operations.into_iter().map(operation).collect()
}

fn operation(value: Value) -> Result<Operation, ScimError> {
    let Value::Object(members) = value else {
        return Err(ScimError::syntax("an operation is not an object"));
    };
    let (mut verb, mut path, mut operand) = (None, None, None);
    for (name, value) in members {
        let is_second = match name.to_ascii_lowercase().as_str() {
            "op" => verb.replace(read_verb(&value)?).is_some(),
            "path" => match value {
                Value::String(text) => path.replace(text).is_some(),
                Value::Null => false,
                _ => return Err(ScimError::path("a path is not a text")),
            },
            "value" => operand.replace(value).is_some(),
            _ => false,
        };
        if is_second {
            return Err(ScimError::syntax(format!("{name} stands twice in an operation")));
        }
    }
    let verb = verb.ok_or_else(|| ScimError::syntax("an operation has no op"))?;
    Ok(Operation { verb, path: path.filter(|path| !path.trim().is_empty()), value: operand })
}

fn read_verb(value: &Value) -> Result<Verb, ScimError> {
    const VERBS: [(&str, Verb); 3] = [("add", Verb::Add), ("remove", Verb::Remove), ("replace", Verb::Replace)];
    let name = value.as_str().unwrap_or_default();
    VERBS
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, verb)| *verb)
        .ok_or_else(|| ScimError::syntax("op is not add, remove or replace"))
}
