//! The record of a proved domain is taken away (Q15): the administrators are told on days 0, 3 and 7, and after 14 days nobody new
//! comes by the domain, while whoever was there goes on. The record comes back, and so does everything else.
//!
//! The gateway's clock goes ahead while days pass and back to the counterparties' where somebody signs in.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{OidcOp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};
use crate::support::server::TestServer;

const ADA: &str = "ada@acme.test";
const EVE: &str = "eve@acme.test";
const DAY: i64 = 24 * 3600;
/// After so long a domain has been looked up again.
const A_LOOK_UP: i64 = 26 * 3600 + 61;
/// When the domain has lapsed, and is not due again.
const LAPSED: i64 = A_LOOK_UP + 14 * DAY + 3600;

#[tokio::test(flavor = "multi_thread")]
async fn q15_a_domain_whose_record_is_gone_lapses_and_comes_back_on_sqlite() {
    a_domain_lapses_and_comes_back(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q15_a_domain_whose_record_is_gone_lapses_and_comes_back_on_postgres() {
    a_domain_lapses_and_comes_back(Engine::Postgres).await;
}

async fn a_domain_lapses_and_comes_back(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let server = TestServer::start(engine, |settings| settings.dns = Some(dns.address)).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let people = [ADA, EVE].map(|address| {
        let mut person = person(address, address);
        person["email_verified"] = json!(true);
        person
    });
    let (op, app) = (OidcOp::start(&people), SampleApp::start());
    let connection = text(&acme.connect_oidc(&op).await, "id");
    let policy = json!({ "linking": "verified_address", "provisions": true, "default_role": "member" });
    acme.api.call(Method::PUT, &format!("/connections/{connection}/policy"), Some(policy)).await.expect(200);
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&server.url, &client.id, &client.secret).await;
    let access = acme.scim_access().await;
    let scim = Api::scim(&access.base, &access.token);
    assert_eq!(push(&scim, ADA).await["active"], true);
    assert!(is_let_in(&app, ADA).await, "{engine:?}");

    the_record_is_gone_for_fourteen_days(&server, &dns, &acme).await;
    assert!(is_let_in(&app, ADA).await, "{engine:?}: whoever is known goes on");
    assert!(!is_let_in(&app, EVE).await, "{engine:?}: nobody new gets an account");
    let refused = &acme.audit("sign_in.refused").await[0];
    assert_eq!(refused["detail"]["code"], "domain_lapsed", "{engine:?}: {refused:#}");
    assert_eq!(push(&scim, "late@acme.test").await["active"], false, "{engine:?}: E29 has ended");
    the_record_comes_back(&server, &dns, &acme).await;
    assert!(is_let_in(&app, EVE).await, "{engine:?}");
    assert_eq!(push(&scim, "soon@acme.test").await["active"], true, "{engine:?}");
    server.stop().await;
}

async fn push(scim: &Api, address: &str) -> Value {
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": address, "active": true,
        "emails": [{ "value": address, "primary": true }],
    });
    scim.post("/Users", user).await.expect(201)
}

async fn is_let_in(app: &SampleApp, address: &str) -> bool {
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), address, None).await;
    let page = at_the_identity_provider(&browser, page, address).await;
    page.body.contains(r#""signed_in":true"#)
}

async fn domain(acme: &Organization) -> Value {
    acme.api.get("/domains").await.expect(200)["items"][0].clone()
}

/// Waits until the domain is in this state and the owner has had so many mails that say these words.
async fn until(server: &TestServer, acme: &Organization, state: &str, (count, words): (usize, &str)) -> Value {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let found = domain(acme).await;
        // A mail breaks its lines.
        let mails = server
            .mail()
            .into_iter()
            .map(|mail| mail.replace("=\r\n", "").split_whitespace().collect::<Vec<_>>().join(" "));
        let told = mails.filter(|mail| mail.contains("To: owner@acme.test") && mail.contains(words)).count();
        if found["state"] == state && told == count {
            return found;
        }
        assert!(Instant::now() < deadline, "not {state} with {count} mails: {found:#} {:#?}", server.mail());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn the_record_is_gone_for_fourteen_days(server: &TestServer, dns: &Dns, acme: &Organization) {
    dns.publish("acme.test", 3, &[]);
    for (seconds, mails) in [(A_LOOK_UP, 1), (3 * DAY, 2), (4 * DAY, 3)] {
        server.clock.advance_seconds(seconds);
        let found = until(server, acme, "at_risk", (mails, "is gone. Nothing has changed yet.")).await;
        assert_eq!(found["last_failure"], "record_missing", "{found:#}");
        assert!(found["lapses_at"].is_string() && found["at_risk_since"].is_string(), "{found:#}");
    }
    server.clock.advance_seconds(7 * DAY);
    let found = until(server, acme, "lapsed", (1, "has lapsed")).await;
    assert!(found["lapsed_at"].is_string() && found.get("lapses_at").is_none(), "{found:#}");
    server.turn_back(A_LOOK_UP + 14 * DAY).await;
}

/// An administrator publishes it again and does not wait for the next day.
async fn the_record_comes_back(server: &TestServer, dns: &Dns, acme: &Organization) {
    let lapsed = domain(acme).await;
    let path = format!("/domains/{}/check", text(&lapsed, "id"));
    server.clock.advance_seconds(LAPSED);
    dns.publish("acme.test", 4, &[("_causeway-challenge", &text(&lapsed["record"], "value"))]);
    let checked = acme.api.post(&path, json!({})).await.expect(200);
    assert_eq!(checked["state"], "verified", "{checked:#}");
    let soon = acme.api.post(&path, json!({})).await.expect(429);
    assert_eq!(soon["code"], "domain_check_too_soon");
    until(server, acme, "verified", (1, "is there again")).await;
    server.turn_back(LAPSED).await;
}
