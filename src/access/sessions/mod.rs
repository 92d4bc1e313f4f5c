//! Sessions: what a browser holds after a sign-in.
//!
//! A session dies of whichever comes first: it is ended, it expires (the absolute limit or the identity provider's
//! own), it is idle for too long, its account, its membership or the connection it came through is no longer active, it was opened
//! by credentials of its person's own where single sign-on is asked of them by now (decision 0031), or the account's session epoch
//! has moved since it was made. All of this is looked at on every use, so that a deactivation counts from its commit on.

pub mod reach;
#[cfg(test)]
pub mod testing;

use serde_json::{Value, json};

use super::attempts::state::Identified;
use super::own_password::staying;
use crate::directory::accounts;
use crate::directory::accounts::state::AccountState;
use crate::directory::connections::{self, ConnectionState};
use crate::directory::memberships;
use crate::record::audit::{self, Action, Subject};
use crate::store::Tx;
use crate::store::failure::StoreError;
use crate::store::saml_sessions;
use crate::store::sessions::{self, SessionRow};
use crate::store::upstream_sessions::{self, UpstreamSessionRow};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, SessionId};
use crate::values::operation::Operation;
use crate::values::secret::{Secret, TokenHash, new_token};

/// "Last seen" is written at most this often.
const TOUCH_SECONDS: i64 = 60;

/// How long sessions last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Without use.
    pub idle_seconds: i64,
    /// In all.
    pub absolute_seconds: i64,
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id, the `sid` of tokens.
    pub id: SessionId,
    /// Whose it is.
    pub account: AccountId,
    /// On whose behalf they signed in.
    pub organization: OrganizationId,
    /// The connection that identified them; none when they signed in with credentials of their own.
    pub connection: Option<ConnectionId>,
    /// The account's session epoch when it was made.
    pub session_epoch: i64,
    /// How they proved themselves (RFC 8176).
    pub amr: Vec<String>,
    /// The authentication context class.
    pub acr: String,
    /// When they proved themselves; `None` when the identity provider did not say.
    pub auth_time: Option<Timestamp>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// When it ends at the latest.
    pub expires_at: Timestamp,
}

/// What decides, beside the session itself, whether a person may be here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// The account may sign in.
    pub is_account_active: bool,
    /// The membership in the organization is active.
    pub is_membership_active: bool,
    /// The connection that identified them is active, or they needed none.
    pub is_connection_active: bool,
    /// They came through a connection, or may stay with the credentials of their own that they have shown.
    pub may_stay: bool,
    /// The account's session epoch now.
    pub session_epoch: i64,
}

/// How somebody proved who they are.
#[derive(Debug, Clone, Copy)]
pub struct Way<'a> {
    /// The connection that identified them; none when they did it with credentials of their own.
    pub connection: Option<ConnectionId>,
    /// By which methods (RFC 8176).
    pub amr: &'a [String],
}

impl Session {
    /// True when the session is good at `now`, for a person of this standing.
    pub fn is_live(&self, standing: &Standing, limits: Limits, now: Timestamp) -> bool {
        now < self.expires_at
            && now < self.last_seen_at.plus_seconds(limits.idle_seconds)
            && standing.is_account_active
            && standing.is_membership_active
            && standing.is_connection_active
            && standing.may_stay
            && standing.session_epoch == self.session_epoch
    }

    /// How they proved who they are.
    pub fn way(&self) -> Way<'_> {
        Way { connection: self.connection, amr: &self.amr }
    }

    /// Who it is of, as far as it proves that: what another session that goes on from it is made of.
    pub fn identified(&self) -> Identified {
        Identified {
            account: self.account,
            organization: self.organization,
            connection: self.connection,
            session_epoch: self.session_epoch,
            amr: self.amr.clone(),
            acr: self.acr.clone(),
            auth_time: self.auth_time,
            session_expires_at: Some(self.expires_at),
            upstream_session: None,
        }
    }

    /// True when its use at `now` is worth writing down.
    pub fn is_touch_due(&self, now: Timestamp) -> bool {
        now >= self.last_seen_at.plus_seconds(TOUCH_SECONDS)
    }
}

/// The standing of a person in an organization, who came through a connection of it or with credentials of their own. An
/// account, a membership or a connection that does not exist is not active. What the policies of their domains say about their own
/// credentials is found out with the membership; only where one asks for single sign-on is more loaded.
pub fn standing(
    tx: &mut Tx<'_>,
    account: AccountId,
    organization: OrganizationId,
    way: Way<'_>,
) -> Result<Standing, StoreError> {
    let found = accounts::find(tx, account)?;
    let (membership, is_connection_active, may_stay) = match way.connection {
        Some(id) => {
            let connection = connections::find(tx, id)?;
            let is_active = connection.is_some_and(|found| found.state == ConnectionState::Active);
            (memberships::find(tx, account, organization)?, is_active, true)
        }
        None => match memberships::find_with_policy(tx, account, organization)? {
            Some((membership, true)) => (Some(membership), true, staying::may_stay(tx, account, way.amr)?),
            Some((membership, false)) => (Some(membership), true, true),
            None => (None, true, true),
        },
    };
    Ok(Standing {
        is_connection_active,
        may_stay,
        is_account_active: found.as_ref().is_some_and(|account| account.state == AccountState::Active),
        is_membership_active: membership.is_some_and(|membership| membership.is_active()),
        session_epoch: found.map_or(0, |account| account.session_epoch),
    })
}

/// Makes a session for a person who was just identified. The token is for the cookie; only its hash is kept.
pub fn start(
    tx: &mut Tx<'_>,
    op: &Operation,
    identified: &Identified,
    limits: Limits,
) -> Result<(Session, Secret), StoreError> {
    let absolute = op.at.plus_seconds(limits.absolute_seconds);
    let expires_at = identified.session_expires_at.map_or(absolute, |upstream| upstream.min(absolute));
    let token = new_token("cw_session_", &op.entropy);
    let session = Session {
        id: op.new_id(),
        account: identified.account,
        organization: identified.organization,
        connection: identified.connection,
        session_epoch: identified.session_epoch,
        amr: identified.amr.clone(),
        acr: identified.acr.clone(),
        auth_time: identified.auth_time,
        created_at: op.at,
        last_seen_at: op.at,
        expires_at,
    };
    sessions::insert(tx, &row(&session, &TokenHash::of(token.expose()))?)?;
    if let (Some(connection_id), Some(sid)) = (identified.connection, &identified.upstream_session) {
        let sid_hash = TokenHash::of(sid).as_bytes().to_vec();
        let (session_id, org_id) = (session.id, session.organization);
        upstream_sessions::insert(tx, &UpstreamSessionRow { session_id, org_id, connection_id, sid_hash })?;
    }
    Ok((session, token))
}

/// A session goes on as another one, after something that ends all sessions of the account but this: same person, same end,
/// another token, and `session_epoch` from now on. `None` when it had been ended.
pub fn go_on(
    tx: &mut Tx<'_>,
    op: &Operation,
    session: &Session,
    session_epoch: i64,
    limits: Limits,
) -> Result<Option<Secret>, StoreError> {
    if !sessions::end(tx, session.id, op.at)? {
        return Ok(None);
    }
    let subject = Subject::new("session", session.id);
    audit::write(tx, op, Some(session.organization), Action::SessionEnded, &subject, &json!({}))?;
    let identified = Identified { session_epoch, ..session.identified() };
    let (next, token) = start(tx, op, &identified, limits)?;
    saml_sessions::hand_on(tx, session.id, next.id)?;
    upstream_sessions::hand_on(tx, session.id, next.id)?;
    Ok(Some(token))
}

/// The live session of a cookie. `None` when there is none, for whatever reason.
pub fn find_live(
    tx: &mut Tx<'_>,
    op: &Operation,
    token: &Secret,
    limits: Limits,
) -> Result<Option<Session>, StoreError> {
    let Some(row) = sessions::find_by_token(tx, &TokenHash::of(token.expose()))? else { return Ok(None) };
    if row.ended_at.is_some() {
        return Ok(None);
    }
    let session = session(row)?;
    let standing = standing(tx, session.account, session.organization, session.way())?;
    Ok(session.is_live(&standing, limits, op.at).then_some(session))
}

/// Writes down that a session was used. A session that has ended meanwhile stays ended.
pub fn touch(tx: &mut Tx<'_>, op: &Operation, session: &Session) -> Result<(), StoreError> {
    sessions::touch(tx, session.id, op.at)?;
    Ok(())
}

/// Ends the session of a cookie. Ending what has ended, or never was, changes nothing.
pub fn end_by_token(tx: &mut Tx<'_>, op: &Operation, token: &Secret) -> Result<(), StoreError> {
    match sessions::find_by_token(tx, &TokenHash::of(token.expose()))? {
        Some(row) => end(tx, op, row.id, row.org_id, &json!({})).map(|_| ()),
        None => Ok(()),
    }
}

/// Ends a session, with one audit entry, whose `detail` says how it came to that; tells whether it had not ended before.
pub fn end(
    tx: &mut Tx<'_>,
    op: &Operation,
    session: SessionId,
    organization: OrganizationId,
    detail: &Value,
) -> Result<bool, StoreError> {
    let is_new = sessions::end(tx, session, op.at)?;
    if is_new {
        audit::write(tx, op, Some(organization), Action::SessionEnded, &Subject::new("session", session), detail)?;
    }
    Ok(is_new)
}

/// How the audit log says that a session ended at the provider of the connection through which its person had come.
pub fn ended_by_provider(connection: ConnectionId) -> Value {
    json!({ "by": "provider", "connection": connection })
}

fn row(session: &Session, token: &TokenHash) -> Result<SessionRow, StoreError> {
    Ok(SessionRow {
        id: session.id,
        token_hash: token.as_bytes().to_vec(),
        account_id: session.account,
        org_id: session.organization,
        connection_id: session.connection,
        session_epoch: session.session_epoch,
        amr: serde_json::to_string(&session.amr).map_err(|error| StoreError::Internal(error.to_string()))?,
        acr: session.acr.clone(),
        auth_time: session.auth_time.unwrap_or(session.created_at),
        is_auth_time_known: session.auth_time.is_some(),
        created_at: session.created_at,
        last_seen_at: session.last_seen_at,
        expires_at: session.expires_at,
        ended_at: None,
    })
}

/// A row as what it stands for.
pub(in crate::access) fn session(row: SessionRow) -> Result<Session, StoreError> {
    Ok(Session {
        amr: serde_json::from_str(&row.amr).map_err(|_| StoreError::Inconsistent("sessions.amr"))?,
        id: row.id,
        account: row.account_id,
        organization: row.org_id,
        connection: row.connection_id,
        session_epoch: row.session_epoch,
        acr: row.acr,
        auth_time: row.is_auth_time_known.then_some(row.auth_time),
        created_at: row.created_at,
        last_seen_at: row.last_seen_at,
        expires_at: row.expires_at,
    })
}

#[cfg(test)]
mod tests;
