//! Questions by mail whether a subject of a connection is the person of an account.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::policy_schema::link_requests as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, LinkRequestId, OrganizationId};
use crate::values::secret::TokenHash;

/// One question.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct LinkRequestRow {
    pub id: LinkRequestId,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub subject: String,
    pub account_id: AccountId,
    pub address: String,
    pub state: String,
    pub token_hash: Option<Vec<u8>>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Writes a question in place of the one about the same subject and account.
pub fn put(tx: &mut Tx<'_>, row: &LinkRequestRow) -> Result<(), StoreError> {
    let same = table::table
        .filter(table::connection_id.eq(row.connection_id))
        .filter(table::subject.eq(&row.subject))
        .filter(table::account_id.eq(row.account_id));
    diesel::delete(same).execute(tx.connection())?;
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The question about a subject and an account.
pub fn about(
    tx: &mut Tx<'_>,
    connection: ConnectionId,
    subject: &str,
    account: AccountId,
) -> Result<Option<LinkRequestRow>, StoreError> {
    let query = table::table
        .filter(table::connection_id.eq(connection))
        .filter(table::subject.eq(subject))
        .filter(table::account_id.eq(account))
        .select(LinkRequestRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// One question of an organization.
pub fn find(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: LinkRequestId,
) -> Result<Option<LinkRequestRow>, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::id.eq(id))
        .select(LinkRequestRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The question whose link has this token.
pub fn find_by_token(tx: &mut Tx<'_>, token: &TokenHash) -> Result<Option<LinkRequestRow>, StoreError> {
    let query = table::table.filter(table::token_hash.eq(token.as_bytes())).select(LinkRequestRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Gives an open question the token of a fresh link; tells whether it was open.
pub fn set_token(tx: &mut Tx<'_>, id: LinkRequestId, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::id.eq(id)).filter(table::state.eq("open")).filter(table::expires_at.gt(now));
    let changed = diesel::update(one).set(table::token_hash.eq(Some(token.as_bytes())));
    Ok(changed.execute(tx.connection())? == 1)
}

/// Uses a token up: single use is this one statement. Tells whether it was open and had not expired.
pub fn consume(tx: &mut Tx<'_>, token: &TokenHash, now: Timestamp) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::token_hash.eq(token.as_bytes()))
        .filter(table::state.eq("open"))
        .filter(table::expires_at.gt(now));
    Ok(diesel::update(one).set(table::state.eq("accepted")).execute(tx.connection())? == 1)
}

/// How many questions a connection has put to the person of an account since then.
pub fn count_asked_since(
    tx: &mut Tx<'_>,
    connection: ConnectionId,
    account: AccountId,
    since: Timestamp,
) -> Result<i64, StoreError> {
    let query = table::table
        .filter(table::connection_id.eq(connection))
        .filter(table::account_id.eq(account))
        .filter(table::asked_at.gt(since));
    Ok(query.count().get_result(tx.connection())?)
}

/// Takes back every open question about a connection: whom it links, or how, is decided anew.
pub fn delete_open_of_connection(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
) -> Result<(), StoreError> {
    let open = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::state.eq("open"));
    diesel::delete(open).execute(tx.connection())?;
    Ok(())
}
