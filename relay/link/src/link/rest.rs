//! A WebSocket's buffers: how large they get, and how what they have grown to is given back while nothing is said. They keep the size of the largest
//! message there ever was, and most of a relay's links are idle most of the time.
//!
//! A WebSocket does not tell whether it has read more than it gave out. So what is read of the stream is counted: when
//! that is no more than the messages that came are long, nothing is in it, and another one can take its place.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt;
use muxhook_protocol::frame::MAX_MESSAGE;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::{Limits, Link};

/// What a WebSocket buffers before it writes by itself, in bytes.
const WRITE_BUFFER: usize = 64 * 1024;

/// Fewer bytes of messages than this have made no buffer grow that is worth the work.
const LEAST: usize = 1024;

/// The WebSocket's settings for a link: every buffer bounded, `read_buffer` bytes taken at once.
#[must_use]
pub fn websocket_config(read_buffer: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(read_buffer)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER + 2 * MAX_MESSAGE)
        .max_message_size(Some(MAX_MESSAGE))
        .max_frame_size(Some(MAX_MESSAGE))
}

/// A stream that counts what is read of it.
#[derive(Debug)]
pub struct Metered<S> {
    /// `None`: another WebSocket has it.
    stream: Option<S>,
    read: u64,
}

impl<S> Metered<S> {
    /// `read`: bytes of it that somebody else has read, who hands them to the WebSocket.
    #[must_use]
    pub fn new(stream: S, read: usize) -> Self {
        Self { stream: Some(stream), read: read as u64 }
    }
}

/// Puts another WebSocket in the place of one, if that has read nothing but what it gave out: so many bytes at least.
type Renew<S> = fn(&mut WebSocketStream<S>, given: u64) -> bool;

/// Sees when a link is at rest.
pub(super) struct Rest<S> {
    /// `None`: nothing is given back.
    renew: Option<Renew<S>>,
    /// Bytes of all messages that came. Those of a peer that wastes some are more.
    given: u64,
    /// Bytes of messages either way since the buffers were new.
    pub(super) moved: usize,
    /// A frame went either way since the last sign of life.
    is_busy: bool,
    is_due: bool,
}

impl<S> Rest<S> {
    pub(super) fn never() -> Self {
        Self { renew: None, given: 0, moved: 0, is_busy: false, is_due: false }
    }

    /// A message came. Nothing but signs of life from one of them to the next is rest.
    pub(super) fn heard(&mut self, message: &Message) {
        self.given += on_the_wire(message.len());
        match message {
            Message::Ping(_) | Message::Pong(_) => {
                self.is_due = self.renew.is_some() && !self.is_busy && self.moved > LEAST;
                self.is_busy = false;
            }
            _ => self.moved(message.len()),
        }
    }

    /// A frame of so many bytes goes either way.
    pub(super) fn moved(&mut self, bytes: usize) {
        self.moved = self.moved.saturating_add(bytes);
        (self.is_busy, self.is_due) = (true, false);
    }

    /// Gives back what can be, if it is time. Nothing may wait to be written. Whether it did: the WebSocket is to be
    /// polled anew then.
    pub(super) fn give_back(&mut self, ws: &mut WebSocketStream<S>) -> bool {
        let is_due = std::mem::take(&mut self.is_due);
        let is_new = is_due && self.renew.is_some_and(|renew| renew(ws, self.given));
        if is_new {
            self.moved = 0;
        }
        is_new
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Rest<Metered<S>> {
    /// Of the server's end.
    pub(super) fn of_server() -> Self {
        Self { renew: Some(renew), ..Self::never() }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<Metered<S>> {
    /// The server's end of a link, over a WebSocket that has given nothing out yet. What its buffers grow to is given
    /// back while only heartbeats are heard.
    #[must_use]
    pub fn of_server(ws: WebSocketStream<Metered<S>>, limits: Limits) -> Self {
        Self { rest: Rest::of_server(), ..Self::new(ws, limits) }
    }
}

/// Bytes that a message of a client takes at least: the shortest head, and the mask (RFC 6455 §5.2).
fn on_the_wire(payload: usize) -> u64 {
    let length = match payload {
        0..126 => 0,
        126..65_536 => 2,
        _ => 8,
    };
    2 + 4 + length + payload as u64
}

fn renew<S: AsyncRead + AsyncWrite + Unpin>(ws: &mut WebSocketStream<Metered<S>>, given: u64) -> bool {
    let read = ws.get_ref().read;
    if read != given {
        return false;
    }
    let empty = Metered { stream: None, read };
    // Without a handshake there is nothing to wait for.
    let fresh = WebSocketStream::from_raw_socket(empty, Role::Server, Some(*ws.get_config())).now_or_never();
    let Some(mut fresh) = fresh else { return false };
    fresh.get_mut().stream = ws.get_mut().stream.take();
    *ws = fresh;
    true
}

/// What a stream that somebody else has is: over.
fn gone<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::NotConnected.into()))
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let Some(stream) = &mut self.stream else { return gone() };
        let done = Pin::new(stream).poll_read(cx, buf);
        self.read += (buf.filled().len() - before) as u64;
        done
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.stream.as_mut().map_or_else(gone, |stream| Pin::new(stream).poll_write(cx, buf))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().map_or_else(gone, |stream| Pin::new(stream).poll_flush(cx))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().map_or_else(gone, |stream| Pin::new(stream).poll_shutdown(cx))
    }
}
