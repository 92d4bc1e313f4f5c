//! Organizations.

use diesel::prelude::*;

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::{StoreError, require_one};
use super::schema::organizations as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::OrganizationId;
use crate::values::page::PageRequest;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct OrganizationRow {
    pub id: OrganizationId,
    pub slug: String,
    pub name: String,
    pub support_name: String,
    pub support_email: String,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Inserts one; [`super::constraint::Constraint::OrganizationSlug`] when the slug is taken.
pub fn insert(tx: &mut Tx<'_>, row: &OrganizationRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The organization with this id.
pub fn find(tx: &mut Tx<'_>, id: OrganizationId) -> Result<Option<OrganizationRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id));
    Ok(on_engine!(tx, |connection| query.select(OrganizationRow::as_select()).first(connection)).optional()?)
}

/// The organization with this slug.
pub fn find_by_slug(tx: &mut Tx<'_>, slug: &str) -> Result<Option<OrganizationRow>, StoreError> {
    let query = table::table.filter(table::slug.eq(slug)).select(OrganizationRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Reads one row, if there is any: fails where the database does.
pub fn is_readable(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    table::table.select(table::id).first::<OrganizationId>(tx.connection()).optional()?;
    Ok(())
}

/// All organizations by id.
pub fn page(tx: &mut Tx<'_>, page: &PageRequest<OrganizationId>) -> Result<Vec<OrganizationRow>, StoreError> {
    let mut query =
        table::table.order(table::id).limit(page.fetch_limit()).select(OrganizationRow::as_select()).into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// The version of the organization's schemas.
pub fn schemas_version(tx: &mut Tx<'_>, id: OrganizationId) -> Result<i64, StoreError> {
    let query = table::table.filter(table::id.eq(id)).select(table::schemas_version);
    Ok(query.first(tx.connection()).optional()?.unwrap_or(0))
}

/// The claims that the organization makes of attributes, as JSON, if it makes any.
pub fn claim_mappings(tx: &mut Tx<'_>, id: OrganizationId) -> Result<Option<String>, StoreError> {
    let query = table::table.filter(table::id.eq(id)).select(table::claim_mappings);
    let found: Option<Option<String>> = query.first(tx.connection()).optional()?;
    Ok(found.flatten())
}

/// Writes the claims that the organization makes of attributes.
pub fn set_claim_mappings(tx: &mut Tx<'_>, id: OrganizationId, mappings: Option<&str>) -> Result<(), StoreError> {
    let one = table::table.filter(table::id.eq(id));
    let changed = diesel::update(one).set(table::claim_mappings.eq(mappings)).execute(tx.connection())?;
    require_one(changed, "organizations")
}

/// Moves the version of the organization's schemas on and returns it.
pub fn advance_schemas(tx: &mut Tx<'_>, id: OrganizationId) -> Result<i64, StoreError> {
    let one = table::table.filter(table::id.eq(id));
    let advanced = diesel::update(one).set(table::schemas_version.eq(table::schemas_version + 1_i64));
    Ok(advanced.returning(table::schemas_version).get_result(tx.connection())?)
}

/// Makes other transactions wait that ask for the same, until this one ends. SQLite has one writer and needs none. Rows
/// that refer to the organization can be written meanwhile.
pub fn lock(tx: &mut Tx<'_>, id: OrganizationId) -> Result<(), StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(());
    }
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT id FROM organizations WHERE id = ").bytes(id.as_bytes()).sql(" FOR NO KEY UPDATE");
    query.execute(tx.connection())?;
    Ok(())
}
