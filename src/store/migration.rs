//! Bringing a database to the schema of this program, and refusing one that is newer.

use diesel::connection::SimpleConnection as _;
use diesel::{PgConnection, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::Settings;
use super::connection::{self, AnyConnection, Location, Mode};
use super::failure::StoreError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");
/// The key of the lock that keeps two nodes from migrating one PostgreSQL at once ("causeway").
const LOCK: &str = "SELECT pg_advisory_lock(7161400843562871137)";
const UNLOCK: &str = "SELECT pg_advisory_unlock(7161400843562871137)";

/// Runs the migrations that are missing and returns their names. A database that knows a migration which this
/// program does not know is refused: an older program must not run on a newer schema.
pub fn run(location: &Location) -> Result<Vec<String>, StoreError> {
    let opened = connection::open(location, Mode::Write, &Settings::default());
    let mut connection = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    match &mut connection {
        AnyConnection::Sqlite(sqlite) => run_sqlite(sqlite),
        AnyConnection::Postgres(postgres) => {
            postgres.batch_execute("SET lock_timeout = 0; SET statement_timeout = 0")?;
            postgres.batch_execute(LOCK)?;
            let done = run_postgres(postgres);
            postgres.batch_execute(UNLOCK)?;
            done
        }
    }
}

/// Refuses a database whose schema is not this program's: one that is newer, or one that lacks a migration. For a
/// start that does not migrate.
pub fn check(location: &Location, settings: &Settings) -> Result<(), StoreError> {
    let opened = connection::open(location, Mode::Write, settings);
    let mut connection = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
    let pending = match &mut connection {
        AnyConnection::Sqlite(sqlite) => {
            let known = names(diesel::migration::MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE))?;
            missing(&known, sqlite.applied_migrations().map_err(internal)?)?
        }
        AnyConnection::Postgres(postgres) => {
            let known = names(diesel::migration::MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES))?;
            missing(&known, postgres.applied_migrations().map_err(internal)?)?
        }
    };
    match pending {
        Some(version) => Err(StoreError::Internal(format!(
            "the database lacks migration {version}: run `causeway migrate`, or set database.migrate_on_start"
        ))),
        None => Ok(()),
    }
}

/// A migration that the program has and the database has not, after one that is the other way round is refused.
fn missing<V: ToString>(known: &[String], applied: Vec<V>) -> Result<Option<String>, StoreError> {
    let applied: Vec<String> = applied.iter().map(ToString::to_string).collect();
    refuse_newer(known, applied.iter().collect())?;
    Ok(known.iter().find(|version| !applied.contains(version)).cloned())
}

fn run_sqlite(connection: &mut SqliteConnection) -> Result<Vec<String>, StoreError> {
    let known = names(diesel::migration::MigrationSource::<diesel::sqlite::Sqlite>::migrations(&SQLITE))?;
    refuse_newer(&known, connection.applied_migrations().map_err(internal)?)?;
    let done = connection.run_pending_migrations(SQLITE).map_err(internal)?;
    Ok(done.iter().map(ToString::to_string).collect())
}

fn run_postgres(connection: &mut PgConnection) -> Result<Vec<String>, StoreError> {
    let known = names(diesel::migration::MigrationSource::<diesel::pg::Pg>::migrations(&POSTGRES))?;
    refuse_newer(&known, connection.applied_migrations().map_err(internal)?)?;
    let done = connection.run_pending_migrations(POSTGRES).map_err(internal)?;
    Ok(done.iter().map(ToString::to_string).collect())
}

type Migrations<DB> = diesel::migration::Result<Vec<Box<dyn diesel::migration::Migration<DB>>>>;

fn names<DB: diesel::backend::Backend>(migrations: Migrations<DB>) -> Result<Vec<String>, StoreError> {
    Ok(migrations.map_err(internal)?.iter().map(|migration| migration.name().version().to_string()).collect())
}

fn refuse_newer<V: ToString>(known: &[String], applied: Vec<V>) -> Result<(), StoreError> {
    match applied.iter().map(ToString::to_string).find(|version| !known.contains(version)) {
        Some(version) => Err(StoreError::Internal(format!(
            "the database has migration {version}, which this program does not know: it was used by a newer version"
        ))),
        None => Ok(()),
    }
}

fn internal(error: Box<dyn std::error::Error + Send + Sync>) -> StoreError {
    StoreError::Internal(error.to_string())
}
