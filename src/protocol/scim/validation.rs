//! Brings one value into the shape that its attribute's characteristics ask for, or says why it cannot be.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;

use super::attribute::{Attribute, Kind, Mutability};
use super::error::ScimError;
use super::json::{Object, is_unassigned};
use super::limits::Limits;
use super::tolerance::{EmptyText, Tolerance};
use crate::values::clock::Timestamp;

/// The bounds and tolerances of one request.
#[derive(Debug, Clone, Copy)]
pub struct Rules {
    /// What deviations are understood.
    pub tolerance: Tolerance,
    /// How much is accepted.
    pub limits: Limits,
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
        one if rules.tolerance.loose_types.is_understood() => vec![one],
        _ => return Err(mismatch(attribute, "an array")),
    };
    if items.len() > rules.limits.values_per_attribute {
        let limit = rules.limits.values_per_attribute;
        return Err(ScimError::value(format!("{} has more than {limit} values", attribute.name)));
    }
    let mut kept: Vec<Value> = Vec::with_capacity(items.len());
    for item in items {
        match single(attribute, item, rules)? {
            Some(item) if !kept.contains(&item) => kept.push(item),
            _ => {}
        }
    }
    check_primary(attribute, &kept)?;
    Ok(if kept.is_empty() { None } else { Some(Value::Array(kept)) })
}

/// One element of an array, or the value of a singular attribute.
pub fn single(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Option<Value>, ScimError> {
    let is_text = matches!(attribute.kind, Kind::String);
    match (&value, rules.tolerance.empty_text) {
        (Value::Null, _) => return Ok(None),
        (Value::String(text), EmptyText::IsUnassigned) if text.is_empty() => return Ok(None),
        (Value::String(text), EmptyText::IsUnassignedUnlessText) if text.is_empty() && !is_text => return Ok(None),
        _ => {}
    }
    match attribute.kind {
        Kind::Complex => complex(attribute, value, rules),
        Kind::String => text(attribute, value, rules).map(Some),
        Kind::Boolean => boolean(attribute, value, rules).map(Some),
        Kind::Integer if value.is_i64() => Ok(Some(value)),
        Kind::Integer => Err(mismatch(attribute, "a whole number")),
        Kind::Decimal if value.is_number() => Ok(Some(value)),
        Kind::Decimal => Err(mismatch(attribute, "a number")),
        Kind::DateTime => checked_text(attribute, value, "a date and time", |t| Timestamp::parse_rfc3339(t).is_some()),
        Kind::Binary => checked_text(attribute, value, "base64 text", is_base64),
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
            Object::from_iter([("value".to_owned(), bare)])
        }
        _ => return Err(mismatch(attribute, "an object")),
    };
    let mut parts = Object::new();
    for (name, member) in members {
        let Some(part) = attribute.part(&name) else { continue };
        if !is_written(part) {
            continue;
        }
        if let Some(member) = self::value(part, member, rules)?
            && parts.insert(part.name.to_string(), member).is_some()
        {
            return Err(ScimError::syntax(format!("{}.{} stands twice", attribute.name, part.name)));
        }
    }
    Ok(if parts.is_empty() { None } else { Some(Value::Object(parts)) })
}

/// True for what a client writes and somebody reads.
pub fn is_written(attribute: &Attribute) -> bool {
    !matches!(attribute.mutability, Mutability::ReadOnly | Mutability::WriteOnly)
}

fn text(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Value, ScimError> {
    match value {
        Value::String(_) => Ok(value),
        Value::Number(number) if rules.tolerance.loose_types.is_understood() => Ok(Value::String(number.to_string())),
        Value::Bool(is_true) if rules.tolerance.loose_types.is_understood() => Ok(Value::String(is_true.to_string())),
        _ => Err(mismatch(attribute, "a text")),
    }
}

fn boolean(attribute: &Attribute, value: Value, rules: &Rules) -> Result<Value, ScimError> {
    match value {
        Value::Bool(_) => Ok(value),
        Value::String(text) if rules.tolerance.loose_types.is_understood() && text.eq_ignore_ascii_case("true") => {
            Ok(true.into())
        }
        Value::String(text) if rules.tolerance.loose_types.is_understood() && text.eq_ignore_ascii_case("false") => {
            Ok(false.into())
        }
        _ => Err(mismatch(attribute, "true or false")),
    }
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

/// RFC 7643, section 2.3.6: base64 or its URL-safe alphabet; padding may be absent.
fn is_base64(text: &str) -> bool {
    let config = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    [alphabet::STANDARD, alphabet::URL_SAFE].iter().any(|set| GeneralPurpose::new(set, config).decode(text).is_ok())
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
        return Err(ScimError::value(format!("{} has more than one primary value", attribute.name)));
    }
    Ok(())
}

fn mismatch(attribute: &Attribute, wanted: &'static str) -> ScimError {
    ScimError::value(Cow::Owned(format!("{} is not {wanted}", attribute.name)))
}
