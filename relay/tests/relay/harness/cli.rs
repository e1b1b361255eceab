//! A CLI that does as it is told: it greets, and then every frame and every outcome is the test's.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::task::Poll;

use bytes::Bytes;
use http::{HeaderValue, header};
use muxhook_link::{Limits, Link, LinkError, websocket_config};
use muxhook_protocol::frame::{Hello, Refused, Welcome};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{
    CONNECT_PATH, Delivery, DeliveryId, FailReason, Failure, Frame, Headers, Outcome, Reply, SUBPROTOCOL,
};
use muxhook_relay::accounts::Token;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::Error as WsError;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::soon;

const LIMITS: Limits = Limits { max_body: 64 << 20, max_open: 1024, max_queue: usize::MAX };

/// A live session. Dropped, its connection breaks without a goodbye.
pub(crate) struct Cli {
    pub(crate) welcome: Welcome,
    frames: mpsc::Receiver<Result<Frame, LinkError>>,
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Drop for Cli {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// The upgrade to a WebSocket as a CLI asks for it.
pub(crate) async fn upgrade(
    addr: SocketAddr,
    token: &Token,
) -> Result<WebSocketStream<TcpStream>, Box<WsError>> {
    upgrade_over(TcpStream::connect(addr).await.unwrap(), token).await
}

/// The same over a connection that stands.
pub(crate) async fn upgrade_over<S: AsyncRead + AsyncWrite + Unpin>(
    stream: S,
    token: &Token,
) -> Result<WebSocketStream<S>, Box<WsError>> {
    upgrade_at("relay", stream, token).await
}

/// The same at the host that the relay is known by.
pub(crate) async fn upgrade_at<S: AsyncRead + AsyncWrite + Unpin>(
    host: &str,
    stream: S,
    token: &Token,
) -> Result<WebSocketStream<S>, Box<WsError>> {
    let mut request = format!("ws://{host}{CONNECT_PATH}").into_client_request().unwrap();
    let bearer = HeaderValue::try_from(format!("Bearer {}", token.reveal())).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    let config = Some(websocket_config(16 * 1024));
    Ok(soon(client_async_with_config(request, stream, config)).await.map_err(Box::new)?.0)
}

/// A link that has greeted and was welcome. Nothing moves on it but when it is polled.
pub(crate) async fn greet<S: AsyncRead + AsyncWrite + Unpin>(
    socket: WebSocketStream<S>,
    hello: Hello,
) -> Result<(Link<S>, Welcome), Refused> {
    let mut link = Link::new(socket, LIMITS);
    link.send(Outgoing::control(&Frame::Hello(hello)));
    match soon(link.next()).await.unwrap() {
        Frame::Welcome(welcome) => Ok((link, welcome)),
        Frame::Refused(refused) => Err(refused),
        other => panic!("an answer to a greeting: {other:?}"),
    }
}

impl Cli {
    pub(crate) async fn dial(addr: SocketAddr, token: &Token, hello: Hello) -> Result<Self, Refused> {
        let (link, welcome) = greet(upgrade(addr, token).await.unwrap(), hello).await?;
        Ok(Self::over(link, welcome))
    }

    pub(crate) fn over<S>(link: Link<S>, welcome: Welcome) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (frames_in, frames) = mpsc::channel(8192);
        let (commands, commands_out) = mpsc::channel(8192);
        let task = tokio::spawn(drive(link, frames_in, commands_out));
        Self { welcome, frames, commands, task }
    }

    /// The next frame, or the end of the link.
    pub(crate) async fn next(&mut self) -> Result<Frame, LinkError> {
        soon(self.frames.recv()).await.expect("the link has ended before")
    }

    /// The next frame, which must be a delivery, but for how far the past is done with.
    pub(crate) async fn delivery(&mut self) -> Delivery {
        loop {
            match self.next().await.unwrap() {
                Frame::Deliver { delivery, .. } => return *delivery,
                Frame::Past { .. } => {}
                other => panic!("not a delivery: {other:?}"),
            }
        }
    }

    /// Sends a frame.
    pub(crate) fn send(&self, frame: Outgoing) {
        self.commands.try_send(Command::Send(frame)).unwrap();
    }

    /// Sends what became of a delivery.
    pub(crate) fn settle(&self, id: DeliveryId, outcome: Outcome) {
        self.send(Outgoing::outcome(id, &outcome));
    }

    /// Breaks the connection without a goodbye.
    pub(crate) async fn lose(&mut self) {
        self.task.abort();
        let _ = (&mut self.task).await;
    }

    /// Waits until the relay has read all that was sent so far.
    pub(crate) async fn confirmed(&self) {
        let (tell, told) = oneshot::channel();
        self.commands.try_send(Command::Confirm(tell)).unwrap();
        soon(told).await.unwrap();
    }

    /// Takes the next delivery, and settles it.
    pub(crate) async fn handle(&mut self, outcome: Outcome) -> Delivery {
        let delivery = self.delivery().await;
        self.settle(delivery.id, outcome);
        delivery
    }

    /// Settles every delivery from now on.
    pub(crate) fn serve(mut self, outcome: impl Fn(&Delivery) -> Outcome + Send + 'static) -> JoinHandle<()> {
        tokio::spawn(async move {
            while let Some(Ok(frame)) = self.frames.recv().await {
                if let Frame::Deliver { delivery, .. } = frame {
                    self.settle(delivery.id, outcome(&delivery));
                }
            }
        })
    }
}

/// What a test asks of a link.
enum Command {
    Send(Outgoing),
    /// To be told when the relay has read all that was sent before.
    Confirm(oneshot::Sender<()>),
}

async fn drive<S: AsyncRead + AsyncWrite + Unpin>(
    mut link: Link<S>,
    frames: mpsc::Sender<Result<Frame, LinkError>>,
    mut commands: mpsc::Receiver<Command>,
) {
    let mut marks = VecDeque::new();
    let mut over = false;
    while !over {
        let frame = poll_fn(|cx| {
            while let Poll::Ready(Some(command)) = commands.poll_recv(cx) {
                match command {
                    Command::Send(frame) => link.send(frame),
                    Command::Confirm(tell) => marks.push_back((link.mark(), tell)),
                }
            }
            let frame = pin!(link.next()).poll(cx);
            while let Some((_, tell)) = marks.pop_front_if(|(mark, _)| *mark <= link.confirmed()) {
                let _ = tell.send(());
            }
            frame
        });
        let frame = frame.await;
        over = frame.is_err();
        over |= frames.send(frame).await.is_err();
    }
}

/// An app's answer.
pub(crate) fn replied(
    status: u16,
    headers: &[(&'static str, &'static [u8])],
    body: impl Into<Bytes>,
) -> Outcome {
    let headers: Headers = headers.iter().map(|(name, value)| (*name, Bytes::from_static(value))).collect();
    Outcome::Replied(Reply { status, headers, body: body.into(), truncated: false })
}

/// An app that answers with what it got.
pub(crate) fn echo(delivery: &Delivery) -> Outcome {
    replied(200, &[], delivery.body.clone())
}

/// An app that is not there.
pub(crate) fn unreachable_app() -> Outcome {
    let message = "nothing listens on localhost:3000".to_owned();
    Outcome::Failed(Failure { reason: FailReason::Refused, message })
}

/// A listener that does not trust the sender.
pub(crate) fn refused() -> Outcome {
    Outcome::Refused { reason: "there is no \"mux-signature\" header".to_owned() }
}

/// A filter's word.
pub(crate) fn skipped() -> Outcome {
    Outcome::Skipped { filter: "--events video.*".to_owned() }
}
