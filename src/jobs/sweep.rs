//! The recurring job that removes what has expired and adds up what is counted in many rows. It stays in its slot, so
//! it is queued once over all nodes.

use std::time::Instant;

use super::Runner;
use crate::provisioning::request_log;
use crate::store::failure::StoreError;
use crate::store::jobs::{self as rows, ClaimedRow};
use crate::store::{Tx, asynchronous_requests, expiry, resource_counts, scim_events};
use crate::values::ids::EventId;

/// How often expired rows are removed.
pub const PERIOD_SECONDS: i64 = 300;
/// Rows of each table that one transaction removes at most.
const BATCH: i64 = 500;
/// Answered requests that one transaction removes at most: each may have a thousand outcomes.
const ANSWERS: i64 = 1;
/// Expired rows stay this long where a late replay is still to be answered as one (`store::expiry`).
const GRACE_SECONDS: i64 = 3_600;

/// Removes expired rows batch by batch, then puts itself back: at once when there are more than a turn removes, so that
/// it never takes longer than its lease.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let now = runner.clock.now();
    let grace_ended = now.plus_seconds(-GRACE_SECONDS);
    let first_event = EventId::lowest_at(now.plus_seconds(-runner.scim_event_seconds));
    let (begun, retention) = (Instant::now(), runner.retention);
    let mut pause = 0;
    while begun.elapsed() < super::MAX_RUN {
        let batch = move |tx: &mut Tx<'_>| {
            let expired = expiry::delete_expired(tx, now, grace_ended, BATCH)?;
            let exchanges = request_log::sweep(tx, now, &retention, BATCH)?;
            let answers = asynchronous_requests::delete_expired(tx, now, ANSWERS)?;
            let events = scim_events::delete_before(tx, first_event, BATCH)?;
            let removed = expired.saturating_add(exchanges).saturating_add(answers);
            Ok::<_, StoreError>(removed.saturating_add(events))
        };
        if runner.store.write(batch).await? == 0 {
            pause = PERIOD_SECONDS;
            break;
        }
    }
    runner.store.write(resource_counts::fold).await?;
    let (id, next) = (claimed.id, runner.clock.now().plus_seconds(pause));
    runner.store.write(move |tx| rows::reschedule(tx, id, next)).await
}
