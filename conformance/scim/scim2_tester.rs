//! scim2-tester (PyPI, through scim2-cli) against a served gateway: it must pass completely, on both engines.

use crate::support::counterparties::scim2_tester;
use crate::support::engine::Engine;
use crate::support::gateway::Gateway;
use crate::support::organization::Organization;

/// What the pinned version checks of this gateway.
const CHECKS: usize = 138;

#[tokio::test(flavor = "multi_thread")]
async fn scim2_tester_passes_completely_on_sqlite() {
    scim2_tester_passes_completely(Engine::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scim2_tester_passes_completely_on_postgres() {
    scim2_tester_passes_completely(Engine::Postgres).await;
}

async fn scim2_tester_passes_completely(engine: Engine) {
    let gateway = Gateway::start(engine, |_| {});
    let acme = Organization::create(&gateway.operator(), "acme", "Acme").await;
    let scim = acme.scim_access().await;
    let (report, ended) = scim2_tester(&scim.base, &scim.token);
    let of = |statuses: &[&str]| -> Vec<&str> {
        report.lines().filter(|line| statuses.iter().any(|status| line.starts_with(status))).collect()
    };
    let bad = of(&["ERROR", "CRITICAL", "DEVIATION", "SKIPPED"]);
    assert!(bad.is_empty(), "{}", explained(&report, &bad));
    let passed = of(&["SUCCESS", "COMPLIANT"]).len();
    assert!(passed >= CHECKS, "only {passed} of {CHECKS} checks were run:\n{report}");
    assert!(ended.success(), "scim2 ended with {ended}:\n{report}");
}

/// The lines of the report from each bad one to the next check.
fn explained(report: &str, bad: &[&str]) -> String {
    let is_heading = |line: &str| line.starts_with(|first: char| first.is_ascii_uppercase());
    let mut lines = Vec::new();
    let mut is_wanted = false;
    for line in report.lines() {
        if is_heading(line) {
            is_wanted = bad.contains(&line);
        }
        if is_wanted {
            lines.push(line);
        }
    }
    lines.join("\n")
}
