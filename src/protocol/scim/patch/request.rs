//! The body of a PATCH request.

use serde_json::Value;

use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::message;
use crate::protocol::scim::rewrite::Rule;
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
    message::check(&body, SCHEMA, rules)?;
    let operations = body.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("Operations")).map(|(_, value)| value);
    let Some(Value::Array(operations)) = operations else {
        return Err(ScimError::syntax("Operations is not an array").by("rfc7644:3.5.2"));
    };
    if operations.is_empty() {
        if !rules.tolerance.empty_operations.is_understood() {
            return Err(ScimError::syntax("Operations is empty").under(Rule::EmptyOperations));
        }
        rules.note(Rule::EmptyOperations, "Operations", Value::Array(Vec::new()), Value::Null);
    }
    if operations.len() > rules.limits.patch_operations {
        let detail = format!("more than {} operations", rules.limits.patch_operations);
        return Err(ScimError::value(detail).by("limits.scim_patch_operations"));
    }
    operations.into_iter().map(|value| operation(value, rules)).collect()
}

fn operation(value: Value, rules: &Rules) -> Result<Operation, ScimError> {
    let Value::Object(members) = value else {
        return Err(ScimError::syntax("an operation is not an object").by("rfc7644:3.5.2"));
    };
    let (mut verb, mut path, mut operand) = (None, None, None);
    for (name, value) in members {
        let is_second = match name.to_ascii_lowercase().as_str() {
            "op" => verb.replace(read_verb(&value, rules)?).is_some(),
            "path" => match value {
                Value::String(text) => path.replace(text).is_some(),
                Value::Null => false,
                _ => return Err(ScimError::path("a path is not a text")),
            },
            "value" => operand.replace(value).is_some(),
            _ => false,
        };
        if is_second {
            return Err(ScimError::syntax(format!("{name} stands twice in an operation")).by("rfc7644:3.5.2"));
        }
    }
    let verb = verb.ok_or_else(|| ScimError::syntax("an operation has no op").by("rfc7644:3.5.2"))?;
    Ok(Operation { verb, path: path.filter(|path| !path.trim().is_empty()), value: operand })
}

fn read_verb(value: &Value, rules: &Rules) -> Result<Verb, ScimError> {
    const VERBS: [(&str, Verb); 3] = [("add", Verb::Add), ("remove", Verb::Remove), ("replace", Verb::Replace)];
    let refused = || ScimError::syntax("op is not add, remove or replace").by("rfc7644:3.5.2");
    let name = value.as_str().unwrap_or_default();
    let (known, verb) = VERBS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).ok_or_else(refused)?;
    if *known != name {
        if !rules.tolerance.verbs_in_any_case.is_understood() {
            return Err(refused().under(Rule::VerbsInAnyCase));
        }
        rules.note(Rule::VerbsInAnyCase, "op", value.clone(), (*known).into());
    }
    Ok(*verb)
}
