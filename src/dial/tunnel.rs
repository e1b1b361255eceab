//! The way through a proxy: `CONNECT` (RFC 9110 §9.3.6).

use http::{HeaderValue, StatusCode};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::error::{DialError, Peer, in_words};

/// Largest head of a proxy's answer, in bytes.
const MAX_HEAD: usize = 16 * 1024;

/// Most header fields in it.
const MAX_FIELDS: usize = 64;

/// Asks the `proxy` at the other end of `stream` for a way to `target`. Afterwards the stream is the target's.
pub(super) async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut S,
    proxy: &Peer,
    authorization: Option<&HeaderValue>,
    target: &Peer,
) -> Result<(), DialError> {
    let failed = |error| DialError::transient(format!("{proxy} gave no answer: {}", in_words(&error)));
    stream.write_all(&request(authorization, &target.authority())).await.map_err(failed)?;
    stream.flush().await.map_err(failed)?;
    let mut head = Vec::new();
    loop {
        if stream.read_buf(&mut head).await.map_err(failed)? == 0 {
            return Err(failed(std::io::ErrorKind::UnexpectedEof.into()));
        }
        match parse(&head) {
            Ok(Some((status, length))) => return judge(proxy, target, status, head.len() > length),
            Ok(None) if head.len() < MAX_HEAD => {}
            _ => {
                return Err(DialError::lasting(format!("{proxy} gave no HTTP answer: is it an HTTP proxy?")));
            }
        }
    }
}

fn request(authorization: Option<&HeaderValue>, target: &str) -> Vec<u8> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n").into_bytes();
    if let Some(value) = authorization {
        request.extend_from_slice(b"Proxy-Authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    request
}

/// The answer's status and the length of its head; `None`: there is more to come.
fn parse(head: &[u8]) -> Result<Option<(StatusCode, usize)>, ()> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut answer = httparse::Response::new(&mut fields);
    match answer.parse(head).map_err(|_| ())? {
        httparse::Status::Partial => Ok(None),
        httparse::Status::Complete(length) => {
            let status = StatusCode::from_u16(answer.code.unwrap_or_default()).map_err(|_| ())?;
            Ok(Some((status, length)))
        }
    }
}

fn judge(proxy: &Peer, target: &Peer, status: StatusCode, more: bool) -> Result<(), DialError> {
    let (target, role) = (target.authority(), target.role);
    if status.is_success() && !more {
        return Ok(());
    }
    let advice = match status {
        // Whoever is behind it has not been spoken to yet, and so has nothing to say.
        _ if status.is_success() => "and went on talking: is it an HTTP proxy?".to_owned(),
        StatusCode::PROXY_AUTHENTICATION_REQUIRED => {
            "it wants a user name and a password, or other ones: http://user:password@host:port".to_owned()
        }
        _ if status.is_server_error() => format!("it could not reach the {role}"),
        _ => format!(
            "it does not let muxhook through: name the {role} in NO_PROXY if it can be reached directly"
        ),
    };
    let message = format!("{proxy} answered {status} when asked for {target}: {advice}");
    let transient = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    Err(if transient { DialError::transient(message) } else { DialError::lasting(message) })
}
