//! An organization of the gateway as its administrators set it up: through the admin API, with their token.

use serde_json::{Value, json};

use super::counterparties::{OidcOp, SamlIdp};
use super::dns::Dns;
use super::http::Api;

/// An organization and the token of its owner.
pub struct Organization {
    pub slug: String,
    pub id: String,
    pub api: Api,
    gateway_url: String,
}

/// Where an identity provider pushes people, and with what.
pub struct ScimAccess {
    pub base: String,
    pub token: String,
    /// The id of the client.
    pub client: String,
}

/// What an app needs to know to sign people in.
pub struct Client {
    pub id: String,
    pub secret: String,
}

/// The secret of the gateway at every OpenID provider of the tests.
const UPSTREAM_SECRET: &str = "the-secret-of-the-gateway-at-the-provider";

impl Organization {
    /// The operator creates it; the owner gets a token.
    pub async fn create(operator: &Api, slug: &str, name: &str) -> Self {
        let owner = format!("owner@{slug}.test");
        let new = json!({ "slug": slug, "name": name, "owner_email": owner });
        let created = operator.post("/api/v1/operator/orgs", new).await.expect(201);
        let token = text(&created, "admin_token");
        let api = Api::new(&format!("{}/api/v1/orgs/{slug}", operator.base), &token);
        Self { slug: slug.to_owned(), id: text(&created, "id"), api, gateway_url: operator.base.clone() }
    }

    /// Claims `domain`, publishes what the gateway asks for, and has it verified.
    pub async fn own_domain(&self, dns: &Dns, domain: &str) {
        let claim = self.api.post("/domains", json!({ "name": domain })).await.expect(201);
        let (name, value) = (text(&claim["record"], "name"), text(&claim["record"], "value"));
        let name = name.strip_suffix(&format!(".{domain}")).expect("the record stands below the domain");
        dns.publish(domain, 2, &[(name, &value)]);
        let checked = self.api.post(&format!("/domains/{}/verify", text(&claim, "id")), json!({})).await.expect(200);
        assert_eq!(checked["state"], "verified", "{checked:#}");
    }

    /// A SCIM client with a fresh credential.
    pub async fn scim_access(&self) -> ScimAccess {
        self.scim_access_as("standard").await
    }

    /// The same under this profile.
    pub async fn scim_access_as(&self, profile: &str) -> ScimAccess {
        let new = json!({ "name": "directory", "profile": profile });
        let client = self.api.post("/scim-clients", new).await.expect(201);
        let credentials = format!("/scim-clients/{}/credentials", text(&client, "id"));
        let credential = self.api.post(&credentials, json!({})).await.expect(201);
        let base = format!("{}/scim/v2/{}", self.gateway_url, self.slug);
        ScimAccess { base, token: text(&credential, "token"), client: text(&client, "id") }
    }

    /// Connects a SAML identity provider from its metadata, and tells it of the gateway.
    pub async fn connect_saml(&self, idp: &SamlIdp) -> Value {
        let new = json!({ "name": "Acme SAML", "protocol": "saml", "metadata_url": idp.metadata_url() });
        let connection = self.api.post("/connections", new).await.expect(201);
        idp.trust(&text(&connection, "sp_metadata_url")).await;
        connection
    }

    /// Connects an OpenID provider by discovery, and registers the gateway there.
    pub async fn connect_oidc(&self, op: &OidcOp) -> Value {
        let new = json!({
            "name": "Acme OpenID", "protocol": "oidc", "issuer": op.issuer(), "client_id": self.slug,
            "client_secret": UPSTREAM_SECRET,
        });
        let connection = self.api.post("/connections", new).await.expect(201);
        op.add_client(&self.slug, UPSTREAM_SECRET, &text(&connection, "callback_url")).await;
        connection
    }

    /// Registers an app.
    pub async fn register_app(&self, redirect_uri: &str, id_token_algorithm: &str) -> Client {
        let new = json!({
            "name": "Sample app", "redirect_uris": [redirect_uri], "id_token_algorithm": id_token_algorithm,
        });
        let app = self.api.post("/applications", new).await.expect(201);
        Client { id: text(&app, "client_id"), secret: text(&app, "client_secret") }
    }

    /// The newest entries of the audit log whose action begins with `action`.
    pub async fn audit(&self, action: &str) -> Vec<Value> {
        let log = self.api.get("/audit?limit=200").await.expect(200);
        let entries = log["items"].as_array().expect("a list of entries").iter();
        entries.filter(|entry| text(entry, "action").starts_with(action)).cloned().collect()
    }
}

/// The text under `name`.
pub fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_else(|| panic!("no text {name} in {value:#}")).to_owned()
}
