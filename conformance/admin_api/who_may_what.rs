//! Every operation of the OpenAPI document, tried by everybody who may not: without a token, with a revoked one, with
//! another organization's. An operation that is added to the document is tried without a line here.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Api, client};
use crate::support::organization::{Organization, text};

/// A method and a path of the document with its parameters filled in, and the answers that the document lists for it.
struct Operation {
    method: Method,
    path: String,
    statuses: Vec<u16>,
}

/// Everything the document lists, for the organization `org`; ids are ids of nothing.
async fn operations(gateway: &Gateway, org: &str) -> Vec<Operation> {
    let document = Api::new(&gateway.url, "").get("/api/v1/openapi.json").await.expect(200);
    let mut found = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let responses = operation["responses"].as_object().expect("responses");
            let statuses = responses.keys().map(|status| status.parse().expect("a status")).collect();
            let method: Method = method.to_uppercase().parse().expect("a method");
            let nothing = "01900000-0000-7000-8000-000000000000";
            let path = path.replace("{org}", org).replace("{id}", nothing).replace("{credential}", nothing);
            let path = path.replace("{request}", nothing);
            assert!(!path.contains('{'), "a parameter of {path} is not filled in");
            found.push(Operation { method, path, statuses });
        }
    }
    assert!(found.len() > 25, "only {} operations are documented", found.len());
    found
}

/// Status and body of one call, the request id taken out of the body.
async fn call(gateway: &Gateway, operation: &Operation, token: Option<&str>) -> (u16, Value) {
    let request = client().request(operation.method.clone(), format!("{}{}", gateway.url, operation.path));
    let request = request.header("content-type", "application/json").body(body_of(operation).to_string());
    let request = if let Some(token) = token { request.bearer_auth(token) } else { request };
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let what = format!("{} {}", operation.method, operation.path);
    assert!(operation.statuses.contains(&status), "{what} answered {status}, which is not in the document");
    let mut body: Value = serde_json::from_str(&answer.text().await.expect("a body")).unwrap_or(Value::Null);
    if let Some(body) = body.as_object_mut() {
        body.remove("request_id");
    }
    (status, body)
}

/// A body that is sound for the operation, so that it is the token that is refused.
fn body_of(operation: &Operation) -> Value {
    if operation.path.contains("/group-roles/") {
        return json!({ "role": "auditor" });
    }
    let last = match operation.method {
        Method::PUT if operation.path.contains("/applications/") => "applications",
        Method::PUT if operation.path.contains("/scim-schemas/") => "scim-schema",
        _ => operation.path.rsplit('/').next().unwrap_or_default(),
    };
    match last {
        "domains" => json!({ "name": "other.test" }),
        "connections" => json!({ "name": "x", "protocol": "saml", "metadata_xml": "<x/>" }),
        "provider" => json!({ "protocol": "saml", "metadata_xml": "<x/>" }),
        "limit" => json!({ "removals_per_hour": 500, "share_percent": 20 }),
        "reprovisioning" => json!({ "policy": "refuse" }),
        "sso-policy" => json!({ "policy": "optional" }),
        "mfa-policy" => json!({ "policy": "required" }),
        "route" => json!({ "priority": 1 }),
        "kind" => json!({ "kind": "education" }),
        "policy" => json!({ "linking": "never", "provisions": false, "default_role": "member" }),
        "match" => json!({ "by": "user_name" }),
        "scim-clients" => json!({ "name": "x" }),
        "scim-schemas" => json!({ "resource_type": "User", "schema": {
            "id": "urn:acme:User", "name": "x", "attributes": [{ "name": "a" }] } }),
        "roles" | "scim-roles" | "scim-entitlements" | "claims" => json!({ "items": [] }),
        "scim-schema" => json!({ "schema": { "id": "urn:acme:User", "name": "x", "attributes": [{ "name": "a" }] } }),
        "applications" => json!({ "name": "x", "redirect_uris": ["https://app.test/cb"] }),
        "admin-tokens" => json!({ "name": "x", "role": "admin" }),
        "orgs" => json!({ "slug": "other", "name": "Other", "owner_email": "owner@other.test" }),
        _ => json!({}),
    }
}

async fn nobody_gets_in(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let operator = gateway.operator();
    let acme = Organization::create(&operator, "acme", "Acme").await;
    let globex = Organization::create(&operator, "globex", "Globex").await;
    let revoked = acme.api.post("/admin-tokens", json!({ "name": "old", "role": "admin" })).await.expect(201);
    acme.api.delete(&format!("/admin-tokens/{}", text(&revoked, "id"))).await.expect(204);
    let (_, unknown) = call(&gateway, &get("/api/v1/orgs/nobody"), Some(globex.api.token())).await;
    for operation in operations(&gateway, "acme").await {
        let what = format!("{} {}", operation.method, operation.path);
        let good = acme.api.token();
        let prefix = &good[..good.len() - 1];
        let changed_case = good.to_uppercase();
        for token in [None, Some("nonsense"), Some(&*text(&revoked, "token")), Some(prefix), Some(&*changed_case)] {
            let (status, body) = call(&gateway, &operation, token).await;
            assert_eq!((status, &body["code"]), (401, &json!("unauthorized")), "{what} with {token:?}");
        }
        // Another organization's administrator hears what somebody hears who asks for what does not exist.
        let (status, body) = call(&gateway, &operation, Some(globex.api.token())).await;
        assert_eq!((status, &body), (404, &unknown), "{what} with another organization's token");
    }
    for log in [acme.audit("").await, globex.audit("").await] {
        let changes = [
            "domain.",
            "connection.",
            "scim_client.",
            "scim_schema.",
            "scim_assignables.",
            "claim_mappings.",
            "application.",
            "group.",
        ];
        let changed = log.iter().any(|entry| changes.iter().any(|name| text(entry, "action").starts_with(name)));
        assert!(!changed, "something was changed: {log:#?}");
    }
    // Those who may get other answers, all of which `call` looks up in the document.
    for operation in operations(&gateway, "acme").await {
        let token = if operation.path.contains("/operator/") { operator.token() } else { acme.api.token() };
        let (status, _) = call(&gateway, &operation, Some(token)).await;
        assert_ne!(status, 401, "{} {}", operation.method, operation.path);
    }
}

/// The roles beside owner and admin that an operation of an organization is for, as the guide has it.
fn lesser_roles(operation: &Operation) -> &'static [&'static str] {
    let (_, path) = operation.path.split_once("/orgs/acme").expect("an operation of an organization");
    let is_read = operation.method == Method::GET;
    match path.trim_start_matches('/').split('/').next() {
        Some("audit" | "traces") => &["auditor"],
        Some("scim-clients") if is_read && path.contains("/requests") => &["auditor"],
        Some("admin-tokens") => &[],
        _ if is_read => &["user_admin", "app_admin", "auditor"],
        Some("applications") => &["app_admin"],
        Some("activations") => &["user_admin"],
        Some("removals") if operation.method == Method::POST => &["user_admin"],
        _ => &[],
    }
}

/// Rule B20: what a role may not is refused before anything is looked up, whatever the ids lead to.
async fn roles_do_what_is_theirs(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let operations = operations(&gateway, "acme").await;
    let of_acme: Vec<_> = operations.into_iter().filter(|one| one.path.contains("/orgs/acme")).collect();
    for role in ["user_admin", "app_admin", "auditor"] {
        let made = acme.api.post("/admin-tokens", json!({ "name": role, "role": role })).await.expect(201);
        for operation in &of_acme {
            let (status, body) = call(&gateway, operation, Some(&text(&made, "token"))).await;
            let what = format!("{} {} as {role}: {status} {body}", operation.method, operation.path);
            if lesser_roles(operation).contains(&role) {
                assert!(status != 401 && status != 403, "{what}");
            } else {
                assert_eq!((status, &body["code"]), (403, &json!("forbidden")), "{what}");
            }
        }
    }
    let log = acme.audit("").await;
    let changes = ["domain.", "connection.", "scim_client.", "group.", "removals.", "sso_policy."];
    let changed = log.iter().any(|entry| changes.iter().any(|name| text(entry, "action").starts_with(name)));
    assert!(!changed, "{log:#?}");
}

fn get(path: &str) -> Operation {
    Operation { method: Method::GET, path: path.to_owned(), statuses: vec![404] }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_token_of_the_organization_on_sqlite() {
    nobody_gets_in(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_without_a_token_of_the_organization_on_postgres() {
    nobody_gets_in(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_carries_its_rights_and_no_more() {
    for engine in Engine::ALL {
        roles(engine).await;
    }
}

async fn roles(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let domain = json!({ "name": "acme.test" });
    for (role, may_claim, may_read, may_audit) in [
        ("admin", 201, 200, 200),
        ("auditor", 403, 200, 200),
        ("app_admin", 403, 200, 403),
        ("user_admin", 403, 200, 403),
    ] {
        let token = acme.api.post("/admin-tokens", json!({ "name": role, "role": role })).await.expect(201);
        let api = Api::new(&acme.api.base, &text(&token, "token"));
        assert_eq!(api.post("/domains", domain.clone()).await.status, may_claim, "{role}");
        assert_eq!(api.get("/domains").await.status, may_read, "{role}");
        assert_eq!(api.get("/audit").await.status, may_audit, "{role}");
        let owner = json!({ "name": "x", "role": "owner" });
        let refused = api.post("/admin-tokens", owner).await;
        assert!(matches!(refused.status.as_u16(), 400 | 403), "{role} made an owner: {refused:?}");
    }
    let member = acme.api.post("/admin-tokens", json!({ "name": "x", "role": "member" })).await;
    assert_eq!(member.expect(400)["code"], "role_not_givable");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_operators_part_is_not_there_for_an_organizations_owner() {
    for engine in Engine::ALL {
        operators_part(engine).await;
    }
}

async fn operators_part(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let owner = Api::new(&gateway.url, acme.api.token());
    for path in ["/api/v1/operator/orgs", "/api/v1/operator/applications", "/api/v1/operator/audit"] {
        assert_eq!(owner.get(path).await.expect(404)["code"], "not_found", "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn b20_a_role_does_what_is_its_own_on_sqlite() {
    roles_do_what_is_theirs(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn b20_a_role_does_what_is_its_own_on_postgres() {
    roles_do_what_is_theirs(Engine::Postgres).await;
}
