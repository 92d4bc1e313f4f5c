//! What organizations ask of their own members who sign in with a password.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::policy_schema::mfa_policies as table;
use crate::values::clock::Timestamp;
use crate::values::ids::OrganizationId;

/// The state of an organization's policy, if it ever said one.
pub fn find(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Option<String>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).select(table::state);
    Ok(query.first(tx.connection()).optional()?)
}

/// Writes the state of an organization's policy over the one that it had.
pub fn put(tx: &mut Tx<'_>, organization: OrganizationId, state: &str, at: Timestamp) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::org_id.eq(organization))).execute(tx.connection())?;
    let row = (table::org_id.eq(organization), table::state.eq(state), table::updated_at.eq(at));
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}
