//! Registered applications and their URIs.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema::{application_uris as uris, applications as table};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{ApplicationId, OrganizationId};
use crate::values::page::PageRequest;

/// One application.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ApplicationRow {
    pub id: ApplicationId,
    pub org_id: Option<OrganizationId>,
    pub name: String,
    pub kind: String,
    pub state: String,
    pub secret_hash: Option<Vec<u8>>,
    pub id_token_algorithm: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One URI of an application.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = uris, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct UriRow {
    pub application_id: ApplicationId,
    pub purpose: String,
    pub uri: String,
}

/// Inserts one application.
pub fn insert(tx: &mut Tx<'_>, row: &ApplicationRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// Inserts one URI; [`super::constraint::Constraint::ApplicationUri`] when the application has it already.
pub fn insert_uri(tx: &mut Tx<'_>, row: &UriRow) -> Result<(), StoreError> {
    diesel::insert_into(uris::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The application with this id.
pub fn find(tx: &mut Tx<'_>, id: ApplicationId) -> Result<Option<ApplicationRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id));
    Ok(on_engine!(tx, |connection| query.select(ApplicationRow::as_select()).first(connection)).optional()?)
}

/// All URIs of an application.
pub fn uris(tx: &mut Tx<'_>, application: ApplicationId) -> Result<Vec<UriRow>, StoreError> {
    let query = uris::table.filter(uris::application_id.eq(application)).order((uris::purpose, uris::uri));
    Ok(on_engine!(tx, |connection| query.select(UriRow::as_select()).load(connection))?)
}

/// All applications of an organization, or the operator's own for `None`, by id.
pub fn page(
    tx: &mut Tx<'_>,
    owner: Option<OrganizationId>,
    page: &PageRequest<ApplicationId>,
) -> Result<Vec<ApplicationRow>, StoreError> {
    let mut query =
        table::table.order(table::id).limit(page.fetch_limit()).select(ApplicationRow::as_select()).into_boxed();
    query = match owner {
        Some(organization) => query.filter(table::org_id.eq(organization)),
        None => query.filter(table::org_id.is_null()),
    };
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes name and algorithm; tells whether the application is there.
pub fn update(tx: &mut Tx<'_>, row: &ApplicationRow) -> Result<bool, StoreError> {
    let changed = diesel::update(table::table.filter(table::id.eq(row.id)))
        .set((
            table::name.eq(&row.name),
            table::id_token_algorithm.eq(&row.id_token_algorithm),
            table::updated_at.eq(row.updated_at),
        ))
        .execute(tx.connection())?;
    Ok(changed == 1)
}

/// Removes all URIs of an application, to be followed by its new ones.
pub fn delete_uris(tx: &mut Tx<'_>, application: ApplicationId) -> Result<(), StoreError> {
    diesel::delete(uris::table.filter(uris::application_id.eq(application))).execute(tx.connection())?;
    Ok(())
}

/// Replaces the secret's hash; tells whether the application is there.
pub fn update_secret(tx: &mut Tx<'_>, id: ApplicationId, hash: &[u8], at: Timestamp) -> Result<bool, StoreError> {
    let changed = diesel::update(table::table.filter(table::id.eq(id)))
        .set((table::secret_hash.eq(hash), table::updated_at.eq(at)))
        .execute(tx.connection())?;
    Ok(changed == 1)
}

/// Removes an application with its URIs, attempts, grants and tokens; tells whether it was there.
pub fn delete(tx: &mut Tx<'_>, id: ApplicationId) -> Result<bool, StoreError> {
    Ok(diesel::delete(table::table.filter(table::id.eq(id))).execute(tx.connection())? == 1)
}

/// How many applications an organization has.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    Ok(table::table.filter(table::org_id.eq(organization)).count().get_result(tx.connection())?)
}
