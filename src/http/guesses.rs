//! How often a password may be tried for one address, and a code for one account: the brake on guessing.
//!
//! Two bounds. Wrong passwords for one address from one network are free a few times, then each has to wait twice as long as
//! the one before: who guesses from there is slow. Passwords for one address from all networks are bounded as well,
//! generously. Neither counts in a browser in which the person has signed in before, which has a tally of its own: nobody can
//! lock them out there, not even from the same network. An address is counted the same whether anybody has it.
//!
//! Who is signed in already and types the password once more is counted for the account ([`Guesses::admit_owner`]): a stolen
//! session is no way to guess it, from however many networks.
//!
//! The counts are in the memory of this node and end with it. Guesses are lost by a restart, which an attacker cannot
//! cause, and each node counts for itself; to write one down for each try would give everybody a way to make the database
//! work, and to tell by its time whether an address is known. Keys are hashes, so that memory holds no addresses.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use super::throttle::{Rate, Throttle};
use crate::values::clock::Timestamp;
use crate::values::ids::AccountId;
use crate::values::secret::TokenHash;

/// At most this many pairs of address and network are remembered.
const PAIRS: u64 = 100_000;
/// A pair without a wrong password for so long starts anew.
const FORGOTTEN_SECONDS: i64 = 3_600;
/// The longest wait.
const MAX_WAIT_SECONDS: i64 = 900;
/// So often the password of one account can be typed within an hour by who is signed in to it.
const OWNER_AN_HOUR: u32 = 20;

/// The counts. Clones share them.
#[derive(Clone)]
pub struct Guesses {
    free: u32,
    pairs: Cache<(TokenHash, Whence), Arc<Mutex<Tally>>>,
    addresses: Throttle<TokenHash>,
    owners: Throttle<AccountId>,
}

/// Where a password is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Whence {
    /// In a browser that the account does not know, from this network.
    Network(IpAddr),
    /// In a browser in which the person has signed in before, known by this hash of its cookie.
    KnownBrowser(TokenHash),
}

#[derive(Default)]
struct Tally {
    wrong: u32,
    /// The next one may come from then on.
    open_at: Option<Timestamp>,
    last_at: Option<Timestamp>,
}

/// It has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there were too many guesses")]
pub struct Wait {
    /// For so long; 1 at least.
    pub seconds: i64,
}

/// One that may be tried. It counts as wrong until [`Guess::was_right`].
#[must_use = "a right password is to be forgiven"]
pub struct Guess {
    tally: Arc<Mutex<Tally>>,
}

impl Guesses {
    /// So many wrong ones without a wait, and so many an hour for one address from unknown browsers.
    pub fn new(free: u32, per_hour: u32) -> Self {
        let idle = Duration::from_secs(FORGOTTEN_SECONDS.unsigned_abs());
        let pairs = Cache::builder().max_capacity(PAIRS).time_to_idle(idle).build();
        let owners = Throttle::new(Rate::per_hour(OWNER_AN_HOUR));
        Self { free, pairs, addresses: Throttle::new(Rate::per_hour(per_hour)), owners }
    }

    /// Lets the password of an account be typed by who is signed in to it, or says when it may. Right ones count as well.
    pub fn admit_owner(&self, account: AccountId, now: Timestamp) -> Result<(), Wait> {
        match self.owners.admit(account, now) {
            Ok(_) => Ok(()),
            Err(over) => Err(Wait { seconds: over.retry_after_seconds }),
        }
    }

    /// Lets a guess about `subject`, which is an address or an account, be made, or says when one may.
    pub fn admit(&self, subject: &str, whence: Whence, now: Timestamp) -> Result<Guess, Wait> {
        let key = TokenHash::of(subject);
        let tally = self.pairs.get_with((key, whence), Arc::default);
        {
            let mut counted = tally.lock().unwrap_or_else(PoisonError::into_inner);
            if counted.last_at.is_some_and(|last| last.plus_seconds(FORGOTTEN_SECONDS) <= now) {
                *counted = Tally::default();
            }
            if let Some(open_at) = counted.open_at.filter(|open_at| *open_at > now) {
                let micros = open_at.micros().saturating_sub(now.micros());
                return Err(Wait { seconds: micros.saturating_add(999_999) / 1_000_000 });
            }
            if matches!(whence, Whence::Network(_))
                && let Err(over) = self.addresses.admit(key, now)
            {
                return Err(Wait { seconds: over.retry_after_seconds });
            }
            counted.wrong = counted.wrong.saturating_add(1);
            counted.last_at = Some(now);
            counted.open_at = Some(now.plus_seconds(wait_seconds(counted.wrong, self.free)));
        }
        Ok(Guess { tally })
    }
}

/// Nothing for the free ones, then 2, 4, 8 ... seconds.
fn wait_seconds(wrong: u32, free: u32) -> i64 {
    match wrong.checked_sub(free) {
        None | Some(0) => 0,
        Some(over) => 2_i64.saturating_pow(over.min(20)).min(MAX_WAIT_SECONDS),
    }
}

impl Guess {
    /// It was right: what went wrong before is forgotten for this subject in this network.
    pub fn was_right(self) {
        *self.tally.lock().unwrap_or_else(PoisonError::into_inner) = Tally::default();
    }

    /// Nobody looked whether it was right, because there was no room or something failed: it does not count.
    pub fn was_not_judged(self) {
        let mut counted = self.tally.lock().unwrap_or_else(PoisonError::into_inner);
        counted.wrong = counted.wrong.saturating_sub(1);
        counted.open_at = None;
    }
}

impl std::fmt::Debug for Guesses {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guesses").field("free", &self.free).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::{Guesses, Wait, Whence};
    use crate::values::clock::Timestamp;
    use crate::values::email::EmailAddress;
    use crate::values::ids::AccountId;
    use crate::values::secret::TokenHash;

    const HOME: &str = "192.0.2.1";
    const ELSEWHERE: &str = "198.51.100.9";

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn ada() -> EmailAddress {
        "ada@home.test".parse().unwrap()
    }

    fn network(text: &str) -> Whence {
        Whence::Network(text.parse().unwrap())
    }

    /// How long somebody who is wrong has to wait, if so.
    fn wrong(guesses: &Guesses, from: &str, now: i64) -> Option<i64> {
        guesses.admit(ada().as_str(), network(from), at(now)).err().map(|wait| wait.seconds)
    }

    #[test]
    fn each_wrong_password_past_the_free_ones_doubles_the_wait() {
        let guesses = Guesses::new(3, 1_000);
        for _ in 0..4 {
            assert_eq!(wrong(&guesses, HOME, 0), None);
        }
        assert_eq!(wrong(&guesses, HOME, 0), Some(2));
        assert_eq!(wrong(&guesses, HOME, 2), None);
        assert_eq!(wrong(&guesses, HOME, 2), Some(4));
        assert_eq!(wrong(&guesses, HOME, 5), Some(1), "being refused does not prolong the wait");
        assert_eq!(wrong(&guesses, ELSEWHERE, 2), None, "another network does not wait");
        let mut now = 6;
        for _ in 0..20 {
            assert_eq!(wrong(&guesses, HOME, now), None);
            now += 900;
        }
        assert_eq!(wrong(&guesses, HOME, now - 900), Some(900), "fifteen minutes at most");
        assert_eq!(wrong(&guesses, HOME, now + 3_600), None);
        assert_eq!(wrong(&guesses, HOME, now + 3_600), None, "after an hour it starts anew");
    }

    #[test]
    fn a_right_password_forgives_the_wrong_ones_before() {
        let guesses = Guesses::new(2, 1_000);
        for _ in 0..2 {
            assert_eq!(wrong(&guesses, HOME, 0), None);
        }
        guesses.admit(ada().as_str(), network(HOME), at(0)).unwrap().was_right();
        assert_eq!(wrong(&guesses, HOME, 0), None);
    }

    #[test]
    fn many_at_once_are_counted_before_any_is_judged() {
        let guesses = Guesses::new(2, 1_000);
        let admitted: Vec<_> = (0..10).map(|_| guesses.admit(ada().as_str(), network(HOME), at(0))).collect();
        assert_eq!(admitted.iter().filter(|guess| guess.is_ok()).count(), 3);
    }

    #[test]
    fn who_guesses_from_everywhere_is_stopped_and_the_person_in_their_own_browser_is_not() {
        let guesses = Guesses::new(5, 10);
        for n in 0..10 {
            assert_eq!(wrong(&guesses, &format!("203.0.113.{n}"), 0), None);
        }
        assert_eq!(wrong(&guesses, "203.0.113.99", 0), Some(360));
        let known = Whence::KnownBrowser(TokenHash::of("cookie"));
        assert!(guesses.admit(ada().as_str(), known, at(0)).is_ok(), "a browser that is known");
        assert!(guesses.admit("bob@home.test", network("203.0.113.99"), at(0)).is_ok(), "another address");
        assert!(matches!(guesses.admit(ada().as_str(), network(HOME), at(0)), Err(Wait { .. })));
    }

    #[test]
    fn who_guesses_from_the_same_network_does_not_hold_up_a_known_browser() {
        let guesses = Guesses::new(2, 1_000);
        while wrong(&guesses, HOME, 0).is_none() {}
        let known = Whence::KnownBrowser(TokenHash::of("cookie"));
        assert!(guesses.admit(ada().as_str(), known, at(0)).is_ok());
        for _ in 0..2 {
            let _guess = guesses.admit(ada().as_str(), known, at(0)).unwrap();
        }
        assert!(guesses.admit(ada().as_str(), known, at(0)).is_err(), "a stolen browser guesses no faster");
    }

    #[test]
    fn what_nobody_judged_does_not_count() {
        let guesses = Guesses::new(2, 1_000);
        for _ in 0..20 {
            guesses.admit(ada().as_str(), network(HOME), at(0)).unwrap().was_not_judged();
        }
        assert_eq!(wrong(&guesses, HOME, 0), None);
    }

    #[test]
    fn a_stolen_session_guesses_twenty_times_an_hour_from_wherever() {
        let guesses = Guesses::new(5, 10);
        let account = |n: u8| AccountId::from_bytes(&[n; 16]).unwrap();
        for _ in 0..20 {
            assert_eq!(guesses.admit_owner(account(1), at(0)), Ok(()));
        }
        assert_eq!(guesses.admit_owner(account(1), at(0)), Err(Wait { seconds: 180 }));
        assert_eq!(guesses.admit_owner(account(2), at(0)), Ok(()));
        assert_eq!(guesses.admit_owner(account(1), at(180)), Ok(()));
    }
}
