//! What a list is sorted by (RFC 7644, section 3.4.2.3).

use super::attribute::{Kind, Mutability};
use super::comparison;
use super::error::ScimError;
use super::filter::ast::Target;
use super::json::Object;
use super::resource_type::{Located, Place, ResourceType};

/// Which way a list runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Small values first.
    Ascending,
    /// Great values first.
    Descending,
}

impl Order {
    /// "If a value for 'sortBy' is provided and no 'sortOrder' is specified, 'sortOrder' SHALL default to ascending."
    pub fn read(text: Option<&str>) -> Result<Self, ScimError> {
        match text.map(str::trim) {
            None | Some("") => Ok(Self::Ascending),
            Some(text) if text.eq_ignore_ascii_case("ascending") => Ok(Self::Ascending),
            Some(text) if text.eq_ignore_ascii_case("descending") => Ok(Self::Descending),
            Some(_) => Err(ScimError::value("sortOrder is ascending or descending")),
        }
    }
}

/// The leaf that `sort_by` names: a complex attribute is sorted by its `value`. `None` when the type has no attribute
/// of this name.
pub fn target(sort_by: &str, resource_type: &ResourceType) -> Result<Option<Target>, ScimError> {
    let at = match resource_type.find(sort_by.trim()) {
        Some(Place::Attribute(at)) => at,
        Some(Place::Extension(_)) => return Err(ScimError::value("sortBy names a schema, not an attribute")),
        None => return Ok(None),
    };
    let leaf = at.part.unwrap_or(at.attribute);
    if leaf.mutability == Mutability::WriteOnly {
        return Err(ScimError::value(format!("{} cannot be sorted by", leaf.name)));
    }
    let part = match (leaf.kind, at.attribute.part("value")) {
        (Kind::Complex, Some(value)) => Some(value),
        (Kind::Complex, None) => {
            return Err(ScimError::value(format!("{} is sorted by one of its sub-attributes", leaf.name)));
        }
        _ => at.part,
    };
    Ok(Some(Target::of(Located { part, ..at })))
}

/// Sorts documents by a leaf whose attribute has one value. What has no value is last on the way up and first on the way down;
/// one order is the other reversed.
pub fn documents(documents: &mut [Object], by: &Target, order: Order) {
    documents.sort_by_cached_key(|document| {
        let held = document.get(&by.attribute);
        let leaf = by.part.as_ref().map_or(held, |part| held?.get(part));
        let key = leaf.and_then(|value| comparison::key(by.kind, by.case_exact, value));
        (key.is_none(), key)
    });
    if order == Order::Descending {
        documents.reverse();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Order, documents, target};
    use crate::protocol::scim::assignable::AssignableKind;
    use crate::protocol::scim::json::Object;
    use crate::protocol::scim::resource_type::{group, user};

    #[test]
    fn names_are_found_in_any_case_with_or_without_their_urn() {
        let path = |name: &str| target(name, user()).unwrap().map(|found| found.leaf_path());
        assert_eq!(path("USERNAME").as_deref(), Some("userName"));
        assert_eq!(path("emails").as_deref(), Some("emails.value"));
        assert_eq!(path("emails.type").as_deref(), Some("emails.type"));
        assert_eq!(
            path("urn:ietf:params:scim:schemas:core:2.0:User:name.familyName").as_deref(),
            Some("name.familyName")
        );
        let enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
        assert_eq!(path(&format!("{enterprise}:manager")).as_deref(), Some("enterprise:manager.value"));
        assert_eq!(path("nope"), None);
        assert_eq!(target("userName", group()).unwrap(), None);
        for wrong in ["name", "password", enterprise] {
            assert!(target(wrong, user()).is_err(), "{wrong}");
        }
    }

    #[test]
    fn ascending_is_the_default() {
        assert_eq!(Order::read(None), Ok(Order::Ascending));
        assert_eq!(Order::read(Some("DESCENDING")), Ok(Order::Descending));
        assert!(Order::read(Some("down")).is_err());
    }

    #[test]
    fn documents_without_a_value_are_last_on_the_way_up_and_first_on_the_way_down() {
        let kind = AssignableKind::Role.resource_type();
        let texts = [("b", Some("Sales")), ("a", None), ("d", Some("dev")), ("c", Some("sales"))];
        let role = |(value, kind): (&str, Option<&str>)| -> Object {
            let whole = json!({ "value": value, "type": kind, "meta": { "location": value } });
            whole.as_object().unwrap().clone()
        };
        let sorted = |by: &str, order| -> String {
            let mut all: Vec<Object> = texts.into_iter().map(role).collect();
            documents(&mut all, &target(by, kind).unwrap().unwrap(), order);
            all.iter().map(|one| one["value"].as_str().unwrap()).collect()
        };
        assert_eq!(sorted("value", Order::Ascending), "abcd");
        assert_eq!(sorted("VALUE", Order::Descending), "dcba");
        assert_eq!(sorted("type", Order::Ascending), "dbca");
        assert_eq!(sorted("type", Order::Descending), "acbd");
        assert_eq!(sorted("meta.location", Order::Descending), "dcba");
    }
}
