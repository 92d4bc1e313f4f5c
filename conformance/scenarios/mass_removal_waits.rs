//! Decision Q33 from outside: an identity provider removes more people than the organization allows within an hour. The
//! rest waits; the owner is told once, and confirms.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::on_both_engines;
use crate::support::dns::Dns;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::http::{Api, client};
use crate::support::organization::{Organization, text};
use crate::support::server::TestServer;

#[tokio::test(flavor = "multi_thread")]
async fn q33_a_mass_removal_waits_for_the_owner_on_sqlite() {
    a_mass_removal_waits(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn q33_a_mass_removal_waits_for_the_owner_on_postgres() {
    a_mass_removal_waits(Engine::Postgres).await;
}

async fn a_mass_removal_waits(engine: Engine) {
    let dns = Dns::start(&["acme.test"]);
    let gateway = Gateway::start(engine, |settings| settings.dns = Some(dns.address));
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    acme.own_domain(&dns, "acme.test").await;
    let access = acme.scim_access().await;
    let scim = Api::scim(&access.base, &access.token);
    let mut people = Vec::new();
    for n in 0..6 {
        let user =
            json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": format!("u{n}@acme.test") });
        people.push(format!("/Users/{}", text(&scim.post("/Users", user).await.expect(201), "id")));
    }
    let limit = json!({ "removals_per_hour": 2, "share_percent": 0 });
    acme.api.call(reqwest::Method::PUT, "/removals/limit", Some(limit)).await.expect(200);
    for path in &people[..2] {
        scim.delete(path).await.expect(204);
    }
    let refused = scim.delete(&people[2]).await;
    assert_eq!(
        (refused.status.as_u16(), refused.headers.get("retry-after").is_some()),
        (429, true),
        "{:#}",
        refused.body
    );
    assert!(text(&refused.body, "detail").contains("administrator"), "{:#}", refused.body);
    scim.get(&people[2]).await.expect(200);
    let brake = acme.api.get("/removals").await.expect(200);
    assert_eq!((&brake["state"], &brake["waiting"]), (&json!("waiting"), &json!(1)), "{brake:#}");
    scim.delete(&people[2]).await.expect(429);
    scim.delete(&people[3]).await.expect(204);

    let deadline = Instant::now() + Duration::from_secs(10);
    let tells = |mail: &String| mail.replace("=\r\n", "").contains("removing very many people");
    let mails = || gateway.mail().iter().filter(|mail| tells(mail)).count();
    while mails() == 0 {
        assert!(Instant::now() < deadline, "the owner was not told: {}", gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let confirmed = acme.api.post("/removals/confirm", json!({})).await.expect(200);
    assert_eq!(confirmed["state"], "confirmed", "{confirmed:#}");
    while scim.get(&people[2]).await.status != 404 {
        assert!(Instant::now() < deadline, "what was confirmed was not done: {}", gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let watched = client().get(format!("{}/metrics", gateway.url)).send().await.expect("an answer");
    let watched = watched.text().await.expect("text");
    for (decision, count) in [("confirmed", 1), ("rejected", 0)] {
        let line = format!("causeway_removals_decided_total{{decision=\"{decision}\"}} {count}");
        assert!(watched.lines().any(|told| told == line), "{line} is not in\n{watched}");
    }
    scim.delete(&people[4]).await.expect(204);
    assert_eq!(mails(), 1, "the owner was told once");
    assert_eq!(acme.audit("removals.").await.len(), 3, "limited, held, confirmed");
}

/// A POST that takes over somebody who is there, with `active: false`, takes access away like every other removal: past the
/// limit it is on the list that the administrators see.
async fn a_post_that_takes_access_away_waits_as_well(engine: Engine) {
    let server = TestServer::start(engine, |_| {}).await;
    let acme = Organization::create(&server.operator(), "acme", "Acme").await;
    let access = acme.scim_access().await;
    let policy = format!("/scim-clients/{}/reprovisioning", access.client);
    acme.api.call(reqwest::Method::PUT, &policy, Some(json!({ "policy": "adopt" }))).await.expect(200);
    let scim = Api::scim(&access.base, &access.token);
    let user = |name: &str, is_active: bool| json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"], "userName": name, "active": is_active });
    for name in ["ada", "bob"] {
        scim.post("/Users", user(name, true)).await.expect(201);
    }
    let limit = json!({ "removals_per_hour": 1, "share_percent": 0 });
    acme.api.call(reqwest::Method::PUT, "/removals/limit", Some(limit)).await.expect(200);
    assert_eq!(scim.post("/Users", user("ada", false)).await.expect(201)["active"], false);
    let waits = scim.post("/Users", user("bob", false)).await.expect(429);
    assert!(text(&waits, "detail").contains("administrator"), "{waits:#}");
    let brake = acme.api.get("/removals").await.expect(200);
    assert_eq!((&brake["state"], &brake["waiting"]), (&json!("waiting"), &json!(1)), "{brake:#}");
    assert_eq!(acme.audit("removals.held").await.len(), 1, "the administrators are told");
    server.stop().await;
}

on_both_engines! {
    a_post_that_takes_access_away_waits_as_well => q33_posts_on_sqlite, q33_posts_on_postgres;
}
