//! Where a CLI's WebSocket begins: the bearer token, the upgrade (RFC 6455 §4.2), and then the session.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use hyper::body::{Body as _, Incoming};
use hyper_util::rt::TokioIo;
use muxhook_link::{Metered, Stream, websocket_config};
use muxhook_protocol::SUBPROTOCOL;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::accounts::{Pass, Scope};
use crate::api;
use crate::ingress::Body;
use crate::server::Guarded;
use crate::session::{READ_BUFFER, Sessions, offers_subprotocol};

/// Answers a request for a WebSocket; a session begins when the answer is out.
pub(crate) fn answer(
    sessions: &Arc<Sessions>,
    running: &TaskTracker,
    stop: &CancellationToken,
    most: usize,
    mut request: Request<&mut Incoming>,
) -> Response<Body> {
    let pass = match api::authorize_for(Scope::Listen, &sessions.accounts, request.headers()) {
        Ok(pass) => pass,
        Err(response) => return response.map(Body::from),
    };
    let is_bare = *request.method() == Method::GET && request.body().is_end_stream();
    let Some(key) = websocket_key(request.headers()).filter(|_| is_bare) else {
        let message = "this address takes a WebSocket of the subprotocol muxhook.v1";
        let mut response = api::refuse(StatusCode::UPGRADE_REQUIRED, "upgrade_required", message);
        let headers = response.headers_mut();
        headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
        return response.map(Body::from);
    };
    if running.len() >= most || stop.is_cancelled() {
        let mut response = api::refuse(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_sessions",
            "the relay has no room for a session",
        );
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        return response.map(Body::from);
    }
    let accept = derive_accept_key(key.as_bytes());
    running.spawn(begin(Arc::clone(sessions), pass, hyper::upgrade::on(&mut request)));
    switching(&accept)
}

/// The key of a request that asks for a WebSocket as this relay speaks it.
fn websocket_key(headers: &HeaderMap) -> Option<HeaderValue> {
    let has = |name: HeaderName, wanted: &str| {
        headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok())
            .any(|value| value.split(',').any(|token| token.trim().eq_ignore_ascii_case(wanted)))
    };
    let speaks = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .any(offers_subprotocol);
    let asks = has(header::UPGRADE, "websocket")
        && has(header::CONNECTION, "upgrade")
        && has(header::SEC_WEBSOCKET_VERSION, "13");
    headers.get(header::SEC_WEBSOCKET_KEY).filter(|_| asks && speaks).cloned()
}

fn switching(accept: &str) -> Response<Body> {
    let mut response = Response::new(Body::default());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Ok(accept) = HeaderValue::from_str(accept) {
        headers.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

async fn begin(sessions: Arc<Sessions>, pass: Pass, upgrade: hyper::upgrade::OnUpgrade) {
    let taken = take_over(upgrade, websocket_config(READ_BUFFER), Guarded::into_parts);
    if let Some((socket, _place)) = taken.await {
        sessions.run(pass, socket).await;
    }
}

/// Takes the socket over from hyper, with what hyper had read too much. Nothing else of hyper's is kept, since most
/// sessions are idle for long, and of what hyper was served over only what `apart` says. `None`: the connection broke, or
/// was not served over a [`TokioIo`] of an `I`.
pub async fn take_over<I, K>(
    upgrade: hyper::upgrade::OnUpgrade,
    settings: WebSocketConfig,
    apart: impl FnOnce(I) -> (Stream, K),
) -> Option<(WebSocketStream<Metered<Stream>>, K)>
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let Ok(parts) = upgrade.await.ok()?.downcast::<TokioIo<I>>() else {
        tracing::error!("an upgraded connection is not one of the relay's own");
        return None;
    };
    let ((stream, kept), read) = (apart(parts.io.into_inner()), parts.read_buf.to_vec());
    let stream = Metered::new(stream, read.len());
    Some((WebSocketStream::from_partially_read(stream, read, Role::Server, Some(settings)).await, kept))
}
