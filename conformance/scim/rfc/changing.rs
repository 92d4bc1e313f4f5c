//! RFC 7644, sections 3.5 and 3.5.1: PUT.

use reqwest::Method;
use serde_json::json;

use super::{World, fresh, lines, path, user};
use crate::scim::client::{GROUP, USER};
use crate::support::organization::text;

lines! {
    "7644 §3.5 L1606" => put_is_supported,
    "7644 §3.5 L1608" => patch_is_supported,
    "7644 §3.5.1 L1636" => put_makes_no_resource,
    "7644 §3.5.1 L1644" => put_replaces_what_can_be_written,
    "7644 §3.5.1 L1659" => put_keeps_what_is_immutable,
    "7644 §3.5.1 L1665" => put_ignores_what_is_read_only,
    "7644 §3.5.1 L1667" => put_needs_what_is_required,
}

async fn put_is_supported(world: &World) {
    let created = world.created(json!({})).await;
    let name = text(&created, "userName");
    let body = user(json!({ "userName": name, "title": "Countess" }));
    assert_eq!(world.scim.call(Method::PUT, &path(&created), Some(body)).await.expect(200)["title"], "Countess");
}

async fn patch_is_supported(world: &World) {
    assert_eq!(world.get("/ServiceProviderConfig").await["patch"]["supported"], true);
}

async fn put_makes_no_resource(world: &World) {
    let id = "01900000-0000-7000-8000-000000000001";
    world.scim.call(Method::PUT, &format!("/Users/{id}"), Some(user(json!({ "id": id })))).await.refused(404, None);
    world.scim.call(Method::GET, &format!("/Users/{id}"), None).await.refused(404, None);
    world.scim.call(Method::PUT, "/Users", Some(user(json!({})))).await.refused(405, None);
}

async fn put_replaces_what_can_be_written(world: &World) {
    let created = world.created(json!({ "title": "old", "nickName": "gone" })).await;
    let body = user(json!({ "userName": text(&created, "userName"), "title": "new", "password": "other" }));
    let replaced = world.scim.call(Method::PUT, &path(&created), Some(body)).await.expect(200);
    assert_eq!((&replaced["title"], replaced.get("nickName")), (&json!("new"), None));
}

async fn put_keeps_what_is_immutable(world: &World) {
    // The members of a group are its only immutable values; a PUT names them anew, and changes none of them.
    let member = text(&world.created(json!({})).await, "id");
    let group = world.scim.group(&fresh("group"), &[&member]).await;
    let body = json!({ "schemas": [GROUP], "displayName": fresh("group"), "members": [{ "value": member }] });
    world.scim.call(Method::PUT, &format!("/Groups/{group}"), Some(body)).await.expect(200);
    assert_eq!(world.scim.members(&group).await, [member]);
}

async fn put_ignores_what_is_read_only(world: &World) {
    let created = world.created(json!({})).await;
    let meta = json!({ "created": "1999-01-01T00:00:00Z" });
    let body =
        user(json!({ "userName": text(&created, "userName"), "id": "x", "meta": meta, "groups": [{ "value": "x" }] }));
    let replaced = world.scim.call(Method::PUT, &path(&created), Some(body)).await.expect(200);
    assert_eq!((&replaced["id"], &replaced["meta"]["created"]), (&created["id"], &created["meta"]["created"]));
    assert!(replaced.get("groups").is_none());
}

async fn put_needs_what_is_required(world: &World) {
    let created = world.created(json!({})).await;
    let body = json!({ "schemas": [USER], "displayName": "Ada" });
    world.scim.call(Method::PUT, &path(&created), Some(body)).await.refused(400, Some("invalidValue"));
    assert_eq!(world.get(&path(&created)).await["userName"], created["userName"]);
}
