//! RFC 7644, section 3.5.2: PATCH.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, fresh, lines, path};
use crate::scim::client::{PATCH, USER};
use crate::support::organization::text;

lines! {
    "7644 §3.5.2 L1805" => a_patch_is_a_patch_op,
    "7644 §3.5.2 L1808" => a_patch_has_operations,
    "7644 §3.5.2 L1810" => an_operation_has_one_op,
    "7644 §3.5.2 L1886" => an_operation_fits_its_attribute,
    "7644 §3.5.2 L1888" => what_is_read_only_is_not_patched,
    "7644 §3.5.2 L1926" => a_new_primary_value_takes_over,
    "7644 §3.5.2 L1931" => a_patch_is_atomic,
    "7644 §3.5.2 L1932" => after_an_error_all_is_as_before,
    "7644 §3.5.2 L1939" => a_patch_shows_the_resource,
    "7644 §3.5.2.1 L1972" => an_add_has_a_value,
    "7644 §3.5.2.1 L1987" => an_add_to_a_complex_attribute_names_its_parts,
    "7644 §3.5.2.1 L2001" => to_add_what_is_there_changes_nothing,
    "7644 §3.5.2.2 L2145" => a_removed_value_is_unassigned,
    "7644 §3.5.2.2 L2149" => an_attribute_without_its_last_value_is_unassigned,
    "7644 §3.5.2.2 L2166" => what_is_required_cannot_be_removed,
    "7644 §3.5.2.3 L2375" => to_replace_what_is_not_there_adds_it,
    "7644 §3.5.2.3 L2384" => a_replace_meets_every_value_that_matches,
    "7644 §3.5.2.3 L2394" => a_replace_without_a_match_has_no_target,
}

async fn patched(world: &World, user: &Value, operations: Value) -> Value {
    world.scim.patch(&path(user), operations).await.expect(200)
}

async fn a_patch_is_a_patch_op(world: &World) {
    let created = world.created(json!({})).await;
    let operations = json!([{ "op": "replace", "path": "title", "value": "x" }]);
    for schemas in [json!(null), json!([]), json!([USER])] {
        let body = json!({ "schemas": schemas, "Operations": operations });
        world.strict.call(Method::PATCH, &path(&created), Some(body)).await.refused(400, Some("invalidSyntax"));
    }
}

async fn a_patch_has_operations(world: &World) {
    let created = world.created(json!({})).await;
    for body in [
        json!({ "schemas": [PATCH] }),
        json!({ "schemas": [PATCH], "Operations": [] }),
        json!({ "schemas": [PATCH], "Operations": {} }),
    ] {
        world.strict.call(Method::PATCH, &path(&created), Some(body)).await.refused(400, Some("invalidSyntax"));
    }
}

async fn an_operation_has_one_op(world: &World) {
    let created = world.created(json!({})).await;
    for odd in [
        json!({ "path": "title", "value": "x" }),
        json!({ "op": "move", "path": "title", "value": "x" }),
        json!({ "op": ["add"], "path": "title" }),
    ] {
        world.scim.patch(&path(&created), json!([odd])).await.refused(400, Some("invalidSyntax"));
    }
}

async fn an_operation_fits_its_attribute(world: &World) {
    let created = world.created(json!({})).await;
    world
        .scim
        .patch(&path(&created), json!([{ "op": "replace", "path": "active", "value": "perhaps" }]))
        .await
        .refused(400, Some("invalidValue"));
    world
        .scim
        .patch(&path(&created), json!([{ "op": "add", "path": "nope", "value": "x" }]))
        .await
        .refused(400, Some("invalidPath"));
}

async fn what_is_read_only_is_not_patched(world: &World) {
    let created = world.created(json!({})).await;
    for attribute in ["id", "meta.version", "groups"] {
        let replace = json!([{ "op": "replace", "path": attribute, "value": "x" }]);
        world.strict.patch(&path(&created), replace).await.refused(400, Some("mutability"));
    }
    assert_eq!(world.get(&path(&created)).await, created);
}

async fn a_new_primary_value_takes_over(world: &World) {
    let created = world.created(json!({ "phoneNumbers": [{ "value": "1", "primary": true }, { "value": "2" }] })).await;
    let add = json!([{ "op": "add", "path": "phoneNumbers", "value": [{ "value": "3", "primary": true }] }]);
    let numbers = patched(world, &created, add).await["phoneNumbers"].clone();
    let primary: Vec<&Value> = numbers
        .as_array()
        .expect("numbers")
        .iter()
        .filter(|one| one["primary"] == json!(true))
        .map(|one| &one["value"])
        .collect();
    assert_eq!(primary, [&json!("3")], "{numbers}");
}

async fn a_patch_is_atomic(world: &World) {
    let created = world.created(json!({ "title": "old" })).await;
    let operations = json!([{ "op": "replace", "path": "title", "value": "new" }, { "op": "replace", "path": "active", "value": "perhaps" }]);
    world.scim.patch(&path(&created), operations).await.refused(400, Some("invalidValue"));
    assert_eq!(world.get(&path(&created)).await["title"], "old");
}

async fn after_an_error_all_is_as_before(world: &World) {
    let member = text(&world.created(json!({})).await, "id");
    let group = world.scim.group(&fresh("group"), &[&member]).await;
    let before = world.get(&format!("/Groups/{group}")).await;
    let operations = json!([
        { "op": "remove", "path": "members" },
        { "op": "replace", "path": "displayName", "value": "other" },
        { "op": "remove", "path": "displayName" },
    ]);
    world.scim.patch(&format!("/Groups/{group}"), operations).await.refused(400, Some("mutability"));
    assert_eq!(world.get(&format!("/Groups/{group}")).await, before);
}

async fn a_patch_shows_the_resource(world: &World) {
    let created = world.created(json!({})).await;
    let shown = patched(world, &created, json!([{ "op": "add", "path": "title", "value": "Countess" }])).await;
    assert_eq!(shown, world.get(&path(&created)).await);
    assert_eq!(shown["title"], "Countess");
}

async fn an_add_has_a_value(world: &World) {
    let created = world.created(json!({})).await;
    for odd in [json!({ "op": "add", "path": "title" }), json!({ "op": "add" })] {
        let reply = world.scim.patch(&path(&created), json!([odd])).await;
        assert_eq!(reply.status, 400, "{odd}: {}", reply.body);
    }
}

async fn an_add_to_a_complex_attribute_names_its_parts(world: &World) {
    let created = world.created(json!({ "name": { "givenName": "Ada" } })).await;
    let add = json!([{ "op": "add", "path": "name", "value": { "familyName": "Lovelace" } }]);
    assert_eq!(patched(world, &created, add).await["name"], json!({ "givenName": "Ada", "familyName": "Lovelace" }));
    world
        .scim
        .patch(&path(&created), json!([{ "op": "add", "path": "name", "value": "Ada" }]))
        .await
        .refused(400, Some("invalidValue"));
}

async fn to_add_what_is_there_changes_nothing(world: &World) {
    let created =
        world.created(json!({ "title": "Countess", "phoneNumbers": [{ "value": "1", "type": "work" }] })).await;
    let add = json!([
        { "op": "add", "path": "title", "value": "Countess" },
        { "op": "add", "path": "phoneNumbers", "value": [{ "value": "1", "type": "work" }] },
    ]);
    assert_eq!(patched(world, &created, add).await, created, "lastModified and version included");
}

async fn a_removed_value_is_unassigned(world: &World) {
    let created = world.created(json!({ "title": "Countess" })).await;
    let shown = patched(world, &created, json!([{ "op": "remove", "path": "title" }])).await;
    assert!(shown.get("title").is_none(), "{shown}");
}

async fn an_attribute_without_its_last_value_is_unassigned(world: &World) {
    let numbers = json!([{ "value": "1", "type": "work" }, { "value": "2", "type": "home" }]);
    let created = world.created(json!({ "phoneNumbers": numbers })).await;
    let one = patched(world, &created, json!([{ "op": "remove", "path": "phoneNumbers[type eq \"work\"]" }])).await;
    assert_eq!(one["phoneNumbers"], json!([{ "value": "2", "type": "home" }]));
    let none = patched(world, &created, json!([{ "op": "remove", "path": "phoneNumbers[type eq \"home\"]" }])).await;
    assert!(none.get("phoneNumbers").is_none(), "{none}");
}

async fn what_is_required_cannot_be_removed(world: &World) {
    let created = world.created(json!({})).await;
    for attribute in ["userName", "id"] {
        let remove = json!([{ "op": "remove", "path": attribute }]);
        world.strict.patch(&path(&created), remove).await.refused(400, Some("mutability"));
    }
}

async fn to_replace_what_is_not_there_adds_it(world: &World) {
    let created = world.created(json!({})).await;
    let replace = json!([{ "op": "replace", "path": "title", "value": "Countess" }, { "op": "replace", "path": "emails", "value": [{ "value": "r@acme.test" }] }]);
    let shown = patched(world, &created, replace).await;
    assert_eq!((&shown["title"], &shown["emails"]), (&json!("Countess"), &json!([{ "value": "r@acme.test" }])));
}

async fn a_replace_meets_every_value_that_matches(world: &World) {
    let numbers =
        json!([{ "value": "1", "type": "work" }, { "value": "2", "type": "work" }, { "value": "3", "type": "home" }]);
    let created = world.created(json!({ "phoneNumbers": numbers })).await;
    let replace = json!([{ "op": "replace", "path": "phoneNumbers[type eq \"work\"].display", "value": "desk" }]);
    let shown = patched(world, &created, replace).await["phoneNumbers"].clone();
    let desks = shown.as_array().expect("numbers").iter().filter(|one| one["display"] == "desk").count();
    assert_eq!((desks, shown[2].get("display")), (2, None), "{shown}");
}

async fn a_replace_without_a_match_has_no_target(world: &World) {
    let created = world.created(json!({ "phoneNumbers": [{ "value": "3", "type": "home" }] })).await;
    let replace = json!([{ "op": "replace", "path": "phoneNumbers[type eq \"fax\"].value", "value": "4" }]);
    world.strict.patch(&path(&created), replace).await.refused(400, Some("noTarget"));
    assert_eq!(world.get(&path(&created)).await, created);
}
