//! Which proxy leads to a relay, by the environment's customary variables. Pure.

use std::net::IpAddr;

use data_encoding::BASE64;
use http::{HeaderValue, Uri};

use super::error::DialError;
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// What the environment says of proxies. Kept as it stands: a bad value matters only to a relay that it rules.
/// The values may hold passwords.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    http: Option<Variable>,
    https: Option<Variable>,
    no_proxy: String,
}

#[derive(Clone, Debug)]
struct Variable {
    name: &'static str,
    value: Secret,
}

/// A proxy to go through.
#[derive(Debug)]
pub(super) struct Proxy {
    pub(super) host: String,
    pub(super) port: u16,
    /// Whether TLS is spoken to the proxy itself.
    pub(super) tls: bool,
    /// `Proxy-Authorization` (RFC 9110 §11.7.2), marked sensitive.
    pub(super) authorization: Option<HeaderValue>,
}

impl ProxySettings {
    /// Takes `https_proxy`, `http_proxy`, `all_proxy` and `no_proxy`, in lower case or else in upper case, from
    /// `get`, which tells a variable's value.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let filled = |name: &'static str| get(name).filter(|value| !value.trim().is_empty());
        let variable = |names: [&'static str; 4]| {
            names
                .into_iter()
                .find_map(|name| filled(name).map(|value| Variable { name, value: Secret::new(value) }))
        };
        Self {
            http: variable(["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"]),
            https: variable(["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]),
            no_proxy: filled("no_proxy").or_else(|| filled("NO_PROXY")).unwrap_or_default(),
        }
    }

    /// The proxy to go through to `relay`; `None`: none. Never one to this machine itself.
    pub(super) fn proxy_for(&self, relay: &RelayUrl) -> Result<Option<Proxy>, DialError> {
        let variable = if relay.is_tls() { &self.https } else { &self.http };
        let Some(variable) = variable else { return Ok(None) };
        if relay.is_loopback() || exempt(&self.no_proxy, relay.host(), relay.port()) {
            return Ok(None);
        }
        let proxy = read(variable.value.expose().trim());
        proxy
            .map(Some)
            .map_err(|why| DialError::lasting(format!("the proxy that {} names {why}", variable.name)))
    }
}

/// Whether `host:port` is to be reached directly. Entries stand between commas or spaces: `*`, a name (which
/// stands for what is below it as well, with or without a dot in front), an address, a block of addresses; each
/// name or address may have a port behind it.
fn exempt(no_proxy: &str, host: &str, port: u16) -> bool {
    no_proxy
        .split([',', ' '])
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
        .any(|entry| entry == "*" || matches(entry, host, port))
}

fn matches(entry: &str, host: &str, port: u16) -> bool {
    let address = host.parse::<IpAddr>().ok();
    if let (Some(address), Some(block)) = (address, block(entry)) {
        return block.holds(address);
    }
    let (name, wanted) = match entry.rsplit_once(':') {
        Some((name, digits)) if !name.contains(':') || name.ends_with(']') => (name, digits.parse().ok()),
        _ => (entry, None),
    };
    if wanted.is_some_and(|wanted: u16| wanted != port) {
        return false;
    }
    let name = name.trim_matches(['[', ']']);
    match address {
        Some(address) => name.parse() == Ok(address),
        None => below(host, name.trim_start_matches('.')),
    }
}

/// Whether `host` is `name`, or ends in `.name`.
fn below(host: &str, name: &str) -> bool {
    let Some(start) = host.len().checked_sub(name.len()) else { return false };
    let fits = host.get(start..).is_some_and(|end| end.eq_ignore_ascii_case(name));
    !name.is_empty() && fits && (start == 0 || host.as_bytes()[start - 1] == b'.')
}

/// A block of addresses (RFC 4632 §3.1): `10.0.0.0/8`.
struct Block {
    base: IpAddr,
    prefix: u32,
}

fn block(entry: &str) -> Option<Block> {
    let (base, prefix) = entry.split_once('/')?;
    Some(Block { base: base.parse().ok()?, prefix: prefix.parse().ok()? })
}

impl Block {
    fn holds(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.base, address) {
            (IpAddr::V4(a), IpAddr::V4(b)) => (u128::from(a.to_bits()), u128::from(b.to_bits()), 32),
            (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits(), b.to_bits(), 128),
            _ => return false,
        };
        self.prefix <= width && (ours ^ theirs).checked_shr(width - self.prefix).unwrap_or(0) == 0
    }
}

/// Reads a proxy's URL. The error ends a sentence that began with the proxy, and repeats nothing of the value.
fn read(text: &str) -> Result<Proxy, &'static str> {
    let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let uri: Uri = text.parse().map_err(|_| "is no URL: write one like http://proxy.example.com:3128")?;
    let tls = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err("is neither an http:// nor an https:// one: muxhook can't go through it"),
    };
    let authority = uri.authority().ok_or("has no host")?;
    let port = authority.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let host = authority.host().trim_matches(['[', ']']);
    if host.is_empty() || port == 0 {
        return Err("has no host, or port 0");
    }
    let user = authority.as_str().rsplit_once('@').map(|(user, _)| user);
    let authorization = user.map(basic).transpose()?;
    Ok(Proxy { host: host.to_owned(), port, tls, authorization })
}

/// `user:password`, percent-encoded, as the `Basic` scheme wants it (RFC 7617 §2).
fn basic(user: &str) -> Result<HeaderValue, &'static str> {
    let mut user = decoded(user).ok_or("has a % in its user name or password that begins no %XX")?;
    if !user.contains(&b':') {
        user.push(b':');
    }
    let value = format!("Basic {}", BASE64.encode(&user));
    let mut value = HeaderValue::try_from(value).map_err(|_| "has a user name that can't be sent")?;
    value.set_sensitive(true);
    Ok(value)
}

/// Percent-decoding (RFC 3986 §2.1).
fn decoded(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2)?;
        bytes.extend(data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok()?);
        bytes.extend_from_slice(rest.as_bytes());
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> ProxySettings {
        let get = |name: &str| pairs.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
        ProxySettings::from_env(get)
    }

    fn proxy(pairs: &[(&str, &str)], relay: &str) -> Option<String> {
        let relay = RelayUrl::parse(relay, true).unwrap();
        let proxy = settings(pairs).proxy_for(&relay).unwrap();
        proxy.map(|proxy| format!("{}:{}", proxy.host, proxy.port))
    }

    #[test]
    fn the_relays_scheme_picks_the_variable() {
        let both = [("HTTPS_PROXY", "http://s:1"), ("HTTP_PROXY", "http://p:2"), ("ALL_PROXY", "http://a:3")];
        assert_eq!(proxy(&both, "https://relay.example").unwrap(), "s:1");
        assert_eq!(proxy(&both, "http://relay.example").unwrap(), "p:2");
        assert_eq!(proxy(&both[1..], "https://relay.example").unwrap(), "a:3");
        assert_eq!(proxy(&both[..1], "http://relay.example"), None);
    }

    #[test]
    fn lower_case_goes_first_and_empty_is_unset() {
        let pairs = [("HTTPS_PROXY", "http://upper:1"), ("https_proxy", "http://lower:1")];
        assert_eq!(proxy(&pairs, "https://relay.example").unwrap(), "lower:1");
        let pairs = [("HTTPS_PROXY", "http://upper:1"), ("https_proxy", " ")];
        assert_eq!(proxy(&pairs, "https://relay.example").unwrap(), "upper:1");
    }

    #[test]
    fn this_machine_is_reached_directly() {
        let pairs = [("ALL_PROXY", "http://proxy:1")];
        for relay in ["http://localhost:6894", "https://127.0.0.2", "http://[::1]:1"] {
            assert_eq!(proxy(&pairs, relay), None, "{relay}");
        }
    }

    #[test]
    fn a_proxy_has_a_customary_spelling() {
        for (value, expected) in [
            ("proxy.corp:3128", "proxy.corp:3128"),
            ("http://proxy.corp", "proxy.corp:80"),
            ("https://proxy.corp/", "proxy.corp:443"),
            ("http://[2001:db8::1]:8080", "2001:db8::1:8080"),
            ("http://me:p%40ss@proxy.corp:1", "proxy.corp:1"),
        ] {
            let found = proxy(&[("https_proxy", value)], "https://relay.example");
            assert_eq!(found.as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn user_and_password_become_basic_credentials() {
        let sent = |text: &str| read(text).unwrap().authorization.unwrap().to_str().unwrap().to_owned();
        assert_eq!(sent("http://Aladdin:open%20sesame@proxy"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(sent("http://a@proxy"), format!("Basic {}", BASE64.encode(b"a:")));
        assert!(read("http://proxy").unwrap().authorization.is_none());
        let proxy = read("http://me:hunter2@proxy").unwrap();
        assert!(!format!("{proxy:?}").contains(&BASE64.encode(b"me:hunter2")));
    }

    #[test]
    fn a_bad_proxy_is_named_by_its_variable_and_its_password_kept() {
        let relay = RelayUrl::parse("https://relay.example", true).unwrap();
        for value in ["socks5://me:hunter2@proxy:1080", "http://me:hunter2%@proxy", "http://hunter2:0", "://"]
        {
            let settings = settings(&[("https_proxy", value)]);
            let error = settings.proxy_for(&relay).unwrap_err();
            assert!(!error.is_transient());
            assert!(error.to_string().starts_with("the proxy that https_proxy names "), "{error}");
            assert!(!format!("{error}{settings:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn no_proxy_exempts() {
        for (list, host, port, expected) in [
            ("*", "relay.example", 443, true),
            ("", "relay.example", 443, false),
            ("relay.example", "relay.example", 443, true),
            ("Relay.Example", "relay.example", 443, true),
            ("example", "relay.example", 443, true),
            (".example", "relay.example", 443, true),
            (".relay.example", "relay.example", 443, true),
            ("lay.example", "relay.example", 443, false),
            ("a.relay.example", "relay.example", 443, false),
            ("other, relay.example", "relay.example", 443, true),
            ("other relay.example", "relay.example", 443, true),
            ("relay.example:8443", "relay.example", 443, false),
            ("relay.example:443", "relay.example", 443, true),
            ("10.0.0.7", "10.0.0.7", 443, true),
            ("10.0.0.7:80", "10.0.0.7", 443, false),
            ("10.0.0.0/8", "10.200.0.7", 443, true),
            ("10.0.0.0/8", "11.0.0.7", 443, false),
            ("0.0.0.0/0", "11.0.0.7", 443, true),
            ("10.0.0.0/33", "10.0.0.0", 443, false),
            ("2001:db8::/32", "2001:db8::7", 443, true),
            ("::/0", "2001:db8::7", 443, true),
            ("2001:db8::7", "2001:db8::7", 443, true),
            ("[2001:db8::7]:443", "2001:db8::7", 443, true),
            ("[2001:db8::7]:80", "2001:db8::7", 443, false),
            (".", "relay.example", 443, false),
            ("0.7", "10.0.0.7", 443, false),
        ] {
            assert_eq!(exempt(list, host, port), expected, "{list} {host}:{port}");
        }
    }
}
