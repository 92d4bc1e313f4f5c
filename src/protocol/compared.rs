//! What an answer said where a check failed, beside what it should have said, for the administrators who look for the reason.
//! Nothing of it is verified, or it would have passed: it is cut, bounded, and without the part of an address that can be secret.

use serde::Serialize;

/// So many values of one side are shown.
const MOST_VALUES: usize = 4;
/// So many characters of a value are shown.
const MOST_CHARACTERS: usize = 200;

/// One failed comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Compared {
    /// What was compared, by a stable name.
    what: &'static str,
    /// What it should have been: any of these.
    expected: Vec<String>,
    /// What it was, unverified; none when it was not there, or could not be seen.
    received: Vec<String>,
}

impl Compared {
    /// Of `what`, these were expected and those received.
    pub fn new<E: AsRef<str>, R: AsRef<str>>(
        what: &'static str,
        expected: impl IntoIterator<Item = E>,
        received: impl IntoIterator<Item = R>,
    ) -> Self {
        let expected = expected.into_iter().take(MOST_VALUES).map(|value| shown(value.as_ref())).collect();
        let received = received.into_iter().take(MOST_VALUES).map(|value| shown(value.as_ref())).collect();
        Self { what, expected, received }
    }
}

/// Without control characters, and without what follows the path of an address, where tokens stand.
fn shown(text: &str) -> String {
    let told = text.split(['?', '#']).next().unwrap_or_default();
    let mut shown: String = told.chars().filter(|character| !character.is_control()).take(MOST_CHARACTERS).collect();
    if told.len() < text.len() || told.chars().count() > MOST_CHARACTERS {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{Compared, MOST_CHARACTERS};

    #[test]
    fn what_is_shown_is_short_few_and_without_what_an_address_hides() {
        let long = "x".repeat(10_000);
        let secret = "https://app.test/acs?token=secret#more";
        let received = [secret, &long, "a\u{0}\u{1b}[31mb", "", "fifth"];
        let compared = Compared::new("audience", ["https://id.test"; 9], received);
        assert_eq!(compared.expected.len(), 4);
        assert_eq!(compared.received.len(), 4, "{compared:?}");
        assert_eq!(compared.received[0], "https://app.test/acs…");
        assert_eq!(compared.received[1].chars().count(), MOST_CHARACTERS + 1);
        assert_eq!(compared.received[2..], ["a[31mb".to_owned(), String::new()]);
    }
}
