//! HTTP/1.1 by hand, for either end: what a test writes goes out to the byte, what comes in is kept to the byte.

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// What HTTP is spoken over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// One end of a connection.
pub(crate) struct Wire {
    stream: Box<dyn Stream>,
    /// What was read and belongs to no message yet.
    read: Vec<u8>,
}

/// A request or a response, whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// The request line or the status line.
    pub(crate) start: String,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), read: Vec::new() }
    }

    /// Sends; nothing happens when the other side has gone.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// The next message, framed by its length; `None` when the connection ends before it does.
    pub(crate) async fn receive(&mut self) -> Option<Message> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end,
                None => self.more().await?,
            }
        };
        let head: Vec<u8> = self.read.drain(..end + 4).collect();
        let mut lines = head[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let start = String::from_utf8(lines.next()?.to_vec()).unwrap();
        let mut message = Message { start, headers: lines.map(field).collect(), body: Vec::new() };
        let length = message.get("content-length").parse().unwrap_or(0);
        while self.read.len() < length {
            self.more().await?;
        }
        message.body = self.read.drain(..length).collect();
        Some(message)
    }

    /// Posts a webhook and waits for the answer.
    pub(crate) async fn post(&mut self, path: &str, body: impl AsRef<[u8]>) -> Message {
        self.send(request(path, &[], body.as_ref())).await;
        self.receive().await.expect("an answer")
    }

    async fn more(&mut self) -> Option<()> {
        match self.stream.read_buf(&mut self.read).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }
}

/// A POST of `body`, in bytes.
pub(crate) fn request(path: &str, headers: &[(String, Vec<u8>)], body: &[u8]) -> Vec<u8> {
    let start = format!("POST {path} HTTP/1.1\r\nhost: hooks.example.com");
    write(&start, headers, body)
}

/// A message in bytes, framed by its length.
pub(crate) fn write(start: &str, headers: &[(String, Vec<u8>)], body: &[u8]) -> Vec<u8> {
    let length = (String::from("content-length"), body.len().to_string().into_bytes());
    let mut bytes = head(start, &[headers, &[length]].concat());
    bytes.extend(body);
    bytes
}

/// A message's head in bytes.
pub(crate) fn head(start: &str, headers: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut bytes = format!("{start}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

fn field(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
    let name = std::str::from_utf8(&line[..colon]).unwrap().to_ascii_lowercase();
    (name, line[colon + 1..].trim_ascii().to_vec())
}

impl Message {
    /// The first value of a field, `""` without one.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).first().map_or("", |value| std::str::from_utf8(value).unwrap())
    }

    /// Every value of a field, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| &**value).collect()
    }

    /// The second word of the first line: a request's target, a response's status.
    pub(crate) fn target(&self) -> &str {
        self.start.split(' ').nth(1).expect("a second word")
    }

    /// A response's status, and who gave it.
    pub(crate) fn by(&self) -> (u16, &str) {
        (self.target().parse().unwrap(), self.get("muxhook-answer"))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// The code of an error of the relay's own.
    pub(crate) fn error(&self) -> (u16, String) {
        assert_eq!(self.get("muxhook-answer"), "relay", "{self:?}");
        let body: Value = serde_json::from_slice(&self.body).expect("JSON");
        (self.by().0, body["error"].as_str().expect("a code").to_owned())
    }
}
