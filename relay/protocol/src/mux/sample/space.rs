//! `data` of the events about spaces, which Mux no longer has: a call of several people, and its broadcast as a live
//! stream. From the last SDK that knew them (mux-node 8.8).

use serde_json::{Value, json};

use super::draw::Draw;

/// A space with its broadcast.
pub(super) struct Space {
    pub(super) id: String,
    pub(super) broadcast: String,
    session: String,
}

impl Space {
    pub(super) fn new(seed: u64) -> Self {
        let mut draw = Draw::of(seed, "space");
        Self { id: draw.mux_id(), broadcast: draw.mux_id(), session: draw.mux_id() }
    }

    /// The space, being `idle` or `active`. `made`: seconds since the Unix epoch, here written as a string.
    pub(super) fn data(&self, status: &str, made: u64) -> Value {
        let mut space = json!({
            "id": self.id,
            "created_at": made.to_string(),
            "type": "server",
            "status": status,
            "passthrough": "room-12",
        });
        if status == "active" {
            space["active_session_id"] = self.session.as_str().into();
        }
        space
    }

    /// Its broadcast, being `idle` or `active`, to the live stream `live`.
    pub(super) fn broadcast(&self, status: &str, live: &str) -> Value {
        json!({
            "id": self.broadcast,
            "live_stream_id": live,
            "layout": "gallery",
            "resolution": "1920x1080",
            "background": "#1b1b1b",
            "passthrough": "room-12",
            "status": status,
        })
    }
}
