//! Apps to forward to: real listeners, each connection played by a script.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// An app on a free port. It ends when this is dropped.
pub(super) struct App {
    pub(super) port: u16,
    accepted: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl App {
    /// An app on 127.0.0.1; `script` plays each connection, told its number from 0.
    pub(super) async fn start<F>(script: impl Fn(usize, TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        Self::at((IpAddr::from(Ipv4Addr::LOCALHOST), 0).into(), script).await
    }

    pub(super) async fn at<F>(
        address: SocketAddr,
        script: impl Fn(usize, TcpStream) -> F + Send + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind(address).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                stream.set_nodelay(true).unwrap();
                connections.spawn(script(count.fetch_add(1, Ordering::SeqCst), stream));
            }
        });
        Self { port, accepted, _task: task }
    }

    /// An app that answers `answer` to one request a connection, then closes.
    pub(super) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer = Arc::new(answer.into());
        Self::start(move |_, mut stream| {
            let answer = answer.clone();
            async move {
                if read_request(&mut stream).await.is_some() {
                    let _ = stream.write_all(&answer).await;
                    let _ = stream.shutdown().await;
                }
            }
        })
        .await
    }

    /// An app that answers each request with its body, for ever on one connection.
    pub(super) async fn echo() -> Self {
        Self::start(|_, stream| echo(stream)).await
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// How many connections there were.
    pub(super) fn accepted(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }
}

pub(super) async fn echo(mut stream: TcpStream) {
    while let Some(request) = read_request(&mut stream).await {
        let _ = stream.write_all(&ok(body_of(&request))).await;
    }
}

/// A 200 with `body`.
pub(super) fn ok(body: &[u8]) -> Vec<u8> {
    [format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// One request as it came, to the byte; `None` when the connection ended before it.
pub(super) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let mut request = Vec::new();
    loop {
        if let Some(end) = find(&request, b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&request[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            if request.len() >= end + 4 + length.parse::<usize>().unwrap() {
                return Some(request);
            }
        }
        if stream.read_buf(&mut request).await.ok()? == 0 {
            return None;
        }
    }
}

pub(super) fn body_of(request: &[u8]) -> &[u8] {
    &request[find(request, b"\r\n\r\n").unwrap() + 4..]
}

fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
