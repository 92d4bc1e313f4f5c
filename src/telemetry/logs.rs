//! Structured logs: one line an event, JSON or text, on standard output.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::Log;

/// The filter is not one that `tracing` knows, or a subscriber is installed already.
#[derive(Debug, thiserror::Error)]
#[error("logging cannot be set up: {0}")]
pub struct SetUpFailure(String);

/// Says what is wrong with a filter, before anything is installed.
pub fn check(filter: &str) -> Result<(), String> {
    EnvFilter::try_new(filter).map(|_| ()).map_err(|error| format!("is not a filter: {error}"))
}

/// Installs the subscriber of this process.
pub fn install(settings: &Log) -> Result<(), SetUpFailure> {
    let filter = EnvFilter::try_new(&settings.filter).map_err(|error| SetUpFailure(error.to_string()))?;
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_target(true);
    let installed = if settings.is_json {
        builder.json().flatten_event(true).with_current_span(true).with_span_list(false).finish().try_init()
    } else {
        // Colours are for a terminal: in a file or a collector they would be noise.
        builder.with_ansi(std::io::stdout().is_terminal()).finish().try_init()
    };
    installed.map_err(|error| SetUpFailure(error.to_string()))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::EnvFilter;

    use super::check;
    use crate::config::DEFAULT_FILTER;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn by_default_a_request_that_is_no_http_is_no_error_in_the_log() {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::new(DEFAULT_FILTER))
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::error!(target: "actix_http::h1::dispatcher", "stream error");
            tracing::error!(target: "actix_http::h1::decoder", "too much unprocessed");
            tracing::info!(target: "causeway::http", "served");
        });
        let written = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(!written.contains("stream error"), "{written}");
        assert!(written.contains("too much unprocessed") && written.contains("served"), "{written}");
    }

    #[test]
    fn a_filter_is_checked_before_it_is_used() {
        for good in ["info", "causeway=debug,info", "off"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in ["causeway=loud", "info,=,", "[{"] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
