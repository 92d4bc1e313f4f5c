//! Domains that organizations have claimed.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

use super::Tx;
use super::domain_schema::domains as table;
use super::failure::StoreError;
use super::kept::{KeptRead, KeptSelect};
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
    pub at_risk_at: Option<Timestamp>,
    pub lapsed_at: Option<Timestamp>,
    pub risk_notices: i32,
    pub check_at: Timestamp,
    pub check_failures: i32,
}

/// What a domain has to be to its owner for what is asked. Nothing asks for an owner without saying which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owned {
    /// Proved, and looked after: its owner brings people in by it and answers for their addresses, also while the record is gone
    /// for a few days.
    Trusted,
    /// The same, or lapsed (decision Q15): what its owner's people have goes on, and nobody else may have it without a proof.
    OrLapsed,
}

const TRUSTED: [&str; 4] = ["verified", "managed", "at_risk", "disputed"];
const HELD: [&str; 5] = ["verified", "managed", "at_risk", "disputed", "lapsed"];

impl Owned {
    const fn states(self) -> &'static [&'static str] {
        match self {
            Self::Trusted => &TRUSTED,
            Self::OrLapsed => &HELD,
        }
    }

    /// The states as text, each list word for word that of an index.
    pub(in crate::store) const fn sql(self) -> &'static str {
        match self {
            Self::Trusted => "('verified', 'managed', 'at_risk', 'disputed')",
            Self::OrLapsed => "('verified', 'managed', 'at_risk', 'disputed', 'lapsed')",
        }
    }
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct TakenRow {
    #[diesel(sql_type = Binary)]
    id: DomainId,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct CountRow {
    #[diesel(sql_type = BigInt)]
    at_risk: i64,
    #[diesel(sql_type = BigInt)]
    lapsed: i64,
}

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
            table::at_risk_at.eq(row.at_risk_at),
            table::lapsed_at.eq(row.lapsed_at),
            table::risk_notices.eq(row.risk_notices),
            table::check_at.eq(row.check_at),
            table::check_failures.eq(row.check_failures),
        ))
        .execute(tx.connection())?;
    Ok(changed == 1)
}

/// The owner of this very domain.
pub fn owner(tx: &mut Tx<'_>, name: &str, owned: Owned) -> Result<Option<OrganizationId>, StoreError> {
    Ok(owner_of(tx, name, owned)?.map(|(owner, _)| owner))
}

/// The owner of this very domain, and its claim.
pub fn owner_of(tx: &mut Tx<'_>, name: &str, owned: Owned) -> Result<Option<(OrganizationId, DomainId)>, StoreError> {
    let query = table::table
        .filter(table::name.eq(name))
        .filter(table::state.eq_any(owned.states()))
        .select((table::org_id, table::id))
        .limit(1);
    Ok(on_engine!(tx, |connection| KeptRead(query).get_result(connection)).optional()?)
}

/// True when the organization is the owner of this very domain.
pub fn is_owner(tx: &mut Tx<'_>, organization: OrganizationId, name: &str, owned: Owned) -> Result<bool, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::name.eq(name))
        .filter(table::state.eq_any(owned.states()))
        .count();
    Ok(on_engine!(tx, |connection| KeptRead(query).get_result::<i64>(connection))? > 0)
}

/// True when this very domain is the organization's and has lapsed.
pub fn is_lapsed(tx: &mut Tx<'_>, organization: OrganizationId, name: &str) -> Result<bool, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::name.eq(name))
        .filter(table::state.eq("lapsed"));
    Ok(on_engine!(tx, |connection| query.count().get_result::<i64>(connection))? > 0)
}

/// As [`is_owner`], and keeps the claim from being given up or changed before this transaction ends. On SQLite there is one
/// writer.
pub fn lock_owner_for_share(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    name: &str,
    owned: Owned,
) -> Result<bool, StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM domains WHERE org_id = $1 AND name = $2 FOR SHARE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(organization).bind::<Text, _>(name)).execute(postgres)?;
    }
    is_owner(tx, organization, name, owned)
}

/// A claim of an organization, which nobody else changes before this transaction ends. On SQLite there is one writer.
pub fn find_for_update(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: DomainId,
) -> Result<Option<DomainRow>, StoreError> {
    if let AnyConnection::Postgres(_) = tx.connection() {
        diesel::sql_query("SELECT 1 FROM domains WHERE org_id = $1 AND id = $2 FOR NO KEY UPDATE")
            .bind::<Binary, _>(organization)
            .bind::<Binary, _>(id)
            .execute(tx.connection())?;
    }
    find(tx, organization, id)
}

/// The lapsed claim of another organization on this very domain.
pub fn lapsed_of_another(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    name: &str,
) -> Result<Option<DomainRow>, StoreError> {
    let query = table::table
        .filter(table::name.eq(name))
        .filter(table::state.eq("lapsed"))
        .filter(table::org_id.ne(organization))
        .select(DomainRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Takes proved domains whose look-up is due at `now`, over all organizations, the longest due first. Nobody else takes them
/// before `until`.
pub fn take_due(tx: &mut Tx<'_>, now: Timestamp, until: Timestamp, limit: i64) -> Result<Vec<DomainRow>, StoreError> {
    let lock = match tx.connection() {
        AnyConnection::Sqlite(_) => "",
        AnyConnection::Postgres(_) => " FOR NO KEY UPDATE SKIP LOCKED",
    };
    let text = format!(
        "UPDATE domains SET check_at = $1 WHERE id IN (\
           SELECT id FROM domains WHERE state IN ('verified', 'at_risk', 'lapsed') AND check_at <= $2 \
           ORDER BY check_at LIMIT $3{lock}) RETURNING id"
    );
    let taken: Vec<TakenRow> = diesel::sql_query(text)
        .bind::<BigInt, _>(until)
        .bind::<BigInt, _>(now)
        .bind::<BigInt, _>(limit)
        .load(tx.connection())?;
    let ids: Vec<DomainId> = taken.into_iter().map(|row| row.id).collect();
    let query = table::table.filter(table::id.eq_any(ids)).select(DomainRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// How many domains are at risk, and how many have lapsed, over all organizations.
pub fn count_unproved(tx: &mut Tx<'_>) -> Result<(i64, i64), StoreError> {
    let text = "SELECT CAST(count(CASE WHEN state = 'at_risk' THEN 1 END) AS BIGINT) AS at_risk, \
                       CAST(count(CASE WHEN state = 'lapsed' THEN 1 END) AS BIGINT) AS lapsed \
                FROM domains WHERE state IN ('verified', 'at_risk', 'lapsed')";
    let counts: CountRow = diesel::sql_query(text).get_result(tx.connection())?;
    Ok((counts.at_risk, counts.lapsed))
}

/// How many claims an organization has that are not released.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).filter(table::state.ne("released"));
    Ok(query.count().get_result(tx.connection())?)
}
