//! A second real identity provider, on other code: SimpleSAMLphp with its own sign-in page and its own XML library.

use serde_json::json;

use crate::saml::{OWNER, claims};
use crate::support::browser::{Browser, Page};
use crate::support::counterparties::{PASSWORD, SampleApp};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::form::Form;
use crate::support::gateway::Gateway;
use crate::support::organization::{Organization, text};
use crate::support::simplesamlphp::SimpleSamlPhp;

/// From the app to the sign-in page of the provider, through it, and back.
async fn sign_in(browser: &Browser, app: &SampleApp, idp: &SimpleSamlPhp) -> Page {
    let page = browser.open(&app.sign_in_url()).await;
    let page = browser.submit(&page, &[("email", OWNER)]).await;
    assert!(Form::first_in(&page.body).is_some(), "no sign-in page: {}\n{}", page.body, idp.log());
    let page = browser.submit(&page, &[("username", OWNER), ("password", PASSWORD)]).await;
    assert!(page.body.contains("SAMLResponse"), "no response: {}\n{}", page.body, idp.log());
    browser.submit(&page, &[]).await
}

/// It changes its key, and nobody is kept out. It encrypts with AES-CBC alone, which nobody may (padding oracles), so an
/// encrypted answer of it is refused.
#[tokio::test(flavor = "multi_thread")]
async fn simplesamlphp_signs_people_in_signed_either_way_changes_its_key_and_signs_them_out() {
    for engine in Engine::ALL {
        let dns = Dns::start(&["acme.test"]);
        let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        acme.own_domain(&dns, "acme.test").await;
        let idp = SimpleSamlPhp::start(OWNER, PASSWORD);
        let new = json!({ "name": "SimpleSAMLphp", "protocol": "saml", "metadata_url": idp.metadata_url() });
        let connection = acme.api.post("/connections", new).await.expect(201);
        idp.trust(&text(&connection, "sp_metadata_url")).await;
        let app = SampleApp::start();
        let client = acme.register_app(&app.redirect_uri(), "ES256").await;
        app.learn(&gateway.url, &client.id, &client.secret).await;
        for how in ["both", "assertion", "response"] {
            idp.answer(how);
            let browser = Browser::asking_for_json();
            let shown = claims(&sign_in(&browser, &app, &idp).await);
            assert_eq!(shown["email"], OWNER, "{how} {shown:#}");
            // And out again, there as well.
            let page = browser.open(&format!("{}/sign-out", gateway.url)).await;
            let page = browser.submit(&page, &[]).await;
            assert!(page.body.contains("you are signed out there too"), "{} {}\n{}", page.url, page.body, idp.log());
        }
        idp.answer("both");
        let path = format!("/connections/{}/provider", text(&connection, "id"));
        for (keys, shown) in [("first second", 2), ("second first", 2), ("second", 1)] {
            // The key changes before the gateway reads the metadata again.
            idp.sign_with(keys);
            assert_eq!(claims(&sign_in(&Browser::asking_for_json(), &app, &idp).await)["email"], OWNER, "{keys}");
            let provider = json!({ "protocol": "saml", "metadata_url": idp.metadata_url() });
            let read = acme.api.put(&path, provider).await.expect(200);
            assert_eq!(read["idp_certificates"].as_array().map(Vec::len), Some(shown), "{read:#}");
        }
        idp.answer("encrypted");
        let refused = sign_in(&Browser::asking_for_json(), &app, &idp).await;
        assert!(refused.status.is_client_error(), "{}", refused.body);
        assert_eq!(acme.audit("sign_in.refused").await[0]["detail"]["detail"], "saml_undecryptable");
    }
}
