//! Admin tokens, of operators and of organizations' administrators; kept as hashes.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema::admin_tokens as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, AdminTokenId, OrganizationId};
use crate::values::page::PageRequest;

/// One token.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct AdminTokenRow {
    pub id: AdminTokenId,
    pub org_id: Option<OrganizationId>,
    pub account_id: Option<AccountId>,
    pub name: String,
    pub role: String,
    pub token_hash: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub parent_id: Option<AdminTokenId>,
}

/// Inserts one.
pub fn insert(tx: &mut Tx<'_>, row: &AdminTokenRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The token with this hash.
pub fn find_by_hash(tx: &mut Tx<'_>, hash: &[u8]) -> Result<Option<AdminTokenRow>, StoreError> {
    let query = table::table.filter(table::token_hash.eq(hash)).select(AdminTokenRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The token with this id.
pub fn find(tx: &mut Tx<'_>, id: AdminTokenId) -> Result<Option<AdminTokenRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id)).select(AdminTokenRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The operators' tokens, by id.
pub fn page_of_operators(tx: &mut Tx<'_>, page: &PageRequest<AdminTokenId>) -> Result<Vec<AdminTokenRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.is_null())
        .order(table::id)
        .limit(page.fetch_limit())
        .select(AdminTokenRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Revokes an operator's token; tells whether it was live.
pub fn revoke_of_operators(tx: &mut Tx<'_>, id: AdminTokenId, at: Timestamp) -> Result<bool, StoreError> {
    let one = table::table.filter(table::org_id.is_null()).filter(table::id.eq(id)).filter(table::revoked_at.is_null());
    Ok(diesel::update(one).set(table::revoked_at.eq(at)).execute(tx.connection())? == 1)
}

/// The tokens of an organization, by id.
pub fn page(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    page: &PageRequest<AdminTokenId>,
) -> Result<Vec<AdminTokenRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .order(table::id)
        .limit(page.fetch_limit())
        .select(AdminTokenRow::as_select())
        .into_boxed();
    if let Some(after) = page.after {
        query = query.filter(table::id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}

/// Revokes a token of an organization; tells whether it was live.
pub fn revoke(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    id: AdminTokenId,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::id.eq(id))
        .filter(table::revoked_at.is_null());
    Ok(diesel::update(one).set(table::revoked_at.eq(at)).execute(tx.connection())? == 1)
}

/// Notes a use.
pub fn touch(tx: &mut Tx<'_>, id: AdminTokenId, at: Timestamp) -> Result<(), StoreError> {
    diesel::update(table::table.filter(table::id.eq(id))).set(table::last_used_at.eq(at)).execute(tx.connection())?;
    Ok(())
}

/// How many tokens of an organization are live.
pub fn count_live(tx: &mut Tx<'_>, organization: OrganizationId, now: Timestamp) -> Result<i64, StoreError> {
    let query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::revoked_at.is_null())
        .filter(table::expires_at.gt(now));
    Ok(query.count().get_result(tx.connection())?)
}
