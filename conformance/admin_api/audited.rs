//! Invariant 19: every change of state that the admin API makes has its one entry.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::Api;
use crate::support::organization::{Organization, text};

const METADATA: &str = include_str!("../../src/protocol/saml/fixtures/pysaml2/metadata.xml");
const DELETE: Method = Method::DELETE;

/// An organization whose log is looked at after each call.
struct Watched {
    gateway: Gateway,
    acme: Organization,
    entries: usize,
}

impl Watched {
    /// Calls as the owner, and fails unless exactly these entries come of it.
    async fn call(&mut self, method: Method, path: &str, body: Value, actions: &[&str]) -> Value {
        let answer = self.acme.api.call(method.clone(), path, Some(body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        let log = self.acme.audit("").await;
        let new: Vec<String> = log.iter().take(log.len() - self.entries).map(|entry| text(entry, "action")).collect();
        assert_eq!(new, actions, "{method} {path}");
        self.entries = log.len();
        answer.body
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_has_its_entry() {
    for engine in Engine::ALL {
        let gateway = Gateway::start(engine, |_| {});
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        let mut watched = Watched { entries: acme.audit("").await.len(), gateway, acme };
        domains_and_tokens(&mut watched).await;
        connections(&mut watched).await;
        applications(&mut watched).await;
        provisioning(&mut watched).await;
    }
}

async fn domains_and_tokens(acme: &mut Watched) {
    let domain = acme.call(Method::POST, "/domains", json!({ "name": "acme.test" }), &["domain.claimed"]).await;
    let path = format!("/domains/{}", text(&domain, "id"));
    acme.call(Method::POST, &format!("{path}/verify"), json!({}), &["domain.check_failed"]).await;
    acme.call(DELETE, &path, json!({}), &["domain.released"]).await;
    let new = json!({ "name": "script", "role": "auditor" });
    let token = acme.call(Method::POST, "/admin-tokens", new, &["admin_token.created"]).await;
    acme.call(DELETE, &format!("/admin-tokens/{}", text(&token, "id")), json!({}), &["admin_token.revoked"]).await;
}

async fn connections(acme: &mut Watched) {
    let new = json!({ "name": "IdP", "protocol": "saml", "metadata_xml": METADATA });
    let made = acme.call(Method::POST, "/connections", new, &["connection.created"]).await;
    let path = format!("/connections/{}", text(&made, "id"));
    let provider = json!({ "protocol": "saml", "metadata_xml": METADATA });
    acme.call(Method::PUT, &format!("{path}/provider"), provider, &["connection.updated"]).await;
    let by = json!({ "by": "user_name" });
    acme.call(Method::PUT, &format!("{path}/match"), by, &["connection.updated"]).await;
    acme.call(Method::POST, &format!("{path}/disable"), json!({}), &["connection.disabled"]).await;
    acme.call(Method::POST, &format!("{path}/enable"), json!({}), &["connection.enabled"]).await;
    acme.call(DELETE, &path, json!({}), &["connection.deleted"]).await;
}

async fn applications(acme: &mut Watched) {
    let body = json!({ "name": "App", "redirect_uris": ["https://app.test/cb"] });
    let made = acme.call(Method::POST, "/applications", body.clone(), &["application.created"]).await;
    let path = format!("/applications/{}", text(&made, "client_id"));
    acme.call(Method::PUT, &path, body, &["application.updated"]).await;
    acme.call(Method::POST, &format!("{path}/secret"), json!({}), &["application.secret_rotated"]).await;
    acme.call(DELETE, &path, json!({}), &["application.deleted"]).await;
}

async fn provisioning(acme: &mut Watched) {
    let new = json!({ "name": "directory" });
    let made = acme.call(Method::POST, "/scim-clients", new, &["scim_client.created"]).await;
    let client = format!("/scim-clients/{}", text(&made, "id"));
    acme.call(Method::PATCH, &client, json!({ "name": "renamed" }), &["scim_client.updated"]).await;
    let policy = json!({ "policy": "refuse" });
    acme.call(Method::PUT, &format!("{client}/reprovisioning"), policy, &["scim_client.policy_set"]).await;
    let credentials = format!("{client}/credentials");
    let made = acme.call(Method::POST, &credentials, json!({}), &["scim_credential.created"]).await;
    let scim = Api::scim(&format!("{}/scim/v2/acme", acme.gateway.url), &text(&made, "token"));
    let new = json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "Finance" });
    let group = text(&scim.post("/Groups", new).await.expect(201), "id");
    let role = format!("/group-roles/{group}");
    let set = ["group_role.set", "group.created"];
    acme.call(Method::PUT, &role, json!({ "role": "auditor" }), &set).await;
    acme.call(DELETE, &role, json!({}), &["group_role.removed"]).await;
    let path = format!("{credentials}/{}", text(&made, "id"));
    acme.call(DELETE, &path, json!({}), &["scim_credential.revoked"]).await;
    let schema = json!({ "id": "urn:acme:User", "name": "Acme", "attributes": [{ "name": "badge" }] });
    let new = json!({ "resource_type": "User", "schema": schema.clone() });
    let made = acme.call(Method::POST, "/scim-schemas", new, &["scim_schema.registered"]).await;
    let path = format!("/scim-schemas/{}", text(&made, "id"));
    acme.call(Method::PUT, &path, json!({ "schema": schema }), &["scim_schema.changed"]).await;
    let roles = json!({ "items": [{ "value": "clerk" }] });
    acme.call(Method::PUT, "/scim-roles", roles, &["scim_assignables.changed"]).await;
    let limit = json!({ "removals_per_hour": 600, "share_percent": 30 });
    acme.call(Method::PUT, "/removals/limit", limit, &["removals.limited"]).await;
    acme.call(DELETE, &path, json!({}), &["scim_schema.deleted"]).await;
    acme.call(DELETE, &client, json!({}), &["scim_client.deleted"]).await;
}
