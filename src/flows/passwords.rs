//! Hashing passwords where it holds nobody up: on blocking threads, so many at a time, with a bounded line before them.
//!
//! A hash costs some twenty milliseconds and tens of megabytes on purpose, so whoever asks for many must run into a bound and
//! not into memory: past the line the answer is "busy". A password that belongs to nobody is compared with a hash of
//! nothing, so that it takes as long as one that does.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use crate::access::passwords::breached;
use crate::access::passwords::{Cost, HashingFailed, Kept, PasswordHash};
use crate::values::email::EmailAddress;
use crate::values::entropy::Entropy;
use crate::values::password::Password;

/// How passwords are hashed.
#[derive(Debug, Clone)]
pub struct Settings {
    /// What one costs.
    pub cost: Cost,
    /// How many are hashed at a time.
    pub at_once: usize,
    /// How many may wait.
    pub waiting: usize,
    /// For how long.
    pub patience: Duration,
    /// The list of breached passwords.
    pub breached_list: Option<PathBuf>,
}

/// Why passwords cannot be handled as configured.
#[derive(Debug, thiserror::Error)]
pub enum SetUpFailure {
    /// The cost is impossible.
    #[error(transparent)]
    Cost(#[from] HashingFailed),
    /// The list of breached passwords cannot be read.
    #[error("the list of breached passwords cannot be used")]
    List(#[from] io::Error),
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum PasswordsError {
    /// Too many are being hashed.
    #[error("too many passwords are being hashed")]
    Busy,
    /// The hashing, or the search of the list, failed. The text is for the log.
    #[error("a password could not be handled: {0}")]
    Failed(String),
}

/// Why a password cannot be somebody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// Everybody knows it, or it is the person's own address.
    Common,
    /// It stands in the list of breached ones.
    Breached,
}

/// What a comparison came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compared {
    /// It is not the person's password, or there is no such person.
    Wrong,
    /// It is.
    Right {
        /// The same password at the cost of today, where it was kept at another.
        rehashed: Option<PasswordHash>,
    },
}

/// Hashes and compares. Cheap to clone; the clones share their line.
#[derive(Debug, Clone)]
pub struct Passwords {
    settings: Arc<Settings>,
    line: Arc<Semaphore>,
    slots: Arc<Semaphore>,
    /// What is compared with when there is nothing to compare with.
    nothing: Arc<PasswordHash>,
    entropy: Entropy,
    /// How many passwords were compared, for tests.
    #[cfg(test)]
    pub compared: Arc<std::sync::atomic::AtomicUsize>,
}

struct Turn {
    _line: OwnedSemaphorePermit,
    _slot: OwnedSemaphorePermit,
}

/// Says what is wrong with a list of breached passwords, before anything is set up.
pub fn check_list(path: &str) -> Result<(), String> {
    let checked = File::open(path).and_then(|mut list| breached::check(&mut list));
    checked.map_err(|error| format!("cannot be used: {error}"))
}

impl Passwords {
    /// For the whole process. Hashes once, and looks whether the list is one.
    pub fn new(settings: Settings, entropy: Entropy) -> Result<Self, SetUpFailure> {
        if let Some(path) = &settings.breached_list {
            breached::check(&mut File::open(path)?)?;
        }
        let nobody: String = entropy.bytes::<16>().iter().map(|byte| format!("{byte:02x}")).collect();
        let nothing = PasswordHash::of(&Password::typed(&nobody), entropy.bytes(), settings.cost)?;
        let slots = settings.at_once.max(1);
        Ok(Self {
            line: Arc::new(Semaphore::new(slots.saturating_add(settings.waiting))),
            slots: Arc::new(Semaphore::new(slots)),
            nothing: Arc::new(nothing),
            settings: Arc::new(settings),
            entropy,
            #[cfg(test)]
            compared: Arc::default(),
        })
    }

    /// Compares what was typed with what is kept. It takes as long when nothing is kept.
    pub async fn compare(&self, typed: Password, kept: Option<Kept>) -> Result<Compared, PasswordsError> {
        let (nothing, cost, salt) = (Arc::clone(&self.nothing), self.settings.cost, self.entropy.bytes());
        #[cfg(test)]
        let compared = Arc::clone(&self.compared);
        self.run(move || {
            let is_right = kept.as_ref().map_or(&*nothing, |kept| &kept.hash).is_of(&typed);
            #[cfg(test)]
            compared.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let (true, Some(kept)) = (is_right, kept) else { return Ok(Compared::Wrong) };
            let rehashed = match kept.hash.has_cost(cost) {
                true => None,
                false => Some(PasswordHash::of(&typed, salt, cost).map_err(|error| error.to_string())?),
            };
            Ok(Compared::Right { rehashed })
        })
        .await
    }

    /// Hashes what the person at `address` has chosen, unless attackers try it first.
    pub async fn hash(
        &self,
        chosen: Password,
        address: EmailAddress,
    ) -> Result<Result<PasswordHash, Known>, PasswordsError> {
        let (settings, salt) = (Arc::clone(&self.settings), self.entropy.bytes());
        self.run(move || {
            if breached::is_common(&chosen, &address) {
                return Ok(Err(Known::Common));
            }
            if let Some(path) = &settings.breached_list {
                let listed = File::open(path).and_then(|mut list| breached::is_listed(&mut list, &chosen));
                if listed.map_err(|error| error.to_string())? {
                    return Ok(Err(Known::Breached));
                }
            }
            PasswordHash::of(&chosen, salt, settings.cost).map(Ok).map_err(|error| error.to_string())
        })
        .await
    }

    /// Runs `work` on a blocking thread, in its turn. The turn ends with the work, also when the caller has gone away.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, String> + Send + 'static,
    ) -> Result<T, PasswordsError> {
        let line = Arc::clone(&self.line).try_acquire_owned().map_err(|_| PasswordsError::Busy)?;
        let slot = timeout(self.settings.patience, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else { return Err(PasswordsError::Busy) };
        let turn = Turn { _line: line, _slot: slot };
        let done = spawn_blocking(move || {
            let outcome = work();
            drop(turn);
            outcome
        });
        match done.await {
            Ok(outcome) => outcome.map_err(PasswordsError::Failed),
            Err(error) => Err(PasswordsError::Failed(error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use futures_util::FutureExt as _;

    use super::{Compared, Known, Passwords, PasswordsError, Settings};
    use crate::access::passwords::{Cost, Kept, PasswordHash};
    use crate::values::clock::Timestamp;
    use crate::values::entropy::Entropy;
    use crate::values::password::Password;

    const COST: Cost = Cost { memory_kib: 64, passes: 1, lanes: 1 };

    fn settings() -> Settings {
        Settings { cost: COST, at_once: 1, waiting: 1, patience: Duration::from_millis(20), breached_list: None }
    }

    fn passwords(settings: Settings) -> Passwords {
        Passwords::new(settings, Entropy::new(|buffer| buffer.fill(7))).unwrap()
    }

    fn kept(text: &str, cost: Cost) -> Option<Kept> {
        let hash = PasswordHash::of(&Password::typed(text), [1; 16], cost).unwrap();
        Some(Kept { hash, set_at: Timestamp::from_seconds(1) })
    }

    #[tokio::test]
    async fn a_password_is_right_wrong_or_nobodys() {
        let passwords = passwords(settings());
        let compare = |text: &str, kept| passwords.compare(Password::typed(text), kept);
        let right = compare("correct horse", kept("correct horse", COST)).await.unwrap();
        assert_eq!(right, Compared::Right { rehashed: None });
        assert_eq!(compare("correct", kept("correct horse", COST)).await.unwrap(), Compared::Wrong);
        assert_eq!(compare("correct horse", None).await.unwrap(), Compared::Wrong);
        let old = compare("correct horse", kept("correct horse", Cost { passes: 3, ..COST })).await.unwrap();
        let Compared::Right { rehashed: Some(hash) } = old else { panic!("{old:?}") };
        assert!(hash.has_cost(COST) && hash.is_of(&Password::typed("correct horse")));
    }

    #[tokio::test]
    async fn nothing_is_compared_with_at_the_cost_of_today() {
        assert!(passwords(settings()).nothing.has_cost(COST));
    }

    #[tokio::test]
    async fn past_the_line_everybody_is_turned_away_and_the_line_moves_on() {
        let passwords = passwords(settings());
        let (release, wait) = mpsc::channel::<()>();
        let mut busy = Box::pin(passwords.run(move || wait.recv().map_err(|error| error.to_string())));
        assert!((&mut busy).now_or_never().is_none());
        let mut waiting = Box::pin(passwords.run(|| Ok(1)));
        assert!((&mut waiting).now_or_never().is_none());
        assert!(matches!(passwords.run(|| Ok(2)).now_or_never(), Some(Err(PasswordsError::Busy))), "no place in line");
        assert!(matches!(waiting.await, Err(PasswordsError::Busy)), "patience has an end");
        // The caller goes away; the work goes on, and with it its place.
        drop(busy);
        assert!(matches!(passwords.run(|| Ok(3)).await, Err(PasswordsError::Busy)));
        release.send(()).unwrap();
        let mut outcome = passwords.run(|| Ok(4)).await;
        for _ in 0..100 {
            if outcome.is_ok() {
                break;
            }
            outcome = passwords.run(|| Ok(4)).await;
        }
        assert_eq!(outcome.unwrap(), 4);
    }

    #[tokio::test]
    async fn what_is_no_list_is_said_before_anybody_chooses() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("breached.txt");
        for text in ["", "correct horse battery\n"] {
            std::fs::write(&path, text).unwrap();
            let settings = Settings { breached_list: Some(path.clone()), ..settings() };
            assert!(Passwords::new(settings, Entropy::new(|buffer| buffer.fill(7))).is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn what_attackers_try_first_cannot_be_chosen() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("breached.txt");
        let listed = Password::typed("correct horse battery");
        std::fs::write(&path, format!("{}:12\r\n", listed.listed_form().expose())).unwrap();
        let passwords = passwords(Settings { breached_list: Some(path.clone()), ..settings() });
        let hash = |text: &str| passwords.hash(Password::typed(text), "ada@acme.test".parse().unwrap());
        assert_eq!(hash("correct horse battery").await.unwrap(), Err(Known::Breached));
        assert_eq!(hash("password123").await.unwrap(), Err(Known::Common));
        assert!(hash("another horse battery").await.unwrap().is_ok());
        std::fs::remove_file(path).unwrap();
        assert!(hash("another horse battery").await.is_err(), "without its list nothing is let through");
    }
}
