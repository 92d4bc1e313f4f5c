//! SCIM clients. Their credentials are in [`super::scim_credentials`].

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema::scim_clients as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId};
use crate::values::page::PageRequest;

/// One client.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimClientRow {
    pub id: ScimClientId,
    pub org_id: OrganizationId,
    pub name: String,
    pub profile: String,
    pub state: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub request_log: String,
}

/// Inserts a client.
pub fn insert(tx: &mut Tx<'_>, row: &ScimClientRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The client of an organization with this id.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimClientId,
) -> Result<Option<ScimClientRow>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    Ok(query.select(ScimClientRow::as_select()).first(tx.connection()).optional()?)
}

/// The clients of an organization in this state, by id.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    state: &str,
    page: &PageRequest<ScimClientId>,
) -> Result<Vec<ScimClientRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq(state.to_owned()))
        .order(table::id)
        .limit(page.fetch_limit())
        .select(ScimClientRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes the state; tells whether it was another one before.
pub fn update_state(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimClientId,
    state: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one =
        table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id)).filter(table::state.ne(state));
    let changed = diesel::update(one).set((table::state.eq(state), table::updated_at.eq(at)));
    Ok(changed.execute(tx.connection())? == 1)
}

/// Writes name, profile and level of the request log of a client in this state; tells whether there was one.
pub fn update(tx: &mut Tx<'_>, row: &ScimClientRow) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::org_id.eq(row.org_id))
        .filter(table::id.eq(row.id))
        .filter(table::state.eq(&row.state));
    let changed = diesel::update(one).set((
        table::name.eq(&row.name),
        table::profile.eq(&row.profile),
        table::request_log.eq(&row.request_log),
        table::updated_at.eq(row.updated_at),
    ));
    Ok(changed.execute(tx.connection())? == 1)
}

/// The profile and the policy of a client about whom is there already.
pub fn reprovisioning(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimClientId,
) -> Result<Option<(String, Option<String>)>, StoreError> {
    let query = table::table
        .filter(table::id.eq(id))
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("active"))
        .select((table::profile, table::reprovisioning));
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// Writes that policy; tells whether there is such a client.
pub fn update_reprovisioning(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimClientId,
    policy: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one =
        table::table.filter(table::id.eq(id)).filter(table::org_id.eq(organization)).filter(table::state.eq("active"));
    let changed = diesel::update(one).set((table::reprovisioning.eq(policy), table::updated_at.eq(at)));
    Ok(changed.execute(tx.connection())? == 1)
}

/// How many clients of an organization are in this state.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId, state: &str) -> Result<i64, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.eq(state));
    Ok(query.count().get_result(tx.connection())?)
}
