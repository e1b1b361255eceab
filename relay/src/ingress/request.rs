//! From an HTTP request to what dispatch takes: the address, the header fields, the body within its bounds.

use std::net::IpAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, header};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};
use muxhook_protocol::headers::{connection_tokens, is_hop_by_hop};
use tokio::time::{Instant, timeout_at};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Splits the path behind `/h/` into the endpoint and the suffix, which is empty or begins with `/`.
pub(super) fn split_address(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/h/")?;
    Some(rest.split_at(rest.find('/').unwrap_or(rest.len())))
}

/// Leaves the end-to-end fields (RFC 9110 §7.6.1): those of one connection go, with those that `Connection` names.
/// What is meant for the app can't be named so: else a sender could have a trusted proxy's word taken off.
pub(super) fn keep_end_to_end(headers: &mut HeaderMap) {
    let named: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| connection_tokens(value.as_bytes()))
        .filter_map(|token| HeaderName::from_bytes(token).ok())
        .filter(|name| !is_for_the_app(name))
        .collect();
    let hops: Vec<HeaderName> = headers.keys().filter(|name| is_hop_by_hop(name.as_str())).cloned().collect();
    for name in named.into_iter().chain(hops) {
        headers.remove(name);
    }
}

/// Whether a field says what the request is, or where it came from.
fn is_for_the_app(name: &HeaderName) -> bool {
    matches!(*name, header::HOST | header::CONTENT_LENGTH | header::CONTENT_TYPE | header::FORWARDED)
        || name.as_str().starts_with("x-forwarded-")
        || name.as_str().starts_with("mux-")
}

/// Says where the request came from, in place of whatever it claims.
pub(super) fn set_forwarded(headers: &mut HeaderMap, peer: IpAddr, proto: &'static str) {
    if let Ok(peer) = HeaderValue::from_str(&peer.to_canonical().to_string()) {
        headers.insert(FORWARDED_FOR, peer);
    }
    headers.insert(FORWARDED_PROTO, HeaderValue::from_static(proto));
    match headers.get(header::HOST).cloned() {
        Some(host) => headers.insert(FORWARDED_HOST, host),
        None => headers.remove(FORWARDED_HOST),
    };
}

/// Whether somebody says where the request came from.
pub(super) fn has_forwarded(headers: &HeaderMap) -> bool {
    [FORWARDED_FOR, FORWARDED_PROTO, FORWARDED_HOST, header::FORWARDED]
        .iter()
        .any(|name| headers.contains_key(name))
}

/// The last address in `X-Forwarded-For` that is no trusted proxy's: what stands before it is anybody's word. `None`:
/// there is none, or it is no address.
pub(super) fn forwarded_for(headers: &HeaderMap, is_trusted: impl Fn(IpAddr) -> bool) -> Option<IpAddr> {
    let fields: Vec<_> = headers.get_all(FORWARDED_FOR).iter().collect();
    let texts = fields.into_iter().rev().map(|value| value.to_str().unwrap_or_default());
    let mut addresses = texts.flat_map(|text| text.rsplit(',')).map(|text| text.trim().parse::<IpAddr>());
    addresses.find(|address| !matches!(address, Ok(address) if is_trusted(*address)))?.ok()
}

/// Why a body was not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BodyError {
    /// Above the limit.
    TooLarge,
    /// The relay holds as many bytes as it may.
    NoRoom,
    /// It stalled, or took too long in all.
    TooSlow,
    /// The connection broke, or the framing was wrong.
    Broken,
}

/// What a body may cost.
#[derive(Clone, Copy, Debug)]
pub(super) struct BodyLimits {
    pub(super) size: usize,
    pub(super) idle: Duration,
    pub(super) total: Duration,
}

/// A body, whole.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Whole {
    pub(super) bytes: Bytes,
    /// Fields came behind it. The parser takes a bare LF among them for no end of a line, and others do: where the next
    /// request begins is not sure then.
    pub(super) has_trailers: bool,
}

/// Reads a body whole, asking `hold` for room before each piece is kept. A body that arrives in one piece, as small
/// ones do, is not copied.
pub(super) async fn read_body(
    body: &mut Incoming,
    limits: BodyLimits,
    mut hold: impl FnMut(usize) -> bool,
) -> Result<Whole, BodyError> {
    if body.size_hint().lower() > limits.size as u64 {
        return Err(BodyError::TooLarge);
    }
    let end = Instant::now() + limits.total;
    let mut whole = Bytes::new();
    let mut joined = BytesMut::new();
    let mut has_trailers = false;
    loop {
        let by = end.min(Instant::now() + limits.idle);
        let Some(frame) = timeout_at(by, body.frame()).await.map_err(|_| BodyError::TooSlow)? else { break };
        let Ok(data) = frame.map_err(|_| BodyError::Broken)?.into_data() else {
            has_trailers = true;
            continue;
        };
        if whole.len().max(joined.len()) + data.len() > limits.size {
            return Err(BodyError::TooLarge);
        }
        if !hold(data.len()) {
            return Err(BodyError::NoRoom);
        }
        if whole.is_empty() {
            whole = data;
        } else {
            if joined.is_empty() {
                joined.reserve(
                    usize::try_from(body.size_hint().lower()).unwrap_or(0) + whole.len() + data.len(),
                );
                joined.extend_from_slice(&whole);
            }
            joined.extend_from_slice(&data);
        }
        if body.is_end_stream() {
            break;
        }
    }
    Ok(Whole { bytes: if joined.is_empty() { whole } else { joined.freeze() }, has_trailers })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_an_endpoint_and_what_follows() {
        assert_eq!(split_address("/h/abc"), Some(("abc", "")));
        assert_eq!(split_address("/h/abc/"), Some(("abc", "/")));
        assert_eq!(split_address("/h/abc/a%2Fb//c"), Some(("abc", "/a%2Fb//c")));
        assert_eq!(split_address("/h/"), Some(("", "")));
        assert_eq!(split_address("/x/abc"), None);
    }

    #[test]
    fn fields_of_the_connection_stay_behind() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "keep-alive, X-Hop"),
            ("x-hop", "1"),
            ("te", "trailers"),
            ("mux-signature", "t=1,v1=a"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        keep_end_to_end(&mut headers);
        assert_eq!(headers.keys().collect::<Vec<_>>(), ["mux-signature"]);
    }

    #[test]
    fn what_is_for_the_app_is_no_field_of_the_connection() {
        let names =
            ["host", "content-length", "content-type", "x-forwarded-for", "forwarded", "mux-signature"];
        let mut headers = HeaderMap::new();
        headers.append("connection", names.join(", ").parse().unwrap());
        for name in names {
            headers.append(name, HeaderValue::from_static("1"));
        }
        keep_end_to_end(&mut headers);
        assert_eq!(headers.len(), names.len());
        assert!(names.iter().all(|name| headers.contains_key(*name)), "{headers:?}");
    }

    #[test]
    fn what_a_request_claims_of_its_way_is_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert("host", HeaderValue::from_static("hooks.example.com"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("6.6.6.6"));
        headers.append(FORWARDED_FOR, HeaderValue::from_static("7.7.7.7"));
        set_forwarded(&mut headers, "::ffff:127.0.0.1".parse().unwrap(), "https");
        assert_eq!(headers.get_all(FORWARDED_FOR).iter().collect::<Vec<_>>(), ["127.0.0.1"]);
        assert_eq!(headers[FORWARDED_PROTO], "https");
        assert_eq!(headers[FORWARDED_HOST], "hooks.example.com");
    }
}
