//! One connection type over the two engines, and the pools that hand connections out.
#![allow(missing_docs)] // the derive writes public items of its own

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;

use diesel::connection::SimpleConnection;
use diesel::{Connection as _, ConnectionResult, PgConnection, QueryableByName, RunQueryDsl, SqliteConnection};

use super::{Settings, deadline};

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
     PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY; \
     PRAGMA wal_autocheckpoint = 2000; PRAGMA journal_size_limit = 67108864;";

/// What every PostgreSQL connection runs with. A statement is planned once, for any value, and never as a walk through a
/// whole table or a join that reads all of one, because the plan of a table that was small stays in use while it grows
/// (decisions 0016 and 0017).
const POSTGRES_SETTINGS: &str = "SET lock_timeout = '5s'; SET client_min_messages = warning; \
     SET idle_in_transaction_session_timeout = '30s'; SET plan_cache_mode = force_generic_plan; SET jit = off; \
     SET enable_seqscan = off; SET enable_hashjoin = off; SET enable_mergejoin = off";

/// What the client library is asked for where the URL says nothing: a server that is gone without a word must not hold
/// a connection for the hours that TCP waits. Seconds, but for the last, which is in milliseconds.
const NETWORK_SETTINGS: [(&str, &str); 5] = [
    ("connect_timeout", "5"),
    ("keepalives_idle", "30"),
    ("keepalives_interval", "10"),
    ("keepalives_count", "3"),
    ("tcp_user_timeout", "30000"),
];

fn with_network_settings(url: &str) -> String {
    let mut whole = url.to_owned();
    for (name, value) in NETWORK_SETTINGS {
        let parameters = whole.split_once('?').map_or("", |(_, parameters)| parameters);
        if !parameters.split('&').any(|parameter| parameter.split('=').next() == Some(name)) {
            whole.push(if whole.contains('?') { '&' } else { '?' });
            for part in [name, "=", value] {
                whole.push_str(part);
            }
        }
    }
    whole
}

/// Opens one connection with the settings of its engine, and reads the ones that durability rests on back.
pub fn open(location: &Location, mode: Mode, settings: &Settings) -> ConnectionResult<AnyConnection> {
    match location {
        Location::Sqlite(path) => {
            make_private(path);
            let mut connection = SqliteConnection::establish(path)?;
            let failed = |error: diesel::result::Error| diesel::ConnectionError::BadConnection(error.to_string());
            // First, so that the others can wait for it too.
            let patience = format!("PRAGMA busy_timeout = {};", settings.wait.as_millis());
            connection.batch_execute(&patience).map_err(failed)?;
            connection.batch_execute(SQLITE_SETTINGS).map_err(failed)?;
            deadline::register(&connection).map_err(failed)?;
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
            let mut connection = PgConnection::establish(&with_network_settings(url))?;
            let statement = format!("SET statement_timeout = {}", settings.statement_time.as_millis());
            let failed = |error: diesel::result::Error| diesel::ConnectionError::BadConnection(error.to_string());
            connection.batch_execute(&statement).map_err(failed)?;
            connection.batch_execute(POSTGRES_SETTINGS).map_err(failed)?;
            speak_english(&mut connection).map_err(failed)?;
            Ok(AnyConnection::Postgres(connection))
        }
    }
}

/// Makes the file for the gateway's own user alone where there is none yet: people, hashes and sealed keys will be in it. SQLite gives
/// the files beside it the same mode. What stands in the way is SQLite's to say, and so is what is no path to it.
fn make_private(path: &str) {
    if path.starts_with(':') || path.starts_with("file:") {
        return;
    }
    let _ = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
}

/// What a server says is told apart by its words, where diesel has no kind for it ([`super::failure`]). Only a superuser, or whoever
/// was given the right, may choose the language; a server that goes on in another one is named in the log.
fn speak_english(connection: &mut PgConnection) -> diesel::QueryResult<()> {
    let text = "SELECT current_setting('lc_messages') AS value";
    let language = diesel::sql_query(text).get_result::<Pragma>(connection)?.value;
    let is_english = |name: &str| matches!(name, "" | "C" | "POSIX" | "C.UTF-8" | "C.utf8") || name.starts_with("en");
    if !is_english(&language) && connection.batch_execute("SET lc_messages = 'C'").is_err() {
        tracing::warn!(
            language,
            "the database's messages are not in English, and this user may not choose: lc_messages"
        );
    }
    Ok(())
}

/// Opens and checks connections for a pool.
#[derive(Debug)]
pub struct Manager {
    location: Location,
    mode: Mode,
    settings: Settings,
}

impl r2d2::ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = diesel::ConnectionError;

    fn connect(&self) -> Result<AnyConnection, Self::Error> {
        open(&self.location, self.mode, &self.settings)
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

/// Makes a pool that opens connections as they are needed and gives up on a caller who has waited.
pub fn pool(location: Location, mode: Mode, settings: &Settings) -> r2d2::Pool<Manager> {
    r2d2::Pool::builder()
        .max_size(settings.pool_size)
        .min_idle(Some(0))
        .test_on_check_out(false)
        .connection_timeout(settings.wait)
        .error_handler(Box::new(LogPoolError))
        .build_unchecked(Manager { location, mode, settings: settings.clone() })
}

#[derive(Debug)]
struct LogPoolError;

impl r2d2::HandleError<diesel::ConnectionError> for LogPoolError {
    fn handle_error(&self, error: diesel::ConnectionError) {
        tracing::warn!(%error, "a database connection could not be opened");
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::time::Duration;

    use super::{Location, Mode, Settings, open, with_network_settings};

    #[test]
    fn a_database_file_and_what_stands_beside_it_are_for_their_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("causeway.db");
        let location = Location::parse(&format!("sqlite:{}", path.display())).unwrap();
        let wait = Duration::from_secs(1);
        let settings = Settings { pool_size: 1, wait, statement_time: wait };
        let _connection = open(&location, Mode::Write, &settings).unwrap();
        let found = fs::read_dir(folder.path()).unwrap().map(|entry| {
            let entry = entry.unwrap();
            (entry.file_name().into_string().unwrap(), entry.metadata().unwrap().permissions().mode() & 0o777)
        });
        let mut found: Vec<_> = found.collect();
        found.sort();
        assert_eq!(found.first(), Some(&("causeway.db".to_owned(), 0o600)));
        assert!(found.iter().all(|(_, mode)| *mode == 0o600), "{found:?}");
    }

    #[test]
    fn what_the_url_says_about_the_network_stands_and_the_rest_is_added() {
        let bare = with_network_settings("postgres://u:p@db/causeway");
        assert!(bare.starts_with("postgres://u:p@db/causeway?connect_timeout=5&keepalives_idle=30&"), "{bare}");
        assert!(bare.ends_with("&tcp_user_timeout=30000"), "{bare}");
        let chosen = with_network_settings("postgres://db/causeway?sslmode=require&connect_timeout=9");
        assert!(chosen.contains("sslmode=require&connect_timeout=9&keepalives_idle=30"), "{chosen}");
        assert_eq!(chosen.matches("connect_timeout").count(), 1);
    }
}
