//! The head of an answer, and what it says of the body's length.

use std::mem::MaybeUninit;
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use bytestring::ByteString;
use httparse::{ParserConfig, Response, Status};
use muxhook_protocol::Headers;
use muxhook_protocol::headers::{connection_tokens, is_hop_by_hop};

use super::{Body, Fault, MAX_FIELDS, MAX_HEAD, Pending};

/// Takes a whole head from the front of `buf`. `None`: it is not all there yet.
pub(super) fn parse(buf: &mut BytesMut) -> Result<Option<Pending>, Fault> {
    // Never more than a head may have, so that the verdict does not hang on how the bytes came in.
    let window = &buf[..buf.len().min(MAX_HEAD)];
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = Response::new(&mut []);
    let parsed =
        ParserConfig::default().parse_response_with_uninit_headers(&mut response, window, &mut fields);
    let length = match parsed {
        Ok(Status::Complete(length)) => length,
        Ok(Status::Partial) if window.len() == MAX_HEAD => return Err(Fault::HeadTooLarge),
        Ok(Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Fault::TooManyFields),
        Err(_) => return Err(Fault::NotHttp),
    };
    let (status, version) = (response.code.unwrap_or_default(), response.version.unwrap_or_default());
    if status < 100 {
        return Err(Fault::NotHttp);
    }
    let spans: Vec<_> = response
        .headers
        .iter()
        .map(|field| (span(window, field.name.as_bytes()), span(window, field.value)))
        .collect();
    let fields = Fields::take(buf, length, spans);
    let body = fields.framing(status, version)?;
    let persistent = version == 1 && !fields.connection().any(|token| token.eq_ignore_ascii_case(b"close"));
    Ok(Some(Pending { status, headers: fields.end_to_end()?, persistent, body }))
}

/// Where `part`, a piece of `whole`, stands in it.
fn span(whole: &[u8], part: &[u8]) -> Range<usize> {
    let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
    start..start + part.len()
}

/// Every field of a head: names in lower case, all sharing the bytes that were read.
struct Fields(Vec<(Bytes, Bytes)>);

impl Fields {
    fn take(buf: &mut BytesMut, length: usize, spans: Vec<(Range<usize>, Range<usize>)>) -> Self {
        for (name, _) in &spans {
            buf[name.clone()].make_ascii_lowercase();
        }
        let head = buf.split_to(length).freeze();
        // An empty slice may point anywhere.
        let slice = |span: Range<usize>| if span.is_empty() { Bytes::new() } else { head.slice(span) };
        Self(spans.into_iter().map(|(name, value)| (slice(name), slice(value))).collect())
    }

    fn values(&self, name: &'static str) -> impl Iterator<Item = &[u8]> {
        self.0.iter().filter(move |(other, _)| other == name).map(|(_, value)| &**value)
    }

    /// What the `Connection` fields list.
    fn connection(&self) -> impl Iterator<Item = &[u8]> {
        self.values("connection").flat_map(connection_tokens)
    }

    /// RFC 9112 §6.3. A head that says two things at once is refused (§11.2).
    fn framing(&self, status: u16, version: u8) -> Result<Body, Fault> {
        if status < 200 || status == 204 || status == 304 {
            return Ok(Body::Length(0));
        }
        let mut codings = self.values("transfer-encoding").flat_map(connection_tokens);
        let length = self.content_length()?;
        match (codings.next(), codings.next(), length) {
            (None, _, Some(length)) => Ok(Body::Length(length)),
            (None, _, None) => Ok(Body::UntilClose),
            (Some(_), _, Some(_)) => {
                Err(Fault::Broken("gives both a content-length and a transfer-encoding"))
            }
            (Some(coding), None, None) if version == 1 && coding.eq_ignore_ascii_case(b"chunked") => {
                Ok(Body::chunked())
            }
            _ => Err(Fault::Broken("has a transfer-encoding other than chunked")),
        }
    }

    /// The one length that all fields agree on; `usize::MAX` stands for whatever is above it.
    fn content_length(&self) -> Result<Option<usize>, Fault> {
        let mut length = None;
        for digits in self.values("content-length").flat_map(|value| value.split(|byte| *byte == b',')) {
            let digits = digits.trim_ascii();
            if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                return Err(Fault::Broken("has a content-length that is no number"));
            }
            let text = std::str::from_utf8(digits).unwrap_or_default();
            let value = text.parse().unwrap_or(usize::MAX);
            if length.is_some_and(|other| other != value) {
                return Err(Fault::Broken("has content-lengths that contradict each other"));
            }
            length = Some(value);
        }
        Ok(length)
    }

    /// What may travel on. The length is the connection's own business: who sends the body on counts it anew.
    fn end_to_end(&self) -> Result<Headers, Fault> {
        let mut headers = Headers::with_capacity(self.0.len());
        for (name, value) in &self.0 {
            let name = ByteString::try_from(name.clone()).map_err(|_| Fault::NotHttp)?;
            let listed = self.connection().any(|token| token.eq_ignore_ascii_case(name.as_bytes()));
            if !listed && !is_hop_by_hop(&name) && name != "content-length" {
                headers.push(name, value.clone());
            }
        }
        Ok(headers)
    }
}
