//! HTTP header fields as ordered pairs of any bytes.

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::Error as _;
use serde::ser::SerializeSeq;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Header fields in order, repeats kept. Names are lower-case tokens; values are bytes, not text (RFC 9110 §5.5).
///
/// In JSON it is a list of `[name, value]`, each byte of a value written as the code point of the same number
/// (U+0000 to U+00FF): ASCII reads as it is, and every other byte survives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(ByteString, Bytes)>);

impl Headers {
    /// No fields.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// No fields yet, with room for `n`.
    #[must_use]
    pub fn with_capacity(n: usize) -> Self {
        Self(Vec::with_capacity(n))
    }

    /// Adds a field behind the others.
    pub fn push(&mut self, name: impl Into<ByteString>, value: impl Into<Bytes>) {
        self.0.push((name.into(), value.into()));
    }

    /// The fields, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// The fields as shared bytes, in order: a value can be handed on without a copy.
    pub fn iter_shared(&self) -> impl ExactSizeIterator<Item = (&ByteString, &Bytes)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The first value of `name`, whatever the case of its letters.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// How many fields there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<N: Into<ByteString>, V: Into<Bytes>> FromIterator<(N, V)> for Headers {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Self {
        Self(pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

/// Whether a field belongs to one connection and must not travel on, names compared in lower case
/// (RFC 9110 §7.6.1; `keep-alive` and `proxy-connection` are its customary additions). Fields that
/// `Connection` names come on top: see [`connection_tokens`].
#[must_use]
pub fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// The field names that one `Connection` value lists, as they stand there.
pub fn connection_tokens(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|token| !token.is_empty())
}

/// Bytes as the text that stands for them in JSON.
pub(crate) fn text_of(value: &[u8]) -> String {
    value.iter().map(|byte| char::from(*byte)).collect()
}

/// The bytes that a text in JSON stands for; `None` when it has a code point above U+00FF.
pub(crate) fn bytes_of(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|char| u8::try_from(u32::from(char)).ok()).collect()
}

impl Serialize for Headers {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(Some(self.len()))?;
        for (name, value) in self.iter() {
            list.serialize_element(&(name, text_of(value)))?;
        }
        list.end()
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let pairs = Vec::<(String, String)>::deserialize(deserializer)?;
        pairs
            .into_iter()
            .map(|(name, value)| {
                let value =
                    bytes_of(&value).ok_or_else(|| D::Error::custom("a header value above U+00FF"))?;
                Ok((name, value))
            })
            .collect()
    }
}
