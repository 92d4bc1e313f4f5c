//! The daily job that warns of credentials and certificates which will end soon. It stays in its slot, so it is queued once over all
//! nodes; run twice, it warns once.

use std::time::Instant;

use super::Runner;
use crate::directory::connections::certificates;
use crate::provisioning::clients::expiry;
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;

/// How often it looks.
pub const PERIOD_SECONDS: i64 = 24 * 3600;
/// Credentials of each distance that one transaction warns of at most.
const BATCH: i64 = 100;

/// Warns batch by batch, then puts itself back: at once when there are more than a turn warns of, so that it never takes
/// longer than its lease.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let begun = Instant::now();
    let mut pause = 0;
    while begun.elapsed() < super::MAX_RUN {
        let op = runner.operation();
        if runner.store.write(move |tx| expiry::warn(tx, &op, BATCH)).await? == 0 {
            pause = PERIOD_SECONDS;
            break;
        }
    }
    let mut after = None;
    loop {
        let op = runner.operation();
        after = runner.store.write(move |tx| certificates::warn(tx, &op, after, BATCH)).await?;
        if after.is_none() {
            break;
        }
    }
    runner.reschedule(claimed, runner.clock.now().plus_seconds(pause)).await
}
