//! One connection to an app, plain or over TLS, and one exchange on it.

use std::io::{self, IoSlice};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::BytesMut;
use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use super::answer::{Answer, AnswerReader, Fault};
use super::request::Request;

/// How much is read at once, in bytes: most answers whole.
const READ_SIZE: usize = 8 * 1024;

/// A buffer that grew beyond this is not kept between answers.
const MAX_KEPT: usize = 64 * 1024;

/// A connection to an app.
pub(super) struct Connection {
    stream: Stream,
    /// What was read and not yet used.
    buf: BytesMut,
}

pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// Why an exchange brought no answer.
#[derive(Debug)]
pub(super) enum Broken {
    /// The connection was closed before it took a byte of the request: it can go out on another one.
    Unused,
    /// The socket or TLS failed; whether a part of the answer had come.
    Io(io::Error, bool),
    /// What came is no answer; its first bytes.
    Answer(Fault, Vec<u8>),
}

impl Connection {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, buf: BytesMut::new() }
    }

    /// Whether it is still open, with nothing to read. Costs no system call while nothing has happened.
    pub(super) fn is_quiet(&mut self) -> bool {
        let mut byte = [0];
        match &mut self.stream {
            Stream::Plain(tcp) => {
                matches!(tcp.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
            }
            Stream::Tls(tls) => tls.read(&mut byte).now_or_never().is_none(),
        }
    }

    /// Sends what can go out at this moment, without a task to wake. `Err`: the connection is closed.
    pub(super) fn try_send(&self, request: &mut Request) -> io::Result<()> {
        let Stream::Plain(tcp) = &self.stream else { return Ok(()) };
        match tcp.try_write_vectored(&request.rest()) {
            Ok(n) => request.advance(n),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    fn poll_write(&mut self, cx: &mut Context<'_>, bytes: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(tcp) => Pin::new(tcp).poll_write_vectored(cx, bytes),
            Stream::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, bytes),
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(_) => Poll::Ready(Ok(())),
            Stream::Tls(tls) => Pin::new(tls).poll_flush(cx),
        }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let room = self.buf.capacity() - self.buf.len();
        // An answer should not begin in a corner too small for it.
        if room == 0 || (self.buf.is_empty() && room < READ_SIZE / 8) {
            self.buf.reserve(READ_SIZE);
        }
        let read = match &mut self.stream {
            Stream::Plain(tcp) => pin!(tcp.read_buf(&mut self.buf)).poll(cx),
            Stream::Tls(tls) => pin!(tls.read_buf(&mut self.buf)).poll(cx),
        };
        match ready!(read) {
            // A peer that ends without TLS's own goodbye: the answer's framing tells whether anything is missing.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(0)),
            read => Poll::Ready(read),
        }
    }

    /// The connection for another request, if it can carry one.
    pub(super) fn reusable(mut self, answer: &Answer) -> Option<Self> {
        if self.buf.capacity() > MAX_KEPT {
            self.buf = BytesMut::from(&*self.buf);
        }
        (answer.persistent && self.buf.is_empty()).then_some(self)
    }
}

/// A request and its answer on one connection.
pub(super) struct Exchange {
    connection: Connection,
    reader: AnswerReader,
    /// What the socket said when it took no more. The answer may be there all the same.
    unsendable: Option<io::Error>,
    flushed: bool,
}

impl Exchange {
    pub(super) fn new(connection: Connection) -> Self {
        Self { connection, reader: AnswerReader::default(), unsendable: None, flushed: false }
    }

    /// Sends and reads at the same time: an app may answer before it has the whole request.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        request: &mut Request,
    ) -> Poll<Result<Answer, Broken>> {
        self.send(cx, request);
        if self.unsendable.is_some() && request.is_untouched() {
            return Poll::Ready(Err(Broken::Unused));
        }
        loop {
            let read = match ready!(self.connection.poll_read(cx)) {
                Ok(0) => self.reader.end(&mut self.connection.buf).map(Some),
                Ok(_) => self.reader.advance(&mut self.connection.buf),
                Err(error) => return Poll::Ready(Err(self.broken(error))),
            };
            match read {
                Ok(Some(answer)) => return Poll::Ready(Ok(answer)),
                Ok(None) => {}
                Err(fault) => {
                    let begin = self.connection.buf.iter().take(64).copied().collect();
                    return Poll::Ready(Err(Broken::Answer(fault, begin)));
                }
            }
        }
    }

    fn send(&mut self, cx: &mut Context<'_>, request: &mut Request) {
        while self.unsendable.is_none() && !request.is_sent() {
            match self.connection.poll_write(cx, &request.rest()) {
                Poll::Ready(Ok(n)) => request.advance(n),
                Poll::Ready(Err(error)) => self.unsendable = Some(error),
                Poll::Pending => return,
            }
        }
        if !self.flushed && self.unsendable.is_none() {
            match self.connection.poll_flush(cx) {
                Poll::Ready(Ok(())) => self.flushed = true,
                Poll::Ready(Err(error)) => self.unsendable = Some(error),
                Poll::Pending => {}
            }
        }
    }

    fn broken(&mut self, error: io::Error) -> Broken {
        let begun = !matches!(self.reader.end(&mut self.connection.buf), Err(Fault::Silent));
        Broken::Io(error, begun)
    }

    /// The connection, once the answer is there; `None` when it can't carry another request.
    pub(super) fn into_connection(self, answer: &Answer, request: &Request) -> Option<Connection> {
        if request.is_sent() { self.connection.reusable(answer) } else { None }
    }
}
