//! Verification on threads of their own.
//!
//! libxml2 recurses and libxmlsec1 computes, so a verification gets a stack of 8 MiB, its caller waits with a deadline,
//! and only so many run at once. One that overruns its deadline keeps its slot until it ends: a flood of costly
//! documents runs out of slots and not out of threads. An organization has a share of the slots, so that documents made
//! for its connections, by whomever, keep nobody else from signing in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tokio::time::timeout;

use super::tries::Tries;
use crate::protocol::saml::assertion::VerifiedAssertion;
use crate::protocol::saml::assertion::rejected::Rejected;
use crate::protocol::saml::document::reader::Limits;
use crate::values::clock::Timestamp;
use crate::values::ids::OrganizationId;
use crate::values::secret::TokenHash;

const STACK_BYTES: usize = 8 * 1024 * 1024;

/// How responses are verified.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How many verifications run at once; half of them, but at least one, for any one organization.
    pub threads: usize,
    /// How long a caller waits for a slot, and then for the outcome.
    pub deadline: Duration,
    /// How far an identity provider's clock may be from ours.
    pub clock_skew_seconds: i64,
    /// How large a response may be.
    pub limits: Limits,
}

impl Default for Settings {
    /// Three minutes of skew: Kantara's implementation profile asks for three to five.
    fn default() -> Self {
        let threads = thread::available_parallelism().map_or(2, usize::from).max(2);
        Self { threads, deadline: Duration::from_secs(5), clock_skew_seconds: 180, limits: Limits::RESPONSE }
    }
}

/// Why there is no verified assertion.
#[derive(Debug, thiserror::Error)]
pub enum Unverified<E = Rejected> {
    /// A check failed.
    #[error("{0}")]
    Rejected(E),
    /// Nothing was decided.
    #[error(transparent)]
    Unfinished(Unfinished),
}

/// Why work has no outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unfinished {
    /// No slot became free, or no outcome came, before the deadline.
    #[error("verification did not finish in time")]
    Busy,
    /// It panicked.
    #[error("verification ended without an outcome")]
    Crashed,
}

/// Runs verifications. Cheap to clone; the clones share their slots.
#[derive(Debug, Clone)]
pub struct Verifier {
    settings: Settings,
    slots: Arc<Semaphore>,
    /// The slots of each organization that verifies something now.
    shares: Arc<Mutex<HashMap<OrganizationId, Weak<Semaphore>>>>,
    tries: Arc<Mutex<Tries>>,
}

/// The right to run one verification.
struct Turn {
    _share: OwnedSemaphorePermit,
    _slot: OwnedSemaphorePermit,
}

impl Verifier {
    /// A verifier for the whole process.
    pub fn new(settings: Settings) -> Self {
        let slots = Arc::new(Semaphore::new(settings.threads.max(1)));
        Self { settings, slots, shares: Arc::default(), tries: Arc::default() }
    }

    /// Counts one more answer under `handle` that is about to be verified. False when it had as many as it may have.
    pub fn admits(&self, handle: &str, now: Timestamp) -> bool {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.admit(TokenHash::of(handle), now)
    }

    /// How it verifies.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Runs `verify` on a thread of its own, on behalf of `organization`.
    pub async fn run<E: Send + 'static>(
        &self,
        organization: OrganizationId,
        verify: impl FnOnce() -> Result<VerifiedAssertion, E> + Send + 'static,
    ) -> Result<VerifiedAssertion, Unverified<E>> {
        self.finish(organization, verify).await.map_err(Unverified::Unfinished)?.map_err(Unverified::Rejected)
    }

    /// Runs any such `work`, with the same slots and deadline.
    pub async fn finish<T: Send + 'static>(
        &self,
        organization: OrganizationId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        let turn = timeout(self.settings.deadline, self.turn(organization)).await;
        let Ok(Some(turn)) = turn else { return Err(Unfinished::Busy) };
        let (sender, receiver) = oneshot::channel();
        let work = move || {
            let outcome = work();
            drop(turn);
            // A caller that has gone away needs no outcome.
            let _ = sender.send(outcome);
        };
        let thread = thread::Builder::new().name("saml-verify".to_owned()).stack_size(STACK_BYTES);
        thread.spawn(work).map_err(|_| Unfinished::Busy)?;
        match timeout(self.settings.deadline, receiver).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) => Err(Unfinished::Crashed),
            Err(_) => Err(Unfinished::Busy),
        }
    }

    /// The organization's own slot first: who waits for it holds none of the others' up.
    async fn turn(&self, organization: OrganizationId) -> Option<Turn> {
        let share = self.share(organization).acquire_owned().await.ok()?;
        let slot = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        Some(Turn { _share: share, _slot: slot })
    }

    fn share(&self, organization: OrganizationId) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(share) = shares.get(&organization).and_then(Weak::upgrade) {
            return share;
        }
        shares.retain(|_, share| share.strong_count() > 0);
        let share = Arc::new(Semaphore::new((self.settings.threads / 2).max(1)));
        shares.insert(organization, Arc::downgrade(&share));
        share
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::{Settings, Unfinished, Unverified, Verifier};
    use crate::protocol::saml::assertion::rejected::Rejected;
    use crate::values::ids::OrganizationId;

    fn acme() -> OrganizationId {
        OrganizationId::from_bytes(&[1; 16]).unwrap()
    }

    fn verifier(deadline: Duration) -> Verifier {
        Verifier::new(Settings { threads: 1, deadline, ..Settings::default() })
    }

    #[tokio::test]
    async fn a_verification_that_overruns_keeps_its_slot_until_it_ends() {
        let verifier = verifier(Duration::from_millis(50));
        let (release, wait) = mpsc::channel::<()>();
        let stuck = verifier.run(acme(), move || {
            let _ = wait.recv();
            Err(Rejected::Signature)
        });
        assert!(matches!(stuck.await, Err(Unverified::Unfinished(Unfinished::Busy))));
        assert!(matches!(
            verifier.run(acme(), || Err(Rejected::Signature)).await,
            Err(Unverified::Unfinished(Unfinished::Busy))
        ));
        drop(release);
        let mut outcome = verifier.run(acme(), || Err(Rejected::Signature)).await;
        for _ in 0..100 {
            if matches!(outcome, Err(Unverified::Rejected(_))) {
                break;
            }
            outcome = verifier.run(acme(), || Err(Rejected::Signature)).await;
        }
        assert!(matches!(outcome, Err(Unverified::Rejected(Rejected::Signature))));
    }

    #[tokio::test]
    async fn one_organization_does_not_take_all_slots() {
        let deadline = Duration::from_millis(200);
        let verifier = Verifier::new(Settings { threads: 2, deadline, ..Settings::default() });
        let (release, wait) = mpsc::channel::<()>();
        let stuck = verifier.run(acme(), move || {
            let _ = wait.recv();
            Err(Rejected::Signature)
        });
        assert!(matches!(stuck.await, Err(Unverified::Unfinished(Unfinished::Busy))));
        assert!(matches!(
            verifier.run(acme(), || Err(Rejected::Signature)).await,
            Err(Unverified::Unfinished(Unfinished::Busy))
        ));
        let other = OrganizationId::from_bytes(&[2; 16]).unwrap();
        let outcome = verifier.run(other, || Err(Rejected::Signature)).await;
        assert!(matches!(outcome, Err(Unverified::Rejected(_))), "{outcome:?}");
        drop(release);
    }

    #[tokio::test]
    async fn a_panic_costs_its_own_verification_only() {
        let verifier = verifier(Duration::from_secs(10));
        assert!(matches!(
            verifier.run(acme(), || -> Result<_, Rejected> { panic!("on purpose") }).await,
            Err(Unverified::Unfinished(Unfinished::Crashed))
        ));
        assert!(matches!(verifier.run(acme(), || Err(Rejected::Signature)).await, Err(Unverified::Rejected(_))));
    }

    #[tokio::test]
    async fn the_stack_is_deep() {
        fn deep(level: usize) -> usize {
            let room = std::hint::black_box([level; 512]);
            if level == 0 { room[0] } else { deep(level - 1) + std::hint::black_box(room)[1] - level }
        }
        let verifier = verifier(Duration::from_secs(10));
        let outcome = verifier.run(acme(), || {
            deep(400);
            Err(Rejected::Signature)
        });
        assert!(matches!(outcome.await, Err(Unverified::Rejected(_))));
    }
}
