//! What a resource is related to, as the text of its answer: the members of a group, or the groups of a user.

use serde_json::Value;

use super::resource::{Related, Resource, endpoint, relation, type_name};
use crate::protocol::scim::projection::Projection;
use crate::store::resources::ResourceKind;

/// The array of relations as text, with the parts that the projection shows: a group of a hundred thousand members is not
/// made of as many JSON objects first. `None` when there is nothing to show.
pub(super) fn of(resource: &Resource, base: &str, projection: &Projection) -> Option<String> {
    let attribute = resource.resource_type.top(relation(resource.kind)).filter(|_| !resource.related.is_empty())?;
    let shows = |name| attribute.part(name).is_some_and(|part| projection.shows(attribute, part));
    let [value, reference, display, kind] = ["value", "$ref", "display", "type"].map(shows);
    let quoted = Value::from(base).to_string();
    let base = quoted.trim_matches('"');
    let mut text = String::with_capacity(resource.related.len().saturating_mul(base.len().saturating_add(128)));
    for related in &resource.related {
        let id = related.id.to_string();
        let start = text.len();
        let mut put = |parts: &[&str]| {
            text.push_str(if text.len() == start { if start == 0 { "[{" } else { ",{" } } else { "," });
            parts.iter().for_each(|part| text.push_str(part));
        };
        if value {
            put(&["\"value\":\"", &id, "\""]);
        }
        if reference {
            put(&["\"$ref\":\"", base, endpoint(related.kind), "/", &id, "\""]);
        }
        if let (true, Some(display)) = (display, &related.display) {
            put(&["\"display\":", &Value::from(display.as_str()).to_string()]);
        }
        if kind {
            put(&["\"type\":\"", type_of(resource, related), "\""]);
        }
        if text.len() > start {
            text.push('}');
        }
    }
    if text.is_empty() {
        return None;
    }
    text.push(']');
    Some(text)
}

/// What a relation says of its kind.
fn type_of(resource: &Resource, related: &Related) -> &'static str {
    match resource.kind {
        ResourceKind::User if related.is_direct => "direct",
        ResourceKind::User => "indirect",
        ResourceKind::Group => type_name(related.kind),
    }
}
