//! The wait of a transaction for its turn. Whoever asked for it waits for so long and no longer; what nobody waits for
//! any more is not run, and what runs is always waited for, because its outcome must be known before it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;

use super::failure::StoreError;

const WAITING: u8 = 0;
const TAKEN: u8 = 1;
const ABANDONED: u8 = 2;

/// Where a transaction is: nobody runs it yet, a thread does, or its caller no longer waits. Clones are of one
/// transaction.
#[derive(Clone)]
pub(super) struct Turn(Arc<AtomicU8>);

impl Turn {
    /// The turn of a transaction that nobody runs yet.
    pub(super) fn new() -> Self {
        Self(Arc::new(AtomicU8::new(WAITING)))
    }

    /// True for the thread that may run the transaction: its caller still waits.
    pub(super) fn take(&self) -> bool {
        self.move_to(TAKEN)
    }

    /// Waits for the answer, and `wait` at most for the transaction to be taken.
    pub(super) async fn answer<T, E: From<StoreError>>(
        &self,
        mut answered: oneshot::Receiver<Result<T, E>>,
        wait: Duration,
    ) -> Result<T, E> {
        let result = match timeout(wait, &mut answered).await {
            Ok(result) => result,
            Err(_) if self.move_to(ABANDONED) => {
                return Err(StoreError::Unavailable("the transaction had no turn in time".to_owned()).into());
            }
            Err(_) => answered.await,
        };
        result.unwrap_or_else(|_| Err(StoreError::Internal("a transaction was dropped".to_owned()).into()))
    }

    fn move_to(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}
