//! The one HTTP client for calls to machines that organizations name: identity providers today, webhook receivers and
//! other data centers later.
//!
//! Every call is https (or http to loopback where that is allowed), follows no redirect, uses no proxy, connects only
//! to addresses that [`address::is_allowed`] lets through, ends within one deadline, reads a bounded body, and shares a
//! bounded number of places with the other calls to the same host, so that one slow provider cannot use up the gateway.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Method, RequestBuilder, Response};
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::outbound::address::{self, Reach};
use crate::outbound::dns::{self, Hosts};
use crate::values::loopback::is_loopback;
use crate::values::secret::Secret;

/// A longer `ETag` is as none.
const MAX_ETAG_BYTES: usize = 256;

/// How the client behaves.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Which addresses may be called.
    pub reach: Reach,
    /// Time to find and reach the other side.
    pub connect_timeout: Duration,
    /// Time for a whole call: waiting for a place, connecting, sending, reading.
    pub total_timeout: Duration,
    /// The longest body that is read.
    pub max_body_bytes: usize,
    /// Calls to one host at the same time.
    pub calls_per_host: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            reach: Reach::Public,
            connect_timeout: Duration::from_secs(3),
            total_timeout: Duration::from_secs(10),
            max_body_bytes: 1024 * 1024,
            calls_per_host: 32,
        }
    }
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// Where to.
    pub url: &'a Url,
    /// The media type asked for.
    pub accept: &'static str,
    /// The `Authorization` header.
    pub authorization: Option<&'a Secret>,
    /// The `application/x-www-form-urlencoded` body to POST; `None` makes the call a GET.
    pub form: Option<&'a Secret>,
    /// The `ETag` of what is known already; the answer is 304 when nothing has changed.
    pub known: Option<&'a str>,
}

impl<'a> Call<'a> {
    /// An anonymous GET.
    pub fn get(url: &'a Url, accept: &'static str) -> Self {
        Self { url, accept, authorization: None, form: None, known: None }
    }
}

/// What came back, whatever its status.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The media type without parameters, in lower case; empty when the answer named none.
    pub media_type: String,
    /// `max-age` of `Cache-Control`, in seconds.
    pub max_age_seconds: Option<u64>,
    /// `ETag`, when it is one that can be sent back.
    pub etag: Option<String>,
    /// The body, complete.
    pub body: Vec<u8>,
}

/// Why there is no answer. None of the texts repeats what the other side sent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallFailure {
    /// Not https (nor http to allowed loopback), or credentials inside the URL.
    #[error("the url is not one that may be called")]
    ForbiddenUrl,
    /// The host has no address that may be called.
    #[error("the host has no address that may be called")]
    ForbiddenAddress,
    /// No such host, no connection, or a failed TLS handshake.
    #[error("the host cannot be reached")]
    Unreachable,
    /// The deadline passed.
    #[error("the host did not answer in time")]
    TimedOut,
    /// The body is longer than allowed.
    #[error("the answer is longer than allowed")]
    TooLong,
    /// The connection broke or the answer is not HTTP.
    #[error("the answer cannot be read")]
    Broken,
}

/// The client. Clones share connections and places.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    settings: Settings,
    places: Cache<String, Arc<Semaphore>>,
}

/// The client could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetUpFailure {
    /// The TLS stack could not.
    #[error("the http client cannot be set up")]
    Client(#[source] reqwest::Error),
    /// The resolver could not.
    #[error(transparent)]
    Resolver(#[from] dns::SetUpFailure),
}

impl HttpClient {
    /// A client that behaves as `settings` say.
    pub fn new(settings: Settings) -> Result<Self, SetUpFailure> {
        let hosts = Hosts::new(&[], settings.connect_timeout)?;
        Self::finding(hosts, settings)
    }

    /// The same with hosts found by `hosts`.
    #[expect(clippy::disallowed_methods, reason = "this is the one place where an http client is made")]
    fn finding(hosts: Hosts, settings: Settings) -> Result<Self, SetUpFailure> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("causeway/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout)
            .pool_idle_timeout(Duration::from_secs(30))
            .pool_max_idle_per_host(4)
            .dns_resolver(Arc::new(CheckingResolver { reach: settings.reach, hosts }))
            .build()
            .map_err(SetUpFailure::Client)?;
        let places = Cache::builder().max_capacity(10_000).time_to_idle(Duration::from_secs(600)).build();
        Ok(Self { client, settings, places })
    }

    /// Makes `call` and reads the whole answer. Any HTTP status is an answer; a redirect is not followed.
    pub async fn call(&self, call: Call<'_>) -> Result<Answer, CallFailure> {
        check_url(call.url, self.settings.reach)?;
        let places = self.places_of(call.url);
        let work = async {
            let _place = places.acquire().await.map_err(|_| CallFailure::Unreachable)?;
            let response = self.request(&call).send().await.map_err(|error| failure_of(&error))?;
            read(response, self.settings.max_body_bytes).await
        };
        tokio::time::timeout(self.settings.total_timeout, work).await.map_err(|_| CallFailure::TimedOut)?
    }

    /// Which addresses this client calls.
    pub fn reach(&self) -> Reach {
        self.settings.reach
    }

    fn request(&self, call: &Call<'_>) -> RequestBuilder {
        let method = if call.form.is_some() { Method::POST } else { Method::GET };
        let mut request = self.client.request(method, call.url.clone()).header(ACCEPT, call.accept);
        if let Some(authorization) = call.authorization {
            request = request.header(AUTHORIZATION, authorization.expose());
        }
        if let Some(known) = call.known {
            request = request.header(IF_NONE_MATCH, known);
        }
        if let Some(form) = call.form {
            request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.expose().to_owned());
        }
        request
    }

    fn places_of(&self, url: &Url) -> Arc<Semaphore> {
        let host = url.host_str().unwrap_or_default();
        let key = format!("{host}:{}", url.port_or_known_default().unwrap_or_default());
        self.places.get_with(key, || Arc::new(Semaphore::new(self.settings.calls_per_host)))
    }
}

impl std::fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpClient").field("settings", &self.settings).finish_non_exhaustive()
    }
}

fn check_url(url: &Url, reach: Reach) -> Result<(), CallFailure> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(CallFailure::ForbiddenUrl);
    }
    // The resolver below is not asked about a host that is an address already.
    let literal = match url.host().ok_or(CallFailure::ForbiddenUrl)? {
        Host::Ipv4(v4) => Some(v4.into()),
        Host::Ipv6(v6) => Some(v6.into()),
        Host::Domain(_) => None,
    };
    if literal.is_some_and(|literal| !address::is_allowed(literal, reach)) {
        return Err(CallFailure::ForbiddenAddress);
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(url) && reach == Reach::PublicAndLoopback => Ok(()),
        _ => Err(CallFailure::ForbiddenUrl),
    }
}

async fn read(mut response: Response, max_body_bytes: usize) -> Result<Answer, CallFailure> {
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let media_type = header(CONTENT_TYPE).split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let max_age_seconds =
        header(CACHE_CONTROL).split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse().ok());
    let etag = Some(header(ETAG)).filter(|etag| (1..=MAX_ETAG_BYTES).contains(&etag.len())).map(str::to_owned);
    let status = response.status().as_u16();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure_of(&error))? {
        if body.len().saturating_add(chunk.len()) > max_body_bytes {
            return Err(CallFailure::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, media_type, max_age_seconds, etag, body })
}

fn failure_of(error: &reqwest::Error) -> CallFailure {
    let mut cause = error.source();
    while let Some(source) = cause {
        if source.is::<NoAllowedAddress>() {
            return CallFailure::ForbiddenAddress;
        }
        cause = source.source();
    }
    if error.is_timeout() {
        CallFailure::TimedOut
    } else if error.is_connect() {
        CallFailure::Unreachable
    } else {
        CallFailure::Broken
    }
}

/// All addresses of the host were dropped.
#[derive(Debug, thiserror::Error)]
#[error("the host has no address that may be called")]
struct NoAllowedAddress;

/// Asks the system's resolver and drops the addresses that may not be called. The connector connects to what it gets
/// from here and asks nobody again.
struct CheckingResolver {
    reach: Reach,
    hosts: Hosts,
}

impl Resolve for CheckingResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (reach, hosts) = (self.reach, self.hosts.clone());
        Box::pin(async move {
            let found = hosts.addresses(name.as_str()).await?.into_iter();
            let allowed = found.filter(|address| address::is_allowed(*address, reach));
            let allowed: Vec<SocketAddr> = allowed.map(|address| SocketAddr::new(address, 0)).collect();
            if allowed.is_empty() {
                return Err(NoAllowedAddress.into());
            }
            Ok(Box::new(allowed.into_iter()) as Addrs)
        })
    }
}

#[cfg(test)]
mod tests;
