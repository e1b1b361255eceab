//! What Mux puts around an event's data, as in the captures that were published.

use serde_json::{Value, json};

use super::draw::Draw;
use super::{Event, clock, layout};
use crate::mux::catalogue::{self, EventType};

/// An event in its parts.
pub(super) struct Told<'a> {
    pub(super) event_type: &'a str,
    /// The event's own id.
    pub(super) id: String,
    /// The id of what it is about.
    pub(super) object: &'a str,
    pub(super) data: Value,
    /// When it happened, in milliseconds since the Unix epoch.
    pub(super) at: u64,
    /// Which Mux environment it comes from.
    pub(super) environment: &'a str,
}

impl Told<'_> {
    pub(super) fn event(self) -> Event {
        let value = json!({
            "type": self.event_type,
            "request_id": null,
            "object": { "type": catalogue::find(self.event_type).map_or("unknown", EventType::object_type), "id": self.object },
            "id": self.id,
            "environment": { "name": "Development", "id": self.environment },
            "data": self.data,
            "created_at": clock::iso(self.at),
            "attempts": [],
            "accessor_source": null,
            "accessor": null,
        });
        Event { body: layout::text(&value), event_type: self.event_type.to_owned(), id: self.id }
    }
}

/// The id of the environment that a seed's events come from.
pub(super) fn environment(seed: u64) -> String {
    Draw::of(seed, "environment").environment()
}
