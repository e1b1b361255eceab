//! The developer's app: keeps every request as it came, and answers as a test says.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::http::{Message, Wire, write};

/// Most requests that wait to be looked at by a test.
const MOST_KEPT: usize = 10_000;

/// An answer with this field is a connection's last.
const CLOSE: &[u8] = b"\r\nconnection: close\r\n";

pub(crate) struct App {
    addr: SocketAddr,
    scheme: &'static str,
    arrived: mpsc::Receiver<Arc<Message>>,
    _task: JoinSet<()>,
}

/// A port that is nobody's but the test's, and where nobody listens yet.
pub(crate) struct Port(TcpSocket);

impl Port {
    pub(crate) fn reserve() -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        Self(socket)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.0.local_addr().unwrap())
    }

    /// An app begins to listen here.
    pub(crate) fn open<F>(self, script: impl Fn(Arc<Message>) -> F + Clone + Send + 'static) -> App
    where
        F: Future<Output = Vec<u8>> + Send,
    {
        App::on(self.0.listen(128).unwrap(), None, script)
    }
}

impl App {
    /// An app that answers each request with what `script` makes of it: bytes, to be sent as they are.
    pub(crate) fn start<F>(script: impl Fn(Arc<Message>) -> F + Clone + Send + 'static) -> Self
    where
        F: Future<Output = Vec<u8>> + Send,
    {
        Port::reserve().open(script)
    }

    /// An app that says `text` to everything.
    pub(crate) fn saying(text: &'static str) -> Self {
        Self::start(move |_| async move { respond(200, &[], text) })
    }

    /// As [`App::start`], over TLS.
    pub(crate) fn secure<F>(
        tls: TlsAcceptor,
        script: impl Fn(Arc<Message>) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Vec<u8>> + Send,
    {
        Self::on(Port::reserve().0.listen(128).unwrap(), Some(tls), script)
    }

    fn on<F>(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        script: impl Fn(Arc<Message>) -> F + Clone + Send + 'static,
    ) -> Self
    where
        F: Future<Output = Vec<u8>> + Send,
    {
        let addr = listener.local_addr().unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let (seen, arrived) = mpsc::channel(MOST_KEPT);
        let mut task = JoinSet::new();
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (tls, script, seen) = (tls.clone(), script.clone(), seen.clone());
                connections.spawn(async move {
                    let Some(mut wire) = wire(stream, tls).await else { return };
                    while let Some(request) = wire.receive().await.map(Arc::new) {
                        seen.try_send(Arc::clone(&request)).expect("a test that looks at its requests");
                        let answer = script(request).await;
                        wire.send(&answer).await;
                        if answer.windows(CLOSE.len()).any(|part| part == CLOSE) {
                            return;
                        }
                    }
                });
            }
        });
        Self { addr, scheme, arrived, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.addr)
    }

    /// The next request that arrived.
    pub(crate) async fn request(&mut self) -> Arc<Message> {
        self.arrived.recv().await.expect("the app runs")
    }

    /// Looks away from what arrived so far.
    pub(crate) fn forget(&mut self) {
        while self.arrived.try_recv().is_ok() {}
    }

    /// How many requests arrived that no test has looked at.
    pub(crate) fn unseen(&self) -> usize {
        self.arrived.len()
    }
}

async fn wire(stream: TcpStream, tls: Option<TlsAcceptor>) -> Option<Wire> {
    stream.set_nodelay(true).ok()?;
    match tls {
        None => Some(Wire::new(stream)),
        Some(tls) => Some(Wire::new(tls.accept(stream).await.ok()?)),
    }
}

/// An answer in bytes.
pub(crate) fn respond(status: u16, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let headers: Vec<_> =
        headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    write(&format!("HTTP/1.1 {status} Whatever"), &headers, body.as_ref())
}
