//! What browsers were asked to answer by a passkey. Using one up is its removal, in one statement.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};

use super::Tx;
use super::credential_schema::passkey_challenges as table;
use super::failure::StoreError;
use crate::store::connection::Backend;
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;

/// One row.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = table, check_for_backend(Backend))]
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
    let text = "INSERT INTO passkey_challenges (place_id, purpose, account_id, state, name, expires_at) \
                VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (place_id, purpose) DO UPDATE SET \
                account_id = excluded.account_id, state = excluded.state, name = excluded.name, \
                expires_at = excluded.expires_at";
    diesel::sql_query(text)
        .bind::<Binary, _>(&row.place_id)
        .bind::<Text, _>(&row.purpose)
        .bind::<Nullable<Binary>, _>(row.account_id)
        .bind::<Text, _>(&row.state)
        .bind::<Nullable<Text>, _>(row.name.as_deref())
        .bind::<BigInt, _>(row.expires_at)
        .execute(tx.connection())?;
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
