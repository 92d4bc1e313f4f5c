//! Metrics, in the Prometheus text format. Names are constants here and documented in `docs/metrics.md`; labels have
//! few values, never an id or an address.

use std::sync::OnceLock;
use std::time::Duration;

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Requests served, by surface, method and status class.
pub const REQUESTS: &str = "causeway_http_requests_total";
/// How long requests took, in seconds, by surface.
pub const REQUEST_SECONDS: &str = "causeway_http_request_duration_seconds";
/// Sign-ins that ended, by outcome.
pub const SIGN_INS: &str = "causeway_sign_ins_total";
/// Passwords that were typed to sign in, by outcome.
pub const PASSWORDS: &str = "causeway_passwords_total";
/// Codes of a second factor that were typed to sign in, by outcome.
pub const CODES: &str = "causeway_codes_total";
/// Passkeys that were shown to sign in, by outcome.
pub const PASSKEYS: &str = "causeway_passkeys_total";
/// Jobs that ended, by kind and outcome.
pub const JOBS: &str = "causeway_jobs_total";
/// Jobs that wait.
pub const JOBS_WAITING: &str = "causeway_jobs_waiting";
/// Jobs that were given up.
pub const JOBS_FAILED: &str = "causeway_jobs_failed";
/// Handlers that panicked; each is a defect.
pub const PANICS: &str = "causeway_panics_total";

/// SCIM requests that were refused because of a limit, by limit.
pub const SCIM_REFUSED: &str = "causeway_scim_refused_total";
/// Exchanges with SCIM clients that the request log heard of, by outcome.
pub const SCIM_EXCHANGES: &str = "causeway_scim_exchanges_total";

/// Removals that the brake holds until a human decides.
pub const REMOVALS_WAITING: &str = "causeway_removals_waiting";
/// What humans decided about removals that the brake held, by decision.
pub const REMOVALS_DECIDED: &str = "causeway_removals_decided_total";

/// Look-ups of domains that were proved before, by outcome.
pub const DOMAIN_CHECKS: &str = "causeway_domain_checks_total";
/// Domains whose record is gone.
pub const DOMAINS_AT_RISK: &str = "causeway_domains_at_risk";
/// Domains whose record was gone for too long.
pub const DOMAINS_LAPSED: &str = "causeway_domains_lapsed";

/// Every metric, for the test that compares this list with `docs/metrics.md`.
pub const ALL: &[&str] = &[
    REQUESTS,
    REQUEST_SECONDS,
    SIGN_INS,
    PASSWORDS,
    CODES,
    PASSKEYS,
    JOBS,
    JOBS_WAITING,
    JOBS_FAILED,
    PANICS,
    SCIM_REFUSED,
    SCIM_EXCHANGES,
    REMOVALS_WAITING,
    REMOVALS_DECIDED,
    DOMAIN_CHECKS,
    DOMAINS_AT_RISK,
    DOMAINS_LAPSED,
];

static HANDLE: OnceLock<Option<PrometheusHandle>> = OnceLock::new();

/// Installs the recorder of this process; a second call changes nothing.
pub fn install() {
    HANDLE.get_or_init(|| {
        let buckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Full(REQUEST_SECONDS.to_owned()), &buckets)
            .ok()?
            .upkeep_timeout(Duration::from_secs(5));
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).ok()?;
        // An alarm on a counter needs its zero: one that appears with its first panic never rose.
        metrics::counter!(PANICS).absolute(0);
        for limit in ["client", "organization", "at_once"] {
            metrics::counter!(SCIM_REFUSED, "limit" => limit).absolute(0);
        }
        for decision in ["confirmed", "rejected"] {
            metrics::counter!(REMOVALS_DECIDED, "decision" => decision).absolute(0);
        }
        for outcome in ["found", "missing", "failed", "overtaken"] {
            metrics::counter!(DOMAIN_CHECKS, "outcome" => outcome).absolute(0);
        }
        for outcome in ["right", "wrong", "limited"] {
            metrics::counter!(PASSWORDS, "outcome" => outcome).absolute(0);
            metrics::counter!(CODES, "outcome" => outcome).absolute(0);
        }
        for outcome in ["right", "wrong"] {
            metrics::counter!(PASSKEYS, "outcome" => outcome).absolute(0);
        }
        Some(handle)
    });
}

/// All metrics as text; `None` when no recorder could be installed.
pub fn render() -> Option<String> {
    HANDLE.get().and_then(Option::as_ref).map(PrometheusHandle::render)
}

/// Drains what histograms gathered. To be called every few seconds, so that nothing piles up between scrapes.
pub fn upkeep() {
    if let Some(handle) = HANDLE.get().and_then(Option::as_ref) {
        handle.run_upkeep();
    }
}
