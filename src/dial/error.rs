//! Why there is no connection, and who was asked for one.

use std::fmt;
use std::io;

/// Why there is no connection: a sentence for people, and whether it may mend by itself.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct DialError {
    message: String,
    transient: bool,
}

impl DialError {
    /// Whether the same attempt may go better later: a network that is down, not a certificate that is refused.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.transient
    }

    /// Something that may mend by itself.
    pub(crate) fn transient(message: impl Into<String>) -> Self {
        Self { message: message.into(), transient: true }
    }

    /// Something that somebody has to mend.
    pub(crate) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), transient: false }
    }
}

/// What most peers are.
pub(super) const RELAY: &str = "relay";

/// Who is dialled.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) role: &'static str,
    pub(super) host: String,
    pub(super) port: u16,
}

impl Peer {
    pub(super) fn new(role: &'static str, host: &str, port: u16) -> Self {
        Self { role, host: host.to_owned(), port }
    }

    pub(super) fn proxy(host: &str, port: u16) -> Self {
        Self::new("proxy", host, port)
    }

    pub(super) fn is_relay(&self) -> bool {
        self.role == RELAY
    }

    /// `host:port`, an IPv6 address in brackets (RFC 9110 §9.3.6 wants the port there whatever it is).
    pub(super) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// `the relay at hooks.example.com:443`
impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the {} at {}", self.role, self.authority())
    }
}

/// An I/O error in the words of a person; what has no such words keeps those of the system.
pub(super) fn in_words(error: &io::Error) -> String {
    use io::ErrorKind as Kind;
    match error.kind() {
        Kind::ConnectionRefused => "nothing listens there (connection refused)".into(),
        Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => {
            "it closed the connection".into()
        }
        Kind::UnexpectedEof => "it closed the connection".into(),
        Kind::NetworkUnreachable | Kind::HostUnreachable => "this machine has no way there".into(),
        Kind::TimedOut => "it did not answer in time".into(),
        _ => error.to_string(),
    }
}
