//! People on their way to their SAML provider to be signed out there, and what it answered. The handle works once.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::kept::Kept;
use super::saml_schema::sign_outs as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};
use crate::values::secret::TokenHash;

/// One row. `answer` is there once the provider has answered.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct SignOutRow {
    pub handle_hash: Vec<u8>,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub request_id: String,
    pub binding_hash: Vec<u8>,
    pub return_url: Option<String>,
    pub answer: Option<String>,
    pub expires_at: Timestamp,
}

/// Somebody leaves.
pub fn insert(tx: &mut Tx<'_>, row: &SignOutRow) -> Result<(), StoreError> {
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// Keeps the answer to a request of ours. False when the handle is not waited for, or for another answer: of two callers
/// one hears true.
pub fn answer(
    tx: &mut Tx<'_>,
    handle: &TokenHash,
    (organization, connection): (OrganizationId, ConnectionId),
    request_id: &str,
    answer: &str,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::handle_hash.eq(handle.as_bytes()))
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::request_id.eq(request_id))
        .filter(table::answer.is_null())
        .filter(table::expires_at.gt(now));
    Ok(diesel::update(one).set(table::answer.eq(Some(answer))).execute(tx.connection())? == 1)
}

/// What was answered under this handle, in the browser that left with it.
pub fn find_answered(
    tx: &mut Tx<'_>,
    handle: &TokenHash,
    binding: &TokenHash,
    now: Timestamp,
) -> Result<Option<SignOutRow>, StoreError> {
    let query = table::table
        .filter(table::handle_hash.eq(handle.as_bytes()))
        .filter(table::binding_hash.eq(binding.as_bytes()))
        .filter(table::answer.is_not_null())
        .filter(table::expires_at.gt(now))
        .select(SignOutRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}
