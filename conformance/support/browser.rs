//! A person's browser without a screen: follows redirects and pages that lead on by themselves, fills in forms, and keeps cookies the way a browser does,
//! `Secure`, `Path` and `SameSite` included. A site is a scheme and a host, whatever the port. It takes the part of a proxy
//! that terminates TLS: what it asks for on https goes to the same address in plain text.

use std::sync::Mutex;

use reqwest::header::{ACCEPT, COOKIE, HeaderMap, LOCATION, ORIGIN, REFRESH, SET_COOKIE};
use reqwest::{Method, StatusCode};
use url::Url;

use super::form::Form;
use super::http::client;

/// One browser with one cookie jar.
pub struct Browser {
    client: reqwest::Client,
    jar: Mutex<Vec<Cookie>>,
    accept: &'static str,
}

/// What a browser ended up on.
#[derive(Debug)]
pub struct Page {
    pub url: Url,
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
    /// Every address on the way, in order, this one last.
    pub visited: Vec<Url>,
}

/// A cookie as it was set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    pub host: String,
    pub path: String,
    pub is_secure: bool,
    pub is_http_only: bool,
    pub same_site: String,
}

struct Step {
    method: Method,
    url: Url,
    body: Option<String>,
    from: Option<Url>,
}

const MOST_REDIRECTS: usize = 20;

impl Browser {
    /// A browser with an empty jar.
    pub fn new() -> Self {
        Self { client: client(), jar: Mutex::default(), accept: "text/html" }
    }

    /// The same, but it asks for JSON, for apps that show their state to tests that way.
    pub fn asking_for_json() -> Self {
        Self { accept: "application/json", ..Self::new() }
    }

    /// Opens an address as if it were typed, and follows redirects.
    pub async fn open(&self, url: &str) -> Page {
        self.walk(Step { method: Method::GET, url: parse(url), body: None, from: None }).await
    }

    /// Submits the page's first form with `values` filled in over what stands in it, and follows redirects.
    pub async fn submit(&self, page: &Page, values: &[(&str, &str)]) -> Page {
        let form = Form::first_in(&page.body).unwrap_or_else(|| panic!("no form on {}:\n{}", page.url, page.body));
        let action = page.url.join(&form.action).expect("the form's action is an address");
        self.send_form(&page.url, &form.method, action, &form.filled(values)).await
    }

    /// Sends form fields to `url` as a page at `from` would.
    pub async fn send_form(&self, from: &Url, method: &str, url: Url, fields: &[(String, String)]) -> Page {
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        let from = Some(from.clone());
        let step = if method.eq_ignore_ascii_case("post") {
            Step { method: Method::POST, url, body: Some(query), from }
        } else {
            let mut url = url;
            url.set_query(Some(&query));
            Step { method: Method::GET, url, body: None, from }
        };
        self.walk(step).await
    }

    /// The cookies that were set and not removed, for any host.
    pub fn cookies(&self) -> Vec<Cookie> {
        self.jar.lock().expect("no test panicked with the jar").clone()
    }

    async fn walk(&self, mut step: Step) -> Page {
        let mut visited = Vec::new();
        loop {
            visited.push(step.url.clone());
            let answer = self.send(&step).await;
            let header = |name| answer.headers().get(name).and_then(|value| value.to_str().ok());
            let redirect = header(LOCATION).filter(|_| answer.status().is_redirection());
            let by_itself = header(REFRESH).and_then(|value| value.strip_prefix("0; url="));
            let next = redirect.or(by_itself).map(|location| step.url.join(location));
            match next {
                Some(next) => {
                    assert!(visited.len() <= MOST_REDIRECTS, "too many redirects: {visited:#?}");
                    let keeps_method = matches!(answer.status().as_u16(), 307 | 308);
                    step.url = next.expect("a redirect names an address");
                    if !keeps_method {
                        (step.method, step.body) = (Method::GET, None);
                    }
                }
                None => {
                    let (status, headers) = (answer.status(), answer.headers().clone());
                    let body = answer.text().await.expect("a body");
                    return Page { url: step.url, status, headers, body, visited };
                }
            }
        }
    }

    async fn send(&self, step: &Step) -> reqwest::Response {
        let mut address = step.url.clone();
        if address.scheme() == "https" {
            address.set_scheme("http").expect("one web scheme can stand for the other");
        }
        let mut request = self.client.request(step.method.clone(), address).header(ACCEPT, self.accept);
        let cookies = self.cookie_header(step);
        if !cookies.is_empty() {
            request = request.header(COOKIE, cookies);
        }
        if let Some(body) = &step.body {
            let origin = step.from.as_ref().map_or("null".to_owned(), |from| from.origin().ascii_serialization());
            let site = if is_cross_site(step) { "cross-site" } else { "same-origin" };
            request = request.header(ORIGIN, origin).header("sec-fetch-site", site).body(body.clone());
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        let answer = request.send().await.unwrap_or_else(|error| panic!("{} {}: {error:?}", step.method, step.url));
        for line in answer.headers().get_all(SET_COOKIE) {
            self.keep(&step.url, line.to_str().expect("a cookie is text"));
        }
        answer
    }

    fn cookie_header(&self, step: &Step) -> String {
        let is_unsafe_cross_site = step.method != Method::GET && is_cross_site(step);
        let jar = self.jar.lock().expect("no test panicked with the jar");
        let sent = jar.iter().filter(|cookie| {
            Some(cookie.host.as_str()) == step.url.host_str()
                && step.url.path().starts_with(&cookie.path)
                && (!cookie.is_secure || step.url.scheme() == "https")
                && (!is_unsafe_cross_site || cookie.same_site.eq_ignore_ascii_case("none"))
        });
        sent.map(|cookie| format!("{}={}", cookie.name, cookie.value)).collect::<Vec<_>>().join("; ")
    }

    fn keep(&self, url: &Url, line: &str) {
        let (cookie, is_removal) = read_cookie(url, line);
        let mut jar = self.jar.lock().expect("no test panicked with the jar");
        jar.retain(|old| (&old.name, &old.host, &old.path) != (&cookie.name, &cookie.host, &cookie.path));
        if !is_removal {
            jar.push(cookie);
        }
    }
}

fn parse(url: &str) -> Url {
    Url::parse(url).unwrap_or_else(|error| panic!("{url}: {error}"))
}

fn is_cross_site(step: &Step) -> bool {
    let site = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned));
    step.from.as_ref().is_some_and(|from| site(from) != site(&step.url))
}

/// Reads a `Set-Cookie` line; the flag says that it removes the cookie.
fn read_cookie(url: &Url, line: &str) -> (Cookie, bool) {
    let mut parts = line.split(';').map(str::trim);
    let (name, value) = parts.next().and_then(|pair| pair.split_once('=')).expect("a cookie has a name and a value");
    let mut cookie = Cookie {
        name: name.to_owned(),
        value: value.to_owned(),
        host: url.host_str().expect("a page has a host").to_owned(),
        path: "/".to_owned(),
        is_secure: false,
        is_http_only: false,
        same_site: "Lax".to_owned(),
    };
    let mut is_removal = value.is_empty();
    for attribute in parts {
        let (name, value) = attribute.split_once('=').unwrap_or((attribute, ""));
        match name.to_ascii_lowercase().as_str() {
            "path" => cookie.path = value.to_owned(),
            "secure" => cookie.is_secure = true,
            "httponly" => cookie.is_http_only = true,
            "samesite" => cookie.same_site = value.to_owned(),
            "max-age" => is_removal |= value.parse::<i64>().is_ok_and(|seconds| seconds <= 0),
            _ => {}
        }
    }
    (cookie, is_removal)
}
