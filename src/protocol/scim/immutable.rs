//! Attributes that are written once (RFC 7643, section 7: "immutable").

use serde_json::Value;

use super::attribute::{Attribute, Kind, Mutability};
use super::document;
use super::error::ScimError;
use super::json::Object;
use super::resource_type::ResourceType;

/// What a PUT leaves after it met what is there: an immutable attribute keeps its value, and another one is refused
/// (RFC 7644, section 3.5.1).
pub fn keep(existing: &Object, replacement: &mut Object, resource_type: &ResourceType) -> Result<(), ScimError> {
    let mut is_changed = keep_in(existing, replacement, &resource_type.schema.attributes)?;
    for extension in &resource_type.extensions {
        let id = extension.schema.id.as_ref();
        let Some(old) = existing.get(id).and_then(Value::as_object) else { continue };
        is_changed |= keep_within(old, replacement, id, &extension.schema.attributes)?;
    }
    if is_changed {
        *replacement = document::finish(std::mem::take(replacement), resource_type, Some(existing))?;
    }
    Ok(())
}

fn keep_in(existing: &Object, replacement: &mut Object, attributes: &[Attribute]) -> Result<bool, ScimError> {
    let mut is_changed = false;
    for attribute in attributes {
        let name = attribute.name.as_ref();
        match (existing.get(name), attribute.mutability) {
            (Some(old), Mutability::Immutable) => match replacement.get(name) {
                Some(new) if new != old => return Err(fixed(name)),
                Some(_) => {}
                None => {
                    replacement.insert(name.to_owned(), old.clone());
                    is_changed = true;
                }
            },
            (Some(Value::Object(old)), _) if has_immutable_parts(attribute) => {
                is_changed |= keep_within(old, replacement, name, &attribute.sub_attributes)?;
            }
            _ => {}
        }
    }
    Ok(is_changed)
}

fn keep_within(
    old: &Object,
    replacement: &mut Object,
    name: &str,
    attributes: &[Attribute],
) -> Result<bool, ScimError> {
    let mut holder = replacement.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
    let is_changed = keep_in(old, &mut holder, attributes)?;
    if is_changed {
        replacement.insert(name.to_owned(), Value::Object(holder));
    }
    Ok(is_changed)
}

/// Refuses a PATCH whose operations, taken together, changed or removed what is immutable.
pub fn check(before: &Object, after: &Object, resource_type: &ResourceType) -> Result<(), ScimError> {
    check_in(before, Some(after), &resource_type.schema.attributes)?;
    for extension in &resource_type.extensions {
        let id = extension.schema.id.as_ref();
        if let Some(old) = before.get(id).and_then(Value::as_object) {
            check_in(old, after.get(id).and_then(Value::as_object), &extension.schema.attributes)?;
        }
    }
    Ok(())
}

fn check_in(before: &Object, after: Option<&Object>, attributes: &[Attribute]) -> Result<(), ScimError> {
    for attribute in attributes {
        let name = attribute.name.as_ref();
        let now = after.and_then(|after| after.get(name));
        match (before.get(name), attribute.mutability) {
            (Some(old), Mutability::Immutable) if now != Some(old) => return Err(fixed(name)),
            (Some(Value::Object(old)), _) if has_immutable_parts(attribute) => {
                check_in(old, now.and_then(Value::as_object), &attribute.sub_attributes)?;
            }
            _ => {}
        }
    }
    Ok(())
}

fn has_immutable_parts(attribute: &Attribute) -> bool {
    attribute.kind == Kind::Complex
        && !attribute.multi_valued
        && attribute.sub_attributes.iter().any(|part| part.mutability == Mutability::Immutable)
}

fn fixed(name: &str) -> ScimError {
    ScimError::mutability(format!("{name} cannot be changed")).by("rfc7643:7")
}
