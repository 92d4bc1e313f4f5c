//! Which network a request comes from. Behind a proxy the connection is the proxy's; what it writes into
//! `X-Forwarded-For` counts only if the configuration names the proxy, since anybody can send that header.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use actix_web::HttpRequest;
use ipnet::IpNet;

/// The address of the client: the nearest one that is not a trusted proxy's.
pub fn client_address(request: &HttpRequest, trusted_proxies: &[IpNet]) -> IpAddr {
    let peer = request.peer_addr().map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
    let headers: Vec<&str> =
        request.headers().get_all("X-Forwarded-For").filter_map(|header| header.to_str().ok()).collect();
    // Each proxy appends the address it was called from, so the list is read from its end.
    let mut hops = headers.iter().rev().flat_map(|header| header.rsplit(','));
    let mut nearest = peer;
    while trusted_proxies.iter().any(|network| network.contains(&nearest)) {
        match hops.next().and_then(parse) {
            Some(hop) => nearest = hop,
            None => break,
        }
    }
    nearest
}

/// An address, which some proxies write with a port.
fn parse(hop: &str) -> Option<IpAddr> {
    let hop = hop.trim();
    let address = hop.parse::<IpAddr>().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use ipnet::IpNet;

    use super::client_address;

    fn address(peer: &str, forwarded: &[&str]) -> String {
        let trusted: [IpNet; 1] = ["10.0.0.0/8".parse().unwrap()];
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1234").parse().unwrap());
        for header in forwarded {
            request = request.append_header(("X-Forwarded-For", *header));
        }
        client_address(&request.to_http_request(), &trusted).to_string()
    }

    #[test]
    fn the_header_counts_only_behind_a_trusted_proxy() {
        assert_eq!(address("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
        assert_eq!(address("10.0.0.1", &["198.51.100.9"]), "198.51.100.9");
        assert_eq!(address("10.0.0.1", &[]), "10.0.0.1");
    }

    #[test]
    fn what_the_client_wrote_itself_is_passed_over() {
        assert_eq!(address("10.0.0.1", &["1.1.1.1, 198.51.100.9, 10.0.0.2"]), "198.51.100.9");
        assert_eq!(address("10.0.0.1", &["1.1.1.1", "198.51.100.9:4711"]), "198.51.100.9");
        assert_eq!(address("10.0.0.1", &["198.51.100.9, nonsense"]), "10.0.0.1");
    }
}
