//! The webhooks at Mux that were made for this machine's endpoints, and their signing secrets: Mux shows each once.

use std::path::PathBuf;

use muxhook_protocol::EndpointId;
use muxhook_protocol::mux::signature::Key;
use serde_json::{Value, json};

use super::memory::Place;
use super::{State, StateError, not_text, unusable};
use crate::mux_api::WebhookId;
use crate::private_file;

/// Mode 0600, as all here.
const FILE: &str = "webhooks.json";

/// Most webhooks that are remembered.
const MOST: usize = 128;

/// A webhook at Mux that sends to an endpoint of this machine's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Its id at Mux.
    pub webhook: WebhookId,
    /// The id of the environment that it belongs to.
    pub environment: String,
    /// The endpoint's address, as it was given to Mux.
    pub address: String,
    /// What Mux signs with.
    pub secret: Key,
}

struct Entry {
    relay: String,
    endpoint: EndpointId,
    registered: Registered,
}

impl State {
    /// The webhooks of an endpoint, one an environment, the latest first.
    ///
    /// # Errors
    /// The file is there and can't be read.
    pub fn webhooks(&self, place: Place<'_>, endpoint: &EndpointId) -> Result<Vec<Registered>, StateError> {
        let mut entries = self.entries()?;
        entries.retain(|entry| entry.is_of(place, endpoint));
        Ok(entries.into_iter().map(|entry| entry.registered).collect())
    }

    /// What the webhooks of an endpoint are signed with, the latest first. None when nothing is known, or can be read.
    #[must_use]
    pub fn webhook_secrets(&self, place: Place<'_>, endpoint: &EndpointId) -> Vec<Key> {
        let webhooks = self.webhooks(place, endpoint).unwrap_or_default();
        webhooks.into_iter().map(|registered| registered.secret).collect()
    }

    /// Whether a webhook can be remembered now.
    ///
    /// # Errors
    /// As [`remember_webhook`](Self::remember_webhook).
    pub fn check_webhooks(&self) -> Result<(), StateError> {
        self.change_webhooks(|_| {})
    }

    /// Remembers an endpoint's webhook, in place of the one of that environment.
    ///
    /// # Errors
    /// The file can't be read or written. One that makes no sense is set aside first.
    pub fn remember_webhook(
        &self,
        place: Place<'_>,
        endpoint: &EndpointId,
        registered: Registered,
    ) -> Result<(), StateError> {
        self.change_webhooks(|entries| {
            entries.retain(|entry| !entry.is_at(place, endpoint, &registered.environment));
            let (relay, endpoint) = (place.key().to_owned(), endpoint.clone());
            entries.insert(0, Entry { relay, endpoint, registered });
            entries.truncate(MOST);
        })
    }

    /// Forgets an endpoint's webhook of an environment, which has been deleted.
    ///
    /// # Errors
    /// As [`remember_webhook`](Self::remember_webhook).
    pub fn forget_webhook(
        &self,
        place: Place<'_>,
        endpoint: &EndpointId,
        environment: &str,
    ) -> Result<(), StateError> {
        self.change_webhooks(|entries| entries.retain(|entry| !entry.is_at(place, endpoint, environment)))
    }

    fn change_webhooks(&self, change: impl FnOnce(&mut Vec<Entry>)) -> Result<(), StateError> {
        let _locked = self.lock()?;
        let mut entries = self.entries()?;
        let path = self.webhooks_file();
        if std::fs::read(&path).is_ok_and(|bytes| bytes != written(&entries).as_bytes()) {
            // Not all of it makes sense, and what does not may hold secrets that somebody wants back. The copy is as
            // private as the file.
            let aside = std::fs::copy(&path, path.with_extension("json.old"));
            aside.map_err(|source| unusable(&path, source))?;
        }
        change(&mut entries);
        private_file::write(&path, &written(&entries)).map_err(|source| unusable(&path, source))
    }

    /// What makes no sense counts as not there.
    fn entries(&self) -> Result<Vec<Entry>, StateError> {
        let path = self.webhooks_file();
        let text = private_file::read(&path).or_else(not_text).map_err(|source| unusable(&path, source))?;
        let file: Value = serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
        let entries = file.get("webhooks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Ok(entries.iter().filter_map(Entry::from_json).collect())
    }

    fn webhooks_file(&self) -> PathBuf {
        self.folder.join(FILE)
    }
}

fn written(entries: &[Entry]) -> String {
    json!({ "webhooks": entries.iter().map(Entry::to_json).collect::<Vec<_>>() }).to_string()
}

impl Entry {
    fn is_of(&self, place: Place<'_>, endpoint: &EndpointId) -> bool {
        self.relay == place.key() && self.endpoint == *endpoint
    }

    fn is_at(&self, place: Place<'_>, endpoint: &EndpointId, environment: &str) -> bool {
        self.is_of(place, endpoint) && self.registered.environment == environment
    }

    fn to_json(&self) -> Value {
        json!({
            "relay": self.relay,
            "endpoint": self.endpoint,
            "webhook": self.registered.webhook.as_str(),
            "environment": self.registered.environment,
            "address": self.registered.address,
            "secret": self.registered.secret.expose(),
        })
    }

    fn from_json(entry: &Value) -> Option<Self> {
        let text = |name: &str| entry.get(name)?.as_str();
        Some(Self {
            relay: text("relay")?.to_owned(),
            endpoint: text("endpoint")?.parse().ok()?,
            registered: Registered {
                webhook: WebhookId::new(text("webhook")?)?,
                environment: text("environment")?.to_owned(),
                address: text("address")?.to_owned(),
                secret: Key::new(text("secret")?).ok()?,
            },
        })
    }
}
