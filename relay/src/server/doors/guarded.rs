//! A public connection's stream, which tells its pace what moves.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use muxhook_link::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::{Pace, Place};

/// A stream as long as HTTP is spoken over it. A session takes [`Guarded::into_parts`], and watches over itself.
#[derive(Debug)]
pub(crate) struct Guarded {
    stream: Stream,
    pace: Arc<Pace>,
    place: Place,
}

impl Guarded {
    pub(in crate::server) fn new(stream: Stream, pace: Arc<Pace>, place: Place) -> Self {
        Self { stream, pace, place }
    }

    /// The stream, and its place among the connections, which is to be kept as long as the stream.
    pub(crate) fn into_parts(self) -> (Stream, Place) {
        super::pace::forget(&self.stream);
        (self.stream, self.place)
    }

    fn writes<T>(
        &mut self,
        write: impl FnOnce(Pin<&mut Stream>) -> Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let written = write(Pin::new(&mut self.stream));
        match &written {
            Poll::Pending => self.pace.is_blocked(),
            Poll::Ready(Ok(_)) => self.pace.moves(),
            Poll::Ready(Err(error)) => self.pace.fails(error),
        }
        written
    }
}

impl AsyncRead for Guarded {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        let read = Pin::new(&mut this.stream).poll_read(cx, buf);
        match &read {
            Poll::Ready(Err(error)) => this.pace.fails(error),
            _ if buf.filled().len() > before => this.pace.reads(),
            _ => {}
        }
        read
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.pace.may_answer()?;
        this.writes(|stream| stream.poll_write(cx, buf))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        this.pace.may_answer()?;
        this.writes(|stream| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writes(|stream| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().writes(|stream| stream.poll_shutdown(cx))
    }
}
