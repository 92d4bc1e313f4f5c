//! What an organization may keep is counted: one more is refused, and there is room again when something has gone.

use serde_json::{Value, json};

use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::{Organization, text};

const METADATA: &str = include_str!("../../src/protocol/saml/fixtures/pysaml2/metadata.xml");

/// Two of each; the owner's own token is one.
const LIMITS: &str = "[limits]\ndomains_per_organization = 2\nconnections_per_organization = 2\n\
                      applications_per_organization = 2\nadmin_tokens_per_organization = 3\n\
                      scim_clients_per_organization = 2\ncredentials_per_scim_client = 2\n";

#[tokio::test(flavor = "multi_thread")]
async fn one_more_than_the_quota_is_refused_until_something_has_gone() {
    for engine in Engine::ALL {
        quotas(engine).await;
    }
}

async fn quotas(engine: Engine) {
    let gateway = Gateway::start(engine, |settings| settings.more = LIMITS.to_owned());
    let operator = gateway.operator();
    let acme = Organization::create(&operator, "acme", "Acme").await;
    let domain = |n: usize| json!({ "name": format!("d{n}.test") });
    let connection = |_| json!({ "name": "IdP", "protocol": "saml", "metadata_xml": METADATA });
    let application = |_| json!({ "name": "App", "redirect_uris": ["https://app.test/cb"] });
    fills_up(&acme, "/domains", domain).await;
    fills_up(&acme, "/connections", connection).await;
    fills_up(&acme, "/applications", application).await;
    fills_up(&acme, "/admin-tokens", |_| json!({ "name": "x", "role": "admin" })).await;
    let client = fills_up(&acme, "/scim-clients", |_| json!({ "name": "directory" })).await;
    fills_up(&acme, &format!("/scim-clients/{client}/credentials"), |_| json!({})).await;
    // What one organization has is no other's business, and the operator's applications are nobody's.
    let globex = Organization::create(&operator, "globex", "Globex").await;
    globex.api.post("/domains", domain(0)).await.expect(201);
    for _ in 0..3 {
        operator.post("/api/v1/operator/applications", application(0)).await.expect(201);
    }
}

/// Makes two at `path`, is refused a third, removes the first, and makes the third: its id.
async fn fills_up(acme: &Organization, path: &str, body: impl Fn(usize) -> Value) -> String {
    let first = acme.api.post(path, body(1)).await.expect(201);
    acme.api.post(path, body(2)).await.expect(201);
    let before = acme.audit("").await.len();
    assert_eq!(acme.api.post(path, body(3)).await.expect(409)["code"], "too_many", "{path}");
    assert_eq!(acme.audit("").await.len(), before, "{path}: what was refused is in the log");
    let id = if path == "/applications" { "client_id" } else { "id" };
    acme.api.delete(&format!("{path}/{}", text(&first, id))).await.expect(204);
    text(&acme.api.post(path, body(3)).await.expect(201), id)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_come_at_once_no_more_get_in_than_there_is_room_for() {
    for engine in Engine::ALL {
        at_once(engine).await;
    }
}

async fn at_once(engine: Engine) {
    let gateway = Gateway::start(engine, |settings| settings.more = LIMITS.to_owned());
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let claims = (0..12).map(|n| {
        let api = acme.api.clone();
        tokio::spawn(async move { api.post("/domains", json!({ "name": format!("d{n}.test") })).await.status.as_u16() })
    });
    let mut made = 0;
    for claim in claims.collect::<Vec<_>>() {
        match claim.await.expect("an answer") {
            201 => made += 1,
            status => assert_eq!(status, 409),
        }
    }
    assert_eq!(made, 2);
}
