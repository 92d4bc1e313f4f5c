//! What the gateway tells its operators: structured logs and metrics. `docs/metrics.md` lists the metrics.

pub mod logs;
pub mod metrics;
