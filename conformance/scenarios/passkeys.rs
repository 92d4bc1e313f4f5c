//! A freelancer with a password adds a passkey in a real browser, signs in to an app by it alone, and is refused when it was set
//! back, and when an organization has taken the sign-in over.

use serde_json::{Value, json};

use crate::scenarios::mail;
use crate::scenarios::own_password::{ADA, FIRST, joins_and_chooses};
use crate::support::counterparties::{OidcOp, SampleApp, passkeys_by_clicking, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

#[tokio::test(flavor = "multi_thread")]
async fn e27_a_passkey_signs_in_until_single_sign_on_takes_over_in_chromium_on_sqlite() {
    a_passkey_signs_in(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn e27_a_passkey_signs_in_until_single_sign_on_takes_over_in_chromium_on_postgres() {
    a_passkey_signs_in(Engine::Postgres).await;
}

async fn a_passkey_signs_in(engine: Engine) {
    let dns = Dns::start(&["acme.test", "freelance.test"]);
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

    let story = ["password", "add", "signOut", "passkey", "renewCodes", "signOut", "cancelled", "signOut"];
    let steps = [&story[..], &["setBack", "refused"]].concat();
    let shown = clicked(&app, &gateway, &steps, None);
    let by_password = &shown["seen"][0]["claims"];
    assert_eq!(by_password["acr"], "urn:causeway:acr:password", "{shown:#}");
    for step in [3, 6] {
        let (claims, userinfo) = (&shown["seen"][step]["claims"], &shown["seen"][step]["userinfo"]);
        assert_eq!(claims["acr"], "urn:causeway:acr:mfa", "{shown:#}");
        let amr = claims["amr"].as_str().unwrap_or_default();
        assert!(["user", "mfa"].iter().all(|method| amr.contains(method)) && !amr.contains("pwd"), "{shown:#}");
        assert_eq!((&userinfo["email"], &claims["sub"]), (&json!(ADA), &by_password["sub"]), "{shown:#}");
    }
    assert_eq!(shown["seen"][4]["codes"], 10, "{shown:#}");
    mail::says(&gateway, ADA, "Your account has a new passkey").await;
    mail::says(&gateway, ADA, "One of your passkeys may have been copied").await;
    assert_eq!(acme.audit("passkey.copied").await.len(), 1);

    // From now on single sign-on is asked of her, under her domain's policy. The key is ahead of the counter again.
    acme.own_domain(&dns, "freelance.test").await;
    let op = OidcOp::start(&[person(ADA, "Ada")]);
    acme.connect_oidc(&op).await;
    is_tested(&acme).await;
    let mut passkey = shown["passkeys"][0].clone();
    passkey["signCount"] = json!(100);
    let refused = clicked(&app, &gateway, &["refused"], Some(&passkey));
    assert_eq!(refused["seen"][0]["text"], shown["seen"][9]["text"], "the same answer, whatever the reason");
    assert_eq!(acme.audit("passkey.copied").await.len(), 1, "it was not the counter");
    let log = gateway.log();
    for secret in [ADA, "clientDataJSON", "challenge"] {
        assert!(!log.contains(secret), "{secret} stands in the log");
    }
}

/// Tests single sign-on with a group of which she is a member.
async fn is_tested(acme: &Organization) {
    let access = acme.scim_access().await;
    let scim = Api::scim(&access.base, &access.token);
    let users = scim.get("/Users").await.expect(200);
    let group = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "pilots",
        "members": [{ "value": users["Resources"][0]["id"] }],
    });
    let pilots = text(&scim.post("/Groups", group).await.expect(201), "id");
    let domains = acme.api.get("/domains").await.expect(200);
    let domains = domains["items"].as_array().expect("a list of domains");
    let hers = domains.iter().find(|domain| domain["name"] == "freelance.test").expect("her domain");
    for policy in [json!({ "policy": "optional" }), json!({ "policy": "test", "test_group": pilots })] {
        acme.api.put(&format!("/domains/{}/sso-policy", text(hers, "id")), policy).await.expect(200);
    }
}

fn clicked(app: &SampleApp, gateway: &Gateway, steps: &[&str], passkey: Option<&Value>) -> Value {
    let task = json!({
        "app": app.0.url, "gateway": gateway.url, "email": ADA, "password": FIRST, "steps": steps, "passkey": passkey,
        "screenshots": std::env::var("CAUSEWAY_SCREENSHOTS").ok(),
    });
    let shown = passkeys_by_clicking(&task);
    assert_eq!(shown["complaints"], json!([]), "{shown:#}");
    shown
}
