//! Events as Mux would send them: of every type, and whole scenarios with one consistent set of ids, times and
//! statuses. Pure: what is random is drawn from a seed, and time is given.

mod asset;
mod attempt;
mod clock;
mod delivery;
mod draw;
mod edit;
mod error;
mod layout;
mod live;
mod rendition;
mod robots;
mod scenario;
mod shots;
mod simulcast;
mod single;
mod space;
mod told;
mod track;
mod upload;

use serde_json::Value;

use super::catalogue::EventType;
use super::field::Path;
pub use attempt::{Attempt, MAX_ATTEMPTS};
use draw::Draw;
use edit::Fields;
pub use error::{NoEvent, NoField};
pub use scenario::{Scenario, Step, scenarios};
use told::Told;

/// Most bytes of an event that is read: 5 MiB.
pub const MAX_EVENT: usize = 5 * 1024 * 1024;

/// An event that can still be changed: one JSON object with a `type`.
///
/// It is kept as text, and a change touches its own field alone. What was parsed comes out to the byte until it is
/// changed, and numbers beyond what a program can hold stay as they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    body: String,
    event_type: String,
    id: String,
}

impl Event {
    /// One event of this type by itself, at `at` (milliseconds since the Unix epoch). The same arguments give the
    /// same bytes. Two types with one seed tell of the same objects, and have ids of their own as events.
    #[must_use]
    pub fn of(event_type: &EventType, seed: u64, at: u64) -> Self {
        let (object, data) = single::object(event_type.name, seed, at);
        let id = Draw::of(seed, event_type.name).uuid();
        let environment = told::environment(seed);
        Told { event_type: event_type.name, id, object: &object, data, at, environment: &environment }.event()
    }

    /// An event that somebody wrote down: UTF-8 JSON, in any layout. Only its outer level is looked at closely; an
    /// `id` that is missing or no string counts as empty.
    ///
    /// # Errors
    /// When it is larger than [`MAX_EVENT`], no JSON, or no object with a `type` that is a string.
    pub fn parse(text: &[u8]) -> Result<Self, NoEvent> {
        if text.len() > MAX_EVENT {
            return Err(NoEvent::TooLarge);
        }
        let body = std::str::from_utf8(text).map_err(|error| NoEvent::NotJson(error.to_string()))?;
        let fields = Fields::read(body).map_err(|error| match error.classify() {
            serde_json::error::Category::Data => NoEvent::NotAnEvent,
            _ => NoEvent::NotJson(error.to_string()),
        })?;
        let event_type = fields.string("type").ok_or(NoEvent::NotAnEvent)?;
        let id = fields.string("id").unwrap_or_default();
        Ok(Self { body: body.to_owned(), event_type, id })
    }

    /// Its `type`.
    #[must_use]
    pub fn event_type(&self) -> &str {
        &self.event_type
    }

    /// Its `id`; empty when it has none.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Gives a field a value. The field may be new, and is then put where Mux's order of keys wants it; in a list,
    /// the place behind the last is new. What it stands in must be there.
    ///
    /// # Errors
    /// When what it would stand in is missing or can't hold it, and for a `type` or `id` that is no string.
    pub fn set(&mut self, path: &Path, value: Value) -> Result<(), NoField> {
        let parts = parts(path);
        if let [key @ ("type" | "id")] = parts[..]
            && !value.is_string()
        {
            return Err(NoField::NotText(key.to_owned()));
        }
        self.body = edit::set(&self.body, &parts, &layout::text(&value))?;
        self.reread();
        Ok(())
    }

    /// Takes a field out. In a list, what stands behind it moves up.
    ///
    /// # Errors
    /// When it is not there, and for the event's `type`.
    pub fn unset(&mut self, path: &Path) -> Result<(), NoField> {
        let parts = parts(path);
        if parts == ["type"] {
            return Err(NoField::NotText("type".to_owned()));
        }
        self.body = edit::unset(&self.body, &parts)?;
        self.reread();
        Ok(())
    }

    /// Puts a failed attempt behind those in `attempts`; where that is no list, it becomes one. An attempt's id
    /// goes by the event's and by how many came before it.
    pub fn push_attempt(&mut self, attempt: &Attempt) {
        let before = edit::length(&self.body, "attempts");
        let listed = layout::text(&attempt.listed(&self.id, before.unwrap_or_default()));
        let changed = match before {
            Some(before) => edit::set(&self.body, &["attempts", &before.to_string()], &listed),
            None => edit::set(&self.body, &["attempts"], &format!("[{listed}]")),
        };
        // An event is always an object, and an object takes any field.
        self.body = changed.unwrap_or_else(|_| std::mem::take(&mut self.body));
    }

    /// Its bytes. Of an event made here: compact, with keys in reverse alphabetical order at every level, as Mux
    /// sends them. Of one that was parsed: those that were parsed, save what was changed.
    #[must_use]
    pub fn to_body(&self) -> Vec<u8> {
        self.body.clone().into_bytes()
    }

    fn reread(&mut self) {
        if let Ok(fields) = Fields::read(&self.body) {
            self.event_type = fields.string("type").unwrap_or_default();
            self.id = fields.string("id").unwrap_or_default();
        }
    }
}

fn parts(path: &Path) -> Vec<&str> {
    path.parts().iter().map(String::as_str).collect()
}

#[cfg(test)]
mod tests;
