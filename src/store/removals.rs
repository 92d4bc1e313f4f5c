//! What the brake on mass removals knows (decision Q33): how many were removed in which minute, the brake of each
//! organization, and the removals that wait.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::people_schema::{brakes, held_removals as held, removal_counts as counts};
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId, ScimClientId};

/// The brake of one organization. There is none before it was set or was needed.
#[derive(Debug, Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = brakes, check_for_backend(Backend), primary_key(org_id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
#[allow(missing_docs)] // columns
pub struct BrakeRow {
    pub org_id: OrganizationId,
    pub state: String,
    pub removals_per_hour: Option<i64>,
    pub share_percent: Option<i64>,
    pub opened_at: Option<Timestamp>,
    pub client_id: Option<ScimClientId>,
    pub until: Option<Timestamp>,
    pub active: Option<i64>,
    pub active_at: Option<Timestamp>,
}

/// A brake, if there is one, with what was counted.
#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct FoundRow {
    #[diesel(sql_type = Nullable<Binary>)]
    org_id: Option<OrganizationId>,
    #[diesel(sql_type = Nullable<Text>)]
    state: Option<String>,
    #[diesel(sql_type = Nullable<BigInt>)]
    removals_per_hour: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    share_percent: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    opened_at: Option<Timestamp>,
    #[diesel(sql_type = Nullable<Binary>)]
    client_id: Option<ScimClientId>,
    #[diesel(sql_type = Nullable<BigInt>)]
    until: Option<Timestamp>,
    #[diesel(sql_type = Nullable<BigInt>)]
    active: Option<i64>,
    #[diesel(sql_type = Nullable<BigInt>)]
    active_at: Option<Timestamp>,
    #[diesel(sql_type = BigInt)]
    removed: i64,
}

impl FoundRow {
    fn brake(self) -> Option<BrakeRow> {
        Some(BrakeRow {
            org_id: self.org_id?,
            state: self.state?,
            removals_per_hour: self.removals_per_hour,
            share_percent: self.share_percent,
            opened_at: self.opened_at,
            client_id: self.client_id,
            until: self.until,
            active: self.active,
            active_at: self.active_at,
        })
    }
}

/// A removal that waits.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = held, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct HeldRow {
    pub org_id: OrganizationId,
    pub resource_id: ResourceId,
    pub client_id: ScimClientId,
    pub kind: String,
    pub held_at: Timestamp,
}

/// The brake of an organization.
pub fn find(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Option<BrakeRow>, StoreError> {
    let query = brakes::table.filter(brakes::org_id.eq(organization));
    Ok(on_engine!(tx, |connection| query.select(BrakeRow::as_select()).first(connection)).optional()?)
}

/// The brake of an organization, and how many were removed in this minute or later, on PostgreSQL in one query.
pub fn find_with_removed(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    minute: i64,
) -> Result<(Option<BrakeRow>, i64), StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok((find(tx, organization)?, counted_since(tx, organization, minute, 0)?));
    }
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT b.org_id, b.state, b.removals_per_hour, b.share_percent, b.opened_at, b.client_id, b.until, b.active, \
           b.active_at, (SELECT CAST(COALESCE(sum(c.removals), 0) AS BIGINT) FROM removal_counts c WHERE c.org_id = ",
    );
    query.bytes(organization.as_bytes()).sql(" AND c.minute >= ").integer(minute);
    query.sql(") AS removed FROM (SELECT 1) one LEFT JOIN brakes b ON b.org_id = ").bytes(organization.as_bytes());
    let found: FoundRow = query.get_result(tx.connection())?;
    let removed = found.removed;
    Ok((found.brake(), removed))
}

/// Writes the brake of an organization.
pub fn put(tx: &mut Tx<'_>, row: &BrakeRow) -> Result<(), StoreError> {
    let changed = diesel::update(brakes::table.filter(brakes::org_id.eq(row.org_id))).set(row);
    if changed.execute(tx.connection())? == 0 {
        diesel::insert_into(brakes::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}

/// Counts one removal. `shard` spreads those of one minute over several rows, so that no two wait for each other often. On
/// PostgreSQL it travels with the next statement.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId, minute: i64, shard: i32) -> Result<(), StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("INSERT INTO removal_counts (org_id, minute, shard, removals) VALUES (").bytes(organization.as_bytes());
    query
        .sql(", ")
        .integer(minute)
        .sql(", ")
        .integer(i64::from(shard))
        .sql(", 1) ON CONFLICT (org_id, minute, shard) DO UPDATE SET removals = removal_counts.removals + 1");
    tx.write_along(query)
}

/// How many were removed in this minute or later, in this shard or later ones: a few rows for each minute.
pub fn counted_since(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    minute: i64,
    from_shard: i32,
) -> Result<i64, StoreError> {
    let query = counts::table
        .filter(counts::org_id.eq(organization))
        .filter(counts::minute.ge(minute))
        .filter(counts::shard.ge(from_shard))
        .select(counts::removals);
    let found: Vec<i64> = query.load(tx.connection())?;
    Ok(found.into_iter().fold(0, i64::saturating_add))
}

/// Removes counts of minutes before this one, at most `limit`; tells how many went.
pub fn forget_before(tx: &mut Tx<'_>, minute: i64, limit: i64) -> Result<usize, StoreError> {
    let text = "DELETE FROM removal_counts WHERE (org_id, minute, shard) IN \
                (SELECT org_id, minute, shard FROM removal_counts WHERE minute < $1 LIMIT $2)";
    Ok(diesel::sql_query(text).bind::<BigInt, _>(minute).bind::<BigInt, _>(limit).execute(tx.connection())?)
}

/// Puts a removal on the waiting list; the newest kind counts.
pub fn hold(tx: &mut Tx<'_>, row: &HeldRow) -> Result<(), StoreError> {
    let one = held::table.filter(held::org_id.eq(row.org_id)).filter(held::resource_id.eq(row.resource_id));
    if diesel::update(one).set(held::kind.eq(&row.kind)).execute(tx.connection())? == 0 {
        diesel::insert_into(held::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}

/// True when the removal of a resource is on the waiting list.
pub fn is_held(tx: &mut Tx<'_>, organization: OrganizationId, resource: ResourceId) -> Result<bool, StoreError> {
    let query = held::table.filter(held::org_id.eq(organization)).filter(held::resource_id.eq(resource));
    Ok(query.count().get_result::<i64>(tx.connection())? > 0)
}

/// How many removals are on the waiting list.
pub fn held_count(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<i64, StoreError> {
    Ok(held::table.filter(held::org_id.eq(organization)).count().get_result(tx.connection())?)
}

/// How many removals of all organizations wait for a human.
pub fn waiting(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
    #[derive(QueryableByName)]
    #[diesel(check_for_backend(Backend))]
    struct Found {
        #[diesel(sql_type = BigInt)]
        waiting: i64,
    }
    let text = "SELECT COUNT(*) AS waiting FROM held_removals h JOIN brakes b ON b.org_id = h.org_id \
                WHERE b.state = 'waiting'";
    Ok(diesel::sql_query(text).get_result::<Found>(tx.connection())?.waiting)
}

/// Some removals of the waiting list.
pub fn held(tx: &mut Tx<'_>, organization: OrganizationId, limit: i64) -> Result<Vec<HeldRow>, StoreError> {
    let query = held::table
        .filter(held::org_id.eq(organization))
        .order(held::resource_id)
        .limit(limit)
        .select(HeldRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// Takes one removal off the waiting list.
pub fn release(tx: &mut Tx<'_>, organization: OrganizationId, resource: ResourceId) -> Result<(), StoreError> {
    let one = held::table.filter(held::org_id.eq(organization)).filter(held::resource_id.eq(resource));
    diesel::delete(one).execute(tx.connection())?;
    Ok(())
}

/// Empties the waiting list.
pub fn release_all(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    diesel::delete(held::table.filter(held::org_id.eq(organization))).execute(tx.connection())?;
    Ok(())
}
