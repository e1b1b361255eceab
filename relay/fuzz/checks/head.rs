//! Heads of requests, between the parser and dispatch.

use std::net::{IpAddr, Ipv4Addr};

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Uri, Version, header};
use muxhook_protocol::headers::is_hop_by_hop;

use super::{request, strict};

/// No head panics. One that passes has one sure reading, stays as it is when it is checked again, and loses nothing of
/// what is for the app.
///
/// The input is a request line, and fields a line each; what the parser would refuse does not count.
pub fn check(input: &[u8]) {
    let Some(mut head) = parse(input) else { return };
    if let Err(refused) = strict::check(&mut head) {
        let response = refused.response();
        assert!(response.status().is_client_error() || response.status() == 501);
        assert_eq!(response.headers()[header::CONNECTION], "close");
        return;
    }
    has_one_reading(&head);
    let once = head.clone();
    assert!(strict::check(&mut head).is_ok());
    assert_eq!((&head.headers, &head.uri), (&once.headers, &once.uri));
    if let Some((name, suffix)) = request::split_address(head.uri.path()) {
        assert_eq!(format!("/h/{name}{suffix}"), head.uri.path());
        assert!(!name.contains('/') && (suffix.is_empty() || suffix.starts_with('/')));
    }
    keeps_what_is_for_the_app(&head.headers);
}

fn has_one_reading(head: &Parts) {
    let hosts: Vec<_> = head.headers.get_all(header::HOST).iter().collect();
    assert!(hosts.len() == 1 || hosts.is_empty() && head.version == Version::HTTP_10);
    assert!(hosts.iter().all(|host| !host.as_bytes().iter().any(|byte| b"/@?# \t,\\".contains(byte))
        || host.as_bytes().contains(&b',')));
    let codings: Vec<_> = head.headers.get_all(header::TRANSFER_ENCODING).iter().collect();
    assert!(
        codings.len() <= 1
            && codings.iter().all(|coding| coding.as_bytes().eq_ignore_ascii_case(b"chunked")
                || coding.as_bytes().trim_ascii().eq_ignore_ascii_case(b"chunked"))
    );
    assert!(head.method != Method::CONNECT && !head.uri.path().contains("%00"));
    assert!(head.uri.path().starts_with('/') || head.method == Method::OPTIONS);
}

fn keeps_what_is_for_the_app(sent: &HeaderMap) {
    let mut kept = sent.clone();
    request::keep_end_to_end(&mut kept);
    for name in kept.keys() {
        assert!(!is_hop_by_hop(name.as_str()), "{name}");
        assert!(kept.get_all(name).iter().eq(sent.get_all(name)), "{name}");
    }
    for name in sent.keys().filter(|name| name.as_str().starts_with("mux-") || **name == header::HOST) {
        assert!(kept.contains_key(name), "{name}");
    }
    request::set_forwarded(&mut kept, IpAddr::V4(Ipv4Addr::LOCALHOST), "http");
    let values: Vec<_> = kept.get_all("x-forwarded-for").iter().collect();
    assert_eq!(values, ["127.0.0.1"]);
    assert_eq!(kept.get_all("x-forwarded-proto").iter().count(), 1);
    assert_eq!(kept.get("x-forwarded-host"), sent.get(header::HOST));
}

fn parse(input: &[u8]) -> Option<Parts> {
    let mut lines = input.split(|byte| *byte == b'\n');
    let mut line = lines.next()?.splitn(3, |byte| *byte == b' ');
    let (method, target) = (Method::from_bytes(line.next()?).ok()?, Uri::try_from(line.next()?).ok()?);
    let version = if line.next()? == b"HTTP/1.0" { Version::HTTP_10 } else { Version::HTTP_11 };
    let (mut head, ()) =
        Request::builder().method(method).uri(target).version(version).body(()).ok()?.into_parts();
    for line in lines {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        // The parser takes the white space around a value off.
        head.headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    Some(head)
}
