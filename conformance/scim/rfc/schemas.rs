//! RFC 7643, sections 4 to 7: users, groups, and the schemas that describe them.

use reqwest::Method;
use serde_json::{Value, json};

use super::{World, fresh, lines, path, user};
use crate::scim::client::{GROUP, USER};
use crate::support::organization::text;

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
/// A certificate in DER, in base64: no more of it is looked at than that.
const CERTIFICATE: &str = "MIIBAjCBqgIBATAKBggqhkjOPQQDAjAAMB4XDTI2MTEyMTAwMDAwMFoXDTI3MTEyMTAwMDAwMFowADBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABA==";

lines! {
    "7643 §4.1.1 L1035" => a_user_has_a_user_name,
    "7643 §4.1.1 L1185" => a_password_is_not_shown,
    "7643 §4.1.1 L1221" => a_password_is_never_returned,
    "7643 §4.1.2 L1243" => an_address_keeps_its_form,
    "7643 §4.1.2 L1320" => a_country_is_two_letters,
    "7643 §4.1.2 L1341" => a_group_of_a_user_is_named_by_its_id,
    "7643 §4.1.2 L1353" => groups_change_through_the_group,
    "7643 §4.1.2 L1375" => a_certificate_is_der_in_base64,
    "7643 §5 L1580" => the_authentication_schemes_are_public,
    "7643 §6 L1619" => a_resource_type_has_a_name,
    "7643 §6 L1639" => a_resource_type_points_at_its_schema,
    "7643 §6 L1648" => a_resource_type_points_at_its_extensions,
    "7643 §6 L1652" => no_extension_is_required_that_is_not_there,
    "7643 §7 L1690" => a_schema_has_its_uri,
    "7643 §7 L1699" => a_schema_has_its_name,
    "7643 §7 L1747" => filters_obey_case_exactness,
    "7643 §7 L1749" => case_exact_values_keep_their_case,
    "7643 §7 L1759" => what_is_read_only_stays,
    "7643 §7 L1764" => what_is_immutable_stays,
    "7643 §7 L1767" => what_is_write_only_is_not_returned,
    "7643 further 1" => whole_numbers_round_trip,
    "7643 further 2" => booleans_round_trip,
    "7643 further 3" => date_times_round_trip,
    "7643 further 4" => binary_values_round_trip,
    "7643 further 5" => references_round_trip,
    "7643 further 6" => complex_values_round_trip,
    "7643 further 7" => an_immutable_value_is_taken_at_creation,
    "7643 further 8" => a_write_only_value_is_taken,
    "7643 further 9" => a_read_only_value_is_ignored,
    "7643 further 10" => what_is_always_returned_cannot_be_excluded,
    "7643 further 11" => what_is_never_returned_cannot_be_asked_for,
    "7643 further 12" => case_exact_filters_tell_case_apart,
    "7643 further 13" => other_filters_do_not,
    "7643 further 14" => an_extension_has_its_namespace,
    "7643 further 15" => an_extension_round_trips,
    "7643 further 16" => an_extension_is_named_in_schemas,
    "7643 further 17" => all_values_round_trip,
    "7643 further 18" => two_primary_values_are_refused,
}

async fn a_user_has_a_user_name(world: &World) {
    for odd in [json!(null), json!(""), json!("  ")] {
        let body = json!({ "schemas": [USER], "userName": odd });
        world.scim.call(Method::POST, "/Users", Some(body)).await.refused(400, Some("invalidValue"));
    }
}

async fn a_password_is_not_shown(world: &World) {
    let created = world.created(json!({ "password": "correct horse" })).await;
    for shown in [created.clone(), world.get(&path(&created)).await] {
        assert!(!shown.to_string().contains("correct horse") && shown.get("password").is_none(), "{shown}");
    }
}

async fn a_password_is_never_returned(world: &World) {
    let created = world.created(json!({ "password": "correct horse" })).await;
    let asked = world.get(&format!("{}?attributes=password,userName", path(&created))).await;
    assert!(asked.get("password").is_none(), "{asked}");
    let reply = world.scim.call(Method::GET, "/Users?filter=password%20eq%20%22correct%20horse%22", None).await;
    assert_ne!(reply.body["totalResults"], json!(1), "a filter does not tell a password either");
}

async fn an_address_keeps_its_form(world: &World) {
    let address = format!("{}+tag@acme.test", fresh("Ada"));
    let created = world.created(json!({ "emails": [{ "value": address }] })).await;
    assert_eq!(created["emails"][0]["value"], address.as_str());
}

async fn a_country_is_two_letters(world: &World) {
    let created = world.created(json!({ "addresses": [{ "country": "DE", "locality": "Berlin" }] })).await;
    assert_eq!(created["addresses"][0]["country"], "DE");
    let odd = user(json!({ "addresses": [{ "country": "Germany" }] }));
    world.strict.call(Method::POST, "/Users", Some(odd)).await.refused(400, Some("invalidValue"));
}

async fn a_group_of_a_user_is_named_by_its_id(world: &World) {
    let created = world.created(json!({})).await;
    let group = world.scim.group(&fresh("group"), &[&text(&created, "id")]).await;
    assert_eq!(world.get(&path(&created)).await["groups"][0]["value"], group.as_str());
}

async fn groups_change_through_the_group(world: &World) {
    let group = world.scim.group(&fresh("group"), &[]).await;
    let created = world.created(json!({ "groups": [{ "value": group }] })).await;
    assert!(created.get("groups").is_none(), "{created}");
    let add = json!([{ "op": "add", "path": "groups", "value": [{ "value": group }] }]);
    world.strict.patch(&path(&created), add).await.refused(400, Some("mutability"));
    assert!(world.scim.members(&group).await.is_empty());
}

async fn a_certificate_is_der_in_base64(world: &World) {
    let created = world.created(json!({ "x509Certificates": [{ "value": CERTIFICATE }] })).await;
    assert_eq!(created["x509Certificates"][0]["value"], CERTIFICATE);
    let odd = user(json!({ "x509Certificates": [{ "value": "-----BEGIN CERTIFICATE-----" }] }));
    world.scim.call(Method::POST, "/Users", Some(odd)).await.refused(400, Some("invalidValue"));
}

async fn the_authentication_schemes_are_public(world: &World) {
    let stranger = crate::scim::client::Scim { token: String::new(), ..world.scim.clone() };
    let config = stranger.call(Method::GET, "/ServiceProviderConfig", None).await.expect(200);
    let schemes = config["authenticationSchemes"].as_array().expect("schemes");
    let types: Vec<&str> = schemes.iter().filter_map(|scheme| scheme["type"].as_str()).collect();
    assert_eq!(types, ["oauthbearertoken", "oauth2"]);
    assert_eq!(schemes.iter().filter(|scheme| scheme["primary"] == true).count(), 1);
    assert!(schemes.iter().all(|scheme| scheme["name"].is_string() && scheme["description"].is_string()));
}

async fn a_resource_type_has_a_name(world: &World) {
    let types = world.get("/ResourceTypes").await;
    let names: Vec<&str> =
        types["Resources"].as_array().expect("types").iter().filter_map(|one| one["name"].as_str()).collect();
    assert!(names.contains(&"User") && names.contains(&"Group"), "{names:?}");
}

async fn schema_ids(world: &World) -> Vec<Value> {
    let schemas = world.get("/Schemas").await;
    schemas["Resources"].as_array().expect("schemas").iter().map(|schema| schema["id"].clone()).collect()
}

async fn a_resource_type_points_at_its_schema(world: &World) {
    let (types, ids) = (world.get("/ResourceTypes").await, schema_ids(world).await);
    assert!(types["Resources"].as_array().expect("types").iter().all(|one| ids.contains(&one["schema"])));
}

async fn a_resource_type_points_at_its_extensions(world: &World) {
    let (types, ids) = (world.get("/ResourceTypes").await, schema_ids(world).await);
    let mut seen = 0;
    for one in types["Resources"].as_array().expect("types") {
        for extension in one["schemaExtensions"].as_array().into_iter().flatten() {
            assert!(ids.contains(&extension["schema"]), "{extension}");
            seen += 1;
        }
    }
    assert!(seen > 0);
}

async fn no_extension_is_required_that_is_not_there(world: &World) {
    let types = world.get("/ResourceTypes/User").await;
    let created = world.created(json!({})).await;
    for extension in types["schemaExtensions"].as_array().expect("extensions") {
        let is_there = created.get(extension["schema"].as_str().unwrap_or_default()).is_some();
        assert!(is_there || extension["required"] == json!(false), "{extension}");
    }
}

async fn a_schema_has_its_uri(world: &World) {
    for id in schema_ids(world).await {
        let id = id.as_str().expect("a URI");
        assert_eq!(world.get(&format!("/Schemas/{id}")).await["id"], id);
    }
}

async fn a_schema_has_its_name(world: &World) {
    let schemas = world.get("/Schemas").await;
    assert!(schemas["Resources"].as_array().expect("schemas").iter().all(|schema| !text(schema, "name").is_empty()));
}

async fn filters_obey_case_exactness(world: &World) {
    let own = fresh("Case-");
    let created = world.created(json!({ "externalId": own, "title": own })).await;
    let id = text(&created, "id");
    assert_eq!(world.found(&format!("title eq \"{}\"", own.to_lowercase())).await, std::slice::from_ref(&id));
    assert!(world.found(&format!("externalId eq \"{}\"", own.to_lowercase())).await.is_empty());
    assert_eq!(world.found(&format!("externalId eq \"{own}\"")).await, [id]);
}

async fn case_exact_values_keep_their_case(world: &World) {
    let own = fresh("MiXed-");
    let created = world.created(json!({ "externalId": own })).await;
    assert_eq!(world.get(&path(&created)).await["externalId"], own.as_str());
}

async fn what_is_read_only_stays(world: &World) {
    let created = world.created(json!({})).await;
    let replace = json!([{ "op": "replace", "path": "meta.created", "value": "1999-01-01T00:00:00Z" }]);
    world.strict.patch(&path(&created), replace).await.refused(400, Some("mutability"));
    assert_eq!(world.get(&path(&created)).await["meta"]["created"], created["meta"]["created"]);
}

async fn what_is_immutable_stays(world: &World) {
    let member = text(&world.created(json!({})).await, "id");
    let other = text(&world.created(json!({})).await, "id");
    let group = world.scim.group(&fresh("group"), &[&member]).await;
    let path = format!("/Groups/{group}");
    let replace = json!([{ "op": "replace", "path": format!("members[value eq \"{member}\"].value"), "value": other }]);
    world.strict.patch(&path, replace).await.refused(400, Some("mutability"));
    assert_eq!(world.scim.members(&group).await, [member]);
}

async fn what_is_write_only_is_not_returned(world: &World) {
    let created = world.created(json!({ "password": "secret" })).await;
    let list = world.get(&format!("/Users?filter=id%20eq%20%22{}%22&attributes=password", text(&created, "id"))).await;
    assert!(list["Resources"][0].get("password").is_none(), "{list}");
}

async fn whole_numbers_round_trip(world: &World) {
    let schemas = world.get("/ServiceProviderConfig").await;
    assert!(schemas["filter"]["maxResults"].is_u64(), "{schemas}");
}

async fn booleans_round_trip(world: &World) {
    let created =
        world.created(json!({ "active": true, "emails": [{ "value": "b@acme.test", "primary": false }] })).await;
    assert_eq!((&created["active"], &created["emails"][0]["primary"]), (&json!(true), &json!(false)));
}

async fn date_times_round_trip(world: &World) {
    let created = world.created(json!({})).await;
    let id = text(&created, "id");
    let filter = format!("meta.created eq \"{}\" and id eq \"{id}\"", text(&created["meta"], "created"));
    assert_eq!(world.found(&filter).await, [id]);
}

async fn binary_values_round_trip(world: &World) {
    let created = world.created(json!({ "x509Certificates": [{ "value": CERTIFICATE, "display": "mine" }] })).await;
    assert_eq!(
        world.get(&path(&created)).await["x509Certificates"],
        json!([{ "value": CERTIFICATE, "display": "mine" }])
    );
}

async fn references_round_trip(world: &World) {
    let photos = json!([{ "value": "https://acme.test/ada.png", "type": "photo" }]);
    let created = world.created(json!({ "photos": photos })).await;
    assert_eq!(world.get(&path(&created)).await["photos"], photos);
}

async fn complex_values_round_trip(world: &World) {
    let name = json!({ "givenName": "Ada", "familyName": "Lovelace", "honorificPrefix": "Countess" });
    let created = world.created(json!({ "name": name })).await;
    assert_eq!(world.get(&path(&created)).await["name"], name);
}

async fn an_immutable_value_is_taken_at_creation(world: &World) {
    let member = text(&world.created(json!({})).await, "id");
    let group = world.scim.group(&fresh("group"), &[&member]).await;
    assert_eq!(world.scim.members(&group).await, [member]);
}

async fn a_write_only_value_is_taken(world: &World) {
    world.scim.call(Method::POST, "/Users", Some(user(json!({ "password": "a secret" })))).await.expect(201);
}

async fn a_read_only_value_is_ignored(world: &World) {
    let created = world.created(json!({ "id": "x", "groups": [{ "value": "x" }] })).await;
    assert!(created["id"] != "x" && created.get("groups").is_none(), "{created}");
}

async fn what_is_always_returned_cannot_be_excluded(world: &World) {
    let created = world.created(json!({})).await;
    let shown = world.get(&format!("{}?excludedAttributes=id,schemas,userName", path(&created))).await;
    assert!(shown["id"].is_string() && shown["schemas"].is_array() && shown.get("userName").is_none(), "{shown}");
}

async fn what_is_never_returned_cannot_be_asked_for(world: &World) {
    let created = world.created(json!({ "password": "secret" })).await;
    let shown = world.get(&format!("{}?attributes=password", path(&created))).await;
    assert!(shown.get("password").is_none(), "{shown}");
}

async fn case_exact_filters_tell_case_apart(world: &World) {
    let created = world.created(json!({})).await;
    let id = text(&created, "id");
    assert_eq!(world.found(&format!("id eq \"{id}\"")).await, std::slice::from_ref(&id));
    assert!(world.found(&format!("id eq \"{}\"", id.to_uppercase())).await.is_empty());
}

async fn other_filters_do_not(world: &World) {
    let created = world.created(json!({})).await;
    let filter = format!("USERNAME EQ \"{}\"", text(&created, "userName").to_uppercase());
    assert_eq!(world.found(&filter).await, [text(&created, "id")]);
}

async fn an_extension_has_its_namespace(world: &World) {
    let created = world.created(json!({ ENTERPRISE: { "costCenter": "4130" }, "costCenter": "7" })).await;
    assert_eq!((&created[ENTERPRISE]["costCenter"], created.get("costCenter")), (&json!("4130"), None));
}

async fn an_extension_round_trips(world: &World) {
    let own = json!({ "employeeNumber": "701984", "manager": { "value": "26118915" }, "division": "Theme Park" });
    let created = world.created(json!({ ENTERPRISE: own })).await;
    assert_eq!(world.get(&path(&created)).await[ENTERPRISE], own);
}

async fn an_extension_is_named_in_schemas(world: &World) {
    let created = world.created(json!({ ENTERPRISE: { "division": "Theme Park" } })).await;
    assert!(created["schemas"].as_array().is_some_and(|schemas| schemas.contains(&json!(ENTERPRISE))), "{created}");
}

async fn all_values_round_trip(world: &World) {
    let numbers = json!([{ "value": "tel:+1-201-555-0123", "type": "work" }, { "value": "tel:+1-201-555-0124", "type": "mobile" }]);
    let created = world.created(json!({ "phoneNumbers": numbers })).await;
    assert_eq!(world.get(&path(&created)).await["phoneNumbers"], numbers);
}

async fn two_primary_values_are_refused(world: &World) {
    let two = json!([{ "value": "1", "primary": true }, { "value": "2", "primary": true }]);
    world
        .scim
        .call(Method::POST, "/Users", Some(user(json!({ "phoneNumbers": two }))))
        .await
        .refused(400, Some("invalidValue"));
    world
        .scim
        .call(Method::POST, "/Groups", Some(json!({ "schemas": [GROUP] })))
        .await
        .refused(400, Some("invalidValue"));
}
