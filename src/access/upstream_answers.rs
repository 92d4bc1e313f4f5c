//! What an identity provider said of somebody who is on the way back to the gateway with it. It counts until they arrive, and
//! no longer once the provider has said that they signed out there.
//!
//! Of an OpenID provider it is a row of its own, which goes when they arrive; of a SAML provider the one that then stays with
//! the session ([`super::saml_sessions`]). Whoever takes an answer back does so before looking for sessions: an arrival that
//! is being written down at that moment is waited for, so that either its session is found or it finds no answer.

use super::identity::AssertedIdentity;
use super::sessions::Session;
use crate::store::failure::StoreError;
use crate::store::upstream_answers::{self as rows, UpstreamAnswerRow};
use crate::store::{Tx, saml_sessions};
use crate::values::ids::{AccountId, AttemptId, ConnectionId};
use crate::values::secret::TokenHash;

/// Keeps what an OpenID provider said of `account`.
pub fn remember(
    tx: &mut Tx<'_>,
    attempt: AttemptId,
    asserted: &AssertedIdentity,
    account: AccountId,
) -> Result<(), StoreError> {
    let row = UpstreamAnswerRow {
        attempt_id: attempt,
        org_id: asserted.organization,
        connection_id: asserted.connection,
        account_id: account,
        sid_hash: asserted.upstream_session.as_deref().map(|sid| TokenHash::of(sid).as_bytes().to_vec()),
    };
    rows::insert(tx, &row)
}

/// True when what was said through the connection still counts, which it then does until this transaction ends.
pub fn counts_for_update(tx: &mut Tx<'_>, attempt: AttemptId, connection: ConnectionId) -> Result<bool, StoreError> {
    Ok(saml_sessions::is_kept_for_update(tx, attempt, connection)?
        || rows::is_kept_for_update(tx, attempt, connection)?)
}

/// This session came of it.
pub fn bind(
    tx: &mut Tx<'_>,
    attempt: AttemptId,
    connection: ConnectionId,
    session: &Session,
) -> Result<(), StoreError> {
    saml_sessions::bind(tx, (attempt, connection), session.id, session.expires_at)?;
    rows::forget(tx, attempt)
}

/// No session comes of it.
pub fn forget(tx: &mut Tx<'_>, attempt: AttemptId) -> Result<(), StoreError> {
    saml_sessions::forget(tx, attempt)?;
    rows::forget(tx, attempt)
}

#[cfg(test)]
mod tests {
    use super::{bind, counts_for_update, forget, remember};
    use crate::access::attempts::state::Identified;
    use crate::access::identity::AssertedIdentity;
    use crate::access::sessions::{self, Limits};
    use crate::access::testing::{by_password, world};
    use crate::store::failure::StoreError;
    use crate::store::upstream_answers as rows;
    use crate::values::secret::TokenHash;

    #[tokio::test]
    async fn an_answer_counts_for_its_connection_and_the_last_one_alone() {
        for world in world().await {
            let (attempt, _) = world.depart(world.connection).await;
            let (ada, organization) = (world.ada, world.organization);
            let (connection, other) = (world.connection, world.other_connection);
            let said =
                ["s1", "s2"].map(|sid| AssertedIdentity { upstream_session: Some(sid.to_owned()), ..world.asserted() });
            let write = world.store().write(move |tx| {
                for asserted in &said {
                    remember(tx, attempt, asserted, ada)?;
                }
                rows::forget_of_session(tx, organization, connection, &TokenHash::of("s1"))?;
                let counts = [counts_for_update(tx, attempt, connection)?, counts_for_update(tx, attempt, other)?];
                rows::forget_of_session(tx, organization, connection, &TokenHash::of("s2"))?;
                Ok::<_, StoreError>((counts, counts_for_update(tx, attempt, connection)?))
            });
            assert_eq!(write.await.unwrap(), ([true, false], false), "{}", world.engine());
        }
    }

    #[tokio::test]
    async fn an_answer_counts_until_a_session_comes_of_it_or_none_does() {
        for world in world().await {
            let (op, asserted) = (world.op(), world.asserted());
            let (connection, organization, account) = (world.connection, world.organization, world.ada);
            let (arriving, refused) = (world.depart(connection).await.0, world.depart(connection).await.0);
            let write = world.store().write(move |tx| {
                for attempt in [arriving, refused] {
                    remember(tx, attempt, &asserted, account)?;
                    assert!(counts_for_update(tx, attempt, connection)?);
                }
                let who = Identified { connection: Some(connection), ..by_password(tx, &op, organization, account)? };
                let limits = Limits { idle_seconds: 3_600, absolute_seconds: 36_000 };
                let (session, _) = sessions::start(tx, &op, &who, limits)?;
                bind(tx, arriving, connection, &session)?;
                forget(tx, refused)?;
                Ok::<_, StoreError>([arriving, refused].map(|attempt| counts_for_update(tx, attempt, connection)))
            });
            let [arrived, refused] = write.await.unwrap();
            assert!(!arrived.unwrap() && !refused.unwrap(), "{}", world.engine());
        }
    }
}
