//! What somebody was warned of about identity providers, and how long before it ends: certificates, by their fingerprints, and what
//! else ends of their description, by a name of its own.

use diesel::RunQueryDsl as _;
use diesel::sql_types::{BigInt, Binary, Integer, Text};

use super::Tx;
use super::failure::StoreError;
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId};

/// Notes that something of a connection was warned of `days` before its end. False when it was before, as near to its end or
/// nearer: of two callers one hears true.
pub fn note(
    tx: &mut Tx<'_>,
    (organization, connection): (OrganizationId, ConnectionId),
    what: &str,
    days: i32,
    at: Timestamp,
) -> Result<bool, StoreError> {
    let text = "INSERT INTO certificate_warnings (connection_id, fingerprint, org_id, days, warned_at) \
                VALUES ($1, $2, $3, $4, $5) ON CONFLICT (connection_id, fingerprint) DO UPDATE \
                SET days = excluded.days, warned_at = excluded.warned_at \
                WHERE certificate_warnings.days > excluded.days";
    let noted = diesel::sql_query(text)
        .bind::<Binary, _>(connection)
        .bind::<Text, _>(what)
        .bind::<Binary, _>(organization)
        .bind::<Integer, _>(days)
        .bind::<BigInt, _>(at)
        .execute(tx.connection())?;
    Ok(noted == 1)
}
