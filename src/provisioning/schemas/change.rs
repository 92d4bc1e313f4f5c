//! What a new form of a schema does to the values that its old form allowed: a pure comparison.

use crate::protocol::scim::attribute::Attribute;
use crate::protocol::scim::schema::Schema;

/// The differences that matter to stored values. Whatever else differs (descriptions, canonical values, what is required,
/// returned or immutable) matters to the next request only.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Change {
    /// Attributes that were not there, as they are spelt now.
    pub added: Vec<String>,
    /// Attributes that are gone, as they were spelt.
    pub removed: Vec<String>,
    /// Attributes whose values would not be read, found or kept apart as they are now.
    pub reshaped: Vec<String>,
}

/// Compares two forms of a schema.
pub fn between(before: &Schema, after: &Schema) -> Change {
    let names = |schema: &Schema, other: &Schema| -> Vec<String> {
        let missing = schema.attributes.iter().filter(|attribute| other.attribute(&attribute.name).is_none());
        missing.map(|attribute| attribute.name.to_string()).collect()
    };
    let reshaped = before.attributes.iter().filter(|old| {
        after.attribute(&old.name).is_some_and(|new| {
            is_reshaped(old, new) || old.sub_attributes.iter().any(|part| is_part_reshaped(part, new.part(&part.name)))
        })
    });
    Change {
        added: names(after, before),
        removed: names(before, after),
        reshaped: reshaped.map(|attribute| attribute.name.to_string()).collect(),
    }
}

/// Another type, another number of values, another comparison, another range of uniqueness; or another spelling, under
/// which stored documents have it.
fn is_reshaped(old: &Attribute, new: &Attribute) -> bool {
    old.name != new.name
        || old.kind != new.kind
        || old.multi_valued != new.multi_valued
        || old.case_exact != new.case_exact
        || old.uniqueness != new.uniqueness
}

fn is_part_reshaped(old: &Attribute, new: Option<&Attribute>) -> bool {
    new.is_none_or(|new| is_reshaped(old, new))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Change, between};
    use crate::protocol::scim::schema::{Schema, definition};

    fn schema(attributes: Value) -> Schema {
        let body = json!({ "id": "urn:acme:User", "name": "Acme", "attributes": attributes });
        definition::read(body.as_object().unwrap(), "x1:".to_owned(), 10).unwrap()
    }

    #[test]
    fn only_what_stored_values_depend_on_is_a_change() {
        let before = schema(json!([{ "name": "badge" }, { "name": "site", "type": "complex",
            "subAttributes": [{ "name": "value" }, { "name": "floor", "type": "integer" }] }]));
        let of = |attributes: Value| between(&before, &schema(attributes));
        let site = |parts: Value| json!({ "name": "site", "type": "complex", "subAttributes": parts });
        let parts = json!([{ "name": "value" }, { "name": "floor", "type": "integer" }]);
        let same = json!([{ "name": "badge", "required": true, "returned": "request", "mutability": "immutable",
            "description": "x", "canonicalValues": ["a"] }, site(parts.clone())]);
        assert_eq!(of(same), Change::default());
        let reshaped = |names: &[&str]| Change {
            reshaped: names.iter().map(|name| (*name).to_owned()).collect(),
            ..Change::default()
        };
        for badge in [
            json!({ "name": "badge", "type": "integer" }),
            json!({ "name": "badge", "multiValued": true }),
            json!({ "name": "badge", "caseExact": true }),
            json!({ "name": "badge", "uniqueness": "server" }),
            json!({ "name": "Badge" }),
        ] {
            assert_eq!(of(json!([badge.clone(), site(parts.clone())])), reshaped(&["badge"]), "{badge}");
        }
        let fewer = json!([{ "name": "badge" }, site(json!([{ "name": "value" }]))]);
        assert_eq!(of(fewer), reshaped(&["site"]));
        let more = json!([{ "name": "value" }, { "name": "floor", "type": "integer" }, { "name": "room" }]);
        assert_eq!(of(json!([{ "name": "badge" }, site(more)])), Change::default());
        let other = of(json!([{ "name": "grade" }, site(parts)]));
        assert_eq!((other.added, other.removed), (vec!["grade".to_owned()], vec!["badge".to_owned()]));
    }
}
