//! A person looks at their own sessions and ends those that they do not want any more. What such a session gave to apps ends
//! with it, also what was for offline use: who ends a session elsewhere does not trust who holds it. A session that does not
//! reach the account (`sessions::reach`) sees and ends what is on behalf of its own organization, and nothing else.

use super::sessions::reach;
use super::sessions::{self, Limits, Session};
use crate::directory::{connections, organizations};
use crate::record::audit::{self, Action, Subject};
use crate::store::failure::StoreError;
use crate::store::{Tx, grants, sessions as rows};
use crate::values::clock::Timestamp;
use crate::values::ids::SessionId;
use crate::values::operation::{Actor, Operation};

use serde_json::json;

/// So many are shown.
const SHOWN: i64 = 100;

/// A session as its person sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSession {
    /// Its id.
    pub id: SessionId,
    /// The organization on whose behalf they signed in.
    pub organization: String,
    /// The connection through which they did; none for a password of their own.
    pub connection: Option<String>,
    /// When.
    pub since: Timestamp,
    /// When it was last used, to the minute.
    pub last_seen_at: Timestamp,
    /// It is the one in hand.
    pub is_this: bool,
}

/// The live sessions of the person of `session` that it reaches, the newest first.
pub fn list(tx: &mut Tx<'_>, op: &Operation, session: &Session, limits: Limits) -> Result<Vec<OwnSession>, StoreError> {
    let mut found = Vec::new();
    for other in live(tx, op, session, limits)? {
        let organization = organizations::find(tx, other.organization)?.map(|found| found.name).unwrap_or_default();
        let connection = match other.connection {
            Some(id) => connections::find(tx, id)?.map(|found| found.name),
            None => None,
        };
        found.push(OwnSession {
            id: other.id,
            organization,
            connection,
            since: other.created_at,
            last_seen_at: other.last_seen_at,
            is_this: other.id == session.id,
        });
    }
    Ok(found)
}

fn live(tx: &mut Tx<'_>, op: &Operation, session: &Session, limits: Limits) -> Result<Vec<Session>, StoreError> {
    let within = reach::of(tx, session)?.bound();
    let mut found = Vec::new();
    for row in rows::open_of_account(tx, session.account, within, op.at, SHOWN)? {
        let other = sessions::session(row)?;
        let standing = sessions::standing(tx, other.account, other.organization, other.way())?;
        if other.is_live(&standing, limits, op.at) {
            found.push(other);
        }
    }
    Ok(found)
}

/// Ends one of the person's sessions. One that is somebody else's, out of reach, or has ended, is left alone.
pub fn end_one(
    tx: &mut Tx<'_>,
    op: &Operation,
    session: &Session,
    limits: Limits,
    id: SessionId,
) -> Result<(), StoreError> {
    for other in live(tx, op, session, limits)?.into_iter().filter(|other| other.id == id) {
        end(tx, op, &other)?;
    }
    Ok(())
}

/// Ends all of the person's sessions that the one in hand reaches, but that one, however many there are, and every grant that was
/// not made in it, those for offline use and those whose session is over already included.
pub fn end_others(tx: &mut Tx<'_>, op: &Operation, session: &Session) -> Result<(), StoreError> {
    let op = &op.by(Actor::Person { account: session.account });
    let within = reach::of(tx, session)?.bound();
    let ended = rows::end_others(tx, session.account, within, session.id, op.at)?;
    let revoked = grants::revoke_others(tx, session.account, within, session.id, op.at)?;
    if ended == 0 && revoked == 0 {
        return Ok(());
    }
    let subject = Subject::new("account", session.account);
    let detail = json!({ "by": "person", "but": session.id, "sessions": ended, "grants": revoked });
    audit::write(tx, op, Some(session.organization), Action::SessionEnded, &subject, &detail)
}

fn end(tx: &mut Tx<'_>, op: &Operation, other: &Session) -> Result<(), StoreError> {
    let op = &op.by(Actor::Person { account: other.account });
    if rows::end(tx, other.id, op.at)? {
        let revoked = grants::revoke_of_session(tx, other.id, op.at)?;
        let subject = Subject::new("session", other.id);
        let detail = json!({ "by": "person", "grants": revoked });
        audit::write(tx, op, Some(other.organization), Action::SessionEnded, &subject, &detail)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{SHOWN, end_one, end_others, list};
    use crate::access::sessions::testing::guest_of_globex;
    use crate::access::sessions::{self, Limits, Session};
    use crate::access::testing::{World, by_password, world};
    use crate::directory::accounts;
    use crate::directory::profile::Profile;
    use crate::store::failure::StoreError;
    use crate::store::grants::{self, GrantRow};
    use crate::store::sessions as rows;
    use crate::values::ids::{AccountId, GrantId};
    use crate::values::operation::Role;
    use crate::values::secret::Secret;

    const LIMITS: Limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };

    async fn session(world: &World, account: AccountId) -> (Session, Secret) {
        let (op, organization) = (world.op(), world.organization);
        let write = world.store().write(move |tx| {
            let identified = by_password(tx, &op, organization, account)?;
            sessions::start(tx, &op, &identified, LIMITS)
        });
        write.await.unwrap()
    }

    async fn is_live(world: &World, token: &Secret) -> bool {
        let (op, token) = (world.op(), token.clone());
        world.store().read(move |tx| sessions::find_live(tx, &op, &token, LIMITS)).await.unwrap().is_some()
    }

    #[tokio::test]
    async fn a_person_sees_and_ends_their_own_sessions_and_nobody_elses() {
        for world in world().await {
            let (op, organization) = (world.op(), world.organization);
            let other = world
                .store()
                .write(move |tx| accounts::create(tx, &op, organization, &Profile::default(), Role::Member));
            let (first, first_token) = session(&world, world.ada).await;
            let (second, second_token) = session(&world, world.ada).await;
            let (_, third_token) = session(&world, world.ada).await;
            let (foreign, foreign_token) = session(&world, other.await.unwrap()).await;
            let (op, here) = (world.op(), first.clone());
            let seen = world.store().read(move |tx| list(tx, &op, &here, LIMITS)).await.unwrap();
            assert_eq!(seen.len(), 3, "{}", world.engine());
            assert_eq!(seen.iter().filter(|one| one.is_this).map(|one| one.id).collect::<Vec<_>>(), [first.id]);
            assert_eq!((seen[0].organization.as_str(), &seen[0].connection), ("Acme", &None));
            let (op, here) = (world.op(), first.clone());
            let write = world.store().write(move |tx| {
                end_one(tx, &op, &here, LIMITS, foreign.id)?;
                end_one(tx, &op, &here, LIMITS, second.id)
            });
            write.await.unwrap();
            let live = async || {
                let mut live = Vec::new();
                for token in [&first_token, &second_token, &third_token, &foreign_token] {
                    live.push(is_live(&world, token).await);
                }
                live
            };
            assert_eq!(live().await, [true, false, true, true], "{}", world.engine());
            let (op, here) = (world.op(), first.clone());
            world.store().write(move |tx| end_others(tx, &op, &here)).await.unwrap();
            assert_eq!(live().await, [true, false, false, true], "{}", world.engine());
            assert_eq!(world.entries("session.ended").await.len(), 2);
        }
    }

    /// However many there are, idle ones as well, and what was given for offline use by a session that is over.
    #[tokio::test]
    async fn ending_all_others_leaves_nothing_but_the_session_in_hand() {
        for world in world().await {
            let (old, _) = session(&world, world.ada).await;
            let (id, op) = (offline(&world, &old).await, world.op());
            let write = world.store().write(move |tx| rows::end(tx, old.id, op.at));
            assert!(write.await.unwrap());
            let (_, idle) = session(&world, world.ada).await;
            world.advance(LIMITS.idle_seconds - 1);
            for _ in 0..SHOWN {
                session(&world, world.ada).await;
            }
            let (here, here_token) = session(&world, world.ada).await;
            let op = world.op();
            world.store().write(move |tx| end_others(tx, &op, &here)).await.unwrap();
            assert!(!is_live(&world, &idle).await, "the one that is not among those shown");
            assert!(is_live(&world, &here_token).await);
            let op = world.op();
            let was_in_force = world.store().write(move |tx| grants::revoke(tx, id, op.at)).await.unwrap();
            assert!(!was_in_force, "{}", world.engine());
        }
    }

    /// A grant for offline use of a session of Ada's.
    async fn offline(world: &World, session: &Session) -> GrantId {
        let (op, application, session) = (world.op(), world.application, session.clone());
        let write = world.store().write(move |tx| {
            let row = GrantRow {
                id: op.new_id(),
                application_id: application,
                account_id: session.account,
                org_id: session.organization,
                session_id: session.id,
                session_epoch: session.session_epoch,
                scope: "openid offline_access".to_owned(),
                created_at: op.at,
                expires_at: op.at.plus_seconds(86_400),
                revoked_at: None,
            };
            grants::insert(tx, &row)?;
            Ok::<_, StoreError>(row.id)
        });
        write.await.unwrap()
    }

    async fn is_in_force(world: &World, grant: GrantId) -> bool {
        let read = world.store().read(move |tx| grants::find_standing(tx, grant)).await.unwrap().unwrap();
        read.grant.revoked_at.is_none()
    }

    /// Whoever runs the provider of Globex can make such a session whenever they like.
    #[tokio::test]
    async fn b9_c13_d7_a_guest_sees_and_ends_what_is_on_behalf_of_that_organization_alone() {
        for world in world().await {
            let (at_acme, acme_token) = session(&world, world.ada).await;
            let guest = guest_of_globex(&world, world.ada).await;
            let (other, other_token) = guest.signs_in_again(&world).await;
            let (third, third_token) = guest.signs_in_again(&world).await;
            let (of_acme, of_globex) = (offline(&world, &at_acme).await, offline(&world, &third).await);
            let seen = async |from: &Session| {
                let (op, from) = (world.op(), from.clone());
                let seen = world.store().read(move |tx| list(tx, &op, &from, LIMITS)).await.unwrap();
                let mut seen: Vec<_> = seen.into_iter().map(|own| own.organization).collect();
                seen.sort();
                seen
            };
            assert_eq!(seen(&guest.session).await, ["Globex"; 3], "{}", world.engine());
            assert_eq!(seen(&at_acme).await, ["Acme", "Globex", "Globex", "Globex"], "{}", world.engine());
            let (op, from, ids) = (world.op(), guest.session.clone(), [at_acme.id, other.id]);
            let write =
                world.store().write(move |tx| ids.into_iter().try_for_each(|id| end_one(tx, &op, &from, LIMITS, id)));
            write.await.unwrap();
            assert!(!is_live(&world, &other_token).await, "{}", world.engine());
            let (op, from) = (world.op(), guest.session.clone());
            world.store().write(move |tx| end_others(tx, &op, &from)).await.unwrap();
            assert!(is_live(&world, &guest.token).await && !is_live(&world, &third_token).await);
            assert!(is_live(&world, &acme_token).await, "{}", world.engine());
            let grants = (is_in_force(&world, of_acme).await, is_in_force(&world, of_globex).await);
            assert_eq!(grants, (true, false), "{}", world.engine());

            let op = world.op();
            world.store().write(move |tx| end_others(tx, &op, &at_acme)).await.unwrap();
            assert!(!is_live(&world, &guest.token).await, "{}: one's own ends everything", world.engine());
        }
    }

    #[tokio::test]
    async fn a_session_that_goes_on_has_another_token_and_the_same_end() {
        for world in world().await {
            let (session, token) = session(&world, world.ada).await;
            world.advance(100);
            let (op, before) = (world.op(), session.clone());
            let write = world.store().write(move |tx| {
                let token = sessions::go_on(tx, &op, &before, before.session_epoch, LIMITS)?.unwrap();
                let again = sessions::go_on(tx, &op, &before, before.session_epoch, LIMITS)?;
                assert!(again.is_none(), "what has ended does not go on");
                Ok::<_, StoreError>((sessions::find_live(tx, &op, &token, LIMITS)?.unwrap(), token))
            });
            let (after, new_token) = write.await.unwrap();
            assert!(!is_live(&world, &token).await && is_live(&world, &new_token).await);
            assert_eq!((after.expires_at, after.auth_time), (session.expires_at, session.auth_time));
            assert_ne!(after.id, session.id);
            assert_eq!(world.entries("session.ended").await.len(), 1, "{}", world.engine());
        }
    }
}
