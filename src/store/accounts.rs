//! Accounts and their addresses.

use diesel::prelude::*;
use diesel::sql_types::{Binary, Integer};
use serde_json::json;

use super::Tx;
use super::domains::Owned;
use super::dynamic::{DynamicQuery, Engine};
use super::failure::{StoreError, require_one};
use super::kept::{Kept, KeptSelect};
use super::memberships::MembershipRow;
use super::schema::{accounts as table, addresses, memberships};
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, OrganizationId};

/// One account.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct AccountRow {
    pub id: AccountId,
    pub kind: String,
    pub ownership: String,
    pub state: String,
    pub home_dc: String,
    pub home_epoch: i64,
    pub version: i64,
    pub session_epoch: i64,
    pub display_name: Option<String>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub locale: Option<String>,
    pub zoneinfo: Option<String>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// One address of an account.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = addresses, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct AddressRow {
    pub account_id: AccountId,
    pub address: String,
    pub is_primary: bool,
    pub verified_at: Option<Timestamp>,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct Found {
    #[diesel(sql_type = Binary)]
    id: AccountId,
}

#[derive(QueryableByName)]
#[diesel(check_for_backend(Backend))]
struct One {
    #[diesel(sql_type = Integer)]
    #[expect(dead_code, reason = "that there is a row is all that it says")]
    one: i32,
}

/// Inserts a new account with its addresses and its membership, on PostgreSQL with the next statement: the id is new and no
/// address verified, so that nothing of it can be refused.
pub fn insert(
    tx: &mut Tx<'_>,
    row: &AccountRow,
    addresses: &[AddressRow],
    membership: &MembershipRow,
) -> Result<(), StoreError> {
    if tx.engine() == Engine::Postgres {
        tx.write_along(account_insertion(row))?;
        if !addresses.is_empty() {
            tx.write_along(address_insertion(row.id, addresses))?;
        }
        return tx.write_along(membership_insertion(membership));
    }
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    for address in addresses {
        insert_address(tx, address)?;
    }
    Kept(diesel::insert_into(memberships::table).values(membership)).execute(tx.connection())?;
    Ok(())
}

fn account_insertion(row: &AccountRow) -> DynamicQuery {
    let mut query = DynamicQuery::recurring();
    query.sql(
        "INSERT INTO accounts (id, kind, ownership, state, home_dc, home_epoch, version, session_epoch, \
           display_name, given_name, family_name, locale, zoneinfo, created_at, updated_at) VALUES (",
    );
    query.bytes(row.id.as_bytes());
    for text in [&row.kind, &row.ownership, &row.state, &row.home_dc] {
        query.sql(", ").text(text.as_str());
    }
    for number in [row.home_epoch, row.version, row.session_epoch] {
        query.sql(", ").integer(number);
    }
    for text in [&row.display_name, &row.given_name, &row.family_name, &row.locale, &row.zoneinfo] {
        query.sql(", ").optional_text(text.as_deref());
    }
    query.sql(", ").integer(row.created_at.micros()).sql(", ").integer(row.updated_at.micros()).sql(")");
    query
}

/// The addresses are one bound text, so that the statement is the same for any number of them.
fn address_insertion(account: AccountId, addresses: &[AddressRow]) -> DynamicQuery {
    let addresses: Vec<serde_json::Value> = addresses
        .iter()
        .map(|address| {
            let verified_at = address.verified_at.map(Timestamp::micros);
            json!({ "address": address.address, "is_primary": address.is_primary, "verified_at": verified_at })
        })
        .collect();
    let mut query = DynamicQuery::recurring();
    query.sql("INSERT INTO addresses (account_id, address, is_primary, verified_at) SELECT CAST(");
    query.bytes(account.as_bytes());
    query.sql(" AS BYTEA), v.address, v.is_primary, v.verified_at FROM json_to_recordset(CAST(");
    query.text(serde_json::Value::from(addresses).to_string());
    query.sql(" AS JSON)) AS v (address TEXT, is_primary BOOLEAN, verified_at BIGINT)");
    query
}

fn membership_insertion(row: &MembershipRow) -> DynamicQuery {
    let mut query = DynamicQuery::recurring();
    query.sql(
        "INSERT INTO memberships (account_id, org_id, kind, role, invite_state, status, created_at, updated_at, \
           direct_role) VALUES (",
    );
    query.bytes(row.account_id.as_bytes()).sql(", ").bytes(row.org_id.as_bytes());
    for text in [&row.kind, &row.role, &row.invite_state, &row.status] {
        query.sql(", ").text(text.as_str());
    }
    query.sql(", ").integer(row.created_at.micros()).sql(", ").integer(row.updated_at.micros());
    query.sql(", ").optional_text(row.direct_role.as_deref()).sql(")");
    query
}

/// A member's membership and account, in one query.
pub fn find_member(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    account: AccountId,
) -> Result<Option<(MembershipRow, AccountRow)>, StoreError> {
    let query = memberships::table
        .inner_join(table::table.on(table::id.eq(memberships::account_id)))
        .filter(memberships::account_id.eq(account))
        .filter(memberships::org_id.eq(organization));
    let found = on_engine!(tx, |connection| {
        query.select((MembershipRow::as_select(), AccountRow::as_select())).first(connection)
    });
    Ok(found.optional()?)
}

/// The account with this id.
pub fn find(tx: &mut Tx<'_>, id: AccountId) -> Result<Option<AccountRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id));
    Ok(on_engine!(tx, |connection| query.select(AccountRow::as_select()).first(connection)).optional()?)
}

/// Writes the profile columns and moves the version on. No account is ever deleted, so there is one to write.
pub fn update_profile(tx: &mut Tx<'_>, row: &AccountRow) -> Result<(), StoreError> {
    let changed = diesel::update(table::table.filter(table::id.eq(row.id))).set((
        table::display_name.eq(&row.display_name),
        table::given_name.eq(&row.given_name),
        table::family_name.eq(&row.family_name),
        table::locale.eq(&row.locale),
        table::zoneinfo.eq(&row.zoneinfo),
        table::version.eq(table::version + 1),
        table::updated_at.eq(row.updated_at),
    ));
    require_one(Kept(changed).execute(tx.connection())?, "accounts")
}

/// Writes the state and ends every session, token and grant of the account by moving its session epoch.
pub fn update_state_and_end_sessions(
    tx: &mut Tx<'_>,
    id: AccountId,
    state: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let changed = diesel::update(table::table.filter(table::id.eq(id))).set((
        table::state.eq(state),
        table::session_epoch.eq(table::session_epoch + 1),
        table::version.eq(table::version + 1),
        table::updated_at.eq(at),
    ));
    Ok(Kept(changed).execute(tx.connection())? == 1)
}

/// Writes the status of a membership and the state of its account, and ends every session, token and grant of the account,
/// on PostgreSQL in one statement. Tells whether the membership had another status before; else nothing is written.
pub fn update_access(
    tx: &mut Tx<'_>,
    (organization, id): (OrganizationId, AccountId),
    status: &str,
    state: &str,
    at: Timestamp,
) -> Result<bool, StoreError> {
    if tx.engine() == Engine::Sqlite {
        return Ok(super::memberships::update_status(tx, id, organization, status, at)?
            && update_state_and_end_sessions(tx, id, state, at)?);
    }
    let mut query = DynamicQuery::recurring();
    query.sql("WITH switched AS (UPDATE memberships SET status = ").text(status).sql(", updated_at = ");
    query.integer(at.micros()).sql(" WHERE account_id = ").bytes(id.as_bytes());
    query.sql(" AND org_id = ").bytes(organization.as_bytes()).sql(" AND status <> ").text(status);
    query.sql(" RETURNING account_id) UPDATE accounts SET state = ").text(state);
    query.sql(", session_epoch = session_epoch + 1, version = version + 1, updated_at = ").integer(at.micros());
    query.sql(" FROM switched WHERE accounts.id = switched.account_id");
    let query = tx.carrying(query);
    Ok(query.execute(tx.connection())? == 1)
}

/// Inserts one address; [`super::constraint::Constraint::VerifiedAddress`] when it is verified for somebody else.
pub fn insert_address(tx: &mut Tx<'_>, row: &AddressRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(addresses::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// All addresses of an account, the primary one first.
pub fn addresses(tx: &mut Tx<'_>, account: AccountId) -> Result<Vec<AddressRow>, StoreError> {
    let query = addresses::table
        .filter(addresses::account_id.eq(account))
        .order((addresses::is_primary.desc(), addresses::address));
    Ok(on_engine!(tx, |connection| query.select(AddressRow::as_select()).load(connection))?)
}

/// Removes one address of an account.
pub fn delete_address(tx: &mut Tx<'_>, account: AccountId, address: &str) -> Result<(), StoreError> {
    let one = addresses::table.filter(addresses::account_id.eq(account)).filter(addresses::address.eq(address));
    diesel::delete(one).execute(tx.connection())?;
    Ok(())
}

/// Removes every address of an account, so that a closed account holds none.
pub fn delete_addresses(tx: &mut Tx<'_>, account: AccountId) -> Result<(), StoreError> {
    diesel::delete(addresses::table.filter(addresses::account_id.eq(account))).execute(tx.connection())?;
    Ok(())
}

/// Makes one address of an account the primary one, and no other.
pub fn make_primary(tx: &mut Tx<'_>, account: AccountId, address: &str) -> Result<(), StoreError> {
    let all = addresses::table.filter(addresses::account_id.eq(account));
    Kept(diesel::update(all).set(addresses::is_primary.eq(addresses::address.eq(address)))).execute(tx.connection())?;
    Ok(())
}

/// Notes that an address is verified, and tells whether it was not before; [`super::constraint::Constraint::VerifiedAddress`]
/// when another account's is.
pub fn mark_verified(tx: &mut Tx<'_>, account: AccountId, address: &str, at: Timestamp) -> Result<bool, StoreError> {
    let one = addresses::table
        .filter(addresses::account_id.eq(account))
        .filter(addresses::address.eq(address))
        .filter(addresses::verified_at.is_null());
    Ok(Kept(diesel::update(one).set(addresses::verified_at.eq(at))).execute(tx.connection())? == 1)
}

/// The account that an address is verified for.
pub fn with_verified_address(tx: &mut Tx<'_>, address: &str) -> Result<Option<AccountId>, StoreError> {
    let query = addresses::table
        .filter(addresses::address.eq(address))
        .filter(addresses::verified_at.is_not_null())
        .select(addresses::account_id);
    Ok(on_engine!(tx, |connection| query.first(connection)).optional()?)
}

/// The active accounts whose primary address this is, verified or not, and which no directory pushes: one could be made to
/// have anybody's address. Two are enough to know that it is ambiguous, so no more are read.
pub fn active_with_primary_address(tx: &mut Tx<'_>, address: &str) -> Result<Vec<AccountId>, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT a.account_id AS id FROM addresses a JOIN accounts c ON c.id = a.account_id WHERE a.address = ");
    query.text(address);
    query.sql(" AND a.is_primary AND c.state = 'active'");
    query.sql(" AND (SELECT count(*) FROM resources r WHERE r.account_id = a.account_id) = 0 LIMIT 2");
    Ok(query.load::<Found>(tx.connection())?.into_iter().map(|found| found.id).collect())
}

/// Keeps other transactions from changing an account before this one ends. On SQLite there is one writer.
pub fn lock(tx: &mut Tx<'_>, id: AccountId) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM accounts WHERE id = $1 FOR NO KEY UPDATE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(id)).execute(postgres)?;
    }
    Ok(())
}

/// Ends every session, token and grant of an account by moving its session epoch; answers the new one.
pub fn end_sessions(tx: &mut Tx<'_>, id: AccountId, at: Timestamp) -> Result<Option<i64>, StoreError> {
    let one = diesel::update(table::table.filter(table::id.eq(id)));
    let moved = one.set((table::session_epoch.eq(table::session_epoch + 1), table::updated_at.eq(at)));
    Ok(moved.returning(table::session_epoch).get_result(tx.connection()).optional()?)
}

/// True when an address is verified for an account that is no member of this organization, or its domain has another
/// organization for its owner, also where it has lapsed. Memberships are counted and not asked with EXISTS, which PostgreSQL may answer by reading
/// every membership there is.
pub fn is_outside(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    address: &str,
    domain: &str,
) -> Result<bool, StoreError> {
    let mut query = DynamicQuery::recurring();
    query.sql("SELECT 1 AS one FROM addresses a WHERE a.verified_at IS NOT NULL AND a.address = ").text(address);
    query.sql(" AND (SELECT count(*) FROM memberships m WHERE m.account_id = a.account_id AND m.kind = 'member' AND ");
    query.sql("m.org_id = ").bytes(organization.as_bytes());
    query.sql(") = 0 UNION ALL SELECT 1 AS one FROM domains d WHERE d.name = ").text(domain);
    query.sql(" AND d.state IN ").sql(Owned::OrLapsed.sql()).sql(" AND d.org_id <> ");
    query.bytes(organization.as_bytes());
    Ok(!query.load::<One>(tx.connection())?.is_empty())
}

/// Takes the verification from every address in exactly this domain, but for those of `owner`'s members, and tells whose
/// members' they were. `domain` is a canonical domain name, in which no character means anything to `LIKE`.
pub fn unverify_domain(
    tx: &mut Tx<'_>,
    domain: &str,
    owner: Option<OrganizationId>,
) -> Result<Vec<OrganizationId>, StoreError> {
    let affected = memberships::table
        .inner_join(addresses::table.on(addresses::account_id.eq(memberships::account_id)))
        .filter(memberships::kind.eq("member"))
        .filter(addresses::verified_at.is_not_null().and(addresses::address.like(format!("%@{domain}"))))
        .select(memberships::org_id)
        .distinct()
        .load::<OrganizationId>(tx.connection())?;
    let in_domain = addresses::verified_at.is_not_null().and(addresses::address.like(format!("%@{domain}")));
    let none = addresses::verified_at.eq(None::<Timestamp>);
    match owner {
        None => diesel::update(addresses::table.filter(in_domain)).set(none).execute(tx.connection())?,
        Some(owner) => {
            let membership = memberships::table
                .filter(memberships::account_id.eq(addresses::account_id))
                .filter(memberships::org_id.eq(owner))
                .filter(memberships::kind.eq("member"));
            let of_others =
                addresses::table.filter(in_domain).filter(diesel::dsl::not(diesel::dsl::exists(membership)));
            diesel::update(of_others).set(none).execute(tx.connection())?
        }
    };
    Ok(affected.into_iter().filter(|organization| Some(*organization) != owner).collect())
}
