//! Removing what has expired, a bounded batch at a time, so that no sweep holds the writer for long.

use diesel::RunQueryDsl as _;
use diesel::sql_types::BigInt;

use super::Tx;
use super::failure::StoreError;
use crate::values::clock::Timestamp;

/// (table, its key, what else must hold). Children come before their parents.
const TABLES: &[(&str, &str, &str)] = &[
    ("authorization_codes", "code_hash", "TRUE"),
    ("refresh_tokens", "token_hash", "TRUE"),
    ("attempts", "id", "TRUE"),
    ("consumed_assertions", "connection_id, assertion_id", "TRUE"),
    ("grants", "id", "TRUE"),
    ("sessions", "id", "NOT EXISTS (SELECT 1 FROM grants WHERE grants.session_id = sessions.id)"),
];

/// Deletes at most `limit` rows of each table that expired before `before`; tells how many went.
pub fn delete_expired(tx: &mut Tx<'_>, before: Timestamp, limit: i64) -> Result<usize, StoreError> {
    let mut removed = 0;
    for (table, key, condition) in TABLES {
        let text = format!(
            "DELETE FROM {table} WHERE ({key}) IN \
             (SELECT {key} FROM {table} WHERE expires_at < $1 AND {condition} LIMIT $2)"
        );
        removed +=
            diesel::sql_query(text).bind::<BigInt, _>(before).bind::<BigInt, _>(limit).execute(tx.connection())?;
    }
    Ok(removed)
}
