//! Structured logs: one line an event, JSON or text, on standard output.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;

/// The filter is not one that `tracing` knows, or a subscriber is installed already.
#[derive(Debug, thiserror::Error)]
#[error("logging cannot be set up: {0}")]
pub struct SetUpFailure(String);

/// Installs the subscriber of this process.
pub fn install(settings: &Log) -> Result<(), SetUpFailure> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|error| SetUpFailure(error.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(true);
    let installed = if settings.is_json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().try_init()
    } else {
        builder.finish().try_init()
    };
    installed.map_err(|error| SetUpFailure(error.to_string()))
}
