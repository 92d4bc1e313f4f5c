//! The roles and entitlements that an organization knows: what its directory can discover and assign. They travel with the
//! resource types of the organization (`schemas::catalog`), so that a request that validates against them asks nothing more.

use std::collections::BTreeSet;

use serde_json::json;

use crate::directory::permission::{self, Denied, Permission};
use crate::protocol::scim::assignable::{Assignable, AssignableKind};
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::scim_assignables::{self as rows, ScimAssignablesRow};
use crate::store::{Tx, organizations};
use crate::values::folding::fold;
use crate::values::ids::OrganizationId;
use crate::values::operation::Operation;
use crate::values::quota::Quota;

/// The longest value, name and type.
const MAX_CHARS: usize = 256;

/// A list as its organization set it.
#[derive(Debug, Clone, Default)]
pub struct Assignables {
    /// Whether a user may have other values.
    pub is_closed: bool,
    /// What there is.
    pub entries: Vec<Assignable>,
}

/// Why a list could not be set or read.
#[derive(Debug, thiserror::Error)]
pub enum AssignableError {
    /// An entry is wrong.
    #[error("entry {0}: {1}")]
    Invalid(usize, &'static str),
    /// There are too many.
    #[error("a list has at most {0} entries")]
    TooMany(u32),
    /// The actor may not.
    #[error(transparent)]
    Denied(#[from] Denied),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The list of an organization; empty and open when it never set one.
pub fn find(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: AssignableKind,
) -> Result<Assignables, AssignableError> {
    permission::require(op, organization, Permission::Read)?;
    let row = rows::all(tx, organization)?.into_iter().find(|row| row.kind == kind.as_str());
    Ok(row.as_ref().map(from_row).transpose()?.unwrap_or_default())
}

/// Sets a list. A closed one refuses other values from the next request on; users who have them keep them.
pub fn replace(
    tx: &mut Tx<'_>,
    op: &Operation,
    organization: OrganizationId,
    kind: AssignableKind,
    wanted: &Assignables,
    quota: &Quota,
) -> Result<(), AssignableError> {
    permission::require(op, organization, Permission::ManageScimClients)?;
    check(&wanted.entries, quota.scim_assignables)?;
    organizations::lock(tx, organization)?;
    let entries = serde_json::to_string(&wanted.entries).map_err(|error| StoreError::Internal(error.to_string()))?;
    let row = ScimAssignablesRow {
        org_id: organization,
        kind: kind.as_str().to_owned(),
        is_closed: wanted.is_closed,
        entries,
        updated_at: op.at,
    };
    rows::put(tx, &row)?;
    organizations::advance_schemas(tx, organization)?;
    let detail = json!({ "list": kind.attribute(), "entries": wanted.entries.len(), "closed": wanted.is_closed });
    let subject = Subject::new("organization", organization);
    audit::write(tx, op, Some(organization), Action::ScimAssignablesChanged, &subject, &detail)?;
    Ok(())
}

fn check(entries: &[Assignable], most: u32) -> Result<(), AssignableError> {
    if u32::try_from(entries.len()).is_ok_and(|count| count > most) || u32::try_from(entries.len()).is_err() {
        return Err(AssignableError::TooMany(most));
    }
    let mut seen = BTreeSet::new();
    for (index, entry) in entries.iter().enumerate() {
        let wrong = |why| AssignableError::Invalid(index, why);
        let texts = [Some(&entry.value), entry.display.as_ref(), entry.r#type.as_ref()];
        for text in texts.into_iter().flatten() {
            if text.trim().is_empty() || text.chars().count() > MAX_CHARS || text.chars().any(char::is_control) {
                return Err(wrong("a text is empty, longer than 256 characters, or holds a control character"));
            }
        }
        if !seen.insert(fold(&entry.value)) {
            return Err(wrong("its value stands twice"));
        }
    }
    Ok(())
}

/// Reads a stored list again.
pub fn from_row(row: &ScimAssignablesRow) -> Result<Assignables, StoreError> {
    let entries =
        serde_json::from_str(&row.entries).map_err(|_| StoreError::Inconsistent("scim_assignables.entries"))?;
    Ok(Assignables { is_closed: row.is_closed, entries })
}

/// The values of a closed list in the form in which they are compared.
pub fn folded(entries: &[Assignable]) -> BTreeSet<String> {
    entries.iter().map(|entry| fold(&entry.value)).collect()
}
