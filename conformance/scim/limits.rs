//! How much one directory may ask for: 429 with what a client needs to come back in time, and nobody else is slowed down.

use std::time::{Duration, Instant};

use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::http::{Answer, Api};
use crate::support::organization::{Organization, ScimAccess};
use crate::support::server::TestServer;

const FEW: &str = "[limits]\nscim_requests_per_second = 1\nscim_burst = 4\n\
                   scim_organization_requests_per_second = 1\nscim_organization_burst = 6\n";

fn number(headers: &HeaderMap, name: &str) -> i64 {
    let text = headers.get(name).unwrap_or_else(|| panic!("no {name} in {headers:?}")).to_str().expect("text");
    text.parse().unwrap_or_else(|_| panic!("{name} is {text}"))
}

fn user(name: &str) -> Value {
    json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name })
}

fn api(access: &ScimAccess) -> Api {
    Api::scim(&access.base, &access.token)
}

/// RFC 6585, 4; RFC 7644, 3.12: "429" is SCIM JSON like every error, and says when to come back.
#[tokio::test(flavor = "multi_thread")]
async fn over_its_rate_a_client_is_told_when_to_come_back_and_others_are_not_refused() {
    for engine in Engine::ALL {
        let server = TestServer::start(engine, |settings| settings.more = FEW.to_owned()).await;
        let operator = server.operator();
        let acme = Organization::create(&operator, "acme", "Acme").await;
        let globex = Organization::create(&operator, "globex", "Globex").await;
        let (one, two, other) = (acme.scim_access().await, acme.scim_access().await, api(&globex.scim_access().await));
        let (one, two) = (api(&one), api(&two));
        let mut left = Vec::new();
        for path in ["/Users", "/Users/nobody", "/Groups", "/Users?filter=nonsense"] {
            let answer = one.get(path).await;
            assert!(answer.status.as_u16() < 500 && answer.status.as_u16() != 429, "{path}: {answer:?}");
            assert_eq!(number(&answer.headers, "x-ratelimit-limit"), 4, "{path}");
            assert_eq!(
                number(&answer.headers, "x-rate-limit-remaining"),
                number(&answer.headers, "x-ratelimit-remaining"),
                "SailPoint reads the other name"
            );
            left.push(number(&answer.headers, "x-ratelimit-remaining"));
        }
        assert!(left.is_sorted_by(|before, after| before >= after) && left[0] >= 3, "{engine:?}: {left:?}");
        let over = refused(&one).await;
        assert_eq!(over.headers["content-type"], "application/scim+json");
        assert_eq!((&over.body["status"], over.body.get("scimType")), (&json!("429"), None));
        assert!((1..=4).contains(&number(&over.headers, "retry-after")), "{:?}", over.headers);
        assert_eq!(number(&over.headers, "x-ratelimit-remaining"), 0);
        assert!((1..=4).contains(&number(&over.headers, "x-ratelimit-reset")), "{:?}", over.headers);
        // Another client of the organization has a bucket of its own, and the organization has one for both.
        assert_eq!(two.get("/Users").await.status, 200);
        refused(&two).await;
        for _ in 0..4 {
            assert_eq!(other.get("/Users").await.status, 200, "another organization");
        }
        server.clock.advance_seconds(60);
        assert_eq!(one.post("/Users", user("ada")).await.status, 201);
        server.stop().await;
    }
}

/// Each door that creates is bounded: POST, and the operations of a bulk request.
#[tokio::test(flavor = "multi_thread")]
async fn an_organization_has_so_many_users_and_groups_and_hears_why_there_are_no_more() {
    for engine in Engine::ALL {
        let more = "[limits]\nscim_users_per_organization = 2\nscim_groups_per_organization = 1\n";
        let server = TestServer::start(engine, |settings| settings.more = more.to_owned()).await;
        let acme = Organization::create(&server.operator(), "acme", "Acme").await;
        let scim = api(&acme.scim_access().await);
        let group = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "All" });
        let operation =
            |path: &str, data: Value| json!({ "method": "POST", "path": path, "bulkId": "x", "data": data });
        let bulk = |operation: Value| {
            let schema = "urn:ietf:params:scim:api:messages:2.0:BulkRequest";
            scim.post("/Bulk", json!({ "schemas": [schema], "Operations": [operation] }))
        };
        scim.post("/Users", user("ada")).await.expect(201);
        let made = bulk(operation("/Users", user("bob"))).await.expect(200);
        assert_eq!(made["Operations"][0]["status"], "201", "{made:#}");
        scim.post("/Groups", group.clone()).await.expect(201);
        let over = scim.post("/Users", user("eve")).await.expect(403);
        assert!(over["detail"].as_str().expect("text").contains("has 2 resources"), "{over:#}");
        for (path, data) in [("/Users", user("eve")), ("/Groups", group.clone())] {
            let over = bulk(operation(path, data)).await.expect(200);
            assert_eq!(over["Operations"][0]["status"], "403", "{over:#}");
        }
        scim.post("/Groups", group).await.expect(403);
        assert_eq!(scim.get("/Users?count=0").await.expect(200)["totalResults"], 2);
        server.stop().await;
    }
}

/// The first refusal; the clock of the gateway runs, so a request more may get in before it.
async fn refused(api: &Api) -> Answer {
    for _ in 0..8 {
        let answer = api.get("/Users").await;
        if answer.status == 429 {
            return answer;
        }
    }
    panic!("nothing was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_token_does_not_use_up_what_its_client_may_ask_for() {
    for engine in Engine::ALL {
        let server = TestServer::start(engine, |settings| settings.more = FEW.to_owned()).await;
        let acme = Organization::create(&server.operator(), "acme", "Acme").await;
        let client = acme.api.post("/scim-clients", json!({ "name": "directory" })).await.expect(201);
        let credentials = format!("/scim-clients/{}/credentials", client["id"].as_str().expect("an id"));
        let mut made = Vec::new();
        for _ in 0..2 {
            made.push(acme.api.post(&credentials, json!({})).await.expect(201));
        }
        let base = format!("{}/scim/v2/acme", server.url);
        let scim: Vec<Api> = made.iter().map(|one| Api::scim(&base, one["token"].as_str().expect("a token"))).collect();
        assert_eq!(scim[0].get("/Users").await.status, 200);
        acme.api.delete(&format!("{credentials}/{}", made[0]["id"].as_str().expect("an id"))).await.expect(204);
        for _ in 0..20 {
            assert_eq!(scim[0].get("/Users").await.status, 401);
        }
        assert_eq!(scim[1].get("/Users").await.status, 200);
        server.stop().await;
    }
}

/// Requests take long for the store: sixty comparisons that no index answers, on each of the organization's users.
fn slow_filter() -> String {
    let terms: Vec<String> = (0..60).map(|n| format!("name.familyName ne \"nobody{n}\"")).collect();
    format!("/Users?count=1&filter={}", terms.join(" and ").replace(' ', "%20").replace('"', "%22"))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

async fn timed(api: &Api, path: &str) -> Duration {
    let began = Instant::now();
    api.get(path).await.expect(200);
    began.elapsed()
}

/// Issue B: "quotas per org and per client, 429 with Retry-After, so that one IdP's full cycle does not slow the others
/// down". One directory keeps 48 slow requests going; another's small request does not wait in line behind them.
#[tokio::test(flavor = "multi_thread")]
async fn one_directory_at_full_speed_does_not_slow_another_one_down() {
    for engine in Engine::ALL {
        let server = TestServer::start(engine, |_| {}).await;
        let operator = server.operator();
        let busy = api(&Organization::create(&operator, "acme", "Acme").await.scim_access().await);
        let globex = Organization::create(&operator, "globex", "Globex").await;
        let calm = api(&globex.scim_access().await);
        for n in 0..300 {
            busy.post("/Users", user(&format!("user{n}"))).await.expect(201);
        }
        calm.post("/Users", user("ada")).await.expect(201);
        let small = "/Users?filter=userName%20eq%20%22ada%22";
        let mut idle = Vec::new();
        for _ in 0..15 {
            idle.push(timed(&calm, small).await);
        }
        let path = slow_filter();
        let (answered, mut first_answer) = tokio::sync::mpsc::unbounded_channel();
        let flood = (0..48).map(|_| {
            let (busy, path, answered) = (busy.clone(), path.clone(), answered.clone());
            tokio::spawn(async move {
                let mut times = Vec::new();
                for _ in 0..4 {
                    times.push(timed(&busy, &path).await);
                    let _ = answered.send(());
                }
                times
            })
        });
        let flood: Vec<_> = flood.collect();
        first_answer.recv().await.expect("the flood runs");
        let (mut beside, mut administered) = (Vec::new(), Vec::new());
        while beside.len() < 15 && !flood.iter().any(tokio::task::JoinHandle::is_finished) {
            beside.push(timed(&calm, small).await);
            administered.push(timed(&globex.api, "").await);
        }
        assert!(beside.len() >= 5, "{engine:?}: the flood ended after {} requests beside it", beside.len());
        let mut slow = Vec::new();
        for one in flood {
            slow.extend(one.await.expect("answers"));
        }
        let (idle, beside, administered, slow) = (median(idle), median(beside), median(administered), median(slow));
        println!("{engine:?}: {idle:?} alone, {beside:?} beside a flood whose requests take {slow:?}");
        assert!(beside * 4 < slow, "{engine:?}: {idle:?} alone, {beside:?} beside requests of {slow:?}");
        assert!(administered * 4 < slow, "{engine:?}: {administered:?} at another door beside requests of {slow:?}");
        server.stop().await;
    }
}
