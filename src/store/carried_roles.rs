//! Roles that something carries for a member: one row for each source.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::policy_schema::carried_roles as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId};

/// One carried role.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct CarriedRoleRow {
    pub account_id: AccountId,
    pub org_id: OrganizationId,
    pub source: String,
    pub role: String,
    pub connection_id: Option<ConnectionId>,
    pub group_name: Option<String>,
    pub updated_at: Timestamp,
}

/// What is carried for a member.
pub fn of_member(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Vec<CarriedRoleRow>, StoreError> {
    let query = table::table
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .select(CarriedRoleRow::as_select());
    Ok(query.load(tx.connection())?)
}

/// The members behind `after` for whom a group of this connection carries a role, by account.
pub fn of_connection(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<CarriedRoleRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .order(table::account_id)
        .limit(limit)
        .select(CarriedRoleRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::account_id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes what one source carries, in place of what it carried.
pub fn put(tx: &mut Tx<'_>, row: &CarriedRoleRow) -> Result<(), StoreError> {
    delete(tx, row.org_id, row.account_id, &row.source)?;
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// Forgets what one source carries.
pub fn delete(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
    source: &str,
) -> Result<(), StoreError> {
    let one = table::table
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .filter(table::source.eq(source));
    diesel::delete(one).execute(tx.connection())?;
    Ok(())
}

/// Forgets all that is carried for somebody who is a member no more.
pub fn delete_of_member(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<(), StoreError> {
    let all = table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization));
    diesel::delete(all).execute(tx.connection())?;
    Ok(())
}
