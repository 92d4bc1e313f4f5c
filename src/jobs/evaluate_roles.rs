//! The job that gives people the role that their groups carry, when a change touches many of them. Some in each
//! transaction, each looked at as it is then; what a turn does not reach, the next one goes on with.

use std::time::Instant;

use super::{JobFailure, Runner};
use crate::provisioning::group_roles;
use crate::record::jobs::{self, Job};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::OrganizationId;

/// People that one transaction looks at.
const BATCH: usize = 100;

/// Looks at everybody whose role may be another one, in the order of their keys, behind `after`.
pub async fn run(runner: &Runner, organization: OrganizationId, after: Option<i64>) -> Result<(), JobFailure> {
    let failed = |error: StoreError| JobFailure(error.to_string());
    let begun = Instant::now();
    runner.store.write(move |tx| group_roles::settle(tx, organization)).await.map_err(failed)?;
    let users = runner.store.read(move |tx| group_roles::candidates(tx, organization)).await.map_err(failed)?;
    let first = users.partition_point(|user| Some(*user) <= after);
    for batch in users.get(first..).unwrap_or_default().chunks(BATCH) {
        let (op, batch) = (runner.operation(), batch.to_vec());
        let last = batch.last().copied();
        let evaluated = runner.store.write(move |tx| group_roles::evaluate_users(tx, &op, organization, &batch)).await;
        evaluated.map_err(failed)?;
        if begun.elapsed() >= super::MAX_RUN / 2 && users.last().copied() > last {
            let op = runner.operation();
            let again = Job::EvaluateRoles { organization, after: last };
            let queue = move |tx: &mut Tx<'_>| jobs::enqueue(tx, &op, &again, op.at);
            return runner.store.write(queue).await.map_err(failed);
        }
    }
    Ok(())
}
