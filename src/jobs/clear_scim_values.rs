//! The job that clears values of a SCIM schema or attribute that is gone (`provisioning::schemas::clearing`).

use super::Runner;
use crate::provisioning::schemas::clearing;
use crate::store::failure::StoreError;
use crate::store::jobs::{self as rows, ClaimedRow};
use crate::values::ids::{OrganizationId, ScimClearingId};

/// Transactions of one turn; then other jobs have theirs.
const TRANSACTIONS: usize = 20;

/// Clears for one turn and puts itself back while there is more. A turn that ends early goes on where it stopped.
pub async fn run(
    runner: &Runner,
    claimed: &ClaimedRow,
    organization: OrganizationId,
    clearing: ScimClearingId,
) -> Result<(), StoreError> {
    let mut is_more = true;
    for _ in 0..TRANSACTIONS {
        let op = runner.operation();
        is_more = runner.store.write(move |tx| clearing::advance(tx, &op, organization, clearing)).await?;
        if !is_more {
            break;
        }
    }
    let (id, now) = (claimed.id, runner.clock.now());
    runner.store.write(move |tx| if is_more { rows::reschedule(tx, id, now) } else { rows::delete(tx, id) }).await
}
