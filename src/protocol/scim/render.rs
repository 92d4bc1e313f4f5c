//! Puts a stored document and what the gateway knows beside it together into the text of an answer, without parsing
//! the document again.

use std::fmt::Write as _;

use serde_json::Value;

use super::etag;
use super::json::Object;
use crate::values::clock::Timestamp;

/// What stands beside a document.
#[derive(Debug, Clone)]
pub struct Envelope<'e> {
    /// The id.
    pub id: &'e str,
    /// `User` or `Group`.
    pub resource_type: &'e str,
    /// When the resource was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// Its version.
    pub version: i64,
    /// Its URI.
    pub location: &'e str,
    /// The URN of a computed extension that the answer has and the stored document does not.
    pub extension: Option<&'e str>,
}

/// The document as it is stored: JSON text without what is kept in columns.
pub fn stored_text(document: &Object) -> String {
    Value::Object(document.clone()).to_string()
}

/// The text of an object with one more member, given as JSON text; the name is not escaped.
pub fn with(mut object: String, name: &str, value: &str) -> String {
    let closing = object.trim_end().len().saturating_sub(1);
    object.truncate(closing);
    object.reserve_exact(name.len().saturating_add(value.len()).saturating_add(6));
    object.push_str(if object.trim_end().ends_with('{') { "\"" } else { ",\"" });
    object.push_str(name);
    object.push_str("\":");
    object.push_str(value);
    object.push('}');
    object
}

/// The whole resource. `computed` is a list of further members, each as name and JSON text; names are not escaped.
pub fn resource(stored: &str, computed: &[(&str, String)], envelope: &Envelope<'_>) -> String {
    let inner = stored.trim().strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or_default();
    let extra: usize = computed.iter().map(|(name, text)| name.len().saturating_add(text.len())).sum();
    let mut text = String::with_capacity(stored.len().saturating_add(extra).saturating_add(400));
    text.push_str("{\"id\":\"");
    text.push_str(envelope.id);
    text.push('"');
    if !inner.is_empty() {
        text.push(',');
        // A URN holds no bracket, and `schemas` comes first (`document::finish`).
        match (envelope.extension, inner.starts_with("\"schemas\":[").then(|| inner.split_once(']')).flatten()) {
            (Some(urn), Some((schemas, rest))) => {
                text.push_str(schemas);
                text.push_str(",\"");
                text.push_str(urn);
                text.push_str("\"]");
                text.push_str(rest);
            }
            _ => text.push_str(inner),
        }
    }
    for (name, value) in computed {
        text.push_str(",\"");
        text.push_str(name);
        text.push_str("\":");
        text.push_str(value);
    }
    let version = etag::of(envelope.version).replace('"', "\\\"");
    // Writing into a String cannot fail.
    let _ = write!(
        text,
        ",\"meta\":{{\"resourceType\":\"{}\",\"created\":\"{}\",\"lastModified\":\"{}\",\"location\":{},\"version\":\"{version}\"}}}}",
        envelope.resource_type,
        envelope.created_at,
        envelope.updated_at,
        Value::from(envelope.location),
    );
    text
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Envelope, resource, stored_text};
    use crate::values::clock::Timestamp;

    #[test]
    fn the_parts_make_one_document() {
        let document = json!({ "schemas": ["s"], "userName": "a\"d}a{" });
        let envelope = Envelope {
            id: "1",
            resource_type: "User",
            created_at: Timestamp::from_seconds(0),
            updated_at: Timestamp::from_seconds(1),
            version: 2,
            location: "https://x.test/Users/1",
            extension: Some("urn:x"),
        };
        let computed = [("active", "true".to_owned()), ("urn:x", "{\"a\":1}".to_owned())];
        let text = resource(&stored_text(document.as_object().unwrap()), &computed, &envelope);
        let read: Value = serde_json::from_str(&text).unwrap();
        let wanted = json!({
            "id": "1", "schemas": ["s", "urn:x"], "userName": "a\"d}a{", "active": true, "urn:x": { "a": 1 },
            "meta": { "resourceType": "User", "created": "1970-01-01T00:00:00.000Z",
                "lastModified": "1970-01-01T00:00:01.000Z", "location": "https://x.test/Users/1", "version": "W/\"2\"" }
        });
        assert_eq!(read, wanted);
    }
}
