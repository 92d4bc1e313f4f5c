//! Which network addresses the gateway may call. An organization configures URLs, so an organization could aim the
//! gateway at its own inside (SSRF). The rule is applied to the address that is connected to, not to the name, so that
//! a name that changes between two look-ups (DNS rebinding) gains nothing.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};

/// What may be called beside the public internet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// The public internet only.
    Public,
    /// Loopback as well, for the demo and tests (`outbound.allow_loopback`).
    PublicAndLoopback,
}

/// IPv4 blocks that are not globally reachable unicast (IANA special-purpose address registry, multicast, reserved).
const NOT_PUBLIC_V4: [Ipv4Net; 17] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 31, 196, 0, 24),
    v4(192, 52, 193, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// The only IPv6 block that IANA hands out as global unicast. IPv4-mapped, NAT64, unique-local, link-local and
/// multicast addresses lie outside of it.
const GLOBAL_UNICAST_V6: Ipv6Net = v6([0x2000, 0, 0], 3);

/// Parts of the global unicast block that are not public or that carry an IPv4 address inside (Teredo, 6to4).
const NOT_PUBLIC_V6: [Ipv6Net; 4] =
    [v6([0x2001, 0, 0], 23), v6([0x2001, 0x0db8, 0], 32), v6([0x2002, 0, 0], 16), v6([0x3fff, 0, 0], 20)];

/// True when the gateway may connect to `address`.
pub fn is_allowed(address: IpAddr, reach: Reach) -> bool {
    let address = address.to_canonical();
    if address.is_loopback() {
        return reach == Reach::PublicAndLoopback;
    }
    match address {
        IpAddr::V4(v4) => !NOT_PUBLIC_V4.iter().any(|block| block.contains(&v4)),
        IpAddr::V6(v6) => GLOBAL_UNICAST_V6.contains(&v6) && !NOT_PUBLIC_V6.iter().any(|block| block.contains(&v6)),
    }
}

const fn v4(a: u8, b: u8, c: u8, d: u8, length: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length)
}

const fn v6(head: [u16; 3], length: u8) -> Ipv6Net {
    let [a, b, c] = head;
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), length)
}

#[cfg(test)]
mod tests {
    use super::{Reach, is_allowed};

    fn allowed(text: &str, reach: Reach) -> bool {
        is_allowed(text.parse().unwrap(), reach)
    }

    #[test]
    fn the_public_internet_may_be_called() {
        for address in ["8.8.8.8", "172.15.255.255", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"] {
            assert!(allowed(address, Reach::Public), "{address}");
        }
    }

    #[test]
    fn the_inside_may_not_be_called_in_any_spelling() {
        for address in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "198.19.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "fe80::1",
            "fc00::1",
            "fd00:ec2::254",
            "ff02::1",
            "::ffff:10.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a00:1",
            "2002:a00:1::",
            "2001:0:a00:1::1",
            "2001:db8::1",
            "::10.0.0.1",
        ] {
            assert!(!allowed(address, Reach::PublicAndLoopback), "{address}");
        }
    }

    #[test]
    fn loopback_is_called_only_where_the_configuration_allows_it() {
        for address in ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"] {
            assert!(!allowed(address, Reach::Public), "{address}");
            assert!(allowed(address, Reach::PublicAndLoopback), "{address}");
        }
    }
}
