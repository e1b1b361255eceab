//! The origin that senders reach, and the addresses under it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;
use std::sync::Arc;

use http::Uri;
use muxhook_protocol::EndpointId;

use super::Domain;

/// The origin that senders reach: `http` or `https`, a host, perhaps a port; no `/` at its end. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl(Arc<str>);

/// The text is no public URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPublicUrl {
    /// Not a URL, or of another scheme.
    #[error("a public URL begins with https:// or http:// and a host, such as https://hooks.example.com")]
    Form,
    /// It has more than a host and a port.
    #[error(
        "a public URL has no user, path, query or fragment: endpoints come behind it, as in https://hooks.example.com/h/…"
    )]
    More,
}

impl PublicUrl {
    /// What a relay can be reached at that is bound to `address`. An address that stands for every interface is
    /// reached on this machine at the loopback one.
    #[must_use]
    pub fn of(address: SocketAddr, is_tls: bool) -> Self {
        let ip = match address.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
            ip => ip,
        };
        let (scheme, usual) = if is_tls { ("https", 443) } else { ("http", 80) };
        let host = match ip {
            IpAddr::V4(ip) => ip.to_string(),
            IpAddr::V6(ip) => format!("[{ip}]"),
        };
        match address.port() {
            port if port == usual => Self(format!("{scheme}://{host}").into()),
            port => Self(format!("{scheme}://{host}:{port}").into()),
        }
    }

    /// What a relay with a certificate for `domain` is reached at; `None` when that is no host's name after all.
    pub(super) fn named(domain: &Domain, port: u16) -> Option<Self> {
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        format!("https://{}{port}", domain.as_str()).parse().ok()
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether CLIs take it only with `--plain`: unencrypted, and beyond this machine.
    #[must_use]
    pub fn needs_plain(&self) -> bool {
        let Some(authority) = self.0.strip_prefix("http://") else { return false };
        let host = authority.rsplit_once(':').map_or(authority, |(host, port)| {
            if port.bytes().all(|byte| byte.is_ascii_digit()) { host } else { authority }
        });
        let ip = host.trim_matches(['[', ']']).parse::<IpAddr>();
        !(host == "localhost" || host.ends_with(".localhost") || ip.is_ok_and(|ip| ip.is_loopback()))
    }

    /// The public address of an endpoint.
    #[must_use]
    pub fn endpoint(&self, endpoint: &EndpointId) -> String {
        format!("{}/h/{endpoint}", self.0)
    }
}

impl FromStr for PublicUrl {
    type Err = InvalidPublicUrl;

    fn from_str(text: &str) -> Result<Self, InvalidPublicUrl> {
        let uri: Uri = text.parse().map_err(|_| InvalidPublicUrl::Form)?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(InvalidPublicUrl::Form);
        };
        // `Uri` forgets a fragment.
        if uri.path() != "/" || uri.query().is_some() || text.contains(['#', '@']) {
            return Err(InvalidPublicUrl::More);
        }
        let port = authority.as_str().strip_prefix(authority.host()).unwrap_or_default();
        let is_port = port.is_empty() || port[1..].parse::<u16>().is_ok_and(|port| port > 0);
        if authority.host().is_empty() || !is_port {
            return Err(InvalidPublicUrl::Form);
        }
        Ok(Self(format!("{scheme}://{}", authority.as_str().to_ascii_lowercase()).into()))
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
