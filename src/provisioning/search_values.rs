//! Which values of a document are searchable, and under which path: every leaf that has no column of its own.

use serde_json::Value;

use crate::protocol::scim::attribute::{Attribute, Kind, Uniqueness};
use crate::protocol::scim::comparison;
use crate::protocol::scim::error::ScimError;
use crate::protocol::scim::json::Object;
use crate::protocol::scim::resource_type::ResourceType;
use crate::store::resource_values::SearchValue;
use crate::store::unique_values::UniqueValue;

/// Attributes at the top of a document that stand in columns or rows of their own.
pub const IN_COLUMNS: [&str; 7] = ["schemas", "id", "externalId", "userName", "displayName", "active", "meta"];

/// The longest value that is unique.
const MAX_UNIQUE_CHARS: usize = 256;

/// The longest text that stands in an index of its own.
const MAX_INDEXED_CHARS: usize = 256;

/// A text attribute that stands in a column, within the length that an index takes.
pub(super) fn column(document: &Object, name: &str) -> Result<Option<String>, ScimError> {
    match document.get(name).and_then(Value::as_str) {
        Some(text) if text.chars().count() > MAX_INDEXED_CHARS => {
            Err(ScimError::value(format!("{name} is longer than {MAX_INDEXED_CHARS} characters")))
        }
        found => Ok(found.map(str::to_owned)),
    }
}

/// The searchable values of a document in canonical form.
pub fn of(document: &Object, resource_type: &ResourceType) -> Vec<SearchValue> {
    let mut found = Vec::new();
    for (name, value) in document {
        if let Some(schema) = resource_type.extension(name) {
            let Value::Object(members) = value else { continue };
            for (name, value) in members {
                if let Some(attribute) = schema.attribute(name) {
                    collect(&mut found, &format!("{}{}", schema.search_prefix, attribute.name), attribute, value);
                }
            }
        } else if !IN_COLUMNS.contains(&name.as_str())
            && let Some(attribute) = resource_type.top(name)
        {
            collect(&mut found, &attribute.name, attribute, value);
        }
    }
    found
}

/// The values of a document that no other resource of the organization may have, beside the user name.
pub fn unique(document: &Object, resource_type: &ResourceType) -> Result<Vec<UniqueValue>, ScimError> {
    let mut found: Vec<UniqueValue> = Vec::new();
    for extension in &resource_type.extensions {
        let schema = &extension.schema;
        let Some(Value::Object(container)) = document.get(schema.id.as_ref()) else { continue };
        for attribute in schema.attributes.iter().filter(|attribute| attribute.uniqueness != Uniqueness::None) {
            let Some(value) = container.get(attribute.name.as_ref()) else { continue };
            let values = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
            for key in values.iter().filter_map(|value| comparison::key(attribute.kind, attribute.case_exact, value)) {
                if key.chars().count() > MAX_UNIQUE_CHARS {
                    let detail = format!("{} is longer than {MAX_UNIQUE_CHARS} characters", attribute.name);
                    return Err(ScimError::value(detail));
                }
                let value = UniqueValue { path: format!("{}{}", schema.search_prefix, attribute.name), key };
                if !found.contains(&value) {
                    found.push(value);
                }
            }
        }
    }
    Ok(found)
}

fn collect(found: &mut Vec<SearchValue>, path: &str, attribute: &Attribute, value: &Value) {
    let elements = match value {
        Value::Array(elements) => elements.as_slice(),
        one => std::slice::from_ref(one),
    };
    for (position, element) in elements.iter().enumerate() {
        let position = i32::try_from(position).unwrap_or(i32::MAX);
        match element {
            Value::Object(parts) => collect_parts(found, path, attribute, parts, position),
            leaf => {
                if let Some(key) = comparison::key(attribute.kind, attribute.case_exact, leaf) {
                    found.push(plain(path.to_owned(), position, key));
                }
            }
        }
    }
}

/// The parts of one element. Its type and primary flag stand beside every part; they get a row of their own only when
/// the element has nothing else.
fn collect_parts(found: &mut Vec<SearchValue>, path: &str, attribute: &Attribute, parts: &Object, position: i32) {
    let key_of = |name: &str| {
        let part = attribute.part(name)?;
        comparison::key(part.kind, part.case_exact, parts.get(part.name.as_ref())?)
    };
    let element_type = if has_beside(attribute, "type") { key_of("type") } else { None };
    let element_primary =
        if has_beside(attribute, "primary") { key_of("primary").map(|key| key == "true") } else { None };
    let beside = |value: SearchValue| SearchValue { element_type: element_type.clone(), element_primary, ..value };
    let before = found.len();
    for part in attribute.sub_attributes.iter().filter(|part| !has_beside(attribute, &part.name)) {
        if let Some(key) = key_of(&part.name) {
            found.push(beside(plain(format!("{path}.{}", part.name), position, key)));
        }
    }
    if found.len() == before
        && let Some((name, key)) = ["type", "primary"].iter().find_map(|name| Some((name, key_of(name)?)))
    {
        found.push(beside(plain(format!("{path}.{name}"), position, key)));
    }
}

/// True for a part that stands beside the others instead of in a row of its own.
pub fn has_beside(attribute: &Attribute, part: &str) -> bool {
    attribute.multi_valued
        && match part {
            "type" => attribute.part("type").is_some_and(|part| part.kind == Kind::String),
            "primary" => attribute.part("primary").is_some_and(|part| part.kind == Kind::Boolean),
            _ => false,
        }
}

fn plain(path: String, element: i32, key: String) -> SearchValue {
    SearchValue { path, element, key, element_type: None, element_primary: None }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::of;
    use crate::protocol::scim::resource_type::user;

    #[test]
    fn every_leaf_without_a_column_is_searchable() {
        let document = json!({
            "userName": "ada",
            "name": { "givenName": "Ada" },
            "emails": [{ "value": "A@b.test", "type": "Work", "primary": true }, { "type": "home" }],
            "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
                { "department": "R&D", "manager": { "value": "M" } }
        });
        let found: Vec<String> = of(document.as_object().unwrap(), user())
            .into_iter()
            .map(|v| format!("{}[{}]={} {:?} {:?}", v.path, v.element, v.key, v.element_type, v.element_primary))
            .collect();
        assert_eq!(
            found,
            [
                "name.givenName[0]=ada None None",
                "emails.value[0]=a@b.test Some(\"work\") Some(true)",
                "emails.type[1]=home Some(\"home\") None",
                "enterprise:department[0]=r&d None None",
                "enterprise:manager.value[0]=m None None",
            ]
        );
    }
}
