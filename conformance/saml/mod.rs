//! The SAML service provider against real identity providers (pysaml2, SimpleSAMLphp): honest, dishonest, and none at all.

mod dishonest;
mod door;
mod encrypted;
mod genuine;
mod roll_over;
mod sign_out;
mod simplesamlphp;

use serde_json::{Value, json};
use url::Url;

use crate::support::browser::{Browser, Page};
use crate::support::counterparties::{PASSWORD, SamlIdp, SampleApp, person};
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::form::Form;
use crate::support::gateway::Gateway;
use crate::support::organization::{Organization, text};

/// The owner, whom the organization has from its first day.
const OWNER: &str = "owner@acme.test";

/// Acme with a proven domain and one SAML connection, and an app.
struct Stage {
    acme: Organization,
    idp: SamlIdp,
    connection: Value,
    app: SampleApp,
    /// The app's id at the gateway.
    client: String,
    gateway: Gateway,
    _dns: Dns,
}

impl Stage {
    /// `sign` is "assertion", "response" or "both".
    async fn set(engine: Engine, sign: &str) -> Self {
        let dns = Dns::start(&["acme.test"]);
        let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        acme.own_domain(&dns, "acme.test").await;
        let idp = SamlIdp::signing(sign, &[person(OWNER, "Olive")]);
        let connection = acme.connect_saml(&idp).await;
        let app = SampleApp::start();
        let client = acme.register_app(&app.redirect_uri(), "ES256").await;
        app.learn(&gateway.url, &client.id, &client.secret).await;
        Self { acme, idp, connection, app, client: client.id, gateway, _dns: dns }
    }

    /// From the app through the gateway to the identity provider's sign-in form.
    async fn arrive(&self, browser: &Browser) -> Page {
        let page = browser.open(&format!("{}/sign-in", self.app.0.url)).await;
        browser.submit(&page, &[("email", OWNER)]).await
    }

    /// Signs in there; the page carries the response in a form. `fault` makes it dishonest.
    async fn answered(&self, browser: &Browser, fault: Option<&str>) -> Page {
        self.answered_with(browser, &fault.map_or_else(Vec::new, |fault| vec![("fault", fault)])).await
    }

    /// The same with these choices of how the identity provider answers.
    async fn answered_with(&self, browser: &Browser, choices: &[(&str, &str)]) -> Page {
        let page = self.arrive(browser).await;
        let mut fields = vec![("login", OWNER), ("password", PASSWORD)];
        fields.extend(choices);
        let page = browser.submit(&page, &fields).await;
        assert!(page.body.contains("SAMLResponse"), "no response:\n{}", page.body);
        page
    }

    /// A path of the connection in the admin API.
    fn path(&self, rest: &str) -> String {
        format!("/connections/{}{rest}", text(&self.connection, "id"))
    }

    fn acs(&self) -> Url {
        Url::parse(&text(&self.connection, "acs_url")).expect("an address")
    }

    /// (code, check) of the audit entries about refused sign-ins, newest first.
    async fn refusals(&self) -> Vec<(String, String)> {
        let entries = self.acme.audit("sign_in.refused").await;
        let detail = |entry: &Value| (text(&entry["detail"], "code"), text(&entry["detail"], "detail"));
        entries.iter().map(detail).collect()
    }
}

/// The fields of the form that carries a response.
fn response_fields(page: &Page) -> Vec<(String, String)> {
    Form::first_in(&page.body).expect("a form").fields
}

/// The app's answer says who signed in.
fn claims(page: &Page) -> Value {
    let shown: Value = serde_json::from_str(&page.body).unwrap_or_else(|_| json!({ "not the app": page.body }));
    assert!(shown["claims"].is_object(), "{}: {shown:#}", page.url);
    shown["claims"].clone()
}
