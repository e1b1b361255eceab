//! HTTP/1.1 by hand: the bytes that a test writes are the bytes that go out.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::soon;

/// One connection.
pub(crate) struct Client<S> {
    stream: S,
    /// What was read and belongs to no response yet.
    read: Vec<u8>,
}

/// A response, whole.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Response {
    pub(crate) status: u16,
    /// Names in lower case.
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Client<S> {
    pub(crate) fn new(stream: S) -> Self {
        Self { stream, read: Vec::new() }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        soon(self.stream.write_all(bytes.as_ref())).await.unwrap();
    }

    /// Sends as much as the other side takes.
    pub(crate) async fn try_send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = soon(self.stream.write_all(bytes.as_ref())).await;
    }

    /// Ends the sending side alone.
    pub(crate) async fn finish(&mut self) {
        soon(self.stream.shutdown()).await.unwrap();
    }

    /// Ends the sending side alone, where there still is one.
    pub(crate) async fn try_finish(&mut self) {
        let _ = soon(self.stream.shutdown()).await;
    }

    /// Posts a webhook.
    pub(crate) async fn post(&mut self, endpoint: &str, body: &str) -> Response {
        let length = body.len();
        self.send(format!(
            "POST /h/{endpoint} HTTP/1.1\r\nhost: relay\r\ncontent-length: {length}\r\n\r\n{body}"
        ))
        .await;
        self.response().await
    }

    /// The next response. One of 1xx is a response like any other here.
    pub(crate) async fn response(&mut self) -> Response {
        self.try_response().await.expect("a response")
    }

    /// The response to a HEAD request.
    pub(crate) async fn head_response(&mut self) -> Response {
        self.read_response(true).await.expect("a response")
    }

    /// The next response; `None` when the connection ends instead.
    pub(crate) async fn try_response(&mut self) -> Option<Response> {
        self.read_response(false).await
    }

    /// The next response, to a HEAD request or to another; `None` when the connection ends instead.
    pub(crate) async fn read_response(&mut self, is_head: bool) -> Option<Response> {
        let end = loop {
            match self.read.windows(4).position(|four| four == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => self.more().await?,
            }
        };
        let head: Vec<u8> = self.read.drain(..end).collect();
        let mut lines = head[..end - 4].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
        let status = std::str::from_utf8(lines.next()?).unwrap().split(' ').nth(1)?.parse().unwrap();
        let headers: Vec<(String, Vec<u8>)> = lines.map(field).collect();
        let length = headers.iter().find(|(name, _)| name == "content-length");
        let length = length.map_or(0, |(_, value)| std::str::from_utf8(value).unwrap().parse().unwrap());
        while !is_head && self.read.len() < length {
            self.more().await?;
        }
        let body = self.read.drain(..if is_head { 0 } else { length }).collect();
        Some(Response { status, headers, body })
    }

    async fn more(&mut self) -> Option<()> {
        match soon(self.stream.read_buf(&mut self.read)).await {
            Ok(0) | Err(_) => None,
            Ok(_) => Some(()),
        }
    }

    /// Waits for the end of the connection; what came before it.
    pub(crate) async fn rest(mut self) -> Vec<u8> {
        while self.more().await.is_some() {}
        self.read
    }
}

fn field(line: &[u8]) -> (String, Vec<u8>) {
    let colon = line.iter().position(|byte| *byte == b':').expect("a colon");
    let name = std::str::from_utf8(&line[..colon]).unwrap().to_ascii_lowercase();
    (name, line[colon + 1..].trim_ascii().to_vec())
}

impl Response {
    /// The first value of a field, `""` without one.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.all(name).first().map_or("", |value| std::str::from_utf8(value).unwrap())
    }

    /// Every value of a field, in order.
    pub(crate) fn all(&self, name: &str) -> Vec<&[u8]> {
        self.headers.iter().filter(|(other, _)| other == name).map(|(_, value)| &**value).collect()
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Who answered: `Muxhook-Answer`.
    pub(crate) fn by(&self) -> (u16, &str) {
        (self.status, self.get("muxhook-answer"))
    }

    /// The status and code of an error of the relay's own, whose form is checked.
    pub(crate) fn error(&self) -> (u16, String) {
        assert_eq!(self.get("muxhook-answer"), "relay", "{self:?}");
        assert_eq!(self.get("content-type"), "application/json", "{self:?}");
        assert_eq!(self.get("x-content-type-options"), "nosniff", "{self:?}");
        let body: serde_json::Value = serde_json::from_slice(&self.body).expect("JSON");
        let keys: Vec<_> = body.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["error", "message"]);
        assert!(body["message"].as_str().expect("a sentence").contains(' '), "{body}");
        (self.status, body["error"].as_str().expect("a code").to_owned())
    }
}
