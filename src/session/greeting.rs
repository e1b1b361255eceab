//! One attempt at a session: the WebSocket's upgrade (RFC 6455 §4.1), then hello and welcome.

use std::time::Duration;

use http::header::{AUTHORIZATION, LOCATION, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use muxhook_link::{Limits, Link, LinkError, websocket_config};
use muxhook_protocol::frame::{Hello, RefusedCode, Welcome};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{CONNECT_PATH, Frame, SUBPROTOCOL};
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::ended::{Ended, Failure};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// How long the relay may take to answer the upgrade, and again to answer the greeting.
const STEP: Duration = Duration::from_secs(10);

/// What is read from the relay at once, in bytes.
pub const READ_BUFFER: usize = 16 * 1024;

/// What is taken from a relay: bodies far above any sensible limit of its own, more large ones at once than a link
/// sends, and a queue that batches well.
const LIMITS: Limits = Limits { max_body: 256 * 1024 * 1024, max_open: 64, max_queue: 8 * 1024 * 1024 };

/// Longest message of an error answer that is passed on, in characters.
const MOST_SAID: usize = 300;

/// A session that stands.
pub(super) struct Greeted<S> {
    pub(super) link: Link<S>,
    pub(super) welcome: Welcome,
}

/// Asks the relay at the other end of `stream` for a session.
pub(super) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    relay: &RelayUrl,
    token: &Secret,
    hello: Hello,
) -> Result<Greeted<S>, Failure> {
    let request = request(relay, token, &hello.agent)?;
    let upgrade = client_async_with_config(request, stream, Some(websocket_config(READ_BUFFER)));
    let (socket, _) = timeout(STEP, upgrade)
        .await
        .map_err(|_| silent(relay, "to the upgrade"))?
        .map_err(|error| no_upgrade(relay, error))?;
    timeout(STEP, exchange(socket, relay, hello)).await.map_err(|_| silent(relay, "to the greeting"))?
}

async fn exchange<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    relay: &RelayUrl,
    hello: Hello,
) -> Result<Greeted<S>, Failure> {
    let mut link = Link::new(socket, LIMITS);
    link.send(Outgoing::control(&Frame::Hello(hello)));
    loop {
        match link.next().await {
            Ok(Frame::Welcome(welcome)) => return Ok(Greeted { link, welcome }),
            Ok(Frame::Refused(refused)) => return Err(refused.into()),
            Ok(Frame::Unknown) => {}
            Ok(_) => return Err(Failure::not_a_relay(relay, "it answered the greeting with something else")),
            Err(LinkError::Protocol(what)) => return Err(Failure::not_a_relay(relay, what)),
            Err(error) => return Err(error.into()),
        }
    }
}

fn request(relay: &RelayUrl, token: &Secret, agent: &str) -> Result<Request<()>, Failure> {
    let scheme = if relay.is_tls() { "wss" } else { "ws" };
    let mut request = format!("{scheme}://{}{CONNECT_PATH}", relay.authority())
        .into_client_request()
        .map_err(|error| Failure::not_a_relay(relay, format!("its address can't be asked for ({error})")))?;
    let mut bearer = HeaderValue::try_from(format!("Bearer {}", token.expose())).map_err(|_| {
        let why = "it holds characters that can't be sent".into();
        Failure::Final(Ended::Unauthorized { relay: relay.clone(), why })
    })?;
    bearer.set_sensitive(true);
    let headers = request.headers_mut();
    headers.insert(AUTHORIZATION, bearer);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    if let Ok(agent) = HeaderValue::try_from(agent) {
        headers.insert(USER_AGENT, agent);
    }
    Ok(request)
}

fn silent(relay: &RelayUrl, to: &str) -> Failure {
    Failure::transient(format!("the relay at {relay} gave no answer {to} within {} s", STEP.as_secs()))
}

fn no_upgrade(relay: &RelayUrl, error: WsError) -> Failure {
    match error {
        WsError::Http(response) => answered(relay, &response),
        WsError::Io(error) => {
            Failure::transient(format!("the connection to the relay at {relay} broke: {error}"))
        }
        WsError::Protocol(ProtocolError::HandshakeIncomplete) => {
            Failure::transient(format!("the relay at {relay} closed the connection without an answer"))
        }
        WsError::Protocol(ProtocolError::SecWebSocketSubProtocolError(_)) => {
            Failure::not_a_relay(relay, format!("its WebSocket does not speak {SUBPROTOCOL}"))
        }
        other => Failure::not_a_relay(relay, format!("it gave no WebSocket answer ({other})")),
    }
}

/// What an HTTP answer other than the upgrade means.
fn answered(relay: &RelayUrl, response: &Response<Option<Vec<u8>>>) -> Failure {
    let status = response.status();
    let message = response.body().as_deref().and_then(message);
    if let (StatusCode::FORBIDDEN, Some(message)) = (status, &message) {
        // The token is good, and not for this: the relay says what would be.
        return Failure::Final(Ended::Refused { code: RefusedCode::Forbidden, message: message.clone() });
    }
    if matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) {
        let why = format!("it answered {status}");
        return Failure::Final(Ended::Unauthorized { relay: relay.clone(), why });
    }
    let message = message.map(|message| format!(" ({message})")).unwrap_or_default();
    if status.is_server_error()
        || matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT)
    {
        let reason = format!("the relay at {relay} answered {status}{message}");
        return Failure::Transient { reason, asked: retry_after(response.headers()) };
    }
    let advice = match response.headers().get(LOCATION).and_then(|to| to.to_str().ok()) {
        Some(to) if status.is_redirection() => format!(", and points to {}", shortened(to)),
        _ if status == StatusCode::UPGRADE_REQUIRED => {
            "; is there a proxy in front of it that does not pass WebSockets on?".into()
        }
        _ => "; is the address right?".into(),
    };
    Failure::not_a_relay(relay, format!("it answered {status}{message}{advice}"))
}

/// The message in a relay's own error answer, as far as it came with the head.
fn message(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        message: String,
    }
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(shortened(&answer.message))
}

fn shortened(text: &str) -> String {
    text.chars().take(MOST_SAID).collect()
}

/// `Retry-After` in seconds (RFC 9110 §10.2.3). A date there is passed over: a relay sends none.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
