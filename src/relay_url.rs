//! Where a relay is: an origin, and nothing else.

mod reach;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use http::Uri;

pub use reach::Reach;

/// Longest relay URL that is looked at, in bytes.
const MAX_LENGTH: usize = 512;

/// The origin of a relay (RFC 6454 §4): scheme, host and port. Written the same way whatever was typed: host in
/// lower case, IPv6 shortened, the scheme's own port left out. Tokens are kept by this, so equal means the same
/// relay.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RelayUrl {
    origin: String,
    host: String,
    port: u16,
    tls: bool,
}

/// The text is no relay's URL, or one that muxhook does not speak to. Never repeats what may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRelayUrl {
    /// No `http://` or `https://` in front.
    #[error("it has no scheme: write https:// in front of the host")]
    NoScheme,
    /// Some other scheme.
    #[error("its scheme is `{0}`: a relay is at https:// (or at http:// on this machine)")]
    Scheme(String),
    /// A user name or password, which would end up in logs.
    #[error("it holds a user name or password: leave it out, `muxhook login` stores a token")]
    UserInfo,
    /// A path behind the origin.
    #[error("it has a path: a relay's URL ends after the host and port")]
    Path,
    /// A query or fragment.
    #[error("it has a query or a fragment: a relay's URL ends after the host and port")]
    Query,
    /// No host, or one that is neither a name nor an address.
    #[error("its host is neither an ASCII name nor an IP address")]
    Host,
    /// No port that can be dialled.
    #[error("its port is not a number from 1 to 65535")]
    Port,
    /// `http://` to another machine.
    #[error(
        "http:// would send the token to {0} unencrypted: use https://, or --plain if you trust the way there"
    )]
    Plain(String),
    /// Not a URL at all.
    #[error("it is no URL: write one like https://hooks.example.com")]
    NoUrl,
}

impl RelayUrl {
    /// Reads a relay's URL: `https://host[:port]`, or `http://` when the host is this machine or `plain_allowed`.
    ///
    /// # Errors
    /// What is wrong with it, for people.
    pub fn parse(text: &str, plain_allowed: bool) -> Result<Self, InvalidRelayUrl> {
        let uri = absolute(text.trim())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            Some(other) => return Err(InvalidRelayUrl::Scheme(other.to_owned())),
            None => return Err(InvalidRelayUrl::NoScheme),
        };
        let authority = uri.authority().ok_or(InvalidRelayUrl::Host)?;
        if authority.as_str().contains('@') {
            return Err(InvalidRelayUrl::UserInfo);
        }
        if uri.query().is_some() {
            return Err(InvalidRelayUrl::Query);
        }
        if !matches!(uri.path(), "" | "/") {
            return Err(InvalidRelayUrl::Path);
        }
        let host = canonical_host(authority.host())?;
        let port = port(authority.as_str(), authority.host(), tls)?;
        let url = Self::new(tls, host, port);
        if !tls && !plain_allowed && !url.is_loopback() {
            return Err(InvalidRelayUrl::Plain(url.host));
        }
        Ok(url)
    }

    /// A relay on this machine: `http://127.0.0.1:<port>`.
    #[must_use]
    pub fn loopback(port: u16) -> Self {
        Self::new(false, "127.0.0.1".to_owned(), port)
    }

    fn new(tls: bool, host: String, port: u16) -> Self {
        let scheme = if tls { "https" } else { "http" };
        let written = if host.contains(':') { format!("[{host}]") } else { host.clone() };
        let origin = if port == default_port(tls) {
            format!("{scheme}://{written}")
        } else {
            format!("{scheme}://{written}:{port}")
        };
        Self { origin, host, port, tls }
    }

    /// From where it can be reached, as far as one can see.
    #[must_use]
    pub fn reach(&self) -> Reach {
        Reach::of(&self.host)
    }

    /// `https://hooks.example.com:8443`, without a slash at the end.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Whether TLS is spoken: `https`.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// The host's name or address; an IPv6 address stands without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, the scheme's own when none was written.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// `host` or `host:port` as the `Host` header wants it (RFC 9110 §7.2).
    #[must_use]
    pub fn authority(&self) -> &str {
        self.origin.split_once("://").map_or("", |(_, authority)| authority)
    }

    /// Whether the host is this machine: `localhost` or a loopback address.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || IpAddr::from_str(&self.host).is_ok_and(|address| address.is_loopback())
    }
}

/// A URI with a scheme. `http::Uri` drops fragments and takes `host:port` for one, so both are looked at first.
fn absolute(text: &str) -> Result<Uri, InvalidRelayUrl> {
    if text.is_empty() || text.len() > MAX_LENGTH {
        return Err(InvalidRelayUrl::NoUrl);
    }
    let Some((_, rest)) = text.split_once("://") else { return Err(InvalidRelayUrl::NoScheme) };
    if rest.contains('#') {
        return Err(InvalidRelayUrl::Query);
    }
    if rest.is_empty() || rest.starts_with(['/', ':', '?']) || !rest.is_ascii() {
        return Err(InvalidRelayUrl::Host);
    }
    text.parse().map_err(|_| InvalidRelayUrl::NoUrl)
}

fn canonical_host(host: &str) -> Result<String, InvalidRelayUrl> {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return Ipv6Addr::from_str(inner)
            .map(|address| address.to_string())
            .map_err(|_| InvalidRelayUrl::Host);
    }
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if host.len() <= 253 && host.split('.').all(label) {
        Ok(host.to_ascii_lowercase())
    } else {
        Err(InvalidRelayUrl::Host)
    }
}

fn port(authority: &str, host: &str, tls: bool) -> Result<u16, InvalidRelayUrl> {
    match authority.get(host.len()..).unwrap_or_default() {
        "" => Ok(default_port(tls)),
        written => written
            .strip_prefix(':')
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
            .and_then(|digits| digits.parse().ok())
            .filter(|port| *port != 0)
            .ok_or(InvalidRelayUrl::Port),
    }
}

fn default_port(tls: bool) -> u16 {
    if tls { 443 } else { 80 }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.origin)
    }
}

impl fmt::Debug for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(text: &str) -> String {
        RelayUrl::parse(text, true).unwrap().origin().to_owned()
    }

    #[test]
    fn writes_one_relay_in_one_way() {
        assert_eq!(origin("https://hooks.example.com"), "https://hooks.example.com");
        assert_eq!(origin(" https://Hooks.Example.COM:443/ "), "https://hooks.example.com");
        assert_eq!(origin("https://hooks.example.com:8443"), "https://hooks.example.com:8443");
        assert_eq!(origin("http://10.0.0.7:80"), "http://10.0.0.7");
        assert_eq!(origin("https://[2001:DB8:0:0::1]:8443"), "https://[2001:db8::1]:8443");
        assert_eq!(origin("HTTPS://relay"), "https://relay");
    }

    #[test]
    fn tells_its_parts() {
        let url = RelayUrl::parse("https://[::1]", false).unwrap();
        assert_eq!((url.host(), url.port(), url.is_tls()), ("::1", 443, true));
        assert!(url.is_loopback());
        let local = RelayUrl::loopback(6894);
        assert_eq!(RelayUrl::parse("http://127.0.0.1:6894", false).as_ref(), Ok(&local));
        assert_eq!(url.authority(), "[::1]");
        assert_eq!(RelayUrl::parse("http://localhost:6894", false).unwrap().authority(), "localhost:6894");
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for text in ["http://localhost:1", "http://127.0.0.1:1", "http://127.9.9.9", "http://[::1]:1"] {
            assert!(RelayUrl::parse(text, false).unwrap().is_loopback(), "{text}");
        }
        for text in
            ["http://hooks.example.com", "http://localhost.evil.com", "http://10.0.0.7", "http://0.0.0.0:1"]
        {
            let refused = RelayUrl::parse(text, false).unwrap_err();
            assert!(matches!(refused, InvalidRelayUrl::Plain(_)), "{text}: {refused}");
            assert!(RelayUrl::parse(text, true).is_ok());
        }
    }

    #[test]
    fn refuses_what_is_no_origin() {
        use InvalidRelayUrl as E;
        for (text, expected) in [
            ("", E::NoUrl),
            ("hooks.example.com", E::NoScheme),
            ("hooks.example.com:8443", E::NoScheme),
            ("wss://hooks.example.com", E::Scheme("wss".into())),
            ("https://", E::Host),
            ("https:///x", E::Host),
            ("https://:443", E::Host),
            ("https://hööks.example", E::Host),
            ("https://hooks..example", E::Host),
            ("https://hooks.example/relay", E::Path),
            ("https://hooks.example//", E::Path),
            ("https://hooks.example?x=1", E::Query),
            ("https://hooks.example/#x", E::Query),
            ("https://me:hunter2@hooks.example", E::UserInfo),
            ("https://hooks.example:0", E::Port),
            ("https://hooks.example:", E::Port),
            ("https://hooks.example:65536", E::Port),
            ("https://hooks.example:+1", E::Port),
            ("https://hooks example", E::NoUrl),
        ] {
            let refused = RelayUrl::parse(text, true).unwrap_err();
            assert_eq!(refused, expected, "{text}");
            assert!(!refused.to_string().contains("hunter2"));
        }
        assert_eq!(RelayUrl::parse(&format!("https://{}", "a".repeat(600)), true), Err(E::NoUrl));
    }
}
