//! Memberships of accounts in organizations.

use diesel::prelude::*;
use diesel::sql_types::Binary;

use super::Tx;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::{StoreError, require_one};
use super::kept::{Kept, KeptSelect};
use super::schema::{accounts, addresses, memberships as table};
use super::sso_policies::{IsAskedOf, PersonOfMembership};
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId};

/// One membership.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct MembershipRow {
    pub account_id: AccountId,
    pub org_id: OrganizationId,
    pub kind: String,
    pub role: String,
    pub invite_state: String,
    pub status: String,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub direct_role: Option<String>,
}

/// The membership of an account in an organization.
pub fn find(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
) -> Result<Option<MembershipRow>, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization));
    Ok(on_engine!(tx, |connection| query.select(MembershipRow::as_select()).first(connection)).optional()?)
}

/// The same, and whether single sign-on is required or tested for the domain of their primary address; in one query.
pub fn find_with_policy(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
) -> Result<Option<(MembershipRow, bool)>, StoreError> {
    let query = table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization));
    let found = on_engine!(tx, |connection| {
        query.select((MembershipRow::as_select(), IsAskedOf::<PersonOfMembership>::new())).first(connection)
    });
    Ok(found.optional()?)
}

/// The memberships of an account, by the time they were made.
pub fn of_account(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<MembershipRow>, StoreError> {
    let query =
        table::table.filter(table::account_id.eq(account)).order((table::created_at, table::org_id)).limit(1_000);
    Ok(on_engine!(tx, |connection| query.select(MembershipRow::as_select()).load(connection))?)
}

/// Keeps other transactions from changing or ending a membership before this one ends. On SQLite there is one writer.
pub fn lock(tx: &mut Tx<'_>, account: AccountId, organization: OrganizationId) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM memberships WHERE account_id = $1 AND org_id = $2 FOR NO KEY UPDATE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(account).bind::<Binary, _>(organization))
            .execute(postgres)?;
    }
    Ok(())
}

/// Writes the status; tells whether it was another one before.
pub fn update_status(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
    status: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::account_id.eq(account))
        .filter(table::org_id.eq(organization))
        .filter(table::status.ne(status));
    let changed = diesel::update(one).set((table::status.eq(status), table::updated_at.eq(at)));
    Ok(Kept(changed).execute(tx.connection())? == 1)
}

/// Writes the role that counts, and the one that was given if a group carries another.
pub fn update_role(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
    role: &str,
    direct_role: Option<&str>,
    at: Timestamp,
) -> Result<(), StoreError> {
    let one = table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization));
    let change = (table::role.eq(role), table::direct_role.eq(direct_role), table::updated_at.eq(at));
    require_one(Kept(diesel::update(one).set(change)).execute(tx.connection())?, "memberships")
}

/// The accounts behind `after` for which a group carries a role, by id.
pub fn carried(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::direct_role.is_not_null())
        .order(table::account_id)
        .limit(limit)
        .select(table::account_id)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::account_id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Writes the invite state.
pub fn update_invite_state(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
    state: &str,
    at: Timestamp,
) -> Result<(), StoreError> {
    let one = table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization));
    let changed = diesel::update(one).set((table::invite_state.eq(state), table::updated_at.eq(at)));
    require_one(Kept(changed).execute(tx.connection())?, "memberships")
}

/// The accounts behind `after` that have not joined the organization and whose primary address lies in exactly this
/// domain, by id. `domain` is a canonical domain name, in which no character means anything to `LIKE`.
pub fn pending_in_domain(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    domain: &str,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<AccountId>, StoreError> {
    let mut query = table::table
        .inner_join(addresses::table.on(addresses::account_id.eq(table::account_id)))
        .filter(table::org_id.eq(organization))
        .filter(table::invite_state.ne("joined"))
        .filter(addresses::is_primary.eq(true))
        .filter(addresses::address.like(format!("%@{domain}")))
        .order(table::account_id)
        .limit(limit)
        .select(table::account_id)
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::account_id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Removes one; tells whether it was there.
pub fn delete(tx: &mut Tx<'_>, account: AccountId, organization: OrganizationId) -> Result<bool, StoreError> {
    let one = table::table.filter(table::account_id.eq(account)).filter(table::org_id.eq(organization));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}

/// The accounts that administer an organization and are active there.
pub fn administrators(tx: &mut Tx<'_>, organization: OrganizationId) -> Result<Vec<AccountId>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::role.ne("member"))
        .filter(table::role.eq_any(["owner", "admin"]))
        .filter(table::status.eq("active"))
        .order(table::account_id)
        .select(table::account_id);
    Ok(query.load(tx.connection())?)
}

/// Keeps other transactions from changing the memberships with this role before this one ends.
pub fn lock_role(tx: &mut Tx<'_>, organization: OrganizationId, role: &str) -> Result<(), StoreError> {
    let all = table::table.filter(table::org_id.eq(organization)).filter(table::role.eq(role));
    diesel::update(all).set(table::updated_at.eq(table::updated_at)).execute(tx.connection())?;
    Ok(())
}

/// The active accounts whose membership with this role is active.
pub fn active_in_role(tx: &mut Tx<'_>, organization: OrganizationId, role: &str) -> Result<Vec<AccountId>, StoreError> {
    let query = table::table
        .inner_join(accounts::table.on(accounts::id.eq(table::account_id)))
        .filter(table::org_id.eq(organization))
        .filter(table::role.eq(role))
        .filter(table::status.eq("active"))
        .filter(accounts::state.eq("active"))
        .select(table::account_id);
    Ok(query.load(tx.connection())?)
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Member {
    #[diesel(sql_type = Binary)]
    account_id: AccountId,
}

/// The members (not externals) of an organization that have this address; two rows are enough to know it is
/// ambiguous, so no more are read.
pub fn members_with_address(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    address: &str,
) -> Result<Vec<AccountId>, StoreError> {
    if tx.engine() == Engine::Postgres {
        // Neither the organization nor, as it is bound, the kind leads to an index: the address does.
        let mut query = DynamicQuery::recurring();
        query.sql("SELECT m.account_id FROM addresses a JOIN memberships m ON m.account_id = a.account_id ");
        query.sql("WHERE a.address = ").text(address).sql(" AND m.org_id").sql(Engine::Postgres.checked());
        query.bytes(organization.as_bytes()).sql(" AND m.kind = ").text("member").sql(" LIMIT 2");
        let found: Vec<Member> = query.load(tx.connection())?;
        return Ok(found.into_iter().map(|member| member.account_id).collect());
    }
    let query = addresses::table
        .inner_join(table::table.on(table::account_id.eq(addresses::account_id)))
        .filter(addresses::address.eq(address))
        .filter(table::org_id.eq(organization))
        .filter(table::kind.eq("member"))
        .limit(2)
        .select(addresses::account_id);
    Ok(on_engine!(tx, |connection| query.load(connection))?)
}
