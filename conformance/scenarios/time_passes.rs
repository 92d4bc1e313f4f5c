//! What was given for a time ends with it: an access token after minutes, an idle session after hours.

use serde_json::Value;

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{OidcOp, SampleApp, person, scim_push};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::organization::Organization;
use crate::support::server::TestServer;

const ADA: &str = "user0000@acme.test";

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_sessions_end_with_their_time_on_sqlite() {
    tokens_and_sessions_end_with_their_time(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_and_sessions_end_with_their_time_on_postgres() {
    tokens_and_sessions_end_with_their_time(Engine::Postgres).await;
}

async fn tokens_and_sessions_end_with_their_time(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let server = TestServer::start(engine, |settings| {
        settings.dns = Some(dns.address);
        settings.more = "[lifetimes]\naccess_token_seconds = 600\nsession_idle_seconds = 3600\n".to_owned();
    })
    .await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let scim = acme.scim_access().await;
    scim_push(&scim.base, &scim.token, &["exercise", "--users", "10", "--groups", "2", "--domain", "acme.test"]);
    let (op, app) = (OidcOp::start(&[person(ADA, "Ada")]), SampleApp::start());
    acme.connect_oidc(&op).await;
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&server.url, &client.id, &client.secret).await;

    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), ADA, None).await;
    let home = at_the_identity_provider(&browser, page, ADA).await;
    assert!(home.body.contains(r#""signed_in":true"#), "{}", home.body);

    server.clock.advance_seconds(590);
    assert_eq!(userinfo(&browser, &app).await["email"], ADA, "an access token lives ten minutes");
    server.clock.advance_seconds(20);
    assert_eq!(userinfo(&browser, &app).await["status"], 401, "and no longer");
    let refreshed = browser.send_form(&home.url, "post", home.url.join("/refresh").expect("an address"), &[]).await;
    assert!(refreshed.body.contains(r#""signed_in":true"#), "a refresh gives a new one: {}", refreshed.body);

    server.clock.advance_seconds(3601);
    let page = browser.open(&app.sign_in_url()).await;
    assert!(page.body.contains(r#"name="email""#), "an idle session is over: {:?}", page.visited);
    server.stop().await;
}

async fn userinfo(browser: &Browser, app: &SampleApp) -> Value {
    serde_json::from_str(&browser.open(&format!("{}/userinfo", app.0.url)).await.body).expect("JSON")
}
