//! Warning before something ends of what is known of a SAML provider: each of its certificates, and the description itself, 30, 14
//! and 3 days before, once each; and once of a description that could not be read again for two days.
//!
//! The end of a certificate refuses nobody (it is a container of a key), but some providers do stop. Which of several a provider
//! signs with is not known before it does, so each is warned of that has not ended. The end of a description (`validUntil`) ends
//! sign-in. One that is read again by itself is always good for a short time, and is warned of only while that fails.

use serde_json::json;

use super::metadata::{self, MetadataSource};
use super::{Connection, ConnectionState, Settings, row};
use crate::record::audit::{self, Action, Subject};
use crate::record::event::{self, Event};
use crate::store::failure::StoreError;
use crate::store::{Tx, certificate_warnings, connections as rows};
use crate::values::clock::Timestamp;
use crate::values::ids::ConnectionId;
use crate::values::operation::Operation;

const DAY_SECONDS: i64 = 24 * 3600;
/// The nearest warning comes first, so that what is first seen late is warned of once.
const WARNINGS: [i32; 3] = [3, 14, 30];
/// A description that could not be read for so long is told of.
const UNREAD_SECONDS: i64 = 2 * DAY_SECONDS;

/// Warns of at most `limit` connections behind `after`, over all organizations; tells which connection was the last, and nothing
/// when there are no more.
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
    if connection.state != ConnectionState::Active {
        return Ok(());
    }
    for certificate in &idp.certificates {
        let (fingerprint, expires_at) = (certificate.fingerprint(), certificate.expires_at());
        if let Some(days) = due(op, expires_at)
            && note(tx, op, connection, &fingerprint, days)?
        {
            let detail = json!({ "fingerprint": fingerprint, "days": days, "expires_at": expires_at.to_rfc3339() });
            let (id, name) = (connection.id, connection.name.clone());
            let event = Event::ConnectionCertificateExpires { connection: id, name, fingerprint, expires_at };
            tell(tx, op, connection, (Action::CertificateExpiryWarned, &detail), &event)?;
        }
    }
    let source = metadata::sources(tx, connection.organization, &[connection.id])?.into_iter().next();
    warn_of_description(tx, op, connection, idp.valid_until, source.as_ref())
}

fn warn_of_description(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: &Connection,
    valid_until: Option<Timestamp>,
    source: Option<&MetadataSource>,
) -> Result<(), StoreError> {
    let (id, name) = (connection.id, connection.name.clone());
    let failure = source.and_then(|source| source.failure.as_ref().map(|failure| (source, failure)));
    if let Some(expires_at) = valid_until
        && (source.is_none() || failure.is_some())
        && let Some(days) = due(op, expires_at)
        && note(tx, op, connection, &format!("validUntil {}", expires_at.micros()), days)?
    {
        let detail = json!({ "days": days, "expires_at": expires_at.to_rfc3339() });
        let event = Event::ConnectionMetadataExpires { connection: id, name: name.clone(), expires_at };
        tell(tx, op, connection, (Action::MetadataExpiryWarned, &detail), &event)?;
    }
    if let Some((source, failure)) = failure
        && source.read_at.plus_seconds(UNREAD_SECONDS) <= op.at
        && note(tx, op, connection, &format!("unread since {}", source.read_at.micros()), 0)?
    {
        let detail = json!({ "read_at": source.read_at.to_rfc3339(), "code": failure.code });
        let (read_at, code) = (source.read_at, failure.code.clone());
        let event = Event::ConnectionMetadataUnread { connection: id, name, read_at, code };
        tell(tx, op, connection, (Action::MetadataUnreadWarned, &detail), &event)?;
    }
    Ok(())
}

/// How many days before that end it is to be told of now, if it is.
fn due(op: &Operation, ends_at: Timestamp) -> Option<i32> {
    let is_near = |days: &i32| ends_at <= op.at.plus_seconds(i64::from(*days) * DAY_SECONDS);
    WARNINGS.into_iter().find(is_near).filter(|_| ends_at > op.at)
}

/// False when it was told before.
fn note(tx: &mut Tx<'_>, op: &Operation, connection: &Connection, what: &str, days: i32) -> Result<bool, StoreError> {
    certificate_warnings::note(tx, (connection.organization, connection.id), what, days, op.at)
}

fn tell(
    tx: &mut Tx<'_>,
    op: &Operation,
    connection: &Connection,
    (action, detail): (Action, &serde_json::Value),
    event: &Event,
) -> Result<(), StoreError> {
    let subject = Subject::new("connection", connection.id);
    audit::write(tx, op, Some(connection.organization), action, &subject, detail)?;
    event::publish(tx, op, connection.organization, event)
}
