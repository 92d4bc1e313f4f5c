//! `causeway serve`: serves until it is told to stop, then finishes what is under way. Told once more, it ends at once.

use tokio::signal::unix::{SignalKind, signal};

use super::{system_clock, system_entropy};
use crate::app;
use crate::config::Checked;
use crate::telemetry::logs;

/// Serves. Ends well after SIGTERM or SIGINT, with an error when the server failed or a second signal cut it off.
pub async fn run(checked: Checked) -> anyhow::Result<()> {
    logs::install(&checked.config.log)?;
    for warning in &checked.warnings {
        tracing::warn!("{warning}");
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut running = app::start(checked.config, system_clock(), system_entropy()).await?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = running.ended() => anyhow::bail!("the server ended by itself"),
    }
    tracing::info!("stopping: requests under way are finished first");
    tokio::select! {
        () = running.stop() => {}
        _ = terminate.recv() => anyhow::bail!("ended at once by a second signal"),
        _ = interrupt.recv() => anyhow::bail!("ended at once by a second signal"),
    }
    tracing::info!("stopped");
    Ok(())
}
