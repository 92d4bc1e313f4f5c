//! A removal that the brake refused is put on the waiting list (decision Q33), after the transaction of the request was
//! rolled back.

use crate::provisioning::brake;
use crate::provisioning::failure::ProvisioningError;
use crate::store::Store;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;

/// Notes what `error` says has to wait; nothing for every other error.
pub async fn run(
    store: &Store,
    op: &Operation,
    organization: OrganizationId,
    error: &ProvisioningError,
) -> Result<(), ProvisioningError> {
    let ProvisioningError::RemovalHeld { resource, removal } = *error else { return Ok(()) };
    let op = op.clone();
    store.write(move |tx| brake::hold(tx, &op, organization, resource, removal)).await
}
