//! RFC 7644, sections 3.8 to 4: media types, projection, errors, versions, and what the server says about itself.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, lines, path};
use crate::support::organization::text;

lines! {
    "7644 §3.8 L3537" => json_is_utf_8,
    "7644 §3.8 L3551" => scim_json_is_accepted,
    "7644 §3.9 L3596" => chosen_attributes_keep_the_minimum,
    "7644 §3.12 L3707" => errors_are_json,
    "7644 §3.13 L3954" => another_version_is_refused,
    "7644 §3.14 L3965" => the_version_is_a_header,
    "7644 §4 L4066" => the_configuration_has_its_schema,
    "7644 §4 L4096" => all_schemas_are_listed,
    "7644 §4 L4123" => discovery_ignores_paging,
}

async fn json_is_utf_8(world: &World) {
    let created = world.created(json!({ "displayName": "Ådá Łovelace 愛" })).await;
    assert_eq!(world.get(&path(&created)).await["displayName"], "Ådá Łovelace 愛");
    let odd = world.scim.http.post(format!("{}/Users", world.scim.base)).bearer_auth(&world.scim.token);
    let odd = odd.header("content-type", "application/scim+json").body(b"{\"userName\":\"\xff\"}".to_vec());
    assert_eq!(odd.send().await.expect("an answer").status(), 400);
}

async fn scim_json_is_accepted(world: &World) {
    for accepted in ["application/scim+json", "application/json", "*/*"] {
        let reply = world.scim.with(Method::GET, "/Users?count=1", None, &[("accept", accepted)]).await;
        assert!(
            reply.headers["content-type"].to_str().expect("text").starts_with("application/scim+json"),
            "{accepted}"
        );
        reply.expect(200);
    }
}

async fn chosen_attributes_keep_the_minimum(world: &World) {
    let created = world.created(json!({ "title": "Countess" })).await;
    let shown = world.get(&format!("{}?attributes=title", path(&created))).await;
    let names: Vec<&String> = shown.as_object().expect("a resource").keys().collect();
    assert!(["schemas", "id", "title"].iter().all(|name| shown.get(*name).is_some()), "{names:?}");
    assert!(["userName", "meta", "active"].iter().all(|name| shown.get(*name).is_none()), "{names:?}");
}

async fn errors_are_json(world: &World) {
    for (method, path) in [
        (Method::GET, "/nope"),
        (Method::PATCH, "/Users"),
        (Method::GET, "/Users?filter=nope"),
        (Method::GET, "/Users/nope"),
    ] {
        let reply = world.scim.call(method, path, None).await;
        let (status, kind) = (reply.status.as_u16(), reply.body["scimType"].as_str().map(str::to_owned));
        reply.refused(status, kind.as_deref());
    }
}

async fn another_version_is_refused(world: &World) {
    let other = crate::scim::client::Scim { base: world.scim.base.replace("/v2/", "/v1/"), ..world.scim.clone() };
    let reply = other.call(Method::GET, "/Users", None).await;
    assert!([400, 404].contains(&reply.status.as_u16()), "{}", reply.status);
    let mut later = world.scim.clone();
    later.base = later.base.replace("/v2/", "/v3/");
    assert!([400, 404].contains(&later.call(Method::GET, "/Users", None).await.status.as_u16()));
}

async fn the_version_is_a_header(world: &World) {
    let created = world.created(json!({})).await;
    let reply = world.scim.call(Method::GET, &path(&created), None).await;
    assert_eq!(reply.headers["etag"].to_str().expect("text"), text(&reply.body["meta"], "version"));
    let stale = [("if-match", "W/\"999\"")];
    world.scim.with(Method::DELETE, &path(&created), None, &stale).await.refused(412, None);
}

async fn the_configuration_has_its_schema(world: &World) {
    let config = world.get("/ServiceProviderConfig").await;
    assert_eq!(config["schemas"], json!(["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"]));
}

async fn all_schemas_are_listed(world: &World) {
    let list = world.get("/Schemas").await;
    assert_eq!(list["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:ListResponse"]));
    let listed = list["Resources"].as_array().expect("schemas");
    assert_eq!(list["totalResults"], json!(listed.len()));
    assert!(listed.len() >= 3);
}

async fn discovery_ignores_paging(world: &World) {
    for document in ["/Schemas", "/ResourceTypes", "/ServiceProviderConfig"] {
        let whole: Value = world.get(document).await;
        for query in ["startIndex=2&count=1", "sortBy=id&sortOrder=descending", "attributes=id"] {
            assert_eq!(world.get(&format!("{document}?{query}")).await, whole, "{document}?{query}");
        }
    }
}
