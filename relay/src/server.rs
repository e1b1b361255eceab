//! The relay as a whole: its listeners, what a request is routed to, and how it goes down.
//!
//! - `begin`: what can stop it from beginning, and the lock that keeps its data folder for it alone.
//! - `connections`: public connections: taken, served, let end.
//! - `deleted`: endpoints that were deleted, forgotten by the journal too.
//! - `doors`: how many public connections there may be, and how slow each.
//! - `reload`: how other settings are taken up.
//! - `requests`: what is counted and logged of each request.
//! - `relief`: room made for those who take what they are sent.
//! - `revoked`: rights that end while somebody uses them.
//! - `shared`: what all of them need: routes, and how all of it goes down.
//! - `sockets`: what is listened on, be it handed over or bound.
//! - `telling`: how the relay is, for its operator.
//! - `sources`: where failing requests come from, and how many of them are let through.

mod begin;
mod connections;
mod deleted;
mod doors;
mod relief;
mod reload;
mod requests;
mod revoked;
mod shared;
mod sockets;
mod sources;
#[cfg(unix)]
mod telling;

use std::fs::File;
use std::net::SocketAddr;
#[cfg(unix)]
use std::path::Path;
use std::sync::Arc;

use futures_util::FutureExt;
use muxhook_link::Now;
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::accounts::{AccountName, Accounts};
use crate::admin::{Admin, CertificateFault, Readiness};
use crate::config::{Config, PublicUrl};
use crate::database;
use crate::journal::Journal;
use crate::metrics::Metrics;
#[cfg(unix)]
use crate::status::Socket;
use crate::tls::Tls;
use crate::tls::acme::{Acme, Fault};
pub use begin::BindError;
pub(crate) use doors::Guarded;
pub use doors::raise as raise_descriptors;
pub use reload::Reload;
use shared::Shared;
use sockets::Listener;
pub use sockets::Sockets;

/// A relay with its listeners open.
pub struct Relay {
    listeners: Vec<Listener>,
    addrs: Vec<SocketAddr>,
    admin: Option<Admin>,
    tls: Option<Tls>,
    acme: Option<Acme>,
    shared: Arc<Shared>,
    /// Gone before another relay may have the folder.
    #[cfg(unix)]
    socket: Option<Socket>,
    /// Held as long as the relay serves from its data folder.
    lock: File,
}

impl Relay {
    /// Opens the data folder and the listeners. Nothing is answered before [`Relay::run`].
    ///
    /// The folder's lock comes first, waited for as long as [`Config::takeover`] says: a predecessor that goes down has
    /// the lock until its last answer, and a port that is bound while nobody answers on it would make senders hang that
    /// a refused connection lets try again. The databases come last but the first token, so that a relay that can't
    /// listen has changed nothing.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind(config: Config, now: Now) -> Result<Self, BindError> {
        Self::bind_with(config, Sockets::default(), now).await
    }

    /// Like [`Relay::bind`], with sockets that listen already. Connections on those wait until the lock is had, and in
    /// the end for the next relay: nobody is turned away in between.
    ///
    /// # Errors
    /// See [`BindError`].
    pub async fn bind_with(mut config: Config, mut sockets: Sockets, now: Now) -> Result<Self, BindError> {
        let tls = config.tls.as_ref().map(|files| Tls::load(&files.cert, &files.key, now)).transpose()?;
        database::make_folder(&config.data_dir)?;
        let lock = begin::keep_alone(&config.data_dir, config.takeover).await?;
        #[cfg(unix)]
        let socket = open_socket(&config.data_dir);
        let listeners = begin::listen(&mut sockets, &config.listen).await?;
        let acme = match &config.acme {
            Some(acme) => {
                let http = begin::listen(&mut sockets, &acme.http).await?;
                let http = http.into_iter().map(|listener| listener.socket).collect();
                Some(Acme::open(acme, http, &config.data_dir, now)?)
            }
            None => None,
        };
        let mut admins = begin::listen(&mut sockets, config.admin.as_slice()).await?;
        let admin = admins.pop().map(|listener| Admin::new(listener.socket));
        let addrs =
            listeners.iter().filter_map(|listener| listener.socket.local_addr().ok()).collect::<Vec<_>>();
        let accounts = Arc::new(Accounts::open(&config.data_dir, now)?);
        let journal = open_journal(&config, now)?;
        // Before the first webhook: none may slip past the check of its signature.
        revoked::settings(&accounts, journal.as_deref())?;
        if let Some(token) = &config.bootstrap_token {
            accounts.replace_bootstrap_token(&AccountName::default(), "bootstrap", token)?;
        }
        config.limits.max_connections = begin::most_connections(config.limits.max_connections);
        let first = addrs.first().copied().unwrap_or_else(|| (std::net::Ipv4Addr::LOCALHOST, 0).into());
        let public_url = config.public_url(first);
        let shared = Arc::new(Shared::new(config, public_url, accounts, journal, now)?);
        Ok(Self {
            listeners,
            addrs,
            admin,
            tls,
            acme,
            shared,
            #[cfg(unix)]
            socket,
            lock,
        })
    }

    /// The addresses listened on, ports filled in.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// The address that readiness is told on, its port filled in.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().and_then(Admin::local_addr)
    }

    /// The addresses that HTTP-01 is answered on, ports filled in.
    #[must_use]
    pub fn acme_addrs(&self) -> Vec<SocketAddr> {
        self.acme.as_ref().map(Acme::http_addrs).unwrap_or_default()
    }

    /// What it counts.
    #[must_use]
    pub fn metrics(&self) -> &Arc<Metrics> {
        &self.shared.metrics
    }

    /// Its journal, if it keeps one.
    #[must_use]
    pub fn journal(&self) -> Option<&Arc<Journal>> {
        self.shared.journal.as_ref()
    }

    /// The origin that endpoints' addresses begin with.
    #[must_use]
    pub fn public_url(&self) -> &PublicUrl {
        &self.shared.public_url
    }

    /// What takes up other settings while the relay runs.
    #[must_use]
    pub fn reload(&self) -> Reload {
        let settings = Arc::clone(&self.shared.settings);
        Reload { settings, tls: self.tls.as_ref().map(Tls::reread) }
    }

    /// Who may listen, and whose an endpoint is.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.shared.sessions.accounts
    }

    /// Answers until `shutdown`, then lets what is under way end within the grace time. Dropped, it ends at once.
    pub async fn run(self, shutdown: CancellationToken) {
        // First of all, so that it is let go last.
        let _lock = self.lock;
        #[cfg(unix)]
        let mut socket = self.socket;
        let Self { listeners, admin, tls, acme, shared, .. } = self;
        let _end = End(Arc::clone(&shared));
        #[cfg(unix)]
        let _telling = socket.as_mut().map(|socket| {
            let asked = Arc::clone(&shared);
            let report = move || telling::report(Arc::clone(&asked));
            AbortOnDropHandle::new(tokio::spawn(socket.serve(report)))
        });
        // Dropped with this future: it answers until the relay is down.
        let _admin = admin.map(|admin| {
            let readiness = Readiness {
                journal: shared.journal.clone(),
                metrics: Arc::clone(&shared.metrics),
                live: {
                    let shared = Arc::clone(&shared);
                    Arc::new(move || shared.live())
                },
                now: shared.now,
                stop: shared.stop.clone(),
                certificate: certificate_fault(tls.as_ref(), acme.as_ref()),
            };
            AbortOnDropHandle::new(tokio::spawn(admin.serve(readiness)))
        });
        let mut vital = listen(listeners, tls, acme, &shared);
        let down = async {
            shutdown.cancelled().await;
            shared.drain().await;
        };
        let tend = async {
            match &shared.journal {
                Some(journal) => journal.tend().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = down => {}
            () = go_down_with(&mut vital) => {}
            () = shared.dispatch.sweep() => {}
            () = tend => {}
            () = shared.requests.tell_left_out() => {}
            () = relief::keep(&shared.sessions.registry) => {}
            () = revoked::end(&shared.sessions, shared.journal.as_ref()) => {}
            () = deleted::forget(&shared.sessions.accounts, shared.journal.as_deref()) => {}
        }
    }
}

/// What tells whether something is wrong with the certificate.
fn certificate_fault(tls: Option<&Tls>, acme: Option<&Acme>) -> CertificateFault {
    if let Some(acme) = acme {
        let state = Arc::clone(acme.state());
        return Arc::new(move || state.fault());
    }
    match tls.map(Tls::reread) {
        Some(files) => Arc::new(move || files.has_expired().then_some(Fault::Expires)),
        None => Arc::new(|| None),
    }
}

/// Takes connections, and keeps certificates fresh, until the relay stops.
fn listen(
    listeners: Vec<Listener>,
    tls: Option<Tls>,
    acme: Option<Acme>,
    shared: &Arc<Shared>,
) -> JoinSet<()> {
    let acceptor = tls.as_ref().map(Tls::acceptor).or_else(|| acme.as_ref().map(Acme::acceptor));
    let mut vital = JoinSet::new();
    let stop = || shared.stop.clone();
    for listener in listeners {
        let accept = connections::accept(listener, acceptor.clone(), Arc::clone(shared));
        vital.spawn(shared.listening.track_future(accept));
    }
    if let Some(tls) = tls {
        vital.spawn(tls.watch(Arc::clone(&shared.metrics), stop()));
    }
    if let Some(acme) = acme {
        let keep = acme.keep(Arc::clone(&shared.metrics));
        vital.spawn(stop().run_until_cancelled_owned(keep).map(drop));
    }
    vital
}

/// Passes a panic of one of these on: a relay that no longer listens must not seem to be well. Never ends otherwise.
async fn go_down_with(vital: &mut JoinSet<()>) {
    while let Some(ended) = vital.join_next().await {
        if let Err(Ok(panic)) = ended.map_err(JoinError::try_into_panic) {
            std::panic::resume_unwind(panic);
        }
    }
    std::future::pending().await
}

/// Ends what a relay has spawned when the relay ends, whichever way.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.stop.cancel();
        self.0.hang_up.cancel();
        self.0.sessions.close_all();
    }
}

/// The socket that the relay is asked over how it is. It serves without one.
#[cfg(unix)]
fn open_socket(data_dir: &Path) -> Option<Socket> {
    let opened = Socket::open(data_dir);
    opened.inspect_err(|error| tracing::warn!("`status` will not reach this relay: {error}")).ok()
}

/// The journal, where there is anything to keep. One that is there is opened all the same: it may owe what was held
/// before the relay was told to hold no more.
fn open_journal(config: &Config, now: Now) -> Result<Option<Arc<Journal>>, BindError> {
    if !config.keeps() && !Journal::is_in(&config.data_dir) {
        return Ok(None);
    }
    Ok(Some(Arc::new(Journal::open(&config.data_dir, config.journal, now)?)))
}
