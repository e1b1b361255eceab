//! What Mux puts around an event's data, as in the captures that were published.

use serde_json::{Value, json};

use super::draw::Draw;
use super::{Event, clock, layout};
use crate::mux::catalogue;

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
            "object": { "type": object_type(self.event_type), "id": self.object },
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

/// What stands in `object.type`.
fn object_type(event_type: &str) -> &str {
    catalogue::find(event_type).and_then(|known| known.object).unwrap_or_else(|| likely(event_type))
}

/// What `object.type` is likely to be where no capture of a real event has shown it.
fn likely(event_type: &str) -> &'static str {
    const LIKELY: [(&str, &str); 7] = [
        ("video.asset.static_rendition.", "static_rendition"),
        ("video.live_stream.simulcast_target.", "simulcast_target"),
        ("video.space.broadcast.", "space_broadcast"),
        ("video.space.", "space"),
        ("video.delivery.", "high_traffic"),
        ("robots.directive_run.", "directive_run"),
        ("robots.job.", "job"),
    ];
    LIKELY.iter().find(|(types, _)| event_type.starts_with(types)).map_or("unknown", |(_, object)| object)
}
