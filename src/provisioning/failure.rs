//! What can go wrong when a client provisions, in terms that a door can answer.

use crate::directory::permission::Denied;
use crate::protocol::scim::error::ScimError;
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;

/// A refusal or a failure of provisioning.
#[derive(Debug, thiserror::Error)]
pub enum ProvisioningError {
    /// The request breaks a rule of the protocol.
    #[error(transparent)]
    Protocol(#[from] ScimError),
    /// There is no such resource in the client's organization.
    #[error("no such resource")]
    NotFound,
    /// The resource is not at the version that the request names (`If-Match`).
    #[error("the resource has another version")]
    VersionMismatch,
    /// Another user of the organization has the user name.
    #[error("the user name is taken")]
    UserNameTaken,
    /// The actor may not provision this organization.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for ProvisioningError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Constraint::UserName) => Self::UserNameTaken,
            other => Self::Store(other),
        }
    }
}
