//! What may be registered as a redirect URI, and the one way it is compared: as a string, character by character. Beside it, what
//! counts as another place of the same application: one on the very site of a redirect URI.

use url::Url;

use crate::values::loopback::is_loopback;

/// The longest redirect URI that can be registered.
pub const MAX_LENGTH: usize = 2_000;

/// Why a URI cannot be registered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRedirectUri {
    /// Not an absolute URI of printable ASCII, or too long.
    #[error("a redirect uri is an absolute uri of printable ascii, at most 2000 characters")]
    Malformed,
    /// A fragment (RFC 6749, 3.1.2: "MUST NOT include a fragment component").
    #[error("a redirect uri has no fragment")]
    Fragment,
    /// A user name or password before the host.
    #[error("a redirect uri has no user name or password")]
    Userinfo,
    /// `http` to a host that is not this machine.
    #[error("http is allowed for loopback only")]
    Insecure,
    /// `https` or `http` in a form that some readers take for another URI than others do.
    #[error(
        "a redirect uri is written the way browsers write it: scheme://host/path, without \\, * in the host, or dots"
    )]
    NotCanonical,
    /// A scheme that is neither `https` nor a reverse-domain scheme of a native app (RFC 8252, 7.1).
    #[error("the scheme is https, http to loopback, or a reverse domain name")]
    Scheme,
}

/// Checks a URI at registration. The gateway never derives it: what was registered is compared as it stands.
pub fn check(text: &str) -> Result<(), InvalidRedirectUri> {
    if text.len() > MAX_LENGTH || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(InvalidRedirectUri::Malformed);
    }
    let url = Url::parse(text).map_err(|_| InvalidRedirectUri::Malformed)?;
    if text.contains('#') {
        return Err(InvalidRedirectUri::Fragment);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(InvalidRedirectUri::Userinfo);
    }
    if matches!(url.scheme(), "https" | "http") && !is_canonical(text, &url) {
        return Err(InvalidRedirectUri::NotCanonical);
    }
    match url.scheme() {
        "https" if url.host().is_some() => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err(InvalidRedirectUri::Insecure),
        scheme if scheme.contains('.') => Ok(()),
        _ => Err(InvalidRedirectUri::Scheme),
    }
}

/// True when the text is what a browser makes of it, so that nobody reads another host or path out of it than the
/// browser goes to. Only the slash that a browser appends to a bare host may be missing.
fn is_canonical(text: &str, url: &Url) -> bool {
    let has_wildcard = url.host_str().is_none_or(|host| host.contains('*'));
    let is_same = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text) && url.path() == "/";
    !text.contains('\\') && !has_wildcard && is_same
}

/// Whether `requested` is one of the registered URIs, as a plain string (CVE-2023-6927, CVE-2024-8883: no prefix, no
/// wildcard, no normalisation, no varying port).
pub fn is_registered(requested: &str, registered: &[String]) -> bool {
    registered.iter().any(|uri| uri == requested)
}

/// A URL on the site of one of `known`, that is with the same scheme, host and port, and with nothing hidden in it.
pub fn on_the_site_of<'a>(uri: &str, known: impl IntoIterator<Item = &'a String>) -> Option<Url> {
    let url = Url::parse(uri).ok().filter(|_| uri.len() <= MAX_LENGTH)?;
    let is_plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let is_web = ["https", "http"].contains(&url.scheme());
    let mut known = known.into_iter().filter_map(|known| Url::parse(known).ok());
    (is_plain && is_web && known.any(|known| known.origin() == url.origin())).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::{InvalidRedirectUri, check, is_registered, on_the_site_of};

    #[test]
    fn https_loopback_and_native_schemes_can_be_registered() {
        for good in [
            "https://app.test/cb",
            "https://app.test/cb?x=1",
            "http://127.0.0.1:9/cb",
            "http://[::1]/cb",
            "com.app:/cb",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn dangerous_uris_cannot() {
        for (bad, why) in [
            ("/cb", InvalidRedirectUri::Malformed),
            ("https://app.test/c b", InvalidRedirectUri::Malformed),
            ("https://app.test/cb#", InvalidRedirectUri::Fragment),
            ("https://app.test@evil.test/", InvalidRedirectUri::Userinfo),
            ("http://app.test/cb", InvalidRedirectUri::Insecure),
            ("http://localhost.evil.test/cb", InvalidRedirectUri::Insecure),
            ("javascript:alert(1)", InvalidRedirectUri::Scheme),
            ("data:text/html,x", InvalidRedirectUri::Scheme),
        ] {
            assert_eq!(check(bad), Err(why), "{bad}");
        }
    }

    #[test]
    fn uris_that_readers_disagree_about_cannot() {
        for bad in [
            r"https://a.test\@b.test/",
            r"https://a.test/x\y",
            r"https:\\a.test\cb",
            "https:a.test",
            "https:/a.test/cb",
            "https:///a.test/cb",
            "https://*.a.test/",
            "https://*/cb",
            "https://a.test/../x",
            "https://a.test/./x",
            "https://a.test/x/%2e%2e/y",
            "https://A.test/cb",
            "HTTPS://a.test/cb",
            "https://a.test:443/cb",
            "https://0x7f.1/cb",
            "http://127.1/cb",
            "http:127.0.0.1/cb",
            "https://a.test?x=1",
        ] {
            assert_eq!(check(bad), Err(InvalidRedirectUri::NotCanonical), "{bad}");
        }
        for good in ["https://a.test", "https://a.test/", "https://a.test/*", "https://a.test/%7Ex", "http://[::1]:8/"]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn comparison_is_by_character() {
        let registered = ["https://app.test/cb".to_owned()];
        assert!(is_registered("https://app.test/cb", &registered));
        for other in [
            "https://app.test/cb/",
            "https://app.test/CB",
            "https://APP.test/cb",
            "https://app.test:443/cb",
            "https://app.test/cb?x=1",
            "https://app.test/%63b",
            "https://app.test/cb.evil.test",
            "",
        ] {
            assert!(!is_registered(other, &registered), "{other}");
        }
    }

    #[test]
    fn only_the_very_site_of_a_registered_uri_counts() {
        let known = ["https://app.test/callback".to_owned(), "com.acme.app:/callback".to_owned()];
        let is_known = |uri: &str| on_the_site_of(uri, &known).is_some();
        assert!(is_known("https://app.test/begin?x=1") && is_known("https://app.test:443/"));
        for other in [
            "http://app.test/begin",
            "https://app.test:8443/begin",
            "https://app.test.evil.test/",
            "https://evil.test/?https://app.test/",
            "https://app.test@evil.test/",
            "https://user@app.test/",
            "https://app.test/#x",
            "//app.test/",
            "/begin",
            "javascript:alert(1)",
            "com.acme.app:/callback",
            "",
        ] {
            assert!(!is_known(other), "{other}");
        }
    }
}
