//! `causeway migrate`: brings the database to this program's schema, and says what it did.

use crate::app;
use crate::config::Config;
use crate::store::migration;

/// Runs the migrations that are missing.
pub async fn run(config: &Config) -> anyhow::Result<()> {
    let (location, _) = app::store_settings(config)?;
    let names = tokio::task::spawn_blocking(move || migration::run(&location)).await??;
    if names.is_empty() {
        println!("the database is up to date");
    }
    for name in names {
        println!("ran {name}");
    }
    Ok(())
}
