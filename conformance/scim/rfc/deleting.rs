//! RFC 7644, sections 3.6 and 3.7: DELETE and Bulk.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, fresh, lines, path, user};
use crate::scim::client::GROUP;
use crate::support::organization::text;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";

lines! {
    "7644 §3.6 L2641" => what_is_deleted_is_gone,
    "7644 §3.6 L2644" => what_is_deleted_is_not_found,
    "7644 §3.6 L2657" => a_deletion_is_answered_204,
    "7644 §3.7 L2775" => a_bulk_is_answered_200,
    "7644 §3.7 L2779" => a_bulk_goes_on_after_a_failure,
    "7644 §3.7 L2789" => a_bulk_id_comes_back,
    "7644 §3.7.1 L2814" => circular_references_are_resolved,
    "7644 §3.7.3 L3201" => every_operation_has_its_result,
    "7644 §3.7.3 L3205" => every_result_has_its_status,
    "7644 §3.7.4 L3495" => the_limits_of_a_bulk_are_announced,
    "7644 §3.7.4 L3498" => a_bulk_over_its_limits_is_413,
}

async fn what_is_deleted_is_gone(world: &World) {
    let created = world.created(json!({})).await;
    world.scim.call(Method::DELETE, &path(&created), None).await.expect(204);
    for (method, body) in [(Method::GET, None), (Method::DELETE, None), (Method::PUT, Some(user(json!({}))))] {
        world.scim.call(method, &path(&created), body).await.refused(404, None);
    }
    world.scim.patch(&path(&created), json!([{ "op": "add", "path": "title", "value": "x" }])).await.refused(404, None);
}

async fn what_is_deleted_is_not_found(world: &World) {
    let created = world.created(json!({})).await;
    let filter = format!("userName eq \"{}\"", text(&created, "userName"));
    assert_eq!(world.found(&filter).await.len(), 1);
    world.scim.call(Method::DELETE, &path(&created), None).await.expect(204);
    assert!(world.found(&filter).await.is_empty());
}

async fn a_deletion_is_answered_204(world: &World) {
    let created = world.created(json!({})).await;
    assert_eq!(world.scim.call(Method::DELETE, &path(&created), None).await.expect(204), Value::Null);
}

async fn bulk(world: &World, operations: Value) -> Value {
    let body = json!({ "schemas": [BULK], "Operations": operations });
    world.scim.call(Method::POST, "/Bulk", Some(body)).await.expect(200)
}

fn post(bulk_id: &str, data: Value) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": bulk_id, "data": data })
}

async fn a_bulk_is_answered_200(world: &World) {
    let answer = bulk(world, json!([post("a", user(json!({})))])).await;
    assert_eq!(answer["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
    assert_eq!(answer["Operations"][0]["status"], "201");
}

async fn a_bulk_goes_on_after_a_failure(world: &World) {
    let answer = bulk(world, json!([post("a", json!({ "userName": "" })), post("b", user(json!({})))])).await;
    assert_eq!(
        (&answer["Operations"][0]["status"], &answer["Operations"][1]["status"]),
        (&json!("400"), &json!("201"))
    );
    let stop = json!({ "schemas": [BULK], "failOnErrors": 1, "Operations": [post("a", json!({ "userName": "" })), post("b", user(json!({})))] });
    let answer = world.scim.call(Method::POST, "/Bulk", Some(stop)).await.expect(200);
    assert_eq!(answer["Operations"].as_array().map(Vec::len), Some(1), "{answer}");
}

async fn a_bulk_id_comes_back(world: &World) {
    let answer = bulk(world, json!([post("qwerty", user(json!({})))])).await;
    assert_eq!(answer["Operations"][0]["bulkId"], "qwerty");
    let location = text(&answer["Operations"][0], "location");
    assert!(location.starts_with(&format!("{}/Users/", world.scim.base)), "{location}");
}

async fn circular_references_are_resolved(world: &World) {
    let manager = |of: &str| json!({ "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "manager": { "value": format!("bulkId:{of}") } } });
    let answer = bulk(world, json!([post("a", user(manager("b"))), post("b", user(manager("a")))])).await;
    let location =
        |index: usize| text(&answer["Operations"][index], "location").rsplit('/').next().unwrap_or_default().to_owned();
    let shown = world.get(&format!("/Users/{}", location(0))).await;
    assert_eq!(shown["urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]["manager"]["value"], location(1));
}

async fn every_operation_has_its_result(world: &World) {
    let created = world.created(json!({})).await;
    let group = json!({ "schemas": [GROUP], "displayName": fresh("group"), "members": [{ "value": "bulkId:u" }] });
    let answer = bulk(
        world,
        json!([
            { "method": "POST", "path": "/Groups", "bulkId": "g", "data": group },
            post("u", user(json!({}))),
            { "method": "DELETE", "path": path(&created) },
            { "method": "DELETE", "path": "/Users/01900000-0000-7000-8000-000000000000" },
        ]),
    )
    .await;
    let statuses: Vec<&str> =
        answer["Operations"].as_array().expect("results").iter().filter_map(|one| one["status"].as_str()).collect();
    assert_eq!(statuses, ["201", "201", "204", "404"], "{answer:#}");
}

async fn every_result_has_its_status(world: &World) {
    let answer = bulk(world, json!([post("a", json!({}))])).await;
    let result = &answer["Operations"][0];
    assert_eq!((&result["status"], &result["response"]["status"]), (&json!("400"), &json!("400")));
    assert!(result.get("location").is_none(), "a failed POST has none: {result}");
}

async fn the_limits_of_a_bulk_are_announced(world: &World) {
    let announced = world.get("/ServiceProviderConfig").await["bulk"].clone();
    assert_eq!(announced["supported"], true);
    assert!(announced["maxOperations"].as_u64() > Some(0) && announced["maxPayloadSize"].as_u64() > Some(0));
}

async fn a_bulk_over_its_limits_is_413(world: &World) {
    let most = world.get("/ServiceProviderConfig").await["bulk"]["maxOperations"].as_u64().expect("a number");
    let nobody = json!({ "method": "DELETE", "path": "/Users/01900000-0000-7000-8000-000000000000" });
    let operations: Vec<Value> = (0..=most).map(|_| nobody.clone()).collect();
    let body = json!({ "schemas": [BULK], "Operations": operations });
    let refused = world.scim.call(Method::POST, "/Bulk", Some(body)).await;
    assert!(text(&refused.body, "detail").contains(&most.to_string()), "{}", refused.body);
    refused.refused(413, None);
}
