//! The three cookies of the gateway, and nothing else a browser is asked to keep.
//!
//! *session* names a live session; *attempt* binds the sign-ins that a browser began to that browser; *device* says that
//! somebody has signed in in it before, outlives the browser's window, and opens nothing. All are opaque
//! random tokens, hashed in the store, `HttpOnly` and `SameSite=Lax`. On https their names carry the `__Host-` prefix,
//! so that no other host and no plain-text answer can set them (RFC 6265bis, 4.1.3.2). On http, which the
//! configuration allows on loopback only, a browser would drop such a cookie, so the names differ and `Secure` is left
//! out. The data center is part of the name: data centers under one name do not overwrite each other.

use actix_web::HttpRequest;
use actix_web::http::header::{COOKIE, HeaderValue, InvalidHeaderValue};
use url::Url;

use crate::access::devices::KEPT_SECONDS;
use crate::values::data_center::DataCenter;
use crate::values::secret::Secret;

/// The longest value that is looked at.
const MAX_VALUE: usize = 128;

/// Which cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cookie {
    /// A live session.
    Session,
    /// The browser in which sign-in attempts began.
    Attempt,
    /// A browser in which somebody has signed in before.
    Device,
}

/// How this gateway's cookies are named and marked.
#[derive(Debug, Clone)]
pub struct Cookies {
    data_center: DataCenter,
    is_https: bool,
}

impl Cookies {
    /// For a gateway that people reach at `public_url`.
    pub fn new(data_center: DataCenter, public_url: &Url) -> Self {
        Self { data_center, is_https: public_url.scheme() == "https" }
    }

    /// The cookie's name.
    pub fn name(&self, cookie: Cookie) -> String {
        let purpose = match cookie {
            Cookie::Session => "session",
            Cookie::Attempt => "attempt",
            Cookie::Device => "device",
        };
        let prefix = if self.is_https { "__Host-" } else { "" };
        format!("{prefix}causeway-{}-{purpose}", self.data_center)
    }

    /// The value that the browser sent. `None` when it sent none, more than one, or one that is not a token: a second
    /// cookie of the same name can only have been planted.
    pub fn read(&self, request: &HttpRequest, cookie: Cookie) -> Option<Secret> {
        let name = self.name(cookie);
        let headers = request.headers().get_all(COOKIE).filter_map(|header| header.to_str().ok());
        let pairs = headers.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
        let value = values.next()?;
        let is_token = !value.is_empty()
            && value.len() <= MAX_VALUE
            && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        (is_token && values.next().is_none()).then(|| Secret::from(value.to_owned()))
    }

    /// The `Set-Cookie` header that stores `value`: until the browser is closed, or for [`KEPT_SECONDS`] where the browser is
    /// to be known again. The store knows how long the value is good for; the browser need not.
    pub fn set(&self, cookie: Cookie, value: &Secret) -> Result<HeaderValue, InvalidHeaderValue> {
        let age = match cookie {
            Cookie::Device => format!("; Max-Age={KEPT_SECONDS}"),
            Cookie::Session | Cookie::Attempt => String::new(),
        };
        HeaderValue::from_str(&format!("{}={}{age}{}", self.name(cookie), value.expose(), self.attributes()))
    }

    /// The `Set-Cookie` header that removes the cookie.
    pub fn remove(&self, cookie: Cookie) -> Result<HeaderValue, InvalidHeaderValue> {
        HeaderValue::from_str(&format!("{}=; Max-Age=0{}", self.name(cookie), self.attributes()))
    }

    fn attributes(&self) -> &'static str {
        if self.is_https { "; Path=/; HttpOnly; SameSite=Lax; Secure" } else { "; Path=/; HttpOnly; SameSite=Lax" }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::{Cookie, Cookies};
    use crate::values::secret::Secret;

    fn cookies(public_url: &str) -> Cookies {
        Cookies::new("us".parse().unwrap(), &public_url.parse().unwrap())
    }

    fn read(header: &str) -> Option<String> {
        let request = TestRequest::default().insert_header(("Cookie", header)).to_http_request();
        let found = cookies("https://id.example").read(&request, Cookie::Session);
        found.map(|value| value.expose().to_owned())
    }

    #[test]
    fn on_https_a_cookie_belongs_to_this_host_alone() {
        let header = cookies("https://id.example").set(Cookie::Session, &Secret::from("t0ken".to_owned())).unwrap();
        let expected = "__Host-causeway-us-session=t0ken; Path=/; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(header.to_str().unwrap(), expected);
    }

    #[test]
    fn on_http_the_cookie_has_another_name_and_is_not_secure() {
        let header = cookies("http://localhost:8080").set(Cookie::Attempt, &Secret::from("t0ken".to_owned())).unwrap();
        assert_eq!(header.to_str().unwrap(), "causeway-us-attempt=t0ken; Path=/; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn removing_keeps_the_attributes_that_browsers_compare() {
        let header = cookies("https://id.example").remove(Cookie::Session).unwrap();
        let expected = "__Host-causeway-us-session=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax; Secure";
        assert_eq!(header.to_str().unwrap(), expected);
    }

    #[test]
    fn only_the_one_cookie_of_the_right_name_is_read() {
        assert_eq!(read("a=b; __Host-causeway-us-session=t0ken; c=d"), Some("t0ken".to_owned()));
        for header in [
            "causeway-us-session=t0ken",
            "__Host-causeway-eu-session=t0ken",
            "__Host-causeway-us-session=",
            "__Host-causeway-us-session=a b",
            "__Host-causeway-us-session=\"t0ken\"",
            "__Host-causeway-us-session=one; __Host-causeway-us-session=two",
        ] {
            assert_eq!(read(header), None, "{header}");
        }
        assert_eq!(read(&format!("__Host-causeway-us-session={}", "a".repeat(129))), None);
    }
}
