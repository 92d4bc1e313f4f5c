//! Members of SCIM groups, one row each. A member is a user or a group of the same organization.

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::resources::ResourceKind;
use super::schema::members as table;
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ResourceId};

/// How many rows one statement carries.
const CHUNK: usize = 500;

/// One end of a membership, seen from the other.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct RelatedRow {
    /// The key of the resource that was asked about.
    #[diesel(sql_type = BigInt)]
    pub of_k: i64,
    #[diesel(sql_type = Binary)]
    pub id: ResourceId,
    #[diesel(sql_type = Text)]
    pub kind: String,
    #[diesel(sql_type = Nullable<Text>)]
    pub display: Option<String>,
    /// False for a group that contains the resource only through other groups.
    #[diesel(sql_type = Bool)]
    pub is_direct: bool,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct PairRow {
    #[diesel(sql_type = BigInt)]
    member_k: i64,
    #[diesel(sql_type = BigInt)]
    group_k: i64,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Count {
    #[diesel(sql_type = BigInt)]
    found: i64,
}

/// A resource by its key.
#[derive(Debug, Clone, QueryableByName)]
#[diesel(check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct KeyRow {
    #[diesel(sql_type = BigInt)]
    pub k: i64,
    #[diesel(sql_type = Binary)]
    pub id: ResourceId,
    #[diesel(sql_type = Text)]
    pub kind: String,
}

/// The keys of the organization's resources among `ids`, in chunks.
pub fn keys(tx: &mut Tx<'_>, organization: OrganizationId, ids: &[ResourceId]) -> Result<Vec<KeyRow>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let mut query = statement(chunk.len());
        query.sql("SELECT k, id, kind FROM resources WHERE org_id").sql(tx.engine().checked());
        query.bytes(organization.as_bytes());
        query.sql(" AND id IN ").list(chunk, |query, id| {
            query.bytes(id.as_bytes());
        });
        found.extend(query.load::<KeyRow>(tx.connection())?);
    }
    Ok(found)
}

/// Makes other transactions that nest groups of this organization wait until this one ends. On SQLite there is one writer.
pub fn lock_nesting(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(_) = tx.connection() {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 1))")
            .bind::<Text, _>(organization.to_string())
            .execute(tx.connection())?;
    }
    Ok(())
}

/// Adds members; returns how many were not there yet.
pub fn insert(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    group: i64,
    members: &[i64],
    at: Timestamp,
) -> Result<usize, StoreError> {
    let mut added = 0_usize;
    for chunk in members.chunks(CHUNK) {
        let mut query = statement(chunk.len());
        query.sql("INSERT INTO members (group_k, member_k, org_id, created_at) VALUES ");
        for (index, member) in chunk.iter().enumerate() {
            query.sql(if index == 0 { "(" } else { ", (" }).integer(group).sql(", ").integer(*member).sql(", ");
            query.bytes(organization.as_bytes()).sql(", ").integer(at.micros()).sql(")");
        }
        query.sql(" ON CONFLICT DO NOTHING");
        added = added.saturating_add(query.execute(tx.connection())?);
    }
    Ok(added)
}

/// Removes members; returns how many were there.
pub fn delete(tx: &mut Tx<'_>, group: i64, members: &[i64]) -> Result<usize, StoreError> {
    let mut removed = 0_usize;
    for chunk in members.chunks(CHUNK) {
        let engine = tx.engine();
        let mut query = DynamicQuery::recurring();
        query.sql("DELETE FROM members WHERE group_k = ").integer(group).sql(" AND member_k").among(engine, chunk);
        removed = removed.saturating_add(query.execute(tx.connection())?);
    }
    Ok(removed)
}

/// Removes every member; returns how many there were.
pub fn delete_all(tx: &mut Tx<'_>, group: i64) -> Result<usize, StoreError> {
    Ok(diesel::delete(table::table.filter(table::group_k.eq(group))).execute(tx.connection())?)
}

/// The keys of the members of a group.
pub fn member_keys(tx: &mut Tx<'_>, group: i64) -> Result<Vec<i64>, StoreError> {
    let query = table::table.filter(table::group_k.eq(group)).order(table::member_k).select(table::member_k);
    Ok(query.load(tx.connection())?)
}

/// How many members a group has, counted up to `most`. In their order, because PostgreSQL would else gather all members of a
/// large group before it counts the first.
pub fn count_up_to(tx: &mut Tx<'_>, group: i64, most: i64) -> Result<i64, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT count(*) AS found FROM (SELECT m.member_k FROM members m WHERE m.group_k = ").integer(group);
    query.sql(" ORDER BY m.member_k LIMIT ").integer(most).sql(") few");
    Ok(query.get_result::<Count>(tx.connection())?.found)
}

/// The same of the group with this id; 0 where there is none.
pub fn count_by_id_up_to(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    group: ResourceId,
    most: i64,
) -> Result<i64, StoreError> {
    let (mut query, checked) = (DynamicQuery::recurring(), tx.engine().checked());
    query.sql(
        "SELECT count(*) AS found FROM (SELECT m.member_k FROM members m \
         WHERE m.group_k = (SELECT r.k FROM resources r WHERE r.id = ",
    );
    query.bytes(group.as_bytes()).sql(" AND r.org_id").sql(checked).bytes(organization.as_bytes());
    query.sql(" AND r.kind").sql(checked).text(ResourceKind::Group.as_str());
    query.sql(") ORDER BY m.member_k LIMIT ").integer(most).sql(") few");
    Ok(query.get_result::<Count>(tx.connection())?.found)
}

/// The members of these groups, at most `limit` rows in all, in the order they were made.
pub fn of_groups(tx: &mut Tx<'_>, groups: &[i64], limit: i64) -> Result<Vec<RelatedRow>, StoreError> {
    if groups.is_empty() {
        return Ok(Vec::new());
    }
    let engine = tx.engine();
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT m.group_k AS of_k, r.id AS id, r.kind AS kind, r.display AS display, 1 = 1 AS is_direct \
         FROM members m JOIN resources r ON r.k = m.member_k WHERE m.group_k",
    );
    query.among(engine, groups);
    query.sql(" ORDER BY m.group_k, m.member_k LIMIT ").integer(limit);
    Ok(query.load(tx.connection())?)
}

/// The groups that these resources are in directly, if none of those groups is in a group itself. Most are so, and then there
/// is nothing above them to look for.
fn groups_directly_above(tx: &mut Tx<'_>, members: &[i64], limit: i64) -> Result<Option<Vec<RelatedRow>>, StoreError> {
    let engine = tx.engine();
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT m.member_k, m.group_k FROM members m WHERE m.member_k").among(engine, members);
    query.sql(" LIMIT ").integer(limit);
    let mut pairs: Vec<PairRow> = query.load(tx.connection())?;
    pairs.sort_unstable_by_key(|pair| (pair.member_k, pair.group_k));
    let groups: BTreeSet<i64> = pairs.iter().map(|pair| pair.group_k).collect();
    if groups.is_empty() {
        return Ok(Some(Vec::new()));
    }
    let mut query = DynamicQuery::recurring();
    query.sql(
        "SELECT o.k AS of_k, o.id, o.kind, o.display, \
           NOT EXISTS (SELECT 1 FROM members n WHERE n.member_k = o.k OFFSET 0) AS is_direct FROM resources o WHERE o.k",
    );
    query.among(engine, &groups.into_iter().collect::<Vec<_>>());
    let found: Vec<RelatedRow> = query.load(tx.connection())?;
    if found.iter().any(|group| !group.is_direct) {
        return Ok(None);
    }
    let found: HashMap<i64, RelatedRow> = found.into_iter().map(|group| (group.of_k, group)).collect();
    let related = |pair: PairRow| Some(RelatedRow { of_k: pair.member_k, ..found.get(&pair.group_k)?.clone() });
    Ok(Some(pairs.into_iter().filter_map(related).collect()))
}

/// The groups that these resources belong to, directly or through other groups, at most `limit` rows in all. UNION ends
/// the search even if groups contained each other. Whether a membership is direct is counted and not asked with EXISTS,
/// which PostgreSQL may answer by reading every membership there is.
pub fn groups_of(tx: &mut Tx<'_>, members: &[i64], limit: i64) -> Result<Vec<RelatedRow>, StoreError> {
    if members.is_empty() {
        return Ok(Vec::new());
    }
    let engine = tx.engine();
    if engine == Engine::Postgres
        && let Some(found) = groups_directly_above(tx, members, limit)?
    {
        return Ok(found);
    }
    let mut query = DynamicQuery::recurring();
    query.sql("WITH RECURSIVE above (of_k, k) AS (SELECT m.member_k, m.group_k FROM members m WHERE m.member_k");
    query.among(engine, members);
    query.sql(
        " UNION SELECT a.of_k, m.group_k FROM above a JOIN members m ON m.member_k = a.k) \
         SELECT a.of_k AS of_k, r.id AS id, r.kind AS kind, r.display AS display, \
           (SELECT count(*) FROM members d WHERE d.member_k = a.of_k AND d.group_k = a.k) > 0 AS is_direct \
         FROM above a JOIN resources r ON r.k = a.k ORDER BY a.of_k, a.k LIMIT ",
    );
    query.integer(limit);
    Ok(query.load(tx.connection())?)
}

/// The groups that hold one of these resources directly, once for each such membership and at most `limit` in all.
pub fn groups_above(tx: &mut Tx<'_>, members: &[i64], limit: i64) -> Result<Vec<i64>, StoreError> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        group_k: i64,
    }
    let mut above: Vec<i64> = Vec::new();
    for chunk in members.chunks(CHUNK) {
        let left = limit.saturating_sub(i64::try_from(above.len()).unwrap_or(i64::MAX));
        let engine = tx.engine();
        let mut query = DynamicQuery::recurring();
        query.sql("SELECT group_k FROM members WHERE member_k").among(engine, chunk);
        query.sql(" LIMIT ").integer(left);
        let found: Vec<Found> = query.load(tx.connection())?;
        above.extend(found.into_iter().map(|found| found.group_k));
    }
    Ok(above)
}

/// A statement with a list of `length` items: one that names a single item comes again and again.
fn statement(length: usize) -> DynamicQuery {
    let mut query = DynamicQuery::recurring();
    if length > 1 {
        query.forget();
    }
    query
}
