//! What a SAML provider calls the sessions that it opened here, so that it can end them, and be told when they end.
//!
//! Kept with the attempt while the person is on the way, and with the session from then on. Ending a session here never
//! ends more than the provider named: its own connection, that subject, those sessions.

use super::sessions;
use crate::protocol::saml::assertion::{NameId, Qualifiers, VerifiedAssertion};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::saml_sessions::{self as rows, SamlSessionRow};
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId, SessionId};
use crate::values::operation::Operation;

/// An attempt has become a session within this time, or never.
const ON_THE_WAY_SECONDS: i64 = 3_600;
/// Sign-ins that are read at a time.
const PAGE: i64 = 100;

/// A session as its provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamlSession {
    /// The connection that it came through.
    pub connection: ConnectionId,
    /// Who.
    pub name_id: NameId,
    /// What the provider qualified that with.
    pub qualifiers: Qualifiers,
    /// Which of their sessions, when the provider tells them apart.
    pub index: Option<String>,
}

/// Keeps what the provider says of the sign-in that `attempt` is.
pub fn remember(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    attempt: AttemptId,
    assertion: &VerifiedAssertion,
) -> Result<(), StoreError> {
    let (name_id, qualifiers) = (assertion.name_id(), assertion.qualifiers().clone());
    rows::insert(
        tx,
        &SamlSessionRow {
            attempt_id: attempt,
            org_id: organization,
            connection_id: connection,
            subject: name_id.subject(),
            name: name_id.value.clone(),
            format: name_id.format.clone(),
            name_qualifier: qualifiers.name,
            sp_name_qualifier: qualifiers.sp_name,
            session_index: assertion.session_index().map(str::to_owned),
            session_id: None,
            expires_at: op.at.plus_seconds(ON_THE_WAY_SECONDS),
        },
    )
}

/// The session as its provider knows it, if it came through SAML.
pub fn find(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<SamlSession>, StoreError> {
    Ok(rows::of_session(tx, session)?.map(|row| SamlSession {
        connection: row.connection_id,
        name_id: NameId { value: row.name, format: row.format },
        qualifiers: Qualifiers { name: row.name_qualifier, sp_name: row.sp_name_qualifier },
        index: row.session_index,
    }))
}

/// Ends the sessions that the provider of a connection opened for somebody: those of these indexes, or all when none is
/// named, however many there are. One whose index was never told ends with any. Who is on the way back from there does not
/// arrive ([`super::upstream_answers`]). Ending what has ended changes nothing.
pub fn end(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    name_id: &NameId,
    indexes: &[String],
) -> Result<(), StoreError> {
    let (subject, mut after) = (name_id.subject(), None);
    rows::forget_of_subject(tx, organization, connection, &subject, indexes)?;
    let is_named = |row: &SamlSessionRow| {
        indexes.is_empty() || row.session_index.as_ref().is_none_or(|index| indexes.contains(index))
    };
    loop {
        let found = rows::of_subject(tx, organization, connection, &subject, (after, PAGE))?;
        let Some(last) = found.last() else { return Ok(()) };
        after = Some(last.attempt_id);
        for session in found.iter().filter(|row| is_named(row)).filter_map(|row| row.session_id) {
            sessions::end(tx, op, session, organization, &sessions::ended_by_provider(connection))?;
        }
    }
}
