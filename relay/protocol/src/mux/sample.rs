//! Events as Mux would send them: of every type, and whole scenarios with one consistent set of ids, times and
//! statuses. Pure: what is random is drawn from a seed, and time is given.

mod draw;
mod robots;

use std::time::Duration;

use serde_json::Value;

use super::catalogue::EventType;
use super::field::Path;

/// An event that can still be changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Event(Value);

/// One attempt that failed, as Mux lists it in `attempts`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// The URL it went to.
    pub address: String,
    /// What the receiver answered; `None`: nothing.
    pub status: Option<u16>,
    /// The header fields of that answer, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body, when it is text.
    pub body: Option<String>,
}

/// An event of a scenario.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// How long after the scenario's beginning it happens in reality.
    pub after: Duration,
    /// The event.
    pub event: Event,
}

/// A sequence of events with one meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name: `upload-to-ready`.
    pub name: String,
    /// What happens in it, in a line.
    pub meaning: String,
}

/// Why a field can't be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoField {
    /// Part of the way there is missing.
    #[error("there is no {0} in this event")]
    Missing(String),
}

/// The text is no event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoEvent {
    /// Not JSON.
    #[error("it is no JSON: {0}")]
    NotJson(String),
    /// Not an object with a `type`.
    #[error("it is no Mux event: that is a JSON object with a `type`")]
    NotAnEvent,
}

/// Every scenario.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    Vec::new()
}

impl Scenario {
    /// Its events in order, the first at `at` (milliseconds since the Unix epoch). The same `seed` and `at` give the
    /// same bytes.
    #[must_use]
    pub fn play(&self, _seed: u64, _at: u64) -> Vec<Step> {
        Vec::new()
    }
}

impl Event {
    /// One event of this type by itself, at `at` (milliseconds since the Unix epoch).
    #[must_use]
    pub fn of(event_type: &EventType, _seed: u64, _at: u64) -> Self {
        Self(serde_json::json!({ "type": event_type.name }))
    }

    /// An event that somebody wrote down.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &[u8]) -> Result<Self, NoEvent> {
        let value: Value =
            serde_json::from_slice(text).map_err(|error| NoEvent::NotJson(error.to_string()))?;
        if value.get("type").is_some_and(Value::is_string) {
            Ok(Self(value))
        } else {
            Err(NoEvent::NotAnEvent)
        }
    }

    /// Its `type`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        self.0["type"].as_str().unwrap_or_default()
    }

    /// Its `id`.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// Gives a field a value; the field may be new, what it stands in must be there.
    ///
    /// # Errors
    /// When what it would stand in is missing.
    pub fn set(&mut self, _path: &Path, _value: Value) -> Result<(), NoField> {
        Ok(())
    }

    /// Takes a field out.
    ///
    /// # Errors
    /// When it is not there.
    pub fn unset(&mut self, _path: &Path) -> Result<(), NoField> {
        Ok(())
    }

    /// Puts a failed attempt behind those in `attempts`.
    pub fn push_attempt(&mut self, _attempt: &Attempt) {}

    /// The bytes as Mux sends them: compact, keys in reverse alphabetical order at every level.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }
}
