//! What a relay needs to know to get certificates by itself (ACME, RFC 8555).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use http::Uri;
use rustls_pki_types::DnsName;

use super::{ConfigError, Options};

/// Let's Encrypt's directory.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// The port that HTTP-01 is checked on (RFC 8555 §8.3).
const HTTP: u16 = 80;

/// Most names of one certificate, as at Let's Encrypt.
const MOST_DOMAINS: usize = 100;

/// How certificates are had from an ACME directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The names that the certificate is for; the first is that of the public URL. At least one.
    pub domains: Vec<Domain>,
    /// Whom the directory may write to.
    pub email: Option<Email>,
    /// Whom certificates are asked of.
    pub directory: DirectoryUrl,
    /// PEM file with the only roots that the directory's own certificate may come from; `None`: those of the system.
    pub ca: Option<PathBuf>,
    /// Where HTTP-01 is answered; empty: TLS-ALPN-01 alone is.
    pub http: Vec<SocketAddr>,
}

/// The name of a host as a certificate has it: lower case, no wildcard, no IP address, no dot at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Domain(String);

impl Domain {
    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The text is no name that a certificate can be had for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDomain {
    /// That takes DNS-01, which needs the keys to somebody's DNS.
    #[error("a certificate for a wildcard can't be had this way: name each host")]
    Wildcard,
    /// It has another form.
    #[error("it takes a host's name in ASCII, such as hooks.example.com, without scheme and port")]
    Form,
}

impl FromStr for Domain {
    type Err = InvalidDomain;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("*.") {
            return Err(InvalidDomain::Wildcard);
        }
        let is_name = DnsName::try_from(text).is_ok() && !text.ends_with('.') && !text.contains('_');
        // What ends in a number is an IP address (WHATWG URL, "ends in a number").
        let last = text.rsplit('.').next().unwrap_or_default();
        if is_name && !last.bytes().all(|byte| byte.is_ascii_digit()) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(InvalidDomain::Form)
        }
    }
}

/// An address of mail, for `contact` (RFC 8555 §7.3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// As a URL (RFC 6068).
    #[must_use]
    pub fn mailto(&self) -> String {
        format!("mailto:{}", self.0)
    }
}

/// The text is no address of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("it takes one address of mail, such as ops@example.com")]
pub struct InvalidEmail;

impl FromStr for Email {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // One address and no header fields, which RFC 8555 forbids here.
        let fits = |byte: u8| byte.is_ascii_graphic() && !b",?&%#:/<>\"\\".contains(&byte);
        let is_one = text.len() <= 254 && text.bytes().all(fits) && text.matches('@').count() == 1;
        if is_one && !text.starts_with('@') && !text.ends_with('@') {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidEmail)
        }
    }
}

/// Where an ACME directory is: always over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DirectoryUrl(Uri);

impl DirectoryUrl {
    /// The URL.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        &self.0
    }
}

/// The text is no directory's URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a directory's URL begins with https:// and a host, and has no user: {LETS_ENCRYPT}")]
pub struct InvalidDirectoryUrl;

impl FromStr for DirectoryUrl {
    type Err = InvalidDirectoryUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let uri = Uri::from_str(text).map_err(|_| InvalidDirectoryUrl)?;
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let has_host = uri.host().is_some_and(|host| !host.is_empty());
        if uri.scheme_str() == Some("https") && has_host && !has_user {
            Ok(Self(uri))
        } else {
            Err(InvalidDirectoryUrl)
        }
    }
}

/// What the options say of ACME. Those of its flags that mean nothing without a domain are refused.
pub(super) fn resolve(options: &Options) -> Result<Option<Acme>, ConfigError> {
    let lonely = [
        ("--acme-email", options.acme_email.is_some()),
        ("--acme-directory", options.acme_directory.is_some()),
        ("--acme-ca", options.acme_ca.is_some()),
        ("a socket named acme-http", !options.acme_http.is_empty()),
    ];
    if options.acme_domain.is_empty() {
        let given = lonely.into_iter().find(|(_, is_given)| *is_given);
        return given.map_or(Ok(None), |(flag, _)| Err(ConfigError::NoAcmeDomain(flag)));
    }
    let others = [
        ("--tls-cert", options.tls_cert.is_some()),
        ("--tls-key", options.tls_key.is_some()),
        ("--plain", options.plain == Some(true)),
    ];
    if let Some((flag, _)) = others.into_iter().find(|(_, is_given)| *is_given) {
        return Err(ConfigError::AcmeAnd(flag));
    }
    let mut domains = Vec::new();
    for domain in &options.acme_domain {
        if !domains.contains(domain) {
            domains.push(domain.clone());
        }
    }
    if domains.len() > MOST_DOMAINS {
        return Err(ConfigError::OutOfRange { flag: "the count of --acme-domain", least: "1", most: "100" });
    }
    let directory = match &options.acme_directory {
        Some(directory) => directory.clone(),
        None => DirectoryUrl(Uri::from_static(LETS_ENCRYPT)),
    };
    let listen = options.listen.iter().map(|listen| listen.0);
    Ok(Some(Acme {
        domains,
        email: options.acme_email.clone(),
        directory,
        ca: options.acme_ca.clone(),
        http: listen.filter(is_http).chain(options.acme_http.iter().copied()).collect(),
    }))
}

/// Whether an address is for HTTP-01 alone when there is ACME.
pub(super) fn is_http(address: &SocketAddr) -> bool {
    address.port() == HTTP
}
