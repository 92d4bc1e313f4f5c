//! The task that stores the request log: twice a second what was recorded since, and the rest when the gateway stops.

use std::time::Duration;

use tokio::sync::watch;

use crate::flows::keep_request_log::{Keeper, Kept};
use crate::telemetry::metrics;
use crate::values::clock::Clock;

/// How often what was recorded is stored.
const PAUSE: Duration = Duration::from_millis(500);

/// Runs until `stop` turns true, then stores what is left.
pub async fn run(keeper: Keeper, clock: Clock, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            _ = stop.changed() => {}
        }
        let now = clock.now();
        let batch = if *stop.borrow() { keeper.buffer.drain_all() } else { keeper.buffer.drain(now) };
        if !batch.is_empty() {
            count(&keeper.keep(batch, now).await);
        }
    }
}

fn count(kept: &Kept) {
    let counted = kept.missed.total().saturating_sub(kept.missed.dropped);
    for (outcome, exchanges) in [("stored", kept.exchanges), ("counted", counted), ("dropped", kept.missed.dropped)] {
        ::metrics::counter!(metrics::SCIM_EXCHANGES, "outcome" => outcome).increment(exchanges);
    }
}
