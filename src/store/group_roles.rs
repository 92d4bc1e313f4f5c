//! Roles that groups carry: a decision of an organization's administrators, and who is touched by it.

use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::Tx;
use super::dynamic::DynamicQuery;
use super::failure::StoreError;
use super::people_schema::group_roles as table;
use super::schema::resources;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId, ResourceId};

/// How many keys one statement carries.
const CHUNK: usize = 500;

/// The role of one group.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct GroupRoleRow {
    pub group_k: i64,
    pub org_id: OrganizationId,
    pub role: String,
    pub created_at: Timestamp,
}

#[derive(QueryableByName)]
struct Reached {
    #[diesel(sql_type = BigInt)]
    k: i64,
}

/// Gives a group a role, in place of the one that it had.
pub fn put(tx: &mut Tx<'_>, row: &GroupRoleRow) -> Result<(), StoreError> {
    delete(tx, row.org_id, row.group_k)?;
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// Takes the role from a group; tells whether it had one.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, group: i64) -> Result<bool, StoreError> {
    let one = table::table.filter(table::group_k.eq(group)).filter(table::org_id.eq(organization));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// The groups of an organization that carry a role, with their ids, oldest group first.
pub fn of_organization(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
) -> Result<Vec<(GroupRoleRow, ResourceId)>, StoreError> {
    let query = table::table
        .inner_join(resources::table.on(resources::k.eq(table::group_k)))
        .filter(table::org_id.eq(organization))
        .order(table::group_k)
        .select((GroupRoleRow::as_select(), resources::id));
    Ok(query.load(tx.connection())?)
}

/// The groups of an organization that carry a role, by key.
pub fn carrying(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<(i64, String)>, StoreError> {
    let query = table::table.filter(table::org_id.eq(organization)).select((table::group_k, table::role));
    Ok(on_engine!(tx, |connection| query.load(connection))?)
}

/// The users below a group, at any depth; at most `limit`.
pub fn users_below(tx: &mut Tx<'_>, group: i64, limit: i64) -> Result<Vec<i64>, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("WITH RECURSIVE below (k) AS (SELECT CAST(").integer(group).sql(
        " AS BIGINT) UNION SELECT m.member_k FROM members m JOIN below b ON m.group_k = b.k) \
         SELECT r.k AS k FROM below b JOIN resources r ON r.k = b.k WHERE r.kind = 'user' LIMIT ",
    );
    query.integer(limit);
    let found: Vec<Reached> = query.load(tx.connection())?;
    Ok(found.into_iter().map(|found| found.k).collect())
}

/// The accounts of these users.
pub fn accounts(tx: &mut Tx<'_>, users: &[i64]) -> Result<Vec<(i64, AccountId)>, StoreError> {
    let mut found = Vec::new();
    for chunk in users.chunks(CHUNK) {
        let query = resources::table
            .filter(resources::k.eq_any(chunk.to_vec()))
            .filter(resources::account_id.is_not_null())
            .select((resources::k, resources::account_id.assume_not_null()));
        found.extend(query.load::<(i64, AccountId)>(tx.connection())?);
    }
    Ok(found)
}

/// The keys of the users of these accounts.
pub fn users_of(tx: &mut Tx<'_>, organization: OrganizationId, accounts: &[AccountId]) -> Result<Vec<i64>, StoreError> {
    let query = resources::table
        .filter(resources::org_id.eq(organization))
        .filter(resources::account_id.eq_any(accounts.to_vec()))
        .select(resources::k);
    Ok(query.load(tx.connection())?)
}
