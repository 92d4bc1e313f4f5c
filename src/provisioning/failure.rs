//! What can go wrong when a client provisions, in terms that a door can answer.

use std::borrow::Cow;

use super::brake::Removal;
use crate::directory::permission::Denied;
use crate::protocol::scim::error::{Refusal, ScimError, ScimType};
use crate::store::constraint::Constraint;
use crate::store::failure::StoreError;
use crate::store::resources::ResourceKind;
use crate::store::unique_values::UniqueValue;
use crate::values::ids::RequestId;
use crate::values::ids::ResourceId;

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
    /// Another resource of the organization has this value of an attribute whose values are unique.
    #[error("a unique value of {0} is taken")]
    ValueTaken(String),
    /// The organization has as many users, or groups, as it may have.
    #[error("the organization has {most} of these and may have no more")]
    Full {
        /// Of which there are too many.
        kind: ResourceKind,
        /// How many there may be.
        most: u32,
    },
    /// Too many people were removed within the hour: this removal waits for a human (decision Q33). It is to be noted with
    /// `brake::hold`.
    #[error("the removal waits for an administrator")]
    RemovalHeld {
        /// The user.
        resource: ResourceId,
        /// How they would have been removed.
        removal: Removal,
    },
    /// A human said no to this removal.
    #[error("an administrator rejected the removal")]
    RemovalRejected,
    /// The actor may not provision this organization.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

impl From<UniqueValue> for ProvisioningError {
    fn from(taken: UniqueValue) -> Self {
        let name = taken.path.split_once(':').map_or(taken.path.as_str(), |(_, name)| name);
        Self::ValueTaken(name.to_owned())
    }
}

impl From<StoreError> for ProvisioningError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict(Constraint::UserName) => Self::UserNameTaken,
            other => Self::Store(other),
        }
    }
}

impl ProvisioningError {
    /// What refuses the request, by its stable name: a section, a deviation, a limit, or a word for what failed here.
    pub const fn rule(&self) -> &'static str {
        match self {
            Self::Protocol(error) => error.rule,
            Self::NotFound | Self::Denied(Denied::OtherOrganization) => "rfc7644:3.12",
            Self::Denied(Denied::Role) => "permission",
            Self::Denied(Denied::Scope) => "scope",
            Self::VersionMismatch => "rfc7644:3.14",
            Self::UserNameTaken => "rfc7643:4.1.1",
            Self::ValueTaken(_) => "rfc7643:7",
            Self::Full { kind: ResourceKind::User, .. } => "limits.scim_users_per_organization",
            Self::Full { kind: ResourceKind::Group, .. } => "limits.scim_groups_per_organization",
            Self::RemovalHeld { .. } => "removal_held",
            Self::RemovalRejected => "removal_rejected",
            Self::Store(StoreError::Conflict(_)) => "rfc7644:3.3",
            Self::Store(StoreError::Unavailable(_)) => "unavailable",
            Self::Store(StoreError::Inconsistent(_) | StoreError::Internal(_)) => "internal",
        }
    }

    /// What the client hears, as an answer or as a part of one. What failed inside stays inside; it is found in the log under
    /// `request`.
    pub fn refusal(self, request: RequestId) -> Refusal {
        match self {
            Self::Protocol(error) => error.into(),
            Self::NotFound | Self::Denied(Denied::OtherOrganization) => not_found(),
            Self::Denied(Denied::Role) => Refusal::plain(403, "the client may not do this"),
            Self::Denied(Denied::Scope) => Refusal::plain(403, "the scope of the credential does not allow this"),
            Self::VersionMismatch => Refusal::plain(412, "the resource has another version"),
            Self::UserNameTaken => taken("another user has this userName"),
            Self::ValueTaken(name) => taken(format!("another resource has this value of {name}")),
            Self::Full { kind, most } => Refusal::plain(
                403,
                format!("the organization has {most} resources of the kind {} and may have no more", kind.as_str()),
            ),
            Self::RemovalHeld { .. } => Refusal::plain(
                429,
                "more people than usual were removed within an hour, so this removal waits until an administrator of the \
                 organization confirms it; then it is done, and others may follow",
            ),
            Self::RemovalRejected => Refusal::plain(
                403,
                "an administrator of the organization has rejected this removal within the last day",
            ),
            Self::Store(StoreError::Conflict(_)) => taken("another resource has one of these values"),
            Self::Store(StoreError::Unavailable(_)) => Refusal::plain(503, "try again in a moment"),
            Self::Store(StoreError::Inconsistent(_) | StoreError::Internal(_)) => {
                Refusal::plain(500, format!("something went wrong here; request {request}"))
            }
        }
    }
}

/// There is nothing of this name, or it is another organization's.
pub fn not_found() -> Refusal {
    Refusal::plain(404, "there is no such resource")
}

/// No credential, or one that is not live.
pub fn unauthenticated() -> Refusal {
    Refusal::plain(401, "a live bearer token is required")
}

fn taken(detail: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal { status: 409, scim_type: Some(ScimType::Uniqueness), detail: detail.into() }
}
