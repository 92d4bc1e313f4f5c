//! Credentials of SCIM clients; tokens and secrets are kept as hashes.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::schema::{organizations, scim_clients as clients, scim_credentials as table};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId, ScimCredentialId};

/// One credential of a client.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ScimCredentialRow {
    pub id: ScimCredentialId,
    pub org_id: OrganizationId,
    pub client_id: ScimClientId,
    /// The hash of the token or secret; of a credential without one, its id.
    pub token_hash: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub kind: String,
    pub scope: String,
    pub trust: Option<String>,
    pub warned_days: Option<i32>,
    pub warned_at: Option<Timestamp>,
}

/// A credential with its client and organization.
#[derive(Debug, Clone, Queryable)]
#[allow(missing_docs)] // columns
pub struct PresentedRow {
    pub credential: ScimCredentialId,
    pub client: ScimClientId,
    pub organization: OrganizationId,
    pub slug: String,
    pub schemas_version: i64,
    pub profile: String,
    pub state: String,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub kind: String,
    pub scope: String,
    pub request_log: String,
}

/// The columns of a [`PresentedRow`].
pub(in crate::store) type Presented = (
    table::id,
    table::client_id,
    table::org_id,
    organizations::slug,
    organizations::schemas_version,
    clients::profile,
    clients::state,
    table::expires_at,
    table::last_used_at,
    table::revoked_at,
    table::kind,
    table::scope,
    clients::request_log,
);
pub(in crate::store) const PRESENTED: Presented = (
    table::id,
    table::client_id,
    table::org_id,
    organizations::slug,
    organizations::schemas_version,
    clients::profile,
    clients::state,
    table::expires_at,
    table::last_used_at,
    table::revoked_at,
    table::kind,
    table::scope,
    clients::request_log,
);

/// A credential that is due for a warning, with its client's name.
#[derive(Debug, Clone, Queryable)]
#[allow(missing_docs)] // columns
pub struct ExpiringRow {
    pub id: ScimCredentialId,
    pub organization: OrganizationId,
    pub client: ScimClientId,
    pub client_name: String,
    pub expires_at: Timestamp,
}

/// Inserts a credential.
pub fn insert(tx: &mut Tx<'_>, row: &ScimCredentialRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The credential with this token hash, with its client and organization.
pub fn find_presented(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<PresentedRow>, StoreError> {
    let query = table::table
        .inner_join(clients::table.on(clients::id.eq(table::client_id)))
        .inner_join(organizations::table.on(organizations::id.eq(table::org_id)))
        .filter(table::token_hash.eq(hash))
        .select(PRESENTED);
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// The credential with this id, with its client and organization.
pub fn find_with_client(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimCredentialId,
) -> Result<Option<PresentedRow>, StoreError> {
    let query = table::table
        .inner_join(clients::table.on(clients::id.eq(table::client_id)))
        .inner_join(organizations::table.on(organizations::id.eq(table::org_id)))
        .filter(table::id.eq(id))
        .filter(table::org_id.eq(organization))
        .select(PRESENTED);
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// True when the credential has not been revoked, and its client is in state `state`.
pub fn is_live(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimCredentialId,
    state: &str,
) -> Result<bool, StoreError> {
    let query = table::table
        .inner_join(clients::table.on(clients::id.eq(table::client_id)))
        .filter(table::id.eq(id))
        .filter(table::org_id.eq(organization))
        .filter(table::revoked_at.is_null())
        .filter(clients::state.eq(state))
        .select(table::id);
    Ok(on_engine!(tx, |connection| query.first::<ScimCredentialId>(connection)).optional()?.is_some())
}

/// The credentials of a client, by id.
pub fn of_client(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
) -> Result<Vec<ScimCredentialRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::client_id.eq(client))
        .order(table::id)
        .select(ScimCredentialRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// The credentials of a client in state `state` that live at `now`, whoever owns it: for the token endpoint, where the
/// client is all that is known.
pub fn live(
    tx: &mut Tx<'_>,
    client: ScimClientId,
    state: &str,
    now: Timestamp,
) -> Result<Vec<ScimCredentialRow>, StoreError> {
    let query = table::table
        .inner_join(clients::table.on(clients::id.eq(table::client_id)))
        .filter(table::client_id.eq(client))
        .filter(clients::state.eq(state))
        .filter(table::revoked_at.is_null())
        .filter(table::expires_at.gt(now))
        .order(table::id)
        .select(ScimCredentialRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// Revokes one credential of a client; tells whether it was live.
pub fn revoke(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    id: ScimCredentialId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::client_id.eq(client))
        .filter(table::id.eq(id))
        .filter(table::revoked_at.is_null());
    Ok(diesel::update(one).set(table::revoked_at.eq(at)).execute(tx.connection())? == 1)
}

/// Revokes every live credential of a client; returns how many there were.
pub fn revoke_all(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    at: Timestamp,
) -> Result<usize, StoreError> {
    let all = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::client_id.eq(client))
        .filter(table::revoked_at.is_null());
    Ok(diesel::update(all).set(table::revoked_at.eq(at)).execute(tx.connection())?)
}

/// Notes a use.
pub fn touch(tx: &mut Tx<'_>, id: ScimCredentialId, at: Timestamp) -> Result<(), StoreError> {
    let one = table::table.filter(table::id.eq(id));
    Kept(diesel::update(one).set(table::last_used_at.eq(at))).execute(tx.connection())?;
    Ok(())
}

/// How many credentials of a client are live.
pub fn count_live(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    client: ScimClientId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::client_id.eq(client))
        .filter(table::revoked_at.is_null())
        .filter(table::expires_at.gt(now));
    Ok(query.count().get_result(tx.connection())?)
}

/// When a credential is due for a warning.
#[derive(Debug, Clone, Copy)]
pub struct Due {
    /// The warning that is given, in days before the end; an earlier one of fewer days stands for it.
    pub days: i32,
    /// Now; what has ended is not warned of.
    pub now: Timestamp,
    /// It ends by then.
    pub ends_by: Timestamp,
    /// It was used since then.
    pub used_since: Timestamp,
    /// It was made to live longer than this, so that a short life is not warned of at its beginning.
    pub shortest_life_micros: i64,
}

/// At most `limit` live credentials of clients in state `state`, over all organizations, that are due.
pub fn expiring(tx: &mut Tx<'_>, state: &str, due: &Due, limit: i64) -> Result<Vec<ExpiringRow>, StoreError> {
    let query = table::table
        .inner_join(clients::table.on(clients::id.eq(table::client_id)))
        .filter(table::revoked_at.is_null())
        .filter(table::expires_at.gt(due.now))
        .filter(table::expires_at.le(due.ends_by))
        .filter(table::warned_days.is_null().or(table::warned_days.gt(due.days)))
        .filter(table::last_used_at.ge(due.used_since))
        .filter((table::expires_at - table::created_at).gt(due.shortest_life_micros))
        .filter(clients::state.eq(state))
        .order(table::expires_at)
        .limit(limit)
        .select((table::id, table::org_id, table::client_id, clients::name, table::expires_at));
    Ok(query.load(tx.connection())?)
}

/// Notes a warning, unless one of as few days was noted before; tells whether it was.
pub fn note_warning(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ScimCredentialId,
    days: i32,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::id.eq(id))
        .filter(table::warned_days.is_null().or(table::warned_days.gt(days)));
    let noted = diesel::update(one).set((table::warned_days.eq(days), table::warned_at.eq(at)));
    Ok(noted.execute(tx.connection())? == 1)
}
