//! Comparing instants of another machine's clock with ours.

use crate::protocol::saml::document::Element;
use crate::values::clock::Timestamp;

/// Now, and how far two clocks may be apart.
#[derive(Debug, Clone, Copy)]
pub struct Window {
    /// Our clock.
    pub now: Timestamp,
    /// The tolerated difference, both ways.
    pub skew_seconds: i64,
}

impl Window {
    /// Whether the instant is still to come, even if our clock is late.
    pub fn is_future(&self, at: Timestamp) -> bool {
        at > self.now.plus_seconds(self.skew_seconds)
    }

    /// Whether an end "not on or after" this instant has been reached, even if our clock is early.
    pub fn is_over(&self, end: Timestamp) -> bool {
        end.plus_seconds(self.skew_seconds) <= self.now
    }

    /// Whether the instant is before another that our clock measured.
    pub fn is_before(&self, at: Timestamp, ours: Timestamp) -> bool {
        at.plus_seconds(self.skew_seconds) < ours
    }
}

/// An attribute with an instant in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instant {
    /// The attribute is not there.
    Absent,
    /// It is not an `xsd:dateTime` with a time zone.
    Unreadable,
    /// It is.
    At(Timestamp),
}

/// Reads the attribute. SAML core 1.3.3: instants are in UTC; one without a zone is unreadable.
pub fn instant(element: &Element, attribute: &str) -> Instant {
    match element.attribute(attribute).map(Timestamp::parse_rfc3339) {
        None => Instant::Absent,
        Some(None) => Instant::Unreadable,
        Some(Some(at)) => Instant::At(at),
    }
}

#[cfg(test)]
mod tests {
    use super::Window;
    use crate::values::clock::Timestamp;

    #[test]
    fn the_skew_counts_both_ways_and_an_end_is_exclusive() {
        let at = Timestamp::from_seconds;
        let window = Window { now: at(1_000), skew_seconds: 60 };
        assert!(!window.is_future(at(1_060)));
        assert!(window.is_future(at(1_061)));
        assert!(!window.is_over(at(941)));
        assert!(window.is_over(at(940)));
        assert!(!window.is_before(at(940), at(1_000)));
        assert!(window.is_before(at(939), at(1_000)));
    }
}
