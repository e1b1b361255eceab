//! What Mux's API answers, as far as it matters here. Unknown fields are passed over.

use std::fmt;

use muxhook_protocol::mux::signature::Key;
use serde::{Deserialize, Deserializer, de};

/// Longest id, in bytes.
const MAX_ID: usize = 128;

/// Longest name or address, in characters.
const MAX_TEXT: usize = 2048;

/// Every answer's envelope.
#[derive(Deserialize)]
pub(super) struct Data<T> {
    pub(super) data: T,
}

/// Whose an access token is: what `GET /system/v1/whoami` answers. Text from outside.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Identity {
    /// The environment's id.
    #[serde(deserialize_with = "short")]
    pub environment_id: String,
    /// What people call it.
    #[serde(default, deserialize_with = "maybe_short")]
    pub environment_name: Option<String>,
    /// What people call the organisation that it belongs to.
    #[serde(default, deserialize_with = "maybe_short")]
    pub organization_name: Option<String>,
    /// The organisation's id.
    #[serde(default, deserialize_with = "maybe_short")]
    pub organization_id: Option<String>,
}

impl Identity {
    /// The environment by its name, or else its id.
    #[must_use]
    pub fn environment(&self) -> &str {
        self.environment_name.as_deref().unwrap_or(&self.environment_id)
    }

    /// The organisation by its name, or else its id.
    #[must_use]
    pub fn organization(&self) -> Option<&str> {
        self.organization_name.as_deref().or(self.organization_id.as_deref())
    }
}

/// `Development of Acme`. Text from outside, not escaped.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.environment())?;
        self.organization().map_or(Ok(()), |organization| write!(f, " of {organization}"))
    }
}

/// A webhook of Mux's.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where Mux sends events. Text from outside.
    #[serde(deserialize_with = "short")]
    pub address: String,
    /// Whether it does.
    pub enabled: bool,
    /// What it signs them with; only in the answer that tells of its making.
    #[serde(default, deserialize_with = "key")]
    pub signing_secret: Option<Key>,
}

/// A webhook's id: letters, digits, `-` and `_`, so that it can stand in a path and on a terminal as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct WebhookId(String);

impl WebhookId {
    /// `None`: the text can be none.
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_id = (1..=MAX_ID).contains(&text.len()) && text.bytes().all(fits);
        is_id.then(|| Self(text.to_owned()))
    }

    /// Its text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for WebhookId {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::new(&text).ok_or_else(|| de::Error::custom("no id of a webhook"))
    }
}

fn short<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    let text = String::deserialize(from)?;
    if text.is_empty() || text.len() > MAX_TEXT {
        Err(de::Error::custom("empty, or too long"))
    } else {
        Ok(text)
    }
}

fn maybe_short<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    Ok(text.filter(|text| !text.is_empty() && text.len() <= MAX_TEXT))
}

/// The error says nothing of the value.
fn key<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Key>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| Key::new(&text)).transpose().map_err(de::Error::custom)
}
