//! What an operation costs before it is done, in comparisons of one filter term with one value. Values of a single-valued
//! attribute are found without looking, so only arrays cost.

use serde_json::Value;

use crate::protocol::scim::filter::ast::Filter;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::resource_type::Located;

/// Two whole values are compared this much faster than a filter's term is evaluated.
const VALUES_PER_COMPARISON: usize = 16;
/// Copying this many bytes of a value into one that was found counts as one comparison.
const BYTES_PER_COMPARISON: usize = 64;

/// The cost of `add` and `replace`.
pub(super) fn of_write(document: &Object, at: Located<'_>, filter: Option<&Filter>, value: &Value) -> usize {
    if !at.attribute.multi_valued {
        return 0;
    }
    let held = held(document, at);
    if filter.is_none() && at.part.is_none() {
        // New values are compared with each other and with those that are there.
        let new = count(value);
        return new.saturating_mul(new.saturating_add(held)) / VALUES_PER_COMPARISON;
    }
    // The value is copied into each one that is found.
    let copied = bytes(value) / BYTES_PER_COMPARISON;
    held.saturating_mul(filter.map_or(0, Filter::terms).saturating_add(copied).saturating_add(1))
}

/// The cost of `remove`.
pub(super) fn of_removal(document: &Object, at: Located<'_>, filter: Option<&Filter>, value: Option<&Value>) -> usize {
    let named = value.map_or(0, count);
    held(document, at).saturating_mul(filter.map_or(0, Filter::terms).saturating_add(named))
}

/// How many values the attribute has.
fn held(document: &Object, at: Located<'_>) -> usize {
    let holder = match at.container {
        Some(schema) => document.get(schema.id.as_ref()).and_then(Value::as_object),
        None => Some(document),
    };
    holder.and_then(|holder| holder.get(at.attribute.name.as_ref())).and_then(Value::as_array).map_or(0, Vec::len)
}

fn count(value: &Value) -> usize {
    value.as_array().map_or(1, Vec::len)
}

/// The length of the texts in a value.
fn bytes(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(bytes).sum(),
        Value::Object(parts) => parts.values().map(bytes).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}
