//! scim-sanity (PyPI) against a served gateway, by the letter and with what the field does otherwise: no failure and no
//! warning, on both engines.

use crate::support::counterparties::scim_sanity;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::Organization;

/// What it leaves out because a server need not have it: resource types of an expired draft.
const OPTIONAL: [&str; 3] = ["Agent CRUD Lifecycle", "AgenticApplication CRUD Lifecycle", "Agent Rapid Lifecycle"];

#[tokio::test(flavor = "multi_thread")]
async fn scim_sanity_finds_nothing_on_sqlite() {
    scim_sanity_finds_nothing(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim_sanity_finds_nothing_on_postgres() {
    scim_sanity_finds_nothing(Engine::Postgres).await;
}

async fn scim_sanity_finds_nothing(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let scim = acme.scim_access().await;
    for mode in ["--strict", "--compat"] {
        let (report, ended) = scim_sanity(&scim.base, &scim.token, mode);
        let results = report["results"].as_array().unwrap_or_else(|| panic!("{mode}: no results in {report:#}"));
        let of = |status: &str| results.iter().filter(|result| result["status"] == status).count();
        let bad = results.iter().filter(|result| match result["status"].as_str() {
            Some("pass") => false,
            Some("skip") => !OPTIONAL.iter().any(|name| result["name"] == *name),
            _ => true,
        });
        assert_eq!(bad.collect::<Vec<_>>(), Vec::<&serde_json::Value>::new(), "{mode}");
        assert!(of("pass") >= 28, "{mode}: only {} checks passed", of("pass"));
        assert!(ended.success(), "{mode}: scim-sanity ended with {ended}");
    }
}
