//! One HTTP/1.1 request, over a connection of its own or one that was [`Kept`], and its whole answer. Nothing is
//! followed.

mod kept;

use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, USER_AGENT};
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

pub use kept::Kept;

use crate::dial::{Dialer, Stream};
use crate::relay_url::RelayUrl;

/// How this program names itself to whom it asks.
pub const AGENT: &str = concat!("muxhook/", env!("CARGO_PKG_VERSION"));

/// How long a server may take once it is connected, and how much it may say.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// From the connection to the answer's end.
    pub time: Duration,
    /// The answer's body, in bytes.
    pub body: usize,
}

/// Why there is no answer, in words that follow the server's name and a colon.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// No connection.
    #[error("{0}")]
    Unreachable(String),
    /// The time was up.
    #[error("it did not answer within {} s", .0.as_secs_f32())]
    Silent(Duration),
    /// The connection broke before the answer's end.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// What came back is no HTTP/1.1.
    #[error("it does not speak HTTP/1.1")]
    NotHttp,
    /// The body is above the limit.
    #[error("its answer is above {} KiB", .0 / 1024)]
    TooLarge(usize),
}

/// Sends `request`, whose URI is a path and query, to `origin`. `Host` and `User-Agent` are set when it has none.
///
/// # Errors
/// See [`Fault`].
pub async fn exchange(
    dialer: &Dialer,
    origin: &RelayUrl,
    request: Request<Full<Bytes>>,
    limits: Limits,
) -> Result<Response<Bytes>, Fault> {
    let request = addressed(origin, request)?;
    let stream = dialer.connect(origin).await.map_err(|error| Fault::Unreachable(error.to_string()))?;
    timeout(limits.time, send(stream, request, limits.body)).await.unwrap_or(Err(Fault::Silent(limits.time)))
}

/// The request with what each has.
fn addressed(origin: &RelayUrl, mut request: Request<Full<Bytes>>) -> Result<Request<Full<Bytes>>, Fault> {
    let host = HeaderValue::try_from(origin.authority());
    let host = host.map_err(|error| Fault::Unreachable(error.to_string()))?;
    request.headers_mut().entry(HOST).or_insert(host);
    let agent = HeaderValue::from_static(AGENT);
    request.headers_mut().entry(USER_AGENT).or_insert(agent);
    Ok(request)
}

async fn send(stream: Stream, request: Request<Full<Bytes>>, most: usize) -> Result<Response<Bytes>, Fault> {
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.map_err(|error| broken(&error))?;
    let exchange = async {
        let (head, body) = sender.send_request(request).await.map_err(|error| broken(&error))?.into_parts();
        Ok(Response::from_parts(head, whole(body, most).await?))
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // The connection ends when its last byte was read; the exchange then has all that it waits for.
        _ = connection => exchange.await,
    }
}

async fn whole(body: Incoming, most: usize) -> Result<Bytes, Fault> {
    let collected = Limited::new(body, most).collect().await;
    collected.map(http_body_util::Collected::to_bytes).map_err(|error| {
        match error.downcast::<hyper::Error>() {
            Ok(error) => broken(&error),
            Err(_) => Fault::TooLarge(most),
        }
    })
}

fn broken(error: &hyper::Error) -> Fault {
    if error.is_parse() { Fault::NotHttp } else { Fault::Broken(error.to_string()) }
}
