//! The one place in the world that the relay asks anything of: the directory that its operator named.
//!
//! What the directory says is asked next is asked of the same host and port, whatever it says; redirects are not
//! followed; an answer has a bound of time and one of size.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{HOST, RETRY_AFTER};
use http::{HeaderValue, Request, Response, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use instant_acme::{BodyWrapper, BytesResponse, Error, HttpClient};
use muxhook_link::Now;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio::task::spawn_blocking;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_util::task::AbortOnDropHandle;

use crate::config::DirectoryUrl;

/// From the connection to the answer's end.
const TIME: Duration = Duration::from_secs(30);

/// Largest answer, in bytes: chains of certificates are some thousands.
const MAX_BODY: usize = 256 * 1024;

/// Whom the relay asks for certificates.
#[derive(Clone)]
pub(super) struct Directory {
    url: DirectoryUrl,
    /// The only roots that count; none: the system's.
    roots: Arc<Vec<CertificateDer<'static>>>,
    now: Now,
    retry_after: Arc<Mutex<Option<Duration>>>,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// The directory is not to be reached, or breaks off.
    #[error("the directory can't be reached: {0}")]
    Unreachable(String),
    /// It wants the relay to ask somebody else.
    #[error("the directory names a URL of another host, which is not asked: {0:?}")]
    Elsewhere(String),
}

fn unreachable(cause: impl ToString) -> Fault {
    Fault::Unreachable(cause.to_string())
}

impl Directory {
    pub(super) fn new(url: DirectoryUrl, roots: Vec<CertificateDer<'static>>, now: Now) -> Self {
        Self { url, roots: Arc::new(roots), now, retry_after: Arc::default() }
    }

    pub(super) fn url(&self) -> String {
        self.url.uri().to_string()
    }

    /// What the last answer said of `Retry-After`.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, Fault> {
        self.note(None);
        let request = self.here(request)?;
        let answer = timeout(TIME, self.exchange(request)).await;
        let answer = answer.unwrap_or_else(|_| Err(unreachable(format!("no answer within {TIME:?}"))))?;
        self.note(answer.headers().get(RETRY_AFTER).and_then(|value| self.span(value)));
        Ok(answer)
    }

    fn note(&self, retry_after: Option<Duration>) {
        *self.retry_after.lock().unwrap_or_else(PoisonError::into_inner) = retry_after;
    }

    /// Seconds or a date (RFC 9110 §10.2.3).
    fn span(&self, value: &HeaderValue) -> Option<Duration> {
        let text = value.to_str().ok()?.trim();
        if let Ok(seconds) = text.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let at = httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok()?;
        Some(at.saturating_sub(Duration::from_millis(self.now.unix_millis())))
    }

    /// The request as it is sent to the directory's own host, and to no other.
    fn here(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Request<BodyWrapper<Bytes>>, Fault> {
        let (mut head, body) = request.into_parts();
        let elsewhere = || Fault::Elsewhere(head.uri.to_string().chars().take(200).collect());
        if place(&head.uri) != place(self.url.uri()) {
            return Err(elsewhere());
        }
        let host = head.uri.authority().and_then(|authority| authority.as_str().parse().ok());
        let host: HeaderValue = host.ok_or_else(elsewhere)?;
        let path = head.uri.path_and_query().cloned();
        head.uri = path.map_or(Uri::from_static("/"), Uri::from);
        head.headers.insert(HOST, host);
        Ok(Request::from_parts(head, body))
    }

    async fn exchange(&self, request: Request<BodyWrapper<Bytes>>) -> Result<Response<Full<Bytes>>, Fault> {
        let (_, host, port) = place(self.url.uri());
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tcp = TcpStream::connect((host.as_str(), port)).await.map_err(unreachable)?;
        // The system's roots are many files, which may have changed since the last time.
        let roots = Arc::clone(&self.roots);
        let tls =
            spawn_blocking(move || connector(&roots)).await.map_err(unreachable)?.map_err(unreachable)?;
        let name = ServerName::try_from(host).map_err(unreachable)?;
        let stream = tls.connect(name, tcp).await.map_err(unreachable)?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(unreachable)?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let (head, body) = sender.send_request(request).await.map_err(unreachable)?.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(unreachable)?;
        Ok(Response::from_parts(head, Full::new(body.to_bytes())))
    }
}

/// Trusts these roots alone; without any, the system's.
fn connector(roots: &[CertificateDer<'static>]) -> Result<TlsConnector, rustls::Error> {
    let provider = Arc::new(ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = if roots.is_empty() {
        config.with_platform_verifier()?.with_no_client_auth()
    } else {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.clone())?;
        }
        config.with_root_certificates(store).with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

/// Scheme, host and port.
fn place(uri: &Uri) -> (&str, String, u16) {
    let host = uri.host().unwrap_or_default().to_ascii_lowercase();
    (uri.scheme_str().unwrap_or_default(), host, uri.port_u16().unwrap_or(443))
}

impl HttpClient for Directory {
    fn request(
        &self,
        request: Request<BodyWrapper<Bytes>>,
    ) -> Pin<Box<dyn Future<Output = Result<BytesResponse, Error>> + Send>> {
        let directory = self.clone();
        Box::pin(async move {
            let answer = directory.ask(request).await.map_err(|fault| Error::Other(Box::new(fault)))?;
            Ok(BytesResponse::from(answer))
        })
    }
}

/// Reads the roots that the directory's certificate may come from.
pub(super) fn roots(pem: &[u8]) -> io::Result<Vec<CertificateDer<'static>>> {
    use rustls_pki_types::pem::PemObject;
    let roots: Vec<_> =
        CertificateDer::pem_slice_iter(pem).collect::<Result<_, _>>().map_err(io::Error::other)?;
    let mut store = RootCertStore::empty();
    for root in &roots {
        store.add(root.clone()).map_err(io::Error::other)?;
    }
    if roots.is_empty() {
        return Err(io::Error::other("no -----BEGIN CERTIFICATE----- stands in it"));
    }
    Ok(roots)
}
