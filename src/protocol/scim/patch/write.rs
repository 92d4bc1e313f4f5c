//! `add` and `replace` of one attribute (RFC 7644, sections 3.5.2.1 and 3.5.2.3).

use std::collections::HashMap;

use serde_json::{Value, json};

use super::request::Verb;
use crate::protocol::scim::attribute::{Attribute, Kind, Mutability};
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter::ast::{Filter, Literal, Operator};
use crate::protocol::scim::filter::evaluate::matches_element;
use crate::protocol::scim::json::{Object, is_unassigned};
use crate::protocol::scim::resource_type::Located;
use crate::protocol::scim::rewrite::Rule;
use crate::protocol::scim::validation::{self, Rules};

/// Writes `value` where `at` and `filter` lead. An error leaves the document half written: it is for the bin then.
pub(super) fn write(
    document: &mut Object,
    at: Located<'_>,
    filter: Option<&Filter>,
    verb: Verb,
    value: Value,
    rules: &Rules,
) -> Result<(), ScimError> {
    let before = take(document, at);
    let is_immutable = at.attribute.mutability == Mutability::Immutable;
    let fixed = if is_immutable { before.clone() } else { None };
    let after = if at.attribute.multi_valued {
        many(before, at, filter, verb, value, rules)?
    } else if filter.is_some() {
        let detail = format!("{} has one value and takes no filter", at.attribute.name);
        return Err(ScimError::path(detail).by("rfc7644:3.5.2"));
    } else {
        one(before, at, value, rules)?
    };
    if fixed.is_some() && fixed != after {
        return Err(ScimError::mutability(format!("{} cannot be changed", at.attribute.name)));
    }
    put(document, at, after.filter(|value| !is_unassigned(value)));
    Ok(())
}

/// Takes the attribute's value out and keeps its place. To copy it instead would cost as much as the document is long,
/// for each operation of a PATCH.
pub(super) fn take(document: &mut Object, at: Located<'_>) -> Option<Value> {
    let holder = match at.container {
        Some(schema) => document.get_mut(schema.id.as_ref())?.as_object_mut()?,
        None => document,
    };
    holder.get_mut(at.attribute.name.as_ref()).map(Value::take)
}

/// Puts the attribute's new value into its holder; a container that is left empty goes.
pub(super) fn put(document: &mut Object, at: Located<'_>, value: Option<Value>) {
    let name = at.attribute.name.as_ref();
    let Some(schema) = at.container else {
        match value {
            Some(value) => document.insert(name.to_owned(), value),
            None => document.shift_remove(name),
        };
        return;
    };
    let held = document.entry(schema.id.to_string()).or_insert_with(|| Value::Object(Object::new()));
    if let Value::Object(container) = held {
        match value {
            Some(value) => container.insert(name.to_owned(), value),
            None => container.shift_remove(name),
        };
        if container.is_empty() {
            document.shift_remove(schema.id.as_ref());
        }
    }
}

fn one(before: Option<Value>, at: Located<'_>, value: Value, rules: &Rules) -> Result<Option<Value>, ScimError> {
    if let Some(part) = at.part {
        let mut parts = object(before);
        set_part(&mut parts, at.attribute, part, value, rules)?;
        return Ok(Some(Value::Object(parts)));
    }
    if at.attribute.kind != Kind::Complex || is_unassigned(&value) {
        return validation::value(at.attribute, value, rules);
    }
    let incoming = match value {
        Value::Object(incoming) => incoming,
        bare => match validation::value(at.attribute, bare, rules)? {
            Some(Value::Object(incoming)) => incoming,
            _ => return Ok(None),
        },
    };
    let mut parts = object(before);
    merge(&mut parts, at.attribute, incoming, rules)?;
    Ok(Some(Value::Object(parts)))
}

fn object(value: Option<Value>) -> Object {
    match value {
        Some(Value::Object(parts)) => parts,
        _ => Object::new(),
    }
}

/// Only the given sub-attributes change.
fn merge(parts: &mut Object, attribute: &Attribute, incoming: Object, rules: &Rules) -> Result<(), ScimError> {
    let incoming = validation::unpack(attribute, &incoming, rules).unwrap_or(incoming);
    let names_target = incoming.keys().any(|name| name.eq_ignore_ascii_case("$ref"));
    for (name, value) in incoming {
        let Some(part) = attribute.part(&name) else { continue };
        if validation::is_written(part) {
            let old_target = (part.name == "value" && !names_target).then(|| parts.get("value").cloned()).flatten();
            set_part(parts, attribute, part, value, rules)?;
            // A `$ref` that was written beside another value points at the wrong resource now.
            if old_target.is_some() && old_target.as_ref() != parts.get("value") {
                parts.shift_remove("$ref");
            }
        }
    }
    Ok(())
}

fn set_part(
    parts: &mut Object,
    attribute: &Attribute,
    part: &Attribute,
    value: Value,
    rules: &Rules,
) -> Result<(), ScimError> {
    let name = part.name.as_ref();
    let fixed = if part.mutability == Mutability::Immutable { parts.get(name).cloned() } else { None };
    match validation::value(part, value, rules)? {
        Some(value) => parts.insert(name.to_owned(), value),
        None => parts.shift_remove(name),
    };
    if fixed.is_some() && fixed.as_ref() != parts.get(name) {
        return Err(ScimError::mutability(format!("{}.{name} cannot be changed", attribute.name)));
    }
    Ok(())
}

/// The new elements of an array.
fn many(
    before: Option<Value>,
    at: Located<'_>,
    filter: Option<&Filter>,
    verb: Verb,
    value: Value,
    rules: &Rules,
) -> Result<Option<Value>, ScimError> {
    let mut elements = match before {
        Some(Value::Array(elements)) => elements,
        _ => Vec::new(),
    };
    let touched = match (filter, at.part) {
        (None, None) if verb == Verb::Replace => return validation::value(at.attribute, value, rules),
        (None, None) => append(&mut elements, at.attribute, value, rules)?,
        _ => change(&mut elements, at, filter, verb, &value, rules)?,
    };
    if elements.len() > rules.limits.values_per_attribute {
        let detail = format!("{} has too many values", at.attribute.name);
        return Err(ScimError::value(detail).by("limits.scim_values_per_attribute"));
    }
    demote_others(&mut elements, &touched);
    let elements = united(elements);
    validation::check_primary(at.attribute, &elements)?;
    Ok(Some(elements.into_iter().filter(|element| !is_unassigned(element)).collect()))
}

/// What has become the same value of the same type is one element (`validation::keep`), with the sub-attributes of the later
/// one. Costs as much as the elements are long, for an operation may change each of them.
fn united(elements: Vec<Value>) -> Vec<Value> {
    let mut kept: Vec<Value> = Vec::with_capacity(elements.len());
    let mut places: HashMap<String, usize> = HashMap::new();
    for element in elements {
        let name = match element.get("value") {
            Some(value) => json!([value, element.get("type")]).to_string(),
            None => element.to_string(),
        };
        if let Some(at) = places.get(&name) {
            if let (Some(Value::Object(known)), Value::Object(parts)) = (kept.get_mut(*at), element) {
                known.extend(parts);
            }
            continue;
        }
        places.insert(name, kept.len());
        kept.push(element);
    }
    kept
}

/// Appends what is not there yet, and tells which elements the new ones are.
fn append(
    elements: &mut Vec<Value>,
    attribute: &Attribute,
    value: Value,
    rules: &Rules,
) -> Result<Vec<usize>, ScimError> {
    let Some(Value::Array(incoming)) = validation::value(attribute, value, rules)? else { return Ok(Vec::new()) };
    Ok(incoming.into_iter().map(|new| validation::keep(elements, new)).collect())
}

/// Changes the elements that the filter finds, or all of them; makes one where that is allowed and none is found.
fn change(
    elements: &mut Vec<Value>,
    at: Located<'_>,
    filter: Option<&Filter>,
    verb: Verb,
    value: &Value,
    rules: &Rules,
) -> Result<Vec<usize>, ScimError> {
    let is_found = |element: &Value| match (filter, element.as_object()) {
        (None, _) => true,
        (Some(filter), Some(element)) => matches_element(filter, element),
        (Some(_), None) => false,
    };
    let mut found: Vec<usize> =
        elements.iter().enumerate().filter(|(_, element)| is_found(element)).map(|(index, _)| index).collect();
    let implied = filter.map(implied_parts).unwrap_or_default();
    if found.is_empty() {
        let may_create = verb == Verb::Add || filter.is_none() || rules.tolerance.replace_creates.is_understood();
        if !may_create {
            let detail = format!("no value of {} matches the filter", at.attribute.name);
            return Err(ScimError::no_target(detail).under(Rule::ReplaceCreates));
        }
        if filter.is_some() && verb == Verb::Replace {
            let understood = json!({ "op": "add", "value": implied });
            rules.note(Rule::ReplaceCreates, &at.attribute.name, value.clone(), understood);
        }
        found.push(elements.len());
        elements.push(Value::Object(implied.clone()));
    }
    for index in &found {
        if let Some(Value::Object(element)) = elements.get_mut(*index) {
            if verb == Verb::Replace && at.part.is_none() && value.is_object() {
                *element = implied.clone();
            }
            change_element(element, at, value, rules)?;
        }
    }
    Ok(found)
}

/// Writes the value into an element: into one part of it, or as some of its parts, or as the value of an element that is bare.
fn change_element(element: &mut Object, at: Located<'_>, value: &Value, rules: &Rules) -> Result<(), ScimError> {
    match (at.part, value) {
        (Some(part), value) => {
            let alone = Object::from_iter([(part.name.to_string(), value.clone())]);
            match validation::unpack(at.attribute, &alone, rules) {
                Some(unpacked) => merge(element, at.attribute, unpacked, rules),
                None => set_part(element, at.attribute, part, value.clone(), rules),
            }
        }
        (None, Value::Object(incoming)) => merge(element, at.attribute, incoming.clone(), rules),
        (None, other) => {
            if let Some(Value::Object(bare)) = validation::single(at.attribute, other.clone(), rules)? {
                element.extend(bare);
            }
            Ok(())
        }
    }
}

/// What an element has to have for the filter to find it: the terms of its conjunction that say "equal".
fn implied_parts(filter: &Filter) -> Object {
    match filter {
        Filter::Compare(target, Operator::Eq, Literal::Value { value, .. }) => match &target.part {
            Some(part) => Object::from_iter([(part.clone(), value.clone())]),
            None => Object::new(),
        },
        Filter::And(filters) => filters.iter().flat_map(implied_parts).collect(),
        _ => Object::new(),
    }
}

/// RFC 7644, section 3.5.2: setting a new primary value to true "SHALL cause the server to set primary to false for
/// any existing values".
fn demote_others(elements: &mut [Value], touched: &[usize]) {
    let is_primary = |element: &Value| element.get("primary").and_then(Value::as_bool) == Some(true);
    if !touched.iter().filter_map(|index| elements.get(*index)).any(is_primary) {
        return;
    }
    let others = elements.iter_mut().enumerate().filter(|(index, _)| !touched.contains(index));
    for (_, other) in others.filter(|(_, element)| is_primary(element)) {
        if let Value::Object(parts) = other {
            parts.insert("primary".to_owned(), false.into());
        }
    }
}
