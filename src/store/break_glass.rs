//! Who may sign in by their own credentials where single sign-on is required.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::StoreError;
use super::policy_schema::break_glass as table;
use super::schema::{accounts, memberships};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId};

/// Adds somebody, and tells whether they were not there; changes nothing about somebody who is.
pub fn insert(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "INSERT INTO break_glass (org_id, account_id, created_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    let insert =
        diesel::sql_query(text).bind::<Binary, _>(organization).bind::<Binary, _>(account).bind::<BigInt, _>(at);
    Ok(insert.execute(tx.connection())? == 1)
}

/// Takes somebody off; tells whether they were there.
pub fn delete(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<bool, StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::account_id.eq(account));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// Takes somebody off, whether or not they are there. On PostgreSQL it travels with the next statement.
pub fn forget(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        let mut query = DynamicQuery::recurring();
        query.sql("DELETE FROM break_glass WHERE org_id = ").bytes(organization.as_bytes());
        query.sql(" AND account_id = ").bytes(account.as_bytes());
        return tx.write_along(query);
    }
    delete(tx, organization, account).map(drop)
}

/// True when the account is on the list, whatever its role and state are.
pub fn is_there(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<bool, StoreError> {
    let one = table::table.filter(table::org_id.eq(organization)).filter(table::account_id.eq(account));
    Ok(one.count().get_result::<i64>(tx.connection())? > 0)
}

/// Those on the list who are active owners or administrators, with when they were added.
pub fn active(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<(AccountId, Timestamp)>, StoreError> {
    let query = table::table
        .inner_join(accounts::table.on(accounts::id.eq(table::account_id)))
        .inner_join(memberships::table.on(memberships::account_id.eq(table::account_id)))
        .filter(table::org_id.eq(organization))
        .filter(memberships::org_id.eq(organization))
        .filter(memberships::role.eq_any(["owner", "admin"]))
        .filter(memberships::status.eq("active"))
        .filter(accounts::state.eq("active"))
        .order(table::account_id)
        .select((table::account_id, table::created_at));
    Ok(query.load(tx.connection())?)
}
