//! Writes that tell nobody anything: in a transaction on PostgreSQL they wait for the statement that comes next and travel
//! with it, as parts of one statement (decision 0027). An audit entry, an event, a count: each alone costs a round trip that
//! nobody needs the answer of.
//!
//! What waits is sent before anything else is asked, so that every later statement sees it, and before the commit. What fails
//! fails the transaction with its own error, whatever becomes of the statements behind it. Writes that wait together do not
//! see each other: none may change a row that another one makes or changes.

use super::connection::AnyConnection;
use super::dynamic::DynamicQuery;
use super::failure::StoreError;

/// So many wait at most; one statement carries them.
const MOST: usize = 16;

/// What waits in a transaction.
#[derive(Debug, Default)]
pub(in crate::store) struct Waiting {
    writes: Vec<DynamicQuery>,
    failed: Option<StoreError>,
}

impl Waiting {
    /// Adds a write.
    pub(in crate::store) fn add(&mut self, connection: &mut AnyConnection, write: DynamicQuery) {
        if self.writes.len() >= MOST {
            self.send(connection);
        }
        self.writes.push(write);
    }

    /// Takes what waits out, for a statement that carries it.
    pub(in crate::store) fn take(&mut self) -> Vec<DynamicQuery> {
        std::mem::take(&mut self.writes)
    }

    /// Sends what waits, and keeps what went wrong: PostgreSQL refuses everything else in this transaction from then on.
    pub(in crate::store) fn send(&mut self, connection: &mut AnyConnection) {
        let Some(last) = self.writes.pop() else { return };
        if let Err(error) = last.carrying(self.take()).execute(connection) {
            self.failed.get_or_insert(error.into());
        }
    }

    /// Sends what waits, and tells what went wrong at any time.
    pub(in crate::store) fn finish(&mut self, connection: &mut AnyConnection) -> Result<(), StoreError> {
        self.send(connection);
        self.failed.take().map_or(Ok(()), Err)
    }

    /// Forgets what waits, because the transaction is given up, and tells what went wrong before.
    pub(in crate::store) fn abandon(&mut self) -> Option<StoreError> {
        self.writes.clear();
        self.failed.take()
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use crate::store::dynamic::DynamicQuery;
    use crate::store::failure::StoreError;
    use crate::store::{Tx, outbox, scratch};

    fn note(tx: &mut Tx<'_>, number: i64) -> Result<(), StoreError> {
        let mut query = DynamicQuery::recurring();
        query.sql("INSERT INTO outbox (id, event, payload, at) VALUES (").bytes(&number.to_be_bytes());
        query.sql(", 'test', '', ").integer(number).sql(")");
        tx.write_along(query)
    }

    #[tokio::test]
    async fn what_waits_is_seen_by_the_next_query_and_is_committed() {
        for scratch in scratch::all() {
            let engine = scratch.engine;
            let done = scratch.store.write(move |tx| {
                for number in 0..40 {
                    note(tx, number)?;
                }
                assert_eq!(outbox::count(tx)?, 40, "{engine}");
                note(tx, 40)
            });
            done.await.unwrap();
            assert_eq!(scratch.store.read(outbox::count).await.unwrap(), 41, "{engine}");
            scratch.store.read(|tx| note(tx, 41)).await.unwrap_or_default();
            let refused = scratch.store.write(|tx| {
                note(tx, 50)?;
                Err::<(), _>(StoreError::Inconsistent("on purpose"))
            });
            assert!(matches!(refused.await, Err(StoreError::Inconsistent("on purpose"))), "{engine}");
            let kept = scratch.store.read(outbox::count).await.unwrap();
            assert_eq!(kept, if engine == "postgres" { 42 } else { 41 }, "outside a transaction nothing waits");
        }
    }

    #[tokio::test]
    async fn what_fails_while_it_waits_fails_the_transaction_with_its_own_error() {
        for scratch in scratch::all() {
            let failed = scratch.store.write(|tx| {
                note(tx, 1)?;
                note(tx, 1)?;
                let seen: Result<Vec<i64>, _> =
                    crate::store::schema::outbox::table.select(crate::store::schema::outbox::at).load(tx.connection());
                seen.map_err(StoreError::from)
            });
            let failed = failed.await;
            assert!(
                matches!(&failed, Err(StoreError::Internal(text)) if text.contains("outbox") || text.contains("UNIQUE")),
                "{failed:?}"
            );
            let at_the_end = scratch.store.write(|tx| {
                note(tx, 2)?;
                note(tx, 2)
            });
            assert!(at_the_end.await.is_err(), "{}", scratch.engine);
            assert_eq!(scratch.store.read(outbox::count).await.unwrap(), 0, "{}", scratch.engine);
        }
    }
}
