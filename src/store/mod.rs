//! The store: every query of the gateway, on SQLite and on PostgreSQL, and the transactions they run in.
//!
//! Owns tables, constraints and durability; refuses to know rules. One file per family of tables. Nothing outside
//! this ring names diesel; callers pass a [`Tx`] on. Depends on `values` only.

pub mod columns;
pub mod connection;
pub mod constraint;
pub mod failure;
pub mod migration;
pub mod schema;
#[cfg(test)]
pub mod scratch;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use diesel::RunQueryDsl as _;
use tokio::sync::Semaphore;

use connection::{Connection, Location, Manager, Mode};
use failure::StoreError;
use writer::Writer;

/// An open transaction (in [`Store::write`]) or an open connection for reading (in [`Store::read`]).
pub struct Tx<'c> {
    connection: &'c mut Connection,
}

impl Tx<'_> {
    /// The connection, for the queries of this ring.
    pub(in crate::store) fn connection(&mut self) -> &mut Connection {
        self.connection
    }
}

/// How the store is sized.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Connections for reading (SQLite) or for everything (PostgreSQL).
    pub pool_size: u32,
    /// How long a caller waits for a connection before it hears [`StoreError::Unavailable`].
    pub wait: Duration,
}

/// The database of this data center. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: r2d2::Pool<Manager>,
    slots: Arc<Semaphore>,
    wait: Duration,
    /// SQLite only: the one connection that writes.
    writer: Option<Writer>,
}

impl Store {
    /// Opens the store. Fails only for SQLite, whose file must be openable now; PostgreSQL may come up later.
    pub fn open(location: Location, settings: &Settings) -> Result<Self, StoreError> {
        let mode = if matches!(location, Location::Sqlite(_)) { Mode::Read } else { Mode::Write };
        let writer = match &location {
            Location::Sqlite(_) => Some(Writer::start(location.clone())?),
            Location::Postgres(_) => None,
        };
        let pool = connection::pool(location, mode, settings.pool_size, settings.wait);
        let slots = Arc::new(Semaphore::new(usize::try_from(settings.pool_size).unwrap_or(1)));
        Ok(Self { pool, slots, wait: settings.wait, writer })
    }

    /// Runs `f` on a connection for reading. Each statement sees the newest commit.
    pub async fn read<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        self.on_pool(f).await
    }

    /// Runs `f` in one transaction: committed when it returns `Ok`, rolled back otherwise, and answered after the
    /// commit is durable. An error comes out unchanged.
    pub async fn write<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        match &self.writer {
            Some(writer) => writer.run(f).await,
            None => self.on_pool(move |tx| in_transaction(tx, f)).await,
        }
    }

    /// Asks the database for an answer; what `/health/ready` rests on.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|tx| {
            diesel::sql_query("SELECT 1").execute(tx.connection()).map_err(StoreError::from)?;
            Ok(())
        })
        .await
    }

    async fn on_pool<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let slot = tokio::time::timeout(self.wait, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else {
            return Err(StoreError::Unavailable("no database connection became free in time".to_owned()).into());
        };
        let pool = self.pool.clone();
        let work = move || {
            let _slot = slot;
            let mut connection = pool.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
            f(&mut Tx { connection: &mut connection })
        };
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result,
            Err(error) => Err(StoreError::Internal(format!("a transaction panicked: {error}")).into()),
        }
    }
}

/// One PostgreSQL transaction around `f`.
fn in_transaction<T, E: From<StoreError>>(
    tx: &mut Tx<'_>,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    use diesel::connection::TransactionManager as _;
    type Manager = <Connection as diesel::Connection>::TransactionManager;
    Manager::begin_transaction(tx.connection).map_err(StoreError::from)?;
    match f(tx) {
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
