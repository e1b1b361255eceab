//! One request that the relay received for an endpoint.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use bytestring::ByteString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::headers::Headers;

/// A delivery's id: a UUIDv7 (RFC 9562 §5.7), so ids sort by the time of arrival.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct DeliveryId(Uuid);

impl DeliveryId {
    /// Length of the text form, in bytes.
    pub const TEXT_LEN: usize = 36;

    /// An id for `unix_millis` (milliseconds since the Unix epoch); `tail` makes ids of one millisecond differ.
    #[must_use]
    pub fn new(unix_millis: u64, tail: &[u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(unix_millis, tail).into_uuid())
    }

    /// The 16 bytes of the UUID; ids sort by them as they do by their text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The id of these 16 bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    /// The canonical lower-case text, written into `buf`.
    #[must_use]
    pub fn write_text(self, buf: &mut [u8; Self::TEXT_LEN]) -> &str {
        self.0.hyphenated().encode_lower(buf)
    }
}

impl fmt::Display for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl fmt::Debug for DeliveryId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is no delivery id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a delivery id (a lower-case UUID with hyphens)")]
pub struct InvalidDeliveryId;

impl FromStr for DeliveryId {
    type Err = InvalidDeliveryId;

    /// Reads the canonical text alone, so that one id has one spelling.
    fn from_str(text: &str) -> Result<Self, InvalidDeliveryId> {
        if text.len() != Self::TEXT_LEN || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidDeliveryId);
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidDeliveryId)
    }
}

impl TryFrom<String> for DeliveryId {
    type Error = InvalidDeliveryId;

    fn try_from(text: String) -> Result<Self, InvalidDeliveryId> {
        text.parse()
    }
}

impl From<DeliveryId> for String {
    fn from(id: DeliveryId) -> Self {
        id.to_string()
    }
}

/// One request received on an endpoint, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Its id.
    pub id: DeliveryId,
    /// Grows with every delivery of one relay; may skip.
    pub seq: u64,
    /// When the relay had read the request's head: milliseconds since the Unix epoch.
    pub received_at: u64,
    /// Which handing-over of this delivery this is, from 1.
    pub attempt: u32,
    /// The request's method.
    pub method: ByteString,
    /// What followed the endpoint in the path, as sent: empty, or beginning with `/`.
    pub path: ByteString,
    /// The query as sent, without its `?`; `None` when there was no `?`.
    pub query: Option<ByteString>,
    /// The end-to-end header fields, in the order the relay holds them.
    pub headers: Headers,
    /// The relay has acknowledged it itself and owes it to the app.
    pub owed: bool,
    /// Somebody asked for it to be sent again.
    pub replayed: bool,
    /// The body, byte for byte.
    pub body: Bytes,
}
