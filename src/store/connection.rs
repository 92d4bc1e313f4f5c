//! One connection type over the two engines, and the pools that hand connections out.
#![allow(missing_docs)] // the derive writes public items of its own

use std::time::Duration;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, ConnectionResult, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

/// A connection to either engine. Queries are written once, against [`MultiBackend`].
#[derive(diesel::MultiConnection)]
pub enum AnyConnection {
    /// SQLite, in this process.
    Sqlite(SqliteConnection),
    /// PostgreSQL, or an engine that speaks its protocol.
    Postgres(PgConnection),
}

/// The backend that row types and queries name.
pub type Backend = MultiBackend;

/// What a connection is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Reads; SQLite refuses a write on it.
    Read,
    /// Reads and writes.
    Write,
}

/// Where the database is: a path of a file, or a PostgreSQL URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// The path of an SQLite file.
    Sqlite(String),
    /// A `postgres://` URL.
    Postgres(String),
}

impl Location {
    /// Reads `sqlite:PATH` or `postgres://...`. Nothing else is taken for a path: SQLite would make a file of that name.
    pub fn parse(url: &str) -> Result<Self, UnknownLocation> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Postgres(url.to_owned()));
        }
        match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            None | Some("") => Err(UnknownLocation),
            Some(path) => Ok(Self::Sqlite(path.to_owned())),
        }
    }
}

/// The URL of a database is of no engine that the gateway knows, or names no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the database url is neither sqlite:PATH nor postgres://...")]
pub struct UnknownLocation;

#[derive(QueryableByName)]
struct Pragma {
    #[diesel(sql_type = diesel::sql_types::Text)]
    value: String,
}

/// What every SQLite connection runs with. `synchronous=FULL` keeps what was acknowledged through a power loss.
const SQLITE_SETTINGS: &str = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; \
     PRAGMA busy_timeout = 5000; PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; \
     PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864;";

/// Opens one connection with the settings of its engine, and reads the ones that durability rests on back.
pub fn open(location: &Location, mode: Mode) -> ConnectionResult<AnyConnection> {
    match location {
        Location::Sqlite(path) => {
            let mut connection = SqliteConnection::establish(path)?;
            let failed = |error: diesel::result::Error| diesel::ConnectionError::BadConnection(error.to_string());
            connection.batch_execute(SQLITE_SETTINGS).map_err(failed)?;
            for (query, wanted) in [
                ("SELECT CAST(journal_mode AS TEXT) AS value FROM pragma_journal_mode", "wal"),
                ("SELECT CAST(synchronous AS TEXT) AS value FROM pragma_synchronous", "2"),
                ("SELECT CAST(foreign_keys AS TEXT) AS value FROM pragma_foreign_keys", "1"),
            ] {
                let found: Pragma = diesel::sql_query(query).get_result(&mut connection).map_err(failed)?;
                if found.value != wanted {
                    let text = format!("sqlite did not take a setting: {query} gives {}, not {wanted}", found.value);
                    return Err(diesel::ConnectionError::BadConnection(text));
                }
            }
            if mode == Mode::Read {
                connection.batch_execute("PRAGMA query_only = ON").map_err(failed)?;
            }
            Ok(AnyConnection::Sqlite(connection))
        }
        Location::Postgres(url) => {
            let mut connection = PgConnection::establish(url)?;
            connection
                .batch_execute(
                    "SET statement_timeout = '10s'; SET lock_timeout = '5s'; SET client_min_messages = warning; \
                     SET idle_in_transaction_session_timeout = '30s'",
                )
                .map_err(|error| diesel::ConnectionError::BadConnection(error.to_string()))?;
            Ok(AnyConnection::Postgres(connection))
        }
    }
}

/// Opens and checks connections for a pool.
#[derive(Debug)]
pub struct Manager {
    location: Location,
    mode: Mode,
}

impl Manager {
    /// A manager for connections to `location`.
    pub fn new(location: Location, mode: Mode) -> Self {
        Self { location, mode }
    }
}

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = diesel::ConnectionError;

    fn connect(&self) -> Result<AnyConnection, Self::Error> {
        open(&self.location, self.mode)
    }

    fn is_valid(&self, _connection: &mut AnyConnection) -> Result<(), Self::Error> {
        Ok(())
    }

    fn has_broken(&self, connection: &mut AnyConnection) -> bool {
        if std::thread::panicking() {
            return true;
        }
        match connection {
            AnyConnection::Sqlite(_) => false,
            AnyConnection::Postgres(postgres) => {
                use diesel::connection::TransactionManager as _;
                type Manager = <PgConnection as diesel::Connection>::TransactionManager;
                Manager::is_broken_transaction_manager(postgres)
            }
        }
    }
}

/// Makes a pool that opens connections as they are needed and gives up on a caller after `wait`.
pub fn pool(location: Location, mode: Mode, size: u32, wait: Duration) -> r2d2::Pool<Manager> {
    r2d2::Pool::builder()
        .max_size(size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(wait)
        .error_handler(Box::new(LogPoolError))
        .build_unchecked(Manager::new(location, mode))
}

#[derive(Debug)]
struct LogPoolError;

impl r2d2::HandleError<diesel::ConnectionError> for LogPoolError {
    fn handle_error(&self, error: diesel::ConnectionError) {
        tracing::warn!(%error, "a database connection could not be opened");
    }
}
