//! The job that gives people the role that their groups carry, when a change touches many of them. Some in each
//! transaction, each looked at as it is then; interrupted, it begins again and changes nothing twice.

use super::{JobFailure, Runner};
use crate::provisioning::group_roles;
use crate::store::failure::StoreError;
use crate::values::ids::OrganizationId;

/// People that one transaction looks at.
const BATCH: usize = 100;

/// Looks at everybody whose role may be another one.
pub async fn run(runner: &Runner, organization: OrganizationId) -> Result<(), JobFailure> {
    let failed = |error: StoreError| JobFailure(error.to_string());
    let users = runner.store.read(move |tx| group_roles::candidates(tx, organization)).await.map_err(failed)?;
    for batch in users.chunks(BATCH) {
        let (op, batch) = (runner.operation(), batch.to_vec());
        let evaluated = runner.store.write(move |tx| group_roles::evaluate_users(tx, &op, organization, &batch)).await;
        evaluated.map_err(failed)?;
    }
    Ok(())
}
