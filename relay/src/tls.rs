//! The listener's certificate: read from PEM files, and again when they change; or had by itself (`acme`).

pub mod acme;
mod files;
mod reload;
mod validity;

use std::fs::Metadata;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use muxhook_link::Now;
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use tokio::task::spawn_blocking;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use files::TlsError;

use crate::config::TlsFiles;
use crate::metrics::Metrics;
use reload::Current;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(5);

/// HTTP/1.1 as ALPN names it.
const HTTP_1_1: &[u8] = b"http/1.1";

/// A listener's TLS: version 1.2 and 1.3, HTTP/1.1 only (ALPN, RFC 7301), so that the floods of HTTP/2 don't exist here.
#[derive(Debug)]
pub struct Tls {
    files: TlsFiles,
    seen: Stamps,
    current: Arc<Current>,
    config: Arc<ServerConfig>,
    now: Now,
}

impl Tls {
    /// Reads both files. A certificate that has expired is told in the log, and served: there is no other.
    ///
    /// # Errors
    /// One of them can't be read, or holds nothing usable; they don't belong together.
    pub fn load(cert: &Path, key: &Path, now: Now) -> Result<Self, TlsError> {
        let files = TlsFiles { cert: cert.to_owned(), key: key.to_owned() };
        // Before the files are read: what changes meanwhile is then seen as a change.
        let seen = stamps(&files);
        let current = Arc::new(Current::new(files::read(&files)?));
        let config = server_config(current.clone())?;
        let tls = Self { files, seen, current, config: Arc::new(config), now };
        if tls.reread().has_expired() {
            tracing::warn!(cert = %cert.display(), "the certificate has expired: listeners and senders will refuse it");
        }
        Ok(tls)
    }

    /// What makes a TLS connection of a TCP one. It follows the files as long as [`Tls::watch`] runs.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.clone())
    }

    /// What reads the files at once, whether they changed or not.
    #[must_use]
    pub fn reread(&self) -> Reread {
        Reread { files: self.files.clone(), current: Arc::clone(&self.current), now: self.now }
    }

    /// Looks at the files every few seconds, and reads them when they changed. New files that can't be used are told
    /// once in the log, and the certificate before stays. The metrics know when the one in use expires.
    pub async fn watch(mut self, metrics: Arc<Metrics>, shutdown: CancellationToken) {
        loop {
            if let Some(expires) = self.current.expires() {
                metrics.certificate_expires(expires);
            }
            if shutdown.run_until_cancelled(tokio::time::sleep(POLL)).await.is_none() {
                return;
            }
            // The files may be on a disk that is away for a while.
            let Ok(looked) = spawn_blocking(move || self.look()).await else { return };
            self = looked;
        }
    }

    fn look(mut self) -> Self {
        let stamps = stamps(&self.files);
        if stamps == self.seen {
            return self;
        }
        self.seen = stamps;
        if let Err(error) = self.reread().read() {
            tracing::warn!(%error, "the certificate's files changed, and the old one stays in use");
        }
        self
    }
}

/// The way to another certificate while a listener's TLS is in use.
#[derive(Clone, Debug)]
pub struct Reread {
    files: TlsFiles,
    current: Arc<Current>,
    now: Now,
}

impl Reread {
    /// Reads both files; new connections get what is in them.
    ///
    /// # Errors
    /// They can't be used, or have expired, which the one in use has not; that stays.
    pub fn read(&self) -> Result<(), TlsError> {
        let read = files::read(&self.files)?;
        if self.is_over(read.expires) && !self.has_expired() {
            return Err(TlsError::Expired(self.files.cert.clone()));
        }
        self.current.replace(read);
        tracing::info!(cert = %self.files.cert.display(), "certificate read anew");
        Ok(())
    }

    /// Whether the certificate in use has expired.
    #[must_use]
    pub fn has_expired(&self) -> bool {
        self.is_over(self.current.expires())
    }

    fn is_over(&self, expires: Option<i64>) -> bool {
        expires.is_some_and(|expires| expires <= self.now.unix_seconds())
    }
}

/// What both kinds of certificate are served with. Sessions are resumed by tickets, which the relay need not remember.
fn server_config(certificates: Arc<dyn ResolvesServerCert>) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
        .map_err(TlsError::Provider)?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![HTTP_1_1.to_vec()];
    config.ticketer = ring::Ticketer::new().map_err(TlsError::Provider)?;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

/// When each file changed, and how long it is; `None` where that can't be told.
type Stamps = [Option<(SystemTime, u64)>; 2];

fn stamps(files: &TlsFiles) -> Stamps {
    let stamp = |file: Metadata| Some((file.modified().ok()?, file.len()));
    [&files.cert, &files.key].map(|path| std::fs::metadata(path).ok().and_then(stamp))
}

#[cfg(test)]
mod tests;
