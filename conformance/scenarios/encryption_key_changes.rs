//! An operator changes the encryption key as `docs/operations.md` says, word by word: the new key in front, a restart, `keys
//! reseal`, the old key away. Who had a password, an authenticator app or an identity provider signs in as before. Who takes the
//! old key away without sealing anew is told so at the start, and not by the people who cannot sign in.

use causeway::protocol::totp;
use data_encoding::BASE32_NOPAD;
use reqwest::Method;
use serde_json::{Value, json};

use crate::scenarios::own_password::{ADA, FIRST, between, in_the_app, joins_and_chooses, sign_in};
use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::clock::MovableClock;
use crate::support::counterparties::{OidcOp, SampleApp, person};
use crate::support::database;
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::Organization;

const BEN: &str = "ben@acme.test";
/// The one of `Settings`, and another one.
const OLD: &str = "\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"";
const NEW: &str = "\"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\"";
const NOT_CONFIGURED: &str = "sealed under a key that is not configured";

#[tokio::test(flavor = "multi_thread")]
async fn the_encryption_key_is_changed_on_sqlite() {
    the_encryption_key_is_changed(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_encryption_key_is_changed_on_postgres() {
    the_encryption_key_is_changed(Engine::Postgres).await;
}

async fn the_encryption_key_is_changed(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let mut gateway = Gateway::start(engine, |settings| {
        settings.dns = Some(dns.address);
        settings.more = "[passwords]\nmemory_kib = 7168\npasses = 1\n".to_owned();
    });
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let (app, oidc) = (SampleApp::start(), OidcOp::start(&[person(BEN, "Ben")]));
    let client = acme.register_app(&app.redirect_uri(), "ES256").await;
    app.learn(&gateway.url, &client.id, &client.secret).await;
    acme.connect_oidc(&oidc).await;
    joins_and_chooses(&gateway, &acme).await;
    let access = acme.scim_access().await;
    let ben = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": BEN, "active": true,
        "emails": [{ "value": BEN, "type": "work", "primary": true }] });
    Api::scim(&access.base, &access.token).post("/Users", ben).await.expect(201);
    let authenticator = sets_up_an_authenticator(&gateway, &acme, &app).await;
    by_the_identity_provider(&app).await;

    assert!(gateway.refuses_with(&keys(&[NEW])).contains(NOT_CONFIGURED));
    gateway.restart_with(&keys(&[NEW, OLD]));
    new_signing_keys_alone_are_not_enough(&mut gateway).await;
    gateway.restart_with(&keys(&[NEW, OLD]));
    let said = gateway.command(&["keys", "reseal"]);
    for column in ["connections.sealed_secret", "passwords.sealed_hash", "totp_factors.sealed_secret"] {
        assert!(said.contains(&format!("{column}: 1 sealed anew, 0 left")), "{said}");
    }
    assert!(said.contains("the others may be taken away in 15 minutes"), "{said}");
    assert!(gateway.command(&["keys", "reseal"]).contains("passwords.sealed_hash: 0 sealed anew, 0 left"));

    gateway.restart_with(&keys(&[NEW]));
    // It asks for keys that it has not seen once a minute at most, and all of them are new.
    app.learn(&gateway.url, &client.id, &client.secret).await;
    let browser = Browser::asking_for_json();
    let page = sign_in(&browser, &app, FIRST).await;
    let code = totp::code(&authenticator, totp::step_at(MovableClock::default().clock().now()) + 1);
    let shown = in_the_app(&browser.submit(&page, &[("code", &code)]).await);
    assert_eq!(shown["claims"]["email"], ADA, "{shown:#}");
    assert_eq!(shown["claims"]["amr"], json!(["pwd", "otp", "mfa"]), "{shown:#}");
    by_the_identity_provider(&app).await;
}

/// The line of the configuration.
fn keys(keys: &[&str]) -> String {
    format!("encryption_keys = [{}]", keys.join(", "))
}

/// Every signing key is replaced and the replaced ones are over: what remains under the old key is what people have.
async fn new_signing_keys_alone_are_not_enough(gateway: &mut Gateway) {
    for _ in 0..2 {
        gateway.command(&["keys", "rotate"]);
    }
    let over = "UPDATE signing_keys SET retired_at = created_at - 259200000000 WHERE state = 'retired'";
    database::execute(&gateway.database_url, over);
    let said = gateway.refuses_with(&keys(&[NEW]));
    assert!(said.contains("connections.sealed_secret has values") && said.contains(NOT_CONFIGURED), "{said}");
    let (is_good, said) = gateway.fails(&["keys", "reseal"]);
    assert!(!is_good && said.contains("damaged, or sealed under a key that is not configured"), "{said}");
}

/// Ada sets up a second step because the organization asks for one, which it does not any more afterwards.
async fn sets_up_an_authenticator(gateway: &Gateway, acme: &Organization, app: &SampleApp) -> Vec<u8> {
    acme.api.call(Method::PUT, "/mfa-policy", Some(json!({ "policy": "required" }))).await.expect(200);
    let browser = Browser::asking_for_json();
    let page = sign_in(&browser, app, FIRST).await;
    let key = between(&page, "Key: <span class=\"written-down\">").replace(' ', "");
    let secret = BASE32_NOPAD.decode(key.as_bytes()).expect("base32");
    let step = totp::step_at(MovableClock::default().clock().now());
    let page = browser.submit(&page, &[("code", &totp::code(&secret, step))]).await;
    let onward = between(&page, "<a class=\"primary\" href=\"");
    in_the_app(&browser.open(&format!("{}{onward}", gateway.url)).await);
    acme.api.call(Method::PUT, "/mfa-policy", Some(json!({ "policy": "off" }))).await.expect(200);
    secret
}

/// The provider lets the gateway redeem the code with the client secret only.
async fn by_the_identity_provider(app: &SampleApp) {
    let browser = Browser::asking_for_json();
    let page = arrive(&browser, &app.sign_in_url(), BEN, None).await;
    let page = at_the_identity_provider(&browser, page, BEN).await;
    let shown: Value = in_the_app(&page);
    assert_eq!(shown["claims"]["email"], BEN, "{shown:#}");
}
