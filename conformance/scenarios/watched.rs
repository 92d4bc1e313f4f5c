//! What operators see of the gateway: every documented metric after some traffic, and a log whose lines lead from the
//! request id that a client was told to what happened.

use std::time::{Duration, Instant};

use causeway::telemetry::metrics;
use serde_json::{Value, json};

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{OidcOp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, Api, client};
use crate::support::organization::Organization;

const OWNER: &str = "owner@acme.test";

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_there_after_some_traffic() {
    for engine in Engine::ALL {
        let dns = Dns::start(&["acme.test"]);
        let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
        some_traffic(&gateway, &dns).await;
        let told = told_of_everything(&gateway).await;
        for line in [
            r#"causeway_http_requests_total{surface="scim",method="GET",status="4xx"} 1"#,
            r#"causeway_http_requests_total{surface="other",method="GET",status="4xx"} 1"#,
            r#"causeway_http_request_duration_seconds_bucket{surface="scim",le="+Inf"} 2"#,
            r#"causeway_sign_ins_total{outcome="succeeded"} 1"#,
            r#"causeway_jobs_total{kind="notify_administrator",outcome="done"} "#,
            "causeway_jobs_failed 0",
            "causeway_panics_total 0",
        ] {
            assert!(
                told.lines().any(|told| told == line || line.ends_with(' ') && told.starts_with(line)),
                "{engine:?}: no {line} in\n{told}"
            );
        }
        assert!(!told.contains("acme"), "no label is about somebody:\n{told}");
    }
}

/// A sign-in, a notice to the owner, a SCIM request, an unknown SCIM token, an address that leads nowhere.
async fn some_traffic(gateway: &Gateway, dns: &Dns) {
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(dns, "acme.test").await;
    let (op, app) = (OidcOp::start(&[person(OWNER, "Olive")]), SampleApp::start());
    acme.connect_oidc(&op).await;
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), OWNER, None).await;
    let page = at_the_identity_provider(&browser, page, OWNER).await;
    assert!(page.body.contains(r#""signed_in":true"#), "{}", page.body);
    let scim = acme.scim_access().await;
    Api::scim(&scim.base, &scim.token).get("/Users?count=1").await.expect(200);
    let nobody = Api::new(&gateway.url, "cw_a_token_that_nobody_has");
    nobody.get("/scim/v2/acme/Users").await.expect(401);
    nobody.get("/acme/nothing").await.expect(404);
}

/// The metrics, once all are there: the job runs after its request.
async fn told_of_everything(gateway: &Gateway) -> String {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let answer = client().get(format!("{}/metrics", gateway.url)).send().await.expect("an answer");
        assert!(answer.headers()["content-type"].to_str().expect("text").starts_with("text/plain"));
        let told = answer.text().await.expect("text");
        let is_told = |name: &&str| told.lines().any(|line| line.starts_with(&format!("# TYPE {name} ")));
        let missing: Vec<_> = metrics::ALL.iter().filter(|name| !is_told(name)).collect();
        if missing.is_empty() {
            return told;
        }
        assert!(Instant::now() < deadline, "{missing:?} are missing in\n{told}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_id_leads_to_the_line_of_its_request() {
    for engine in Engine::ALL {
        let gateway = Gateway::start(engine, |_| {});
        let api = Api::new(&gateway.url, "cw_a_token_that_nobody_has");
        let requests = [
            ("scim", 401, api.get("/scim/v2/acme/Users").await),
            ("api", 401, api.post("/api/v1/orgs/acme/domains", json!({})).await),
            ("provider", 400, api.post("/oauth2/token", json!({})).await),
            ("sign_in", 404, api.get("/sign-in/nonsense").await),
        ];
        let mut ids: Vec<String> = requests.iter().map(|(.., answer)| request_id(answer)).collect();
        for ((surface, status, _), id) in requests.iter().zip(&ids) {
            let lines = lines_of(&gateway, id).await;
            let served: Vec<_> = lines.iter().filter(|line| line["message"] == "served").collect();
            assert_eq!(served.len(), 1, "{lines:#?}");
            let (line, span) = (served[0], &served[0]["span"]);
            assert_eq!((&line["status"], &span["surface"]), (&json!(status), &json!(surface)), "{line:#}");
            assert!(line["timestamp"].is_string() && line["level"] == "INFO", "{line:#}");
        }
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), requests.len(), "each request has an id of its own");
        assert!(!gateway.log().contains("cw_a_token"), "no credential is logged");
    }
}

fn request_id(answer: &Answer) -> String {
    answer.headers["x-request-id"].to_str().expect("text").to_owned()
}

/// The lines of the log about the request, once there are some. Every line is one JSON object.
async fn lines_of(gateway: &Gateway, id: &str) -> Vec<Value> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let log = gateway.log();
        let lines = log
            .lines()
            .map(|line| -> Value { serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")) });
        let found: Vec<_> = lines.filter(|line| line["span"]["request_id"] == id).collect();
        if !found.is_empty() {
            return found;
        }
        assert!(Instant::now() < deadline, "no line about {id} in\n{log}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
