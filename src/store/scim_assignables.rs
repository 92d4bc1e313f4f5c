//! The roles and entitlements that organizations know, a list of each in one row.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema_scim::scim_assignables as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::OrganizationId;

/// One list.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimAssignablesRow {
    pub org_id: OrganizationId,
    pub kind: String,
    pub is_closed: bool,
    pub entries: String,
    pub updated_at: Timestamp,
}

/// Both lists of an organization.
pub fn all(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ScimAssignablesRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).order(table::kind);
    Ok(query.select(ScimAssignablesRow::as_select()).load(tx.connection())?)
}

/// Puts a list in the place of the one of its kind. Whoever does it holds the organization's lock.
pub fn put(tx: &mut Tx<'_>, row: &ScimAssignablesRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(row.org_id)).filter(table::kind.eq(&row.kind));
    diesel::delete(one).execute(tx.connection())?;
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}
