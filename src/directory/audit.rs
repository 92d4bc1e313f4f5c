//! Who may read the audit log: an organization's own by its administrators' right, and the operators' by an operator. The
//! entries are `record`'s.

use super::permission::{self, Denied, Permission};
use crate::record::audit::{self, Entry};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::values::ids::{EntryId, OrganizationId};
use crate::values::operation::Operation;
use crate::values::page::{Page, PageRequest};

/// Why a log is not read.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One page of an organization's log, newest first.
pub fn page(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    request: &PageRequest<EntryId>,
) -> Result<Page<Entry, EntryId>, AuditError> {
    permission::require(op, organization, Permission::ReadAudit)?;
    Ok(audit::page(tx, organization, request)?)
}

/// One page of the log of what belongs to no organization, newest first: the gateway's keys, the operators' tokens and
/// applications.
pub fn page_of_operators(
    tx: &mut Tx<'_>,
    op: &Operation,
    request: &PageRequest<EntryId>,
) -> Result<Page<Entry, EntryId>, AuditError> {
    permission::require_operator(op)?;
    Ok(audit::page_of_operators(tx, request)?)
}
