//! The members of a group as a request names them. They are rows of the store and never part of a document, so that
//! a change to one of a hundred thousand touches one row.

use serde_json::{Value, json};

use super::error::ScimError;
use super::filter::ast::Filter;
use super::json::{Object, get};
use super::rewrite::Rule;
use super::validation::Rules;

/// What a request asks the members of a group to become, in the order it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberChange {
    /// These belong to the group too.
    Add(Vec<String>),
    /// These no longer do; those that never did make no difference.
    Remove(Vec<String>),
    /// Those whose `value`, `type` or `display` satisfy the filter no longer do ([`element`]).
    RemoveMatching(Filter),
    /// These and no others.
    ReplaceAll(Vec<String>),
}

/// The ids in a `members` value: an array or a single one of `{"value": id}` or a bare id. `type`, `$ref` and
/// `display` follow from the id and are not read. Anything else is refused, never skipped: a member that is not
/// understood must not turn into one that is not there.
pub fn ids(value: &Value, rules: &Rules) -> Result<Vec<String>, ScimError> {
    let items = match value {
        Value::Null => return Ok(Vec::new()),
        Value::Array(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let mut ids = Vec::with_capacity(items.len());
    for item in items {
        let id = match item {
            Value::String(id) => {
                if !rules.tolerance.bare_values.is_understood() {
                    return Err(ScimError::value("a member is not an object").under(Rule::BareValues));
                }
                rules.note(Rule::BareValues, "members", item.clone(), json!({ "value": id }));
                Some(id.as_str())
            }
            Value::Object(member) => get(member, "value").and_then(Value::as_str),
            _ => None,
        };
        match id {
            Some(id) if !id.is_empty() => ids.push(id.to_owned()),
            _ => return Err(ScimError::value("a member has no value").by("rfc7643:4.2")),
        }
    }
    Ok(ids)
}

/// A member as filters see it: everything that a filter may look at, and nothing else.
pub fn element(id: &str, kind: &str, display: Option<&str>) -> Object {
    let parts = [("value", Some(id)), ("type", Some(kind)), ("display", display)];
    parts.into_iter().filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?)))).collect()
}
