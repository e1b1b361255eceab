//! Certificates that the relay gets by itself, from the ACME directory that its operator named (RFC 8555).
//!
//! - `state`: the certificate that the listeners use, and the answers to challenges.
//! - `order`: how one is had. `directory`: whom it is asked of, and nobody else.
//! - `schedule`: when. `store`: what survives a restart. `http01`: the port that HTTP-01 is answered on.
//!
//! Nothing that a stranger sends makes the relay ask anything: only time does.

mod directory;
mod http01;
mod order;
mod schedule;
mod state;
mod store;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use muxhook_link::Now;
use rustls::ServerConfig;
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::task::AbortOnDropHandle;

pub(crate) use state::ALPN;
pub use state::{Fault, State};

use super::{HTTP_1_1, TlsError, server_config};
use crate::config;
use crate::metrics::Metrics;
use directory::Directory;
use order::{Desk, Failed};
use store::{Store, Stored};

/// How often the wall clock is looked at while a certificate is good: it may be set, and machines sleep.
const LOOK: Duration = Duration::from_secs(60);

/// How long one try may take in all.
const TRY: Duration = Duration::from_secs(15 * 60);

/// The least time between two certificates, in seconds, however short the life of one is or wrong the clock.
const BETWEEN: i64 = 60 * 60;

/// Why ACME can't begin.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The roots of the directory's own certificate are of no use.
    #[error("the roots in {} (--acme-ca) can't be used: {cause}", path.display())]
    Ca {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        cause: io::Error,
    },
    /// TLS can't be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// A certificate that renews itself.
pub struct Acme {
    acme: config::Acme,
    directory: Directory,
    store: Store,
    state: Arc<State>,
    server: Arc<ServerConfig>,
    http: Vec<TcpListener>,
    /// Whether the certificate that is held is what would be asked for now.
    is_wanted: bool,
    now: Now,
}

impl Acme {
    /// Reads what is stored in the data folder. HTTP-01 is answered on `http`. Nobody is asked before [`Acme::keep`].
    ///
    /// # Errors
    /// The roots can't be read. A stored certificate that is damaged is none.
    pub fn open(
        acme: &config::Acme,
        http: Vec<TcpListener>,
        data_dir: &Path,
        now: Now,
    ) -> Result<Self, AcmeError> {
        let roots = match &acme.ca {
            Some(path) => {
                let read = std::fs::read(path).and_then(|pem| directory::roots(&pem));
                read.map_err(|cause| AcmeError::Ca { path: path.clone(), cause })?
            }
            None => Vec::new(),
        };
        let store = Store::new(data_dir);
        let (is_wanted, held) = match store.certificate() {
            Some((stored, held)) => (stored.is_for(acme), Some(held)),
            None => (false, None),
        };
        let state = Arc::new(State::new(now, held));
        let mut server = server_config(state.clone())?;
        // In this order: who offers both wants the relay.
        server.alpn_protocols = vec![HTTP_1_1.to_vec(), ALPN.to_vec()];
        let directory = Directory::new(acme.directory.clone(), roots, now);
        let (acme, server) = (acme.clone(), Arc::new(server));
        Ok(Self { acme, directory, store, state, server, http, is_wanted, now })
    }

    /// What makes a TLS connection of a TCP one. While there is no certificate, handshakes fail.
    #[must_use]
    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.server.clone())
    }

    /// What is held.
    #[must_use]
    pub fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Where HTTP-01 is answered, ports filled in.
    #[must_use]
    pub fn http_addrs(&self) -> Vec<SocketAddr> {
        self.http.iter().filter_map(|listener| listener.local_addr().ok()).collect()
    }

    /// Gets a certificate when there is none, and another in good time, until it is dropped. Whatever fails is told in
    /// the log and tried again later, and the certificate before stays in use.
    pub async fn keep(mut self, metrics: Arc<Metrics>) {
        let serve = std::mem::take(&mut self.http).into_iter();
        let serve = serve.map(|listener| tokio::spawn(http01::serve(listener, Arc::clone(&self.state))));
        let _serve: Vec<_> = serve.map(AbortOnDropHandle::new).collect();
        let (mut failures, mut not_before) = (0, i64::MIN);
        loop {
            let validity = self.state.validity();
            if let Some(validity) = validity {
                metrics.certificate_expires(validity.until);
            }
            let renew_at =
                validity.filter(|_| self.is_wanted).map_or(i64::MIN, |held| held.renew_at(jitter()));
            self.sleep_until(renew_at.max(not_before)).await;
            let tried = timeout(TRY, self.renew()).await;
            match tried.unwrap_or_else(|_| Err(Failed::here(format!("not done within {TRY:?}")))) {
                Ok(()) => (failures, not_before) = (0, self.now.unix_seconds() + BETWEEN),
                Err(Failed { why, was_reached, retry_after }) => {
                    failures += 1;
                    metrics.certificate_failed();
                    let next_try = schedule::pause(failures, was_reached, retry_after, jitter());
                    let has_one = self.state.validity().is_some();
                    tracing::warn!(why, failures, ?next_try, has_one, "no new certificate");
                    sleep(next_try).await;
                }
            }
        }
    }

    async fn sleep_until(&self, unix_seconds: i64) {
        while self.now.unix_seconds() < unix_seconds {
            sleep(LOOK).await;
        }
    }

    async fn renew(&mut self) -> Result<(), Failed> {
        let Self { acme, directory, state, store, .. } = &*self;
        let names: Vec<_> = acme.domains.iter().map(config::Domain::as_str).collect();
        tracing::info!(?names, directory = directory.url(), "asking for a certificate");
        let stored = Desk { acme, directory, state, store }.obtain().await?;
        let held = stored.held().map_err(Failed::here)?;
        let until = held.validity.until;
        if until <= self.now.unix_seconds() {
            return Err(Failed::here("the certificate is over already: is this machine's clock right?"));
        }
        self.keep_certificate(stored).await;
        self.state.replace(held);
        self.is_wanted = true;
        tracing::info!(expires_unix = until, "a new certificate is in use");
        Ok(())
    }

    /// A certificate that can't be stored is used all the same: the next start asks for another.
    async fn keep_certificate(&self, stored: Stored) {
        let store = self.store.clone();
        let kept = spawn_blocking(move || store.keep_certificate(&stored)).await;
        if let Err(error) = kept.unwrap_or_else(|error| Err(io::Error::other(error))) {
            tracing::error!(%error, "the new certificate can't be stored: a restart has to ask for another");
        }
    }
}

/// A random part of what it is for. Without randomness there is none: it only spreads.
fn jitter() -> u16 {
    getrandom::u32().unwrap_or_default() as u16
}
