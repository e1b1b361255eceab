//! What every connection needs: what a request is routed to, and how all of it goes down.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use muxhook_link::Now;
use muxhook_protocol::{ANSWER_HEADER, CONNECT_PATH, EndpointId};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::BindError;
use super::doors::{Doors, Pace};
use super::requests::{Asked, Requests};
use super::sources::Sources;
use crate::accounts::Accounts;
use crate::api::{self, Api};
use crate::config::{Config, PublicUrl, Settings};
use crate::connect;
use crate::dispatch::{Dispatch, Keeping};
use crate::ingress::{self, Body, Ingress, Peer};
use crate::journal::Journal;
use crate::metrics::{Kind, Live, Metrics};
use crate::registry::{Count, Registry};
use crate::session::{CLAIMS_AT_ONCE, Sessions};

/// How long what nobody wants of a request's body is read after its answer.
const LINGER: Duration = Duration::from_secs(5);

/// How long a relay that goes down still reads from connections on which nobody asks anything. Whoever asks is answered
/// and told that it was the last answer there. Without that, a request that comes while the connection is closed would
/// be lost to a sender that must not send it twice (RFC 9112 §9.3.1).
const LAST_REQUESTS: Duration = Duration::from_secs(1);

/// How long senders that are told at the last moment have to take it.
const LAST_ANSWERS: Duration = Duration::from_millis(500);

/// What every connection needs.
pub(super) struct Shared {
    pub(super) sessions: Arc<Sessions>,
    pub(super) ingress: Ingress,
    pub(super) api: Arc<Api>,
    pub(super) dispatch: Arc<Dispatch>,
    pub(super) journal: Option<Arc<Journal>>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) settings: Arc<Settings>,
    pub(super) public_url: PublicUrl,
    pub(super) data_dir: PathBuf,
    pub(super) doors: Arc<Doors>,
    pub(super) sources: Sources,
    pub(super) requests: Requests,
    pub(super) now: Now,
    /// Milliseconds since the Unix epoch.
    pub(super) started_at: u64,
    /// Whether it speaks TLS itself.
    pub(super) speaks_tls: bool,
    /// Sessions under way.
    pub(super) running: TaskTracker,
    /// Public connections under way.
    pub(super) connections: TaskTracker,
    /// Listeners that take connections.
    pub(super) listening: TaskTracker,
    /// No new connections, and no second request on those that there are.
    pub(super) stop: CancellationToken,
    /// Connections end on which nobody asks anything.
    pub(super) hang_up: CancellationToken,
}

impl Shared {
    pub(super) fn new(
        config: Config,
        public_url: PublicUrl,
        accounts: Arc<Accounts>,
        journal: Option<Arc<Journal>>,
        now: Now,
    ) -> Result<Self, BindError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)?;
        let (limits, speaks_tls) = (config.limits, config.speaks_tls());
        let settings = Arc::new(Settings::new(config.live()));
        let (registry, metrics) = (Arc::new(Registry::default()), Arc::new(Metrics::default()));
        let keeping = Keeping { journal: journal.clone(), holds: config.hold };
        let dispatch = Arc::new(Dispatch::new(Arc::clone(&registry), keeping, limits.in_flight, random, now));
        let history = journal.is_some() && !config.journal.retention.is_zero();
        let sessions = Arc::new(Sessions {
            accounts: Arc::clone(&accounts),
            registry: Arc::clone(&registry),
            dispatch: Arc::clone(&dispatch),
            settings: Arc::clone(&settings),
            per_endpoint: limits.sessions_per_endpoint,
            claims: Semaphore::new(CLAIMS_AT_ONCE),
            public_url: public_url.clone(),
            holds: config.hold,
            history,
        });
        let doors = Arc::new(Doors::new(limits.max_connections, Arc::clone(&settings), Arc::clone(&metrics)));
        let ingress = Ingress::new(Arc::clone(&accounts), Arc::clone(&dispatch), Arc::clone(&settings), now);
        let live = Box::new(move |endpoint: &EndpointId| live(&registry, endpoint));
        let api = Arc::new(Api {
            accounts,
            public_url: public_url.clone(),
            live,
            journal: journal.clone(),
            dispatch: Arc::clone(&dispatch),
            holds: config.hold,
            history,
            settings: Arc::clone(&settings),
        });
        let data_dir = config.data_dir;
        let requests = Requests::new(Arc::clone(&metrics), random);
        metrics.started(now.unix_seconds());
        Ok(Self {
            sessions,
            ingress,
            api,
            dispatch,
            journal,
            metrics,
            settings,
            public_url,
            data_dir,
            doors,
            sources: Sources::default(),
            requests,
            now,
            started_at: now.unix_millis(),
            speaks_tls,
            running: TaskTracker::new(),
            connections: TaskTracker::new(),
            listening: TaskTracker::new(),
            stop: CancellationToken::new(),
            hang_up: CancellationToken::new(),
        })
    }

    /// Counts a connection that was no TLS, no HTTP or too slow, for the same reason as a failing request.
    pub(super) fn connection_failed(&self, peer: Peer, reason: &'static str) {
        self.metrics.connections.failed(reason);
        if let Some(source) = self.doors.source(peer.ip)
            && self.sources.failed(source, Instant::now()).is_err()
        {
            self.metrics.limited();
        }
    }

    /// Answers one request. When that takes less than its body, the rest is read and forgotten for a while and the
    /// connection ends: a reset would take the answer from a sender that is busy writing (RFC 9112 §9.6). Nobody waits
    /// so for somebody who has failed too often or was too slow already.
    pub(super) async fn answer(&self, peer: Peer, pace: &Pace, request: Request<Incoming>) -> Response<Body> {
        let (mut head, mut body) = request.into_parts();
        let source = self.ingress.source(peer, &head.headers);
        let asked = Asked { kind: kind(&head), source, began: Instant::now() };
        self.metrics.came(asked.began);
        let mut response = match ingress::check(&mut head) {
            Ok(()) => self.route(peer, Request::from_parts(head, &mut body)).await,
            Err(refused) => *refused,
        };
        let is_failure = is_failure(&response, asked.kind);
        let mut is_waited_for = response.status() != StatusCode::REQUEST_TIMEOUT;
        if let Some(source) = source.filter(|_| is_failure)
            && let Err(retry) = self.sources.failed(source, Instant::now())
        {
            self.metrics.limited();
            response = ingress::too_many_failures(retry);
            is_waited_for = false;
        }
        self.requests.answered(&asked, &mut response);
        let is_read = body.frame().now_or_never().is_some_and(|more| more.is_none());
        let goes_down = self.stop.is_cancelled() && response.status() != StatusCode::SWITCHING_PROTOCOLS;
        if !is_read || goes_down {
            ingress::end_connection(&mut response);
        }
        if !is_read && is_waited_for {
            tokio::spawn(timeout(LINGER, async move { while let Some(Ok(_)) = body.frame().await {} }));
        }
        let is_last = response.headers().get(header::CONNECTION).is_some_and(|value| value == "close");
        pace.answered(is_failure, is_last);
        response
    }

    async fn route(&self, peer: Peer, request: Request<&mut Incoming>) -> Response<Body> {
        match request.uri().path() {
            path if path.starts_with("/h/") => self.ingress.answer(peer, request).await,
            CONNECT_PATH => {
                let most = self.settings.now().limits.max_listeners;
                connect::answer(&self.sessions, &self.running, &self.stop, most, request)
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
        // It is small: so it has the time that a large one may stand still.
        let patience = self.settings.now().limits.body_idle;
        let Ok(read) = timeout(patience, Limited::new(body, api::MAX_BODY).collect()).await else {
            let message = "a question's body came too slowly";
            return api::refuse(StatusCode::REQUEST_TIMEOUT, "body_too_slow", message).map(Body::from);
        };
        let Ok(body) = read else {
            let message = format!("a question's body has at most {} bytes, and comes whole", api::MAX_BODY);
            return api::refuse(StatusCode::BAD_REQUEST, "bad_body", &message).map(Body::from);
        };
        let has_trailers = body.trailers().is_some();
        let question = Request::from_parts(head, body.to_bytes());
        let mut response = api::answer(Arc::clone(&self.api), question).await.map(Body::from);
        if has_trailers {
            ingress::end_connection(&mut response);
        }
        response
    }

    /// Who is there, and how much waits for its answer.
    pub(super) fn live(&self) -> Live {
        let Count { listeners, observers } = self.sessions.registry.count();
        let greeting = self.running.len().saturating_sub(listeners + observers);
        Live { listeners, observers, greeting, in_flight: self.dispatch.in_flight() }
    }

    /// Goes down: no new connections, sessions told when to come back, what is in flight given the grace time.
    pub(super) async fn drain(&self) {
        tracing::info!(in_flight = self.dispatch.in_flight(), sessions = self.running.len(), "going down");
        self.sessions.announce_restart();
        self.stop.cancel();
        self.listening.close();
        self.listening.wait().await;
        self.connections.close();
        self.running.close();
        let drained = self.let_connections_end(self.settings.now().limits.grace).await;
        self.dispatch.give_up();
        // Long enough for those last answers to be written.
        let _ = timeout(LAST_ANSWERS, self.connections.wait()).await;
        self.sessions.close_all();
        let closed = timeout(Duration::from_secs(2), self.running.wait()).await.is_ok();
        let owed = self.close_journal().await;
        tracing::info!(drained, closed, owed, data_dir = %self.data_dir.display(), "down");
    }

    /// Whether all did, within that time.
    async fn let_connections_end(&self, grace: Duration) -> bool {
        let by = Instant::now() + grace;
        let last_requests = LAST_REQUESTS.min(grace);
        let all_asked = timeout(last_requests, self.connections.wait()).await.is_ok();
        self.hang_up.cancel();
        all_asked || timeout_at(by, self.connections.wait()).await.is_ok()
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

/// Whether a request failed in a way that a stranger's would who tries what there is. What an app answers does not
/// count, nor what the API says to somebody whose token is good.
fn is_failure(response: &Response<Body>, kind: Kind) -> bool {
    let is_apis = matches!(kind, Kind::Api | Kind::Connect);
    let is_relays = response.headers().get(ANSWER_HEADER).is_none_or(|by| by == "relay");
    let status = response.status().as_u16();
    is_relays && (status == 401 || !is_apis && matches!(status, 400 | 404 | 501))
}

/// What a request is for.
fn kind(head: &http::request::Parts) -> Kind {
    match head.uri.path() {
        path if path.starts_with("/h/") && head.method == Method::POST => Kind::Webhook,
        path if path.starts_with("/h/") => Kind::Page,
        CONNECT_PATH => Kind::Connect,
        path if path.starts_with("/_relay/") => Kind::Api,
        "/healthz" => Kind::Health,
        _ => Kind::Other,
    }
}

/// How many listeners and observers are live on an endpoint.
fn live(registry: &Registry, endpoint: &EndpointId) -> (usize, usize) {
    let seats = registry.seats(endpoint);
    let count = seats.map(|seats| Count::of(seats.iter())).unwrap_or_default();
    (count.listeners, count.observers)
}

fn health() -> Response<Body> {
    let mut response = Response::new(Body::from(Bytes::from_static(b"ok\n")));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
