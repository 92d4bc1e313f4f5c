//! The store: every query of the gateway, on SQLite and on PostgreSQL, and the transactions they run in.
//!
//! Owns tables, constraints and durability; refuses to know rules. One file per family of tables. Nothing outside
//! this ring names diesel; callers pass a [`Tx`] on. Depends on `values` only.

#[macro_use]
mod on_engine;

pub mod accounts;
pub mod activations;
pub mod admin_tokens;
pub mod applications;
pub mod arrivals;
pub mod assertions;
pub mod asynchronous_requests;
pub mod attempts;
pub mod audit_entries;
pub mod authorization_codes;
pub mod break_glass;
pub mod carried_roles;
pub mod cases;
pub mod certificate_warnings;
pub mod columns;
pub mod condition;
mod condition_text;
pub mod connection;
pub mod connection_policies;
pub mod connection_routes;
pub mod connections;
pub mod constraint;
pub mod containing_groups;
pub mod credential_schema;
pub mod credentials;
mod deadline;
pub mod devices;
pub mod domain_schema;
pub mod domains;
pub(in crate::store) mod dynamic;
mod executor;
pub mod expiry;
pub mod failure;
pub mod former_addresses;
pub mod grants;
pub mod group_roles;
pub mod identities;
pub mod jobs;
mod kept;
pub mod link_requests;
pub mod mail_proofs;
pub mod members;
pub mod memberships;
pub mod metadata_sources;
pub mod mfa_policies;
pub mod migration;
pub mod newcomer_counts;
pub mod notice_counts;
pub mod order;
mod order_text;
pub mod organizations;
pub mod outbox;
pub mod passkey_challenges;
pub mod passkeys;
pub mod passwords;
pub mod people_schema;
pub mod policy_schema;
pub mod presented_users;
mod probe;
pub mod recovery_codes;
pub mod refresh_tokens;
mod relation_text;
pub mod relying_party_schema;
pub mod removals;
pub mod resource_counts;
pub mod resource_grams;
pub mod resource_holders;
pub mod resource_locks;
pub mod resource_search;
pub mod resource_standings;
pub mod resource_values;
pub mod resources;
pub mod saml_schema;
pub mod saml_sessions;
pub mod schema;
pub mod schema_scim;
pub mod scim_access_tokens;
pub mod scim_assignables;
pub mod scim_clearings;
pub mod scim_clients;
pub mod scim_credentials;
pub mod scim_events;
pub mod scim_exchanges;
pub mod scim_schemas;
#[cfg(test)]
pub mod scratch;
pub mod sealed_values;
pub mod sessions;
pub mod sign_outs;
pub mod signing_keys;
pub mod sso_policies;
pub mod surroundings;
pub mod totp_factors;
pub mod traces;
pub mod trigrams;
mod turn;
pub mod unique_values;
pub mod upstream_answers;
pub mod upstream_sessions;
mod waiting;
mod writer;

use std::time::Duration;

use connection::{AnyConnection, Location, Mode};
use dynamic::{DynamicQuery, Engine};
use executor::Executor;
use failure::StoreError;
use waiting::Waiting;
use writer::Writer;

/// An open transaction (in [`Store::write`]) or an open connection for reading (in [`Store::read`]).
pub struct Tx<'c> {
    connection: &'c mut AnyConnection,
    /// What waits for the next statement; nothing does outside a transaction on PostgreSQL.
    waiting: Option<Waiting>,
}

impl<'c> Tx<'c> {
    /// Statements on a connection, each sent by itself.
    pub(in crate::store) fn new(connection: &'c mut AnyConnection) -> Self {
        Self { connection, waiting: None }
    }

    /// The connection, for the queries of this ring. What waits is sent first.
    pub(in crate::store) fn connection(&mut self) -> &mut AnyConnection {
        if let Some(waiting) = &mut self.waiting {
            waiting.send(self.connection);
        }
        self.connection
    }

    /// Which engine it is. Sends nothing.
    pub(in crate::store) fn engine(&self) -> Engine {
        Engine::of(self.connection)
    }

    /// Executes a write whose outcome nobody asks for, at once or with the next statement (`waiting`).
    pub(in crate::store) fn write_along(&mut self, write: DynamicQuery) -> Result<(), StoreError> {
        match &mut self.waiting {
            Some(waiting) => waiting.add(self.connection, write),
            None => {
                write.execute(self.connection)?;
            }
        }
        Ok(())
    }

    /// The same statement, carrying what waits.
    pub(in crate::store) fn carrying(&mut self, statement: DynamicQuery) -> DynamicQuery {
        match &mut self.waiting {
            Some(waiting) => statement.carrying(waiting.take()),
            None => statement,
        }
    }
}

/// How the store is sized.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections for reading (SQLite) or for everything (PostgreSQL).
    pub pool_size: u32,
    /// How long a caller waits for its turn, and SQLite for another program that writes, before the caller hears
    /// [`StoreError::Unavailable`].
    pub wait: Duration,
    /// How long a statement may run: each on PostgreSQL, a search on SQLite.
    pub statement_time: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { pool_size: 8, wait: Duration::from_secs(2), statement_time: Duration::from_secs(10) }
    }
}

/// The database of this data center. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    executor: Executor,
    /// SQLite only: the one connection that writes.
    writer: Option<Writer>,
    /// Where a test counts what is asked for.
    #[cfg(test)]
    tally: Option<scratch::Tally>,
}

impl Store {
    /// Opens the store. Fails only for SQLite, whose file must be openable now; PostgreSQL may come up later.
    pub fn open(location: Location, settings: &Settings) -> Result<Self, StoreError> {
        let mode = if matches!(location, Location::Sqlite(_)) { Mode::Read } else { Mode::Write };
        let writer = match &location {
            Location::Sqlite(_) => Some(Writer::start(&location, settings)?),
            Location::Postgres(_) => None,
        };
        let pool = connection::pool(location, mode, settings);
        let executor = Executor::start(&pool, settings)?;
        Ok(Self {
            executor,
            writer,
            #[cfg(test)]
            tally: None,
        })
    }

    /// Runs `f` on a connection for reading. Each statement sees the newest commit.
    pub async fn read<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        #[cfg(test)]
        let f = scratch::Tally::counting(self.tally.clone(), |work| &mut work.reads, f);
        self.executor.run(f).await
    }

    /// Runs `f` in one transaction: committed when it returns `Ok`, rolled back otherwise, and answered after the
    /// commit is durable. An error comes out unchanged.
    pub async fn write<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        #[cfg(test)]
        let f = scratch::Tally::counting(self.tally.clone(), |work| &mut work.writes, f);
        match &self.writer {
            Some(writer) => writer.run(f).await,
            None => self.executor.run(move |tx| in_transaction(tx, f)).await,
        }
    }

    /// Asks the database for an answer on each way that requests take, and where a change could not be stored, whether one can be
    /// now; what `/health/ready` rests on.
    pub async fn ping(&self) -> Result<(), StoreError> {
        let Some(writer) = &self.writer else { return self.write(probe::require_writable).await };
        if writer.has_failed() {
            self.write(probe::write).await?;
            writer.forget_failure();
        } else {
            self.write(organizations::is_readable).await?;
        }
        self.read(organizations::is_readable).await
    }
}

/// One PostgreSQL transaction around `f`.
fn in_transaction<T, E: From<StoreError>>(
    tx: &mut Tx<'_>,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    use diesel::connection::TransactionManager as _;
    type Manager = <AnyConnection as diesel::Connection>::TransactionManager;
    Manager::begin_transaction(tx.connection).map_err(StoreError::from)?;
    tx.waiting = Some(Waiting::default());
    let outcome = f(tx);
    let mut waiting = tx.waiting.take().unwrap_or_default();
    let outcome = match outcome {
        Ok(value) => waiting.finish(tx.connection).map(|()| value).map_err(E::from),
        // What failed while it waited is why everything behind it did.
        Err(error) => Err(waiting.abandon().map_or(error, E::from)),
    };
    match outcome {
        Ok(value) => match Manager::commit_transaction(tx.connection) {
            Ok(()) => Ok(value),
            Err(error) => {
                let _ = Manager::rollback_transaction(tx.connection);
                Err(StoreError::from(error).into())
            }
        },
        Err(error) => {
            if let Err(failed) = Manager::rollback_transaction(tx.connection) {
                tracing::warn!(error = %failed, "a rollback failed");
            }
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use diesel::prelude::*;

    use super::schema::consumed_assertions as table;
    use super::{StoreError, Tx, scratch};
    use crate::store::constraint::Constraint;
    use crate::values::clock::Timestamp;
    use crate::values::ids::ConnectionId;

    fn insert(tx: &mut Tx<'_>, slot: &str) -> Result<(), StoreError> {
        diesel::sql_query(
            "INSERT INTO jobs (id, kind, slot, payload, state, run_at, attempts, created_at) VALUES ($1, 'test', $2, '{}', 'waiting', 0, 0, 0)",
        )
        .bind::<diesel::sql_types::Binary, _>(slot.as_bytes())
        .bind::<diesel::sql_types::Text, _>(slot)
        .execute(tx.connection())?;
        Ok(())
    }

    fn count(tx: &mut Tx<'_>) -> Result<i64, StoreError> {
        Ok(super::schema::jobs::table.count().get_result(tx.connection())?)
    }

    #[tokio::test]
    async fn a_failed_transaction_takes_nobody_along() {
        for scratch in scratch::all() {
            let store = &scratch.store;
            let writes = (0..40).map(|n| {
                store.write(move |tx| {
                    insert(tx, &format!("slot {n}"))?;
                    if n % 4 == 0 { Err(StoreError::Inconsistent("on purpose")) } else { Ok(n) }
                })
            });
            let results = futures_util::future::join_all(writes).await;
            assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 30, "{}", scratch.engine);
            assert_eq!(store.read(count).await.unwrap(), 30, "{}", scratch.engine);
        }
    }

    #[tokio::test]
    async fn a_unique_index_becomes_a_typed_conflict() {
        for scratch in scratch::all() {
            scratch.store.write(|tx| insert(tx, "one")).await.unwrap();
            let again = scratch
                .store
                .write(|tx| {
                    diesel::sql_query("UPDATE jobs SET id = id").execute(tx.connection())?;
                    diesel::sql_query(
                        "INSERT INTO jobs (id, kind, slot, payload, state, run_at, attempts, created_at) \
                         SELECT $1, kind, slot, payload, state, run_at, attempts, created_at FROM jobs",
                    )
                    .bind::<diesel::sql_types::Binary, _>(b"another".as_slice())
                    .execute(tx.connection())?;
                    Ok::<_, StoreError>(())
                })
                .await;
            assert!(matches!(again, Err(StoreError::Conflict(Constraint::JobSlot))), "{}: {again:?}", scratch.engine);
        }
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_transaction_only() {
        for scratch in scratch::all() {
            let failed = scratch.store.write(|_| -> Result<(), StoreError> { panic!("on purpose") }).await;
            assert!(matches!(failed, Err(StoreError::Internal(_))), "{}", scratch.engine);
            scratch.store.write(|tx| insert(tx, "after")).await.unwrap();
            assert_eq!(scratch.store.read(count).await.unwrap(), 1, "{}", scratch.engine);
        }
    }

    #[tokio::test]
    async fn sqlite_refuses_to_write_on_a_reading_connection() {
        let scratch = scratch::sqlite();
        assert!(scratch.store.read(|tx| insert(tx, "sneaked in")).await.is_err());
    }

    #[tokio::test]
    async fn ids_and_instants_come_back_as_they_went_in() {
        for scratch in scratch::all() {
            let id = ConnectionId::from_bytes(&[7; 16]).unwrap();
            let at = Timestamp::from_micros(1_700_000_000_123_456);
            let found = scratch
                .store
                .read(move |tx| {
                    let select = diesel::select((
                        id.into_sql::<diesel::sql_types::Binary>(),
                        at.into_sql::<diesel::sql_types::BigInt>(),
                    ));
                    Ok::<(ConnectionId, Timestamp), StoreError>(select.get_result(tx.connection())?)
                })
                .await;
            assert_eq!(found.unwrap(), (id, at), "{}", scratch.engine);
            let none = scratch.store.read(move |tx| {
                let found = table::table
                    .filter(table::connection_id.eq(id))
                    .select(table::expires_at)
                    .first::<Timestamp>(tx.connection());
                Ok::<_, StoreError>(found.optional()?)
            });
            assert_eq!(none.await.unwrap(), None);
        }
    }
}
