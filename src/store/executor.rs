//! The threads that run transactions on pooled connections, so that no request ever waits for a database on a thread
//! that serves others. A thread that is busy takes the next transaction without going to sleep in between.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::Tx;
use super::connection::Manager;
use super::failure::StoreError;

/// Transactions that may wait at most; one more is told to come back later.
const QUEUE: usize = 4096;

type Pool = r2d2::Pool<Manager>;
type Job = Box<dyn FnOnce(&Pool) + Send>;

/// Where a transaction is: nobody runs it yet, a thread does, or its caller no longer waits.
const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;

/// The handle of the threads; they end when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Executor {
    queue: Sender<Job>,
    wait: Duration,
}

impl Executor {
    /// Starts `threads` threads over `pool`. A transaction that none of them takes within `wait` is not run at all.
    pub(super) fn start(pool: &Pool, threads: u32, wait: Duration) -> Result<Self, StoreError> {
        let (queue, jobs) = crossbeam_channel::bounded::<Job>(QUEUE);
        for number in 0..threads {
            let (pool, jobs): (Pool, Receiver<Job>) = (pool.clone(), jobs.clone());
            std::thread::Builder::new()
                .name(format!("store-{number}"))
                .spawn(move || jobs.iter().for_each(|job| job(&pool)))
                .map_err(|error| StoreError::Internal(error.to_string()))?;
        }
        Ok(Self { queue, wait })
    }

    /// Runs `f` on a connection and waits for what it returns.
    pub(super) async fn run<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, mut answered) = oneshot::channel();
        let place = Arc::new(AtomicU8::new(WAITING));
        let of_job = Arc::clone(&place);
        let job: Job = Box::new(move |pool| {
            if of_job.compare_exchange(WAITING, TAKEN, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                // The caller may have gone away; what was committed stands all the same.
                let _ = answer.send(on_connection(pool, f));
            }
        });
        if self.queue.try_send(job).is_err() {
            return Err(StoreError::Unavailable("too many transactions wait".to_owned()).into());
        }
        let result = match timeout(self.wait, &mut answered).await {
            Ok(result) => result,
            Err(_) if place.compare_exchange(WAITING, ABANDONED, Ordering::AcqRel, Ordering::Acquire).is_ok() => {
                return Err(StoreError::Unavailable("no database connection became free in time".to_owned()).into());
            }
            // It runs: its outcome must be known before it is told.
            Err(_) => answered.await,
        };
        result.unwrap_or_else(|_| Err(StoreError::Internal("a transaction was dropped".to_owned()).into()))
    }
}

fn on_connection<T, E: From<StoreError>>(pool: &Pool, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
    let run = || {
        let mut connection = pool.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        f(&mut Tx { connection: &mut connection })
    };
    let outcome = catch_unwind(AssertUnwindSafe(run));
    outcome.unwrap_or_else(|_| Err(StoreError::Internal("a transaction panicked".to_owned()).into()))
}
