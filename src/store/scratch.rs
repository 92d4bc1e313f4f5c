//! Databases for unit tests: an SQLite file and a database of a temporary PostgreSQL cluster, both migrated.
//! The cluster belongs to the test process: it ends, and its directory goes, when the process does
//! (`conformance/setup/postgres.sh`).

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use diesel::connection::{InstrumentationEvent, SimpleConnection as _};
use diesel::prelude::*;
use tempfile::TempDir;

use super::connection::{self, AnyConnection, Location, Mode};
use super::failure::StoreError;
use super::memberships::{self, MembershipRow};
use super::schema::memberships as membership_table;
use super::{Settings, Store, Tx, migration};

/// A store and what keeps it alive.
pub struct Scratch {
    /// The migrated, empty store.
    pub store: Store,
    /// "sqlite" or "postgres", for messages of failed tests.
    pub engine: &'static str,
    _directory: Option<TempDir>,
}

const SETTINGS: Settings =
    Settings { pool_size: 4, wait: Duration::from_secs(10), statement_time: Duration::from_secs(10) };

/// One fresh store per engine. Every test of a query runs over all of them.
pub fn all() -> Vec<Scratch> {
    vec![sqlite(), postgres()]
}

/// A fresh SQLite store.
pub fn sqlite() -> Scratch {
    static MIGRATED: OnceLock<Vec<u8>> = OnceLock::new();
    let place = |directory: &TempDir| directory.path().join("causeway.db").to_str().unwrap().to_owned();
    let migrated = MIGRATED.get_or_init(|| {
        let first = tempfile::tempdir().unwrap();
        migration::run(&Location::Sqlite(place(&first))).unwrap();
        std::fs::read(place(&first)).unwrap()
    });
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(place(&directory), migrated).unwrap();
    let location = Location::Sqlite(place(&directory));
    Scratch { store: Store::open(location, &SETTINGS).unwrap(), engine: "sqlite", _directory: Some(directory) }
}

/// A fresh PostgreSQL store.
pub fn postgres() -> Scratch {
    static MIGRATED: OnceLock<()> = OnceLock::new();
    static NEXT: AtomicU32 = AtomicU32::new(0);
    MIGRATED.get_or_init(|| migration::run(&create_database("migrated", "")).map(drop).unwrap());
    let name = format!("scratch_{}", NEXT.fetch_add(1, Ordering::Relaxed));
    let location = create_database(&name, " TEMPLATE migrated");
    Scratch { store: Store::open(location, &SETTINGS).unwrap(), engine: "postgres", _directory: None }
}

/// Makes a database in the cluster of this process.
fn create_database(name: &str, how: &str) -> Location {
    static CLUSTER: OnceLock<(Child, String)> = OnceLock::new();
    let (_, admin_url) = CLUSTER.get_or_init(start_cluster);
    let mut connection = connection::open(&Location::Postgres(admin_url.clone()), Mode::Write, &SETTINGS).unwrap();
    connection.batch_execute(&format!("CREATE DATABASE {name}{how}")).unwrap();
    let (server, _) = admin_url.rsplit_once('/').unwrap();
    Location::Postgres(format!("{server}/{name}"))
}

/// Begins `later` while the transaction of `first` is open, which ends when `later` waits for it, or is done without having
/// waited. On SQLite, where one writes at a time, `later` comes after it.
pub async fn overlap<A: Send + 'static, B>(
    store: &Store,
    first: impl FnOnce(&mut Tx<'_>) -> Result<A, StoreError> + Send + 'static,
    later: impl Future<Output = B>,
) -> (A, B) {
    interleave(store, first, |_, made| Ok(made), later).await
}

/// As [`overlap`], and the transaction of `first` goes on with `rest` then, with `later` still open where it waits.
pub async fn interleave<A, B, C: Send + 'static>(
    store: &Store,
    first: impl FnOnce(&mut Tx<'_>) -> Result<A, StoreError> + Send + 'static,
    rest: impl FnOnce(&mut Tx<'_>, A) -> Result<C, StoreError> + Send + 'static,
    later: impl Future<Output = B>,
) -> (C, B) {
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let is_done = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&is_done);
    let held = store.write(move |tx| {
        let made = first(tx)?;
        begun.send(()).expect("somebody waits for this");
        while !seen.load(Ordering::Acquire) && !is_anybody_held_up(tx)? {}
        rest(tx, made)
    });
    let later = async {
        has_begun.await.expect("the first has done its part");
        let answer = later.await;
        is_done.store(true, Ordering::Release);
        answer
    };
    let (made, answer) = tokio::join!(held, later);
    (made.unwrap(), answer)
}

/// True when a transaction waits for another one of the same database, and on SQLite, where it does so out of sight.
fn is_anybody_held_up(tx: &mut Tx<'_>) -> Result<bool, StoreError> {
    #[derive(diesel::QueryableByName)]
    struct Found {
        #[diesel(sql_type = diesel::sql_types::Bool)]
        is_held_up: bool,
    }
    let text = "SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND pid IN (SELECT pid FROM pg_locks \
                WHERE database = (SELECT oid FROM pg_database WHERE datname = current_database()))) AS is_held_up";
    match tx.connection() {
        AnyConnection::Sqlite(_) => Ok(true),
        AnyConnection::Postgres(postgres) => Ok(diesel::sql_query(text).get_result::<Found>(postgres)?.is_held_up),
    }
}

/// Writes what an account is in an organization, whatever it was before, and whether it was anything.
pub fn put_membership(tx: &mut Tx<'_>, row: &MembershipRow) -> Result<(), StoreError> {
    memberships::delete(tx, row.account_id, row.org_id)?;
    diesel::insert_into(membership_table::table).values(row).execute(tx.connection())?;
    Ok(())
}

/// What a store was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Work {
    /// Calls of [`Store::read`].
    pub reads: usize,
    /// Calls of [`Store::write`]: transactions.
    pub writes: usize,
    /// Queries in both.
    pub queries: usize,
}

/// Counts what a store is asked for. Clones share the count.
#[derive(Clone, Default)]
pub struct Tally(Arc<Mutex<Work>>);

impl Tally {
    /// What was asked for since the last time.
    pub fn take(&self) -> Work {
        std::mem::take(&mut *self.0.lock().unwrap())
    }

    /// `f`, which counts one more of `kind` and its queries when it runs.
    pub(super) fn counting<T, E>(
        tally: Option<Self>,
        kind: fn(&mut Work) -> &mut usize,
        f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static {
        move |tx: &mut Tx<'_>| {
            let Some(tally) = tally else { return f(tx) };
            let (done, queries) = count_queries(tx, f);
            let mut work = tally.0.lock().unwrap();
            *kind(&mut work) += 1;
            work.queries += queries;
            done
        }
    }
}

impl Store {
    /// The same store, and the count of what is asked of it this way.
    pub fn counted(&self) -> (Self, Tally) {
        let tally = Tally::default();
        (Self { tally: Some(tally.clone()), ..self.clone() }, tally)
    }
}

/// How many queries `work` sends.
pub fn count_queries<T>(tx: &mut Tx<'_>, work: impl FnOnce(&mut Tx<'_>) -> T) -> (T, usize) {
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&count);
    let note = move |event: InstrumentationEvent<'_>| {
        if matches!(event, InstrumentationEvent::StartQuery { .. }) {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    };
    match tx.connection() {
        AnyConnection::Sqlite(sqlite) => sqlite.set_instrumentation(note),
        AnyConnection::Postgres(postgres) => postgres.set_instrumentation(note),
    }
    let done = work(tx);
    match tx.connection() {
        AnyConnection::Sqlite(sqlite) => sqlite.set_instrumentation(None::<fn(InstrumentationEvent<'_>)>),
        AnyConnection::Postgres(postgres) => postgres.set_instrumentation(None::<fn(InstrumentationEvent<'_>)>),
    }
    (done, count.load(Ordering::Relaxed))
}

/// How many rows of these tables a transaction of PostgreSQL has changed or locked.
pub fn locked_rows(tx: &mut Tx<'_>, tables: &[&str]) -> i64 {
    #[derive(diesel::QueryableByName)]
    struct Locked {
        #[diesel(sql_type = diesel::sql_types::BigInt)]
        rows: i64,
    }
    let count =
        |table: &&str| format!("SELECT count(*) AS rows FROM {table} WHERE xmax = CAST(pg_current_xact_id() AS xid)");
    let counts: Vec<String> = tables.iter().map(count).collect();
    let text = format!("SELECT CAST(sum(rows) AS BIGINT) AS rows FROM ({}) counted", counts.join(" UNION ALL "));
    diesel::sql_query(text).get_result::<Locked>(tx.connection()).unwrap().rows
}

/// Starts a cluster and answers the URL of its first database. The script that holds it waits for the end of its
/// standard input, which comes when this process ends, however it ends.
fn start_cluster() -> (Child, String) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/conformance/setup/postgres.sh");
    let mut child = Command::new(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the script starts a PostgreSQL cluster");
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let url = line.trim().strip_prefix("READY ").expect("the PostgreSQL cluster of the tests started").to_owned();
    (child, url)
}
