//! Schemas that organizations bring along.

use diesel::prelude::*;

use super::Tx;
use super::failure::{StoreError, require_one};
use super::schema_scim::scim_schemas as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimSchemaId};
use crate::values::page::PageRequest;

/// One schema.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimSchemaRow {
    pub id: ScimSchemaId,
    pub org_id: OrganizationId,
    pub number: i64,
    pub urn: String,
    pub urn_folded: String,
    pub kind: String,
    pub is_required: bool,
    pub definition: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Inserts one; [`super::constraint::Constraint::ScimSchemaUrn`] when the organization has one of this URN.
pub fn insert(tx: &mut Tx<'_>, row: &ScimSchemaRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The schema of an organization with this id.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimSchemaId,
) -> Result<Option<ScimSchemaRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    Ok(query.select(ScimSchemaRow::as_select()).first(tx.connection()).optional()?)
}

/// All schemas of an organization, in the order they came. The quota bounds them.
pub fn all(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ScimSchemaRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).order(table::number);
    Ok(query.select(ScimSchemaRow::as_select()).load(tx.connection())?)
}

/// The schemas of an organization, by id.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    page: &PageRequest<ScimSchemaId>,
) -> Result<Vec<ScimSchemaRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .order(table::id)
        .limit(page.fetch_limit())
        .select(ScimSchemaRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes what can change of a schema that was read under the lock of its organization.
pub fn update(tx: &mut Tx<'_>, row: &ScimSchemaRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(row.org_id)).filter(table::id.eq(row.id));
    let changed = diesel::update(one).set((
        table::is_required.eq(row.is_required),
        table::definition.eq(&row.definition),
        table::version.eq(row.version),
        table::updated_at.eq(row.updated_at),
    ));
    require_one(changed.execute(tx.connection())?, "scim_schemas")
}

/// Removes a schema that was read under the lock of its organization.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, id: ScimSchemaId) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    require_one(diesel::delete(one).execute(tx.connection())?, "scim_schemas")
}

/// How many schemas an organization has.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    Ok(table::table.filter(table::org_id.eq(organization)).count().get_result(tx.connection())?)
}
