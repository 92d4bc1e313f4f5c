//! A clock that tests move. It runs on by itself from wherever it was moved to, because real counterparties look at theirs.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use causeway::values::clock::{Clock, Timestamp};

/// The time of day plus what a test added.
#[derive(Clone, Default)]
pub struct MovableClock {
    ahead_micros: Arc<AtomicI64>,
}

impl MovableClock {
    /// The clock to give to the gateway.
    pub fn clock(&self) -> Clock {
        let ahead = Arc::clone(&self.ahead_micros);
        Clock::new(move || Timestamp::from_micros(time_of_day().saturating_add(ahead.load(Ordering::Relaxed))))
    }

    /// Moves the gateway's time; the counterparties' stays.
    pub fn advance_seconds(&self, seconds: i64) {
        self.ahead_micros.fetch_add(seconds.saturating_mul(1_000_000), Ordering::Relaxed);
    }
}

#[expect(clippy::disallowed_methods, reason = "the composition root of the tests is where time comes from")]
fn time_of_day() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    i64::try_from(since_epoch.as_micros()).expect("the clock stands before the year 290000")
}
