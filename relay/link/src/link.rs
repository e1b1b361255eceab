//! One WebSocket that carries frames.

mod rest;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use std::{io, mem};

use bytes::Bytes;
use futures_util::{Sink, Stream};
use muxhook_protocol::Frame;
use muxhook_protocol::frame::DecodeError;
use muxhook_protocol::parts::{Assembler, Outgoing, PartError};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

use crate::heartbeat::{Beat, DEAD_AFTER, Heartbeat};
use rest::Rest;
pub use rest::{Metered, websocket_config};

/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// Most large bodies that one side has under way at once. The other side should take more than that.
const LARGE_AT_ONCE: usize = 16;

/// Room for so many frames is kept while none waits.
const IDLE_QUEUE: usize = 16;

/// What a link takes from its peer and for its peer.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Largest body, in bytes.
    pub max_body: u64,
    /// Most large bodies under way to this side at once; a peer's own [`Link`] keeps to 16.
    pub max_open: usize,
    /// Most bytes of frames that wait to be written; the last one may go beyond.
    pub max_queue: usize,
}

/// Why a link is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// The peer said goodbye, or closed the connection.
    #[error("the other side closed the connection")]
    Closed,
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// Nothing was heard for too long.
    #[error("nothing was heard for {} s", DEAD_AFTER.as_secs())]
    Silent,
    /// Nothing of what was written was taken for too long.
    #[error("nothing could be sent for {} s", DEAD_AFTER.as_secs())]
    Stalled,
    /// What the peer sent is no WebSocket of frames.
    #[error("the other side broke the protocol: {0}")]
    Protocol(String),
}

impl From<WsError> for LinkError {
    fn from(error: WsError) -> Self {
        match error {
            WsError::Io(error) => Self::Io(error),
            WsError::ConnectionClosed | WsError::AlreadyClosed => Self::Closed,
            WsError::Protocol(
                tokio_tungstenite::tungstenite::error::ProtocolError::ResetWithoutClosingHandshake,
            ) => Self::Closed,
            other => Self::Protocol(other.to_string()),
        }
    }
}

impl From<DecodeError> for LinkError {
    fn from(error: DecodeError) -> Self {
        Self::Protocol(error.to_string())
    }
}

impl From<PartError> for LinkError {
    fn from(error: PartError) -> Self {
        Self::Protocol(error.to_string())
    }
}

/// One WebSocket that carries frames. Nothing moves but within [`Link::next`].
pub struct Link<S> {
    ws: WebSocketStream<S>,
    assembler: Assembler,
    max_queue: usize,
    /// Bytes of all frames below.
    queued: usize,
    /// What waits to be written, in order.
    queue: VecDeque<Item>,
    /// Frames whose bodies are partly out; each in turn gives a part when nothing else waits.
    large: VecDeque<Large>,
    /// Large frames of which nothing is out, since as many as may be are under way.
    later: VecDeque<Large>,
    /// How many large frames have been numbered.
    numbered: u64,
    /// Marks that wait for the large frames before them: the mark, and how many those are.
    waiting: VecDeque<(u64, u64)>,
    heartbeat: Heartbeat,
    /// The WebSocket holds as much back as it may.
    held_back: bool,
    ping_due: bool,
    /// The last mark asked for, the last whose frames are all out, and the last that the peer confirmed.
    marked: u64,
    passed: u64,
    confirmed: u64,
    rest: Rest<S>,
}

/// Something to be written.
enum Item {
    Frame(Outgoing),
    Mark(u64),
}

/// A frame that travels in parts.
struct Large {
    /// Counts large frames, for the marks behind them.
    number: u64,
    frame: Outgoing,
    /// What it costs until it is out.
    cost: usize,
}

/// Bytes of memory that a frame takes while it waits.
fn cost(frame: &Outgoing) -> usize {
    size_of::<Item>() + frame.weight()
}

impl<S: AsyncRead + AsyncWrite + Unpin> Link<S> {
    /// A link over an open WebSocket, which should have been made with [`websocket_config`].
    #[must_use]
    pub fn new(ws: WebSocketStream<S>, limits: Limits) -> Self {
        Self {
            ws,
            assembler: Assembler::new(limits.max_body, limits.max_open),
            max_queue: limits.max_queue,
            queued: 0,
            queue: VecDeque::new(),
            large: VecDeque::new(),
            later: VecDeque::new(),
            numbered: 0,
            waiting: VecDeque::new(),
            heartbeat: Heartbeat::new(),
            held_back: false,
            ping_due: false,
            marked: 0,
            passed: 0,
            confirmed: 0,
            rest: Rest::never(),
        }
    }

    /// How many bytes fit the bound of what waits to be written. Whoever takes frames from a queue leaves them there
    /// while this is 0.
    #[must_use]
    pub fn room(&self) -> usize {
        self.max_queue.saturating_sub(self.queued)
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.queued
    }

    fn has_large(&self) -> bool {
        !(self.large.is_empty() && self.later.is_empty())
    }

    /// Queues a frame; [`Link::next`] writes it.
    pub fn send(&mut self, frame: Outgoing) {
        self.queued += cost(&frame);
        self.queue.push_back(Item::Frame(frame));
    }

    /// Asks the peer to confirm: once [`Link::confirmed`] has reached the number given back, the peer has read
    /// every frame sent before. (A WebSocket peer answers pings in order, RFC 6455 §5.5.3.)
    pub fn mark(&mut self) -> u64 {
        self.marked += 1;
        self.queue.push_back(Item::Mark(self.marked));
        self.marked
    }

    /// The highest mark that the peer has confirmed.
    #[must_use]
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Pings at once and counts the peer as gone unless it is heard within `limit`.
    pub fn check(&mut self, limit: Duration) {
        self.ping_due = true;
        self.heartbeat.demand_proof(limit);
    }

    /// The next frame of the peer, whole. Drives writing and the heartbeat too, so it wants to be polled all the
    /// time. Cancel-safe.
    ///
    /// # Errors
    /// When the link has ended: see [`LinkError`]. It is of no more use then.
    pub async fn next(&mut self) -> Result<Frame, LinkError> {
        poll_fn(|cx| self.poll_next(cx)).await
    }

    /// Writes what is queued and says goodbye, within a second; an unresponsive peer is left.
    pub async fn close(&mut self) {
        let flushed = async {
            while self.has_large() || !self.queue.is_empty() {
                poll_fn(|cx| self.poll_write(cx)).await?;
            }
            self.ws.close(None).await?;
            while let Ok(_frame) = self.next().await {}
            Ok::<(), LinkError>(())
        };
        // A goodbye that fails is a goodbye all the same.
        let _ = timeout(GOODBYE, flushed).await;
    }

    /// Tells a peer that broke the protocol so, and why, within a second. What is queued is left, and nothing that
    /// the peer still sends is looked at.
    pub async fn reject(&mut self, why: &str) {
        let close = CloseFrame { code: CloseCode::Protocol, reason: shortened(why).into() };
        let told = async {
            self.ws.close(Some(close)).await?;
            let stream = self.ws.get_mut();
            stream.shutdown().await?;
            // What comes in unread would reset the connection, before the peer has read the goodbye.
            tokio::io::copy(stream, &mut tokio::io::sink()).await?;
            Ok::<(), LinkError>(())
        };
        let _ = timeout(GOODBYE, told).await;
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Result<Frame, LinkError>> {
        loop {
            let mut blocked = self.poll_write(cx)?.is_pending();
            // Written out only when nothing more is at hand to read: answers to one batch go out as one.
            let message = match Pin::new(&mut self.ws).poll_next(cx) {
                Poll::Ready(Some(message)) => Some(message?),
                Poll::Ready(None) => return Poll::Ready(Err(LinkError::Closed)),
                Poll::Pending => None,
            };
            if let Some(message) = message {
                self.heartbeat.heard();
                self.rest.heard(&message);
                if let Some(frame) = self.receive(message)? {
                    return Poll::Ready(Ok(frame));
                }
                continue;
            }
            blocked |= Pin::new(&mut self.ws).poll_flush(cx)?.is_pending();
            self.heartbeat.writing(blocked);
            if !blocked && self.has_large() {
                // Give way once a part, so that whoever feeds this link can put small frames before the next.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !blocked && self.rest.give_back(&mut self.ws) {
                continue;
            }
            match ready!(self.heartbeat.poll(cx)) {
                Beat::Ping => self.ping_due = true,
                Beat::Silent => return Poll::Ready(Err(LinkError::Silent)),
                Beat::Stalled => return Poll::Ready(Err(LinkError::Stalled)),
            }
        }
    }

    /// Hands to the WebSocket what it takes: a ping, the queue, one part. Ready when that is done.
    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        ready!(self.poll_ping(cx))?;
        while !self.queue.is_empty() {
            ready!(self.poll_ready(cx))?;
            match self.queue.pop_front() {
                Some(Item::Frame(frame)) => self.begin(frame)?,
                Some(Item::Mark(mark)) => self.waiting.push_back((mark, self.numbered)),
                None => break,
            }
        }
        self.queue.shrink_to(IDLE_QUEUE);
        if self.has_large() {
            // The part before must be out: what the WebSocket holds back, a small frame would wait behind.
            ready!(Pin::new(&mut self.ws).poll_flush(cx))?;
            self.heartbeat.taken();
            self.send_part()?;
        }
        while let Some((mark, before)) = self.waiting.front().copied() {
            if self.large.iter().chain(&self.later).any(|large| large.number < before) {
                break;
            }
            self.waiting.pop_front();
            self.passed = mark;
            self.ping_due = true;
        }
        self.poll_ping(cx)
    }

    /// Waits until the WebSocket takes a message. One that had to hold back has then written all it held.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        let ready = Pin::new(&mut self.ws).poll_ready(cx)?;
        if mem::replace(&mut self.held_back, ready.is_pending()) && ready.is_ready() {
            self.heartbeat.taken();
        }
        ready.map(Ok)
    }

    /// Sends the ping that is due. It carries the last mark whose frames are all before it.
    fn poll_ping(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), LinkError>> {
        if self.ping_due {
            ready!(self.poll_ready(cx))?;
            self.ping_due = false;
            let number = Bytes::copy_from_slice(&self.passed.to_be_bytes());
            Pin::new(&mut self.ws).start_send(Message::Ping(number))?;
        }
        Poll::Ready(Ok(()))
    }

    fn begin(&mut self, frame: Outgoing) -> Result<(), LinkError> {
        let cost = cost(&frame);
        if !frame.has_parts() {
            self.queued -= cost;
            return self.put(frame.first().clone());
        }
        self.later.push_back(Large { number: self.numbered, frame, cost });
        self.numbered += 1;
        Ok(())
    }

    /// Sends one message of a large frame: its first when there is room for one more, else the next part of one.
    fn send_part(&mut self) -> Result<(), LinkError> {
        if self.large.len() < LARGE_AT_ONCE
            && let Some(large) = self.later.pop_front()
        {
            self.put(large.frame.first().clone())?;
            self.large.push_back(large);
        } else if let Some(mut large) = self.large.pop_front() {
            if let Some(part) = large.frame.next_part() {
                self.put(part)?;
            }
            if large.frame.has_parts() {
                self.large.push_back(large);
            } else {
                self.queued -= large.cost;
            }
        }
        Ok(())
    }

    fn put(&mut self, message: Bytes) -> Result<(), LinkError> {
        self.rest.moved(message.len());
        Ok(Pin::new(&mut self.ws).start_send(Message::Binary(message))?)
    }

    fn receive(&mut self, message: Message) -> Result<Option<Frame>, LinkError> {
        match message {
            Message::Binary(bytes) => Ok(self.assembler.accept(Frame::decode(bytes)?)?),
            Message::Pong(number) => {
                if let Ok(number) = <[u8; 8]>::try_from(&*number) {
                    self.confirmed = self.confirmed.max(u64::from_be_bytes(number)).min(self.passed);
                }
                Ok(None)
            }
            Message::Text(_) => Err(LinkError::Protocol("a text message where frames are binary".into())),
            Message::Close(_) => Err(LinkError::Closed),
            Message::Ping(_) | Message::Frame(_) => Ok(None),
        }
    }
}

/// As much of a reason as a close frame holds (RFC 6455 §5.5: 125 bytes, two of them for the code).
fn shortened(reason: &str) -> &str {
    let end = (0..=reason.len().min(123)).rev().find(|end| reason.is_char_boundary(*end));
    &reason[..end.unwrap_or(0)]
}

#[cfg(test)]
mod tests;
