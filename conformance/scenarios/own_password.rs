//! A freelancer whose address no identity provider answers for: joins by mail (rule E30), chooses a password, signs in to an
//! app with it, forgets it, and chooses another by mail, upon which everything that was signed in is over. Then the organization asks for a second step.

use causeway::protocol::totp;
use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios::mail;
use crate::scenarios::sign_in::arrive;
use crate::support::browser::{Browser, Page};
use crate::support::clock::MovableClock;
use crate::support::counterparties::SampleApp;
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::Organization;

pub const ADA: &str = "ada@freelance.test";
pub const FIRST: &str = "correct horse battery";
const SECOND: &str = "caf\u{e9} au lait, s'il vous plait";

#[tokio::test(flavor = "multi_thread")]
async fn e30_a_freelancer_signs_in_with_a_password_on_sqlite() {
    a_freelancer_signs_in(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e30_a_freelancer_signs_in_with_a_password_on_postgres() {
    a_freelancer_signs_in(Engine::Postgres).await;
}

async fn a_freelancer_signs_in(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| {
        settings.dns = Some(dns.address);
        settings.more = "[passwords]\nmemory_kib = 7168\npasses = 1\n".to_owned();
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let app = SampleApp::start();
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;

    joins_and_chooses(&gateway, &acme).await;
    let browser = Browser::asking_for_json();
    let wrong = sign_in(&browser, &app, "wrong horse battery").await;
    assert!(wrong.status == 422 && wrong.body.contains("is not right"), "{}", wrong.body);
    let shown = in_the_app(&sign_in(&browser, &app, FIRST).await);
    assert_eq!((&shown["claims"]["email"], &shown["claims"]["org"]), (&json!(ADA), &json!(acme.id)), "{shown:#}");
    assert_eq!(shown["claims"]["amr"], json!(["pwd"]), "{shown:#}");
    assert_eq!(shown["claims"]["acr"], "urn:causeway:acr:password", "{shown:#}");

    chooses_another_by_mail(&gateway).await;
    let refused: Value =
        serde_json::from_str(&browser.open(&format!("{}/userinfo", app.0.url)).await.body).expect("JSON");
    assert_eq!(refused["status"], 401, "everything that was signed in is over: {refused:#}");
    assert_eq!(sign_in(&browser, &app, FIRST).await.status, 422);
    // The other spelling of the same characters.
    let shown = in_the_app(&sign_in(&browser, &app, "cafe\u{301} au lait, s'il vous plait").await);
    assert_eq!(shown["claims"]["email"], ADA, "{shown:#}");
    let key = sets_up_a_second_step(&gateway, &acme, &app).await;
    let log = gateway.log();
    for secret in [ADA, FIRST, SECOND, "cw_password_", "cw_device_", "argon2id", "otpauth", &key] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
}

/// The link of the activation mail leads on to the choice of a password.
pub async fn joins_and_chooses(gateway: &Gateway, acme: &Organization) {
    let access = acme.scim_access().await;
    let user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": ADA, "active": true,
        "emails": [{ "value": ADA, "type": "work", "primary": true }],
    });
    Api::scim(&access.base, &access.token).post("/Users", user).await.expect(201);
    let browser = Browser::new();
    let page = browser.open(&mail::link(gateway, ADA, "/activation?token=").await).await;
    let page = browser.submit(&page, &[]).await;
    let (_, rest) = page.body.split_once("href=\"/password/choose").expect("a way on to a password");
    let path = format!("{}/password/choose{}", gateway.url, rest.split('"').next().unwrap_or_default());
    let again = browser.open(&mail::link(gateway, ADA, "/activation?token=").await).await;
    assert!(!again.body.contains("/password/choose"), "the link of the activation is no way to a password for ever");
    let page = browser.open(&path).await;
    let refused = browser.submit(&page, &[("password", "password123")]).await;
    assert!(refused.status == 422 && refused.body.contains("everybody tries first"), "{}", refused.body);
    let done = browser.submit(&refused, &[("password", FIRST)]).await;
    assert!(done.status == 200 && done.body.contains("Your password is set"), "{}", done.body);
    assert_eq!(browser.open(&path).await.status, 410, "the link works once");
    mail::says(gateway, ADA, "Your account has a password now").await;
}

async fn chooses_another_by_mail(gateway: &Gateway) {
    let browser = Browser::new();
    let page = browser.open(&format!("{}/password/forgotten", gateway.url)).await;
    let known = browser.submit(&page, &[("email", ADA)]).await;
    let unknown = browser.submit(&page, &[("email", "nobody@freelance.test")]).await;
    assert_eq!(known.body.replace(ADA, ""), unknown.body.replace("nobody@freelance.test", ""));
    let link = mail::link(gateway, ADA, "/password/choose?token=").await;
    let page = browser.open(&link).await;
    assert!(page.status == 200 && page.body.contains(ADA), "{}", page.body);
    let done = browser.submit(&page, &[("password", SECOND)]).await;
    assert!(done.status == 200, "{}", done.body);
    assert_eq!(browser.submit(&page, &[("password", FIRST)]).await.status, 410);
    mail::says(gateway, ADA, "Your password was changed").await;
    assert!(!gateway.mail().iter().any(|mail| mail.contains("nobody@")), "who has no account gets no mail");
}

/// The organization asks for a second step: it is set up before the app is reached, and asked for from then on. The key of the
/// authenticator app.
async fn sets_up_a_second_step(gateway: &Gateway, acme: &Organization, app: &SampleApp) -> String {
    acme.api.call(Method::PUT, "/mfa-policy", Some(json!({ "policy": "required" }))).await.expect(200);
    let browser = Browser::asking_for_json();
    let page = sign_in(&browser, app, SECOND).await;
    let key = between(&page, "Key: <span class=\"written-down\">").replace(' ', "");
    let secret = BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
    let step = totp::step_at(MovableClock::default().clock().now());
    let page = browser.submit(&page, &[("code", &totp::code(&secret, step))]).await;
    let recovery_code = between(&page, "<li class=\"written-down\">");
    let onward = between(&page, "<a class=\"primary\" href=\"");
    let shown = in_the_app(&browser.open(&format!("{}{onward}", gateway.url)).await);
    assert_eq!(shown["claims"]["amr"], json!(["pwd", "otp", "mfa"]), "{shown:#}");
    assert_eq!(shown["claims"]["acr"], "urn:causeway:acr:mfa", "{shown:#}");
    mail::says(gateway, ADA, "Your account asks for a second step now").await;
    let browser = Browser::asking_for_json();
    let page = sign_in(&browser, app, SECOND).await;
    assert!(page.url.path().ends_with("/second-step"), "{}: {}", page.url, page.body);
    let used = browser.submit(&page, &[("code", &totp::code(&secret, step))]).await;
    assert_eq!(used.status, 422, "{}", used.body);
    let shown = in_the_app(&browser.submit(&used, &[("code", &recovery_code)]).await);
    assert_eq!(shown["claims"]["email"], ADA, "{shown:#}");
    mail::says(gateway, ADA, "A recovery code of your account was used").await;
    key
}

/// What follows `before` on a page, up to the end of the text or the attribute.
pub fn between(page: &Page, before: &str) -> String {
    let (_, rest) = page.body.split_once(before).unwrap_or_else(|| panic!("no {before} in {}", page.body));
    rest.split(['<', '"']).next().unwrap_or_default().to_owned()
}

pub async fn sign_in(browser: &Browser, app: &SampleApp, password: &str) -> Page {
    let page = arrive(browser, &app.sign_in_url(), ADA, None).await;
    assert!(page.url.path().ends_with("/password"), "{}: {}", page.url, page.body);
    browser.submit(&page, &[("password", password)]).await
}

pub fn in_the_app(page: &Page) -> Value {
    serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("not the app but {}:\n{}", page.url, page.body))
}
