//! What flags, environment and file mean together.

use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Config, Hold, Limits, Listen, Options, Place, TlsFiles, TrustedProxies, acme, file};
use crate::accounts::{Token, UnfitToken};
use crate::journal;

/// The environment's name of the first token. It has no flag: others can read a program's arguments.
const BOOTSTRAP_TOKEN: &str = "MUXHOOK_RELAY_BOOTSTRAP_TOKEN";

/// Where a relay with TLS listens when nothing is said.
const TLS_LISTEN: ([u8; 4], u16) = ([0, 0, 0, 0], 443);

/// What was asked for can't be done.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file of `--config` can't be read.
    #[error("the config file {} can't be read: {cause}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The file is no TOML, or a value has not the form of its key.
    #[error("the config file {} can't be understood: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and what.
        message: String,
    },
    /// The file has a key that means nothing.
    #[error("the config file {} has the unknown key {key:?}{nearest}", path.display())]
    UnknownKey {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// A guess at what was meant, or nothing.
        nearest: String,
    },
    /// Others could read along.
    #[error(
        "plain HTTP on {0} can be read and changed on its way: give --acme-domain NAME, or --tls-cert and --tls-key, or \
         --trusted-proxy CIDR when a proxy in front speaks TLS, or --plain when that is what you want"
    )]
    PlainBeyondLoopback(SocketAddr),
    /// Anybody could ask how the relay is.
    #[error(
        "--admin {0} can be asked from beyond this machine, by anybody and over plain HTTP: give an address such as \
         127.0.0.1:9090, or --admin-open when that is what you want"
    )]
    AdminBeyondLoopback(SocketAddr),
    /// There is nothing to open.
    #[error("--admin-open opens the address of --admin, and none is given")]
    NoAdmin,
    /// Half of what TLS needs.
    #[error("--tls-cert and --tls-key go together: {0} is missing")]
    HalfTls(&'static str),
    /// Both can't be.
    #[error("--plain and --tls-cert exclude one another: leave one out")]
    PlainAndTls,
    /// A number too small or too large.
    #[error("{flag} must be between {least} and {most}")]
    OutOfRange {
        /// The flag.
        flag: &'static str,
        /// The least that is sensible.
        least: &'static str,
        /// The most that is sensible.
        most: &'static str,
    },
    /// Nothing says where this user's data is.
    #[error("there is no home folder to keep data in: give --data-dir DIR")]
    NoDataDir,
    /// The bootstrap token's file can't be read.
    #[error("the bootstrap token's file {} can't be read: {cause}", path.display())]
    TokenFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// The bootstrap token's file was not named: the token itself was, from the looks of it. It is not repeated.
    #[error(
        "--bootstrap-token-file takes the name of a file, and was given what may be the token itself: put that into a \
         file, or into {BOOTSTRAP_TOKEN}"
    )]
    TokenForFile,
    /// The bootstrap token came from two sides.
    #[error("--bootstrap-token-file and {BOOTSTRAP_TOKEN} exclude one another: leave one out")]
    TwoTokens,
    /// The bootstrap token can't serve.
    #[error("the token in {origin} can't be used: {cause}")]
    Token {
        /// Where it came from.
        origin: String,
        /// Why not.
        cause: UnfitToken,
    },
    /// It says how to get a certificate, and not for which name.
    #[error("{0} is for certificates had by ACME: give --acme-domain NAME as well")]
    NoAcmeDomain(&'static str),
    /// Both can't be.
    #[error("--acme-domain and {0} exclude one another: leave one out")]
    AcmeAnd(&'static str),
}

/// Where the process's environment is read.
type Environment<'e> = &'e dyn Fn(&str) -> Option<OsString>;

impl Config {
    /// What the options, the file that they name, and the environment mean together. Reads that file and
    /// the bootstrap token's; nothing else.
    ///
    /// # Errors
    /// What was asked for can't be done.
    pub fn resolve(options: Options, environment: Environment<'_>) -> Result<Self, ConfigError> {
        let options = match &options.place.config {
            Some(path) => {
                let file = file::read(path)?;
                options.or(file)
            }
            None => options,
        };
        let tls = tls(&options)?;
        let acme = acme::resolve(&options)?;
        let listen = match acme {
            Some(_) => listen_with_acme(&options),
            None => listen(&options, tls.is_some())?,
        };
        let limits = limits(&options)?;
        Ok(Self {
            listen,
            limits,
            admin: admin(&options)?,
            takeover: limits.grace,
            hold: options.hold.unwrap_or_default() == Hold::On,
            journal: journal(&options)?,
            data_dir: data_dir(options.place.data_dir, environment)?,
            bootstrap_token: bootstrap_token(options.bootstrap_token_file.as_deref(), environment)?,
            public_url: options.public_url,
            tls,
            trusted_proxies: TrustedProxies::new(options.trusted_proxy),
            log: options.log.unwrap_or_default(),
            acme,
        })
    }
}

impl Place {
    /// The folder that holds the relay's data.
    ///
    /// # Errors
    /// The config file can't be used; the user has no home.
    pub fn data_dir(self, environment: Environment<'_>) -> Result<PathBuf, ConfigError> {
        let from_file = match (&self.data_dir, &self.config) {
            (None, Some(path)) => file::read(path)?.place.data_dir,
            _ => None,
        };
        data_dir(self.data_dir.or(from_file), environment)
    }
}

fn tls(options: &Options) -> Result<Option<TlsFiles>, ConfigError> {
    match (&options.tls_cert, &options.tls_key) {
        (Some(_), Some(_)) if options.plain == Some(true) => Err(ConfigError::PlainAndTls),
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert: cert.clone(), key: key.clone() })),
        (Some(_), None) => Err(ConfigError::HalfTls("--tls-key")),
        (None, Some(_)) => Err(ConfigError::HalfTls("--tls-cert")),
        (None, None) => Ok(None),
    }
}

/// With ACME port 80 is for HTTP-01 alone, and never where TLS is spoken.
fn listen_with_acme(options: &Options) -> Vec<SocketAddr> {
    let all = options.listen.iter().map(|listen| listen.0);
    let listen: Vec<_> = all.filter(|address| !acme::is_http(address)).collect();
    if listen.is_empty() { vec![TLS_LISTEN.into()] } else { listen }
}

fn listen(options: &Options, is_tls: bool) -> Result<Vec<SocketAddr>, ConfigError> {
    if options.listen.is_empty() {
        let usual = if is_tls { TLS_LISTEN } else { ([127, 0, 0, 1], 8080) };
        return Ok(vec![usual.into()]);
    }
    let addresses: Vec<SocketAddr> = options.listen.iter().map(|listen| listen.0).collect();
    let is_allowed = is_tls || options.plain == Some(true) || !options.trusted_proxy.is_empty();
    match addresses.iter().find(|address| !is_allowed && !address.ip().to_canonical().is_loopback()) {
        Some(open) => Err(ConfigError::PlainBeyondLoopback(*open)),
        None => Ok(addresses),
    }
}

/// The admin address knows no TLS and no token, whoever stands in front: neither `--trusted-proxy` nor `--plain`, which
/// are about webhooks, opens it, and a relay with TLS may want it open too (a container's probes). So a word of its own.
fn admin(options: &Options) -> Result<Option<SocketAddr>, ConfigError> {
    match (&options.admin, options.admin_open == Some(true)) {
        (None, true) => Err(ConfigError::NoAdmin),
        (Some(Listen(open)), false) if !open.ip().to_canonical().is_loopback() => {
            Err(ConfigError::AdminBeyondLoopback(*open))
        }
        (given, _) => Ok(given.map(|given| given.0)),
    }
}

fn limits(options: &Options) -> Result<Limits, ConfigError> {
    const MINUTE: Duration = Duration::from_secs(60);
    let usual = Limits::default();
    let limits = Limits {
        max_body: options.max_body.map_or(usual.max_body, |size| size.0),
        max_listeners: options.max_listeners.unwrap_or(usual.max_listeners),
        max_connections: options.max_connections.unwrap_or(usual.max_connections),
        max_connections_per_source: options
            .max_connections_per_source
            .unwrap_or(usual.max_connections_per_source),
        rate: options.rate.and_then(NonZeroU32::new),
        reply_deadline: options.reply_deadline.map_or(usual.reply_deadline, |span| span.0),
        grace: options.grace.map_or(usual.grace, |span| span.0),
        ..usual
    };
    let within = |is_within: bool, flag, least, most| {
        if is_within { Ok(()) } else { Err(ConfigError::OutOfRange { flag, least, most }) }
    };
    within((1 << 10..=64 << 20).contains(&limits.max_body), "--max-body", "1KiB", "64MiB")?;
    for (number, flag) in [
        (limits.max_listeners, "--max-listeners"),
        (limits.max_connections, "--max-connections"),
        (limits.max_connections_per_source, "--max-connections-per-source"),
    ] {
        within((1..=1_000_000).contains(&number), flag, "1", "1000000")?;
    }
    within(options.rate.is_none_or(|rate| (1..=1_000_000).contains(&rate)), "--rate", "1", "1000000")?;
    let deadlines = Duration::from_millis(100)..=MINUTE;
    within(deadlines.contains(&limits.reply_deadline), "--reply-deadline", "100ms", "60s")?;
    within(limits.grace <= MINUTE * 10, "--grace", "0s", "10m")?;
    Ok(limits)
}

/// What the journal keeps. One endpoint has at most a quarter of the room.
fn journal(options: &Options) -> Result<journal::Limits, ConfigError> {
    let usual = journal::Limits::default();
    let bytes = options.max_journal.map_or(usual.bytes, |size| size.0 as u64);
    let retention = options.retention.map_or(usual.retention, |span| span.0);
    if bytes < 16 << 20 {
        return Err(ConfigError::OutOfRange {
            flag: "--max-journal",
            least: "16MiB",
            most: "what the disk has",
        });
    }
    if retention > Duration::from_secs(90 * 24 * 60 * 60) {
        return Err(ConfigError::OutOfRange { flag: "--retention", least: "0s", most: "2160h (90 days)" });
    }
    Ok(journal::Limits { bytes, endpoint_bytes: bytes / 4, retention, ..usual })
}

/// By the XDG base directory specification, which ignores paths that are not absolute.
fn data_dir(given: Option<PathBuf>, environment: Environment<'_>) -> Result<PathBuf, ConfigError> {
    let folder = |name: &str| environment(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = if cfg!(windows) {
        folder("LOCALAPPDATA")
    } else {
        folder("XDG_DATA_HOME").or_else(|| folder("HOME").map(|home| home.join(".local/share")))
    };
    given.or_else(|| home.map(|home| home.join("muxhook-relay"))).ok_or(ConfigError::NoDataDir)
}

fn bootstrap_token(file: Option<&Path>, environment: Environment<'_>) -> Result<Option<Token>, ConfigError> {
    let (origin, text) = match (file, environment(BOOTSTRAP_TOKEN)) {
        (Some(_), Some(_)) => return Err(ConfigError::TwoTokens),
        (Some(path), None) => {
            let text = std::fs::read_to_string(path);
            let text = text.map_err(|cause| no_token_file(path, cause))?;
            (path.display().to_string(), text)
        }
        // What is not UTF-8 is not ASCII either, and refused below.
        (None, Some(text)) => (BOOTSTRAP_TOKEN.to_owned(), text.to_string_lossy().into_owned()),
        (None, None) => return Ok(None),
    };
    Token::given(text.trim()).map(Some).map_err(|cause| ConfigError::Token { origin, cause })
}

/// What could be a token, and is in no folder, is not told: logs keep what they are told.
fn no_token_file(path: &Path, cause: io::Error) -> ConfigError {
    let text = path.to_str().unwrap_or_default();
    match Token::given(text) {
        Ok(_) if !text.contains(['/', '\\', '.']) => ConfigError::TokenForFile,
        _ => ConfigError::TokenFile { path: path.to_owned(), cause },
    }
}
