//! HTTP/1.1 by hand, for either end of a connection.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// One end of a connection.
pub(crate) struct Wire<S = TcpStream> {
    stream: S,
    /// What was read and belongs to no message yet.
    read: Vec<u8>,
}

/// A request or an answer.
#[derive(Debug)]
pub(crate) struct Message {
    head: String,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        let _ = stream.set_nodelay(true);
        Self::over(stream)
    }

    /// `None` when nobody listens there.
    pub(crate) async fn connect(addr: SocketAddr) -> Option<Self> {
        TcpStream::connect(addr).await.ok().map(Self::new)
    }

    /// Whether the other side was seen to end it.
    pub(crate) fn has_ended(&self) -> bool {
        match self.stream.try_read(&mut [0]) {
            Ok(0) => true,
            Ok(_) => panic!("an answer that nobody asked for"),
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Wire<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    /// The next message, framed by its length; `None` when the connection ends before it does.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        let head = String::from_utf8(self.read.drain(..end).collect()).unwrap();
        let mut message = Message { head, body: Vec::new() };
        let length = message.get("content-length").map_or(0, |length| length.parse().unwrap());
        while self.read.len() < length {
            self.more().await?;
        }
        message.body = self.read.drain(..length).collect();
        Some(message)
    }

    /// Sends a request and waits for the answer; `None` when the connection ends before it came.
    pub(crate) async fn ask(&mut self, line: &str, fields: &str, body: &[u8]) -> Option<Message> {
        let length = body.len();
        let head =
            format!("{line} HTTP/1.1\r\nhost: hooks.example.com\r\n{fields}content-length: {length}\r\n\r\n");
        self.send(&[head.as_bytes(), body].concat()).await?;
        self.receive().await
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) -> Option<()> {
        self.stream.write_all(bytes).await.ok()
    }

    async fn more(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.read).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

impl Message {
    /// The first value of a field.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.head.lines().skip(1).filter_map(|line| line.split_once(':'));
        fields.find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// An answer's status.
    pub(crate) fn status(&self) -> u16 {
        self.head.split(' ').nth(1).and_then(|word| word.trim().parse().ok()).expect("a status")
    }
}
