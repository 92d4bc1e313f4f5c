//! The recurring job that looks at the open cases again (rule E33): who has an address that is free by now gets the account
//! that the directory asked for. It stays in its slot, so it is queued once over all nodes.

use std::time::Instant;

use super::Runner;
use crate::directory::cases;
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::person;
use crate::store::failure::StoreError;
use crate::store::jobs::ClaimedRow;

/// How often the cases are looked at.
pub const PERIOD_SECONDS: i64 = 300;
/// Cases that one look takes at most.
const BATCH: i64 = 100;

/// Looks at each open case, in a transaction of its own, then puts itself back. A case that cannot be looked at is left for
/// the next time.
pub async fn run(runner: &Runner, claimed: &ClaimedRow) -> Result<(), StoreError> {
    let (begun, mut after) = (Instant::now(), None);
    while begun.elapsed() < super::MAX_RUN {
        let batch = runner.store.read(move |tx| cases::waiting(tx, after, BATCH)).await?;
        let Some((_, last)) = batch.last() else { break };
        after = Some(last.id);
        for (organization, case) in batch {
            let (op, id) = (runner.operation(), case.id);
            let reviewed = runner.store.write(move |tx| person::review(tx, &op, organization, &case)).await;
            match reviewed {
                Ok(_) => {}
                Err(ProvisioningError::Store(error @ StoreError::Unavailable(_))) => return Err(error),
                Err(error) => tracing::warn!(case = %id, %error, "a case could not be looked at"),
            }
        }
    }
    runner.reschedule(claimed, runner.clock.now().plus_seconds(PERIOD_SECONDS)).await
}
