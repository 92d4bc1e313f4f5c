//! An organization's administrators take every second factor of one of their own members away, for somebody who has lost their
//! app or passkeys and their recovery codes. The member is told by mail, and everything that they were signed in to ends.

use super::enrolment::{self, EnrolmentError};
use super::is_there;
use crate::access::passwords::KeepingError;
use crate::directory::memberships::{self, MembershipKind};
use crate::directory::permission::{self, Denied, Permission};
use crate::store::failure::StoreError;
use crate::store::{Tx, accounts as account_rows};
use crate::values::ids::{AccountId, OrganizationId};
use crate::values::operation::Operation;

/// Why nothing is taken away.
#[derive(Debug, thiserror::Error)]
pub enum ResetError {
    /// There is no such member, or they have no second factor.
    #[error("no such member, or they have no second factor")]
    NotFound,
    /// The person belongs to another organization (rules C13 and D7), or has not joined (rule D4).
    #[error("only a second factor of the organization's own members who have joined can be taken away")]
    NotOwnMember,
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Anything else, for the log.
    #[error("{0}")]
    Internal(String),
}

/// Takes it away.
pub fn reset(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    account: AccountId,
) -> Result<(), ResetError> {
    permission::require(op, organization, Permission::ManageConnections)?;
    let membership = memberships::find(tx, account, organization)?.ok_or(ResetError::NotFound)?;
    // Said before anything is looked at that is not theirs to know.
    if membership.kind != MembershipKind::Member || !membership.is_joined() {
        return Err(ResetError::NotOwnMember);
    }
    // As whoever signs in by one of them does, who would otherwise wait for this, and this for them.
    account_rows::lock(tx, account)?;
    if !is_there(tx, account)? {
        return Err(ResetError::NotFound);
    }
    match enrolment::remove_all(tx, op, account, organization) {
        Ok(_) => Ok(()),
        Err(EnrolmentError::Keeping(KeepingError::Store(error))) => Err(error.into()),
        Err(error) => Err(ResetError::Internal(error.to_string())),
    }
}
