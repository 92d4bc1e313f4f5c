//! Signing keys: their lifecycle, and their private halves under seal.

use diesel::prelude::*;

use super::Tx;
use super::failure::StoreError;
use super::schema::signing_keys as table;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::SigningKeyId;

/// One key.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct SigningKeyRow {
    pub id: SigningKeyId,
    pub purpose: String,
    pub state: String,
    pub sealed_private: Vec<u8>,
    pub public: String,
    pub created_at: Timestamp,
    pub activated_at: Option<Timestamp>,
    pub retired_at: Option<Timestamp>,
}

/// A key without its halves, to see whether anything changed.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(Backend))]
#[allow(missing_docs)] // columns
pub struct SigningKeyOutline {
    pub id: SigningKeyId,
    pub purpose: String,
    pub state: String,
    pub retired_at: Option<Timestamp>,
}

/// Inserts one key; [`super::constraint::Constraint::ActiveSigningKey`] when its purpose has an active one already.
pub fn insert(tx: &mut Tx<'_>, row: &SigningKeyRow) -> Result<(), StoreError> {
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// All keys in the order they were made.
pub fn all(tx: &mut Tx<'_>) -> Result<Vec<SigningKeyRow>, StoreError> {
    Ok(table::table.order(table::id).select(SigningKeyRow::as_select()).load(tx.connection())?)
}

/// All keys in the order they were made, without their halves.
pub fn outlines(tx: &mut Tx<'_>) -> Result<Vec<SigningKeyOutline>, StoreError> {
    Ok(table::table.order(table::id).select(SigningKeyOutline::as_select()).load(tx.connection())?)
}

/// Takes the active key of a purpose out of use; tells how many there were.
pub fn retire_active(tx: &mut Tx<'_>, purpose: &str, at: Timestamp) -> Result<usize, StoreError> {
    let active = table::table.filter(table::purpose.eq(purpose)).filter(table::state.eq("active"));
    Ok(diesel::update(active)
        .set((table::state.eq("retired"), table::retired_at.eq(Some(at))))
        .execute(tx.connection())?)
}

/// Puts a key that waits into use; tells whether it was waiting.
pub fn activate(tx: &mut Tx<'_>, id: SigningKeyId, at: Timestamp) -> Result<bool, StoreError> {
    let waiting = table::table.filter(table::id.eq(id)).filter(table::state.eq("next"));
    let changed = diesel::update(waiting)
        .set((table::state.eq("active"), table::activated_at.eq(Some(at))))
        .execute(tx.connection())?;
    Ok(changed == 1)
}

/// Removes the keys that were retired before `before`, private halves and all.
pub fn delete_retired(tx: &mut Tx<'_>, before: Timestamp) -> Result<usize, StoreError> {
    let old = table::table.filter(table::state.eq("retired")).filter(table::retired_at.lt(before));
    Ok(diesel::delete(old).execute(tx.connection())?)
}
