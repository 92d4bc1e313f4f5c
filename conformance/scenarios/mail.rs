//! The mails of a story, as the person reads them.

use std::time::{Duration, Instant};

use crate::support::gateway::Gateway;

/// The first link to `path` in the mails to this address, put together again where the mail breaks its line.
pub async fn link(gateway: &Gateway, to: &str, path: &str) -> String {
    find(gateway, to, path, |mail| mail.split_whitespace().find(|word| word.contains(path)).map(str::to_owned)).await
}

/// Waits for a mail to this address in which `words` stand.
pub async fn says(gateway: &Gateway, to: &str, words: &str) {
    find(gateway, to, words, |mail| mail.contains(words).then_some(())).await;
}

async fn find<T>(gateway: &Gateway, to: &str, what: &str, look: impl Fn(&str) -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let mails = gateway.mail().into_iter().filter(|mail| mail.contains(&format!("To: {to}")));
        let mut found = mails.filter_map(|mail| look(&mail.replace("=\r\n", "").replace("=3D", "=")));
        if let Some(found) = found.next() {
            return found;
        }
        assert!(Instant::now() < deadline, "no {what} to {to}: {:#?}\n{}", gateway.mail(), gateway.log());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
