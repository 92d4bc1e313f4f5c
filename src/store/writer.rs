//! The one writer of an SQLite store. Transactions that wait for it share one commit, and so one fsync; each runs in
//! its own savepoint, so that one that fails takes nobody along. A caller is answered after the commit that holds
//! its change.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use diesel::result::QueryResult;
use tokio::sync::{mpsc, oneshot};

use super::connection::{self, AnyConnection, Location, Mode};
use super::dynamic::DynamicQuery;
use super::failure::StoreError;
use super::turn::Turn;
use super::{Settings, Tx};

/// Transactions that may wait at most; one more is told to come back later.
const QUEUE: usize = 4096;
/// Transactions that share a commit at most, which bounds how long the first of them waits.
const MAX_GROUP: usize = 128;

/// What is left to do for a transaction once its group's commit succeeded or failed.
type Settle = Box<dyn FnOnce(Result<(), String>) + Send>;
/// A transaction in the queue: runs in its savepoint, then says how to answer and whether its group is still there.
/// Without a connection it is not run.
type Job = Box<dyn FnOnce(Option<&mut AnyConnection>) -> (Settle, Group) + Send>;

/// Whether the transaction that a group shares is still open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    /// It is.
    Open,
    /// The engine has rolled it back by itself, as it does when a write fails or the disk is full.
    Gone,
}

/// The handle of the writer's thread; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
    wait: Duration,
    /// A group could not be stored, and nobody has found out since that one can be.
    has_failed: Arc<AtomicBool>,
}

impl Writer {
    /// Opens the writing connection and starts its thread.
    pub(super) fn start(location: &Location, settings: &Settings) -> Result<Self, StoreError> {
        let opened = connection::open(location, Mode::Write, settings);
        let mut connection = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (queue, mut jobs) = mpsc::channel::<Job>(QUEUE);
        let has_failed = Arc::new(AtomicBool::new(false));
        let failed = Arc::clone(&has_failed);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(first) = jobs.blocking_recv() {
                    run_group(&mut connection, first, &mut jobs, &failed);
                }
            })
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        Ok(Self { queue, wait: settings.wait, has_failed })
    }

    /// True when a group could not be stored.
    pub(super) fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// A change could be stored since.
    pub(super) fn forget_failure(&self) {
        self.has_failed.store(false, Ordering::Release);
    }

    /// Runs `f` in the next group and waits for its commit. What no group takes in time is not run at all.
    pub(super) async fn run<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let turn = Turn::new();
        let of_job = turn.clone();
        let job: Job = Box::new(move |connection| {
            if !of_job.take() {
                let settle: Settle = Box::new(|_| ());
                return (settle, Group::Open);
            }
            let (result, group) = match connection {
                Some(connection) => in_savepoint(connection, f),
                None => (Err(StoreError::Unavailable("the database is locked".to_owned()).into()), Group::Gone),
            };
            let settle: Settle = Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result,
                    Err(text) => result.and_then(|_| Err(StoreError::Unavailable(text).into())),
                };
                // The caller may have gone away; its change stands all the same.
                let _ = answer.send(result);
            });
            (settle, group)
        });
        if self.queue.try_send(job).is_err() {
            return Err(StoreError::Unavailable("too many transactions wait".to_owned()).into());
        }
        turn.answer(answered, self.wait).await
    }
}

/// Runs what waits, up to [`MAX_GROUP`], in one transaction. When it cannot be begun, or the engine ends it by itself, what
/// waits is not run: a savepoint outside of a transaction would commit on its own. A group that is not
/// committed is noted before anybody is answered.
fn run_group(connection: &mut AnyConnection, first: Job, jobs: &mut mpsc::Receiver<Job>, has_failed: &AtomicBool) {
    if let Err(error) = say(connection, "BEGIN IMMEDIATE") {
        tracing::error!(%error, "a group of transactions could not be begun");
        // Who came meanwhile still waits, until its own time is over.
        let (settle, _) = first(None);
        has_failed.store(true, Ordering::Release);
        settle(Err(error.to_string()));
        return;
    }
    let mut settles = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next.take() {
        let (settle, group) = job(Some(connection));
        settles.push(settle);
        if group == Group::Open && settles.len() < MAX_GROUP {
            next = jobs.try_recv().ok();
        }
    }
    // Where the engine has rolled the group back, there is nothing to commit, and this fails for all of it.
    let committed = say(connection, "COMMIT").map_err(|error| {
        tracing::error!(%error, transactions = settles.len(), "a group of transactions was not committed");
        let _ = say(connection, "ROLLBACK");
        error.to_string()
    });
    if committed.is_err() {
        has_failed.store(true, Ordering::Release);
    }
    for settle in settles {
        settle(committed.clone());
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    connection: &mut AnyConnection,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> (Result<T, E>, Group) {
    if let Err(error) = say(connection, "SAVEPOINT transaction_of_group") {
        return (Err(StoreError::from(error).into()), Group::Gone);
    }
    let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut Tx::new(connection))));
    let result = outcome.unwrap_or_else(|_| Err(StoreError::Internal("a transaction panicked".to_owned()).into()));
    let undone = match result {
        Ok(_) => Ok(()),
        Err(_) => say(connection, "ROLLBACK TO transaction_of_group"),
    };
    match (undone.and_then(|()| say(connection, "RELEASE transaction_of_group")), result) {
        (Ok(()), result) => (result, Group::Open),
        (Err(error), Ok(_)) => (Err(StoreError::from(error).into()), Group::Gone),
        (Err(_), Err(error)) => (Err(error), Group::Gone),
    }
}

/// Each of the few words that begin and end something is prepared once.
fn say(connection: &mut AnyConnection, words: &'static str) -> QueryResult<()> {
    let mut statement = DynamicQuery::recurring();
    statement.sql(words);
    statement.execute(connection).map(drop)
}

#[cfg(test)]
mod tests {
    use diesel::RunQueryDsl as _;
    use diesel::connection::SimpleConnection as _;

    use crate::store::connection::{self, Location, Mode};
    use crate::store::failure::StoreError;
    use crate::store::{Settings, Store, Tx, jobs, migration};

    struct File {
        store: Store,
        location: Location,
        _directory: tempfile::TempDir,
    }

    fn file() -> File {
        let directory = tempfile::tempdir().unwrap();
        let location = Location::Sqlite(directory.path().join("causeway.db").to_str().unwrap().to_owned());
        migration::run(&location).unwrap();
        let wait = std::time::Duration::from_secs(1);
        let settings = Settings { pool_size: 2, wait, ..Settings::default() };
        File { store: Store::open(location.clone(), &settings).unwrap(), location, _directory: directory }
    }

    fn insert(tx: &mut Tx<'_>, slot: &str) -> Result<(), StoreError> {
        let text = format!(
            "INSERT INTO jobs (id, kind, slot, payload, state, run_at, attempts, created_at) \
             VALUES (CAST('{slot}' AS BLOB), 'test', '{slot}', '{{}}', 'waiting', 0, 0, 0)"
        );
        diesel::sql_query(text).execute(tx.connection())?;
        Ok(())
    }

    #[tokio::test]
    async fn what_is_told_to_have_failed_has_not_happened_when_the_file_is_locked() {
        let file = file();
        let mut other = connection::open(&file.location, Mode::Write, &Settings::default()).unwrap();
        other.batch_execute("BEGIN IMMEDIATE").unwrap();
        let refused = file.store.write(|tx| insert(tx, "locked out")).await;
        assert!(matches!(refused, Err(StoreError::Unavailable(_))), "{refused:?}");
        // The writer may still be about to give up: whoever comes now has all of its own time.
        let freed = async { other.batch_execute("ROLLBACK") };
        let (later, freed) = tokio::join!(file.store.write(|tx| insert(tx, "later")), freed);
        freed.unwrap();
        later.unwrap();
        assert_eq!(file.store.read(|tx| jobs::count(tx, "waiting")).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn while_the_file_is_locked_everybody_waits_as_long_as_one_and_the_store_says_that_it_is_not_ready() {
        let file = file();
        file.store.ping().await.unwrap();
        let mut other = connection::open(&file.location, Mode::Write, &Settings::default()).unwrap();
        other.batch_execute("BEGIN EXCLUSIVE").unwrap();
        let begun = std::time::Instant::now();
        let writes = (0..10).map(|n| file.store.write(move |tx| insert(tx, &format!("slot {n}"))));
        let (refused, ready) = tokio::join!(futures_util::future::join_all(writes), file.store.ping());
        assert!(refused.iter().all(|one| matches!(one, Err(StoreError::Unavailable(_)))), "{refused:?}");
        assert!(matches!(ready, Err(StoreError::Unavailable(_))), "{ready:?}");
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
        other.batch_execute("ROLLBACK").unwrap();
        file.store.write(|tx| insert(tx, "later")).await.unwrap();
        file.store.ping().await.unwrap();
        assert_eq!(file.store.read(|tx| jobs::count(tx, "waiting")).await.unwrap(), 1);
    }

    #[tokio::test]
    async fn when_the_engine_ends_a_group_nothing_of_it_is_stored_and_the_next_one_works() {
        let file = file();
        let lost = file.store.write(|tx| {
            insert(tx, "lost")?;
            // What SQLite does by itself when a write fails.
            tx.connection().batch_execute("ROLLBACK").map_err(StoreError::from)
        });
        let writes = (0..5).map(|n| file.store.write(move |tx| insert(tx, &format!("slot {n}"))));
        let (lost, others) = tokio::join!(lost, futures_util::future::join_all(writes));
        assert!(lost.is_err());
        let stored = others.iter().filter(|other| other.is_ok()).count();
        let count = file.store.read(|tx| jobs::count(tx, "waiting")).await.unwrap();
        assert_eq!(usize::try_from(count).unwrap(), stored, "{others:?}");
        file.store.write(|tx| insert(tx, "later")).await.unwrap();
    }
}
