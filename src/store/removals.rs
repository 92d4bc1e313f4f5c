//! What the brake on mass removals knows (decision Q33): how many were removed in which minute, the brake of each
//! organization, and the removals that wait.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Integer};

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
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
    let query = brakes::table.filter(brakes::org_id.eq(organization)).select(BrakeRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Writes the brake of an organization.
pub fn put(tx: &mut Tx<'_>, row: &BrakeRow) -> Result<(), StoreError> {
    let changed = diesel::update(brakes::table.filter(brakes::org_id.eq(row.org_id))).set(row);
    if changed.execute(tx.connection())? == 0 {
        diesel::insert_into(brakes::table).values(row).execute(tx.connection())?;
    }
    Ok(())
}

/// Counts one removal. `shard` spreads those of one minute over several rows, so that no two wait for each other often.
pub fn count(tx: &mut Tx<'_>, organization: OrganizationId, minute: i64, shard: i32) -> Result<(), StoreError> {
    let counted = diesel::sql_query(
        "INSERT INTO removal_counts (org_id, minute, shard, removals) VALUES ($1, $2, $3, 1) \
         ON CONFLICT (org_id, minute, shard) DO UPDATE SET removals = removal_counts.removals + 1",
    )
    .bind::<Binary, _>(organization)
    .bind::<BigInt, _>(minute)
    .bind::<Integer, _>(shard);
    Kept(counted).execute(tx.connection())?;
    Ok(())
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
