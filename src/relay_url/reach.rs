//! From where a host can be reached, going by how it is written. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// From where a host can be reached, going by its name or address alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// From its own machine.
    Machine,
    /// From its own network.
    Network,
    /// From everywhere, as far as one can see.
    World,
}

impl Reach {
    /// `host`: a name in lower case, perhaps with the root's dot, or an address without brackets.
    pub(super) fn of(host: &str) -> Self {
        match host.parse() {
            Ok(IpAddr::V4(ip)) => Self::of_v4(ip),
            Ok(IpAddr::V6(ip)) => ip.to_ipv4_mapped().map_or_else(|| Self::of_v6(ip), Self::of_v4),
            Err(_) => Self::of_name(host),
        }
    }

    fn of_v4(ip: Ipv4Addr) -> Self {
        let [first, second, ..] = ip.octets();
        // RFC 6598: what providers use behind their own translation of addresses.
        let shared = first == 100 && (64..128).contains(&second);
        if ip.is_loopback() || ip.is_unspecified() {
            Self::Machine
        } else if ip.is_private() || ip.is_link_local() || shared {
            Self::Network
        } else {
            Self::World
        }
    }

    fn of_v6(ip: Ipv6Addr) -> Self {
        if ip.is_loopback() || ip.is_unspecified() {
            Self::Machine
        } else if ip.is_unique_local() || ip.is_unicast_link_local() {
            Self::Network
        } else {
            Self::World
        }
    }

    /// Names for local use: RFC 6761 (localhost), 6762 (local), 8375 (home.arpa), and `internal`, which ICANN keeps
    /// free.
    fn of_name(name: &str) -> Self {
        let name = name.strip_suffix('.').unwrap_or(name);
        let below =
            |top: &str| name.strip_suffix(top).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        if below("localhost") {
            Self::Machine
        } else if !name.contains('.') || ["local", "internal", "home.arpa"].into_iter().any(below) {
            Self::Network
        } else {
            Self::World
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_mux_cannot_reach_is_told_from_what_it_can() {
        for (reach, hosts) in [
            (
                Reach::Machine,
                "localhost localhost. app.localhost 127.0.0.1 127.9.9.9 ::1 0.0.0.0 :: ::ffff:127.0.0.1",
            ),
            (
                Reach::Network,
                "10.0.0.7 192.168.1.2 172.16.0.1 169.254.1.1 100.64.0.1 fd00::1 fe80::1 ::ffff:10.0.0.1 devbox \
                 devbox.local relay.corp.internal nas.home.arpa",
            ),
            (
                Reach::World,
                "hooks.example.com notlocal.example mylocalhost.dev 203.0.113.7 172.32.0.1 100.128.0.1 2001:db8::1",
            ),
        ] {
            for host in hosts.split_whitespace() {
                assert_eq!(Reach::of(host), reach, "{host}");
            }
        }
    }
}
