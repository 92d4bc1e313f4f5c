//! The recurring job that reads the metadata of SAML providers again where it is due; the story is
//! `flows::refresh_metadata`. It stays in its slot, so it is queued once over all nodes; run twice, it reads twice.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};

use super::Runner;
use crate::directory::connections::ConnectionError;
use crate::directory::connections::metadata;
use crate::flows::refresh_metadata;
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;

/// How often it looks.
pub const PERIOD_SECONDS: i64 = 60;
/// Sources of one look at most.
const BATCH: i64 = 32;
/// Sources that are read at the same time.
const AT_ONCE: usize = 32;
/// No further batch is begun after this, since no other job of this node begins before the end of this one.
const MAX_TURN: Duration = Duration::from_secs(2);

/// Reads what is due, batch by batch, then puts itself back. A source is due later after each reading, whatever came of it.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let begun = Instant::now();
    while begun.elapsed() < MAX_TURN {
        let now = runner.clock.now();
        let due = runner.store.read(move |tx| metadata::due(tx, now, BATCH)).await?;
        if due.is_empty() {
            break;
        }
        let read = stream::iter(due).map(|source| async {
            let op = runner.operation();
            refresh_metadata::run(&runner.store, &runner.idp, &runner.verifier, &op, source).await
        });
        let outcomes: Vec<_> = read.buffer_unordered(AT_ONCE).collect().await;
        let mut has_failed = false;
        for outcome in outcomes {
            match outcome {
                // Somebody else changed the connection at the same moment: it is still due.
                Ok(()) => {}
                Err(ConnectionError::Store(error)) => return Err(error),
                Err(error) => {
                    has_failed = true;
                    tracing::info!(%error, "a reading of metadata was not taken");
                }
            }
        }
        if has_failed {
            break;
        }
    }
    runner.reschedule(claimed, runner.clock.now().plus_seconds(PERIOD_SECONDS)).await
}
