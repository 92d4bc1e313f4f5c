//! Addresses that were people's primary ones, kept until they were told there that they no longer are.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::former_addresses as table;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, FormerAddressId};

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct FormerAddressRow {
    pub id: FormerAddressId,
    pub account_id: AccountId,
    pub address: String,
    pub expires_at: Timestamp,
}

/// Adds one.
pub fn insert(tx: &mut Tx<'_>, row: &FormerAddressRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The row with this id.
pub fn find(tx: &mut Tx<'_>, id: FormerAddressId) -> Result<Option<FormerAddressRow>, StoreError> {
    let query = table::table.filter(table::id.eq(id)).select(FormerAddressRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// Removes one.
pub fn delete(tx: &mut Tx<'_>, id: FormerAddressId) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::id.eq(id))).execute(tx.connection())?;
    Ok(())
}
