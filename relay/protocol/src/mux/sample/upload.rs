//! `data` of the events about a direct upload.

use serde_json::{Value, json};

use super::asset::{PASSTHROUGH, meta};
use super::draw::Draw;
use super::layout::with;

/// A direct upload.
pub(super) struct Upload {
    pub(super) id: String,
}

impl Upload {
    pub(super) fn new(seed: u64) -> Self {
        Self { id: Draw::of(seed, "upload").mux_id() }
    }

    fn data(&self, status: &str) -> Value {
        json!({
            "id": self.id,
            "status": status,
            "timeout": 3600,
            "cors_origin": "http://localhost:3000",
            "new_asset_settings": {
                "playback_policies": ["public"],
                "video_quality": "plus",
                "max_resolution_tier": "1080p",
                "passthrough": PASSTHROUGH,
                "meta": meta(),
            },
        })
    }

    /// It waits for its file.
    pub(super) fn waiting(&self) -> Value {
        let url = format!("https://direct-uploads.mux.com/upload/{}", self.id);
        with(self.data("waiting"), json!({ "url": url }))
    }

    /// Its file has come and is an asset.
    pub(super) fn asset_created(&self, asset: &str) -> Value {
        with(self.data("asset_created"), json!({ "asset_id": asset }))
    }

    /// It ended without an asset: `cancelled` or `errored`.
    pub(super) fn ended(&self, status: &str) -> Value {
        self.data(status)
    }
}
