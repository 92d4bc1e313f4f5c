//! Cases: users whom a directory has pushed and who have an account outside the organization.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::people_schema::cases as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{CaseId, OrganizationId, ResourceId};
use crate::values::page::PageRequest;

/// One case.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct CaseRow {
    pub id: CaseId,
    pub org_id: OrganizationId,
    pub resource_id: ResourceId,
    pub address: String,
    pub state: String,
    pub reason: String,
    pub is_access_asked: bool,
    pub opened_at: Timestamp,
    pub closed_at: Option<Timestamp>,
}

/// Inserts one; [`super::constraint::Constraint::OpenCase`] when the user has an open one.
pub fn insert(tx: &mut Tx<'_>, row: &CaseRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The open case of a user.
pub fn find_open(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    resource: ResourceId,
) -> Result<Option<CaseRow>, StoreError> {
    let query = table::table
        .filter(table::resource_id.eq(resource))
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("detected"))
        .select(CaseRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The open cases of an organization, by id.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    page: &PageRequest<CaseId>,
) -> Result<Vec<CaseRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("detected"))
        .order(table::id)
        .limit(page.fetch_limit())
        .select(CaseRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Open cases behind `after` of all organizations, by id.
pub fn waiting(tx: &mut Tx<'_>, after: Option<CaseId>, limit: i64) -> Result<Vec<CaseRow>, StoreError> {
    let mut query = table::table
        .filter(table::state.eq("detected"))
        .order(table::id)
        .limit(limit)
        .select(CaseRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes what the directory asks for, if the case is still open; tells whether it was.
pub fn update_asked(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: CaseId,
    is_access_asked: bool,
) -> Result<bool, StoreError> {
    let one =
        table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id)).filter(table::closed_at.is_null());
    Ok(diesel::update(one).set(table::is_access_asked.eq(is_access_asked)).execute(tx.connection())? == 1)
}

/// Writes the state, if it is still `from`; tells whether it was.
pub fn update_state(tx: &mut Tx<'_>, id: CaseId, from: &str, state: &str, at: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq(from));
    let changed = diesel::update(one).set((table::state.eq(state), table::closed_at.eq(at)));
    Ok(changed.execute(tx.connection())? == 1)
}
