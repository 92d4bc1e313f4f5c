//! People sign in however the gateway proves itself at the provider, and after the provider has changed its key; a session
//! that ends there ends what it opened here.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::scenarios::sign_in::{arrive, at_the_identity_provider};
use crate::support::browser::Browser;
use crate::support::counterparties::{OidcOp, PASSWORD, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::{Organization, text};

const OWNER: &str = "owner@acme.test";
const SECRET: &str = "the-secret-of-the-gateway-at-this-provider";

struct Stage {
    acme: Organization,
    op: OidcOp,
    app: SampleApp,
    gateway: Gateway,
    _dns: Dns,
}

impl Stage {
    async fn set(engine: Engine) -> Self {
        let dns = Dns::start(&["acme.test"]);
        let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        acme.own_domain(&dns, "acme.test").await;
        let (op, app) = (OidcOp::start(&[person(OWNER, "Olive")]), SampleApp::start());
        let client = acme.register_app(&app.redirect_uri(), "ES256").await;
        app.learn(&gateway.url, &client.id, &client.secret).await;
        Self { acme, op, app, gateway, _dns: dns }
    }

    /// Connects the provider in one way, under which it knows the gateway as a client of that name.
    async fn connect(&self, way: &str, more: Value) -> Value {
        let signs = way == "private_key_jwt";
        let mut connection = json!({
            "name": way, "protocol": "oidc", "issuer": self.op.issuer(), "client_id": way, "client_authentication": way,
        });
        if !signs {
            connection["client_secret"] = json!(SECRET);
        }
        let connection = self.acme.api.post("/connections", connection).await.expect(201);
        let mut client = json!({
            "client_id": way, "redirect_uris": [connection["callback_url"]], "token_endpoint_auth_method": way,
        });
        match signs {
            true => client["jwks_uri"] = connection["jwks_url"].clone(),
            false => client["client_secret"] = json!(SECRET),
        }
        client.as_object_mut().expect("metadata").extend(more.as_object().expect("metadata").clone());
        self.op.add_client_as(client).await;
        connection
    }

    async fn sign_in(&self, connection: Option<&Value>) -> Browser {
        let browser = Browser::asking_for_json();
        let choice = connection.map(|connection| text(connection, "id"));
        let page = arrive(&browser, &self.app.sign_in_url(), OWNER, choice.as_deref()).await;
        let page = at_the_identity_provider(&browser, page, OWNER).await;
        let shown: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}:\n{}", page.url, page.body));
        assert_eq!(shown["claims"]["email"], OWNER, "{shown:#}");
        browser
    }

    async fn ended_by_the_provider(&self) -> usize {
        let entries = self.acme.audit("session.ended").await;
        entries.iter().filter(|entry| entry["detail"]["by"] == "provider").count()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_however_the_gateway_proves_itself_and_a_logout_there_ends_what_it_opened() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let basic = stage.connect("client_secret_basic", json!({})).await;
        assert_eq!(basic["client_authentication"], "client_secret_basic");
        stage.sign_in(None).await;
        let posted = stage.connect("client_secret_post", json!({ "userinfo_signed_response_alg": "RS256" })).await;
        let names = json!({ "claims": { "display_name": "nickname" } });
        let path = format!("/connections/{}/oidc-options", text(&posted, "id"));
        let changed = stage.acme.api.put(&path, names).await.expect(200);
        assert_eq!(changed["preset"]["display_name"], json!(["nickname"]), "a claim that only UserInfo could have");
        stage.sign_in(Some(&posted)).await;
        stage.op.roll_over().await;
        stage.sign_in(Some(&basic)).await;
        logout_there(&stage).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn oidcc_idtoken_signature_people_sign_in_at_an_app_that_insists_on_its_algorithm() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let connection = stage.connect("client_secret_basic", json!({})).await;
        for algorithm in ["ES256", "RS256", "PS256", "EdDSA"] {
            let client = stage.acme.register_app(&stage.app.redirect_uri(), algorithm).await;
            stage.app.learn_to_insist(&stage.gateway.url, &client, algorithm).await;
            stage.sign_in(Some(&connection)).await;
        }
        // The app does insist: tokens of another algorithm are not taken.
        let client = stage.acme.register_app(&stage.app.redirect_uri(), "PS256").await;
        stage.app.learn_to_insist(&stage.gateway.url, &client, "RS256").await;
        let browser = Browser::asking_for_json();
        let page = arrive(&browser, &stage.app.sign_in_url(), OWNER, Some(&text(&connection, "id"))).await;
        let page = at_the_identity_provider(&browser, page, OWNER).await;
        assert_eq!(page.status, 401, "{}", page.body);
    }
}

/// The gateway proves itself by its own key, and the provider is told where to say that a session has ended.
async fn logout_there(stage: &Stage) {
    // The provider refuses a client whose keys are at an address that is not there, so the connection comes first.
    let signed = stage.connect("private_key_jwt", json!({})).await;
    let client = json!({
        "client_id": "private_key_jwt", "redirect_uris": [signed["callback_url"]], "jwks_uri": signed["jwks_url"],
        "token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "ES256",
        "backchannel_logout_uri": signed["backchannel_logout_url"], "backchannel_logout_session_required": true,
    });
    stage.op.add_client_as(client).await;
    let (here, elsewhere) = (stage.sign_in(Some(&signed)).await, stage.sign_in(Some(&signed)).await);
    let home = async |browser: &Browser| browser.open(&format!("{}/", stage.gateway.url)).await.body;
    assert!(home(&here).await.contains("Sign out") && home(&elsewhere).await.contains("Sign out"));
    let page = here.open(&format!("{}/session/end", stage.op.issuer())).await;
    here.submit(&page, &[("logout", "yes")]).await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while stage.ended_by_the_provider().await == 0 {
        assert!(Instant::now() < deadline, "no session ended:\n{}", stage.gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(!home(&here).await.contains("Sign out"), "the session here has ended with the one there");
    assert!(home(&elsewhere).await.contains("Sign out"), "another session there lives on");
    assert_eq!(stage.ended_by_the_provider().await, 1);
}

/// What cannot be meant is refused before anything is stored.
#[tokio::test(flavor = "multi_thread")]
async fn a_connection_is_refused_that_its_provider_or_its_product_does_not_take() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let issuer = stage.op.issuer();
        let tenants = "https://login.microsoftonline.com/common/v2.0";
        for (change, detail) in [
            (json!({ "client_authentication": "private_key_jwt" }), "private_key_jwt takes no client_secret"),
            (json!({ "client_secret": null }), "every other way takes one"),
            (json!({ "preset": "entra_id" }), "the id of one tenant"),
            (json!({ "issuer": tenants }), "the id of one tenant"),
            (json!({ "issuer": tenants, "preset": "generic" }), "that of another preset"),
            (json!({ "issuer": "https://accounts.google.com", "preset": "okta" }), "that of another preset"),
        ] {
            let mut new = json!({
                "name": "x", "protocol": "oidc", "issuer": issuer, "client_id": "c", "client_secret": SECRET,
            });
            new.as_object_mut().expect("a body").extend(change.as_object().expect("a body").clone());
            let refused = stage.acme.api.post("/connections", new).await.expect(400);
            assert_eq!(refused["code"], "invalid_provider", "{change}");
            assert!(text(&refused, "detail").contains(detail), "{change}: {refused:#}");
        }
        let connection = stage.connect("client_secret_basic", json!({})).await;
        let preset = json!({
            "name": "generic", "subject": ["sub"], "vouching": "email_verified", "given_name": ["given_name"],
            "family_name": ["family_name"], "display_name": ["name"], "groups": ["groups"],
        });
        assert_eq!(connection["preset"], preset, "{connection:#}");
        let path = |rest: &str| format!("/connections/{}/{rest}", text(&connection, "id"));
        for options in [json!({ "acr_values": ["a b"] }), json!({ "ipsie_level": 3 })] {
            assert_eq!(stage.acme.api.put(&path("oidc-options"), options).await.expect(400)["code"], "invalid_options");
        }
        assert_eq!(
            stage.acme.api.put(&path("options"), json!({})).await.expect(400)["code"],
            "connection_other_protocol"
        );
        let options = json!({ "acr_values": ["phr"], "forces_authentication": true, "claims": { "groups": "teams" } });
        stage.acme.api.put(&path("oidc-options"), options.clone()).await.expect(200);
        let provider = json!({
            "protocol": "oidc", "issuer": issuer, "client_id": "client_secret_basic",
            "client_authentication": "private_key_jwt",
        });
        let replaced = stage.acme.api.put(&path("provider"), provider).await.expect(200);
        assert_eq!((&replaced["options"], &replaced["client_authentication"]), (&options, &json!("private_key_jwt")));
    }
}

/// This provider signs with RS256, which the profile has not.
#[tokio::test(flavor = "multi_thread")]
async fn ipsie_sl1_a_provider_is_held_to_the_profile_where_its_connection_says_so() {
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let connection = stage.connect("client_secret_basic", json!({})).await;
        stage.sign_in(Some(&connection)).await;
        let path = format!("/connections/{}/oidc-options", text(&connection, "id"));
        let changed = stage.acme.api.put(&path, json!({ "ipsie_level": 1 })).await.expect(200);
        assert_eq!(changed["options"]["ipsie_level"], 1, "{changed:#}");
        let browser = Browser::new();
        let choice = text(&connection, "id");
        let page = arrive(&browser, &stage.app.sign_in_url(), OWNER, Some(&choice)).await;
        let page = at_the_identity_provider(&browser, page, OWNER).await;
        assert!(page.url.as_str().starts_with(&stage.gateway.url), "{}", page.url);
        let refused = stage.acme.api.get("/traces?outcome=refused").await.expect(200);
        let told = refused["items"][0].to_string();
        assert!(told.contains("the id token's header is not acceptable"), "{refused:#}");
    }
}

/// What an app asks for goes on to the real provider in its own words, and comes back as what the provider says it has seen.
#[tokio::test(flavor = "multi_thread")]
async fn an_app_that_asks_for_several_factors_leads_back_to_the_provider_which_is_asked_for_them() {
    const MFA: &str = "urn:causeway:acr:mfa";
    const STRONG: &str = "urn:example:loa:2";
    for engine in Engine::ALL {
        let stage = Stage::set(engine).await;
        let connection = stage.connect("client_secret_basic", json!({})).await;
        let options = json!({ "several_factors": { "asks_for": [STRONG], "met_by": [STRONG] } });
        let path = format!("/connections/{}/oidc-options", text(&connection, "id"));
        let changed = stage.acme.api.put(&path, options.clone()).await.expect(200);
        assert_eq!((&changed["options"]["several_factors"], &changed["preset"]["several_factors"]), {
            let mapped = &options["several_factors"];
            (mapped, mapped)
        });
        let entry = stage.acme.audit("connection.updated").await.remove(0);
        assert_eq!(entry["detail"]["provider"]["options"]["several_factors"], options["several_factors"], "{entry:#}");
        let browser = stage.sign_in(None).await;
        let shown = async |code: Option<&str>| {
            let page = browser.open(&format!("{}?acr_values={MFA}", stage.app.sign_in_url())).await;
            let page = match code {
                Some(code) => {
                    assert!(page.url.as_str().starts_with(stage.op.issuer()), "{}", page.url);
                    assert!(page.visited.iter().any(|url| url.path().ends_with("/step-up")), "{:#?}", page.visited);
                    let typed = [("login", OWNER), ("password", PASSWORD), ("code", code)];
                    browser.submit(&page, &typed).await
                }
                None => page,
            };
            let shown: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| panic!("{}", page.body));
            (shown["claims"]["acr"].clone(), shown["claims"]["amr"].clone())
        };
        let weak = (json!("urn:causeway:acr:federated"), json!(["pwd"]));
        assert_eq!(shown(Some("")).await, weak, "the provider lets them in with less, and the gateway says so");
        let strong = (json!(MFA), json!(["pwd", "otp", "mfa"]));
        assert_eq!(shown(Some("424242")).await, strong, "{}", stage.gateway.log());
        assert_eq!(shown(None).await, strong, "the session is good for it from now on");
    }
}
