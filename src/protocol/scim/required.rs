//! What a resource must have (RFC 7643, sections 2.2 and 6).

use serde_json::Value;

use super::attribute::Attribute;
use super::document::is_member_list;
use super::error::ScimError;
use super::json::{Object, is_unassigned};
use super::resource_type::ResourceType;

/// Refuses a document that lacks what the base schema requires.
pub fn check_base(document: &Object, before: Option<&Object>, resource_type: &ResourceType) -> Result<(), ScimError> {
    let base = resource_type.schema.attributes.iter().filter(|attribute| !is_member_list(resource_type, attribute));
    for attribute in base {
        check_attribute(attribute, document, before)?;
    }
    Ok(())
}

/// Refuses a document that lacks what its extensions require. What was missing `before` a change may go on missing: a
/// schema that begins to require something must not keep a client from changing, or deactivating, what is older.
pub fn check_extensions(
    document: &Object,
    before: Option<&Object>,
    resource_type: &ResourceType,
) -> Result<(), ScimError> {
    for extension in &resource_type.extensions {
        let id = extension.schema.id.as_ref();
        let was_there = before.map(|before| before.get(id).and_then(Value::as_object));
        match document.get(id).and_then(Value::as_object) {
            Some(container) => {
                // What is missing in a container that was not there is missing newly.
                let before = was_there.flatten();
                for attribute in &extension.schema.attributes {
                    check_attribute(attribute, container, before)?;
                }
            }
            None if extension.required && was_there.is_none_or(|before| before.is_some()) => {
                return Err(missing(id).by("rfc7643:6"));
            }
            None => {}
        }
    }
    Ok(())
}

fn check_attribute(attribute: &Attribute, holder: &Object, before: Option<&Object>) -> Result<(), ScimError> {
    let name = attribute.name.as_ref();
    let was = before.map(|before| before.get(name));
    let Some(value) = holder.get(name).filter(|value| is_there(value)) else {
        let is_new = was.is_none_or(|was| was.is_some_and(is_there));
        return if attribute.required && is_new { Err(missing(name)) } else { Ok(()) };
    };
    let mut required = attribute.sub_attributes.iter().filter(|part| part.required).peekable();
    if required.peek().is_none() {
        return Ok(());
    }
    let elements = elements(value);
    let known = was.flatten().map(self::elements).unwrap_or_default();
    let required: Vec<&Attribute> = required.collect();
    for element in elements.iter().filter(|element| !known.contains(element)) {
        if let Some(part) = required.iter().find(|part| !element.get(part.name.as_ref()).is_some_and(is_there)) {
            return Err(missing(&format!("{name}.{}", part.name)));
        }
    }
    Ok(())
}

fn elements(value: &Value) -> &[Value] {
    match value {
        Value::Array(elements) => elements,
        one => std::slice::from_ref(one),
    }
}

fn is_there(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        value => !is_unassigned(value),
    }
}

fn missing(name: &str) -> ScimError {
    ScimError::value(format!("{name} is required")).by("rfc7643:7")
}
