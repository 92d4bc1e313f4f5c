//! How many answers were looked at under one handle, on this node.
//!
//! Each costs a verification, and one that does not come to an end leaves the handle as it was. They are counted before the
//! work, so that answers that come at the same time count as well, and those whose sender goes away; and in memory, so that the
//! step has one write transaction, the one that stores its outcome. The memory is bounded: it is forgotten by the hour, and
//! earlier where very many people are on their way.

use std::collections::HashMap;

use crate::values::clock::Timestamp;
use crate::values::secret::TokenHash;

/// How many answers may be looked at for one departure.
pub const MAX_TRIES: u32 = 3;

/// How long a count stands, and at most twice as long. A departure waits for its answer for less.
const GENERATION_SECONDS: i64 = 3_600;
/// So many handles are counted in one generation.
const MOST: usize = 50_000;

/// The counts, in two generations: the one that grows, and the one before it.
#[derive(Debug, Default)]
pub(super) struct Tries {
    current: HashMap<TokenHash, u32>,
    before: HashMap<TokenHash, u32>,
    since: Option<Timestamp>,
}

impl Tries {
    /// Counts one more answer under this handle. False when there were [`MAX_TRIES`].
    pub(super) fn admit(&mut self, handle: TokenHash, at: Timestamp) -> bool {
        let is_over = self.since.is_none_or(|since| since.plus_seconds(GENERATION_SECONDS) <= at);
        if is_over || self.current.len() >= MOST {
            self.before = std::mem::take(&mut self.current);
            self.since = Some(at);
        }
        let before = self.before.get(&handle).copied().unwrap_or_default();
        let count = self.current.entry(handle).or_default();
        if before.saturating_add(*count) >= MAX_TRIES {
            return false;
        }
        *count += 1;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::{GENERATION_SECONDS, MAX_TRIES, MOST, Tries};
    use crate::values::clock::Timestamp;
    use crate::values::secret::TokenHash;

    fn admit(tries: &mut Tries, handle: &str, seconds: i64) -> bool {
        tries.admit(TokenHash::of(handle), Timestamp::from_seconds(seconds))
    }

    #[test]
    fn so_many_answers_are_looked_at_for_one_departure_and_as_many_for_another() {
        let mut tries = Tries::default();
        // The first of them just before the generation is over.
        assert!(admit(&mut tries, "other", 1));
        for n in 0..MAX_TRIES {
            assert!(admit(&mut tries, "handle", GENERATION_SECONDS + i64::from(n)), "{n}");
        }
        assert!(!admit(&mut tries, "handle", 2 * GENERATION_SECONDS), "over the end of a generation as well");
        assert!(admit(&mut tries, "another", 2 * GENERATION_SECONDS));
    }

    #[test]
    fn however_many_are_on_their_way_the_memory_is_bounded() {
        let mut tries = Tries::default();
        for n in 0..3 * MOST {
            assert!(admit(&mut tries, &n.to_string(), 1));
        }
        assert!(tries.current.len() <= MOST && tries.before.len() <= MOST);
    }
}
