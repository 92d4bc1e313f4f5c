//! What is written once (RFC 7643, section 7), by a schema that an organization brought along.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{object, run};
use crate::protocol::scim::document;
use crate::protocol::scim::error::ScimType;
use crate::protocol::scim::immutable;
use crate::protocol::scim::limits::Limits;
use crate::protocol::scim::resource_type::{Extension, ResourceType, user};
use crate::protocol::scim::schema::definition;
use crate::protocol::scim::tolerance::Profile;
use crate::protocol::scim::validation::Rules;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const BADGES: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";

fn with_badges() -> ResourceType {
    let schema = json!({ "id": BADGES, "name": "Badges", "attributes": [
        { "name": "number", "mutability": "immutable" },
        { "name": "desk", "type": "complex", "subAttributes": [
            { "name": "building", "mutability": "immutable" }, { "name": "floor" }] },
        { "name": "keys", "type": "complex", "multiValued": true, "subAttributes": [
            { "name": "value", "mutability": "immutable", "required": true }, { "name": "type" }] },
    ] });
    let schema = definition::read(schema.as_object().unwrap(), "x1:".to_owned(), 10).unwrap();
    user().with(vec![Extension { schema: Arc::new(schema), required: false }])
}

fn bob() -> Value {
    json!({
        "schemas": [USER, BADGES],
        "userName": "bob",
        BADGES: {
            "number": "7",
            "desk": { "building": "A", "floor": "1" },
            "keys": [{ "value": "k1", "type": "door" }]
        }
    })
}

fn patched(operations: Value) -> Result<Value, ScimType> {
    run(Profile::Standard, bob(), &with_badges(), operations).map(|patched| Value::Object(patched.document))
}

#[test]
fn rfc7643_7_a_patch_changes_nothing_that_is_immutable() {
    let at = |path: &str| format!("{BADGES}:{path}");
    for operation in [
        json!({ "op": "replace", "path": at("number"), "value": "8" }),
        json!({ "op": "remove", "path": at("number") }),
        json!({ "op": "replace", "path": at("desk.building"), "value": "B" }),
        json!({ "op": "replace", "path": at("desk"), "value": { "building": "B" } }),
        json!({ "op": "remove", "path": at("desk") }),
        json!({ "op": "replace", "path": at("keys[type eq \"door\"].value"), "value": "k2" }),
        json!({ "op": "remove", "path": BADGES }),
    ] {
        assert_eq!(patched(json!([operation])), Err(ScimType::Mutability), "{operation}");
    }
    let mut moved = bob();
    moved[BADGES]["desk"]["floor"] = json!("2");
    assert_eq!(patched(json!([{ "op": "replace", "path": at("desk.floor"), "value": "2" }])), Ok(moved));
    assert_eq!(patched(json!([{ "op": "add", "path": at("number"), "value": "7" }])), Ok(bob()));
}

#[test]
fn rfc7644_3_5_2_each_operation_is_held_to_it_even_if_a_later_one_goes_back() {
    let to = |path: &str, value: &str| json!({ "op": "replace", "path": format!("{BADGES}:{path}"), "value": value });
    assert_eq!(patched(json!([to("number", "8"), to("number", "7")])), Err(ScimType::Mutability));
    let there_and_back = json!([to("desk.building", "B"), to("desk.building", "A")]);
    assert_eq!(patched(there_and_back), Err(ScimType::Mutability));
}

#[test]
fn a_base_schema_is_held_to_it_as_well() {
    let schema = with_badges().extensions.pop().unwrap().schema;
    let device = ResourceType::new("Device", "/Devices", "Device", schema.as_ref().clone());
    let (before, after) = (object(json!({ "number": "7" })), object(json!({ "number": "8" })));
    assert_eq!(immutable::check(&before, &after, &device).map_err(|e| e.scim_type), Err(ScimType::Mutability));
    assert_eq!(immutable::check(&before, &before, &device), Ok(()));
}

#[test]
fn rfc7644_3_5_1_a_put_keeps_what_is_immutable() {
    let put = |container: Value| {
        let mut replacement = object(json!({ "schemas": [USER, BADGES], "userName": "bob", BADGES: container }));
        immutable::keep(&object(bob()), &mut replacement, &with_badges()).map_err(|error| error.scim_type)?;
        Ok(replacement.get(BADGES).cloned().unwrap())
    };
    let kept = put(json!({ "desk": { "floor": "2" } })).unwrap();
    assert_eq!((&kept["number"], &kept["desk"]), (&json!("7"), &json!({ "floor": "2", "building": "A" })));
    assert_eq!(put(json!({ "number": "8" })), Err(ScimType::Mutability));
    assert_eq!(put(json!({ "desk": { "building": "B" } })), Err(ScimType::Mutability));
}

#[test]
fn an_element_has_the_parts_that_its_schema_requires() {
    let rules = Rules::new(Profile::Standard.tolerance(), Limits::default());
    let with = |keys: Value| {
        let body = object(json!({ "schemas": [USER, BADGES], "userName": "bob", BADGES: { "keys": keys } }));
        let draft = document::read(body, &with_badges(), &rules)?;
        crate::protocol::scim::required::check_extensions(&draft.document, None, &with_badges())
    };
    assert_eq!(with(json!([{ "value": "k1" }])), Ok(()));
    assert_eq!(with(json!([{ "type": "door" }])).map_err(|error| error.scim_type), Err(ScimType::InvalidValue));
}
