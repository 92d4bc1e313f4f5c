//! `causeway migrate`: brings the database to this program's schema, and says what it did.

use super::output;
use crate::app;
use crate::config::Config;
use crate::store::migration;

/// Runs the migrations that are missing.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let (location, _) = app::store_settings(config)?;
    let names = tokio::task::spawn_blocking(move || migration::run(&location)).await??;
    if names.is_empty() {
        output::line(format_args!("the database is up to date"))?;
    }
    for name in names {
        output::line(format_args!("ran {name}"))?;
    }
    Ok(())
}
