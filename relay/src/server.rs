//! The relay as a whole: its listeners, what a request is routed to, and how it goes down.
//!
//! - `begin`: what can stop it from beginning, and the lock that keeps its data folder for it alone.
//! - `connections`: public connections: taken, served, let end.
//! - `deleted`: endpoints that were deleted, forgotten by the journal too.

mod begin;
mod connections;
mod deleted;

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use muxhook_link::Now;
use muxhook_protocol::frame::{self, Role};
use muxhook_protocol::{CONNECT_PATH, EndpointId};
use tokio::net::TcpListener;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

use crate::accounts::{AccountName, Accounts};
use crate::admin::{Admin, Readiness};
use crate::api::{self, Api};
use crate::config::{Config, Limits, PublicUrl};
use crate::connect;
use crate::database;
use crate::dispatch::{Dispatch, Keeping};
use crate::ingress::{self, Body, Ingress, Peer};
use crate::journal::Journal;
use crate::registry::Registry;
use crate::session::Sessions;
use crate::tls::Tls;
pub use begin::BindError;

/// How long what nobody wants of a request's body is read after its answer.
const LINGER: Duration = Duration::from_secs(5);

/// How long senders that are told at the last moment have to take it.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// A relay with its listeners open.
pub struct Relay {
    listeners: Vec<TcpListener>,
    addrs: Vec<SocketAddr>,
    admin: Option<Admin>,
    tls: Option<Tls>,
    shared: Arc<Shared>,
    /// Held as long as the relay serves from its data folder.
    lock: File,
}

/// What every connection needs.
struct Shared {
    sessions: Arc<Sessions>,
    ingress: Ingress,
    api: Arc<Api>,
    dispatch: Arc<Dispatch>,
    journal: Option<Arc<Journal>>,
    limits: Limits,
    public_url: PublicUrl,
    data_dir: PathBuf,
    /// Sessions under way.
    running: TaskTracker,
    /// Public connections under way.
    connections: TaskTracker,
    /// No new work.
    stop: CancellationToken,
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
        let tls = config.tls.as_ref().map(|files| Tls::load(&files.cert, &files.key)).transpose()?;
        database::make_folder(&config.data_dir)?;
        let lock = begin::keep_alone(&config.data_dir, config.takeover).await?;
        let mut listeners = Vec::new();
        for address in &config.listen {
            let listen = |source| BindError::Listen { address: *address, source };
            listeners.push(TcpListener::bind(address).await.map_err(listen)?);
        }
        let admin = match config.admin {
            Some(address) => {
                let listen = |source| BindError::Listen { address, source };
                Some(Admin::bind(address).await.map_err(listen)?)
            }
            None => None,
        };
        let addrs = listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect::<Vec<_>>();
        let accounts = Arc::new(Accounts::open(&config.data_dir, now)?);
        let journal = open_journal(&config, now)?;
        if let Some(token) = &config.bootstrap_token {
            accounts.replace_bootstrap_token(&AccountName::default(), "bootstrap", token)?;
        }
        let first = addrs.first().copied().unwrap_or_else(|| (std::net::Ipv4Addr::LOCALHOST, 0).into());
        let public_url = config.public_url(first);
        let shared = Arc::new(Shared::new(config, public_url, accounts, journal, now)?);
        Ok(Self { listeners, addrs, admin, tls, shared, lock })
    }

    /// The addresses listened on, ports filled in.
    #[must_use]
    pub fn local_addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// The address that readiness is told on, its port filled in.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.admin.as_ref().map(Admin::local_addr)
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

    /// Who may listen, and whose an endpoint is.
    #[must_use]
    pub fn accounts(&self) -> &Arc<Accounts> {
        &self.shared.sessions.accounts
    }

    /// Answers until `shutdown`, then lets what is under way end within the grace time. Dropped, it ends at once.
    pub async fn run(self, shutdown: CancellationToken) {
        let Self { listeners, admin, tls, shared, lock: _lock, .. } = self;
        let _end = End(Arc::clone(&shared));
        // Dropped with this future: it answers until the relay is down.
        let _admin = admin.map(|admin| {
            let readiness = Readiness { journal: shared.journal.clone(), stop: shared.stop.clone() };
            AbortOnDropHandle::new(tokio::spawn(admin.serve(readiness)))
        });
        let acceptor = tls.as_ref().map(Tls::acceptor);
        for listener in listeners {
            let accept = connections::accept(listener, acceptor.clone(), Arc::clone(&shared));
            tokio::spawn(shared.stop.clone().run_until_cancelled_owned(accept));
        }
        if let Some(tls) = tls {
            tokio::spawn(tls.watch(shared.stop.clone()));
        }
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
            () = shared.dispatch.sweep() => {}
            () = tend => {}
            () = deleted::forget(&shared.sessions.accounts, shared.journal.as_deref()) => {}
        }
    }
}

/// Ends what a relay has spawned when the relay ends, whichever way.
struct End(Arc<Shared>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.stop.cancel();
        self.0.sessions.close_all();
    }
}

impl Shared {
    fn new(
        config: Config,
        public_url: PublicUrl,
        accounts: Arc<Accounts>,
        journal: Option<Arc<Journal>>,
        now: Now,
    ) -> Result<Self, BindError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let limits = config.limits;
        let registry = Arc::new(Registry::default());
        let keeping = Keeping { journal: journal.clone(), holds: config.hold };
        let dispatch = Arc::new(Dispatch::new(Arc::clone(&registry), keeping, limits.in_flight, random, now));
        let max_body = limits.max_body as u64;
        let sessions = Arc::new(Sessions {
            accounts: Arc::clone(&accounts),
            registry: Arc::clone(&registry),
            dispatch: Arc::clone(&dispatch),
            limits: frame::Limits { in_flight: limits.in_flight, max_body },
            per_endpoint: limits.sessions_per_endpoint,
            public_url: public_url.clone(),
        });
        let ingress = Ingress::new(
            Arc::clone(&accounts),
            Arc::clone(&dispatch),
            config.trusted_proxies,
            public_limits(&limits),
            now,
        );
        let live = Box::new(move |endpoint: &EndpointId| live(&registry, endpoint));
        let api = Arc::new(Api {
            accounts,
            public_url: public_url.clone(),
            live,
            journal: journal.clone(),
            dispatch: Arc::clone(&dispatch),
            holds: config.hold,
            reply_deadline: limits.reply_deadline,
        });
        let data_dir = config.data_dir;
        let (running, connections, stop) = (TaskTracker::new(), TaskTracker::new(), CancellationToken::new());
        Ok(Self {
            sessions,
            ingress,
            api,
            dispatch,
            journal,
            limits,
            public_url,
            data_dir,
            running,
            connections,
            stop,
        })
    }

    /// Answers one request. When that takes less than its body, the rest is read and forgotten for a while and the
    /// connection ends: a reset would take the answer from a sender that is busy writing (RFC 9112 §9.6).
    async fn answer(&self, peer: Peer, request: Request<Incoming>) -> Response<Body> {
        let (head, mut body) = request.into_parts();
        let mut response = self.route(peer, Request::from_parts(head, &mut body)).await;
        if body.frame().now_or_never().is_none_or(|more| more.is_some()) {
            response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
            tokio::spawn(timeout(LINGER, async move { while let Some(Ok(_)) = body.frame().await {} }));
        }
        response
    }

    async fn route(&self, peer: Peer, request: Request<&mut Incoming>) -> Response<Body> {
        match request.uri().path() {
            path if path.starts_with("/h/") => self.ingress.answer(peer, request).await,
            CONNECT_PATH => {
                connect::answer(&self.sessions, &self.running, &self.stop, self.limits.max_listeners, request)
            }
            path if path.starts_with("/_relay/") => self.ask(request).await,
            "/healthz" if matches!(*request.method(), Method::GET | Method::HEAD) => health(),
            "/healthz" => ingress::method_not_allowed("GET, HEAD"),
            _ => ingress::not_found(),
        }
    }

    /// A question to the API.
    async fn ask(&self, request: Request<&mut Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let read = timeout(self.limits.body_total, Limited::new(body, api::MAX_BODY).collect()).await;
        let Ok(Ok(body)) = read else {
            let message = format!("a question's body has at most {} bytes, and comes whole", api::MAX_BODY);
            return api::refuse(http::StatusCode::BAD_REQUEST, "bad_body", &message).map(Body::from);
        };
        let question = Request::from_parts(head, body.to_bytes());
        api::answer(Arc::clone(&self.api), question).await.map(Body::from)
    }

    /// Goes down: no new connections, sessions told when to come back, what is in flight given the grace time.
    async fn drain(&self) {
        tracing::info!(in_flight = self.dispatch.in_flight(), sessions = self.running.len(), "going down");
        self.sessions.announce_restart();
        self.stop.cancel();
        self.connections.close();
        self.running.close();
        let drained = timeout(self.limits.grace, self.connections.wait()).await.is_ok();
        self.dispatch.give_up();
        // Long enough for those last answers to be written.
        let _ = timeout(LAST_ANSWERS, self.connections.wait()).await;
        self.sessions.close_all();
        let closed = timeout(Duration::from_secs(2), self.running.wait()).await.is_ok();
        let owed = self.close_journal().await;
        tracing::info!(drained, closed, owed, data_dir = %self.data_dir.display(), "down");
    }

    /// Writes what waits to be written. How much is owed then, when that is known.
    async fn close_journal(&self) -> Option<u64> {
        let journal = Arc::clone(self.journal.as_ref()?);
        // Asked behind everything that was written before.
        let owed = journal.owed_in_all().await.ok().map(|owed| owed.count);
        if spawn_blocking(move || journal.close()).await.is_err() {
            tracing::error!("the journal could not be closed");
        }
        owed
    }
}

/// The journal, where there is anything to keep. One that is there is opened all the same: it may owe what was held
/// before the relay was told to hold no more.
fn open_journal(config: &Config, now: Now) -> Result<Option<Arc<Journal>>, BindError> {
    if !config.keeps() && !Journal::is_in(&config.data_dir) {
        return Ok(None);
    }
    Ok(Some(Arc::new(Journal::open(&config.data_dir, config.journal, now)?)))
}

fn public_limits(limits: &Limits) -> ingress::Limits {
    ingress::Limits {
        max_body: limits.max_body,
        body_idle: limits.body_idle,
        body_total: limits.body_total,
        reply_deadline: limits.reply_deadline,
        in_flight: limits.in_flight_total,
        in_flight_bytes: limits.in_flight_bytes,
    }
}

/// How many listeners and observers are live on an endpoint.
fn live(registry: &Registry, endpoint: &EndpointId) -> (usize, usize) {
    let seats = registry.seats(endpoint);
    let all = seats.as_deref().unwrap_or_default();
    let listeners = all.iter().filter(|seat| seat.role == Role::Listener).count();
    (listeners, all.len() - listeners)
}

fn health() -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(b"ok\n")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
