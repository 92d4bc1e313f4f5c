//! A limit on what one network may do without being known: submit the sign-in forms, so that nobody walks through a list
//! of addresses or floods an identity provider through the gateway; begin sign-ins, so that nobody fills the database.
//! A token bucket per network: an IPv4 address, or an IPv6 /64, which
//! is what one household or office gets.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;

use crate::values::clock::Timestamp;

const MICROS_PER_MINUTE: i64 = 60_000_000;
/// At most this many networks are remembered; the least recently seen are forgotten first.
const NETWORKS: u64 = 100_000;

/// The limit. Clones share their memory.
#[derive(Clone)]
pub struct Throttle {
    per_minute: u32,
    buckets: Cache<IpAddr, Arc<Mutex<Bucket>>>,
}

/// The instant at which the bucket will be full again. Each admission moves it by the time that one token takes.
struct Bucket {
    full_at: Timestamp,
}

/// The network is over its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many sign-in attempts from this network")]
pub struct OverLimit {
    /// After this many seconds one more is admitted.
    pub retry_after_seconds: i64,
}

impl Throttle {
    /// Admits `per_minute` submissions per network at once, and as many per minute on average.
    pub fn new(per_minute: u32) -> Self {
        let idle = Duration::from_secs(120);
        Self {
            per_minute: per_minute.max(1),
            buckets: Cache::builder().max_capacity(NETWORKS).time_to_idle(idle).build(),
        }
    }

    /// Admits one submission from `address` at `now`, or says when the next one may come.
    pub fn admit(&self, address: IpAddr, now: Timestamp) -> Result<(), OverLimit> {
        let bucket = self.buckets.get_with(network(address), || Arc::new(Mutex::new(Bucket { full_at: now })));
        let mut bucket = bucket.lock().unwrap_or_else(PoisonError::into_inner);
        let per_token = MICROS_PER_MINUTE / i64::from(self.per_minute);
        let full_at = bucket.full_at.max(now).micros().saturating_add(per_token);
        let excess = full_at.saturating_sub(now.micros()).saturating_sub(MICROS_PER_MINUTE);
        if excess > 0 {
            return Err(OverLimit { retry_after_seconds: excess.saturating_add(999_999) / 1_000_000 });
        }
        bucket.full_at = Timestamp::from_micros(full_at);
        Ok(())
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Throttle").field("per_minute", &self.per_minute).finish_non_exhaustive()
    }
}

fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::{OverLimit, Throttle};
    use crate::values::clock::Timestamp;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    #[test]
    fn a_burst_is_admitted_up_to_the_limit_and_then_one_at_a_time() {
        let throttle = Throttle::new(6);
        let network = "192.0.2.7".parse().unwrap();
        for _ in 0..6 {
            assert_eq!(throttle.admit(network, at(0)), Ok(()));
        }
        assert_eq!(throttle.admit(network, at(0)), Err(OverLimit { retry_after_seconds: 10 }));
        assert_eq!(throttle.admit(network, at(9)), Err(OverLimit { retry_after_seconds: 1 }));
        assert_eq!(throttle.admit(network, at(10)), Ok(()));
        assert!(throttle.admit(network, at(10)).is_err());
    }

    #[test]
    fn being_refused_does_not_prolong_the_wait() {
        let throttle = Throttle::new(1);
        let network = "192.0.2.7".parse().unwrap();
        throttle.admit(network, at(0)).unwrap();
        for second in 1..60 {
            assert!(throttle.admit(network, at(second)).is_err());
        }
        assert_eq!(throttle.admit(network, at(60)), Ok(()));
    }

    #[test]
    fn networks_do_not_share_a_limit_but_the_addresses_of_one_do() {
        let throttle = Throttle::new(1);
        let admit = |text: &str| throttle.admit(text.parse().unwrap(), at(0)).is_ok();
        assert!(admit("192.0.2.7"));
        assert!(admit("192.0.2.8"));
        assert!(!admit("::ffff:192.0.2.7"));
        assert!(admit("2001:db8:0:1::1"));
        assert!(!admit("2001:db8:0:1:ffff::2"));
        assert!(admit("2001:db8:0:2::1"));
    }
}
