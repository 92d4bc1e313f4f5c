//! The job that clears values of a SCIM schema or attribute that is gone (`provisioning::schemas::clearing`).

use super::{JobFailure, Runner};
use crate::provisioning::schemas::clearing;
use crate::record::jobs::{self, Job};
use crate::store::failure::StoreError;
use crate::values::ids::{OrganizationId, ScimClearingId};

/// Transactions of one turn; then other jobs have theirs.
const TRANSACTIONS: usize = 20;

/// Clears for one turn and queues the next while there is more. A turn that ends early goes on where it stopped; two at
/// once do the same work twice and no harm.
pub async fn run(runner: &Runner, organization: OrganizationId, clearing: ScimClearingId) -> Result<(), JobFailure> {
    turn(runner, organization, clearing).await.map_err(|error| JobFailure(error.to_string()))
}

async fn turn(runner: &Runner, organization: OrganizationId, clearing: ScimClearingId) -> Result<(), StoreError> {
    for _ in 0..TRANSACTIONS {
        let op = runner.operation();
        if !runner.store.write(move |tx| clearing::advance(tx, &op, organization, clearing)).await? {
            return Ok(());
        }
    }
    let op = runner.operation();
    let next = Job::ClearScimValues { organization, clearing };
    runner.store.write(move |tx| jobs::enqueue(tx, &op, &next, op.at)).await
}
