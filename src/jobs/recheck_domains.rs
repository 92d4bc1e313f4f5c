//! The recurring job that looks proved domains up again where it is due (decision Q15); the story is `flows::recheck_domain`. It
//! stays in its slot, so it is queued once over all nodes, and takes each domain for itself before it asks the DNS.

use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};

use super::Runner;
use crate::directory::domains::claim::DomainError;
use crate::directory::domains::recheck;
use crate::flows::recheck_domain;
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;
use crate::telemetry::metrics;

/// How often it looks.
pub const PERIOD_SECONDS: i64 = 60;
/// Domains of one look at most, all of which are looked up at the same time.
const BATCH: i64 = 32;
const AT_ONCE: usize = 32;
/// No further batch is begun after this, since no other job of this node begins before the end of this one.
const MAX_TURN: Duration = Duration::from_secs(2);

/// Looks up what is due, batch by batch, then puts itself back. A domain is due later after each look-up, whatever came of it; one
/// whose look-up was cut off is due again in some minutes.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let begun = Instant::now();
    while begun.elapsed() < MAX_TURN {
        let op = runner.operation();
        let due = runner.store.write(move |tx| recheck::take_due(tx, &op, BATCH)).await?;
        if due.is_empty() {
            break;
        }
        let looks = stream::iter(due).map(|domain| async {
            let op = runner.operation();
            recheck_domain::on_schedule(&runner.store, &runner.dns, &op, domain).await
        });
        for outcome in looks.buffer_unordered(AT_ONCE).collect::<Vec<_>>().await {
            match outcome {
                Ok((_, outcome)) => {
                    ::metrics::counter!(metrics::DOMAIN_CHECKS, "outcome" => outcome.as_str()).increment(1);
                }
                Err(DomainError::Store(error)) => return Err(error),
                Err(error) => tracing::warn!(%error, "a domain could not be looked up again"),
            }
        }
    }
    runner.reschedule(claimed, runner.clock.now().plus_seconds(PERIOD_SECONDS)).await
}
