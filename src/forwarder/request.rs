//! A delivery as the HTTP/1.1 request that the app gets.

use std::io::IoSlice;

use bytes::Bytes;
use muxhook_protocol::headers::{connection_tokens, is_hop_by_hop};
use muxhook_protocol::{DELIVERY_HEADER, Delivery, DeliveryId, Headers};

use super::header_override::{HeaderOverride, is_token, is_value};
use super::target::Target;

/// A request on its way out: its bytes, and how many of them the connection has taken.
pub(super) struct Request {
    head: Vec<u8>,
    body: Bytes,
    sent: usize,
}

/// What a relay handed over can't be written as an HTTP request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotHttp;

impl Request {
    /// The request for `delivery`. Its body is shared, not copied.
    pub(super) fn new(
        target: &Target,
        delivery: &Delivery,
        overrides: &[HeaderOverride],
    ) -> Result<Self, NotHttp> {
        // The relay has checked all this; were it not so, one delivery could be made into two requests.
        if !is_token(&delivery.method) || !is_path(&delivery.path) || !is_query(delivery.query.as_deref()) {
            return Err(NotHttp);
        }
        let mut head = Vec::with_capacity(1024);
        put(&mut head, &[delivery.method.as_bytes(), b" "]);
        put_request_target(&mut head, target, delivery);
        put(&mut head, &[b" HTTP/1.1\r\nhost: ", host(target, overrides), b"\r\n"]);
        put_fields(&mut head, &delivery.headers, overrides)?;
        for field in overrides.iter().filter(|field| field.name != "host") {
            put(&mut head, &[field.name.as_bytes(), b": ", &field.value, b"\r\n"]);
        }
        put(&mut head, &[DELIVERY_HEADER.as_bytes(), b": "]);
        put(&mut head, &[delivery.id.write_text(&mut [0; DeliveryId::TEXT_LEN]).as_bytes()]);
        put(&mut head, &[format!("\r\ncontent-length: {}\r\n\r\n", delivery.body.len()).as_bytes()]);
        Ok(Self { head, body: delivery.body.clone(), sent: 0 })
    }

    /// What is still to be sent.
    pub(super) fn rest(&self) -> [IoSlice<'_>; 2] {
        let head = &self.head[self.sent.min(self.head.len())..];
        let body = &self.body[self.sent.saturating_sub(self.head.len())..];
        [IoSlice::new(head), IoSlice::new(body)]
    }

    /// The connection has taken `n` bytes more.
    pub(super) fn advance(&mut self, n: usize) {
        self.sent = (self.sent + n).min(self.head.len() + self.body.len());
    }

    /// Whether no byte of it went out.
    pub(super) fn is_untouched(&self) -> bool {
        self.sent == 0
    }

    /// Whether all of it went out.
    pub(super) fn is_sent(&self) -> bool {
        self.sent == self.head.len() + self.body.len()
    }
}

impl Target {
    /// The URL that `delivery` goes to.
    #[must_use]
    pub fn url_for(&self, delivery: &Delivery) -> String {
        let mut url = self.origin.url().into_bytes();
        put_request_target(&mut url, self, delivery);
        String::from_utf8_lossy(&url).into_owned()
    }
}

fn put(out: &mut Vec<u8>, pieces: &[&[u8]]) {
    for piece in pieces {
        out.extend_from_slice(piece);
    }
}

/// Target `/base?x=1` and request `/s?q=2` give `/base/s?x=1&q=2`. Nothing is re-encoded.
fn put_request_target(out: &mut Vec<u8>, target: &Target, delivery: &Delivery) {
    let base = match &*delivery.path {
        "" => &*target.path,
        _ => target.path.strip_suffix('/').unwrap_or(&target.path),
    };
    put(out, &[base.as_bytes(), delivery.path.as_bytes()]);
    if base.is_empty() && delivery.path.is_empty() {
        out.push(b'/');
    }
    match (target.query.as_deref(), delivery.query.as_deref()) {
        (None, None) => {}
        (Some(query), None | Some("")) | (None | Some(""), Some(query)) => {
            put(out, &[b"?", query.as_bytes()])
        }
        (Some(base), Some(query)) => put(out, &[b"?", base.as_bytes(), b"&", query.as_bytes()]),
    }
}

/// The target's own, so that a dev server accepts it; the last override where there is one.
fn host<'a>(target: &'a Target, overrides: &'a [HeaderOverride]) -> &'a [u8] {
    let given = overrides.iter().rev().find(|field| field.name == "host");
    given.map_or(target.authority.as_bytes(), |field| &field.value)
}

/// The end-to-end fields, in order, save those that are replaced.
fn put_fields(out: &mut Vec<u8>, headers: &Headers, overrides: &[HeaderOverride]) -> Result<(), NotHttp> {
    let connection: Vec<&[u8]> = headers
        .iter()
        .filter(|(name, _)| *name == "connection")
        .flat_map(|(_, value)| connection_tokens(value))
        .collect();
    for (name, value) in headers.iter() {
        let dropped = is_hop_by_hop(name)
            || is_ours(name)
            || overrides.iter().any(|field| field.name == name)
            || connection.iter().any(|token| token.eq_ignore_ascii_case(name.as_bytes()));
        if dropped {
            continue;
        }
        if !is_token(name) || !is_value(value) {
            return Err(NotHttp);
        }
        put(out, &[name.as_bytes(), b": ", value, b"\r\n"]);
    }
    Ok(())
}

/// Fields that this request has of its own. The relay has met `expect` before the body came.
fn is_ours(name: &str) -> bool {
    matches!(name, "host" | "content-length" | "expect" | DELIVERY_HEADER)
}

fn is_path(path: &str) -> bool {
    (path.is_empty() || path.starts_with('/')) && is_visible(path)
}

fn is_query(query: Option<&str>) -> bool {
    query.is_none_or(is_visible)
}

/// No white space and no control character: nothing that could end the request line.
fn is_visible(text: &str) -> bool {
    !text.bytes().fold(false, |odd, byte| odd | (byte <= b' ') | (byte == 0x7f))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(path: &str, query: Option<&str>, headers: Headers) -> Delivery {
        Delivery {
            id: DeliveryId::new(1_767_225_600_000, &[7; 10]),
            seq: 1,
            received_at: 0,
            attempt: 1,
            method: "POST".into(),
            path: path.into(),
            query: query.map(Into::into),
            headers,
            owed: false,
            replayed: false,
            body: Bytes::from_static(b"{}"),
        }
    }

    fn text(target: &str, delivery: &Delivery, overrides: &[&str]) -> Result<Vec<u8>, NotHttp> {
        let target = Target::parse(target).unwrap();
        let overrides: Vec<_> = overrides.iter().map(|text| HeaderOverride::parse(text).unwrap()).collect();
        let request = Request::new(&target, delivery, &overrides)?;
        Ok(left(&request))
    }

    fn left(request: &Request) -> Vec<u8> {
        request.rest().iter().flat_map(|slice| slice.iter().copied()).collect()
    }

    fn request_target(target: &str, path: &str, query: Option<&str>) -> String {
        let bytes = text(target, &delivery(path, query, Headers::new()), &[]).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        text.split(' ').nth(1).unwrap().to_owned()
    }

    #[test]
    fn paths_and_queries_are_joined() {
        for (target, path, query, expected) in [
            ("3000", "", None, "/"),
            ("3000/", "", None, "/"),
            ("3000", "/s", None, "/s"),
            ("3000/", "/s", None, "/s"),
            ("3000", "/", None, "/"),
            ("3000/base", "", None, "/base"),
            ("3000/base/", "", None, "/base/"),
            ("3000/base", "/", None, "/base/"),
            ("3000/base", "/s", None, "/base/s"),
            ("3000/base/", "/s/", None, "/base/s/"),
            ("3000/base//", "/s", None, "/base//s"),
            ("3000/base?x=1", "/s", Some("q=2"), "/base/s?x=1&q=2"),
            ("3000?x=1", "", None, "/?x=1"),
            ("3000?x=1", "", Some(""), "/?x=1"),
            ("3000?", "", None, "/?"),
            ("3000?", "", Some("q"), "/?q"),
            ("3000", "", Some("q=%zz&&a=b?c"), "/?q=%zz&&a=b?c"),
            ("3000", "", Some(""), "/?"),
            ("3000/a%2Fb", "/é%20/../.", None, "/a%2Fb/é%20/../."),
        ] {
            assert_eq!(request_target(target, path, query), expected, "{target} {path} {query:?}");
        }
    }

    #[test]
    fn fields_travel_byte_for_byte_and_those_of_the_connection_stay() {
        let headers: Headers = [
            ("host", &b"hooks.example.com"[..]),
            ("content-type", b"application/json"),
            ("x-twice", b"1"),
            ("connection", b"keep-alive, X-Private"),
            ("x-bytes", b"\x80\xff caf\xe9\t!"),
            ("x-private", b"no"),
            ("x-twice", b"2"),
            ("transfer-encoding", b"chunked"),
            ("content-length", b"99"),
            ("expect", b"100-continue"),
            ("muxhook-delivery", b"forged"),
            ("mux-signature", b"t=1,v1=ab"),
            ("x-forwarded-for", b"203.0.113.9"),
            ("x-empty", b""),
        ]
        .into_iter()
        .collect();
        let bytes = text("https://localhost:3000/h", &delivery("", None, headers), &[]).unwrap();
        let expected = b"POST /h HTTP/1.1\r\nhost: localhost:3000\r\ncontent-type: application/json\r\nx-twice: 1\r\n\
            x-bytes: \x80\xff caf\xe9\t!\r\nx-twice: 2\r\nmux-signature: t=1,v1=ab\r\nx-forwarded-for: 203.0.113.9\r\n\
            x-empty: \r\nmuxhook-delivery: 019b76da-a800-7707-8707-070707070707\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(bytes.escape_ascii().to_string(), expected.escape_ascii().to_string());
    }

    #[test]
    fn overrides_replace_every_field_of_their_name_or_are_added() {
        let headers: Headers = [("x-a", "1"), ("x-b", "2"), ("x-a", "3")]
            .map(|(name, value)| (name, Bytes::from_static(value.as_bytes())))
            .into_iter()
            .collect();
        let overrides = ["X-A: new", "x-c: c1", "x-c: c2", "Host: one.test", "host: app.test"];
        let bytes = text("3000", &delivery("", None, headers), &overrides).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.starts_with(
            "POST / HTTP/1.1\r\nhost: app.test\r\nx-b: 2\r\nx-a: new\r\nx-c: c1\r\nx-c: c2\r\nmuxhook-"
        ));
    }

    #[test]
    fn nothing_can_end_a_line_before_its_time() {
        let field =
            |name: &'static str, value: &'static [u8]| -> Headers { [(name, value)].into_iter().collect() };
        for bad in [
            delivery("/a b", None, Headers::new()),
            delivery("/a\r\nx: y", None, Headers::new()),
            delivery("no-slash", None, Headers::new()),
            delivery("", Some("a\nb"), Headers::new()),
            Delivery { method: "PO ST".into(), ..delivery("", None, Headers::new()) },
            delivery("", None, field("x y", b"1")),
            delivery("", None, field("x", b"1\r\ny: 2")),
            delivery("", None, field("x", b"\0")),
        ] {
            assert_eq!(text("3000", &bad, &[]), Err(NotHttp), "{bad:?}");
        }
    }

    #[test]
    fn what_is_left_to_send_shrinks_across_head_and_body() {
        let target = Target::parse("3000").unwrap();
        let mut request = Request::new(&target, &delivery("", None, Headers::new()), &[]).unwrap();
        let whole = left(&request);
        for sent in 0..whole.len() {
            assert_eq!(left(&request), whole[sent..]);
            assert_eq!((request.is_untouched(), request.is_sent()), (sent == 0, false));
            request.advance(1);
        }
        assert!(request.is_sent() && left(&request).is_empty());
    }
}
