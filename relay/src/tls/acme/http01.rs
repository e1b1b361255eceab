//! Port 80, where ACME is answered by HTTP-01 (RFC 8555 §8.3), and nothing else is: no webhook, and no way to where one
//! may go, since what was sent here was readable on its way already.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::State;

/// Where the answers are.
const PATH: &str = "/.well-known/acme-challenge/";

/// Most connections at once; others wait until one ends.
const CONNECTIONS: usize = 64;

/// How long a connection may last: one short question.
const LASTS: Duration = Duration::from_secs(10);

/// How long to wait before accepting again when the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    let permits = Arc::new(Semaphore::new(CONNECTIONS));
    let over = CancellationToken::new();
    let _over = over.clone().drop_guard();
    loop {
        // Never closed.
        let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
        match listener.accept().await {
            Ok((socket, _)) => {
                let connection = timeout(LASTS, connection(socket, Arc::clone(&state)));
                tokio::spawn(over.clone().run_until_cancelled_owned(async move {
                    let _ = connection.await;
                    drop(permit);
                }));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection to the port of HTTP-01 could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn connection(socket: TcpStream, state: Arc<State>) {
    let service = service_fn(move |request| {
        let answer = answer(&state, &request);
        async move { Ok::<_, Infallible>(answer) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(LASTS)
        .keep_alive(false)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(socket), service);
    if let Err(error) = connection.await {
        tracing::debug!(%error, "a connection to the port of HTTP-01 ended badly");
    }
}

fn answer<B>(state: &State, request: &Request<B>) -> Response<Full<Bytes>> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    let token = request.uri().path().strip_prefix(PATH).filter(|_| is_read);
    let (status, text) = match token.and_then(|token| state.http_proof(token)) {
        Some(proof) => (StatusCode::OK, proof),
        None => (StatusCode::NOT_FOUND, "this port is for ACME alone: come over https\n".to_owned()),
    };
    let mut response = Response::new(Full::new(text.into()));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
