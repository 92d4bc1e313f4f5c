//! A gate before the store: of each party only so many requests are inside at a time, and the others of that party wait
//! in line outside, so that whoever asks for much is served one's share and nobody else waits for it.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// At most this many parties are remembered; those that were not seen for long are forgotten first.
const PARTIES: u64 = 100_000;
/// A party that was not seen for this long is forgotten.
const IDLE: Duration = Duration::from_secs(600);

/// The gate. Clones share their memory.
#[derive(Clone)]
pub struct Gate<K> {
    at_once: usize,
    patience: Duration,
    parties: Cache<K, Arc<Semaphore>>,
}

/// A place inside; given back when it is dropped.
#[derive(Debug)]
#[must_use = "the place is given back at once"]
pub struct Place(#[expect(dead_code, reason = "held for its end")] OwnedSemaphorePermit);

/// No place became free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests at once")]
pub struct Busy;

impl<K: Hash + Eq + Send + Sync + 'static> Gate<K> {
    /// Lets `at_once` requests of each party in, and lets one more wait for as long as `patience`.
    pub fn new(at_once: usize, patience: Duration) -> Self {
        let parties = Cache::builder().max_capacity(PARTIES).time_to_idle(IDLE).build();
        Self { at_once: at_once.max(1), patience, parties }
    }

    /// A place for a request of this party, in the order of arrival.
    pub async fn enter(&self, party: K) -> Result<Place, Busy> {
        let places = self.parties.get_with(party, || Arc::new(Semaphore::new(self.at_once)));
        match Arc::clone(&places).try_acquire_owned() {
            Ok(place) => Ok(Place(place)),
            Err(_) => match timeout(self.patience, places.acquire_owned()).await {
                Ok(Ok(place)) => Ok(Place(place)),
                Ok(Err(_)) | Err(_) => Err(Busy),
            },
        }
    }
}

impl<K> std::fmt::Debug for Gate<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate").field("at_once", &self.at_once).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::{Busy, Gate};

    #[tokio::test]
    async fn who_fills_the_own_share_is_turned_away_and_others_are_not() {
        let gate = Gate::new(2, Duration::from_millis(5));
        let _first = gate.enter("acme").await.unwrap();
        let second = gate.enter("acme").await.unwrap();
        assert_eq!(gate.enter("acme").await.unwrap_err(), Busy);
        assert!(gate.enter("globex").now_or_never().unwrap().is_ok(), "others do not wait");
        drop(second);
        assert!(gate.enter("acme").now_or_never().unwrap().is_ok());
    }

    #[tokio::test]
    async fn a_place_that_is_given_back_goes_to_who_waits_first() {
        let gate = Gate::new(1, Duration::from_secs(60));
        let first = gate.enter("acme").await.unwrap();
        let (mut second, mut third) = (Box::pin(gate.enter("acme")), Box::pin(gate.enter("acme")));
        assert!((&mut second).now_or_never().is_none() && (&mut third).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none(), "the order of arrival counts");
        let second = second.now_or_never().unwrap().unwrap();
        drop(second);
        assert!(third.now_or_never().unwrap().is_ok());
    }
}
