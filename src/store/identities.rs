//! Identities: (connection, subject) pointing at an account.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema::identities as table;
use crate::store::connection::Backend;
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

/// Inserts one; [`super::constraint::Constraint::IdentitySubject`] when the subject is linked already,
/// [`super::constraint::Constraint::IdentityAccount`] when the account is linked to another subject.
pub fn insert(tx: &mut Tx<'_>, row: &IdentityRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The identity that a connection knows under this subject.
pub fn find(tx: &mut Tx<'_>, connection: ConnectionId, subject: &str) -> Result<Option<IdentityRow>, StoreError> {
    let query = table::table
        .filter(table::connection_id.eq(connection))
        .filter(table::subject.eq(subject))
        .select(IdentityRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Notes a sign-in.
pub fn touch(tx: &mut Tx<'_>, id: IdentityId, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(table::table.filter(table::id.eq(id)))
        .set(table::last_sign_in_at.eq(at))
        .execute(tx.connection())?;
    Ok(())
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
