//! Schemas that an organization brings along, over HTTP on both engines: from their registration to the last of their
//! values.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::counterparties::scim2_tester;
use crate::support::engine::Engine;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};
use crate::support::server::TestServer;

const URN: &str = "urn:ietf:params:scim:schemas:extension:acme:2.0:User";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

fn schema(attributes: Value) -> Value {
    json!({ "resource_type": "User", "schema": { "id": URN, "name": "Acme", "attributes": attributes } })
}

fn user(name: &str, own: Value) -> Value {
    json!({ "schemas": [USER, URN], "userName": name, URN: own })
}

struct World {
    server: TestServer,
    acme: Organization,
    scim: Api,
    globex: Api,
}

async fn world(engine: Engine) -> World {
    let server = TestServer::start(engine, |_| {}).await;
    let operator = server.operator();
    let acme = Organization::create(&operator, "acme", "Acme").await;
    let (access, other) =
        (acme.scim_access().await, Organization::create(&operator, "globex", "Globex").await.scim_access().await);
    let (scim, globex) = (Api::scim(&access.base, &access.token), Api::scim(&other.base, &other.token));
    World { server, acme, scim, globex }
}

/// The ids of the schemas that `/Schemas` lists.
async fn listed(api: &Api) -> Vec<String> {
    let list = api.get("/Schemas").await.expect(200);
    list["Resources"].as_array().expect("schemas").iter().map(|schema| text(schema, "id")).collect()
}

async fn a_schema_is_its_organizations_alone(engine: Engine) {
    let World { server, acme, scim, globex } = world(engine).await;
    let refused = acme.api.post("/scim-schemas", schema(json!([{ "name": "a b" }]))).await.expect(400);
    assert_eq!(refused["code"], "invalid_scim_schema");
    assert!(text(&refused, "detail").starts_with("/attributes/0/name: "), "{refused}");
    acme.api.post("/scim-schemas", schema(json!([{ "name": "badge" }]))).await.expect(201);
    let twice = acme.api.post("/scim-schemas", schema(json!([{ "name": "badge" }]))).await.expect(409);
    assert_eq!(twice["code"], "scim_schema_urn_taken");

    assert!(listed(&scim).await.contains(&URN.to_owned()));
    for stranger in [Api::scim(&scim.base, ""), globex.clone()] {
        assert!(!listed(&stranger).await.contains(&URN.to_owned()), "a stranger sees the schema");
        stranger.get(&format!("/Schemas/{URN}")).await.expect(404);
    }
    Api::scim(&scim.base, "nonsense").get("/Schemas").await.expect(401);
    Api::scim(&scim.base, globex.token()).get("/Schemas").await.expect(404);
    let shown = scim.get(&format!("/Schemas/{URN}")).await.expect(200);
    assert_eq!(shown["attributes"][0]["name"], "badge");
    let extensions = scim.get("/ResourceTypes/User").await.expect(200)["schemaExtensions"].clone();
    assert!(extensions.as_array().expect("extensions").contains(&json!({ "schema": URN, "required": false })));
    // In another organization it is what every unknown attribute is: left out.
    let made = globex.post("/Users", user("eve", json!({ "badge": "B" }))).await.expect(201);
    assert!(made.get(URN).is_none(), "{made}");
    server.stop().await;
}

async fn its_values_live_and_are_cleared(engine: Engine) {
    let World { server, acme, scim, .. } = world(engine).await;
    let attributes = json!([{ "name": "badge", "uniqueness": "server" }, { "name": "grade", "type": "integer" }]);
    let registered = acme.api.post("/scim-schemas", schema(attributes.clone())).await.expect(201);
    let ada = scim.post("/Users", user("ada", json!({ "badge": "B-1", "grade": 7 }))).await.expect(201);
    assert_eq!(ada["schemas"], json!([USER, URN]));
    let wrong = scim.post("/Users", user("eve", json!({ "grade": "high" }))).await.expect(400);
    assert_eq!(wrong["scimType"], "invalidValue");
    let taken = scim.post("/Users", user("eve", json!({ "badge": "b-1" }))).await.expect(409);
    assert_eq!(
        (&taken["scimType"], &taken["detail"]),
        (&json!("uniqueness"), &json!("another resource has this value of badge"))
    );
    let query = format!("/Users?filter={URN}:grade%20gt%206&attributes={URN}:badge");
    let found = scim.get(&query).await.expect(200);
    assert_eq!((&found["totalResults"], &found["Resources"][0][URN]), (&json!(1), &json!({ "badge": "B-1" })));
    let operations = json!([{ "op": "replace", "path": format!("{URN}:grade"), "value": 8 }]);
    let patch = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations });
    let id = text(&ada, "id");
    let patched = scim.call(Method::PATCH, &format!("/Users/{id}"), Some(patch)).await.expect(200);
    assert_eq!(patched[URN], json!({ "badge": "B-1", "grade": 8 }));

    let one = format!("/scim-schemas/{}", text(&registered, "id"));
    let fewer =
        json!({ "schema": { "id": URN, "name": "Acme", "attributes": [{ "name": "badge", "uniqueness": "server" }] } });
    let refused = acme.api.call(Method::PUT, &one, Some(fewer)).await.expect(409);
    assert_eq!(refused["code"], "scim_schema_in_use");
    assert_eq!(acme.api.delete(&one).await.expect(409)["code"], "scim_schema_in_use");
    assert_eq!(acme.api.delete(&format!("{one}?clear=true")).await.expect(200), json!({ "resources": 1 }));
    let bare = scim.get(&format!("/Users/{id}")).await.expect(200);
    assert_eq!((&bare["schemas"], bare.get(URN)), (&json!([USER]), None));
    assert_eq!(acme.api.post("/scim-schemas", schema(attributes.clone())).await.status.as_u16(), 409);
    server.clock.advance_seconds(61);
    // The job looks at its own pace; when the values are gone, the URN is free again.
    for _ in 0..100 {
        if acme.api.post("/scim-schemas", schema(attributes.clone())).await.status.as_u16() == 201 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let nobody = scim.get(&format!("/Users?filter={URN}:badge%20pr")).await.expect(200);
    assert_eq!(nobody["totalResults"], 0);
    assert_eq!(acme.audit("scim_schema.values_cleared").await.len(), 1);
    server.stop().await;
}

async fn a_race_for_a_unique_value_has_one_winner(engine: Engine) {
    let World { server, acme, scim, .. } = world(engine).await;
    acme.api.post("/scim-schemas", schema(json!([{ "name": "badge", "uniqueness": "server" }]))).await.expect(201);
    let race = (0..20).map(|n| {
        let scim = scim.clone();
        tokio::spawn(async move { scim.post("/Users", user(&format!("u{n}"), json!({ "badge": "B" }))).await.status })
    });
    let mut statuses = Vec::new();
    for runner in race.collect::<Vec<_>>() {
        statuses.push(runner.await.expect("an answer").as_u16());
    }
    statuses.sort_unstable();
    assert_eq!((statuses[0], &statuses[1..]), (201, &[409; 19][..]));
    server.stop().await;
}

async fn scim2_tester_passes_with_a_schema_of_its_own(engine: Engine) {
    let World { server, acme, scim, .. } = world(engine).await;
    let attributes = json!([
        { "name": "badge", "uniqueness": "server", "caseExact": true }, { "name": "grade", "type": "integer" },
        { "name": "isTemporary", "type": "boolean" },
        { "name": "site", "type": "complex", "subAttributes": [{ "name": "value" }, { "name": "floor", "type": "integer" }] },
    ]);
    acme.api.post("/scim-schemas", schema(attributes)).await.expect(201);
    let (base, token) = (scim.base.clone(), scim.token().to_owned());
    let (report, ended) = tokio::task::spawn_blocking(move || scim2_tester(&base, &token)).await.expect("a report");
    let is_bad = |line: &&str| ["ERROR", "CRITICAL", "DEVIATION"].iter().any(|status| line.starts_with(status));
    assert_eq!(report.lines().filter(is_bad).collect::<Vec<_>>(), Vec::<&str>::new(), "{report}");
    assert!(report.contains(URN) || report.contains("badge"), "the tester did not see the schema:\n{report}");
    assert!(ended.success(), "scim2 ended with {ended}:\n{report}");
    server.stop().await;
}

on_both_engines! {
    a_schema_is_its_organizations_alone => own_schema_on_sqlite, own_schema_on_postgres;
    its_values_live_and_are_cleared => own_values_on_sqlite, own_values_on_postgres;
    a_race_for_a_unique_value_has_one_winner => unique_race_on_sqlite, unique_race_on_postgres;
    scim2_tester_passes_with_a_schema_of_its_own => own_schema_tested_on_sqlite, own_schema_tested_on_postgres;
}
