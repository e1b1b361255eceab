//! `data` of the events about a simulcast target: another service that a live stream is passed on to.

use serde_json::{Value, json};

use super::draw::Draw;
use super::layout::with;

/// A target of a live stream.
pub(super) struct Target {
    pub(super) id: String,
    live: String,
    stream_key: String,
}

impl Target {
    /// `live`: the id of its live stream.
    pub(super) fn new(seed: u64, live: &str) -> Self {
        let mut draw = Draw::of(seed, "simulcast target");
        Self { id: draw.mux_id(), live: live.to_owned(), stream_key: draw.uuid() }
    }

    /// As it stands in its live stream, being `idle`, `starting`, `broadcasting` or `errored`.
    pub(super) fn embedded(&self, status: &str) -> Value {
        let mut target = json!({
            "id": self.id,
            "status": status,
            "url": "rtmp://live.example.com/app",
            "stream_key": self.stream_key,
            "passthrough": "second-screen",
        });
        if status == "errored" {
            target["error_severity"] = "normal".into();
        }
        target
    }

    /// By itself.
    pub(super) fn data(&self, status: &str) -> Value {
        with(self.embedded(status), json!({ "live_stream_id": self.live }))
    }
}
