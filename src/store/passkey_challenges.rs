//! What browsers were asked to answer by a passkey. Using one up is its removal, in one statement.

use diesel::prelude::*;

use super::Tx;
use super::credential_schema::passkey_challenges as table;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct PasskeyChallengeRow {
    /// The id of the attempt or the session that it was made in.
    pub place_id: Vec<u8>,
    pub purpose: String,
    /// None when nobody is known yet.
    pub account_id: Option<AccountId>,
    pub state: String,
    /// The name that a new passkey is to have.
    pub name: Option<String>,
    pub expires_at: Timestamp,
}

/// Keeps one. The one before, for the same purpose in the same place, does not count any more.
pub fn put(tx: &mut Tx<'_>, row: &PasskeyChallengeRow) -> Result<(), StoreError> {
    let one = table::table.filter(table::place_id.eq(&row.place_id)).filter(table::purpose.eq(&row.purpose));
    diesel::delete(one).execute(tx.connection())?;
    diesel::insert_into(table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// The live one for this purpose in this place.
pub fn find(
    tx: &mut Tx<'_>,
    place: &[u8],
    purpose: &str,
    now: Timestamp,
) -> Result<Option<PasskeyChallengeRow>, StoreError> {
    let one = table::table.filter(table::place_id.eq(place)).filter(table::purpose.eq(purpose));
    let live = one.filter(table::expires_at.gt(now)).select(PasskeyChallengeRow::as_select());
    Ok(live.first(tx.connection()).optional()?)
}

/// Uses the one with this state up: single use is this one statement. Tells whether it was there and had not expired.
pub fn consume(tx: &mut Tx<'_>, place: &[u8], purpose: &str, state: &str, now: Timestamp) -> Result<bool, StoreError> {
    let one = table::table
        .filter(table::place_id.eq(place))
        .filter(table::purpose.eq(purpose))
        .filter(table::state.eq(state))
        .filter(table::expires_at.gt(now));
    Ok(diesel::delete(one).execute(tx.connection())? == 1)
}
