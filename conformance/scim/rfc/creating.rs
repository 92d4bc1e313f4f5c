//! RFC 7644, sections 2 to 3.3: who may come in, which endpoints there are, and how a resource is created.

use reqwest::Method;
use serde_json::json;

use super::{World, fresh, lines, path, user};
use crate::scim::client::{Scim, USER};
use crate::support::organization::text;

lines! {
    "7644 §2 L307" => a_refusal_says_how_to_authenticate,
    "7644 §3.1 L434" => messages_have_their_prefix,
    "7644 §3.1 L438" => messages_are_no_schemas,
    "7644 §3.2 L489" => put_creates_nothing,
    "7644 §3.3 L583" => read_only_values_are_ignored_in_post,
    "7644 §3.3 L601" => a_creation_is_answered_201,
    "7644 §3.3 L603" => a_creation_shows_the_resource,
    "7644 §3.3 L604" => a_creation_says_where,
    "7644 §3.3 L623" => a_second_one_of_a_name_is_409,
    "7644 §3.3.1 L711" => the_type_is_the_endpoints,
}

async fn a_refusal_says_how_to_authenticate(world: &World) {
    let stranger = Scim { token: String::new(), ..world.scim.clone() };
    let reply = stranger.call(Method::GET, "/Users", None).await;
    assert!(reply.headers["www-authenticate"].to_str().expect("text").starts_with("Bearer"));
    reply.refused(401, None);
}

async fn messages_have_their_prefix(world: &World) {
    let reply = world.scim.call(Method::GET, "/Users/nope", None).await;
    for schema in [&reply.body["schemas"][0], &world.get("/Users?count=0").await["schemas"][0]] {
        assert!(
            schema.as_str().is_some_and(|urn| urn.starts_with("urn:ietf:params:scim:api:messages:2.0:")),
            "{schema}"
        );
    }
}

async fn messages_are_no_schemas(world: &World) {
    let listed = world.get("/Schemas").await["Resources"].to_string();
    assert!(listed.len() > 100 && !listed.contains("urn:ietf:params:scim:api:messages"), "{listed}");
    world
        .scim
        .call(Method::GET, "/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp", None)
        .await
        .refused(404, None);
}

async fn put_creates_nothing(world: &World) {
    let name = format!("{}@acme.test", fresh("put"));
    let body = user(json!({ "userName": name }));
    world.scim.call(Method::PUT, "/Users/01900000-0000-7000-8000-000000000000", Some(body)).await.refused(404, None);
    assert!(world.found(&format!("userName eq \"{name}\"")).await.is_empty());
}

async fn read_only_values_are_ignored_in_post(world: &World) {
    let created = world.created(json!({ "id": "x", "meta": { "created": "1999-01-01T00:00:00Z" } })).await;
    assert!(created["id"] != "x" && created["meta"]["created"] != "1999-01-01T00:00:00Z", "{created}");
}

async fn a_creation_is_answered_201(world: &World) {
    world.scim.call(Method::POST, "/Users", Some(user(json!({})))).await.expect(201);
}

async fn a_creation_shows_the_resource(world: &World) {
    let created = world.created(json!({ "displayName": "Ada" })).await;
    assert_eq!(created, world.get(&path(&created)).await);
}

async fn a_creation_says_where(world: &World) {
    let reply = world.scim.call(Method::POST, "/Users", Some(user(json!({})))).await;
    let location = reply.headers["location"].to_str().expect("text").to_owned();
    let created = reply.expect(201);
    assert_eq!(created["meta"]["location"], location.as_str());
    assert_eq!(location, format!("{}/Users/{}", world.scim.base, text(&created, "id")));
}

async fn a_second_one_of_a_name_is_409(world: &World) {
    let created = world.created(json!({})).await;
    let same = user(json!({ "userName": text(&created, "userName").to_uppercase() }));
    world.scim.call(Method::POST, "/Users", Some(same)).await.refused(409, Some("uniqueness"));
}

async fn the_type_is_the_endpoints(world: &World) {
    let created = world.created(json!({ "meta": { "resourceType": "Group" } })).await;
    assert_eq!(created["meta"]["resourceType"], "User");
    let group = world.scim.group(&fresh("group"), &[]).await;
    let group = world.get(&format!("/Groups/{group}")).await;
    assert_eq!(group["meta"]["resourceType"], "Group");
    assert_ne!(group["schemas"], json!([USER]));
}
