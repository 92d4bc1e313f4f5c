//! Brings one value into the shape that its attribute's characteristics ask for, or says why it cannot be.

use std::borrow::Cow;

use serde_json::Value;

use super::attribute::{Attribute, Kind, Mutability};
use super::error::ScimError;
use super::format::{self, Format};
use super::json::{self, Object, get, is_unassigned};
use super::limits::Limits;
use super::rewrite::{Rewrites, Rule};
use super::tolerance::{EmptyText, Tolerance};
use crate::values::clock::Timestamp;
use crate::values::folding::fold;

/// The attributes whose values Entra ID packs into the text of a JSON object.
const JSON_TEXTS: [&str; 2] = ["roles", "entitlements"];

/// The bounds and tolerances of one request.
#[derive(Debug, Clone)]
pub struct Rules {
    /// What deviations are understood.
    pub tolerance: Tolerance,
    /// How much is accepted.
    pub limits: Limits,
    /// Where deviations that were understood are noted.
    pub rewrites: Rewrites,
}

impl Rules {
    /// The rules of one request.
    pub fn new(tolerance: Tolerance, limits: Limits) -> Self {
        Self { tolerance, limits, rewrites: Rewrites::default() }
    }

    /// Notes a deviation that was understood.
    pub fn note(&self, rule: Rule, at: &str, received: Value, understood: Value) {
        self.rewrites.note(rule, at, received, understood);
    }
}

/// The value as it is stored, in canonical spelling; `None` when it says "unassigned" (RFC 7643, section 2.5). Parts
/// that only the server writes, that are never read, or that are unknown, are left out.
pub fn value(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Option<Value>, ScimError> {
    if is_unassigned(&value) {
        return Ok(None);
    }
    if !attribute.multi_valued {
        return single(attribute, value, rules);
    }
    let items = match value {
        Value::Array(items) => items,
        one if rules.tolerance.loose_types.is_understood() => {
            rules.note(Rule::LooseTypes, &attribute.name, one.clone(), Value::Array(vec![one.clone()]));
            vec![one]
        }
        _ => return Err(mismatch(attribute, "an array").under(Rule::LooseTypes)),
    };
    if items.len() > rules.limits.values_per_attribute {
        let limit = rules.limits.values_per_attribute;
        let detail = format!("{} has more than {limit} values", attribute.name);
        return Err(ScimError::value(detail).by("limits.scim_values_per_attribute"));
    }
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        if let Some(item) = single(attribute, item, rules)? {
            keep(&mut kept, item);
        }
    }
    check_primary(attribute, &kept)?;
    Ok(if kept.is_empty() { None } else { Some(Value::Array(kept)) })
}

/// Adds an element. One with the same type and value is the same element (RFC 7643, section 2.4: the same combination
/// SHOULD NOT be returned more than once) and takes the other sub-attributes over. Tells where it stands.
pub fn keep(elements: &mut Vec<Value>, new: Value) -> usize {
    let is_same = |old: &Value| {
        *old == new || (new.get("value").is_some() && ["value", "type"].iter().all(|p| old.get(p) == new.get(p)))
    };
    match elements.iter().position(is_same) {
        Some(index) => {
            if let (Some(Value::Object(old)), Value::Object(new)) = (elements.get_mut(index), new) {
                old.extend(new);
            }
            index
        }
        None => {
            elements.push(new);
            elements.len().saturating_sub(1)
        }
    }
}

/// One element of an array, or the value of a singular attribute.
pub fn single(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Option<Value>, ScimError> {
    if value.is_null() {
        return Ok(None);
    }
    let says_nothing = match rules.tolerance.empty_text {
        EmptyText::IsText => false,
        EmptyText::IsUnassigned => true,
        EmptyText::IsUnassignedUnlessText => attribute.kind != Kind::String,
    };
    if says_nothing && value.as_str().is_some_and(str::is_empty) {
        rules.note(Rule::EmptyText, &attribute.name, value, Value::Null);
        return Ok(None);
    }
    match attribute.kind {
        Kind::Complex => complex(attribute, value, rules),
        Kind::String => text(attribute, value, rules)
            .and_then(|text| formed(attribute, text, rules))
            .and_then(|text| allowed(attribute, text))
            .map(Some),
        Kind::Boolean => boolean(attribute, value, rules).map(Some),
        Kind::Integer if value.is_i64() => Ok(Some(value)),
        Kind::Integer => Err(mismatch(attribute, "a whole number")),
        Kind::Decimal if value.is_number() => Ok(Some(value)),
        Kind::Decimal => Err(mismatch(attribute, "a number")),
        Kind::DateTime => checked_text(attribute, value, "a date and time", |t| Timestamp::parse_rfc3339(t).is_some()),
        Kind::Binary => checked_text(attribute, value, "base64 text", |text| format::decoded(text).is_some())?
            .map(|value| formed(attribute, value, rules))
            .transpose(),
        Kind::Reference => checked_text(attribute, value, "a URI", is_uri_reference),
    }
}

fn complex(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Option<Value>, ScimError> {
    let members = match value {
        Value::Object(members) => members,
        bare if rules.tolerance.bare_values.is_understood()
            && attribute.part("value").is_some()
            && !bare.is_array() =>
        {
            let understood = Object::from_iter([("value".to_owned(), bare.clone())]);
            rules.note(Rule::BareValues, &attribute.name, bare, Value::Object(understood.clone()));
            understood
        }
        _ => return Err(mismatch(attribute, "an object").under(Rule::BareValues)),
    };
    let members = unpack(attribute, &members, rules).unwrap_or(members);
    let mut parts = Object::new();
    for (name, member) in members {
        let Some(part) = attribute.part(&name) else { continue };
        if !is_written(part) {
            continue;
        }
        if let Some(member) = self::value(part, member, rules)?
            && parts.insert(part.name.to_string(), member).is_some()
        {
            return Err(ScimError::syntax(format!("{}.{} stands twice", attribute.name, part.name)).by("rfc7643:2.1"));
        }
    }
    Ok(if parts.is_empty() { None } else { Some(Value::Object(parts)) })
}

/// An element whose `value` is the text of a JSON object, as Entra ID sends an app role: the role's value and name.
/// `None` for every other element, and where that is not understood.
pub fn unpack(attribute: &Attribute, element: &Object, rules: &Rules) -> Option<Object> {
    if !rules.tolerance.json_text.is_understood() || !JSON_TEXTS.contains(&attribute.name.as_ref()) {
        return None;
    }
    let text = get(element, "value")?.as_str().filter(|text| text.trim_start().starts_with('{'))?;
    let packed = json::parse_object(text.as_bytes(), &rules.limits).ok()?;
    let value = get(&packed, "value").or_else(|| get(&packed, "id")).filter(|value| value.is_string())?;
    let mut understood = element.clone();
    understood.retain(|name, _| !name.eq_ignore_ascii_case("value"));
    understood.insert("value".to_owned(), value.clone());
    if let (Some(display), None) = (get(&packed, "displayName"), get(element, "display")) {
        understood.insert("display".to_owned(), display.clone());
    }
    let (received, shown) = (Value::Object(element.clone()), Value::Object(understood.clone()));
    rules.note(Rule::JsonText, &attribute.name, received, shown);
    Some(understood)
}

/// True for what a client writes and somebody reads.
pub fn is_written(attribute: &Attribute) -> bool {
    !matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly)
}

/// A closed list of values (`Attribute::allowed`) admits no other.
fn allowed(attribute: &Attribute, value: Value) -> Result<Value, ScimError> {
    let is_other = |text: &str| attribute.allowed.as_ref().is_some_and(|allowed| !allowed.contains(&fold(text)));
    if value.as_str().is_some_and(is_other) {
        let detail = format!("the {} is none that the organization has defined", attribute.name);
        return Err(ScimError::value(detail));
    }
    Ok(value)
}

fn text(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Value, ScimError> {
    let understood = match &value {
        Value::String(_) => return Ok(value),
        Value::Number(number) => Value::String(number.to_string()),
        Value::Bool(is_true) => Value::String(is_true.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => return Err(mismatch(attribute, "a text")),
    };
    loosely(attribute, value, understood, "a text", rules)
}

fn boolean(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Value, ScimError> {
    let is_true = match &value {
        Value::Bool(_) => return Ok(value),
        Value::String(text) if text.eq_ignore_ascii_case("true") => true,
        Value::String(text) if text.eq_ignore_ascii_case("false") => false,
        _ => return Err(mismatch(attribute, "true or false")),
    };
    loosely(attribute, value, is_true.into(), "true or false", rules)
}

/// The value in the type of its attribute, where the client may write it in another one.
fn loosely(
    attribute: &Attribute,
    received: Value,
    understood: Value,
    wanted: &'static str,
    rules: &Rules,
) -> Result<Value, ScimError> {
    if !rules.tolerance.loose_types.is_understood() {
        return Err(mismatch(attribute, wanted).under(Rule::LooseTypes));
    }
    rules.note(Rule::LooseTypes, &attribute.name, received, understood.clone());
    Ok(understood)
}

fn checked_text(
    attribute: &Attribute,
    value: Value,
    wanted: &'static str,
    is_right: impl Fn(&str) -> bool,
) -> Result<Option<Value>, ScimError> {
    match value.as_str() {
        Some(text) if is_right(text) => Ok(Some(value)),
        _ => Err(mismatch(attribute, wanted)),
    }
}

/// A text in the form that its attribute has. One of another form is kept as it is, unless the client is held to the
/// letter: directories send "United States" and "en_US", and RFC 7643 itself writes "USA" in an example.
fn formed(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Value, ScimError> {
    let Some(text) = value.as_str().filter(|text| attribute.format != Format::Free && !text.is_empty()) else {
        return Ok(value);
    };
    match format::canonical(attribute.format, text) {
        Some(Cow::Owned(text)) => Ok(Value::String(text)),
        Some(Cow::Borrowed(_)) => Ok(value),
        None if rules.tolerance.loose_formats.is_understood() => {
            rules.note(Rule::LooseFormats, &attribute.name, value.clone(), value.clone());
            Ok(value)
        }
        None => Err(mismatch(attribute, attribute.format.wanted()).under(Rule::LooseFormats)),
    }
}

/// Absolute or relative; only what can stand in no URI at all is refused.
fn is_uri_reference(text: &str) -> bool {
    let is_foreign = |c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"' | '\\' | '^' | '`');
    !text.is_empty() && !text.contains(is_foreign)
}

/// RFC 7643, section 2.4: "The primary attribute value 'true' MUST appear no more than once."
pub fn check_primary(attribute: &Attribute, items: &[Value]) -> Result<(), ScimError> {
    let is_primary = |item: &&Value| item.get("primary").and_then(Value::as_bool) == Some(true);
    if items.iter().filter(is_primary).count() > 1 {
        return Err(ScimError::value(format!("{} has more than one primary value", attribute.name)).by("rfc7643:2.4"));
    }
    Ok(())
}

fn mismatch(attribute: &Attribute, wanted: &'static str) -> ScimError {
    ScimError::value(Cow::Owned(format!("{} is not {wanted}", attribute.name)))
}
