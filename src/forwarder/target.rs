//! Where an app listens, as its developer writes it.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// An app's address with the path that webhooks go to: scheme, host, port, base path and base query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(super) origin: Arc<Origin>,
    /// Empty, or beginning with `/`.
    pub(super) path: String,
    /// Without its `?`.
    pub(super) query: Option<String>,
    /// What the `host` field says: the port only where it is not the scheme's own (RFC 9110 §7.2).
    pub(super) authority: String,
    url: Arc<str>,
}

/// Whom a connection is made to. Targets of one origin share connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Origin {
    pub(super) secure: bool,
    pub(super) host: Host,
    pub(super) port: u16,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    /// A name, in lower case.
    Name(String),
    Ip(IpAddr),
}

/// Why a text is no target. Each message shows what would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// Nothing was given.
    #[error("no address: say where the app listens, as in localhost:3000/webhooks")]
    Empty,
    /// A scheme other than http and https.
    #[error("{0:?} is no way to reach an app: use http or https, as in http://localhost:3000/webhooks")]
    Scheme(String),
    /// No number from 1 to 65535.
    #[error("{0:?} is no port: give a number from 1 to 65535, as in localhost:3000")]
    Port(String),
    /// Port 0.
    #[error("port 0 is none that can be reached: give the port that the app says it listens on")]
    PortZero,
    /// Neither a host name nor an IP address.
    #[error(
        "{0:?} is neither a host name nor an IP address: write localhost:3000, 127.0.0.1:3000 or [::1]:3000"
    )]
    Host(String),
    /// An IPv6 address without brackets.
    #[error("{0:?}: an IPv6 address stands in brackets, as in [::1]:3000")]
    Brackets(String),
    /// `0.0.0.0` or `::`.
    #[error("{0} is an address to listen on, not one to reach: write localhost:{1}")]
    Unspecified(IpAddr, u16),
    /// A user name, and perhaps a password. They are not repeated here.
    #[error(
        "a user name or password can't stand in the address: leave out all up to the @, and send the header yourself with -H 'Authorization: …'"
    )]
    UserInfo,
    /// A fragment.
    #[error("the part from the # on never reaches an app: leave it out")]
    Fragment,
    /// A character that must be percent-encoded.
    #[error("{0:?} can't stand in the path or query as it is: write it percent-encoded")]
    Character(char),
}

impl Target {
    /// Reads `3000`, `:3000/path`, `localhost:3000/x`, `http://…` or `https://…`.
    ///
    /// # Errors
    /// When the text is none of these: see [`InvalidTarget`].
    pub fn parse(text: &str) -> Result<Self, InvalidTarget> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidTarget::Empty);
        }
        if text.contains('#') {
            return Err(InvalidTarget::Fragment);
        }
        let (secure, rest) = scheme(text)?;
        let (authority, rest) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (path, query) = match rest.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (rest, None),
        };
        if let Some(odd) = rest.chars().find(|char| !char.is_ascii_graphic()) {
            return Err(InvalidTarget::Character(odd));
        }
        let bare = authority.len() == text.len() - rest.len();
        let origin = origin(secure, authority, bare)?;
        Ok(Self {
            authority: origin.authority(),
            url: format!("{}{rest}", origin.url()).into(),
            path: path.to_owned(),
            query: query.map(str::to_owned),
            origin: Arc::new(origin),
        })
    }

    /// The target as a URL, for people.
    #[must_use]
    pub fn url(&self) -> &Arc<str> {
        &self.url
    }
}

impl std::str::FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(text: &str) -> Result<Self, InvalidTarget> {
        Self::parse(text)
    }
}

impl Origin {
    fn authority(&self) -> String {
        if self.port == default_port(self.secure) { self.host.to_string() } else { self.to_string() }
    }

    /// The origin as a URL, without a port that the scheme implies.
    pub(super) fn url(&self) -> String {
        format!("{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Host {
    /// `localhost` and the names below it mean this machine, whatever a resolver says (RFC 6761 §6.3).
    pub(super) fn is_localhost(&self) -> bool {
        matches!(self, Self::Name(name) if name == "localhost" || name.ends_with(".localhost"))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

fn default_port(secure: bool) -> u16 {
    if secure { 443 } else { 80 }
}

fn scheme(text: &str) -> Result<(bool, &str), InvalidTarget> {
    match text.split_once("://") {
        // `://` behind the first slash or question mark belongs to the path or query.
        Some((scheme, _)) if scheme.contains(['/', '?']) => Ok((false, text)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => Ok((false, rest)),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => Ok((true, rest)),
        Some((scheme, _)) => Err(InvalidTarget::Scheme(scheme.to_owned())),
        None => Ok((false, text)),
    }
}

/// `bare`: no scheme was written, so that digits alone are a port.
fn origin(secure: bool, authority: &str, bare: bool) -> Result<Origin, InvalidTarget> {
    if authority.contains('@') {
        return Err(InvalidTarget::UserInfo);
    }
    if bare && authority.bytes().all(|byte| byte.is_ascii_digit()) && !authority.is_empty() {
        return Ok(Origin { secure, host: localhost(), port: port(authority)? });
    }
    let (host, digits) = split_port(authority)?;
    let port = digits.map_or(Ok(default_port(secure)), port)?;
    let host = match host {
        "" if digits.is_some() => localhost(),
        host => self::host(host)?,
    };
    match host {
        Host::Ip(ip) if ip.is_unspecified() => Err(InvalidTarget::Unspecified(ip, port)),
        host => Ok(Origin { secure, host, port }),
    }
}

fn localhost() -> Host {
    Host::Name("localhost".to_owned())
}

fn split_port(authority: &str) -> Result<(&str, Option<&str>), InvalidTarget> {
    if let Some(end) = authority.find(']') {
        let (host, rest) = authority.split_at(end + 1);
        return match rest.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if rest.is_empty() => Ok((host, None)),
            None => Err(InvalidTarget::Host(authority.to_owned())),
        };
    }
    match authority.rsplit_once(':') {
        Some((host, _)) if host.contains(':') => Err(InvalidTarget::Brackets(authority.to_owned())),
        Some((host, port)) => Ok((host, Some(port))),
        None => Ok((authority, None)),
    }
}

fn port(digits: &str) -> Result<u16, InvalidTarget> {
    // `u16::from_str` would take a plus sign.
    match digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse()) {
        Some(Ok(0)) => Err(InvalidTarget::PortZero),
        Some(Ok(port)) => Ok(port),
        _ => Err(InvalidTarget::Port(digits.to_owned())),
    }
}

fn host(text: &str) -> Result<Host, InvalidTarget> {
    let invalid = || InvalidTarget::Host(text.to_owned());
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().map(|ip| Host::Ip(ip.into())).map_err(|_| invalid());
    }
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Ok(Host::Ip(ip));
    }
    let labels = text.strip_suffix('.').unwrap_or(text).split('.');
    // A last label of digits alone is meant as an IPv4 address, and is none.
    let numeric = labels.clone().next_back().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()));
    if text.len() > 253 || numeric || !labels.into_iter().all(is_label) {
        return Err(invalid());
    }
    Ok(Host::Name(text.to_ascii_lowercase()))
}

/// RFC 1123 §2.1, and the underscore that container networks use.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> String {
        Target::parse(text).unwrap().url().to_string()
    }

    #[test]
    fn every_form_is_read() {
        for (text, expected) in [
            ("3000", "http://localhost:3000"),
            ("3000/api?x=1", "http://localhost:3000/api?x=1"),
            (":3000", "http://localhost:3000"),
            (":3000/path", "http://localhost:3000/path"),
            (" localhost:3000/x ", "http://localhost:3000/x"),
            ("LocalHost:3000/X", "http://localhost:3000/X"),
            ("localhost", "http://localhost"),
            ("app.test/x", "http://app.test/x"),
            ("my_app:8080", "http://my_app:8080"),
            ("127.0.0.1:3000", "http://127.0.0.1:3000"),
            ("[::1]:3000/x", "http://[::1]:3000/x"),
            ("[::1]", "http://[::1]"),
            ("http://localhost:80/x", "http://localhost/x"),
            ("HTTPS://localhost:3000", "https://localhost:3000"),
            ("https://localhost:443?x", "https://localhost?x"),
            ("https://app.example.com", "https://app.example.com"),
            ("http://:3000/x", "http://localhost:3000/x"),
            ("localhost:3000/to?next=http://a.test/", "http://localhost:3000/to?next=http://a.test/"),
            ("3000/p%20q", "http://localhost:3000/p%20q"),
        ] {
            assert_eq!(url(text), expected, "{text}");
        }
    }

    #[test]
    fn parts_stand_where_they_belong() {
        let target = Target::parse("https://app.test:8443/base/?x=1&y").unwrap();
        assert!(target.origin.secure);
        assert_eq!(target.origin.port, 8443);
        assert_eq!(target.authority, "app.test:8443");
        assert_eq!((target.path.as_str(), target.query.as_deref()), ("/base/", Some("x=1&y")));
        assert_eq!(Target::parse("https://[::1]").unwrap().authority, "[::1]");
        assert_eq!(Target::parse("3000").unwrap().path, "");
    }

    #[test]
    fn what_is_no_target_is_told_what_would_be_right() {
        let texts = [
            "",
            "0",
            "localhost:0",
            "localhost:65536",
            "localhost:",
            "localhost:http",
            "localhost:+80",
            "ftp://localhost",
            "http://",
            "http://3000",
            "/path",
            "::1",
            "::1:3000",
            "[::1]x",
            "[::1%eth0]:3000",
            "[localhost]:3000",
            "127.0.1:3000",
            "300.1.1.1",
            "0.0.0.0:8000",
            "[::]:8000/x",
            "-",
            "app..test",
            "lo cal:3000",
            "hé.test",
            "http://user:hunter2@localhost:3000",
            "localhost:3000/x#top",
            "localhost:3000/a b",
            "localhost:3000/é",
            "localhost:3000/\u{1b}[2J",
        ];
        let told: Vec<String> = texts
            .iter()
            .filter_map(|text| Some(format!("{text:?}\n    {}", Target::parse(text).err()?)))
            .collect();
        insta::assert_snapshot!(told.join("\n"));
        let with_password = Target::parse("http://user:hunter2@localhost:3000").unwrap_err();
        assert!(!with_password.to_string().contains("hunter2"));
    }

    #[test]
    fn localhost_is_told_from_other_hosts() {
        let is_localhost = |text| Target::parse(text).unwrap().origin.host.is_localhost();
        assert!(is_localhost("localhost") && is_localhost("acme.localhost:3000"));
        assert!(!is_localhost("127.0.0.1") && !is_localhost("notlocalhost:1"));
    }
}
