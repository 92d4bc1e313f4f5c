//! The recurring job that removes what has expired and adds up what is counted in many rows. It stays in its slot, so
//! it is queued once over all nodes.

use std::time::Instant;

use super::Runner;
use crate::provisioning::request_log;
use crate::store::expiry;
use crate::store::failure::StoreError;
use crate::store::jobs::{self as rows, ClaimedRow};
use crate::store::resource_counts;

/// How often expired rows are removed.
pub const PERIOD_SECONDS: i64 = 300;
/// Rows of each table that one transaction removes at most.
const BATCH: i64 = 500;
/// Expired rows stay this long where a late replay is still to be answered as one (`store::expiry`).
const GRACE_SECONDS: i64 = 3_600;

/// Removes expired rows batch by batch, then puts itself back: at once when there are more than a turn removes, so that
/// it never takes longer than its lease.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let now = runner.clock.now();
    let grace_ended = now.plus_seconds(-GRACE_SECONDS);
    let (begun, retention) = (Instant::now(), runner.retention);
    let mut pause = 0;
    while begun.elapsed() < super::MAX_RUN {
        let removed = runner.store.write(move |tx| {
            let expired = expiry::delete_expired(tx, now, grace_ended, BATCH)?;
            Ok::<_, StoreError>(expired.saturating_add(request_log::sweep(tx, now, &retention, BATCH)?))
        });
        if removed.await? == 0 {
            pause = PERIOD_SECONDS;
            break;
        }
    }
    runner.store.write(resource_counts::fold).await?;
    let (id, next) = (claimed.id, runner.clock.now().plus_seconds(pause));
    runner.store.write(move |tx| rows::reschedule(tx, id, next)).await
}
