//! What may be asked for: one table for the flags, their `MUXHOOK_RELAY_*` twins and the keys of the file.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;

use clap::builder::BoolishValueParser;
use serde::{Deserialize, Deserializer};

use super::{ByteSize, DirectoryUrl, Domain, Email, Listen, Network, PublicUrl, Span};

/// Where the relay's data is. Every command that needs no more takes these alone.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Place {
    /// TOML file with the same keys as the flags of `serve`
    #[arg(long, value_name = "FILE", env = "MUXHOOK_RELAY_CONFIG", hide_env = true)]
    #[serde(skip)]
    pub config: Option<PathBuf>,
    /// Folder for what must survive a restart [default: $XDG_DATA_HOME/muxhook-relay, else ~/.local/share/muxhook-relay]
    #[arg(long, value_name = "DIR", env = "MUXHOOK_RELAY_DATA_DIR", hide_env = true)]
    pub data_dir: Option<PathBuf>,
}

/// What may be asked of a relay. What is absent here is decided by the next source.
#[derive(clap::Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Options {
    /// See [`Place`].
    #[command(flatten)]
    #[serde(flatten)]
    pub place: Place,
    /// Address to listen on; repeatable [default: 127.0.0.1:8080, with TLS 0.0.0.0:443]
    #[arg(long, value_name = "ADDR", env = "MUXHOOK_RELAY_LISTEN", hide_env = true, value_delimiter = ',')]
    #[serde(deserialize_with = "many")]
    pub listen: Vec<Listen>,
    /// Origin that senders reach, such as `https://hooks.example.com` [default: the first address listened on]
    #[arg(long, value_name = "URL", env = "MUXHOOK_RELAY_PUBLIC_URL", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub public_url: Option<PublicUrl>,
    /// PEM file with the certificate and its chain; read again when it changes
    #[arg(long, value_name = "FILE", env = "MUXHOOK_RELAY_TLS_CERT", hide_env = true)]
    pub tls_cert: Option<PathBuf>,
    /// PEM file with the certificate's private key; read again when it changes
    #[arg(long, value_name = "FILE", env = "MUXHOOK_RELAY_TLS_KEY", hide_env = true)]
    pub tls_key: Option<PathBuf>,
    /// Speak plain HTTP beyond this machine
    #[arg(long, env = "MUXHOOK_RELAY_PLAIN", hide_env = true, value_parser = BoolishValueParser::new(),
        value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub plain: Option<bool>,
    /// Network of proxies in front, whose X-Forwarded-For, -Proto and -Host are believed; repeatable
    #[arg(
        long,
        value_name = "CIDR",
        env = "MUXHOOK_RELAY_TRUSTED_PROXY",
        hide_env = true,
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "many")]
    pub trusted_proxy: Vec<Network>,
    /// Largest body of a webhook [default: 5MiB]
    #[arg(long, value_name = "SIZE", env = "MUXHOOK_RELAY_MAX_BODY", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub max_body: Option<ByteSize>,
    /// Whether to keep what no listener can take just now for when one comes, and answer 200 for it [default: on]
    #[arg(long, value_name = "WHETHER", env = "MUXHOOK_RELAY_HOLD", hide_env = true)]
    pub hold: Option<Hold>,
    /// How long webhooks stay in the history once they are settled; 0s: no history [default: 24h]
    #[arg(long, value_name = "DURATION", env = "MUXHOOK_RELAY_RETENTION", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub retention: Option<Span>,
    /// Most bytes of webhooks on the disk, history and what is held together [default: 4GiB]
    #[arg(long, value_name = "SIZE", env = "MUXHOOK_RELAY_MAX_JOURNAL", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub max_journal: Option<ByteSize>,
    /// Address for /healthz, /readyz and /metrics, plain HTTP that asks nobody who they are [default: none]
    #[arg(long, value_name = "ADDR", env = "MUXHOOK_RELAY_ADMIN", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub admin: Option<Listen>,
    /// Let the address of --admin be reached from beyond this machine
    #[arg(long, env = "MUXHOOK_RELAY_ADMIN_OPEN", hide_env = true, value_parser = BoolishValueParser::new(),
        value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub admin_open: Option<bool>,
    /// How long a sender waits for the app's answer; Mux hangs up after 5s [default: 4.5s]
    #[arg(long, value_name = "DURATION", env = "MUXHOOK_RELAY_REPLY_DEADLINE", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub reply_deadline: Option<Span>,
    /// Most sessions at once [default: 20000]
    #[arg(long, value_name = "N", env = "MUXHOOK_RELAY_MAX_LISTENERS", hide_env = true)]
    pub max_listeners: Option<usize>,
    /// Most public connections at once, sessions too [default: 32768, or what the system lets it have]
    #[arg(long, value_name = "N", env = "MUXHOOK_RELAY_MAX_CONNECTIONS", hide_env = true)]
    pub max_connections: Option<usize>,
    /// Most of them from one IPv4 address or IPv6 /64 that is no trusted proxy [default: 2048]
    #[arg(long, value_name = "N", env = "MUXHOOK_RELAY_MAX_CONNECTIONS_PER_SOURCE", hide_env = true)]
    pub max_connections_per_source: Option<usize>,
    /// Most webhooks a second for one account, over all its endpoints [default: any number]
    #[arg(long, value_name = "N", env = "MUXHOOK_RELAY_RATE", hide_env = true)]
    pub rate: Option<u32>,
    /// How long a relay told to end waits for what is under way, and its successor for it to end [default: 20s]
    #[arg(long, value_name = "DURATION", env = "MUXHOOK_RELAY_GRACE", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub grace: Option<Span>,
    /// Form of the log on stderr [default: text]
    #[arg(long, value_name = "FORM", env = "MUXHOOK_RELAY_LOG", hide_env = true)]
    pub log: Option<LogFormat>,
    /// File with a token for the account `default`; or give the token in MUXHOOK_RELAY_BOOTSTRAP_TOKEN
    #[arg(long, value_name = "FILE", env = "MUXHOOK_RELAY_BOOTSTRAP_TOKEN_FILE", hide_env = true)]
    pub bootstrap_token_file: Option<PathBuf>,
    /// Name to get a certificate for by itself (ACME), which agrees to the directory's terms; repeatable
    #[arg(
        long,
        value_name = "NAME",
        env = "MUXHOOK_RELAY_ACME_DOMAIN",
        hide_env = true,
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "many")]
    pub acme_domain: Vec<Domain>,
    /// Address of mail that the ACME directory may write to [default: none]
    #[arg(long, value_name = "MAIL", env = "MUXHOOK_RELAY_ACME_EMAIL", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub acme_email: Option<Email>,
    /// ACME directory to ask for certificates [default: Let's Encrypt]
    #[arg(long, value_name = "URL", env = "MUXHOOK_RELAY_ACME_DIRECTORY", hide_env = true)]
    #[serde(deserialize_with = "one")]
    pub acme_directory: Option<DirectoryUrl>,
    /// PEM file with the roots of the ACME directory's own certificate [default: the system's]
    #[arg(long, value_name = "FILE", env = "MUXHOOK_RELAY_ACME_CA", hide_env = true)]
    pub acme_ca: Option<PathBuf>,
    /// Where sockets that were handed over for HTTP-01 listen. There is no flag for it.
    #[arg(skip)]
    #[serde(skip)]
    pub acme_http: Vec<SocketAddr>,
}

/// Whether the relay holds deliveries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Hold {
    /// It is owed until an app takes it, for 24 h at most
    #[default]
    On,
    /// The sender gets 503, and is to try again
    Off,
}

/// TOML has words of its own for on and off, and whoever writes them is understood.
impl<'de> Deserialize<'de> for Hold {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Word {
            Bool(bool),
            Text(String),
        }
        match Word::deserialize(from) {
            Ok(Word::Bool(true)) => Ok(Self::On),
            Ok(Word::Bool(false)) => Ok(Self::Off),
            Ok(Word::Text(text)) if text == "on" => Ok(Self::On),
            Ok(Word::Text(text)) if text == "off" => Ok(Self::Off),
            _ => Err(serde::de::Error::custom("expected `\"on\"` or `\"off\"`")),
        }
    }
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people
    #[default]
    Text,
    /// One JSON object a line
    Json,
}

impl Options {
    /// These, and `other` where these say nothing.
    pub(super) fn or(self, other: Self) -> Self {
        Self {
            place: Place {
                config: self.place.config,
                data_dir: self.place.data_dir.or(other.place.data_dir),
            },
            listen: if self.listen.is_empty() { other.listen } else { self.listen },
            public_url: self.public_url.or(other.public_url),
            tls_cert: self.tls_cert.or(other.tls_cert),
            tls_key: self.tls_key.or(other.tls_key),
            plain: self.plain.or(other.plain),
            trusted_proxy: if self.trusted_proxy.is_empty() {
                other.trusted_proxy
            } else {
                self.trusted_proxy
            },
            max_body: self.max_body.or(other.max_body),
            hold: self.hold.or(other.hold),
            retention: self.retention.or(other.retention),
            max_journal: self.max_journal.or(other.max_journal),
            admin: self.admin.or(other.admin),
            admin_open: self.admin_open.or(other.admin_open),
            reply_deadline: self.reply_deadline.or(other.reply_deadline),
            max_listeners: self.max_listeners.or(other.max_listeners),
            max_connections: self.max_connections.or(other.max_connections),
            max_connections_per_source: self.max_connections_per_source.or(other.max_connections_per_source),
            rate: self.rate.or(other.rate),
            grace: self.grace.or(other.grace),
            log: self.log.or(other.log),
            bootstrap_token_file: self.bootstrap_token_file.or(other.bootstrap_token_file),
            acme_domain: if self.acme_domain.is_empty() { other.acme_domain } else { self.acme_domain },
            acme_email: self.acme_email.or(other.acme_email),
            acme_directory: self.acme_directory.or(other.acme_directory),
            acme_ca: self.acme_ca.or(other.acme_ca),
            acme_http: self.acme_http,
        }
    }
}

/// A value of the file: what is a number there is read as if it were text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Value {
    Text(String),
    Number(i64),
}

impl Value {
    fn parse<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(self) -> Result<T, D::Error> {
        let text = match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
        };
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn one<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<T>, D::Error> {
    Value::deserialize(from)?.parse::<T, D>().map(Some)
}

fn many<'de, T: FromStr<Err: std::fmt::Display>, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Values {
        One(Value),
        Many(Vec<Value>),
    }
    match Values::deserialize(from)? {
        Values::One(value) => Ok(vec![value.parse::<T, D>()?]),
        Values::Many(values) => values.into_iter().map(Value::parse::<T, D>).collect(),
    }
}
