//! Documents that are fetched from customers' servers and kept for a while: failures for a few seconds, and of many
//! callers who want the same document at once one fetches it.

use std::hash::Hash;
use std::sync::Arc;
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use url::Url;

use super::http_client::{Answer, Call, HttpClient};
use super::idp::IdpFailure;

/// A document is kept at most this long, and for as long as its `max-age` says within these bounds.
const MIN_AGE: Duration = Duration::from_secs(5 * 60);
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
/// A failure is kept this long.
const FAILURE_AGE: Duration = Duration::from_secs(5);

/// A document or a failure, and how long it is kept.
#[derive(Clone)]
pub(super) struct Fetched<T> {
    pub(super) outcome: Result<Arc<T>, IdpFailure>,
    age: Duration,
}

struct ByOwnAge;

impl<K, T> Expiry<K, Fetched<T>> for ByOwnAge {
    fn expire_after_create(&self, _: &K, value: &Fetched<T>, _: Instant) -> Option<Duration> {
        Some(value.age)
    }

    fn expire_after_update(&self, _: &K, value: &Fetched<T>, _: Instant, _: Option<Duration>) -> Option<Duration> {
        Some(value.age)
    }
}

/// A place for at most `capacity` documents, each kept for its own time.
pub(super) fn cache<K, T>(capacity: u64) -> Cache<K, Fetched<T>>
where
    K: Hash + Eq + Send + Sync + 'static,
    T: Send + Sync + 'static,
    Fetched<T>: Clone,
{
    Cache::builder().max_capacity(capacity).expire_after(ByOwnAge).build()
}

/// Fetches, and says how long to keep what came.
pub(super) async fn kept<T>(fetch: impl Future<Output = Result<(T, Option<u64>), IdpFailure>>) -> Fetched<T> {
    match fetch.await {
        Ok((document, max_age_seconds)) => {
            let age = max_age_seconds.map_or(MIN_AGE, Duration::from_secs).clamp(MIN_AGE, MAX_AGE);
            Fetched { outcome: Ok(Arc::new(document)), age }
        }
        Err(failure) => Fetched { outcome: Err(failure), age: FAILURE_AGE },
    }
}

/// The document at `url`, anonymously.
pub(super) async fn document(http: &HttpClient, url: &Url, accept: &'static str) -> Result<Answer, IdpFailure> {
    successful(http.call(Call::get(url, accept)).await?)
}

/// The answer, when its status is 200.
pub(super) fn successful(answer: Answer) -> Result<Answer, IdpFailure> {
    if answer.status == 200 { Ok(answer) } else { Err(IdpFailure::Status(answer.status)) }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{FAILURE_AGE, kept};
    use crate::outbound::idp::IdpFailure;

    #[tokio::test]
    async fn a_document_is_kept_for_as_long_as_its_server_says_within_bounds() {
        const MINUTE: u64 = 60;
        for (said, minutes) in
            [(None, 5), (Some(0), 5), (Some(10 * MINUTE), 10), (Some(60 * MINUTE), 60), (Some(u64::MAX), 60)]
        {
            let age = kept(async { Ok(((), said)) }).await.age;
            assert_eq!(age, Duration::from_secs(minutes * MINUTE), "{said:?}");
        }
        let failed = kept::<()>(async { Err(IdpFailure::Status(500)) }).await;
        assert_eq!(failed.age, FAILURE_AGE);
    }
}
