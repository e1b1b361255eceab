//! What proxies say of a request's origin.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::request::{forwarded_for, has_forwarded};
use crate::config::{Network, TrustedProxies};

/// No field panics; whom it names is no trusted proxy; what stands before that address, which anybody can say, changes
/// nothing of it, nor do trusted proxies behind it.
///
/// The input is a network, and behind that fields of `X-Forwarded-For`, a line each.
pub fn check(input: &[u8]) {
    let mut lines = input.split(|byte| *byte == b'\n');
    let network = lines.next().and_then(|text| std::str::from_utf8(text).ok()?.parse::<Network>().ok());
    let trusted = TrustedProxies::new(network.into_iter().collect());
    let lines: Vec<&[u8]> = lines.collect();
    let Some(headers) = fields(&lines) else { return };
    assert_eq!(has_forwarded(&headers), !lines.is_empty());
    let source = forwarded_for(&headers, |address| trusted.contains(address));
    assert!(source.is_none_or(|source| !trusted.contains(source)));
    let named = lines.iter().any(|line| {
        let addresses = std::str::from_utf8(line).unwrap_or_default().split(',');
        addresses.filter_map(|one| one.trim().parse::<IpAddr>().ok()).any(|one| Some(one) == source)
    });
    assert!(source.is_none() || named);
    let (claimed, proxy): (&[u8], &[u8]) = (b"192.0.2.66", b"127.0.0.1");
    let before: Vec<&[u8]> = [claimed].into_iter().chain(lines.iter().copied()).collect();
    let behind: Vec<&[u8]> = lines.iter().copied().chain([proxy]).collect();
    if let (Some(_), Some(before)) = (source, fields(&before)) {
        assert_eq!(forwarded_for(&before, |address| trusted.contains(address)), source);
    }
    if let (true, Some(behind)) = (proxy_is_trusted(&trusted), fields(&behind)) {
        assert_eq!(forwarded_for(&behind, |address| trusted.contains(address)), source);
    }
}

fn proxy_is_trusted(trusted: &TrustedProxies) -> bool {
    trusted.contains(IpAddr::from([127, 0, 0, 1]))
}

fn fields(lines: &[&[u8]]) -> Option<HeaderMap> {
    let mut headers = HeaderMap::new();
    for line in lines {
        headers.append(HeaderName::from_static("x-forwarded-for"), HeaderValue::from_bytes(line).ok()?);
    }
    Some(headers)
}
