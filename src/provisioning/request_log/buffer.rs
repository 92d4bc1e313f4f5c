//! What was recorded and is not stored yet, in memory: bounded in number and in bytes, and for each client and minute in
//! how much of each kind. What is past a bound is counted and not kept, and the count is stored in its place.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::level::{Class, Level};
use super::recorded::{Missed, Recorded, Summary};
use crate::values::clock::Timestamp;
use crate::values::ids::{OrganizationId, ScimClientId};

const MICROS_PER_MINUTE: i64 = 60_000_000;

/// How much is recorded.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Reads of one client in a minute.
    pub reads_per_minute: u32,
    /// Changes of one client in a minute.
    pub changes_per_minute: u32,
    /// Refusals of one client in a minute.
    pub refusals_per_minute: u32,
    /// Exchanges that wait to be stored.
    pub entries: usize,
    /// Bytes that they take.
    pub bytes: usize,
}

/// What is to be stored next.
#[derive(Debug, Default)]
pub struct Batch {
    /// Exchanges, in the order in which they ended.
    pub exchanges: Vec<Recorded>,
    /// What was not kept, of minutes that are over.
    pub summaries: Vec<Summary>,
}

/// One client's minute.
#[derive(Debug)]
struct Minute {
    organization: OrganizationId,
    number: i64,
    kept: [u32; 3],
    missed: Missed,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Recorded>,
    bytes: usize,
    minutes: HashMap<ScimClientId, Minute>,
    /// Of minutes that are over.
    over: Vec<Summary>,
}

/// The buffer. Clones share it.
#[derive(Debug, Clone)]
pub struct Buffer {
    bounds: Bounds,
    state: Arc<Mutex<State>>,
}

impl Buffer {
    /// An empty buffer.
    pub fn new(bounds: Bounds) -> Self {
        Self { bounds, state: Arc::default() }
    }

    /// Whether an exchange of this kind is to be recorded. One that is past the bound of its kind is counted here.
    pub fn admits(
        &self,
        organization: OrganizationId,
        client: ScimClientId,
        level: Level,
        class: Class,
        now: Timestamp,
    ) -> bool {
        if !level.includes(class) {
            return false;
        }
        let mut state = self.lock();
        let Minute { kept: [reads, changes, refusals], missed, .. } = state.minute(organization, client, now);
        let (kept, most, missed) = match class {
            Class::Read => (reads, self.bounds.reads_per_minute, &mut missed.reads),
            Class::Change => (changes, self.bounds.changes_per_minute, &mut missed.changes),
            Class::Refusal => (refusals, self.bounds.refusals_per_minute, &mut missed.refusals),
        };
        if *kept < most {
            *kept = kept.saturating_add(1);
            return true;
        }
        *missed = missed.saturating_add(1);
        false
    }

    /// Puts an exchange in, or counts it when there is no room.
    pub fn push(&self, recorded: Recorded) {
        let mut state = self.lock();
        let bytes = state.bytes.saturating_add(recorded.bytes());
        if state.waiting.len() >= self.bounds.entries || bytes > self.bounds.bytes {
            let minute = state.minute(recorded.organization, recorded.client, recorded.at);
            minute.missed.dropped = minute.missed.dropped.saturating_add(1);
            return;
        }
        state.bytes = bytes;
        state.waiting.push(recorded);
    }

    /// Takes out what waits, and the summaries of minutes that were over at `now`.
    pub fn drain(&self, now: Timestamp) -> Batch {
        let number = now.micros().div_euclid(MICROS_PER_MINUTE);
        let mut state = self.lock();
        let ended: Vec<ScimClientId> =
            state.minutes.iter().filter(|(_, minute)| minute.number < number).map(|(client, _)| *client).collect();
        for client in ended {
            if let Some(minute) = state.minutes.remove(&client) {
                state.over.extend(minute.summary(client));
            }
        }
        state.bytes = 0;
        Batch { exchanges: std::mem::take(&mut state.waiting), summaries: std::mem::take(&mut state.over) }
    }

    /// Takes out everything, at the end.
    pub fn drain_all(&self) -> Batch {
        self.drain(Timestamp::from_micros(i64::MAX))
    }

    /// Counts what could not be stored; it is told with a later batch.
    pub fn give_back(&self, lost: Vec<Summary>) {
        self.lock().over.extend(lost);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The client's minute at `now`. The one before is closed.
    fn minute(&mut self, organization: OrganizationId, client: ScimClientId, now: Timestamp) -> &mut Minute {
        let number = now.micros().div_euclid(MICROS_PER_MINUTE);
        let fresh = || Minute { organization, number, kept: [0; 3], missed: Missed::default() };
        let minute = self.minutes.entry(client).or_insert_with(fresh);
        if minute.number < number {
            self.over.extend(minute.summary(client));
            *minute = fresh();
        }
        minute
    }
}

impl Minute {
    fn summary(&self, client: ScimClientId) -> Option<Summary> {
        let since = Timestamp::from_micros(self.number.saturating_mul(MICROS_PER_MINUTE));
        let is_some = self.missed != Missed::default();
        is_some.then_some(Summary { organization: self.organization, client, since, missed: self.missed })
    }
}

impl Batch {
    /// True when there is nothing to store.
    pub fn is_empty(&self) -> bool {
        self.exchanges.is_empty() && self.summaries.is_empty()
    }

    /// What is to be told when the batch cannot be stored: its exchanges are lost, its counts are not. One summary for
    /// each client, so that it does not grow while nothing can be stored.
    pub fn as_lost(&self) -> Vec<Summary> {
        let mut lost: HashMap<ScimClientId, Summary> = HashMap::new();
        for more in self.summaries.iter().copied().chain(self.exchanges.iter().map(Recorded::as_dropped)) {
            lost.entry(more.client).and_modify(|known| known.missed.add(&more.missed)).or_insert(more);
        }
        lost.into_values().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{Bounds, Buffer};
    use crate::provisioning::request_log::level::{Class, Level};
    use crate::provisioning::request_log::recorded::{Missed, Recorded};
    use crate::values::clock::Timestamp;
    use crate::values::ids::{Id, OrganizationId, ScimClientId};

    const BOUNDS: Bounds =
        Bounds { reads_per_minute: 2, changes_per_minute: 3, refusals_per_minute: 1, entries: 4, bytes: 100_000 };

    fn organization() -> OrganizationId {
        Id::from_bytes(&[1; 16]).unwrap()
    }

    fn client(n: u8) -> ScimClientId {
        Id::from_bytes(&[n; 16]).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(6_000 + seconds)
    }

    fn recorded(n: u8, bytes: usize) -> Recorded {
        Recorded {
            id: Id::from_bytes(&[9; 16]).unwrap(),
            organization: organization(),
            client: client(n),
            credential: Id::from_bytes(&[3; 16]).unwrap(),
            at: at(0),
            duration_micros: 1,
            method: "POST".to_owned(),
            path: "/Users".to_owned(),
            query: String::new(),
            if_match: None,
            request: vec![b' '; bytes],
            status: 201,
            response: Vec::new(),
            resource: None,
            rule: None,
            rewrites: Vec::new(),
        }
    }

    #[test]
    fn each_kind_has_its_share_of_a_minute_and_the_rest_is_counted() {
        let buffer = Buffer::new(BOUNDS);
        let admitted = |n: u8, class: Class, second: i64| {
            (0..5).filter(|_| buffer.admits(organization(), client(n), Level::All, class, at(second))).count()
        };
        assert_eq!([Class::Read, Class::Change, Class::Refusal].map(|class| admitted(1, class, 0)), [2, 3, 1]);
        assert_eq!(admitted(2, Class::Read, 0), 2, "another client has a share of its own");
        assert!(buffer.drain(at(59)).summaries.is_empty(), "the minute is not over");
        assert_eq!(admitted(1, Class::Read, 60), 2, "the next minute begins anew");
        let mut summaries = buffer.drain(at(60)).summaries;
        summaries.sort_by_key(|summary| summary.client);
        let missed: Vec<Missed> = summaries.iter().map(|summary| summary.missed).collect();
        let one = Missed { reads: 3, changes: 2, refusals: 4, dropped: 0 };
        assert_eq!(missed, [one, Missed { reads: 3, ..Missed::default() }]);
        assert_eq!(buffer.drain_all().summaries.len(), 1, "what the last minute missed is told at the end");
        assert!(buffer.drain_all().is_empty());
    }

    #[test]
    fn what_the_level_leaves_out_is_neither_recorded_nor_counted() {
        let buffer = Buffer::new(BOUNDS);
        for (level, class) in
            [(Level::Off, Class::Refusal), (Level::Refusals, Class::Change), (Level::Changes, Class::Read)]
        {
            assert!((0..9).all(|_| !buffer.admits(organization(), client(1), level, class, at(0))));
        }
        assert!(buffer.drain_all().is_empty());
    }

    #[test]
    fn past_its_room_the_buffer_counts_and_says_so() {
        let buffer = Buffer::new(BOUNDS);
        for _ in 0..6 {
            buffer.push(recorded(1, 10));
        }
        buffer.push(recorded(2, 200_000));
        let batch = buffer.drain_all();
        assert_eq!(batch.exchanges.len(), 4);
        let dropped: u64 = batch.summaries.iter().map(|summary| summary.missed.dropped).sum();
        assert_eq!(dropped, 3);
        buffer.push(recorded(1, 10));
        assert_eq!(buffer.drain_all().exchanges.len(), 1, "what was taken out makes room");
    }

    #[test]
    fn what_could_not_be_stored_is_told_later() {
        let buffer = Buffer::new(BOUNDS);
        for _ in 0..3 {
            buffer.push(recorded(1, 10));
        }
        let batch = buffer.drain_all();
        buffer.give_back(batch.as_lost());
        let later = buffer.drain_all();
        assert!(later.exchanges.is_empty());
        assert_eq!(later.summaries.iter().map(|summary| summary.missed.dropped).collect::<Vec<_>>(), [3]);
    }
}
