//! Whether a URL leads to this machine, where demo and tests may do what is refused everywhere else.

use url::{Host, Url};

/// True when the URL's host is this machine, by its literal address or the one name that is reserved for it (RFC 6761, 6.3).
pub fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use url::Url;

    use super::is_loopback;

    #[test]
    fn this_machine_is_localhost_or_an_address_of_its_own() {
        let is_loopback = |url: &str| is_loopback(&Url::parse(url).unwrap());
        for url in
            ["http://localhost", "http://LOCALHOST:8080/", "https://127.0.0.1/", "http://127.9.9.9", "http://[::1]/"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
            "http://0.0.0.0",
            "http://[::ffff:10.0.0.1]",
            "http://10.0.0.1",
            "com.example.app:/localhost",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
