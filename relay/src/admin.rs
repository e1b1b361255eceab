//! What the relay's operator may ask, on a listener of its own: is it alive, and is it ready.
//!
//! - `/healthz`: 200 `ok` as long as the process answers. Whoever sees it fail should start the relay anew.
//! - `/readyz`: 200 when the relay does all that it is there for; else 503, and the body says what it can't do.
//!   Whoever sees it fail should send webhooks elsewhere, or wake somebody.
//! - `/metrics`: what the relay counts, in the text format of OpenMetrics.
//!
//! Nobody is asked who they are, and nothing that is told here is anybody's secret.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use muxhook_link::Now;
use serde::Serialize;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::journal::{Health, Journal};
use crate::metrics::{self, Live, Metrics};
use crate::tls::acme;

/// Most connections at once: probes and people. Others wait until one ends.
const CONNECTIONS: usize = 64;

/// How long a connection may last, so that [`CONNECTIONS`] idle ones keep nobody out for long.
const LASTS: Duration = Duration::from_secs(30);

/// How long a request's head may take.
const HEAD: Duration = Duration::from_secs(5);

/// How long to wait before accepting again when the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Where a relay is asked how it is.
#[derive(Debug)]
pub struct Admin {
    listener: TcpListener,
}

/// Tells what is wrong with the certificate, if anything is.
pub type CertificateFault = Arc<dyn Fn() -> Option<acme::Fault> + Send + Sync>;

/// What readiness goes by.
#[derive(Clone)]
pub struct Readiness {
    /// The relay's journal, if it keeps one.
    pub journal: Option<Arc<Journal>>,
    /// What the relay counts.
    pub metrics: Arc<Metrics>,
    /// Who is there, and how much waits for its answer.
    pub live: Arc<dyn Fn() -> Live + Send + Sync>,
    /// The wall clock.
    pub now: Now,
    /// Cancelled when the relay goes down.
    pub stop: CancellationToken,
    /// What is wrong with the certificate.
    pub certificate: CertificateFault,
}

/// The body of `/readyz`.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Report {
    ready: bool,
    /// What is wrong; nothing when it is ready.
    faults: Vec<Fault>,
    /// Webhooks that are missing in the history since the relay started: they came faster than it could be written, or
    /// the disk was full. They were forwarded all the same: this is for information.
    dropped: u64,
}

/// One thing that is wrong.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Fault {
    fault: &'static str,
    message: &'static str,
}

impl Admin {
    /// On this listener. Nothing is answered before [`Admin::serve`].
    #[must_use]
    pub fn new(listener: TcpListener) -> Self {
        Self { listener }
    }

    /// Where it listens, the port filled in.
    #[must_use]
    pub fn local_addr(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Answers until it is dropped.
    pub async fn serve(self, readiness: Readiness) {
        let permits = Arc::new(Semaphore::new(CONNECTIONS));
        let over = CancellationToken::new();
        let _over = over.clone().drop_guard();
        loop {
            // Never closed.
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            match self.listener.accept().await {
                Ok((socket, _)) => {
                    let connection = timeout(LASTS, connection(socket, readiness.clone()));
                    tokio::spawn(over.clone().run_until_cancelled_owned(async move {
                        let _ = connection.await;
                        drop(permit);
                    }));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection to the admin address could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }
}

async fn connection(socket: TcpStream, readiness: Readiness) {
    let service = service_fn(move |request| {
        let readiness = readiness.clone();
        async move { Ok::<_, Infallible>(answer(&readiness, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the admin address ended badly");
    }
}

async fn answer<B>(readiness: &Readiness, request: &Request<B>) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    if !matches!(path, "/healthz" | "/readyz" | "/metrics") {
        return text(StatusCode::NOT_FOUND, "there is /healthz, /readyz and /metrics here\n");
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "this path takes GET and HEAD alone\n");
        refused.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match path {
        "/healthz" => text(StatusCode::OK, "ok\n"),
        "/metrics" => respond(StatusCode::OK, metrics::CONTENT_TYPE, readiness.metrics().await.into()),
        _ => readiness.report().response(),
    }
}

impl Readiness {
    async fn metrics(&self) -> String {
        let owed = match &self.journal {
            Some(journal) => journal.owed_in_all().await.ok(),
            None => None,
        };
        let now = self.now.unix_millis();
        let age = |oldest: Option<u64>| Duration::from_millis(oldest.map_or(0, |at| now.saturating_sub(at)));
        self.metrics.text(metrics::Snapshot {
            live: (self.live)(),
            owed: owed.map(|owed| (owed.count, age(owed.oldest_at))),
            journal: self.journal.as_ref().map(|journal| journal.health()),
        })
    }

    fn report(&self) -> Report {
        let health = self.journal.as_ref().map(|journal| journal.health()).unwrap_or_default();
        let mut report = Report::of(health, self.stop.is_cancelled());
        report.add((self.certificate)());
        report
    }
}

impl Report {
    fn of(journal: Health, is_going_down: bool) -> Self {
        let closed = Fault {
            fault: "journal_closed",
            message: "the disk failed: nothing is held and no history is written until the relay is started anew \
                      (live webhooks are forwarded); `muxhook-relay check` looks at the data",
        };
        let full = Fault {
            fault: "disk_full",
            message: "the disk has no room: nothing more is held and no history is written until it has (live webhooks \
                      are forwarded)",
        };
        let going_down =
            Fault { fault: "going_down", message: "the relay was told to end: it takes no new connections" };
        let found = [(journal.closed, closed), (journal.full, full), (is_going_down, going_down)];
        let faults: Vec<_> = found.into_iter().filter_map(|(is, fault)| is.then_some(fault)).collect();
        Self { ready: faults.is_empty(), faults, dropped: journal.dropped }
    }

    fn add(&mut self, certificate: Option<acme::Fault>) {
        let fault = match certificate {
            None => return,
            Some(acme::Fault::None) => Fault {
                fault: "no_certificate",
                message: "there is no certificate yet: senders and listeners can't connect; the log says why, and when \
                          the next try is",
            },
            Some(acme::Fault::Expires) => Fault {
                fault: "certificate_expires",
                message: "the certificate is about to expire or has expired, and there is no other; the log says why",
            },
        };
        self.ready = false;
        self.faults.push(fault);
    }

    fn response(&self) -> Response<Full<Bytes>> {
        let status = if self.ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        // Only a map with keys that are no text could fail, and this is none.
        let body = serde_json::to_vec(self).unwrap_or_default();
        respond(status, "application/json", body.into())
    }
}

fn text(status: StatusCode, text: &'static str) -> Response<Full<Bytes>> {
    respond(status, "text/plain", Bytes::from_static(text.as_bytes()))
}

fn respond(status: StatusCode, kind: &'static str, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let fields = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    for (name, value) in fields {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named() {
        let report = |closed, dropped, down| {
            serde_json::to_value(Report::of(Health { closed, dropped, ..Health::default() }, down)).unwrap()
        };
        let names = |report: &serde_json::Value| {
            let faults = report["faults"].as_array().unwrap().iter();
            faults.map(|fault| fault["fault"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let well = report(false, 7, false);
        assert_eq!(well, serde_json::json!({"ready": true, "faults": [], "dropped": 7}), "no fault, a fact");
        let closed = report(true, 0, false);
        assert_eq!((&closed["ready"], names(&closed)), (&false.into(), vec!["journal_closed".to_owned()]));
        let full = Report::of(Health { full: true, ..Health::default() }, false);
        assert_eq!(names(&serde_json::to_value(full).unwrap()), ["disk_full"]);
        let both = report(true, 0, true);
        assert_eq!(names(&both), ["journal_closed", "going_down"]);
        for (fault, name) in
            [(acme::Fault::None, "no_certificate"), (acme::Fault::Expires, "certificate_expires")]
        {
            let mut report = Report::of(Health::default(), false);
            report.add(Some(fault));
            let report = serde_json::to_value(report).unwrap();
            assert_eq!((&report["ready"], names(&report)), (&false.into(), vec![name.to_owned()]));
        }
    }
}
