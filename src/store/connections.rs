//! Connections of organizations to their identity providers.

use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable};

use super::Tx;
use super::failure::StoreError;
use super::kept::KeptSelect;
use super::schema::{connections as table, identities};
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, IdentityId, OrganizationId};
use crate::values::page::PageRequest;

/// One connection.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct ConnectionRow {
    pub id: ConnectionId,
    pub org_id: OrganizationId,
    pub protocol: String,
    pub name: String,
    pub state: String,
    pub settings: String,
    pub sealed_secret: Option<Vec<u8>>,
    pub version: i64,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub match_by: Option<String>,
    pub match_claim: Option<String>,
}

/// Inserts one.
pub fn insert(tx: &mut Tx<'_>, row: &ConnectionRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The connection with this id, whoever owns it: for the federation doors, which are addressed by it.
pub fn find(tx: &mut Tx<'_>, id: ConnectionId) -> Result<Option<ConnectionRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id));
    Ok(on_engine!(tx, |connection| query.select(ConnectionRow::as_select()).first(connection)).optional()?)
}

/// Keeps other transactions from changing a connection before this one ends; they do not keep each other from doing so.
/// On SQLite there is one writer.
pub fn lock_for_share(tx: &mut Tx<'_>, id: ConnectionId) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM connections WHERE id = $1 FOR SHARE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(id)).execute(postgres)?;
    }
    Ok(())
}

/// Keeps other transactions from changing a connection, and from resting on it, before this one ends.
pub fn lock(tx: &mut Tx<'_>, id: ConnectionId) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM connections WHERE id = $1 FOR NO KEY UPDATE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(id)).execute(postgres)?;
    }
    Ok(())
}

/// A connection of an organization.
pub fn find_of(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ConnectionId,
) -> Result<Option<ConnectionRow>, StoreError> {
    let query =
        table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id)).select(ConnectionRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The connections of an organization, by id.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    page: &PageRequest<ConnectionId>,
) -> Result<Vec<ConnectionRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .order(table::id)
        .limit(page.fetch_limit())
        .select(ConnectionRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// The connections of an organization that people can sign in with: (id, name), oldest first, at most 50.
pub fn active(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<(ConnectionId, String)>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("active"))
        .order(table::id)
        .limit(50)
        .select((table::id, table::name));
    Ok(query.load(tx.connection())?)
}

/// The same as whole rows.
pub fn active_rows(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<ConnectionRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::state.eq("active"))
        .order(table::id)
        .limit(50)
        .select(ConnectionRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// Notes that what decides who comes in through a connection is another from now on.
pub fn note_decision(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ConnectionId,
    at: Timestamp,
) -> Result<(), StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id));
    diesel::update(one).set(table::decided_at.eq(Some(at))).execute(tx.connection())?;
    Ok(())
}

/// True when somebody came in through a connection later than `since`, and later than what decides there last changed.
pub fn is_tried(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: ConnectionId,
    since: Timestamp,
) -> Result<bool, StoreError> {
    let query = identities::table
        .inner_join(table::table.on(table::id.eq(identities::connection_id)))
        .filter(table::org_id.eq(organization))
        .filter(table::id.eq(id))
        .filter(identities::last_sign_in_at.gt(since))
        .filter(came_later())
        .select(identities::id)
        .limit(1);
    Ok(query.first::<IdentityId>(tx.connection()).optional()?.is_some())
}

/// Of an identity beside its connection: it was used later than what decides there last changed.
pub(in crate::store) fn came_later() -> SqlLiteral<Bool> {
    diesel::dsl::sql::<Bool>("identities.last_sign_in_at > COALESCE(connections.decided_at, connections.updated_at)")
}

/// The active connections of a protocol behind `after`, by id, over all organizations.
pub fn active_after(
    tx: &mut Tx<'_>,
    protocol: &str,
    after: Option<ConnectionId>,
    limit: i64,
) -> Result<Vec<ConnectionRow>, StoreError> {
    let mut query = table::table
        .filter(table::protocol.eq(protocol.to_owned()))
        .filter(table::state.eq("active"))
        .order(table::id)
        .limit(limit)
        .select(ConnectionRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes name, state, settings and secret if the version is still the one that was read; moves it on. What was never noted of
/// what decides is its last change until now.
pub fn update(tx: &mut Tx<'_>, row: &ConnectionRow) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::org_id.eq(row.org_id))
        .filter(table::id.eq(row.id))
        .filter(table::version.eq(row.version));
    let changed = diesel::update(one)
        .set((
            table::name.eq(&row.name),
            table::state.eq(&row.state),
            table::settings.eq(&row.settings),
            table::sealed_secret.eq(&row.sealed_secret),
            table::version.eq(table::version + 1),
            table::updated_at.eq(row.updated_at),
            table::match_by.eq(&row.match_by),
            table::match_claim.eq(&row.match_claim),
            table::decided_at.eq(diesel::dsl::sql::<Nullable<BigInt>>("COALESCE(decided_at, updated_at)")),
        ))
        .execute(tx.connection())?;
    Ok(changed == 1)
}

/// How many connections an organization has that are not deleted.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.ne("deleted"));
    Ok(query.count().get_result(tx.connection())?)
}
