//! The peers whose word about a request's origin is taken.

use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

/// An IP network, as `10.0.0.0/8`; an address without a prefix length is itself alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network(IpNet);

/// The text is no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a network is an IP address with a prefix length, such as 10.0.0.0/8 or fd00::/8, or an address alone"
)]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Self, InvalidNetwork> {
        let network = text.parse().or_else(|_| text.parse::<IpAddr>().map(IpNet::from));
        network.map(Self).map_err(|_| InvalidNetwork)
    }
}

/// The proxies in front of the relay: what they say in `X-Forwarded-For`, `-Proto` and `-Host` is kept.
/// Of everybody else it is replaced. By default nobody is trusted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<Network>);

impl TrustedProxies {
    /// Those of the networks.
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Self {
        Self(networks)
    }

    /// Whether nobody is trusted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the peer is one. An IPv4 address in IPv6 form (RFC 4291 §2.5.5.2) counts as the IPv4 address: a
    /// socket on `[::]` sees its IPv4 peers so.
    #[must_use]
    pub fn contains(&self, peer: IpAddr) -> bool {
        let peer = peer.to_canonical();
        self.0.iter().any(|network| network.0.contains(&peer))
    }
}
