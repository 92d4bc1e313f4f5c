//! JSON over HTTP as scripts do it: one bearer token, one base address.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use serde_json::Value;

/// How long a connection that nobody uses is kept: less than the gateway keeps it, which would close it under a request.
const IDLE: Duration = Duration::from_secs(1);

/// An HTTP client that follows no redirect and uses no proxy.
#[expect(clippy::disallowed_methods, reason = "a test is outside the gateway, whose own calls go through outbound")]
pub fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    let builder = builder.pool_idle_timeout(IDLE);
    builder.build().expect("an HTTP client")
}

/// A base address and a token for it.
#[derive(Clone)]
pub struct Api {
    client: reqwest::Client,
    pub base: String,
    token: String,
    content_type: &'static str,
}

/// A status and a JSON body; `Null` when the body is empty.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: reqwest::header::HeaderMap,
    pub body: Value,
}

impl Api {
    /// Calls below `base` with `token`, in JSON.
    pub fn new(base: &str, token: &str) -> Self {
        Self { client: client(), base: base.to_owned(), token: token.to_owned(), content_type: "application/json" }
    }

    /// The same in the media type of SCIM.
    pub fn scim(base: &str, token: &str) -> Self {
        Self { content_type: "application/scim+json", ..Self::new(base, token) }
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.call(Method::DELETE, path, None).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.call(Method::PUT, path, Some(body)).await
    }

    /// Any method.
    pub async fn call(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let url = format!("{}{path}", self.base);
        let mut request = self.client.request(method.clone(), &url).header("accept", self.content_type);
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.header("content-type", self.content_type).body(body.to_string());
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{method} {url}: {error:?}"));
        let (status, headers) = (answer.status(), answer.headers().clone());
        let text = answer.text().await.expect("a body");
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Answer { status, headers, body }
    }
}

impl Answer {
    /// The body, after the status was compared.
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self.body
    }
}
