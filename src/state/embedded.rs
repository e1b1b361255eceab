//! The relay that a process of this machine runs, as written down for the other commands.

use serde_json::{Value, json};

use crate::relay_url::RelayUrl;
use crate::secret::Secret;

/// A relay on this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbeddedRelay {
    /// Where it listens: http on a loopback address.
    pub url: RelayUrl,
    /// A token for it.
    pub token: Secret,
    /// The process that runs it.
    pub pid: u32,
}

impl EmbeddedRelay {
    pub(super) fn to_json(&self) -> String {
        json!({ "url": self.url.origin(), "token": self.token.expose(), "pid": self.pid }).to_string()
    }

    /// `None` when the text names no relay on this machine.
    pub(super) fn from_json(text: &str) -> Option<Self> {
        let record: Value = serde_json::from_str(text).ok()?;
        let url = RelayUrl::parse(record.get("url")?.as_str()?, false).ok().filter(RelayUrl::is_loopback)?;
        let token = Secret::token(record.get("token")?.as_str()?).ok()?;
        let pid = u32::try_from(record.get("pid")?.as_u64()?).ok()?;
        Some(Self { url, token, pid })
    }
}
