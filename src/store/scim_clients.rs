//! SCIM clients and their credentials; tokens are kept as hashes.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema::{organizations, scim_clients as table, scim_credentials as credentials};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId, ScimCredentialId};
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
}

/// One credential of a client.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = credentials, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimCredentialRow {
    pub id: ScimCredentialId,
    pub org_id: OrganizationId,
    pub client_id: ScimClientId,
    pub token_hash: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// A credential with its client and organization.
#[derive(Debug, Clone, Queryable)]
#[allow(missing_docs)] // columns
pub struct PresentedRow {
    pub credential: ScimCredentialId,
    pub client: ScimClientId,
    pub organization: OrganizationId,
    pub slug: String,
    pub profile: String,
    pub state: String,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
}

/// The columns of a [`PresentedRow`].
type Presented = (
    credentials::id,
    credentials::client_id,
    credentials::org_id,
    organizations::slug,
    table::profile,
    table::state,
    credentials::expires_at,
    credentials::last_used_at,
    credentials::revoked_at,
);
const PRESENTED: Presented = (
    credentials::id,
    credentials::client_id,
    credentials::org_id,
    organizations::slug,
    table::profile,
    table::state,
    credentials::expires_at,
    credentials::last_used_at,
    credentials::revoked_at,
);

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

/// Inserts a credential.
pub fn insert_credential(tx: &mut Tx<'_>, row: &ScimCredentialRow) -> Result<(), StoreError> {
    diesel::insert_into(credentials::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The credential with this token hash, with its client and organization.
pub fn find_presented(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<PresentedRow>, StoreError> {
    let query = credentials::table
        .inner_join(table::table.on(table::id.eq(credentials::client_id)))
        .inner_join(organizations::table.on(organizations::id.eq(credentials::org_id)))
        .filter(credentials::token_hash.eq(hash))
        .select(PRESENTED);
    Ok(query.first(tx.connection()).optional()?)
}

/// The credential with this id, with its client and organization.
pub fn find_credential(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimCredentialId,
) -> Result<Option<PresentedRow>, StoreError> {
    let query = credentials::table
        .inner_join(table::table.on(table::id.eq(credentials::client_id)))
        .inner_join(organizations::table.on(organizations::id.eq(credentials::org_id)))
        .filter(credentials::id.eq(id))
        .filter(credentials::org_id.eq(organization))
        .select(PRESENTED);
    Ok(query.first(tx.connection()).optional()?)
}

/// The credentials of a client, by id.
pub fn credentials(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<Vec<ScimCredentialRow>, StoreError> {
    let query = credentials::table
        .filter(credentials::org_id.eq(organization))
        .filter(credentials::client_id.eq(client))
        .order(credentials::id)
        .select(ScimCredentialRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// Revokes one credential of a client; tells whether it was live.
pub fn revoke_credential(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    id: ScimCredentialId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one = credentials::table
        .filter(credentials::org_id.eq(organization))
        .filter(credentials::client_id.eq(client))
        .filter(credentials::id.eq(id))
        .filter(credentials::revoked_at.is_null());
    Ok(diesel::update(one).set(credentials::revoked_at.eq(at)).execute(tx.connection())? == 1)
}

/// Revokes every live credential of a client; returns how many there were.
pub fn revoke_credentials(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let all = credentials::table
        .filter(credentials::org_id.eq(organization))
        .filter(credentials::client_id.eq(client))
        .filter(credentials::revoked_at.is_null());
    Ok(diesel::update(all).set(credentials::revoked_at.eq(at)).execute(tx.connection())?)
}

/// Notes a use.
pub fn touch_credential(tx: &mut Tx<'_>, id: ScimCredentialId, at: Timestamp) -> Result<(), StoreError> {
    let one = credentials::table.filter(credentials::id.eq(id));
    diesel::update(one).set(credentials::last_used_at.eq(at)).execute(tx.connection())?;
    Ok(())
}

/// How many clients of an organization are in this state.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId, state: &str) -> Result<i64, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.eq(state));
    Ok(query.count().get_result(tx.connection())?)
}

/// How many credentials of a client are live.
pub fn count_live_credentials(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let query = credentials::table
        .filter(credentials::org_id.eq(organization))
        .filter(credentials::client_id.eq(client))
        .filter(credentials::revoked_at.is_null())
        .filter(credentials::expires_at.gt(now));
    Ok(query.count().get_result(tx.connection())?)
}
