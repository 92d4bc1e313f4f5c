//! The preferences of a request (RFC 7240) that this server honours: `respond-async`, and how long the client would rather
//! wait. Others are ignored, as the standard asks.

/// What a client would rather have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Preferences {
    /// It need not wait for the answer.
    pub is_asynchronous: bool,
    /// The seconds that it waits all the same.
    pub wait_seconds: Option<u32>,
}

/// Reads the values of all `Prefer` headers. Of a preference that comes twice the first counts (RFC 7240, section 2).
pub fn read<'h>(headers: impl Iterator<Item = &'h str>) -> Preferences {
    let mut preferences = Preferences::default();
    for preference in headers.flat_map(|header| header.split(',')) {
        let preference = preference.split(';').next().unwrap_or_default();
        let (name, value) = preference.split_once('=').map_or((preference, ""), |(name, value)| (name, value));
        match name.trim().to_ascii_lowercase().as_str() {
            "respond-async" => preferences.is_asynchronous = true,
            "wait" if preferences.wait_seconds.is_none() => {
                preferences.wait_seconds = value.trim().trim_matches('"').parse().ok();
            }
            _ => {}
        }
    }
    preferences
}

#[cfg(test)]
mod tests {
    use super::{Preferences, read};

    #[test]
    fn rfc7240_preferences_come_in_one_header_or_in_several() {
        let asynchronous = |wait_seconds| Preferences { is_asynchronous: true, wait_seconds };
        assert_eq!(read(["respond-async, wait=10"].into_iter()), asynchronous(Some(10)));
        assert_eq!(read(["Wait=\"3\"", "Respond-Async; x=1", "wait=9"].into_iter()), asynchronous(Some(3)));
        assert_eq!(read(["respond-async,wait=soon"].into_iter()), asynchronous(None));
        assert_eq!(read(["return=minimal, respond-asynchronously"].into_iter()), Preferences::default());
        assert_eq!(read(std::iter::empty()), Preferences::default());
    }
}
