//! Which endpoints this machine has had, and where. Pure data.

use muxhook_protocol::EndpointId;
use serde::{Deserialize, Serialize};

use crate::relay_url::RelayUrl;

/// Most relays that are remembered.
const MAX_RELAYS: usize = 16;

/// Most endpoints of one relay that are remembered.
const MAX_ENDPOINTS: usize = 8;

/// A relay, as far as memory goes.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// One at an address.
    Relay(&'a RelayUrl),
    /// The one on this machine, whatever port it has today.
    Embedded,
}

impl Place<'_> {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Relay(url) => url.origin(),
            Self::Embedded => "embedded",
        }
    }
}

/// What this machine remembers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// The port that the embedded relay had last, when it was not the usual one.
    pub embedded_port: Option<u16>,
    relays: Vec<AtRelay>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AtRelay {
    relay: String,
    endpoints: Vec<Remembered>,
}

/// An endpoint that this machine has had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its id or name.
    pub endpoint: EndpointId,
    /// Whose it is.
    pub account: String,
}

impl Remembered {
    /// A name for a further endpoint beside this one: its own with `-<number>` at the end. As hard to guess as this
    /// one, and the same each time.
    #[must_use]
    pub fn beside(&self, number: u8) -> EndpointId {
        let ending = format!("-{number}");
        let own = self.endpoint.as_str();
        let kept = own.get(..own.len().min(63 - ending.len())).unwrap_or(own);
        format!("{kept}{ending}").parse().unwrap_or_else(|_| self.endpoint.clone())
    }
}

impl Memory {
    /// The endpoints that this machine has had at a relay, the latest first.
    #[must_use]
    pub fn endpoints(&self, place: Place<'_>) -> &[Remembered] {
        let here = self.relays.iter().find(|at| at.relay == place.key());
        here.map_or(&[], |at| &at.endpoints)
    }

    /// Puts an endpoint, and its relay, in front. What was in front longest ago falls off the end.
    pub fn remember(&mut self, place: Place<'_>, endpoint: Remembered) {
        let mut at = self.take(place);
        at.endpoints.retain(|known| known.endpoint != endpoint.endpoint);
        at.endpoints.insert(0, endpoint);
        at.endpoints.truncate(MAX_ENDPOINTS);
        self.relays.insert(0, at);
        self.relays.truncate(MAX_RELAYS);
    }

    /// Forgets an endpoint, which has been deleted.
    pub fn forget(&mut self, place: Place<'_>, endpoint: &EndpointId) {
        if let Some(at) = self.relays.iter_mut().find(|at| at.relay == place.key()) {
            at.endpoints.retain(|known| known.endpoint != *endpoint);
        }
    }

    fn take(&mut self, place: Place<'_>) -> AtRelay {
        match self.relays.iter().position(|at| at.relay == place.key()) {
            Some(position) => self.relays.remove(position),
            None => AtRelay { relay: place.key().to_owned(), endpoints: Vec::new() },
        }
    }
}
