//! `data` of the events about a live stream.

use serde_json::{Value, json};

use super::draw::Draw;
use super::layout::with;

/// A live stream: what stays the same throughout its life.
pub(super) struct Live {
    pub(super) id: String,
    /// When it was made, in seconds since the Unix epoch.
    made: u64,
    playback: String,
    stream_key: String,
    srt_passphrase: String,
}

/// What goes on in a live stream. `status` is only ever `idle`, `active` or `disabled`: that an encoder is
/// connected, or that its picture is recorded, are facts of their own.
#[derive(Clone, Debug)]
pub(super) struct Air<'a> {
    pub(super) status: &'static str,
    pub(super) connected: bool,
    pub(super) recording: bool,
    /// The asset that is being recorded.
    pub(super) asset: Option<&'a str>,
    /// The asset that was made last.
    pub(super) recent: Option<&'a str>,
    /// Whom it is passed on to, as it stands in the live stream.
    pub(super) targets: Vec<Value>,
}

impl Air<'_> {
    /// Nobody streams.
    pub(super) fn silent(status: &'static str) -> Self {
        let targets = Vec::new();
        Self { status, connected: false, recording: false, asset: None, recent: None, targets }
    }
}

impl Live {
    pub(super) fn new(seed: u64, made: u64) -> Self {
        let mut draw = Draw::of(seed, "live");
        Self {
            id: draw.mux_id(),
            made,
            playback: draw.mux_id(),
            stream_key: draw.uuid(),
            srt_passphrase: draw.mux_id(),
        }
    }

    /// The stream at one moment.
    pub(super) fn data(&self, air: &Air<'_>) -> Value {
        let mut data = json!({
            "id": self.id,
            "created_at": self.made,
            "status": air.status,
            "stream_key": self.stream_key,
            "srt_passphrase": self.srt_passphrase,
            "latency_mode": "standard",
            "reconnect_window": 60,
            "max_continuous_duration": 43_200,
            "playback_ids": [{ "policy": "public", "id": self.playback }],
            "new_asset_settings": { "playback_policies": ["public"], "video_quality": "plus" },
            "passthrough": "channel-7",
            "meta": { "title": "Town hall" },
        });
        if air.connected {
            data = with(data, json!({ "connected": true, "active_ingest_protocol": "rtmp" }));
        }
        if air.recording {
            data["recording"] = true.into();
        }
        if let Some(asset) = air.asset {
            data["active_asset_id"] = asset.into();
        }
        if let Some(asset) = air.recent {
            data["recent_asset_ids"] = json!([asset]);
        }
        if !air.targets.is_empty() {
            data["simulcast_targets"] = air.targets.clone().into();
        }
        data
    }

    /// Somebody gave it another title.
    pub(super) fn renamed(&self) -> Value {
        with(self.data(&Air::silent("idle")), json!({ "meta": { "title": "Town hall, spring" } }))
    }

    /// `data` of `video.live_stream.warning`.
    pub(super) fn warning(&self) -> Value {
        json!({
            "id": self.id,
            "status": "idle",
            "stream_key": self.stream_key,
            "passthrough": "channel-7",
            "warning": {
                "type": "custom_slate_unavailable",
                "message": "The slate at https://example.com/slate.png can't be fetched: black is shown instead.",
            },
        })
    }
}
