//! The job that does the removals which waited and were confirmed (decision Q33), some in each transaction. Interrupted, it
//! goes on with those that are still on the list.

use std::time::Instant;

use super::{JobFailure, Runner};
use crate::provisioning::brake::{self, Removal};
use crate::provisioning::failure::ProvisioningError;
use crate::provisioning::{containing_groups, users};
use crate::record::jobs::{self, Job};
use crate::store::Tx;
use crate::values::ids::{OrganizationId, ResourceId};
use crate::values::operation::Operation;

/// Removals that one transaction does at most.
const BATCH: i64 = 50;

/// Does them all.
pub async fn run(runner: &Runner, organization: OrganizationId) -> Result<(), JobFailure> {
    let begun = Instant::now();
    while begun.elapsed() < super::MAX_RUN {
        let op = runner.operation();
        let batch = runner.store.write(move |tx| {
            let confirmed = brake::confirmed(tx, &op, organization, BATCH)?;
            // Before any of them: one transaction takes all its locks on groups in one order.
            let deletions = confirmed.iter().filter(|(_, removal)| *removal == Removal::Delete);
            let leaving: Vec<ResourceId> = deletions.map(|(resource, _)| *resource).collect();
            containing_groups::lock(tx, &op, organization, &leaving)?;
            for (resource, removal) in &confirmed {
                remove(tx, &op, organization, *resource, *removal)?;
                brake::release(tx, organization, *resource)?;
            }
            Ok::<_, ProvisioningError>(confirmed.len())
        });
        if batch.await.map_err(|error| JobFailure(error.to_string()))? == 0 {
            return Ok(());
        }
    }
    let op = runner.operation();
    let again = move |tx: &mut Tx<'_>| jobs::enqueue(tx, &op, &Job::RemoveHeld { organization }, op.at);
    runner.store.write(again).await.map_err(|error| JobFailure(error.to_string()))
}

/// Who is gone by now is gone, and a last owner stays.
fn remove(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    resource: ResourceId,
    removal: Removal,
) -> Result<(), ProvisioningError> {
    let outcome = match removal {
        Removal::Delete => users::delete(tx, op, organization, resource, None),
        Removal::Deactivate => users::deactivate(tx, op, organization, resource),
    };
    match outcome {
        Ok(()) | Err(ProvisioningError::NotFound | ProvisioningError::Protocol(_)) => Ok(()),
        Err(error) => Err(error),
    }
}
