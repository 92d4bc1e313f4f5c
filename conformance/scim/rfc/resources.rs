//! RFC 7643, sections 2 and 3: what a resource is made of.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, fresh, lines, path, user};
use crate::scim::client::USER;
use crate::support::organization::text;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

lines! {
    "7643 §2.1 L365" => a_resource_names_its_schemas,
    "7643 §2.1 L369" => attribute_names_follow_the_grammar,
    "7643 §2.3.4 L519" => a_whole_number_has_no_fraction,
    "7643 §2.3.5 L526" => a_date_time_has_date_and_time,
    "7643 §2.3.5 L531" => a_date_time_is_one_of_xml_schema,
    "7643 §2.3.6 L537" => binary_values_are_base64,
    "7643 §2.3.7 L552" => references_are_uris,
    "7643 §2.3.8 L591" => the_order_of_attributes_says_nothing,
    "7643 §2.3.8 L595" => a_complex_attribute_holds_no_complex_one,
    "7643 §2.4 L633" => primary_is_true_at_most_once,
    "7643 §2.4 L655" => values_come_back_in_canonical_form,
    "7643 §2.4 L660" => the_same_value_is_not_returned_twice,
    "7643 §2.5 L680" => unassigned_null_and_empty_are_one_state,
    "7643 §3 L709" => schemas_is_never_empty,
    "7643 §3 L711" => schemas_holds_only_what_the_type_has,
    "7643 §3 L713" => schemas_holds_nothing_twice,
    "7643 §3.1 L848" => every_resource_has_the_common_attributes,
    "7643 §3.1 L853" => id_and_meta_are_given_at_creation,
    "7643 §3.1 L865" => every_representation_has_its_id,
    "7643 §3.1 L867" => ids_are_unique_over_all_resources,
    "7643 §3.1 L868" => an_id_stays_and_is_not_given_again,
    "7643 §3.1 L870" => a_client_cannot_choose_the_id,
    "7643 §3.1 L872" => no_id_is_the_word_bulk_id,
    "7643 §3.1 L888" => the_external_id_is_the_clients_alone,
    "7643 §3.1 L910" => meta_from_a_client_is_ignored,
    "7643 §3.1 L918" => created_is_a_date_time,
    "7643 §3.1 L921" => last_modified_begins_as_created,
    "7643 §3.1 L926" => the_location_is_the_one_of_the_header,
    "7643 §3.1 L935" => a_weak_version_says_so,
    "7643 §3.3 L975" => the_base_schema_is_among_the_schemas,
    "7643 §3.3 L980" => an_extension_stands_under_its_uri,
}

async fn a_resource_names_its_schemas(world: &World) {
    world
        .strict
        .call(Method::POST, "/Users", Some(json!({ "userName": fresh("x") })))
        .await
        .refused(400, Some("invalidSyntax"));
    assert_eq!(world.created(json!({})).await["schemas"], json!([USER]));
}

async fn attribute_names_follow_the_grammar(world: &World) {
    let created = world.created(json!({ "1title": "a", "ti tle": "b", "title;": "c", "_x": "d" })).await;
    for odd in ["1title", "ti tle", "title;", "_x"] {
        assert!(created.get(odd).is_none(), "{odd}");
        world
            .scim
            .call(Method::GET, &format!("/Users?filter={}%20pr", super::query(odd)), None)
            .await
            .refused(400, Some("invalidFilter"));
    }
}

async fn a_whole_number_has_no_fraction(world: &World) {
    // startIndex and count are the whole numbers that a client sends.
    for odd in ["1.5", "1e1"] {
        world.scim.call(Method::GET, &format!("/Users?count={odd}"), None).await.refused(400, Some("invalidValue"));
    }
    let list = world.get("/Users?count=1&startIndex=1").await;
    for number in ["totalResults", "startIndex", "itemsPerPage"] {
        assert!(list[number].is_i64(), "{number}: {list}");
    }
}

fn is_date_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains('T') && chrono::DateTime::parse_from_rfc3339(text).is_ok())
}

async fn a_date_time_has_date_and_time(world: &World) {
    let created = world.created(json!({})).await;
    assert!(is_date_time(&created["meta"]["created"]) && is_date_time(&created["meta"]["lastModified"]), "{created}");
}

async fn a_date_time_is_one_of_xml_schema(world: &World) {
    for odd in ["2026-11-21", "yesterday", "2026-13-01T00:00:00Z", "21.11.2026"] {
        let filter = super::query(&format!("meta.created gt \"{odd}\""));
        world
            .scim
            .call(Method::GET, &format!("/Users?filter={filter}"), None)
            .await
            .refused(400, Some("invalidFilter"));
    }
    assert!(!world.found("meta.created gt \"2011-05-13T04:42:34Z\"").await.is_empty());
}

async fn binary_values_are_base64(world: &World) {
    let odd = user(json!({ "x509Certificates": [{ "value": "not base64!" }] }));
    world.scim.call(Method::POST, "/Users", Some(odd)).await.refused(400, Some("invalidValue"));
}

async fn references_are_uris(world: &World) {
    let odd = user(json!({ "profileUrl": "https://a b.test" }));
    world.scim.call(Method::POST, "/Users", Some(odd)).await.refused(400, Some("invalidValue"));
    let created = world.created(json!({ "profileUrl": "https://acme.test/ada" })).await;
    assert_eq!(created["profileUrl"], "https://acme.test/ada");
}

async fn the_order_of_attributes_says_nothing(world: &World) {
    let name = format!("{}@acme.test", fresh("user"));
    let body = format!("{{\"active\":true,\"userName\":\"{name}\",\"schemas\":[\"{USER}\"]}}");
    let created = world.scim.call(Method::POST, "/Users", serde_json::from_str(&body).ok()).await.expect(201);
    assert_eq!(created["userName"], name.as_str());
}

async fn a_complex_attribute_holds_no_complex_one(world: &World) {
    let schemas = world.get("/Schemas").await;
    for schema in schemas["Resources"].as_array().expect("schemas") {
        for attribute in schema["attributes"].as_array().expect("attributes") {
            for part in attribute["subAttributes"].as_array().into_iter().flatten() {
                assert_ne!(part["type"], "complex", "{}.{}", attribute["name"], part["name"]);
            }
        }
    }
}

async fn primary_is_true_at_most_once(world: &World) {
    let two = json!([{ "value": "a@acme.test", "primary": true }, { "value": "b@acme.test", "primary": true }]);
    world
        .scim
        .call(Method::POST, "/Users", Some(user(json!({ "emails": two }))))
        .await
        .refused(400, Some("invalidValue"));
}

async fn values_come_back_in_canonical_form(world: &World) {
    let created =
        world.created(json!({ "emails": [{ "Value": "x@acme.test", "TYPE": "work", "Primary": "True" }] })).await;
    assert_eq!(created["emails"], json!([{ "value": "x@acme.test", "type": "work", "primary": true }]));
}

async fn the_same_value_is_not_returned_twice(world: &World) {
    let address = format!("{}@acme.test", fresh("twice"));
    let created = world.created(json!({ "emails": [{ "value": address, "type": "work" }] })).await;
    let add = json!([{ "op": "add", "path": "emails", "value": [{ "value": address, "type": "work" }] }]);
    let patched = world.scim.patch(&path(&created), add).await.expect(200);
    assert_eq!(patched["emails"].as_array().map(Vec::len), Some(1), "{patched}");
}

async fn unassigned_null_and_empty_are_one_state(world: &World) {
    let created = world.created(json!({ "title": null, "emails": [], "nickName": null })).await;
    for name in ["title", "emails", "nickName"] {
        assert!(created.get(name).is_none(), "{name}: {created}");
    }
    let id = text(&created, "id");
    assert!(!world.found("title pr").await.contains(&id));
    assert!(world.found("title eq null").await.contains(&id));
}

async fn schemas_is_never_empty(world: &World) {
    let empty = json!({ "schemas": [], "userName": fresh("x") });
    world.strict.call(Method::POST, "/Users", Some(empty)).await.refused(400, Some("invalidSyntax"));
    let created = world.created(json!({})).await;
    let bare = world.get(&format!("{}?excludedAttributes=schemas", path(&created))).await;
    assert_eq!(bare["schemas"], json!([USER]));
}

async fn schemas_holds_only_what_the_type_has(world: &World) {
    let odd = json!({ "schemas": [USER, "urn:example:nope"], "userName": fresh("x") });
    world.strict.call(Method::POST, "/Users", Some(odd)).await.refused(400, Some("invalidValue"));
    let lax = world.created(json!({ "schemas": [USER, "urn:example:nope"] })).await;
    assert_eq!(lax["schemas"], json!([USER]));
}

async fn schemas_holds_nothing_twice(world: &World) {
    let twice = json!({ "schemas": [USER, USER], "userName": fresh("x") });
    world.strict.call(Method::POST, "/Users", Some(twice)).await.refused(400, Some("invalidValue"));
    assert_eq!(world.created(json!({ "schemas": [USER, USER] })).await["schemas"], json!([USER]));
}

async fn every_resource_has_the_common_attributes(world: &World) {
    let types = world.get("/ResourceTypes").await;
    assert!(types["Resources"][0].get("externalId").is_none());
    let created = world.created(json!({ "externalId": fresh("e") })).await;
    for name in ["id", "externalId", "meta"] {
        assert!(created.get(name).is_some(), "{name}: {created}");
    }
}

async fn id_and_meta_are_given_at_creation(world: &World) {
    let created = world.created(json!({})).await;
    assert!(!text(&created, "id").is_empty());
    for name in ["resourceType", "created", "lastModified", "location", "version"] {
        assert!(created["meta"][name].is_string(), "{name}: {created}");
    }
}

async fn every_representation_has_its_id(world: &World) {
    let created = world.created(json!({})).await;
    for query in ["", "?attributes=userName", "?excludedAttributes=id"] {
        assert_eq!(world.get(&format!("{}{query}", path(&created))).await["id"], created["id"], "{query}");
    }
    let list = world.get("/Users?attributes=userName").await;
    assert!(list["Resources"].as_array().expect("users").iter().all(|user| !text(user, "id").is_empty()));
}

async fn ids_are_unique_over_all_resources(world: &World) {
    let created = world.created(json!({})).await;
    let group = world.scim.group(&fresh("group"), &[]).await;
    assert_ne!(text(&created, "id"), group);
    world.scim.call(Method::GET, &format!("/Groups/{}", text(&created, "id")), None).await.refused(404, None);
    world.scim.call(Method::GET, &format!("/Users/{group}"), None).await.refused(404, None);
}

async fn an_id_stays_and_is_not_given_again(world: &World) {
    let created = world.created(json!({})).await;
    let name = text(&created, "userName");
    world.scim.call(Method::PUT, &path(&created), Some(user(json!({ "userName": name })))).await.expect(200);
    assert_eq!(world.get(&path(&created)).await["id"], created["id"]);
    world.scim.call(Method::DELETE, &path(&created), None).await.expect(204);
    let again = world.created(json!({ "userName": name })).await;
    assert_ne!(again["id"], created["id"]);
}

async fn a_client_cannot_choose_the_id(world: &World) {
    let created = world.created(json!({ "id": "mine" })).await;
    assert_ne!(created["id"], "mine");
}

async fn no_id_is_the_word_bulk_id(world: &World) {
    let created = world.created(json!({ "id": "bulkId" })).await;
    assert!(!text(&created, "id").contains("bulkId"));
    world.scim.call(Method::GET, "/Users/bulkId", None).await.refused(404, None);
}

async fn the_external_id_is_the_clients_alone(world: &World) {
    assert!(world.created(json!({})).await.get("externalId").is_none());
    let own = fresh("External-");
    assert_eq!(world.created(json!({ "externalId": own })).await["externalId"], own.as_str());
}

async fn meta_from_a_client_is_ignored(world: &World) {
    let meta = json!({ "resourceType": "Group", "created": "1999-01-01T00:00:00Z", "version": "7", "location": "x" });
    let created = world.created(json!({ "meta": meta })).await;
    assert_eq!(created["meta"]["resourceType"], "User");
    for name in ["created", "version", "location"] {
        assert_ne!(created["meta"][name], meta[name], "{name}");
    }
}

async fn created_is_a_date_time(world: &World) {
    let created = world.created(json!({})).await;
    assert!(is_date_time(&created["meta"]["created"]), "{created}");
}

async fn last_modified_begins_as_created(world: &World) {
    let created = world.created(json!({})).await;
    assert_eq!(created["meta"]["lastModified"], created["meta"]["created"]);
}

async fn the_location_is_the_one_of_the_header(world: &World) {
    let created = world.created(json!({})).await;
    let reply = world.scim.call(Method::GET, &path(&created), None).await;
    let location = reply.headers["content-location"].clone();
    assert_eq!(reply.body["meta"]["location"], location.to_str().expect("text"));
    assert_eq!(reply.body["meta"]["location"], format!("{}{}", world.scim.base, path(&created)));
}

async fn a_weak_version_says_so(world: &World) {
    let created = world.created(json!({})).await;
    let version = text(&created["meta"], "version");
    assert!(version.starts_with("W/\"") && version.ends_with('"'), "{version}");
}

async fn the_base_schema_is_among_the_schemas(world: &World) {
    let only = json!({ "schemas": [ENTERPRISE], "userName": fresh("x"), ENTERPRISE: { "department": "R&D" } });
    world.strict.call(Method::POST, "/Users", Some(only)).await.refused(400, Some("invalidValue"));
    let created = world.created(json!({ ENTERPRISE: { "department": "R&D" } })).await;
    assert!(created["schemas"].as_array().is_some_and(|schemas| schemas.contains(&json!(USER))));
}

async fn an_extension_stands_under_its_uri(world: &World) {
    let created = world.created(json!({ ENTERPRISE: { "department": "R&D", "employeeNumber": "7" } })).await;
    assert_eq!(created[ENTERPRISE], json!({ "department": "R&D", "employeeNumber": "7" }));
    assert!(created.get("department").is_none());
}
