//! What the operator asked for: flag > environment (`MUXHOOK_RELAY_*`) > TOML file (`--config`) > default.
//!
//! - `options`: what may be asked for, in one table for all three sources.
//! - `file`: the TOML file; `environment`: names in the environment that mean nothing.
//! - `resolve`: what it all means together, with every check that needs no network.
//! - `live`: what of it may change while the relay runs.
//! - `units`: sizes, durations and addresses as people write them.
//! - `acme`: how certificates are had from an ACME directory.
//! - `public_url`, `proxies`: two ideas that the rest of the relay needs as well.

mod acme;
mod environment;
mod file;
mod live;
mod options;
mod proxies;
mod public_url;
mod resolve;
mod units;

#[cfg(any(test, fuzzing))]
pub(crate) use file::fuzz;

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

pub use acme::{Acme, DirectoryUrl, Domain, Email, InvalidDirectoryUrl, InvalidDomain, InvalidEmail};
pub use environment::unknown_names;
pub use live::{Live, Settings};
pub use options::{Hold, LogFormat, Options, Place};
pub use proxies::{Network, TrustedProxies};
pub use public_url::{InvalidPublicUrl, PublicUrl};
pub use resolve::ConfigError;
pub use units::{ByteSize, Listen, Span};

use crate::accounts::Token;
use crate::journal;

/// Everything that a relay needs to know before it starts.
#[derive(Clone, Debug)]
pub struct Config {
    /// Where to listen. Port 0: a free one.
    pub listen: Vec<SocketAddr>,
    /// The origin that senders reach; `None`: it follows from where the relay listens, see [`Config::public_url`].
    pub public_url: Option<PublicUrl>,
    /// The folder that holds what must survive a restart.
    pub data_dir: PathBuf,
    /// The certificate to speak TLS with; `None`: plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The peers whose `X-Forwarded-*` fields are believed.
    pub trusted_proxies: TrustedProxies,
    /// What the relay takes on at most.
    pub limits: Limits,
    /// Whether it holds what no app can take just now.
    pub hold: bool,
    /// What its journal keeps at most.
    pub journal: journal::Limits,
    /// Where readiness is told; `None`: nowhere.
    pub admin: Option<SocketAddr>,
    /// How long to wait for another relay to let go of the data folder.
    pub takeover: Duration,
    /// How log lines look.
    pub log: LogFormat,
    /// A token to make good at the start, for the default account.
    pub bootstrap_token: Option<Token>,
    /// How to get a certificate to speak TLS with; never beside [`Config::tls`].
    pub acme: Option<Acme>,
}

/// PEM files. Both are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, and the chain behind it.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// What the relay takes on at most. Sizes are bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// A webhook's body.
    pub max_body: usize,
    /// Sessions of the whole relay.
    pub max_listeners: usize,
    /// From the end of a request's head to the answer. Mux hangs up after 5 s.
    pub reply_deadline: Duration,
    /// For what is under way when the relay is told to end.
    pub grace: Duration,
    /// Deliveries without an outcome, of one session.
    pub in_flight: u32,
    /// Deliveries without an answer, of the whole relay.
    pub in_flight_total: usize,
    /// Bodies of deliveries without an answer, of the whole relay.
    pub in_flight_bytes: usize,
    /// A request's head: its line and all header fields.
    pub max_head: usize,
    /// Sessions of one endpoint.
    pub sessions_per_endpoint: usize,
    /// Between two pieces of a request's body.
    pub body_idle: Duration,
    /// For a request's whole body.
    pub body_total: Duration,
    /// For a request's head, and before its first byte on a connection that has had none.
    pub head_timeout: Duration,
    /// For a TLS handshake.
    pub handshake_timeout: Duration,
    /// Between two requests of one connection.
    pub idle_timeout: Duration,
    /// For a client to take more of its answer, when it takes nothing.
    pub unread_timeout: Duration,
    /// Public connections of the whole relay, sessions too; fewer where the system lets the process have fewer.
    pub max_connections: usize,
    /// Public connections from one IPv4 address or IPv6 /64 that is no trusted proxy, sessions too.
    pub max_connections_per_source: usize,
    /// Webhooks a second of one account that has no rate of its own; `None`: any number.
    pub rate: Option<NonZeroU32>,
}

impl Default for Limits {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        Self {
            max_body: 5 * MIB,
            max_listeners: 20_000,
            reply_deadline: Duration::from_millis(4_500),
            grace: Duration::from_secs(20),
            in_flight: 1024,
            in_flight_total: 8192,
            in_flight_bytes: 256 * MIB,
            max_head: 64 * 1024,
            sessions_per_endpoint: 64,
            body_idle: Duration::from_secs(10),
            body_total: Duration::from_secs(30),
            head_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(75),
            unread_timeout: Duration::from_secs(10),
            max_connections: 32_768,
            max_connections_per_source: 2048,
            rate: None,
        }
    }
}

impl Config {
    /// For a relay inside another program: plain HTTP on one address, a token that the program knows, and
    /// defaults for the rest. It waits for no other relay: that program knows whether there is one.
    #[must_use]
    pub fn embedded(data_dir: PathBuf, listen: SocketAddr, bootstrap_token: Token) -> Self {
        Self {
            listen: vec![listen],
            public_url: None,
            data_dir,
            tls: None,
            trusted_proxies: TrustedProxies::default(),
            limits: Limits::default(),
            hold: true,
            journal: journal::Limits::default(),
            admin: None,
            takeover: Duration::ZERO,
            log: LogFormat::Text,
            bootstrap_token: Some(bootstrap_token),
            acme: None,
        }
    }

    /// Whether there is anything that a journal would be for.
    #[must_use]
    pub fn keeps(&self) -> bool {
        self.hold || !self.journal.retention.is_zero()
    }

    /// The origin that senders reach, for a relay that is bound to `first`.
    #[must_use]
    pub fn public_url(&self, first: SocketAddr) -> PublicUrl {
        let named = || match &self.acme {
            Some(acme) => PublicUrl::named(acme.domains.first()?, first.port()),
            None => None,
        };
        let given = self.public_url.clone().or_else(named);
        given.unwrap_or_else(|| PublicUrl::of(first, self.speaks_tls()))
    }

    /// Whether senders come over TLS to the relay itself.
    #[must_use]
    pub fn speaks_tls(&self) -> bool {
        self.tls.is_some() || self.acme.is_some()
    }
}

#[cfg(test)]
mod tests;
