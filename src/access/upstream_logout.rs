//! A provider says that somebody's session there has ended (OpenID Connect Back-Channel Logout 1.0, 2.7): what it opened
//! here ends with it. A token that says so works once.
//!
//! What those sessions gave to applications ends too, save what was for offline use: "refresh tokens issued with the
//! offline_access property normally SHOULD NOT be revoked", for nobody asked to end that.

use super::sessions;
use crate::store::failure::StoreError;
use crate::store::{Tx, assertions, identities, upstream_answers, upstream_sessions};
use crate::values::clock::Timestamp;
use crate::values::ids::{AccountId, ConnectionId, OrganizationId, SessionId};
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
/// may have ended before. Who is on the way back from the provider does not arrive ([`super::upstream_answers`]).
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
    let Some(meant) = meant(tx, connection, said)? else { return Ok(0) };
    let mut ended = 0;
    for session in take_back(tx, (organization, connection), &meant)? {
        let is_new = sessions::end(tx, op, session, organization, &sessions::ended_by_provider(connection))?;
        ended += usize::from(is_new);
    }
    Ok(ended)
}

/// Whom a token means. A person who is named with a session: what is of it, and that of which the provider never said of which
/// session it is.
enum Meant {
    Session(TokenHash),
    Person(AccountId, Option<TokenHash>),
}

fn meant(tx: &mut Tx<'_>, connection: ConnectionId, said: &SaidLogout) -> Result<Option<Meant>, StoreError> {
    let sid = said.session.as_deref().map(TokenHash::of);
    match &said.subject {
        None => Ok(sid.map(Meant::Session)),
        Some(subject) => {
            let identity = identities::find(tx, connection, subject)?;
            Ok(identity.map(|identity| Meant::Person(identity.account_id, sid)))
        }
    }
}

/// Takes back what the provider said of people who have not arrived with it, and then tells the sessions that are meant.
fn take_back(
    tx: &mut Tx<'_>,
    (organization, connection): (OrganizationId, ConnectionId),
    meant: &Meant,
) -> Result<Vec<SessionId>, StoreError> {
    match meant {
        Meant::Session(sid) => {
            upstream_answers::forget_of_session(tx, organization, connection, sid)?;
            upstream_sessions::open(tx, organization, connection, sid)
        }
        Meant::Person(account, sid) => {
            upstream_answers::forget_of_account(tx, organization, connection, *account, sid.as_ref())?;
            let open = upstream_sessions::open_of_account(tx, organization, connection, *account)?;
            let is_meant = |known: &Option<Vec<u8>>| match (sid, known) {
                (Some(sid), Some(known)) => sid.as_bytes() == known.as_slice(),
                (Some(_), None) | (None, _) => true,
            };
            Ok(open.into_iter().filter(|(_, known)| is_meant(known)).map(|(session, _)| session).collect())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SaidLogout, UpstreamLogoutError, end};
    use crate::access::arrival::{Arrival, Presented, Terms, arrive};
    use crate::access::attempts::refusal::Refusal;
    use crate::access::attempts::state::Identified;
    use crate::access::grants::Lifetimes;
    use crate::access::identity::{self, AssertedIdentity};
    use crate::access::sessions::{self, Limits, Session};
    use crate::access::testing::{World, world};
    use crate::directory::accounts;
    use crate::store::failure::StoreError;
    use crate::store::{Tx, scratch};
    use crate::values::ids::{AttemptId, ConnectionId};
    use crate::values::operation::Operation;
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
        names: (&str, Option<&str>, Option<&str>),
    ) -> Result<usize, UpstreamLogoutError> {
        let (op, organization, said) = (world.op(), world.organization, said(world, names));
        world.store().write(move |tx| end(tx, &op, (organization, connection), &said)).await
    }

    fn said(world: &World, (id, subject, session): (&str, Option<&str>, Option<&str>)) -> SaidLogout {
        SaidLogout {
            id: id.to_owned(),
            ends_at: world.op().at.plus_seconds(360),
            subject: subject.map(str::to_owned),
            session: session.map(str::to_owned),
        }
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

    /// Ada's browser, which the provider has sent back with what it said of her and of this session there.
    async fn on_the_way_back(world: &World, sid: Option<&str>) -> (AttemptId, Presented) {
        let (attempt, handle) = world.depart(world.connection).await;
        let asserted = AssertedIdentity { upstream_session: sid.map(str::to_owned), ..world.asserted() };
        let op = world.op();
        let taken = world.store().write(move |tx| identity::accept(tx, &op, handle.expose(), &asserted));
        let arrival = Some(taken.await.unwrap().arrival);
        (attempt, Presented { binding: Secret::from("browser".to_owned()), session: None, arrival, device: None })
    }

    fn arriving(
        (attempt, presented): (AttemptId, Presented),
        op: Operation,
    ) -> impl FnOnce(&mut Tx<'_>) -> Result<Arrival, StoreError> {
        const LIFETIMES: Lifetimes =
            Lifetimes { code_seconds: 60, access_token_seconds: 600, refresh_token_seconds: 3_600 };
        let terms = Terms { session: LIMITS, lifetimes: LIFETIMES };
        move |tx| Ok(arrive(tx, &op, attempt, &presented, terms).unwrap())
    }

    /// Whether they get a session.
    async fn is_let_in(world: &World, coming: (AttemptId, Presented)) -> bool {
        let arriving = arriving(coming, world.op());
        match world.store().write(arriving).await.unwrap() {
            Arrival::SignedIn { .. } => true,
            Arrival::Refused { refusal: Refusal::Overtaken, .. } => false,
            other => panic!("{}: {other:?}", world.engine()),
        }
    }

    #[tokio::test]
    async fn who_signs_out_at_the_provider_on_the_way_back_from_it_does_not_arrive_and_nobody_else_is_kept() {
        let cases = [
            ("the session", None, Some("s1"), [false, true, true]),
            ("the person", Some("00u1"), None, [false, false, false]),
            ("both", Some("00u1"), Some("s1"), [false, true, false]),
            ("a session of nobody", None, Some("s3"), [true; 3]),
            ("somebody else", Some("00u2"), Some("s1"), [true; 3]),
        ];
        for (case, subject, sid, expected) in cases {
            for world in world().await {
                let mut coming = Vec::new();
                for named in [Some("s1"), Some("s2"), None] {
                    coming.push(on_the_way_back(&world, named).await);
                }
                log_out(&world, world.other_connection, ("j1", subject, sid)).await.unwrap();
                assert_eq!(log_out(&world, world.connection, ("j1", subject, sid)).await.unwrap(), 0);
                let mut let_in = Vec::new();
                for one in coming {
                    let_in.push(is_let_in(&world, one).await);
                }
                assert_eq!(let_in, expected, "{case} on {}", world.engine());
                let succeeded = world.entries("sign_in.succeeded").await.len();
                assert_eq!(succeeded, expected.iter().filter(|is_in| **is_in).count(), "{case}");
            }
        }
    }

    /// On PostgreSQL: neither sees what the other is about to write.
    #[tokio::test]
    async fn an_arrival_beside_a_logout_token_makes_no_session_that_outlives_it() {
        for (subject, sid) in [(None, Some("s1")), (Some("00u1"), None)] {
            for world in world().await {
                let arriving = arriving(on_the_way_back(&world, Some("s1")).await, world.op());
                let logout = log_out(&world, world.connection, ("j1", subject, sid));
                let (arrived, ended) = scratch::overlap(world.store(), arriving, logout).await;
                let Arrival::SignedIn { session_token, .. } = arrived else { panic!("not signed in: {arrived:?}") };
                let op = world.op();
                let live = world.store().read(move |tx| sessions::find_live(tx, &op, &session_token, LIMITS)).await;
                assert_eq!((ended.unwrap(), live.unwrap()), (1, None), "{}", world.engine());
            }
        }
    }

    #[tokio::test]
    async fn a_logout_token_beside_an_arrival_keeps_it_out() {
        for (subject, sid) in [(None, Some("s1")), (Some("00u1"), None)] {
            for world in world().await {
                let coming = on_the_way_back(&world, Some("s1")).await;
                let (op, on) = (world.op(), (world.organization, world.connection));
                let said = said(&world, ("j1", subject, sid));
                let ending = move |tx: &mut Tx<'_>| Ok(end(tx, &op, on, &said).unwrap());
                let (ended, is_in) = scratch::overlap(world.store(), ending, is_let_in(&world, coming)).await;
                assert_eq!((ended, is_in), (0, false), "{}", world.engine());
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
