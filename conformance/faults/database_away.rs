//! The database goes away and comes back: requests fail softly in between, and nobody has to restart anything.
//! PostgreSQL is behind a relay that is cut; the file of SQLite, which the process holds open, is locked by another one.

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::{Value, json};
use tokio::time::sleep;
use url::Url;

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::{Browser, Page};
use crate::support::counterparties::{OidcOp, PASSWORD, SamlIdp, person};
use crate::support::database;
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Answer, Api};
use crate::support::organization::{Organization, text};
use crate::support::postgres;
use crate::support::relay::Relay;
use crate::support::relying_party::RelyingParty;
use crate::support::settings::Settings;

const OWNER: &str = "owner@acme.test";

/// A gateway whose database is behind a relay.
async fn behind_a_relay(choose: impl FnOnce(&mut Settings)) -> (Gateway, Relay) {
    let mut database = Url::parse(&postgres::new_database()).expect("a URL");
    let host = database.host_str().expect("a host").to_owned();
    let relay = Relay::to(format!("{host}:{}", database.port().expect("a port"))).await;
    database.set_port(Some(relay.port)).expect("a port can be set");
    let gateway = Gateway::start(Engine::Postgres, |settings| {
        settings.database_url = database.to_string();
        choose(settings);
    });
    (gateway, relay)
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_fail_softly_while_the_database_is_away_and_recover_by_themselves() {
    let (gateway, relay) = behind_a_relay(|_| {}).await;
    let api = Api::new(&gateway.url, "cw_a_token_that_nobody_has");
    eventually(&api, "/health/ready", 200).await;

    relay.cut();
    let answer = eventually(&api, "/health/ready", 503).await;
    assert!(answer.headers.contains_key("retry-after"), "{answer:?}");
    for path in ["/scim/v2/acme/Users", "/api/v1/orgs/acme", "/api/v1/operator/orgs"] {
        let answer = api.get(path).await;
        assert_soft(path, answer.status, &answer.headers);
    }
    let keys = api.get("/oauth2/jwks").await;
    if keys.status != 200 {
        assert_soft("the keys, where they are not in memory", keys.status, &keys.headers);
    }
    api.get("/health/live").await.expect(200);

    relay.mend();
    eventually(&api, "/health/ready", 200).await;
    api.get("/scim/v2/acme/Users").await.expect(401);
}

/// A backup that takes the file for itself, or a second gateway started by mistake.
#[tokio::test(flavor = "multi_thread")]
async fn while_another_program_has_the_file_writes_fail_softly_and_recover_by_themselves() {
    let gateway = Gateway::start(Engine::Sqlite, |settings| settings.more = "[database]\nwait_ms = 300\n".to_owned());
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let scim = acme.scim_access().await;
    let (scim, api) = (Api::scim(&scim.base, &scim.token), Api::new(&gateway.url, ""));
    eventually(&api, "/health/ready", 200).await;
    let user = |name: &str| json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name });

    let locked = database::lock(&gateway.database_url);
    let begun = Instant::now();
    let names: Vec<String> = (0..10).map(|n| format!("user{n}")).collect();
    let answers = futures_util::future::join_all(names.iter().map(|name| scim.post("/Users", user(name)))).await;
    for answer in &answers {
        assert_soft("a SCIM create", answer.status, &answer.headers);
        assert_eq!(answer.body["status"], "503", "in the words of SCIM: {:#}", answer.body);
    }
    let ready = api.get("/health/ready").await;
    assert_soft("readiness", ready.status, &ready.headers);
    assert!(begun.elapsed() < Duration::from_secs(4), "each waited for itself only: {:?}", begun.elapsed());
    let domain = acme.api.post("/domains", json!({ "name": "acme.test" })).await;
    assert_soft("a domain", domain.status, &domain.headers);
    scim.get("/Users").await.expect(200);
    api.get("/health/live").await.expect(200);

    drop(locked);
    eventually(&api, "/health/ready", 200).await;
    assert_eq!(scim.get("/Users").await.expect(200)["totalResults"], 0, "what failed has not happened");
    scim.post("/Users", user("user0")).await.expect(201);
}

/// Everybody is somewhere else in a sign-in when it happens; nobody loses what they had.
#[tokio::test(flavor = "multi_thread")]
async fn people_and_apps_are_asked_to_come_back_and_find_everything_as_it_was() {
    let dns = Dns::start(&["acme.test"]);
    let (gateway, relay) = behind_a_relay(|settings| settings.dns = Some(dns.address)).await;
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let (saml, op) = (SamlIdp::start(&[person(OWNER, "Olive")]), OidcOp::start(&[person(OWNER, "Olive")]));
    let by_saml = text(&acme.connect_saml(&saml).await, "id");
    let by_oidc = text(&acme.connect_oidc(&op).await, "id");
    let redirect_uri = format!("{}/app", op.issuer());
    let client = acme.register_app(&redirect_uri, "ES256").await;
    let app = RelyingParty { gateway_url: gateway.url.clone(), redirect_uri, client };
    let start = app.authorize_url();

    let browsers = [Browser::new(), Browser::new(), Browser::new(), Browser::new()];
    let [inside, at_email, at_saml, at_oidc] = &browsers;
    let back = at_the_identity_provider(inside, arrive(inside, &start, OWNER, Some(&by_oidc)).await, OWNER).await;
    let tokens = app.redeem(&app.code_of(&back)).await.expect(200);
    let email_page = at_email.open(&start).await;
    let page = arrive(at_saml, &start, OWNER, Some(&by_saml)).await;
    let response_page = at_saml.submit(&page, &[("login", OWNER), ("password", PASSWORD)]).await;
    let oidc_page = arrive(at_oidc, &start, OWNER, Some(&by_oidc)).await;

    relay.cut();
    eventually(&Api::new(&gateway.url, ""), "/health/ready", 503).await;
    assert_page_is_soft("authorize", &Browser::new().open(&start).await);
    assert_page_is_soft("the e-mail page", &at_email.open(email_page.url.as_str()).await);
    assert_page_is_soft("the address", &at_email.submit(&email_page, &[("email", OWNER)]).await);
    assert_page_is_soft("the ACS", &at_saml.submit(&response_page, &[]).await);
    let callback = at_the_identity_provider(at_oidc, oidc_page, OWNER).await;
    assert!(callback.url.path().ends_with("/callback"), "{:?}", callback.visited);
    assert_page_is_soft("the callback", &callback);
    assert_page_is_soft("the first page", &inside.open(&gateway.url).await);
    apps_are_asked_to_come_back(&app, &tokens).await;

    relay.mend();
    eventually(&Api::new(&gateway.url, ""), "/health/ready", 200).await;
    assert_eq!(app.userinfo(&text(&tokens, "access_token")).await.expect(200)["email"], OWNER);
    app.refresh(&text(&tokens, "refresh_token")).await.expect(200);
    app.code_of(&inside.open(&start).await);
    app.code_of(&at_saml.submit(&response_page, &[]).await);
    app.code_of(&at_oidc.open(callback.url.as_str()).await);
    let page = at_email.submit(&email_page, &[("email", OWNER)]).await;
    assert!(page.body.contains(&by_saml), "the choice is offered: {}", page.body);
}

async fn apps_are_asked_to_come_back(app: &RelyingParty, tokens: &Value) {
    let answers = [
        ("refresh", app.refresh(&text(tokens, "refresh_token")).await),
        ("a code", app.redeem("cw_code_that_nobody_has").await),
        ("UserInfo", app.userinfo(&text(tokens, "access_token")).await),
    ];
    for (what, answer) in answers {
        assert_soft(what, answer.status, &answer.headers);
        assert!(answer.body["error"].is_string(), "{what}: {:#}", answer.body);
    }
}

fn assert_page_is_soft(what: &str, page: &Page) {
    assert_soft(what, page.status, &page.headers);
    assert!(page.body.contains("<h1>"), "{what}: a page for people: {}", page.body);
}

fn assert_soft(what: &str, status: StatusCode, headers: &HeaderMap) {
    assert!(status == 503 && headers.contains_key("retry-after"), "{what}: {status} {headers:?}");
}

/// Asks until the status is `status`, for at most ten seconds.
async fn eventually(api: &Api, path: &str, status: u16) -> Answer {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let answer = api.get(path).await;
        if answer.status == status {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path} is still {}: {:#}", answer.status, answer.body);
        sleep(Duration::from_millis(50)).await;
    }
}
