//! Values of schemas and attributes that are gone, until they are cleared.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema_scim::scim_clearings as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClearingId};

/// One clearing.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimClearingRow {
    pub id: ScimClearingId,
    pub org_id: OrganizationId,
    pub number: i64,
    pub urn: String,
    pub kind: String,
    pub attribute: Option<String>,
    pub cleared: i64,
    pub created_at: Timestamp,
}

/// Inserts one.
pub fn insert(tx: &mut Tx<'_>, row: &ScimClearingRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The clearing of an organization with this id.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimClearingId,
) -> Result<Option<ScimClearingRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    Ok(query.select(ScimClearingRow::as_select()).first(tx.connection()).optional()?)
}

/// The clearings of an organization that are under way.
pub fn all(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ScimClearingRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).order(table::id);
    Ok(query.select(ScimClearingRow::as_select()).load(tx.connection())?)
}

/// Removes a clearing; tells whether it was there.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, id: ScimClearingId) -> Result<bool, StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}
