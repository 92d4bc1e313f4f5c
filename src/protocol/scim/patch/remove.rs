//! `remove` of one attribute (RFC 7644, section 3.5.2.2). It takes away exactly what it names; what it does not
//! understand it refuses.

use serde_json::{Value, json};

use super::write::{put, take};
use crate::protocol::scim::attribute::Attribute;
use crate::protocol::scim::comparison;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::filter::ast::Filter;
use crate::protocol::scim::filter::evaluate::matches_element;
use crate::protocol::scim::json::{Object, get, is_unassigned};
use crate::protocol::scim::resource_type::Located;
use crate::protocol::scim::rewrite::Rule;
use crate::protocol::scim::validation::Rules;

/// A removal says in its value what its path does not say, and it is not clear what is meant: nothing is removed.
pub(super) fn not_understood(name: &str) -> ScimError {
    ScimError::value(format!("a value to remove from {name} is not understood")).by("rfc7644:3.5.2.2")
}

/// Removes what `at`, `filter` and `value` name.
pub(super) fn remove(
    document: &mut Object,
    at: Located<'_>,
    filter: Option<&Filter>,
    value: Option<Value>,
    rules: &Rules,
) -> Result<(), ScimError> {
    let before = take(document, at);
    let after = match (before, at.attribute.multi_valued) {
        (_, false) if filter.is_some() => {
            let detail = format!("{} has one value and takes no filter", at.attribute.name);
            return Err(ScimError::path(detail).by("rfc7644:3.5.2"));
        }
        (before, false) => without_one(before, at, value)?,
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

/// What is left of a singular attribute. A value that is said must be the one that is there.
fn without_one(before: Option<Value>, at: Located<'_>, value: Option<Value>) -> Result<Option<Value>, ScimError> {
    let held = match at.part {
        Some(part) => before.as_ref().and_then(|before| before.get(part.name.as_ref())),
        None => before.as_ref(),
    };
    let leaf = at.part.unwrap_or(at.attribute);
    if let (Some(value), Some(held)) = (value.filter(|value| !value.is_null()), held) {
        let key = |value: &Value| comparison::key(leaf.kind, leaf.case_exact, value);
        let is_same = *held == value || (key(held).is_some() && key(held) == key(&value));
        if !is_same {
            return Err(not_understood(&leaf.name));
        }
    }
    Ok(match (before, at.part) {
        (Some(Value::Object(mut parts)), Some(part)) => {
            parts.shift_remove(part.name.as_ref());
            Some(Value::Object(parts))
        }
        _ => None,
    })
}

fn remaining(
    mut elements: Vec<Value>,
    at: Located<'_>,
    filter: Option<&Filter>,
    value: Option<Value>,
    rules: &Rules,
) -> Result<Vec<Value>, ScimError> {
    match (filter, at.part, value) {
        (_, _, None) | (Some(_), _, Some(Value::Null)) => {}
        (None, None, Some(value)) if !value.is_null() => {
            if !rules.tolerance.removal_by_value.is_understood() {
                let detail = "remove takes no value; name what goes in the path";
                return Err(ScimError::value(detail).under(Rule::RemovalByValue));
            }
            let (left, paths) = without_named(elements, at.attribute, value.clone())?;
            rules.note(Rule::RemovalByValue, &at.attribute.name, value, json!({ "path": paths }));
            return Ok(left);
        }
        _ => return Err(not_understood(&at.attribute.name)),
    }
    let is_found = |element: &Value| match (filter, element.as_object()) {
        (None, _) => true,
        (Some(filter), Some(element)) => matches_element(filter, element),
        (Some(_), None) => false,
    };
    if filter.is_some() && !elements.iter().any(is_found) {
        if !rules.tolerance.idle_removal.is_understood() {
            let detail = format!("no value of {} matches the filter", at.attribute.name);
            return Err(ScimError::no_target(detail).under(Rule::IdleRemoval));
        }
        rules.note(Rule::IdleRemoval, &at.attribute.name, Value::Null, Value::Null);
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

/// Entra ID's older form: the values to remove stand in `value`, as objects or bare. Beside what is left, the paths that say
/// the same.
fn without_named(
    mut elements: Vec<Value>,
    attribute: &Attribute,
    value: Value,
) -> Result<(Vec<Value>, Vec<String>), ScimError> {
    let named = match value {
        Value::Array(named) => named,
        one => vec![one],
    };
    let mut paths = Vec::with_capacity(named.len());
    for item in named {
        let said = Said::read(item, attribute)?;
        paths.push(said.path(attribute));
        elements.retain(|element| !said.is_of(element));
    }
    Ok((elements, paths))
}

/// What a removal says of the values that it means: each part, or the value itself where there are no parts.
struct Said<'t>(Vec<(&'t Attribute, Value)>);

impl<'t> Said<'t> {
    /// Null says nothing, and a value that says nothing is not understood.
    fn read(item: Value, attribute: &'t Attribute) -> Result<Self, ScimError> {
        let not_understood = || not_understood(&attribute.name);
        let said: Vec<(&Attribute, Value)> = match item {
            Value::Object(wanted) if attribute.sub_attributes.is_empty() => {
                get(&wanted, "value").map(|value| vec![(attribute, value.clone())]).unwrap_or_default()
            }
            Value::Object(wanted) => {
                let parts = attribute.sub_attributes.iter();
                parts.filter_map(|part| Some((part, get(&wanted, &part.name)?.clone()))).collect()
            }
            Value::String(_) | Value::Number(_) | Value::Bool(_) if attribute.sub_attributes.is_empty() => {
                vec![(attribute, item)]
            }
            text @ Value::String(_) => attribute.part("value").map(|part| vec![(part, text)]).unwrap_or_default(),
            _ => Vec::new(),
        };
        if said.is_empty() {
            return Err(not_understood());
        }
        Ok(Self(said.into_iter().filter(|(_, value)| !value.is_null()).collect()))
    }

    /// True when the element has everything that is said, compared as its attribute is.
    fn is_of(&self, element: &Value) -> bool {
        let holds = |(leaf, wanted): &(&Attribute, Value)| {
            let held = element.as_object().map_or(Some(element), |parts| parts.get(leaf.name.as_ref()));
            let key = |value: &Value| comparison::key(leaf.kind, leaf.case_exact, value);
            held.is_some_and(|held| held == wanted || key(held).is_some_and(|held| Some(held) == key(wanted)))
        };
        !self.0.is_empty() && self.0.iter().all(holds)
    }

    /// The removal as a path.
    fn path(&self, attribute: &Attribute) -> String {
        let terms: Vec<String> = self
            .0
            .iter()
            .map(|(leaf, value)| {
                let name = if attribute.sub_attributes.is_empty() { "value" } else { leaf.name.as_ref() };
                format!("{name} eq {value}")
            })
            .collect();
        format!("{}[{}]", attribute.name, terms.join(" and "))
    }
}
