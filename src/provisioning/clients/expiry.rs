//! Warning before a credential ends: 30, 14 and 3 days before, once each, of those that are in use. A credential that
//! nobody uses ends without a word, and one that is made to live for a week is not warned of on its first day.

use serde_json::json;

use super::ACTIVE;
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::scim_credentials::{self as rows, Due, ExpiringRow};
use crate::values::operation::Operation;

const DAY_SECONDS: i64 = 24 * 3600;
/// The nearest warning comes first, so that a credential that is first seen late is warned of once.
const WARNINGS: [i32; 3] = [3, 14, 30];
/// A credential is in use when it was used within this time.
const IN_USE_SECONDS: i64 = 30 * DAY_SECONDS;

/// Warns of at most `limit` credentials of each distance, over all organizations; tells of how many.
pub fn warn(tx: &mut Tx<'_>, op: &Operation, limit: i64) -> Result<usize, StoreError> {
    let mut warned = 0_usize;
    for days in WARNINGS {
        let distance = i64::from(days).saturating_mul(DAY_SECONDS);
        let due = Due {
            days,
            now: op.at,
            ends_by: op.at.plus_seconds(distance),
            used_since: op.at.plus_seconds(IN_USE_SECONDS.saturating_neg()),
            shortest_life_micros: distance.saturating_mul(1_000_000),
        };
        for row in rows::expiring(tx, ACTIVE, &due, limit)? {
            if rows::note_warning(tx, row.organization, row.id, days, op.at)? {
                tell(tx, op, row, days)?;
                warned = warned.saturating_add(1);
            }
        }
    }
    Ok(warned)
}

fn tell(tx: &mut Tx<'_>, op: &Operation, row: ExpiringRow, days: i32) -> Result<(), StoreError> {
    let subject = Subject::new("scim_credential", row.id);
    let detail = json!({ "client": row.client.to_string(), "days": days, "expires_at": row.expires_at.to_rfc3339() });
    audit::write(tx, op, Some(row.organization), Action::ScimCredentialExpiryWarned, &subject, &detail)?;
    let event = Event::ScimCredentialExpires {
        client: row.client,
        name: row.client_name,
        credential: row.id,
        expires_at: row.expires_at,
    };
    event::publish(tx, op, row.organization, &event)
}
