//! The threads that run transactions on pooled connections, so that no request ever waits for a database on a thread
//! that serves others. A thread that is busy takes the next transaction without going to sleep in between.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};
use tokio::sync::oneshot;

use super::connection::Manager;
use super::failure::StoreError;
use super::turn::Turn;
use super::{Settings, Tx, deadline};

/// Transactions that may wait at most; one more is told to come back later.
const QUEUE: usize = 4096;

type Pool = r2d2::Pool<Manager>;
type Job = Box<dyn FnOnce(&Pool) + Send>;

/// The handle of the threads; they end when the last handle is dropped.
#[derive(Clone)]
pub(super) struct Executor {
    queue: Sender<Job>,
    wait: Duration,
    statement_time: Duration,
}

impl Executor {
    /// Starts a thread for each connection of `pool`. A transaction that none of them takes in time is not run at all.
    pub(super) fn start(pool: &Pool, settings: &Settings) -> Result<Self, StoreError> {
        let (queue, jobs) = crossbeam_channel::bounded::<Job>(QUEUE);
        for number in 0..settings.pool_size {
            let (pool, jobs): (Pool, Receiver<Job>) = (pool.clone(), jobs.clone());
            std::thread::Builder::new()
                .name(format!("store-{number}"))
                .spawn(move || jobs.iter().for_each(|job| job(&pool)))
                .map_err(|error| StoreError::Internal(error.to_string()))?;
        }
        Ok(Self { queue, wait: settings.wait, statement_time: settings.statement_time })
    }

    /// Runs `f` on a connection and waits for what it returns.
    pub(super) async fn run<T, E>(&self, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let (answer, answered) = oneshot::channel();
        let (turn, time) = (Turn::new(), self.statement_time);
        let of_job = turn.clone();
        let job: Job = Box::new(move |pool| {
            if of_job.take() {
                deadline::start(time);
                // The caller may have gone away; what was committed stands all the same.
                let _ = answer.send(on_connection(pool, f));
            }
        });
        if self.queue.try_send(job).is_err() {
            return Err(StoreError::Unavailable("too many transactions wait".to_owned()).into());
        }
        turn.answer(answered, self.wait).await
    }
}

fn on_connection<T, E: From<StoreError>>(pool: &Pool, f: impl FnOnce(&mut Tx<'_>) -> Result<T, E>) -> Result<T, E> {
    let run = || {
        let mut connection = pool.get().map_err(|error| StoreError::Unavailable(error.to_string()))?;
        f(&mut Tx::new(&mut connection))
    };
    let outcome = catch_unwind(AssertUnwindSafe(run));
    outcome.unwrap_or_else(|_| Err(StoreError::Internal("a transaction panicked".to_owned()).into()))
}
