//! Warning before the certificates of a provider end: 30, 14 and 3 days before, once each.
//!
//! What is looked at is the last of a connection's certificates to end: that of a roll-over which is announced already
//! stands for the one before it. An end refuses nobody (a certificate is a container of a key), but some providers do stop.

use serde_json::json;

use super::{Connection, ConnectionState, Settings, row};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::failure::StoreError;
use crate::store::{Tx, certificate_warnings, connections as rows};
use crate::values::ids::ConnectionId;
use crate::values::operation::Operation;

const DAY_SECONDS: i64 = 24 * 3600;
/// The nearest warning comes first, so that a certificate that is first seen late is warned of once.
const WARNINGS: [i32; 3] = [3, 14, 30];

/// Warns of the certificates of at most `limit` connections behind `after`, over all organizations; tells which connection
/// was the last, and nothing when there are no more.
pub fn warn(
    tx: &mut Tx<'_>,
    op: &Operation,
    after: Option<ConnectionId>,
    limit: i64,
) -> Result<Option<ConnectionId>, StoreError> {
    let found = rows::active_after(tx, "saml", after, limit)?;
    let last = found.last().map(|row| row.id);
    for connection in found {
        warn_of(tx, op, &row::from_row(connection)?)?;
    }
    Ok(last)
}

fn warn_of(tx: &mut Tx<'_>, op: &Operation, connection: &Connection) -> Result<(), StoreError> {
    let Settings::Saml { idp, .. } = &connection.settings else { return Ok(()) };
    let Some(last) = idp.certificates.iter().max_by_key(|certificate| certificate.expires_at()) else { return Ok(()) };
    let expires_at = last.expires_at();
    let is_near = |days: &&i32| expires_at <= op.at.plus_seconds(i64::from(**days) * DAY_SECONDS);
    let Some(days) = WARNINGS.iter().find(is_near) else { return Ok(()) };
    let owner = (connection.organization, connection.id);
    let fingerprint = last.fingerprint();
    if connection.state != ConnectionState::Active
        || expires_at <= op.at
        || !certificate_warnings::note(tx, owner, &fingerprint, *days, op.at)?
    {
        return Ok(());
    }
    let subject = Subject::new("connection", connection.id);
    let detail = json!({ "fingerprint": fingerprint, "days": days, "expires_at": expires_at.to_rfc3339() });
    audit::write(tx, op, Some(connection.organization), Action::CertificateExpiryWarned, &subject, &detail)?;
    let event = Event::ConnectionCertificateExpires {
        connection: connection.id,
        name: connection.name.clone(),
        fingerprint,
        expires_at,
    };
    event::publish(tx, op, connection.organization, &event)
}
