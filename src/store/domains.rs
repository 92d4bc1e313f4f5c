//! Domains that organizations have claimed.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Text};

use super::Tx;
use super::failure::StoreError;
use super::kept::KeptSelect;
use super::domain_schema::domains as table;
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{DomainId, OrganizationId};
use crate::values::page::PageRequest;

/// One claim.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct DomainRow {
    pub id: DomainId,
    pub org_id: OrganizationId,
    pub name: String,
    pub state: String,
    pub challenge: String,
    pub challenge_expires_at: Timestamp,
    pub verified_at: Option<Timestamp>,
    pub last_checked_at: Option<Timestamp>,
    pub last_failure: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// The states in which a domain has an owner.
const OWNED: [&str; 4] = ["verified", "managed", "at_risk", "disputed"];

/// Inserts one; [`super::constraint::Constraint::DomainClaim`] when the organization has claimed it already.
pub fn insert(tx: &mut Tx<'_>, row: &DomainRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// A claim of an organization.
pub fn find(tx: &mut Tx<'_>, organization: OrganizationId, id: DomainId) -> Result<Option<DomainRow>, StoreError> {
    let query =
        table::table.filter(table::org_id.eq(organization)).filter(table::id.eq(id)).select(DomainRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The claims of an organization, by id.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    page: &PageRequest<DomainId>,
) -> Result<Vec<DomainRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .order(table::id)
        .limit(page.fetch_limit())
        .select(DomainRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes what a check or a transition changed; only if the state is still `from`.
/// [`super::constraint::Constraint::DomainOwner`] when the domain has another owner.
pub fn update(tx: &mut Tx<'_>, row: &DomainRow, from: &str) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(row.id)).filter(table::state.eq(from));
    let changed = diesel::update(one)
        .set((
            table::state.eq(&row.state),
            table::challenge.eq(&row.challenge),
            table::challenge_expires_at.eq(row.challenge_expires_at),
            table::verified_at.eq(row.verified_at),
            table::last_checked_at.eq(row.last_checked_at),
            table::last_failure.eq(&row.last_failure),
            table::updated_at.eq(row.updated_at),
        ))
        .execute(tx.connection())?;
    Ok(changed == 1)
}

/// The active owners of any of these names: (name, organization).
pub fn owners(tx: &mut Tx<'_>, names: &[String]) -> Result<Vec<(String, OrganizationId)>, StoreError> {
    let query = table::table
        .filter(table::name.eq_any(names))
        .filter(table::state.eq_any(OWNED))
        .select((table::name, table::org_id));
    Ok(query.load(tx.connection())?)
}

/// The active owner of this very domain, and its claim.
pub fn owner_of(tx: &mut Tx<'_>, name: &str) -> Result<Option<(OrganizationId, DomainId)>, StoreError> {
    let query =
        table::table.filter(table::name.eq(name)).filter(table::state.eq_any(OWNED)).select((table::org_id, table::id));
    Ok(query.first(tx.connection()).optional()?)
}

/// True when the organization is the active owner of this very domain.
pub fn is_owner(tx: &mut Tx<'_>, organization: OrganizationId, name: &str) -> Result<bool, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::name.eq(name))
        .filter(table::state.eq_any(OWNED));
    Ok(query.count().get_result::<i64>(tx.connection())? > 0)
}

/// As [`is_owner`], and keeps the claim from being given up or changed before this transaction ends. On SQLite there is one
/// writer.
pub fn lock_owner_for_share(tx: &mut Tx<'_>, organization: OrganizationId, name: &str) -> Result<bool, StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM domains WHERE org_id = $1 AND name = $2 FOR SHARE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(organization).bind::<Text, _>(name)).execute(postgres)?;
    }
    is_owner(tx, organization, name)
}

/// How many claims an organization has that are not released.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.ne("released"));
    Ok(query.count().get_result(tx.connection())?)
}
