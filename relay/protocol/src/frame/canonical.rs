//! The fast path for the frames of the hot way: it writes exactly what serde would write, and reads exactly that
//! layout. Whatever deviates (an escape, a byte above ASCII, another key order, an unknown key) is left to serde.

use bytes::Bytes;
use bytestring::ByteString;

use super::{Frame, MAX_HEAD};
use crate::delivery::{Delivery, DeliveryId};
use crate::headers::Headers;
use crate::outcome::{Outcome, Reply};
use crate::plain;

/// All of a delivery but its headers and body, borrowed: what the relay has at hand before anything is copied.
#[derive(Clone, Copy, Debug)]
pub struct DeliverHead<'a> {
    /// See [`Delivery::id`].
    pub id: DeliveryId,
    /// See [`Delivery::seq`].
    pub seq: u64,
    /// See [`Delivery::received_at`].
    pub received_at: u64,
    /// See [`Delivery::attempt`].
    pub attempt: u32,
    /// See [`Delivery::method`].
    pub method: &'a str,
    /// See [`Delivery::path`].
    pub path: &'a str,
    /// See [`Delivery::query`].
    pub query: Option<&'a str>,
    /// See [`Delivery::owed`].
    pub owed: bool,
    /// See [`Delivery::replayed`].
    pub replayed: bool,
    /// Bytes of the whole body.
    pub size: u64,
}

impl<'a> DeliverHead<'a> {
    /// The head of `delivery`, whose whole body has `size` bytes.
    #[must_use]
    pub fn of(delivery: &'a Delivery, size: u64) -> Self {
        Self {
            id: delivery.id,
            seq: delivery.seq,
            received_at: delivery.received_at,
            attempt: delivery.attempt,
            method: &delivery.method,
            path: &delivery.path,
            query: delivery.query.as_deref(),
            owed: delivery.owed,
            replayed: delivery.replayed,
            size,
        }
    }
}

/// A [`Frame::Deliver`] message of `head`, `headers` and the bytes of the body that travel in it.
pub fn encode_deliver<'h>(
    head: &DeliverHead<'_>,
    headers: impl Iterator<Item = (&'h str, &'h [u8])>,
    body: &[u8],
) -> Bytes {
    let mut out = Writer::with_capacity(1024 + body.len());
    out.raw(br#"{"frame":"deliver","id":""#).id(head.id);
    out.raw(br#"","seq":"#).number(head.seq);
    out.raw(br#","received_at":"#).number(head.received_at);
    out.raw(br#","attempt":"#).number(head.attempt.into());
    out.raw(br#","method":"#).text(head.method);
    out.raw(br#","path":"#).text(head.path);
    out.raw(br#","query":"#);
    match head.query {
        Some(query) => out.text(query),
        None => out.raw(b"null"),
    };
    out.raw(br#","headers":"#).headers(headers);
    out.raw(br#","owed":"#).bool(head.owed);
    out.raw(br#","replayed":"#).bool(head.replayed);
    out.raw(br#","size":"#).number(head.size).raw(b"}\n").raw(body);
    out.0.into()
}

/// A [`Frame::Outcome`] message; `size` counts the whole body, `body` is what travels in it.
#[must_use]
pub fn encode_outcome(id: DeliveryId, outcome: &Outcome, size: u64, body: &[u8]) -> Bytes {
    let mut out = Writer::with_capacity(256 + body.len());
    out.raw(br#"{"frame":"outcome","id":""#).id(id);
    match outcome {
        Outcome::Replied(reply) => {
            out.raw(br#"","result":"replied","status":"#).number(reply.status.into());
            out.raw(br#","headers":"#).headers(reply.headers.iter());
            out.raw(br#","truncated":"#).bool(reply.truncated);
        }
        Outcome::Failed(failure) => {
            out.raw(br#"","result":"failed","reason":""#).raw(failure.reason.as_str().as_bytes());
            out.raw(br#"","message":"#).text(&failure.message);
        }
        Outcome::Skipped { filter } => {
            out.raw(br#"","result":"skipped","filter":"#).text(filter);
        }
        Outcome::Refused { reason } => {
            out.raw(br#"","result":"refused","reason":"#).text(reason);
        }
    }
    out.raw(br#","size":"#).number(size).raw(b"}\n").raw(body);
    out.0.into()
}

/// A [`Frame::Part`] message.
#[must_use]
pub fn encode_part(id: DeliveryId, offset: u64, last: bool, data: &[u8]) -> Bytes {
    let mut out = Writer::with_capacity(128 + data.len());
    out.raw(br#"{"frame":"part","id":""#).id(id).raw(br#"","offset":"#).number(offset);
    out.raw(br#","last":"#).bool(last).raw(b"}\n").raw(data);
    out.0.into()
}

struct Writer(Vec<u8>);

impl Writer {
    fn with_capacity(n: usize) -> Self {
        Self(Vec::with_capacity(n))
    }

    fn raw(&mut self, bytes: &[u8]) -> &mut Self {
        self.0.extend_from_slice(bytes);
        self
    }

    fn id(&mut self, id: DeliveryId) -> &mut Self {
        self.raw(id.write_text(&mut [0; DeliveryId::TEXT_LEN]).as_bytes())
    }

    fn bool(&mut self, value: bool) -> &mut Self {
        self.raw(if value { b"true" } else { b"false" })
    }

    fn number(&mut self, mut value: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut at = digits.len();
        loop {
            at -= 1;
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                return self.raw(&digits[at..]);
            }
        }
    }

    /// A JSON string of text.
    fn text(&mut self, text: &str) -> &mut Self {
        self.string(text.as_bytes(), plain::run)
    }

    /// A JSON string of bytes, each as the code point of the same number.
    fn value(&mut self, value: &[u8]) -> &mut Self {
        self.string(value, plain::ascii_run)
    }

    /// A JSON string; `run` tells how many bytes can be taken as they are.
    fn string(&mut self, mut bytes: &[u8], run: impl Fn(&[u8]) -> usize) -> &mut Self {
        self.0.push(b'"');
        loop {
            let (taken, rest) = bytes.split_at(run(bytes));
            self.0.extend_from_slice(taken);
            match rest.split_first() {
                None => break,
                Some((byte, rest)) => {
                    self.escape(*byte);
                    bytes = rest;
                }
            }
        }
        self.0.push(b'"');
        self
    }

    /// A byte as serde_json writes the code point of the same number.
    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        match byte {
            b'"' | b'\\' => self.0.extend_from_slice(&[b'\\', byte]),
            0x08 => self.0.extend_from_slice(b"\\b"),
            b'\t' => self.0.extend_from_slice(b"\\t"),
            b'\n' => self.0.extend_from_slice(b"\\n"),
            0x0c => self.0.extend_from_slice(b"\\f"),
            b'\r' => self.0.extend_from_slice(b"\\r"),
            0x80.. => self.0.extend_from_slice(char::from(byte).encode_utf8(&mut [0; 2]).as_bytes()),
            _ => self.0.extend_from_slice(&[
                b'\\',
                b'u',
                b'0',
                b'0',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]),
        }
    }

    fn headers<'h>(&mut self, headers: impl Iterator<Item = (&'h str, &'h [u8])>) -> &mut Self {
        self.0.push(b'[');
        for (index, (name, value)) in headers.enumerate() {
            self.raw(if index == 0 { b"[" } else { b",[" });
            self.text(name);
            self.0.push(b',');
            self.value(value);
            self.0.push(b']');
        }
        self.0.push(b']');
        self
    }
}

/// Reads a frame of the hot way in exactly the canonical layout; `None` leaves the message to serde.
pub(super) fn decode(message: &Bytes) -> Option<Frame> {
    let mut reader = Reader { message, at: 0 };
    reader.literal(br#"{"frame":""#)?;
    match message.get(reader.at)? {
        b'd' => reader.deliver(),
        b'o' => reader.replied(),
        b'p' => reader.part(),
        b'a' => reader.answered(),
        _ => None,
    }
}

/// A cursor over a message. Strings become slices of the message, never copies.
struct Reader<'a> {
    message: &'a Bytes,
    at: usize,
}

impl Reader<'_> {
    fn deliver(&mut self) -> Option<Frame> {
        self.literal(br#"deliver","id":""#)?;
        let id = self.id()?;
        let seq = self.after(br#"","seq":"#)?.number()?;
        let received_at = self.after(br#","received_at":"#)?.number()?;
        let attempt = self.after(br#","attempt":"#)?.number()?.try_into().ok()?;
        let method = self.after(br#","method":"#)?.text()?;
        let path = self.after(br#","path":"#)?.text()?;
        let query = self.after(br#","query":"#)?.text_or_null()?;
        let headers = self.after(br#","headers":"#)?.headers()?;
        let owed = self.after(br#","owed":"#)?.bool()?;
        let replayed = self.after(br#","replayed":"#)?.bool()?;
        let size = self.after(br#","size":"#)?.number()?;
        let body = self.body()?;
        let delivery =
            Delivery { id, seq, received_at, attempt, method, path, query, headers, owed, replayed, body };
        Some(Frame::Deliver { delivery: Box::new(delivery), size })
    }

    fn replied(&mut self) -> Option<Frame> {
        self.literal(br#"outcome","id":""#)?;
        let id = self.id()?;
        let status = self.after(br#"","result":"replied","status":"#)?.number()?.try_into().ok()?;
        let headers = self.after(br#","headers":"#)?.headers()?;
        let truncated = self.after(br#","truncated":"#)?.bool()?;
        let size = self.after(br#","size":"#)?.number()?;
        let reply = Reply { status, headers, truncated, body: self.body()? };
        Some(Frame::Outcome { id, outcome: Outcome::Replied(reply), size })
    }

    fn part(&mut self) -> Option<Frame> {
        self.literal(br#"part","id":""#)?;
        let id = self.id()?;
        let offset = self.after(br#"","offset":"#)?.number()?;
        let last = self.after(br#","last":"#)?.bool()?;
        Some(Frame::Part { id, offset, last, data: self.body()? })
    }

    fn answered(&mut self) -> Option<Frame> {
        self.literal(br#"answered","id":""#)?;
        let id = self.id()?;
        self.literal(b"\"}\n")?;
        (self.at == self.message.len()).then_some(Frame::Answered { id })
    }

    fn rest(&self) -> &[u8] {
        &self.message[self.at..]
    }

    fn literal(&mut self, expected: &[u8]) -> Option<()> {
        self.rest().starts_with(expected).then(|| self.at += expected.len())
    }

    fn after(&mut self, expected: &[u8]) -> Option<&mut Self> {
        self.literal(expected)?;
        Some(self)
    }

    /// The end of the head, and what follows. That a head is too large is serde's to say.
    fn body(&mut self) -> Option<Bytes> {
        self.literal(b"}\n")?;
        (self.at <= MAX_HEAD + 1).then(|| self.message.slice(self.at..))
    }

    fn id(&mut self) -> Option<DeliveryId> {
        let text = self.rest().get(..DeliveryId::TEXT_LEN)?;
        let id = std::str::from_utf8(text).ok()?.parse().ok()?;
        self.at += DeliveryId::TEXT_LEN;
        Some(id)
    }

    /// A JSON integer: no sign, no leading zero, no more than 19 digits.
    fn number(&mut self) -> Option<u64> {
        let digits = self.rest().iter().take(20).take_while(|byte| byte.is_ascii_digit()).count();
        let text = &self.rest()[..digits];
        if !(1..=19).contains(&digits) || (text[0] == b'0' && digits > 1) {
            return None;
        }
        let value = text.iter().fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        self.at += digits;
        Some(value)
    }

    fn bool(&mut self) -> Option<bool> {
        match self.literal(b"true") {
            Some(()) => Some(true),
            None => self.literal(b"false").map(|()| false),
        }
    }

    /// A JSON string of plain ASCII.
    fn bytes(&mut self) -> Option<Bytes> {
        self.literal(b"\"")?;
        let length = plain::ascii_run(self.rest());
        let value = self.message.slice(self.at..self.at + length);
        self.at += length;
        self.literal(b"\"")?;
        Some(value)
    }

    fn text(&mut self) -> Option<ByteString> {
        ByteString::try_from(self.bytes()?).ok()
    }

    fn text_or_null(&mut self) -> Option<Option<ByteString>> {
        match self.literal(b"null") {
            Some(()) => Some(None),
            None => self.text().map(Some),
        }
    }

    fn headers(&mut self) -> Option<Headers> {
        self.literal(b"[")?;
        let mut headers = Headers::with_capacity(12);
        while self.literal(b"]").is_none() {
            if !headers.is_empty() {
                self.literal(b",")?;
            }
            self.literal(b"[")?;
            let name = self.text()?;
            self.literal(b",")?;
            let value = self.bytes()?;
            self.literal(b"]")?;
            headers.push(name, value);
        }
        Some(headers)
    }
}
