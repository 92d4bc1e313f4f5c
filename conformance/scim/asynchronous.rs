//! Bulk requests whose client does not wait (RFC 9967, section 2.5.1), over HTTP and on both engines.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::on_both_engines;
use crate::support::engine::Engine;
use crate::support::http::{Answer, client};
use crate::support::organization::{Organization, ScimAccess, text};
use crate::support::server::TestServer;

const BULK: &str = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
const USER: &str = "urn:ietf:params:scim:schemas:core:2.0:User";

struct World {
    server: TestServer,
    acme: Organization,
    access: ScimAccess,
}

impl World {
    async fn start(engine: Engine, more: &str) -> Self {
        let server = TestServer::start(engine, |settings| settings.more = more.to_owned()).await;
        let acme = Organization::create(&server.operator(), "acme", "Acme").await;
        let access = acme.scim_access().await;
        Self { server, acme, access }
    }

    async fn call(&self, method: Method, url: &str, token: &str, prefer: Option<&str>, body: Option<Value>) -> Answer {
        let mut request = client().request(method, url).bearer_auth(token);
        if let Some(prefer) = prefer {
            request = request.header("prefer", prefer);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/scim+json").body(body.to_string());
        }
        let answer = request.send().await.expect("an answer");
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("a body");
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).expect("JSON") };
        Answer { status, headers, body }
    }

    async fn send(&self, prefer: &str, names: &[&str]) -> Answer {
        let operations: Vec<Value> = names.iter().map(|name| user(name)).collect();
        let body = json!({ "schemas": [BULK], "Operations": operations });
        self.call(Method::POST, &format!("{}/Bulk", self.access.base), &self.access.token, Some(prefer), Some(body))
            .await
    }

    async fn poll(&self, url: &str) -> Answer {
        self.call(Method::GET, url, &self.access.token, None, None).await
    }

    /// Asks until the answer is there.
    async fn answer(&self, url: &str) -> Value {
        for _ in 0..600 {
            let answer = self.poll(url).await;
            if answer.status.as_u16() == 200 {
                return answer.body;
            }
            assert!(answer.headers.contains_key("retry-after"));
            assert!(answer.body["operations"].is_number() && answer.body["finished"].is_number(), "{:#}", answer.body);
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("no answer came");
    }

    async fn count(&self) -> Value {
        self.poll(&format!("{}/Users?count=0", self.access.base)).await.expect(200)["totalResults"].clone()
    }
}

fn user(name: &str) -> Value {
    json!({ "method": "POST", "path": "/Users", "bulkId": name, "data": { "schemas": [USER], "userName": name } })
}

fn header(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).unwrap_or_else(|| panic!("no {name}")).to_str().expect("text").to_owned()
}

on_both_engines! {
    rfc9967_a_client_that_need_not_wait_is_answered_later =>
        rfc9967_a_client_that_need_not_wait_is_answered_later_on_sqlite,
        rfc9967_a_client_that_need_not_wait_is_answered_later_on_postgres;
    rfc9967_what_waits_is_bounded_and_what_is_answered_is_forgotten =>
        rfc9967_what_waits_is_bounded_and_what_is_answered_is_forgotten_on_sqlite,
        rfc9967_what_waits_is_bounded_and_what_is_answered_is_forgotten_on_postgres;
}

async fn rfc9967_a_client_that_need_not_wait_is_answered_later(engine: Engine) {
    let world = World::start(engine, "").await;
    let config = format!("{}/ServiceProviderConfig", world.access.base);
    let plain = world.poll(&config).await.expect(200);
    assert!(plain.get("securityEvents").is_none(), "a client that was made before RFC 9967 would refuse it");
    let config = world.poll(&format!("{config}?attributes=bulk,securityEvents")).await.expect(200);
    assert_eq!(config["securityEvents"]["asyncRequest"], "request");
    assert_eq!(config["securityEvents"]["eventUris"], json!([]), "nothing is delivered, and nothing is announced");

    let accepted = world.send("respond-async", &["ada", "bob", "ADA"]).await;
    assert_eq!((accepted.status.as_u16(), &accepted.body), (202, &Value::Null), "no body");
    assert_eq!(header(&accepted, "preference-applied"), "respond-async");
    let (txn, place) = (header(&accepted, "set-txn"), header(&accepted, "location"));
    assert_eq!(place, format!("{}/Bulk/{txn}", world.access.base));
    let answer = world.answer(&place).await;
    let statuses: Vec<&str> = answer["Operations"]
        .as_array()
        .expect("operations")
        .iter()
        .map(|o| o["status"].as_str().expect("text"))
        .collect();
    assert_eq!(statuses, ["201", "201", "409"], "{answer:#}");
    let ada = text(&answer["Operations"][0], "location");
    assert_eq!(world.poll(&ada).await.expect(200)["userName"], "ada");
    assert_eq!(world.poll(&place).await.expect(200), answer, "the answer stays");
    let entries = world.acme.audit("user.created").await;
    assert_eq!(entries.iter().filter(|entry| text(entry, "request_id") == txn).count(), 2, "one request, one id");

    // Nobody else has it: another client of the organization, another id, no id.
    let other = world.acme.scim_access().await;
    world.call(Method::GET, &place, &other.token, None, None).await.expect(404);
    world.poll(&format!("{}/Bulk/01900000-0000-7000-8000-000000000000", world.access.base)).await.expect(404);
    world.poll(&format!("{}/Bulk/nope", world.access.base)).await.expect(404);
    world.call(Method::GET, &place, "x", None, None).await.expect(401);
    world.call(Method::DELETE, &place, &world.access.token, None, None).await.expect(405);

    let waited = world.send("respond-async, wait=15", &["eve"]).await;
    assert_eq!(waited.status.as_u16(), 200, "who waits a little has the answer at once");
    assert_eq!(waited.body["Operations"][0]["status"], "201");
    assert!(waited.headers.contains_key("set-txn"));
    // What cannot be read is refused now, not later.
    let url = format!("{}/Bulk", world.access.base);
    let bad = json!({ "schemas": [BULK], "Operations": 7 });
    world.call(Method::POST, &url, &world.access.token, Some("respond-async"), Some(bad)).await.expect(400);
    world.server.stop().await;
}

async fn rfc9967_what_waits_is_bounded_and_what_is_answered_is_forgotten(engine: Engine) {
    let more = "[limits]\nscim_asynchronous_requests_per_client = 2\n[lifetimes]\nscim_answer_seconds = 3600\n";
    let world = World::start(engine, more).await;
    let names: Vec<String> = (0..300).map(|n| format!("user{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let sent =
        futures_util::future::join_all((0..4).map(|n| world.send("respond-async", &names[n * 75..n * 75 + 75]))).await;
    let refused: Vec<&Answer> = sent.iter().filter(|answer| answer.status.as_u16() == 429).collect();
    let accepted: Vec<String> =
        sent.iter().filter(|answer| answer.status.as_u16() == 202).map(|answer| header(answer, "location")).collect();
    assert_eq!((refused.len() + accepted.len(), accepted.len() >= 2), (4, true));
    assert!(!refused.is_empty(), "four at once are more than two");
    assert!(refused.iter().all(|answer| answer.headers.contains_key("retry-after")));
    for place in &accepted {
        world.answer(place).await;
    }
    assert_eq!(world.count().await, json!(accepted.len() * 75), "who was refused left nothing behind");
    assert_eq!(world.send("respond-async", &["later"]).await.status.as_u16(), 202, "there is room again");
    world.server.clock.advance_seconds(3_601);
    world.poll(&accepted[0]).await.expect(404);
    world.server.stop().await;
}
