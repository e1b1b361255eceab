//! Mux's part: an event as a POST over a connection of its own.

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// As Mux sends it.
pub(super) const CONTENT_TYPE: &str = "application/json";

/// Posts an event to a plain-HTTP address; gives back the body of a 200 that the app gave.
pub(super) async fn post(
    url: &str,
    event: &'static str,
    signature: &str,
) -> Result<Bytes, Box<dyn std::error::Error + Send + Sync>> {
    let uri: Uri = url.parse()?;
    let authority = uri.authority().ok_or("an address without a host")?.clone();
    let target = uri.path_and_query().ok_or("an address without a path")?.clone();
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(TcpStream::connect(authority.as_str()).await?)).await?;
    let connection = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(target.as_str())
        .header(header::HOST, authority.as_str())
        .header(header::CONTENT_TYPE, CONTENT_TYPE)
        .header(muxhook_protocol::mux::signature::HEADER, signature)
        .body(Full::<Bytes>::from(event))?;
    let response = sender.send_request(request).await?;
    let (status, by) = (response.status(), response.headers().get(muxhook_protocol::ANSWER_HEADER).cloned());
    let body = response.into_body().collect().await?.to_bytes();
    connection.abort();
    match (status, by) {
        (StatusCode::OK, Some(by)) if by == "app" => Ok(body),
        _ => Err(format!("it was answered {status}: {}", String::from_utf8_lossy(&body)).into()),
    }
}
