//! The request log over HTTP, on both engines: what an administrator sees of what a client sent, and what not.

use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, Api};
use crate::support::organization::{Organization, ScimAccess, text};
use crate::support::request_log::RequestLog;
use crate::support::server::TestServer;

const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

fn id_of(answer: &Answer) -> String {
    answer.headers["x-request-id"].to_str().expect("an id").to_owned()
}

/// An organization with a client of Entra ID.
async fn start(operator: &Api) -> (Organization, Api, RequestLog) {
    let acme = Organization::create(operator, "acme", "Acme").await;
    let ScimAccess { base, token, client } = acme.scim_access_as("entra").await;
    let log = RequestLog::new(&acme, &client);
    (acme, Api::scim(&base, &token), log)
}

fn ada() -> Value {
    json!({ "schemas": [USER], "userName": "ada@acme.test", "displayName": "Ada Lovelace", "password": "hunter2" })
}

async fn what_a_client_sent_is_seen_without_its_values(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let (acme, scim, log) = start(&gateway.operator()).await;
    let created = scim.post("/Users", ada()).await;
    let (made, id) = (id_of(&created), text(&created.expect(201), "id"));
    let operations = json!([{ "op": "Remove", "path": "emails", "value": [{ "nope": "Ada" }] }]);
    let patch = json!({ "schemas": [PATCH], "Operations": operations });
    let refused = scim.call("PATCH".parse().expect("a method"), &format!("/Users/{id}"), Some(patch)).await;
    let searched = scim.get("/Users?filter=userName%20eq%20%22ada@acme.test%22&count=1").await;

    let seen = log.find(&made).await;
    assert_eq!((&seen["method"], &seen["path"], &seen["status"]), (&json!("POST"), &json!("/Users"), &json!(201)));
    assert_eq!(seen["resource_id"], json!(id));
    assert_eq!(seen["request"]["userName"], json!("‹text, 13 characters›"));
    assert_eq!(seen["request"]["password"], json!("‹secret›"));
    assert_eq!(seen["response"]["id"], json!(id));
    let seen = log.find(&id_of(&refused)).await;
    assert_eq!((&seen["scim_type"], &seen["rule"]), (&json!("invalidValue"), &json!("rfc7644:3.5.2.2")), "{seen:#}");
    assert_eq!(seen["rewrites"][0]["received"], json!("Remove"), "what a profile let pass is there too");
    assert_eq!(seen["response"]["detail"], refused.body["detail"], "what the client heard is there");
    let seen = log.find(&id_of(&searched)).await;
    assert_eq!(seen["query"], json!("filter=userName eq \"‹text, 13 characters›\"&count=1"));

    for (query, wanted) in [
        ("status=4xx", vec![id_of(&refused)]),
        ("method=GET", vec![id_of(&searched)]),
        (&*format!("resource={id}&status=2xx"), vec![made.clone()]),
    ] {
        let found: Vec<String> = log.list(query).await.iter().map(|line| text(line, "id")).collect();
        assert_eq!(found, wanted, "{query}");
    }
    for bad in ["status=400", "method=get", "since=yesterday", "resource=ada", "method=GET&method=PUT"] {
        let path = format!("/scim-clients/{}/requests?{bad}", "01900000-0000-7000-8000-000000000000");
        assert_eq!(acme.api.get(&path).await.expect(400)["code"], "invalid_query", "{bad}");
    }
    // Neither the database nor the log of the program has what was sent, in any form.
    let whole = json!(log.list("").await).to_string() + &gateway.log();
    for secret in ["hunter2", "Lovelace", scim.token()] {
        assert!(!whole.contains(secret), "{secret} is in the log");
    }
}

async fn roles_and_organizations_are_kept_apart(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let operator = gateway.operator();
    let (acme, scim, log) = start(&operator).await;
    let globex = Organization::create(&operator, "globex", "Globex").await;
    let found = scim.get("/Users").await;
    let id = id_of(&found);
    log.find(&id).await;
    let client = text(&acme.api.get("/scim-clients").await.expect(200)["items"][0], "id");
    for (role, status) in [("admin", 200), ("auditor", 200), ("app_admin", 403), ("user_admin", 403)] {
        let token = acme.api.post("/admin-tokens", json!({ "name": role, "role": role })).await.expect(201);
        let api = Api::new(&acme.api.base, &text(&token, "token"));
        for path in [format!("/scim-clients/{client}/requests"), format!("/scim-clients/{client}/requests/{id}")] {
            assert_eq!(api.get(&path).await.status, status, "{role} {path}");
        }
    }
    globex.api.get(&format!("/scim-clients/{client}/requests/{id}")).await.expect(404);
    // A request without a live credential is nobody's.
    Api::scim(&scim.base, "nonsense").get("/Users").await.expect(401);
    assert_eq!(log.list("status=4xx").await.len(), 0);
}

async fn what_is_past_its_share_is_counted(engine: Engine) {
    let server = TestServer::start(engine, |settings| {
        settings.more = "[request_log]\nreads_per_minute = 2\ndays = 3\n".to_owned();
    })
    .await;
    let (_, scim, log) = start(&server.operator()).await;
    // The reads of this test are in one minute, wherever the second hand stands.
    let seconds = server.clock.clock().now().micros() / 1_000_000;
    server.clock.advance_seconds(60 - seconds % 60);
    let mut reads = Vec::new();
    for _ in 0..5 {
        reads.push(id_of(&scim.get("/Users").await));
    }
    log.find(&reads[1]).await;
    assert_eq!(log.list("method=GET").await.len(), 2, "the share of a minute");
    server.clock.advance_seconds(61);
    let next = id_of(&scim.get("/Users").await);
    log.find(&next).await;
    let lines = log.list("").await;
    let counted: Vec<&Value> = lines.iter().filter_map(|line| line.get("not_recorded")).collect();
    assert_eq!(counted, [&json!({ "reads": 3, "changes": 0, "refusals": 0, "dropped": 0 })], "{lines:#?}");
    server.stop().await;
}

async fn a_client_is_recorded_as_its_level_says(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let (acme, scim, log) = start(&gateway.operator()).await;
    let path = format!("/scim-clients/{}", text(&acme.api.get("/scim-clients").await.expect(200)["items"][0], "id"));
    let patch = |level: &str| {
        let (api, path, body) = (acme.api.clone(), path.clone(), json!({ "request_log": level }));
        async move { api.call(reqwest::Method::PATCH, &path, Some(body)).await }
    };
    assert_eq!(patch("some").await.expect(400)["code"], "invalid_request_log");
    let mut number = 0;
    for (level, wanted) in
        [("off", vec![]), ("refusals", vec![404]), ("changes", vec![404, 201]), ("all", vec![404, 201, 200])]
    {
        assert_eq!(patch(level).await.expect(200)["request_log"], level);
        let before = log.list("").await.len();
        number += 1;
        let mut answers = vec![scim.get("/Users").await];
        answers.push(scim.post("/Users", json!({ "schemas": [USER], "userName": format!("u{number}") })).await);
        answers.push(scim.get("/Users/01900000-0000-7000-8000-000000000000").await);
        for answer in answers.iter().filter(|answer| wanted.contains(&answer.status.as_u16())) {
            log.find(&id_of(answer)).await;
        }
        assert_eq!(log.list("").await.len() - before, wanted.len(), "{level}");
    }
    let audited = acme.audit("scim_client.updated").await;
    assert_eq!((audited.len(), &audited[0]["detail"]["request_log"]), (4, &json!("all")));
}

/// Tries a request of the only client again.
async fn try_again(acme: &Organization, id: &str, body: Value) -> Answer {
    let client = text(&acme.api.get("/scim-clients").await.expect(200)["items"][0], "id");
    acme.api.post(&format!("/scim-clients/{client}/requests/{id}/try-again"), body).await
}

async fn trying_again_tells_what_would_be_and_changes_nothing(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let (acme, scim, log) = start(&gateway.operator()).await;
    let created = scim.post("/Users", ada()).await;
    let (made, id) = (id_of(&created), text(&created.expect(201), "id"));
    let operations = json!([{ "op": "Replace", "path": "phoneNumbers[type eq \"work\"].value", "value": "+1555" }]);
    let body = json!({ "schemas": [PATCH], "Operations": operations });
    let patched = scim.call(reqwest::Method::PATCH, &format!("/Users/{id}"), Some(body)).await;
    let changed = id_of(&patched);
    for one in [&made, &changed] {
        assert_eq!(log.find(one).await["can_be_tried_again"], json!(true));
    }
    // The user is there now.
    let again = try_again(&acme, &made, json!({})).await.expect(200);
    assert_eq!((&again["status"], &again["scim_type"]), (&json!(409), &json!("uniqueness")), "{again:#}");
    // The same PATCH under other profiles.
    let strict = try_again(&acme, &changed, json!({ "profile": "strict" })).await.expect(200);
    assert_eq!((&strict["status"], &strict["rule"]), (&json!(400), &json!("verbs_in_any_case")), "{strict:#}");
    let standard = try_again(&acme, &changed, json!({ "profile": "standard" })).await.expect(200);
    assert_eq!(standard["status"], json!(200), "the value is there by now: {standard:#}");
    assert_eq!(try_again(&acme, &changed, json!({ "profile": "nope" })).await.expect(400)["code"], "invalid_profile");
    // Once the user is gone, the POST would make it anew.
    scim.delete(&format!("/Users/{id}")).await.expect(204);
    let before = scim.get("/Users").await.expect(200)["totalResults"].clone();
    let fresh = try_again(&acme, &made, json!({})).await.expect(200);
    assert_eq!((&fresh["status"], &fresh["response"]["userName"]), (&json!(201), &json!("‹text, 13 characters›")));
    let changes = fresh["changes"].as_array().expect("changes");
    assert!(changes.iter().any(|change| text(change, "action").starts_with("user.")), "{fresh:#}");
    for personal in ["Ada", "ada@", "hunter2"] {
        assert!(!fresh.to_string().contains(personal), "{fresh:#}");
    }
    assert_eq!(scim.get("/Users").await.expect(200)["totalResults"], before, "a dry run made a user");
    assert_eq!(acme.audit("scim_request.tried").await.len(), 4);
    let auditor = acme.api.post("/admin-tokens", json!({ "name": "a", "role": "auditor" })).await.expect(201);
    let client = text(&acme.api.get("/scim-clients").await.expect(200)["items"][0], "id");
    let auditor = Api::new(&acme.api.base, &text(&auditor, "token"));
    auditor.post(&format!("/scim-clients/{client}/requests/{made}/try-again"), json!({})).await.expect(403);
}

async fn a_graceful_stop_stores_what_waits(engine: Engine) {
    let mut gateway = Gateway::start(engine, |_| {});
    let (_, scim, _) = start(&gateway.operator()).await;
    scim.post("/Users", ada()).await.expect(201);
    gateway.ask_to_stop();
    while gateway.ended().is_none() {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(gateway.count_rows(&["scim_exchanges"])[0].1, 1);
}

on_both_engines! {
    what_a_client_sent_is_seen_without_its_values => sent_is_seen_on_sqlite, sent_is_seen_on_postgres;
    roles_and_organizations_are_kept_apart => apart_on_sqlite, apart_on_postgres;
    what_is_past_its_share_is_counted => counted_on_sqlite, counted_on_postgres;
    a_client_is_recorded_as_its_level_says => level_on_sqlite, level_on_postgres;
    trying_again_tells_what_would_be_and_changes_nothing => tried_on_sqlite, tried_on_postgres;
    a_graceful_stop_stores_what_waits => stop_stores_on_sqlite, stop_stores_on_postgres;
}
