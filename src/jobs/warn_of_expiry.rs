//! The daily job that warns of credentials and certificates which will end soon. It stays in its slot, so it is queued once over all
//! nodes; run twice, it warns once. What a turn does not reach, another job goes on with.

use std::time::{Duration, Instant};

use super::{JobFailure, Runner};
use crate::directory::connections::certificates;
use crate::provisioning::clients::expiry;
use crate::record::jobs::{self, Job};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;
use crate::values::ids::ConnectionId;

/// How often it looks.
pub const PERIOD_SECONDS: i64 = 24 * 3600;
/// Credentials of each distance, and connections, that one transaction warns of at most.
const BATCH: i64 = 100;
/// For so long a turn looks at connections, so that with the credentials it never takes longer than its lease.
const TURN: Duration = Duration::from_secs(super::MAX_RUN.as_secs() / 4);

/// Warns batch by batch, then puts itself back: at once when there are more credentials than a turn warns of.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let begun = Instant::now();
    let mut pause = 0;
    while begun.elapsed() < super::MAX_RUN / 2 {
        let op = runner.operation();
        if runner.store.write(move |tx| expiry::warn(tx, &op, BATCH)).await? == 0 {
            pause = PERIOD_SECONDS;
            break;
        }
    }
    if pause > 0 {
        certificates_behind(runner, None, TURN).await?;
    }
    runner.reschedule(claimed, runner.clock.now().plus_seconds(pause)).await
}

/// Goes on behind the connection at which a turn came to its end.
pub async fn go_on(runner: &Runner, after: ConnectionId) -> Result<(), JobFailure> {
    certificates_behind(runner, Some(after), TURN).await.map_err(|error| JobFailure(error.to_string()))
}

/// Looks at the connections behind `after` for so long, at one batch at least; queues who goes on when there are more.
pub(super) async fn certificates_behind(
    runner: &Runner,
    mut after: Option<ConnectionId>,
    turn: Duration,
) -> Result<(), StoreError> {
    let begun = Instant::now();
    loop {
        let op = runner.operation();
        after = runner.store.write(move |tx| certificates::warn(tx, &op, after, BATCH)).await?;
        let Some(after) = after else { return Ok(()) };
        if begun.elapsed() >= turn {
            let op = runner.operation();
            let queue = move |tx: &mut Tx<'_>| jobs::enqueue(tx, &op, &Job::WarnOfCertificates { after }, op.at);
            return runner.store.write(queue).await;
        }
    }
}
