//! Invariant 19: every change of state that the admin API makes has its one entry.

use std::collections::BTreeSet;

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
    operator: Api,
    operators_entries: usize,
    /// The operations that were tried, in the form of [`form`].
    tried: BTreeSet<String>,
}

/// Operations whose entries are looked at elsewhere, because it takes a story to get there.
const ELSEWHERE: [(&str, &str); 10] = [
    ("POST /domains/{}/check", "directory/domains/recheck/tests.rs: domain.recovered"),
    ("PUT /domains/{}/sso-policy", "access/enforcement/preflight/tests.rs: sso_policy.changed"),
    ("PUT /break-glass/{}", "access/enforcement/preflight/tests.rs: break_glass.added"),
    ("DELETE /break-glass/{}", "access/enforcement/preflight/tests.rs: break_glass.removed"),
    ("POST /activations/{}/resend", "directory/activation/tests.rs: activation.sent"),
    ("POST /removals/confirm", "scenarios/mass_removal_waits.rs: removals.confirmed"),
    ("POST /removals/reject", "provisioning/brake/tests.rs: removals.rejected"),
    ("PUT /connections/{}/oidc-options", "http/federation/initiate.rs: connection.updated"),
    ("DELETE /accounts/{}/second-factor", "access/second_factors/tests.rs: second_factor.removed"),
    ("POST /scim-clients/{}/requests/{}/try-again", "scim/request_log.rs: scim_request.tried"),
];

/// Method and path without what differs from one thing to the next.
fn form(method: &Method, path: &str) -> String {
    let is_name = |part: &str| part.len() == 36 || part.starts_with('{');
    let parts: Vec<_> = path.split('/').map(|part| if is_name(part) { "{}" } else { part }).collect();
    format!("{method} {}", parts.join("/"))
}

impl Watched {
    /// Calls as the owner, and fails unless exactly these entries come of it.
    async fn call(&mut self, method: Method, path: &str, body: Value, actions: &[&str]) -> Value {
        let answer = self.acme.api.call(method.clone(), path, Some(body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        let log = self.acme.audit("").await;
        let new: Vec<String> = log.iter().take(log.len() - self.entries).map(|entry| text(entry, "action")).collect();
        assert_eq!(new, actions, "{method} {path}");
        self.tried.insert(form(&method, path));
        self.entries = log.len();
        answer.body
    }

    /// Calls as an operator, and fails unless exactly these entries come of it in the operators' log, and then these in the
    /// organization's.
    async fn operate(&mut self, (method, path): (Method, &str), body: Value, actions: [&[&str]; 2]) -> Value {
        let answer = self.operator.call(method.clone(), &format!("/api/v1{path}"), Some(body)).await;
        assert!(answer.status.is_success(), "{method} {path}: {answer:?}");
        let logs = [operators_log(&self.operator).await, self.acme.audit("").await];
        for ((log, before), actions) in logs.iter().zip([self.operators_entries, self.entries]).zip(actions) {
            let new: Vec<_> = log.iter().take(log.len() - before).map(|entry| text(entry, "action")).collect();
            assert_eq!(new, actions, "{method} {path}");
        }
        self.tried.insert(form(&method, path));
        [self.operators_entries, self.entries] = logs.map(|log| log.len());
        answer.body
    }
}

/// The operators' log, newest entry first.
async fn operators_log(operator: &Api) -> Vec<Value> {
    let log = operator.get("/api/v1/operator/audit?limit=200").await.expect(200);
    log["items"].as_array().expect("a list of entries").clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_change_has_its_entry() {
    for engine in Engine::ALL {
        let gateway = Gateway::start(engine, |_| {});
        let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
        let (entries, operator) = (acme.audit("").await.len(), gateway.operator());
        let operators_entries = operators_log(&operator).await.len();
        let mut watched = Watched { entries, operator, operators_entries, gateway, acme, tried: BTreeSet::new() };
        domains_and_tokens(&mut watched).await;
        connections(&mut watched).await;
        applications(&mut watched).await;
        provisioning(&mut watched).await;
        operators_calls(&mut watched).await;
        nothing_was_left_out(&watched).await;
    }
}

/// An operation that changes something and is added to the document is tried here, or named above.
async fn nothing_was_left_out(acme: &Watched) {
    let document = Api::new(&acme.gateway.url, "").get("/api/v1/openapi.json").await.expect(200);
    for (path, item) in document["paths"].as_object().expect("paths") {
        let path = path.strip_prefix("/api/v1").expect("a path of the API");
        let path = path.strip_prefix("/orgs/{org}").unwrap_or(path);
        for method in item.as_object().expect("operations").keys().filter(|method| *method != "get") {
            let operation = form(&method.to_uppercase().parse().expect("a method"), path);
            let is_elsewhere = ELSEWHERE.iter().any(|(known, _)| *known == operation);
            assert!(acme.tried.contains(&operation) != is_elsewhere, "{operation} is neither tried nor named, or both");
        }
    }
}

/// What operators do is in the log of the organization that it is about, and in their own where it is about none.
async fn operators_calls(acme: &mut Watched) {
    let new = json!({ "slug": "other", "name": "Other", "owner_email": "owner@other.test" });
    acme.operate((Method::POST, "/operator/orgs"), new, [&[], &[]]).await;
    let log = acme.operator.get("/api/v1/orgs/other/audit").await.expect(200);
    let made: Vec<_> = log["items"].as_array().expect("entries").iter().map(|entry| text(entry, "action")).collect();
    assert_eq!(made, ["admin_token.created", "user.created", "organization.created"]);
    let path = format!("/operator/orgs/{}/kind", acme.acme.id);
    let kind = json!({ "kind": "education" });
    acme.operate((Method::PUT, &path), kind, [&[], &["organization.kind_set"]]).await;

    let body = json!({ "name": "App", "redirect_uris": ["https://app.test/cb"] });
    let applications = (Method::POST, "/operator/applications");
    let made = acme.operate(applications, body.clone(), [&["application.created"], &[]]).await;
    let path = format!("/operator/applications/{}", text(&made, "client_id"));
    acme.operate((Method::PUT, &path), body, [&["application.updated"], &[]]).await;
    let secret = format!("{path}/secret");
    acme.operate((Method::POST, &secret), json!({}), [&["application.secret_rotated"], &[]]).await;
    acme.operate((DELETE, &path), json!({}), [&["application.deleted"], &[]]).await;

    let tokens = acme.operator.get("/api/v1/operator/tokens").await.expect(200);
    let path = format!("/operator/tokens/{}", text(&tokens["items"][0], "id"));
    acme.operate((DELETE, &path), json!({}), [&["admin_token.revoked"], &[]]).await;
}

async fn domains_and_tokens(acme: &mut Watched) {
    let domain = acme.call(Method::POST, "/domains", json!({ "name": "acme.test" }), &["domain.claimed"]).await;
    let path = format!("/domains/{}", text(&domain, "id"));
    acme.call(Method::POST, &format!("{path}/verify"), json!({}), &["domain.check_failed"]).await;
    acme.call(DELETE, &path, json!({}), &["domain.released"]).await;
    let new = json!({ "name": "script", "role": "auditor" });
    let token = acme.call(Method::POST, "/admin-tokens", new, &["admin_token.created"]).await;
    acme.call(Method::PUT, "/mfa-policy", json!({ "policy": "required" }), &["mfa_policy.changed"]).await;
    acme.call(Method::PUT, "/mfa-policy", json!({ "policy": "required" }), &[]).await;
    acme.call(DELETE, &format!("/admin-tokens/{}", text(&token, "id")), json!({}), &["admin_token.revoked"]).await;
}

async fn connections(acme: &mut Watched) {
    let new = json!({ "name": "IdP", "protocol": "saml", "metadata_xml": METADATA });
    let made = acme.call(Method::POST, "/connections", new, &["connection.created"]).await;
    let path = format!("/connections/{}", text(&made, "id"));
    let provider = json!({ "protocol": "saml", "metadata_xml": METADATA });
    acme.call(Method::PUT, &format!("{path}/provider"), provider, &["connection.updated"]).await;
    let by = json!({ "by": "user_name" });
    let options = json!({ "requires_encryption": true });
    acme.call(Method::PUT, &format!("{path}/options"), options, &["connection.updated"]).await;
    let moved = ["connection.updated", "connection.policy_set"];
    acme.call(Method::PUT, &format!("{path}/match"), by, &moved).await;
    let policy = json!({ "linking": "never", "provisions": false, "default_role": "member" });
    acme.call(Method::PUT, &format!("{path}/policy"), policy, &["connection.policy_set"]).await;
    let roles = json!({ "items": [{ "group": "auditors", "role": "auditor" }] });
    acme.call(Method::PUT, &format!("{path}/roles"), roles, &["connection.roles_set"]).await;
    acme.call(Method::PUT, &format!("{path}/route"), json!({ "priority": 2 }), &["connection.route_set"]).await;
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
    acme.call(Method::PUT, "/scim-roles", roles.clone(), &["scim_assignables.changed"]).await;
    acme.call(Method::PUT, "/scim-entitlements", roles, &["scim_assignables.changed"]).await;
    let claims = json!({ "items": [{ "claim": "title", "attribute": "title", "scope": "profile" }] });
    acme.call(Method::PUT, "/claims", claims, &["claim_mappings.changed"]).await;
    let limit = json!({ "removals_per_hour": 600, "share_percent": 30 });
    acme.call(Method::PUT, "/removals/limit", limit, &["removals.limited"]).await;
    acme.call(DELETE, &path, json!({}), &["scim_schema.deleted"]).await;
    acme.call(DELETE, &client, json!({}), &["scim_client.deleted"]).await;
}
