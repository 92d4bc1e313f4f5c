//! Bulk requests (RFC 7644, section 3.7) over HTTP, on both engines.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::engine::Engine;
use crate::support::http::{Answer, Api};
use crate::support::organization::{Organization, text};
use crate::support::server::TestServer;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";
const GROUP: &str = "urn:ietf:params:scim:schemas:core:2.0:Group";
const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";
const PATCH: &str = "urn:ietf:params:scim:api:messages:2.0:PatchOp";

/// A gateway, an organization and its client.
struct World {
    server: TestServer,
    acme: Organization,
    scim: Api,
}

impl World {
    async fn start(engine: Engine, limits: &str) -> Self {
        let server = TestServer::start(engine, |settings| settings.more = limits.to_owned()).await;
        let acme = Organization::create(&server.operator(), "acme", "Acme").await;
        let access = acme.scim_access().await;
        Self { server, acme, scim: Api::scim(&access.base, &access.token) }
    }

    async fn send(&self, operations: Value) -> Answer {
        self.scim.post("/Bulk", json!({ "schemas": [BULK], "Operations": operations })).await
    }

    /// The operations of the answer; each is as RFC 7644 wants it.
    async fn bulk(&self, operations: Value) -> Vec<Value> {
        let body = self.send(operations).await.expect(200);
        assert_eq!(body["schemas"], json!(["urn:ietf:params:scim:api:messages:2.0:BulkResponse"]));
        let operations = body["Operations"].as_array().expect("operations").clone();
        for operation in &operations {
            let status = text(operation, "status");
            let is_error = !status.starts_with('2');
            assert_eq!(operation.get("response").is_some(), is_error, "{operation:#}");
            let has_place = !(is_error && operation["method"] == "POST");
            assert!(has_place || operation.get("location").is_none(), "a failed POST has no place: {operation:#}");
            if is_error {
                assert_eq!(operation["response"]["status"], json!(status));
            }
        }
        operations
    }
}

fn statuses(operations: &[Value]) -> Vec<&str> {
    operations.iter().map(|operation| operation["status"].as_str().expect("a text")).collect()
}

fn user(name: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "schemas": [USER], "userName": name } })
}

fn managed(name: &str, manager: &str) -> Value {
    let mut operation = user(name);
    operation["data"]["schemas"] = json!([USER, ENTERPRISE]);
    operation["data"][ENTERPRISE] = json!({ "manager": { "value": format!("bulkId:{manager}") } });
    operation
}

fn group(name: &str, members: &[&str]) -> Value {
    let members: Vec<Value> = members.iter().map(|member| json!({ "value": format!("bulkId:{member}") })).collect();
    let data = json!({ "schemas": [GROUP], "displayName": name, "members": members });
    json!({ "method": "POST", "path": "/Groups", "bulkId": name, "data": data })
}

/// The path behind `/scim/v2/acme`.
fn place(operation: &Value) -> String {
    text(operation, "location").split("/scim/v2/acme").nth(1).expect("below the base").to_owned()
}

fn id(operation: &Value) -> String {
    place(operation).rsplit('/').next().expect("an id").to_owned()
}

on_both_engines! {
    rfc7644_3_7_operations_are_answered_one_by_one =>
        rfc7644_3_7_operations_are_answered_one_by_one_on_sqlite,
        rfc7644_3_7_operations_are_answered_one_by_one_on_postgres;
    rfc7644_3_7_1_circular_references_are_resolved =>
        rfc7644_3_7_1_circular_references_are_resolved_on_sqlite,
        rfc7644_3_7_1_circular_references_are_resolved_on_postgres;
    rfc7644_3_7_2_references_are_resolved_in_any_order =>
        rfc7644_3_7_2_references_are_resolved_in_any_order_on_sqlite,
        rfc7644_3_7_2_references_are_resolved_in_any_order_on_postgres;
    rfc7644_3_7_3_fail_on_errors_stops_at_that_many =>
        rfc7644_3_7_3_fail_on_errors_stops_at_that_many_on_sqlite,
        rfc7644_3_7_3_fail_on_errors_stops_at_that_many_on_postgres;
    rfc7644_3_7_4_the_limits_are_announced_and_named =>
        rfc7644_3_7_4_the_limits_are_announced_and_named_on_sqlite,
        rfc7644_3_7_4_the_limits_are_announced_and_named_on_postgres;
    operations_on_one_resource_keep_their_order =>
        operations_on_one_resource_keep_their_order_on_sqlite,
        operations_on_one_resource_keep_their_order_on_postgres;
    a_thousand_operations_share_commits_and_leave_room_for_others =>
        a_thousand_operations_share_commits_on_sqlite,
        a_thousand_operations_share_commits_on_postgres;
    a_credential_that_is_revoked_meanwhile_ends_the_rest =>
        a_credential_that_is_revoked_meanwhile_ends_the_rest_on_sqlite,
        a_credential_that_is_revoked_meanwhile_ends_the_rest_on_postgres;
}

async fn rfc7644_3_7_operations_are_answered_one_by_one(engine: Engine) {
    let world = World::start(engine, "").await;
    let ada = id(&world.bulk(json!([user("ada")])).await[0]);
    let at = format!("/Users/{ada}");
    let patch = |value: &str, version: Value| {
        let operations = json!([{ "op": "replace", "path": "title", "value": value }]);
        json!({ "method": "PATCH", "path": at, "version": version, "data": { "schemas": [PATCH], "Operations": operations } })
    };
    let found = world
        .bulk(json!([
            user("bob"),
            user("ADA"),
            patch("one", json!("W/\"1\"")),
            patch("two", json!("W/\"1\"")),
            { "method": "PUT", "path": at, "bulkId": "mine", "data": { "schemas": [USER], "userName": "ada2" } },
            { "method": "GET", "path": at },
            { "method": "POST", "path": "/Bulk", "bulkId": "n", "data": {} },
            { "method": "POST", "path": "/Users", "data": { "schemas": [USER], "userName": "x" } },
            { "method": "POST", "path": "/Users", "bulkId": "bad", "data": { "schemas": [USER] } },
            { "method": "DELETE", "path": "/Users/01900000-0000-7000-8000-000000000000" },
            { "method": "DELETE", "path": "/Groups/nope" },
            { "method": "DELETE", "path": at },
            "nonsense",
        ]))
        .await;
    let wanted = ["201", "409", "200", "412", "200", "400", "400", "400", "400", "404", "404", "204", "400"];
    assert_eq!(statuses(&found), wanted, "{found:#?}");
    assert_eq!((text(&found[0], "bulkId"), text(&found[0], "version")), ("bob".to_owned(), "W/\"1\"".to_owned()));
    assert_eq!(found[1]["response"]["scimType"], "uniqueness");
    assert_eq!((text(&found[2], "version"), text(&found[4], "version")), ("W/\"2\"".to_owned(), "W/\"3\"".to_owned()));
    assert_eq!(
        (text(&found[3], "location"), text(&found[4], "bulkId")),
        (text(&found[2], "location"), "mine".to_owned())
    );
    assert!(found[11].get("version").is_none());
    world.scim.get(&at).await.expect(404);
    let bob = world.scim.get(&place(&found[0])).await.expect(200);
    assert_eq!((&bob["userName"], &bob["meta"]["location"]), (&json!("bob"), &found[0]["location"]));
    let actions = ["user.created", "user.deleted", "user.updated"];
    for (action, count) in actions.into_iter().zip([3, 1, 2]) {
        assert_eq!(world.acme.audit(action).await.len(), count, "{action}: as for single requests");
    }
    for body in [json!({ "Operations": {} }), json!([]), json!({ "schemas": [USER], "Operations": [] })] {
        world.scim.post("/Bulk", body).await.expect(400);
    }
    assert_eq!(world.bulk(json!([])).await, Vec::<Value>::new());
    world.scim.get("/Bulk").await.expect(405);
    world.server.stop().await;
}

async fn rfc7644_3_7_2_references_are_resolved_in_any_order(engine: Engine) {
    let world = World::start(engine, "").await;
    let add = |member: &str| {
        let operations =
            json!([{ "op": "add", "path": "members", "value": [{ "value": format!("bulkId:{member}") }] }]);
        json!({ "schemas": [PATCH], "Operations": operations })
    };
    let removal = json!([{ "op": "remove", "path": "members[value eq \"bulkId:eve\"]" }]);
    let found = world
        .bulk(json!([
            { "method": "PATCH", "path": "/Groups/bulkId:Team", "data": add("bob") },
            group("Team", &["ada", "eve"]),
            { "method": "PATCH", "path": "/Groups/bulkId:Team", "data": { "schemas": [PATCH], "Operations": removal } },
            managed("ada", "bob"),
            user("bob"),
            user("eve"),
            group("Outer", &["Team"]),
            managed("zoe", "nobody"),
            { "method": "POST", "path": "/Users", "bulkId": "broken", "data": { "schemas": [USER] } },
            group("Needy", &["broken"]),
            { "method": "PATCH", "path": "/Groups/bulkId:Needy", "data": add("ada") },
        ]))
        .await;
    let wanted = ["200", "201", "200", "201", "201", "201", "201", "409", "400", "409", "409"];
    assert_eq!(statuses(&found), wanted, "{found:#?}");
    let ids = |body: &Value| {
        let members = body["members"].as_array().cloned().unwrap_or_default();
        let mut ids: Vec<String> = members.iter().map(|member| text(member, "value")).collect();
        ids.sort();
        ids
    };
    let mut both = vec![id(&found[3]), id(&found[4])];
    both.sort();
    assert_eq!(ids(&world.scim.get(&place(&found[1])).await.expect(200)), both);
    assert_eq!(ids(&world.scim.get(&place(&found[6])).await.expect(200)), [id(&found[1])]);
    let ada = world.scim.get(&place(&found[3])).await.expect(200);
    assert_eq!(ada[ENTERPRISE]["manager"]["value"], json!(id(&found[4])));
    let users = world.scim.get("/Users?count=0").await.expect(200);
    assert_eq!(users["totalResults"], 3, "who needs what failed was not created");
    world.server.stop().await;
}

async fn rfc7644_3_7_1_circular_references_are_resolved(engine: Engine) {
    let world = World::start(engine, "").await;
    let found = world
        .bulk(json!([
            managed("ada", "bob"),
            managed("bob", "ada"),
            managed("self", "self"),
            group("All", &["ada", "bob"])
        ]))
        .await;
    assert_eq!(statuses(&found), ["201", "201", "201", "201"], "{found:#?}");
    for (one, other) in [(0, 1), (1, 0), (2, 2)] {
        let body = world.scim.get(&place(&found[one])).await.expect(200);
        assert_eq!(body[ENTERPRISE]["manager"]["value"], json!(id(&found[other])));
        assert_eq!(body["meta"]["version"], found[one]["version"]);
    }
    // Groups in a circle are refused as such, and so are those whose partner is: none of them is left behind.
    let found = world
        .bulk(json!([
            group("One", &["Two"]),
            group("Two", &["One"]),
            managed("cat", "dog"),
            managed("dog", "cat"),
            managed("eve", "ada3"),
            { "method": "POST", "path": "/Users", "bulkId": "ada3",
              "data": { "schemas": [USER, ENTERPRISE], "userName": "ada",
                        ENTERPRISE: { "manager": { "value": "bulkId:eve" } } } },
        ]))
        .await;
    assert_eq!(statuses(&found), ["409", "409", "201", "201", "409", "409"], "{found:#?}");
    assert_eq!(world.scim.get("/Groups?count=0").await.expect(200)["totalResults"], 1);
    assert_eq!(world.scim.get("/Users?count=0").await.expect(200)["totalResults"], 5);
    let all: Vec<Value> = (0..51).map(|n| managed(&n.to_string(), &((n + 1) % 51).to_string())).collect();
    let found = world.bulk(json!(all)).await;
    assert!(found.iter().all(|operation| operation["status"] == "409"), "a circle is one transaction, and so bounded");
    world.server.stop().await;
}

async fn rfc7644_3_7_3_fail_on_errors_stops_at_that_many(engine: Engine) {
    let world = World::start(engine, "").await;
    let bad = |name: &str| json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "schemas": [USER] } });
    for (most, answered) in [(1, 2), (2, 4), (3, 6)] {
        let names: Vec<String> = (0..3).map(|n| format!("u{most}{n}")).collect();
        let operations = json!([user(&names[0]), bad("a"), user(&names[1]), bad("b"), user(&names[2]), bad("c")]);
        let body = json!({ "schemas": [BULK], "failOnErrors": most, "Operations": operations });
        let body = world.scim.post("/Bulk", body).await.expect(200);
        let found = body["Operations"].as_array().expect("operations");
        assert_eq!(found.len(), answered, "{most}: {found:#?}");
        let filter = format!("/Users?filter=userName%20sw%20%22u{most}%22");
        let created = world.scim.get(&filter).await.expect(200)["totalResults"].clone();
        assert_eq!(created, json!(most), "nothing behind the last error was done");
    }
    for wrong in [json!(0), json!(-1), json!("1")] {
        let body = json!({ "schemas": [BULK], "failOnErrors": wrong, "Operations": [] });
        world.scim.post("/Bulk", body).await.expect(400);
    }
    world.server.stop().await;
}

async fn rfc7644_3_7_4_the_limits_are_announced_and_named(engine: Engine) {
    let world = World::start(engine, "[limits]\nscim_bulk_operations = 3\nscim_bulk_bytes = 2048\n").await;
    let config = world.scim.get("/ServiceProviderConfig").await.expect(200);
    assert_eq!(config["bulk"], json!({ "supported": true, "maxOperations": 3, "maxPayloadSize": 2048 }));
    assert_eq!(world.bulk(json!([user("a"), user("b"), user("c")])).await.len(), 3);
    let many = world.send(json!([user("d"), user("e"), user("f"), user("g")])).await.expect(413);
    assert!(text(&many, "detail").contains("maxOperations"), "{many:#}");
    let long = world.send(json!([user(&"x".repeat(2048))])).await.expect(413);
    assert!(text(&long, "detail").contains("maxPayloadSize"), "{long:#}");
    assert_eq!(world.scim.get("/Users?count=0").await.expect(200)["totalResults"], 3);
    world.server.stop().await;
}

async fn operations_on_one_resource_keep_their_order(engine: Engine) {
    let world = World::start(engine, "").await;
    let made = world.bulk(json!([user("ada"), user("bob"), group("Team", &[])])).await;
    let (ada, team) = (place(&made[0]), place(&made[2]));
    let put = |name: &str| json!({ "method": "PUT", "path": ada, "data": { "schemas": [USER], "userName": name } });
    // A user name that an operation gives free can be taken by a later one, and of two that take it the first does.
    let mut operations: Vec<Value> = (0..40).map(|n| put(&format!("ada{n}"))).collect();
    operations.extend([
        user("first"),
        json!({ "method": "DELETE", "path": place(&made[1]) }),
        json!({ "method": "POST", "path": "/Users", "bulkId": "again", "data": { "schemas": [USER], "userName": "bob" } }),
        json!({ "method": "POST", "path": "/Users", "bulkId": "twice", "data": { "schemas": [USER], "userName": "BOB" } }),
        json!({ "method": "POST", "path": "/Users", "bulkId": "old", "data": { "schemas": [USER], "userName": "ada" } }),
    ]);
    let add = json!({ "schemas": [PATCH], "Operations": [{ "op": "add", "path": "members", "value": [{ "value": id(&made[0]) }] }] });
    operations.extend([
        json!({ "method": "PATCH", "path": team, "data": add }),
        json!({ "method": "DELETE", "path": team }),
        json!({ "method": "PATCH", "path": team, "data": add }),
    ]);
    let found = world.bulk(json!(operations)).await;
    let mut wanted = vec!["200"; 40];
    wanted.extend(["201", "204", "201", "409", "201", "200", "204", "404"]);
    assert_eq!(statuses(&found), wanted, "{found:#?}");
    assert_eq!(world.scim.get(&ada).await.expect(200)["userName"], "ada39");
    assert_eq!(found[39]["version"], "W/\"41\"");
    no_name_is_given_free_early(&world).await;
    world.server.stop().await;
}

/// A user name that a later operation gives free is still taken for those before it.
async fn no_name_is_given_free_early(world: &World) {
    let names: Vec<String> = (0..16).map(|n| format!("taken{n}")).collect();
    let made = world.bulk(json!(names.iter().map(|name| user(name)).collect::<Vec<_>>())).await;
    let remove = |made: &Value| json!({ "method": "DELETE", "path": place(made) });
    let operations: Vec<Value> = names.iter().zip(&made).flat_map(|(name, made)| [user(name), remove(made)]).collect();
    assert_eq!(statuses(&world.bulk(json!(operations)).await), ["409", "204"].repeat(16));
}

async fn a_thousand_operations_share_commits_and_leave_room_for_others(engine: Engine) {
    let world = World::start(engine, "").await;
    let operations: Vec<Value> = (0..1_000).map(|n| user(&format!("user{n}"))).collect();
    let is_over = AtomicBool::new(false);
    let bulk = async {
        let found = world.bulk(json!(operations)).await;
        is_over.store(true, Ordering::Relaxed);
        found
    };
    let (found, between) = tokio::join!(bulk, async {
        let mut between = 0;
        while !is_over.load(Ordering::Relaxed) {
            let name = json!({ "schemas": [USER], "userName": format!("between{between}") });
            world.scim.post("/Users", name).await.expect(201);
            between += 1;
        }
        between
    });
    assert!(found.iter().all(|operation| operation["status"] == "201"), "{:#?}", found.first());
    assert!(between > 5, "only {between} creates of others came through: the writer was held");
    world.server.stop().await;
}

async fn a_credential_that_is_revoked_meanwhile_ends_the_rest(engine: Engine) {
    let world = World::start(engine, "").await;
    let clients = world.acme.api.get("/scim-clients").await.expect(200);
    let client = text(&clients["items"][0], "id");
    let credentials = format!("/scim-clients/{client}/credentials");
    let listed = world.acme.api.get(&credentials).await.expect(200);
    let credential = text(&listed["items"].as_array().or(listed.as_array()).expect("a list")[0], "id");
    let operations: Vec<Value> = (0..1_000).map(|n| user(&format!("user{n}"))).collect();
    let (found, ()) = tokio::join!(world.bulk(json!(operations)), async {
        while world.acme.audit("user.created").await.len() < 20 {
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        world.acme.api.delete(&format!("{credentials}/{credential}")).await.expect(204);
    });
    let statuses = statuses(&found);
    let last = statuses.iter().rposition(|status| *status == "201").expect("some were created");
    let refused = statuses.iter().filter(|status| **status == "401").count();
    assert!(refused > 0, "the rest is refused, from {last} on");
    assert_eq!(refused + statuses.iter().filter(|status| **status == "201").count(), 1_000);
    world.server.stop().await;
}
