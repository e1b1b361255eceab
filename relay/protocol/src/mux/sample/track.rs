//! `data` of the events about a track: here, subtitles that Mux makes from what is said.

use serde_json::{Value, json};

use super::draw::Draw;
use super::layout::with;

/// A text track of an asset.
pub(super) struct Track {
    pub(super) id: String,
    asset: String,
}

impl Track {
    /// `asset`: the id of its asset.
    pub(super) fn new(seed: u64, asset: &str) -> Self {
        Self { id: Draw::of(seed, "track").mux_id(), asset: asset.to_owned() }
    }

    /// As it stands in its asset.
    pub(super) fn embedded(&self, status: &str) -> Value {
        json!({
            "id": self.id,
            "type": "text",
            "text_type": "subtitles",
            "text_source": "generated_vod",
            "name": "English (generated)",
            "language_code": "en",
            "status": status,
        })
    }

    /// By itself, being `preparing`, `ready`, `errored`, `skipped` (there is no sound; newer than Mux's SDK 15.3.0)
    /// or `deleted`.
    pub(super) fn data(&self, status: &str) -> Value {
        let track = with(self.embedded(status), json!({ "asset_id": self.asset }));
        if status != "errored" {
            return track;
        }
        let message = "No speech could be made out in the sound.";
        with(track, json!({ "error": { "type": "transcription_failed", "messages": [message] } }))
    }
}
