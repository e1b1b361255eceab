//! Writes a JSON object (RFC 8259) key by key into a buffer.

use std::io::Write as _;

use data_encoding::BASE64;
use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use muxhook_protocol::DeliveryId;

use super::text::{escape_from, push_text};

/// RFC 3339 with milliseconds, in UTC.
const TIME: DateTimePrinter = DateTimePrinter::new().precision(Some(3));

/// An object that is being written. Keys are plain ASCII of this crate's own.
pub(super) struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    pub(super) fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    pub(super) fn end(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, key: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    /// `value` as it stands, which must be JSON.
    pub(super) fn raw(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key).extend_from_slice(value.as_bytes());
        self
    }

    pub(super) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        push_text(self.key(key), value);
        self
    }

    /// `null` without a value.
    pub(super) fn optional(&mut self, key: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(key, value),
            None => self.raw(key, "null"),
        }
    }

    pub(super) fn bool(&mut self, key: &str, value: bool) -> &mut Self {
        self.raw(key, if value { "true" } else { "false" })
    }

    pub(super) fn number(&mut self, key: &str, value: u64) -> &mut Self {
        // Writing to memory never fails.
        let _ = write!(self.key(key), "{value}");
        self
    }

    pub(super) fn integer(&mut self, key: &str, value: i64) -> &mut Self {
        // Writing to memory never fails.
        let _ = write!(self.key(key), "{value}");
        self
    }

    /// `null` without a value.
    pub(super) fn optional_number(&mut self, key: &str, value: Option<u64>) -> &mut Self {
        match value {
            Some(value) => self.number(key, value),
            None => self.raw(key, "null"),
        }
    }

    /// `value` thousandths, with three digits behind the point.
    pub(super) fn thousandths(&mut self, key: &str, value: u128) -> &mut Self {
        // Writing to memory never fails.
        let _ = write!(self.key(key), "{}.{:03}", value / 1000, value % 1000);
        self
    }

    pub(super) fn id(&mut self, key: &str, id: DeliveryId) -> &mut Self {
        let mut text = [0; DeliveryId::TEXT_LEN];
        self.text(key, id.write_text(&mut text))
    }

    /// A point in time, given in milliseconds since the Unix epoch; one beyond the year 9999 is that year's end.
    pub(super) fn time(&mut self, key: &str, unix_millis: u64) -> &mut Self {
        let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
        let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX);
        let out = self.key(key);
        out.push(b'"');
        // Writing to memory never fails.
        let _ = TIME.print_timestamp(&time, &mut *out);
        out.push(b'"');
        self
    }

    /// An object of two keys, or `null` when both values are absent.
    pub(super) fn pair(
        &mut self,
        key: &str,
        first: (&str, Option<&str>),
        second: (&str, Option<&str>),
    ) -> &mut Self {
        if first.1.is_none() && second.1.is_none() {
            return self.raw(key, "null");
        }
        let mut inner = Object::begin(self.key(key));
        inner.optional(first.0, first.1).optional(second.0, second.1);
        inner.end();
        self
    }

    pub(super) fn list<T>(
        &mut self,
        key: &str,
        items: impl Iterator<Item = T>,
        mut push: impl FnMut(&mut Vec<u8>, T),
    ) -> &mut Self {
        let out = self.key(key);
        out.push(b'[');
        for (nth, item) in items.enumerate() {
            if nth > 0 {
                out.push(b',');
            }
            push(out, item);
        }
        out.push(b']');
        self
    }

    /// JSON that `push` appends; when that says `false`, having appended nothing, the key is not written either.
    pub(super) fn json(&mut self, key: &str, push: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let (before, first) = (self.out.len(), self.first);
        let out = self.key(key);
        let start = out.len();
        let pushed = push(out);
        if pushed {
            escape_from(out, start);
        } else {
            out.truncate(before);
            self.first = first;
        }
        pushed
    }

    pub(super) fn base64(&mut self, key: &str, bytes: &[u8]) -> &mut Self {
        let out = self.key(key);
        out.push(b'"');
        let start = out.len();
        out.resize(start + BASE64.encode_len(bytes.len()), 0);
        BASE64.encode_mut(bytes, &mut out[start..]);
        out.push(b'"');
        self
    }
}
