//! What a SAML provider calls the sessions that it opened here: the subject and its own index, so that it can end them.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary};

use super::Tx;
use super::failure::StoreError;
use super::kept::{Kept, KeptSelect};
use super::saml_schema::saml_sessions as table;
use crate::store::connection::{AnyConnection, Backend};
use crate::values::clock::Timestamp;
use crate::values::ids::{AttemptId, ConnectionId, OrganizationId, SessionId};

/// One sign-in, and the session that came of it.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = table, check_for_backend(Backend), treat_none_as_default_value = false)]
#[allow(missing_docs)] // columns
pub struct SamlSessionRow {
    pub attempt_id: AttemptId,
    pub org_id: OrganizationId,
    pub connection_id: ConnectionId,
    pub subject: String,
    pub name: String,
    pub format: String,
    pub name_qualifier: Option<String>,
    pub sp_name_qualifier: Option<String>,
    pub session_index: Option<String>,
    pub session_id: Option<SessionId>,
    pub expires_at: Timestamp,
}

/// Keeps what the provider said of a sign-in. One that said so before said the same attempt's last word.
pub fn insert(tx: &mut Tx<'_>, row: &SamlSessionRow) -> Result<(), StoreError> {
    forget(tx, row.attempt_id)?;
    Kept(diesel::insert_into(table::table).values(row)).execute(tx.connection())?;
    Ok(())
}

/// Notes which session came of a sign-in through a connection, if its provider has said anything of it over SAML.
pub fn bind(
    tx: &mut Tx<'_>,
    (attempt, connection): (AttemptId, ConnectionId),
    session: SessionId,
    until: Timestamp,
) -> Result<(), StoreError> {
    let text = "UPDATE saml_sessions SET session_id = $1, expires_at = $2 WHERE attempt_id = $3 AND connection_id = $4";
    Kept(
        diesel::sql_query(text)
            .bind::<Binary, _>(session)
            .bind::<BigInt, _>(until)
            .bind::<Binary, _>(attempt)
            .bind::<Binary, _>(connection),
    )
    .execute(tx.connection())?;
    Ok(())
}

/// True when the connection's provider has said something of a sign-in; it stays until this transaction ends. On SQLite there is
/// one writer.
pub fn is_kept_for_update(tx: &mut Tx<'_>, attempt: AttemptId, connection: ConnectionId) -> Result<bool, StoreError> {
    if let AnyConnection::Postgres(postgres) = tx.connection() {
        let text = "SELECT 1 FROM saml_sessions WHERE attempt_id = $1 FOR UPDATE";
        KeptSelect(diesel::sql_query(text).bind::<Binary, _>(attempt)).execute(postgres)?;
    }
    let one = table::table.filter(table::attempt_id.eq(attempt)).filter(table::connection_id.eq(connection));
    Ok(one.count().get_result::<i64>(tx.connection())? > 0)
}

/// Forgets the sign-ins of a subject of a connection that have led to no session: those of these indexes and of none, or all
/// when no index is named.
pub fn forget_of_subject(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    subject: &str,
    indexes: &[String],
) -> Result<(), StoreError> {
    let all = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::subject.eq(subject.to_owned()))
        .filter(table::session_id.is_null());
    if indexes.is_empty() {
        diesel::delete(all).execute(tx.connection())?;
    } else {
        let is_named = table::session_index.is_null().or(table::session_index.eq_any(indexes.to_vec()));
        diesel::delete(all.filter(is_named)).execute(tx.connection())?;
    }
    Ok(())
}

/// Forgets what was said of a sign-in of which no session comes.
pub fn forget(tx: &mut Tx<'_>, attempt: AttemptId) -> Result<(), StoreError> {
    diesel::delete(table::table.filter(table::attempt_id.eq(attempt))).execute(tx.connection())?;
    Ok(())
}

/// A session goes on as another one.
pub fn hand_on(tx: &mut Tx<'_>, from: SessionId, to: SessionId) -> Result<(), StoreError> {
    Kept(
        diesel::sql_query("UPDATE saml_sessions SET session_id = $1 WHERE session_id = $2")
            .bind::<Binary, _>(to)
            .bind::<Binary, _>(from),
    )
    .execute(tx.connection())?;
    Ok(())
}

/// The sign-in that a session came of.
pub fn of_session(tx: &mut Tx<'_>, session: SessionId) -> Result<Option<SamlSessionRow>, StoreError> {
    let query = table::table.filter(table::session_id.eq(Some(session))).select(SamlSessionRow::as_select());
    Ok(query.first(tx.connection()).optional()?)
}

/// The sign-ins of a subject of a connection that have led to a session, in the order of their attempts, behind `after` and at
/// most `limit`.
pub fn of_subject(
    tx: &mut Tx<'_>,
    organization: OrganizationId,
    connection: ConnectionId,
    subject: &str,
    (after, limit): (Option<AttemptId>, i64),
) -> Result<Vec<SamlSessionRow>, StoreError> {
    let mut query = table::table
        .filter(table::org_id.eq(organization))
        .filter(table::connection_id.eq(connection))
        .filter(table::subject.eq(subject.to_owned()))
        .filter(table::session_id.is_not_null())
        .order(table::attempt_id)
        .limit(limit)
        .select(SamlSessionRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(table::attempt_id.gt(after));
    }
    Ok(query.load(tx.connection())?)
}
