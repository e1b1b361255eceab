//! A webhook and its answer, as random as HTTP allows, and what of them must come out at the other end.

use std::collections::BTreeMap;

use hmac::{Hmac, KeyInit, Mac};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use sha2::Sha256;

use crate::harness::Message;
use crate::harness::http::{head, request, write};

/// The field that tells the exchanges apart.
pub(super) const NUMBER: &str = "x-number";

/// Field names as they are met, most of them with a meaning to somebody on the way.
const NAMES: &[&str] = &[
    "Accept-Encoding",
    "authorization",
    "Cache-Control",
    "CONTENT-TYPE",
    "content-encoding",
    "Date",
    "ETag",
    "if-none-match",
    "Link",
    "Location",
    "Max-Forwards",
    "Range",
    "Retry-After",
    "server",
    "User-Agent",
    "Vary",
    "via",
    "WWW-Authenticate",
    "X-Real-IP",
    "x-a",
    "X-A",
    "x-b",
    "!#$%&'*+-.^_`|~0Z",
];

const SECRET: &[u8] = b"whsec_of_this_test_alone";

type Fields = Vec<(String, Vec<u8>)>;

#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    suffix: String,
    query: Option<String>,
    headers: Fields,
    body: Vec<u8>,
    /// Sent in chunks of this many bytes; `None`: with its length.
    chunks: Option<usize>,
    status: u16,
    answer_headers: Fields,
    answer_body: Vec<u8>,
}

pub(crate) fn any_exchange() -> impl Strategy<Value = Exchange> {
    let suffix = "(/[a-zA-Z0-9._~!$&'()*+,;=:@%|{}\"é-]{0,12}){0,4}";
    let query = proptest::option::of("[a-zA-Z0-9._~!$&'()*+,;=:@%|{}/?é-]{0,40}");
    let chunks = proptest::option::weighted(0.3, 1..5000usize);
    let request = (suffix, query, fields(), body(), chunks);
    let answer = (200..600u16, fields(), body());
    (request, answer).prop_map(|(request, (status, answer_headers, answer_body))| {
        let (suffix, query, headers, body, chunks) = request;
        let has_body = !matches!(status, 204 | 205 | 304);
        let answer_body = if has_body { answer_body } else { Vec::new() };
        Exchange { suffix, query, headers, body, chunks, status, answer_headers, answer_body }
    })
}

fn fields() -> impl Strategy<Value = Fields> {
    let name = prop_oneof![3 => select(NAMES).prop_map(str::to_owned), 1 => "x-[a-zA-Z0-9_.-]{1,20}"];
    let byte = prop_oneof![8 => 0x20..=0x7eu8, 3 => 0x80..=0xffu8, 1 => Just(b'\t')];
    let value = vec(byte, 0..60).prop_map(|bytes| bytes.trim_ascii().to_vec());
    vec((name, value), 0..12)
}

/// Mostly small; some above what travels in one part.
fn body() -> impl Strategy<Value = Vec<u8>> {
    let large = (any::<u8>(), 60_000..200_000usize)
        .prop_map(|(seed, length)| (0..length).map(|at| (at * at / 7) as u8 ^ seed).collect());
    prop_oneof![12 => vec(any::<u8>(), 0..600), 1 => large]
}

impl Exchange {
    /// The request in bytes, signed as Mux signs.
    pub(super) fn request(&self, base: &str, number: usize) -> Vec<u8> {
        let query = self.query.as_ref().map_or(String::new(), |query| format!("?{query}"));
        let path = format!("{base}{}{query}", self.suffix);
        let headers = self.sent_headers(number);
        let Some(size) = self.chunks else { return request(&path, &headers, &self.body) };
        let chunked = [(String::from("transfer-encoding"), b"chunked".to_vec())];
        let start = format!("POST {path} HTTP/1.1\r\nhost: hooks.example.com");
        let mut bytes = head(&start, &[&headers[..], &chunked].concat());
        for chunk in self.body.chunks(size) {
            bytes.extend(format!("{:x}\r\n", chunk.len()).bytes());
            bytes.extend([chunk, b"\r\n"].concat());
        }
        bytes.extend(b"0\r\n\r\n");
        bytes
    }

    fn sent_headers(&self, number: usize) -> Fields {
        let time = 1_767_225_600 + number;
        let mac = mac(&time.to_string(), &self.body).finalize().into_bytes();
        let signature = format!("t={time},v1={}", data_encoding::HEXLOWER.encode(&mac));
        let own = [("Mux-Signature", signature), (NUMBER, number.to_string())];
        let own = own.map(|(name, value)| (name.to_owned(), value.into_bytes()));
        self.headers.iter().cloned().chain(own).collect()
    }

    /// The app's answer in bytes.
    pub(super) fn answer(&self) -> Vec<u8> {
        write(&format!("HTTP/1.1 {} Whatever", self.status), &self.answer_headers, &self.answer_body)
    }

    /// What arrived at the app behind `/hook?from=test` must be the request, with what `listen` is to change.
    pub(super) fn check_request(&self, arrived: &Message, number: usize, relay: &str, app: &str) {
        let query = self.query.as_ref().filter(|query| !query.is_empty());
        let query = query.map_or(String::new(), |query| format!("&{query}"));
        assert_eq!(arrived.start, format!("POST /hook{}?from=test{query} HTTP/1.1", self.suffix));
        assert!(arrived.body == self.body, "another body of {} bytes: {self:?}", arrived.body.len());
        let mut expected = by_name(&self.sent_headers(number));
        for (name, value) in [
            ("host", app.split_once("//").unwrap().1),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-proto", relay.split_once(':').unwrap().0),
            ("x-forwarded-host", "hooks.example.com"),
            ("muxhook-delivery", arrived.get("muxhook-delivery")),
            ("content-length", &self.body.len().to_string()),
        ] {
            expected.insert(name.to_owned(), vec![value.as_bytes().to_vec()]);
        }
        assert_eq!(by_name(&arrived.headers), expected);
        assert_eq!(arrived.get("muxhook-delivery").len(), 36);
        check_signature(arrived);
    }

    /// What arrived at the sender must be the answer, with what the relay is to add.
    pub(super) fn check_answer(&self, arrived: &Message) {
        assert_eq!(arrived.by(), (self.status, "app"), "{self:?}");
        assert!(arrived.body == self.answer_body, "another body of {} bytes: {self:?}", arrived.body.len());
        let mut came = by_name(&arrived.headers);
        let expected = by_name(&self.answer_headers);
        for added in ["muxhook-answer", "x-content-type-options", "content-security-policy"] {
            assert_eq!(came.remove(added).map(|values| values.len()), Some(1), "{added}");
        }
        came.remove("content-length");
        if !expected.contains_key("date") {
            came.remove("date");
        }
        assert_eq!(came, expected);
    }
}

/// The values of each name, in order.
fn by_name(fields: &Fields) -> BTreeMap<String, Vec<Vec<u8>>> {
    let mut names = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in fields {
        names.entry(name.to_ascii_lowercase()).or_default().push(value.clone());
    }
    names
}

/// As an app checks Mux's signature: HMAC-SHA256 over `<time>.<body>`, with the body as it came.
fn check_signature(arrived: &Message) {
    let (time, sum) = arrived.get("mux-signature").split_once(",v1=").unwrap();
    let sum = data_encoding::HEXLOWER.decode(sum.as_bytes()).unwrap();
    mac(time.strip_prefix("t=").unwrap(), &arrived.body).verify_slice(&sum).expect("a valid signature");
}

fn mac(time: &str, body: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(SECRET).unwrap().chain_update(time).chain_update(".").chain_update(body)
}
