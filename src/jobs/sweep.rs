//! The recurring job that removes what has expired and adds up what is counted in many rows. It stays in its slot, so
//! it is queued once over all nodes.

use std::time::Instant;

use super::Runner;
use crate::directory::activation::invite;
use crate::provisioning::request_log;
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;
use crate::store::{Tx, asynchronous_requests, expiry, removals, resource_counts, scim_events, traces};
use crate::values::ids::{EventId, TraceId};

/// How often expired rows are removed.
pub const PERIOD_SECONDS: i64 = 300;
/// Rows of each table that one transaction removes at most.
const BATCH: i64 = 500;
/// Answered requests that one transaction removes at most: each may have a thousand outcomes.
const ANSWERS: i64 = 1;
/// Expired rows stay this long where a late replay is still to be answered as one (`store::expiry`).
const GRACE_SECONDS: i64 = 3_600;

/// How long the counts of the brake on mass removals stay: it looks back for an hour.
const REMOVALS_COUNT_MINUTES: i64 = 120;

/// Removes expired rows and ends activations that nobody followed, batch by batch, then puts itself back: at once when there
/// are more than a turn removes, so that it never takes longer than its lease.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let now = runner.clock.now();
    let grace_ended = now.plus_seconds(-GRACE_SECONDS);
    let first_event = EventId::lowest_at(now.plus_seconds(-runner.scim_event_seconds));
    let minute = now.seconds().div_euclid(60) - REMOVALS_COUNT_MINUTES;
    let (begun, retention) = (Instant::now(), runner.retention);
    let first_trace = TraceId::lowest_at(now.plus_seconds(-runner.traces.seconds));
    let mut pause = 0;
    while begun.elapsed() < super::MAX_RUN {
        let op = runner.operation();
        let batch = move |tx: &mut Tx<'_>| {
            let counts = [
                expiry::delete_expired(tx, now, grace_ended, BATCH)?,
                request_log::sweep(tx, now, &retention, BATCH)?,
                asynchronous_requests::delete_expired(tx, now, ANSWERS)?,
                scim_events::delete_before(tx, first_event, BATCH)?,
                removals::forget_before(tx, minute, BATCH)?,
                invite::expire_due(tx, &op, BATCH)?,
                traces::delete_before(tx, first_trace, BATCH)?,
            ];
            Ok::<_, StoreError>(counts.into_iter().fold(0_usize, usize::saturating_add))
        };
        if runner.store.write(batch).await? == 0 {
            pause = PERIOD_SECONDS;
            break;
        }
    }
    trim_traces(runner, begun).await?;
    runner.store.write(resource_counts::fold).await?;
    runner.reschedule(claimed, runner.clock.now().plus_seconds(pause)).await
}

/// Removes the oldest traces of organizations that have too many, one organization after the other.
async fn trim_traces(runner: &Runner, begun: Instant) -> Result<(), StoreError> {
    let most = runner.traces.per_organization;
    while begun.elapsed() < super::MAX_RUN {
        let Some(organization) = runner.store.read(move |tx| traces::crowded(tx, most)).await? else { return Ok(()) };
        runner.store.write(move |tx| traces::delete_beyond(tx, organization, most, BATCH)).await?;
    }
    Ok(())
}
