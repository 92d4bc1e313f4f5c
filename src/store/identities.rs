//! Identities: (connection, subject) pointing at an account.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Text};

use super::Tx;
use super::failure::{StoreError, require_one};
use super::kept::{Kept, KeptSelect};
use super::schema::identities as table;
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, IdentityId, OrganizationId};

/// One identity.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct IdentityRow {
    pub id: IdentityId,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub subject: String,
    pub account_id: AccountId,
    pub created_at: Timestamp,
    pub last_sign_in_at: Timestamp,
}

/// Inserts one, unless the subject is linked already; tells whether it did. Of two transactions that link a subject at once,
/// one waits for the other and hears false. [`super::constraint::Constraint::IdentityAccount`] when the account is linked
/// to another subject.
pub fn insert_if_new(tx: &mut Tx<'_>, row: &IdentityRow) -> Result<bool, StoreError> {
    let text = "INSERT INTO identities (id, org_id, connection_id, subject, account_id, created_at, last_sign_in_at) \
                VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (connection_id, subject) DO NOTHING";
    let inserted = Kept(
        diesel::sql_query(text)
            .bind::<Binary, _>(row.id)
            .bind::<Binary, _>(row.org_id)
            .bind::<Binary, _>(row.connection_id)
            .bind::<Text, _>(&row.subject)
            .bind::<Binary, _>(row.account_id)
            .bind::<BigInt, _>(row.created_at)
            .bind::<BigInt, _>(row.last_sign_in_at),
    )
    .execute(tx.connection())?;
    Ok(inserted == 1)
}

/// Waits until no other transaction is linking this subject, and keeps others from doing so before this one ends. On SQLite
/// there is one writer.
pub fn take_turn(tx: &mut Tx<'_>, connection: ConnectionId, subject: &str) -> Result<(), StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT CAST(1 AS INTEGER) FROM pg_advisory_xact_lock(hashtextextended($1, 0))";
        let subject = format!("{connection} {subject}");
        KeptSelect(diesel::sql_query(text).bind::<Text, _>(subject)).execute(postgres)?;
    }
    Ok(())
}

/// The identity that a connection knows under this subject.
pub fn find(tx: &mut Tx<'_>, connection: ConnectionId, subject: &str) -> Result<Option<IdentityRow>, StoreError> {
    let query = table::table.filter(table::connection_id.eq(connection)).filter(table::subject.eq(subject));
    Ok(on_engine!(tx, |engine| query.select(IdentityRow::as_select()).first(engine)).optional()?)
}

/// True when a connection knows this account under some subject.
pub fn is_known(tx: &mut Tx<'_>, connection: ConnectionId, account: AccountId) -> Result<bool, StoreError> {
    let query = table::table.filter(table::connection_id.eq(connection)).filter(table::account_id.eq(account));
    Ok(query.count().get_result::<i64>(tx.connection())? > 0)
}

/// Notes a sign-in.
pub fn touch(tx: &mut Tx<'_>, id: IdentityId, at: Timestamp) -> Result<(), StoreError> {
    let one = table::table.filter(table::id.eq(id));
    require_one(Kept(diesel::update(one).set(table::last_sign_in_at.eq(at))).execute(tx.connection())?, "identities")
}

/// True when any connection knows the account.
pub fn is_any_of_account(tx: &mut Tx<'_>, account: AccountId) -> Result<bool, StoreError> {
    Ok(table::table.filter(table::account_id.eq(account)).count().get_result::<i64>(tx.connection())? > 0)
}

/// Removes every identity of an account at an organization's connections.
pub fn delete_of_account(tx: &mut Tx<'_>, organization: OrganizationId, account: AccountId) -> Result<(), StoreError> {
    let all = table::table.filter(table::org_id.eq(organization)).filter(table::account_id.eq(account));
    diesel::delete(all).execute(tx.connection())?;
    Ok(())
}

/// Removes every identity of a connection.
pub fn delete_of_connection(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<(), StoreError> {
    let all = table::table.filter(table::org_id.eq(organization)).filter(table::connection_id.eq(connection));
    diesel::delete(all).execute(tx.connection())?;
    Ok(())
}
