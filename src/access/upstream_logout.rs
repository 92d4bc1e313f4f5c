//! A provider says that somebody's session there has ended (OpenID Connect Back-Channel Logout 1.0, 2.7): what it opened
//! here ends with it. A token that says so works once.
//!
//! What those sessions gave to applications ends too, save what was for offline use: "refresh tokens issued with the
//! offline_access property normally SHOULD NOT be revoked", for nobody asked to end that.

use super::sessions;
use crate::store::failure::StoreError;
use crate::store::{Tx, assertions, identities, upstream_sessions};
use crate::values::clock::Timestamp;
use crate::values::ids::{ConnectionId, OrganizationId, SessionId};
use crate::values::operation::{Actor, Operation};
use crate::values::secret::TokenHash;

/// What a verified logout token said. It names a session, a person, or both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaidLogout {
    /// The token's id.
    pub id: String,
    /// From then on the token would not be accepted any more.
    pub ends_at: Timestamp,
    /// The person, by the name under which the connection knows them.
    pub subject: Option<String>,
    /// The session at the provider.
    pub session: Option<String>,
}

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamLogoutError {
    /// The token was used before.
    #[error("the logout token was used before")]
    Replayed,
    /// The store's failure.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Ends the sessions that were meant, with one audit entry each, and tells how many there were. None is no failure: they
/// may have ended before.
pub fn end(
    tx: &mut Tx<'_>,
    op: &Operation,
    (organization, connection): (OrganizationId, ConnectionId),
    said: &SaidLogout,
) -> Result<usize, UpstreamLogoutError> {
    let op = &op.by(Actor::Connection { organization, connection });
    if !assertions::consume(tx, connection, &said.id, said.ends_at)? {
        return Err(UpstreamLogoutError::Replayed);
    }
    let mut ended = 0;
    for session in meant(tx, (organization, connection), said)? {
        let is_new = sessions::end(tx, op, session, organization, &sessions::ended_by_provider(connection))?;
        ended += usize::from(is_new);
    }
    Ok(ended)
}

/// A person who is named with a session: that one, and those of which the provider never said which they are.
fn meant(
    tx: &mut Tx<'_>,
    (organization, connection): (OrganizationId, ConnectionId),
    said: &SaidLogout,
) -> Result<Vec<SessionId>, StoreError> {
    let sid = said.session.as_deref().map(TokenHash::of);
    let Some(subject) = &said.subject else {
        return match sid {
            Some(sid) => upstream_sessions::open(tx, organization, connection, &sid),
            None => Ok(Vec::new()),
        };
    };
    let Some(identity) = identities::find(tx, connection, subject)? else { return Ok(Vec::new()) };
    let open = upstream_sessions::open_of_account(tx, organization, connection, identity.account_id)?;
    let is_meant = |known: &Option<Vec<u8>>| match (&sid, known) {
        (Some(sid), Some(known)) => sid.as_bytes() == known.as_slice(),
        (Some(_), None) | (None, _) => true,
    };
    Ok(open.into_iter().filter(|(_, known)| is_meant(known)).map(|(session, _)| session).collect())
}

#[cfg(test)]
mod tests {
    use super::{SaidLogout, UpstreamLogoutError, end};
    use crate::access::attempts::state::Identified;
    use crate::access::sessions::{self, Limits, Session};
    use crate::access::testing::{World, world};
    use crate::directory::accounts;
    use crate::store::failure::StoreError;
    use crate::values::ids::ConnectionId;
    use crate::values::secret::Secret;

    const LIMITS: Limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };

    async fn session(world: &World, connection: Option<ConnectionId>, sid: Option<&str>) -> (Session, Secret) {
        let (op, organization, account) = (world.op(), world.organization, world.ada);
        let upstream_session = sid.map(str::to_owned);
        let write = world.store().write(move |tx| {
            let identified = Identified {
                account,
                organization,
                connection,
                session_epoch: accounts::find(tx, account)?.unwrap().session_epoch,
                amr: vec!["pwd".to_owned()],
                acr: "a".to_owned(),
                auth_time: Some(op.at),
                session_expires_at: None,
                upstream_session,
            };
            sessions::start(tx, &op, &identified, LIMITS)
        });
        write.await.unwrap()
    }

    async fn are_live(world: &World, sessions: &[(Session, Secret)]) -> Vec<bool> {
        let mut live = Vec::new();
        for (_, token) in sessions {
            let (op, token) = (world.op(), token.clone());
            let found = world.store().read(move |tx| sessions::find_live(tx, &op, &token, LIMITS));
            live.push(found.await.unwrap().is_some());
        }
        live
    }

    async fn log_out(
        world: &World,
        connection: ConnectionId,
        (id, subject, session): (&str, Option<&str>, Option<&str>),
    ) -> Result<usize, UpstreamLogoutError> {
        let (op, organization) = (world.op(), world.organization);
        let said = SaidLogout {
            id: id.to_owned(),
            ends_at: op.at.plus_seconds(360),
            subject: subject.map(str::to_owned),
            session: session.map(str::to_owned),
        };
        world.store().write(move |tx| end(tx, &op, (organization, connection), &said)).await
    }

    /// Ada, whom the connection knows as `00u1`: two sessions that the provider named, one that it did not, one through
    /// another connection, one with a password.
    async fn sessions_of_ada(world: &World) -> Vec<(Session, Secret)> {
        world.sign_in(world.asserted()).await.unwrap();
        let here = Some(world.connection);
        vec![
            session(world, here, Some("s1")).await,
            session(world, here, Some("s2")).await,
            session(world, here, None).await,
            session(world, Some(world.other_connection), Some("s1")).await,
            session(world, None, None).await,
        ]
    }

    #[tokio::test]
    async fn what_a_session_at_the_provider_opened_ends_with_it_and_nothing_else() {
        let cases = [
            ("the session", None, Some("s1"), [false, true, true, true, true]),
            ("the person", Some("00u1"), None, [false, false, false, true, true]),
            ("both", Some("00u1"), Some("s1"), [false, true, false, true, true]),
            ("a session of nobody", None, Some("s3"), [true; 5]),
            ("somebody else", Some("00u2"), Some("s1"), [true; 5]),
        ];
        for (case, subject, sid, expected) in cases {
            for world in world().await {
                let sessions = sessions_of_ada(&world).await;
                let count = log_out(&world, world.connection, ("j1", subject, sid)).await.unwrap();
                assert_eq!(are_live(&world, &sessions).await, expected, "{case} on {}", world.engine());
                let entries = world.entries("session.ended").await;
                assert_eq!(count, expected.iter().filter(|live| !**live).count(), "{case}");
                assert!(entries.len() == count && entries.iter().all(|entry| entry["by"] == "provider"), "{case}");
            }
        }
    }

    #[tokio::test]
    async fn a_logout_token_works_once() {
        for world in world().await {
            let _ = sessions_of_ada(&world).await;
            assert_eq!(log_out(&world, world.connection, ("j1", None, Some("s1"))).await.unwrap(), 1);
            let again = log_out(&world, world.connection, ("j1", None, Some("s2"))).await;
            assert!(matches!(again, Err(UpstreamLogoutError::Replayed)), "{}", world.engine());
            assert_eq!(log_out(&world, world.connection, ("j2", None, Some("s1"))).await.unwrap(), 0, "ended before");
        }
    }

    #[tokio::test]
    async fn a_session_that_goes_on_as_another_one_is_found_by_the_same_name() {
        for world in world().await {
            let (before, _) = session(&world, Some(world.connection), Some("s1")).await;
            let op = world.op();
            let write = world.store().write(move |tx| {
                Ok::<_, StoreError>(sessions::go_on(tx, &op, &before, before.session_epoch, LIMITS)?.unwrap())
            });
            let token = write.await.unwrap();
            assert_eq!(log_out(&world, world.connection, ("j1", None, Some("s1"))).await.unwrap(), 1);
            let op = world.op();
            let found = world.store().read(move |tx| sessions::find_live(tx, &op, &token, LIMITS)).await.unwrap();
            assert!(found.is_none(), "{}", world.engine());
        }
    }
}
