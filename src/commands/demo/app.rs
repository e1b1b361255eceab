//! The sample app: takes events at `/api/webhooks/mux`, as a real one would, and remembers what it saw.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use http::{Request, Response, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use muxhook_protocol::mux::signature;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// Where it takes events.
const PATH: &str = "/api/webhooks/mux";

/// What the demo adds to the endpoint's address, to show that it comes along.
pub(super) const SUFFIX: &str = "/demo?from=mux";

/// What it answers.
pub(super) const ANSWER: &[u8] = br#"{"received":true}"#;

/// One request, as the app saw it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) target: String,
    pub(super) content_type: Option<Vec<u8>>,
    pub(super) signature: Option<Vec<u8>>,
    pub(super) body: Bytes,
}

/// What the app must see in the request line.
pub(super) fn expected_target() -> String {
    format!("{PATH}{SUFFIX}")
}

/// A running app; it ends when dropped.
#[derive(Debug)]
pub(super) struct App {
    addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    task: JoinHandle<()>,
}

impl App {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let (addr, seen) = (listener.local_addr()?, Arc::<Mutex<Vec<Seen>>>::default());
        let task = tokio::spawn(serve(listener, Arc::clone(&seen)));
        Ok(Self { addr, seen, task })
    }

    /// What to forward to.
    pub(super) fn url(&self) -> String {
        format!("http://{}{PATH}", self.addr)
    }

    /// Everything that it saw so far.
    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<Seen>>>) {
    while let Ok((socket, _)) = listener.accept().await {
        let seen = Arc::clone(&seen);
        let service = service_fn(move |request| answer(Arc::clone(&seen), request));
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(socket), service));
    }
}

async fn answer(
    seen: Arc<Mutex<Vec<Seen>>>,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let target = request.uri().to_string();
    let field = |name: &str| request.headers().get(name).map(|value| value.as_bytes().to_vec());
    let (content_type, signature) = (field(header::CONTENT_TYPE.as_str()), field(signature::HEADER));
    // A body that breaks off is one that does not equal what was sent.
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    seen.lock().unwrap_or_else(PoisonError::into_inner).push(Seen { target, content_type, signature, body });
    let mut response = Response::new(Full::from(Bytes::from_static(ANSWER)));
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    Ok(response)
}
