//! The one writer of an SQLite store. Transactions that wait for it share one commit, and so one fsync; each runs in
//! its own savepoint, so that one that fails takes nobody along. A caller is answered after the commit that holds
//! its change.

use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::SimpleConnection as _;
use tokio::sync::{mpsc, oneshot};

use super::Tx;
use super::connection::{self, AnyConnection, Location, Mode};
use super::failure::StoreError;

/// Transactions that may wait at most; one more is told to come back later.
const QUEUE: usize = 4096;
/// Transactions that share a commit at most, which bounds how long the first of them waits.
const GROUP: usize = 128;

/// What is left to do for a transaction once its group's commit succeeded or failed.
type Settle = Box<dyn FnOnce(Result<(), String>) + Send>;
/// A transaction in the queue: runs in its savepoint, then says how to answer.
type Job = Box<dyn FnOnce(&mut AnyConnection) -> Settle + Send>;

/// The handle of the writer's thread; the thread ends when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Job>,
}

impl Writer {
    /// Opens the writing connection and starts its thread.
    pub(super) fn start(location: Location) -> Result<Self, StoreError> {
        let opened = connection::open(&location, Mode::Write);
        let mut connection = opened.map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let (queue, mut jobs) = mpsc::channel::<Job>(QUEUE);
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(first) = jobs.blocking_recv() {
                    run_group(&mut connection, first, &mut jobs);
                }
            })
            .map_err(|error| StoreError::Internal(error.to_string()))?;
        Ok(Self { queue })
    }

    /// Runs `f` in the next group and waits for its commit.
    pub(super) async fn run<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let result = in_savepoint(connection, f);
            Box::new(move |committed| {
                let result = match committed {
                    Ok(()) => result,
                    Err(text) => result.and_then(|_| Err(StoreError::Unavailable(text).into())),
                };
                // The caller may have gone away; its change stands all the same.
                let _ = answer.send(result);
            })
        });
        if self.queue.try_send(job).is_err() {
            return Err(StoreError::Unavailable("too many transactions wait".to_owned()).into());
        }
        match answered.await {
            Ok(result) => result,
            Err(_) => Err(StoreError::Internal("the writer dropped a transaction".to_owned()).into()),
        }
    }
}

fn run_group(connection: &mut AnyConnection, first: Job, jobs: &mut mpsc::Receiver<Job>) {
    let begun = connection.batch_execute("BEGIN IMMEDIATE");
    let mut settles = Vec::new();
    let mut next = Some(first);
    while let Some(job) = next {
        settles.push(job(connection));
        next = if settles.len() < GROUP { jobs.try_recv().ok() } else { None };
    }
    let committed = begun.and_then(|()| connection.batch_execute("COMMIT")).map_err(|error| {
        tracing::error!(%error, transactions = settles.len(), "a group of transactions was not committed");
        let _ = connection.batch_execute("ROLLBACK");
        error.to_string()
    });
    for settle in settles {
        settle(committed.clone());
    }
}

fn in_savepoint<T, E: From<StoreError>>(
    connection: &mut AnyConnection,
    f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>,
) -> Result<T, E> {
    connection.batch_execute("SAVEPOINT transaction_of_group").map_err(StoreError::from)?;
    let outcome = catch_unwind(AssertUnwindSafe(|| f(&mut Tx { connection })));
    let result = outcome.unwrap_or_else(|_| Err(StoreError::Internal("a transaction panicked".to_owned()).into()));
    let end = match result {
        Ok(_) => "RELEASE transaction_of_group",
        Err(_) => "ROLLBACK TO transaction_of_group; RELEASE transaction_of_group",
    };
    match (connection.batch_execute(end), result) {
        (Err(error), Ok(_)) => Err(StoreError::from(error).into()),
        (_, result) => result,
    }
}
