//! Key sets that others publish (RFC 7517), by URL: those of identity providers, and those of clients that prove
//! themselves with a signature.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use url::Url;

use super::fetched::{self, Fetched, kept};
use super::http_client::HttpClient;
use super::idp::IdpFailure;
use crate::protocol::oidc::relying_party::jwks::MalformedKeySet;

/// Keys are fetched again for an unknown key id at most once in this time.
const REFRESH_AGE: Duration = Duration::from_secs(30);
/// At most this many key sets are kept in memory.
const KEY_SETS: u64 = 10_000;

/// Reads a document as a key set.
type Parse<T> = fn(&[u8]) -> Result<T, MalformedKeySet>;

/// The key sets of one kind. Clones share what is kept.
pub struct KeySets<T> {
    http: HttpClient,
    parse: Parse<T>,
    known: Cache<Url, Fetched<T>>,
    refreshed: Cache<Url, Fetched<T>>,
}

impl<T> Clone for KeySets<T> {
    fn clone(&self) -> Self {
        let Self { http, parse, known, refreshed } = self;
        Self { http: http.clone(), parse: *parse, known: known.clone(), refreshed: refreshed.clone() }
    }
}

impl<T: Clone + Send + Sync + 'static> KeySets<T> {
    /// Key sets that are fetched through `http` and read by `parse`.
    pub fn new(http: HttpClient, parse: Parse<T>) -> Self {
        let refreshed = Cache::builder().max_capacity(KEY_SETS).time_to_live(REFRESH_AGE).build();
        Self { http, parse, known: fetched::cache(KEY_SETS), refreshed }
    }

    /// The keys at `url`.
    pub async fn keys(&self, url: &Url) -> Result<Arc<T>, IdpFailure> {
        self.known.get_with_by_ref(url, self.fetch(url)).await.outcome
    }

    /// The keys at `url`, fetched again because none of those known fits a token. Within half a minute the same
    /// answer is given to everybody.
    pub async fn refreshed(&self, url: &Url) -> Result<Arc<T>, IdpFailure> {
        let refresh = async {
            let fetched = self.fetch(url).await;
            // A failed refresh does not take away the keys that still work for other tokens.
            if fetched.outcome.is_ok() {
                self.known.insert(url.clone(), fetched.clone()).await;
            }
            fetched
        };
        self.refreshed.get_with_by_ref(url, refresh).await.outcome
    }

    async fn fetch(&self, url: &Url) -> Fetched<T> {
        let fetch = async {
            let answer = fetched::document(&self.http, url, "application/jwk-set+json, application/json").await?;
            Ok(((self.parse)(&answer.body)?, answer.max_age_seconds))
        };
        kept(fetch).await
    }
}

impl<T> std::fmt::Debug for KeySets<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("KeySets")
    }
}
