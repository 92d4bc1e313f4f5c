//! Roles and entitlements as a directory discovers them (draft-ietf-scim-roles-entitlements-01, and Okta's entitlement
//! management), and the gateway's own extension, over HTTP on both engines.

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::engine::Engine;
use crate::support::http::Api;
use crate::support::organization::Organization;
use crate::support::server::TestServer;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const ROLE: &str = "urn:okta:scim:schemas:core:1.0:Role";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";
const OWN: &str = "urn:ietf:params:scim:schemas:extension:causeway:2.0:User";

async fn start(engine: Engine) -> (TestServer, Organization, Api) {
    let server = TestServer::start(engine, |_| {}).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    let access = acme.scim_access().await;
    (server, acme, Api::scim(&access.base, &access.token))
}

fn names(list: &Value) -> Vec<&str> {
    list["Resources"].as_array().expect("resources").iter().map(|one| one["id"].as_str().expect("an id")).collect()
}

async fn roles_are_discovered_and_can_be_closed(engine: Engine) {
    let (server, acme, scim) = start(engine).await;
    assert_eq!(scim.get("/Roles").await.expect(200)["totalResults"], 0);
    assert_eq!(names(&scim.get("/ResourceTypes").await.expect(200)), ["User", "Group"]);
    let before = scim.get("/ServiceProviderConfig").await.expect(200);
    assert!(before.get("RolesAndEntitlements").is_none(), "{before}");

    let roles = json!({ "closed": true, "items": [
        { "value": "sales manager", "display": "Sales", "type": "sales", "total_assignments_permitted": 3 },
        { "value": "reader", "supported": false },
    ] });
    acme.api.call(Method::PUT, "/scim-roles", Some(roles)).await.expect(200);
    assert_eq!(names(&scim.get("/ResourceTypes").await.expect(200)), ["User", "Group", "Role"]);
    let announced = scim.get("/ResourceTypes/Role").await.expect(200);
    assert_eq!((&announced["endpoint"], &announced["schema"]), (&json!("/Roles"), &json!(ROLE)));
    assert_eq!(scim.get(&format!("/Schemas/{ROLE}")).await.expect(200)["name"], "Role");
    let config = scim.get("/ServiceProviderConfig").await.expect(200);
    let supported = (&config["RolesAndEntitlements"]["roles"], &config["RolesAndEntitlements"]["entitlements"]);
    assert_eq!((&supported.0["supported"], &supported.1["supported"]), (&json!(true), &json!(false)));

    let list = scim.get("/Roles").await.expect(200);
    assert_eq!(names(&list), ["sales manager", "reader"]);
    let first = &list["Resources"][0];
    assert_eq!((&first["schemas"], &first["displayName"]), (&json!([ROLE]), &json!("Sales")));
    assert_eq!((&first["limitedAssignmentsPermitted"], &first["totalAssignmentsPermitted"]), (&json!(true), &json!(3)));
    let location = first["meta"]["location"].as_str().expect("a location").to_owned();
    let one = Api::scim("", scim.token()).get(&location).await.expect(200);
    assert_eq!(one["value"], "sales manager");
    scim.get("/Roles/nope").await.expect(404);
    scim.get("/Roles/%zz").await.expect(404);
    let found = scim.get("/Roles?filter=supported%20eq%20false&attributes=value").await.expect(200);
    assert_eq!(found["Resources"], json!([{ "schemas": [ROLE], "id": "reader", "value": "reader" }]));
    let second = scim.get("/Roles?startIndex=2&count=1").await.expect(200);
    assert_eq!((names(&second), &second["totalResults"]), (vec!["reader"], &json!(2)));

    let user = |role: &str| json!({ "schemas": [USER], "userName": role, "roles": [{ "value": role }] });
    let made = scim.post("/Users", user("Reader")).await.expect(201);
    assert_eq!(made["roles"], json!([{ "value": "Reader" }]));
    assert_eq!(scim.post("/Users", user("admin")).await.expect(400)["scimType"], "invalidValue");
    // Strangers learn nothing of it.
    let stranger = Api::scim(&scim.base, "");
    stranger.get("/Roles").await.expect(401);
    assert_eq!(names(&stranger.get("/ResourceTypes").await.expect(200)), ["User", "Group"]);
    scim.post("/Roles", json!({})).await.expect(405);
    server.stop().await;
}

async fn a_user_shows_what_the_gateway_knows(engine: Engine) {
    let (server, acme, standard) = start(engine).await;
    let client = acme.api.post("/scim-clients", json!({ "name": "okta", "profile": "okta" })).await.expect(201);
    let path = format!("/scim-clients/{}/credentials", client["id"].as_str().expect("an id"));
    let credential = acme.api.post(&path, json!({})).await.expect(201);
    let scim = Api::scim(&standard.base, credential["token"].as_str().expect("a token"));
    let sent = json!({ "schemas": [USER, OWN], "userName": "ada", "active": false, OWN: { "lockedReason": "mine" } });
    let ada = scim.post("/Users", sent).await.expect(201);
    assert_eq!(ada["schemas"], json!([USER, OWN]));
    let known = &ada[OWN];
    assert_eq!((&known["membershipKind"], &known["accountKind"]), (&json!("member"), &json!("primary")));
    assert_eq!((&known["homeManaged"], &known["dataCenter"]), (&json!(false), &json!("us")));
    assert_ne!(known["lockedReason"], "mine", "what only the gateway knows was written by a client");
    assert!(known["lockedReason"].is_string(), "{known}");
    let id = ada["id"].as_str().expect("an id");
    let read = scim.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!(&read[OWN], known);
    let listed = scim.get("/Users?filter=userName%20eq%20%22ada%22").await.expect(200);
    assert_eq!(&listed["Resources"][0][OWN], known);
    for query in ["attributes=userName".to_owned(), format!("excludedAttributes={OWN}")] {
        let hidden = scim.get(&format!("/Users/{id}?{query}")).await.expect(200);
        assert_eq!((hidden.get(OWN), &hidden["schemas"]), (None, &json!([USER])), "{query}");
    }
    let one = scim.get(&format!("/Users/{id}?attributes={OWN}:accountKind")).await.expect(200);
    assert_eq!(one[OWN], json!({ "accountKind": "primary" }));
    let filter = format!("/Users?filter={OWN}:accountKind%20eq%20%22primary%22");
    assert_eq!(scim.get(&filter).await.expect(400)["scimType"], "invalidFilter");
    for (op, path) in [("replace", format!("{OWN}:lockedReason")), ("remove", OWN.to_owned())] {
        let operations =
            json!([{ "op": op, "path": path, "value": if op == "remove" { Value::Null } else { json!("x") } }]);
        let patch = json!({ "schemas": [PATCH], "Operations": operations });
        let refused = scim.call(Method::PATCH, &format!("/Users/{id}"), Some(patch)).await.expect(400);
        assert_eq!(refused["scimType"], "mutability", "{op} {path}");
    }
    let shown = scim.get(&format!("/Schemas/{OWN}")).await.expect(200);
    let attributes = shown["attributes"].as_array().expect("attributes");
    let is_shown = |one: &Value, returned: &str| one["mutability"] == "readOnly" && one["returned"] == returned;
    assert!(attributes.len() == 7 && attributes.iter().all(|one| is_shown(one, "default")), "{shown}");
    // It is announced to everybody; a client that is not known to be a product is shown it when it asks.
    for other in [standard.clone(), Api::scim(&standard.base, "")] {
        let announced = other.get(&format!("/Schemas/{OWN}")).await.expect(200);
        let attributes = announced["attributes"].as_array().expect("attributes");
        assert!(attributes.len() == 7 && attributes.iter().all(|one| is_shown(one, "request")), "{announced}");
        let user = other.get("/ResourceTypes/User").await.expect(200);
        let extensions = user["schemaExtensions"].as_array().expect("extensions");
        assert!(extensions.contains(&json!({ "schema": OWN, "required": false })), "{user}");
    }
    is_shown_to_whoever_asks(&standard, &scim, id, known).await;
    server.stop().await;
}

/// A client that is not known to be a product sees what the gateway knows when it asks.
async fn is_shown_to_whoever_asks(standard: &Api, product: &Api, id: &str, known: &Value) {
    let path = format!("/Users/{id}");
    let plain = standard.get(&path).await.expect(200);
    assert_eq!((plain.get(OWN), &plain["schemas"]), (None, &json!([USER])));
    let asked = standard.get(&format!("{path}?attributes={OWN}")).await.expect(200);
    assert_eq!((&asked[OWN], &asked["schemas"]), (known, &json!([USER, OWN])));
    let asked = standard.get(&format!("{path}?attributes={OWN}:accountKind")).await.expect(200);
    assert_eq!(asked[OWN], json!({ "accountKind": "primary" }));
    let title = json!({ "schemas": [PATCH], "Operations": [{ "op": "add", "path": "title", "value": "Dr" }] });
    let changed = standard.call(Method::PATCH, &format!("{path}?attributes={OWN}"), Some(title)).await.expect(200);
    assert_eq!(&changed[OWN], known);
    // What a client can put there is empty, it gets that back, and nobody else is shown less for it.
    let add = json!({ "schemas": [PATCH], "Operations": [{ "op": "add", "path": OWN, "value": {} }] });
    let added = standard.call(Method::PATCH, &path, Some(add)).await.expect(200);
    assert_eq!((&added[OWN], &added["schemas"]), (&json!({}), &json!([USER, OWN])));
    assert_eq!(standard.get(&path).await.expect(200)[OWN], json!({}));
    let read = product.get(&path).await.expect(200);
    assert_eq!((&read[OWN], &read["schemas"]), (known, &json!([USER, OWN])));
}

/// What is announced of lists holds for these as well: sorted as asked for, and walked by cursor.
async fn roles_are_sorted_and_walked_by_cursor(engine: Engine) {
    let (server, acme, scim) = start(engine).await;
    let role = |value: &str, kind: Option<&str>| json!({ "value": value, "type": kind });
    let roles = [role("dev", Some("b")), role("Admin", None), role("cook", Some("A")), role("buyer", Some("a"))];
    for path in ["/scim-roles", "/scim-entitlements"] {
        let items = json!({ "closed": false, "items": roles });
        acme.api.call(Method::PUT, path, Some(items)).await.expect(200);
    }
    for path in ["/Roles", "/Entitlements"] {
        for (query, wanted) in [
            ("", ["dev", "Admin", "cook", "buyer"]),
            ("sortBy=value", ["Admin", "buyer", "cook", "dev"]),
            ("sortBy=VALUE&sortOrder=descending", ["dev", "cook", "buyer", "Admin"]),
            ("sortBy=type", ["cook", "buyer", "dev", "Admin"]),
            ("sortBy=type&sortOrder=descending", ["Admin", "dev", "buyer", "cook"]),
        ] {
            assert_eq!(names(&scim.get(&format!("{path}?{query}")).await.expect(200)), wanted, "{path}?{query}");
            let (mut walked, mut cursor) = (Vec::new(), String::new());
            loop {
                let page = scim.get(&format!("{path}?{query}&count=3&cursor={cursor}")).await.expect(200);
                assert_eq!((&page["totalResults"], page.get("startIndex")), (&json!(4), None), "{page}");
                walked.extend(names(&page).into_iter().map(str::to_owned));
                let Some(next) = page["nextCursor"].as_str() else { break };
                cursor = next.to_owned();
                let other = scim.get(&format!("{path}?filter=value%20pr&cursor={cursor}")).await.expect(400);
                assert_eq!(other["scimType"], "invalidCursor");
            }
            assert_eq!(walked, wanted, "{path}?{query}");
        }
        for (query, scim_type) in [
            ("sortBy=nope", "invalidValue"),
            ("sortBy=value&sortOrder=up", "invalidValue"),
            ("cursor=abc", "invalidCursor"),
            ("cursor=&startIndex=1", "invalidCursor"),
            ("cursor=&count=0", "invalidCount"),
        ] {
            let refused = scim.get(&format!("{path}?{query}")).await.expect(400);
            assert_eq!(refused["scimType"], scim_type, "{path}?{query}");
        }
    }
    let first = scim.get("/Roles?cursor=&count=1").await.expect(200);
    let elsewhere = format!("/Entitlements?cursor={}", first["nextCursor"].as_str().expect("a cursor"));
    assert_eq!(scim.get(&elsewhere).await.expect(400)["scimType"], "invalidCursor");
    let next = format!("/Roles?cursor={}", first["nextCursor"].as_str().expect("a cursor"));
    // The entry that was shown last goes: nobody behind it is left out.
    acme.api.call(Method::PUT, "/scim-roles", Some(json!({ "closed": false, "items": roles[1..] }))).await.expect(200);
    assert_eq!(names(&scim.get(&next).await.expect(200)), ["Admin", "cook", "buyer"]);
    server.stop().await;
}

on_both_engines! {
    roles_are_sorted_and_walked_by_cursor => walked_roles_on_sqlite, walked_roles_on_postgres;
    roles_are_discovered_and_can_be_closed => roles_on_sqlite, roles_on_postgres;
    a_user_shows_what_the_gateway_knows => own_extension_on_sqlite, own_extension_on_postgres;
}
