//! A CLI that greets, goes on pinging, and never reads again what it is sent.

use std::io::Write;
use std::net::TcpStream as Socket;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::header::{AUTHORIZATION, SEC_WEBSOCKET_PROTOCOL};
use http::{HeaderValue, Request};
use muxhook_link::websocket_config;
use muxhook_protocol::frame::{Ack, Hello, Owed, Role};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{CONNECT_PATH, Frame, SUBPROTOCOL};
use tokio::net::TcpSocket;
use tokio_tungstenite::client_async_with_config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use super::{Relay, TOKEN};

/// A ping as a client sends it, with a mask of zeros (RFC 6455 §5.2).
const PING: [u8; 6] = [0x89, 0x80, 0, 0, 0, 0];

/// Bytes that the system takes for each: few, so that it is the relay that has to keep the rest.
const RECEIVED: u32 = 8 * 1024;

/// How often each of them pings.
const PAUSE: Duration = Duration::from_secs(3);

/// Its connection breaks when it is dropped.
pub(crate) struct Deaf(Socket);

/// Pings for all of them, on a thread of its own that nothing holds up, until it is dropped.
pub(crate) struct Pinging(#[expect(dead_code, reason = "its end is what counts")] SyncSender<()>);

impl Pinging {
    pub(crate) fn for_all(crowd: &[Deaf]) -> Self {
        let mut sockets: Vec<_> = crowd.iter().map(|deaf| deaf.0.try_clone().unwrap()).collect();
        let (end, ended) = sync_channel(0);
        std::thread::spawn(move || {
            while ended.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout) {
                // Nothing comes of it for those that were given up.
                sockets.iter_mut().for_each(|socket| drop(socket.write(&PING)));
            }
        });
        Self(end)
    }
}

impl Deaf {
    /// One that stands on `endpoint`.
    pub(crate) async fn greet(relay: &Relay, endpoint: &str, role: Role, ack: Ack) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(RECEIVED).unwrap();
        let stream = socket.connect(relay.addr).await.unwrap();
        let (mut socket, _) =
            client_async_with_config(request(), stream, Some(websocket_config(1024))).await.unwrap();
        let hello = Hello {
            agent: "muxhook/load".into(),
            endpoint: Some(endpoint.parse().unwrap()),
            prefer: Vec::new(),
            listener: endpoint.into(),
            role,
            ack,
            owed: Owed::Deliver,
            since: None,
            resume: Vec::new(),
        };
        let hello = Outgoing::control(&Frame::Hello(hello)).first().clone();
        socket.send(Message::Binary(hello)).await.unwrap();
        let Some(Ok(Message::Binary(answer))) = socket.next().await else { panic!("no answer") };
        assert!(matches!(Frame::decode(answer), Ok(Frame::Welcome(_))), "not welcome on {endpoint}");
        Self(socket.into_inner().into_std().unwrap())
    }
}

fn request() -> Request<()> {
    let mut request = format!("ws://relay{CONNECT_PATH}").into_client_request().unwrap();
    let bearer = HeaderValue::try_from(format!("Bearer {TOKEN}")).unwrap();
    request.headers_mut().insert(AUTHORIZATION, bearer);
    request.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    request
}
