//! `remove` of one attribute (RFC 7644, section 3.5.2.2). It takes away exactly what it names; what it does not
//! understand it refuses.

use serde_json::Value;

use super::write::put;
use crate::protocol::scim::attribute::Attribute;
use crate::protocol::scim::comparison;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter::ast::Filter;
use crate::protocol::scim::filter::evaluate::matches_element;
use crate::protocol::scim::json::{Object, get, is_unassigned};
use crate::protocol::scim::resource_type::Located;
use crate::protocol::scim::validation::Rules;

/// Removes what `at`, `filter` and `value` name.
pub(super) fn remove(
    document: &mut Object,
    at: Located<'_>,
    filter: Option<&Filter>,
    value: Option<Value>,
    rules: &Rules,
) -> Result<(), ScimError> {
    let holder = match at.container {
        Some(schema) => document.get(schema.id.as_ref()).and_then(Value::as_object),
        None => Some(&*document),
    };
    let before = holder.and_then(|holder| holder.get(at.attribute.name.as_ref())).cloned();
    let after = match (before, at.attribute.multi_valued) {
        (before, false) if filter.is_none() => match (before, at.part) {
            (Some(Value::Object(mut parts)), Some(part)) => {
                parts.shift_remove(part.name.as_ref());
                Some(Value::Object(parts))
            }
            _ => None,
        },
        (_, false) => {
            return Err(ScimError::path(format!("{} has one value and takes no filter", at.attribute.name)));
        }
        (before, true) => {
            let elements = match before {
                Some(Value::Array(elements)) => elements,
                _ => Vec::new(),
            };
            Some(Value::Array(remaining(elements, at, filter, value, rules)?))
        }
    };
    put(document, at, after.filter(|value| !is_unassigned(value)));
    Ok(())
}

fn remaining(
    mut elements: Vec<Value>,
    at: Located<'_>,
    filter: Option<&Filter>,
    value: Option<Value>,
    rules: &Rules,
) -> Result<Vec<Value>, ScimError> {
    if let (None, None, Some(value)) = (filter, at.part, value) {
        if !rules.tolerance.removal_by_value.is_understood() {
            return Err(ScimError::value("remove takes no value; name what goes in the path"));
        }
        return without_named(elements, at.attribute, value);
    }
    let is_found = |element: &Value| match (filter, element.as_object()) {
        (None, _) => true,
        (Some(filter), Some(element)) => matches_element(filter, element),
        (Some(_), None) => false,
    };
    if filter.is_some() && !elements.iter().any(is_found) && !rules.tolerance.idle_removal.is_understood() {
        return Err(ScimError::no_target(format!("no value of {} matches the filter", at.attribute.name)));
    }
    let Some(part) = at.part else {
        elements.retain(|element| !is_found(element));
        return Ok(elements);
    };
    for element in &mut elements {
        if is_found(element)
            && let Value::Object(parts) = element
        {
            parts.shift_remove(part.name.as_ref());
        }
    }
    elements.retain(|element| !is_unassigned(element));
    Ok(elements)
}

/// Entra ID's older form: the values to remove stand in `value`, as objects or bare.
fn without_named(mut elements: Vec<Value>, attribute: &Attribute, value: Value) -> Result<Vec<Value>, ScimError> {
    let named = match value {
        Value::Array(named) => named,
        one => vec![one],
    };
    for item in named {
        let wanted = match item {
            Value::Object(wanted) if !wanted.is_empty() => wanted,
            Value::String(text) => Object::from_iter([("value".to_owned(), Value::String(text))]),
            _ => return Err(ScimError::value("a value to remove is not understood")),
        };
        if !attribute.sub_attributes.is_empty()
            && !attribute.sub_attributes.iter().any(|p| get(&wanted, &p.name).is_some())
        {
            return Err(ScimError::value("a value to remove is not understood"));
        }
        elements.retain(|element| !is_named(element, attribute, &wanted));
    }
    Ok(elements)
}

/// True when the element has everything that `wanted` says about it; null says nothing.
fn is_named(element: &Value, attribute: &Attribute, wanted: &Object) -> bool {
    let Value::Object(parts) = element else {
        return wanted.get("value") == Some(element);
    };
    let mut said = attribute
        .sub_attributes
        .iter()
        .filter_map(|part| Some((part, get(wanted, &part.name).filter(|value| !value.is_null())?)))
        .peekable();
    said.peek().is_some()
        && said.all(|(part, value)| match parts.get(part.name.as_ref()) {
            Some(held) => {
                comparison::key(part.kind, part.case_exact, held) == comparison::key(part.kind, part.case_exact, value)
            }
            None => false,
        })
}
