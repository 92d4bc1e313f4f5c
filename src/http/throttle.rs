//! The limit on how often something may be done: by a network that is not known yet (submit the sign-in forms, begin
//! sign-ins, ask for tokens), or by a client that is (SCIM requests). A token bucket per key, in the memory of this
//! node: it admits a burst, and then as many as its rate gives.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use crate::values::clock::Timestamp;

const MICROS_PER_SECOND: i64 = 1_000_000;
/// At most this many keys are remembered; the least recently seen are forgotten first.
const KEYS: u64 = 100_000;

/// How much is admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    burst: u32,
    micros_per_token: i64,
}

impl Rate {
    /// `count` at once, and as many per minute on average.
    pub fn per_minute(count: u32) -> Self {
        Self::new(count, 60 * MICROS_PER_SECOND / i64::from(count.max(1)))
    }

    /// `count` at once, and as many per hour on average.
    pub fn per_hour(count: u32) -> Self {
        Self::new(count, 3_600 * MICROS_PER_SECOND / i64::from(count.max(1)))
    }

    /// `burst` at once, and `count` per second on average.
    pub fn per_second(count: u32, burst: u32) -> Self {
        Self::new(burst, MICROS_PER_SECOND / i64::from(count.max(1)))
    }

    fn new(burst: u32, micros_per_token: i64) -> Self {
        Self { burst: burst.max(1), micros_per_token: micros_per_token.max(1) }
    }

    /// How long an empty bucket takes to be full.
    fn window_micros(&self) -> i64 {
        self.micros_per_token.saturating_mul(i64::from(self.burst))
    }
}

/// The limit. Clones share their memory.
#[derive(Clone)]
pub struct Throttle<K> {
    rate: Rate,
    buckets: Cache<K, Arc<Mutex<Bucket>>>,
}

/// The instant at which the bucket will be full again. Each admission moves it by the time that one token takes.
struct Bucket {
    full_at: Timestamp,
}

/// Where a key stands after it was admitted or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How many are admitted at once.
    pub limit: u32,
    /// How many would be admitted now.
    pub remaining: u32,
    /// After this many seconds the whole limit is there again.
    pub reset_seconds: i64,
}

/// The key is over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many requests")]
pub struct OverLimit {
    /// After this many seconds one more is admitted; 1 at least.
    pub retry_after_seconds: i64,
    /// Where the key stands.
    pub standing: Standing,
}

impl<K: Hash + Eq + Send + Sync + 'static> Throttle<K> {
    /// Admits each key at this rate.
    pub fn new(rate: Rate) -> Self {
        // A bucket that nobody touched until it is full is the same as none.
        let idle = Duration::from_micros(u64::try_from(rate.window_micros()).unwrap_or(u64::MAX));
        let idle = idle.clamp(Duration::from_secs(120), Duration::from_secs(24 * 3600));
        Self { rate, buckets: Cache::builder().max_capacity(KEYS).time_to_idle(idle).build() }
    }

    /// Admits one of `key` at `now`, or says when the next one may come. Being refused does not prolong the wait.
    pub fn admit(&self, key: K, now: Timestamp) -> Result<Standing, OverLimit> {
        let bucket = self.buckets.get_with(key, || Arc::new(Mutex::new(Bucket { full_at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let full_at = bucket.full_at.max(now).micros().saturating_add(self.rate.micros_per_token);
        let excess = full_at.saturating_sub(now.micros()).saturating_sub(self.rate.window_micros());
        if excess > 0 {
            let standing = self.standing(bucket.full_at, now);
            return Err(OverLimit { retry_after_seconds: whole_seconds(excess), standing });
        }
        bucket.full_at = Timestamp::from_micros(full_at);
        Ok(self.standing(bucket.full_at, now))
    }

    fn standing(&self, full_at: Timestamp, now: Timestamp) -> Standing {
        let missing = full_at.micros().saturating_sub(now.micros()).max(0);
        let left = self.rate.window_micros().saturating_sub(missing).max(0) / self.rate.micros_per_token;
        Standing {
            limit: self.rate.burst,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            reset_seconds: whole_seconds(missing),
        }
    }
}

impl<K> std::fmt::Debug for Throttle<K> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// Whole seconds that are no less than so many microseconds.
fn whole_seconds(micros: i64) -> i64 {
    micros.saturating_add(MICROS_PER_SECOND - 1) / MICROS_PER_SECOND
}

/// What one household or office gets: an IPv4 address, or an IPv6 /64.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use super::{OverLimit, Rate, Standing, Throttle, network};
    use crate::values::clock::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    fn wait(outcome: Result<Standing, OverLimit>) -> Option<i64> {
        outcome.err().map(|over| over.retry_after_seconds)
    }

    #[test]
    fn a_burst_is_admitted_up_to_the_limit_and_then_one_at_a_time() {
        let throttle = Throttle::new(Rate::per_minute(6));
        for _ in 0..6 {
            assert!(throttle.admit("a", at(0)).is_ok());
        }
        assert_eq!(wait(throttle.admit("a", at(0))), Some(10));
        assert_eq!(wait(throttle.admit("a", at(9))), Some(1));
        assert!(throttle.admit("a", at(10)).is_ok());
        assert!(throttle.admit("a", at(10)).is_err());
    }

    #[test]
    fn being_refused_does_not_prolong_the_wait() {
        let throttle = Throttle::new(Rate::per_minute(1));
        throttle.admit("a", at(0)).unwrap();
        for second in 1..60 {
            assert!(throttle.admit("a", at(second)).is_err());
        }
        assert!(throttle.admit("a", at(60)).is_ok());
    }

    #[test]
    fn a_rate_is_kept_over_a_minute_whatever_the_burst() {
        let throttle = Throttle::new(Rate::per_second(25, 100));
        let admitted = (0..60_000).filter(|millis| {
            let now = Timestamp::from_micros(1_000_000_000 + millis * 1_000);
            throttle.admit("a", now).is_ok()
        });
        let admitted = admitted.count();
        assert!((1_590..=1_601).contains(&admitted), "{admitted}");
    }

    #[test]
    fn the_standing_says_what_is_left_and_when_all_of_it_is_back() {
        let throttle = Throttle::new(Rate::per_second(2, 3));
        let standing = |remaining, reset_seconds| Standing { limit: 3, remaining, reset_seconds };
        assert_eq!(throttle.admit("a", at(0)), Ok(standing(2, 1)));
        assert_eq!(throttle.admit("a", at(0)), Ok(standing(1, 1)));
        assert_eq!(throttle.admit("a", at(0)), Ok(standing(0, 2)));
        let over = OverLimit { retry_after_seconds: 1, standing: standing(0, 2) };
        assert_eq!(throttle.admit("a", at(0)), Err(over));
        assert_eq!(throttle.admit("a", at(100)), Ok(standing(2, 1)));
    }

    #[test]
    fn networks_do_not_share_a_limit_but_the_addresses_of_one_do() {
        let throttle = Throttle::<IpAddr>::new(Rate::per_minute(1));
        let admit = |text: &str| throttle.admit(network(text.parse().unwrap()), at(0)).is_ok();
        assert!(admit("192.0.2.7"));
        assert!(admit("192.0.2.8"));
        assert!(!admit("::ffff:192.0.2.7"));
        assert!(admit("2001:db8:0:1::1"));
        assert!(!admit("2001:db8:0:1:ffff::2"));
        assert!(admit("2001:db8:0:2::1"));
    }
}
