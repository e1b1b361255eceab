//! `data` of the events about an asset.

use serde_json::{Value, json};

use super::draw::Draw;
use super::layout::with;

/// An asset: what stays the same throughout its life.
#[derive(Clone, Debug)]
pub(super) struct Asset {
    pub(super) id: String,
    /// When it was made, in seconds since the Unix epoch.
    pub(super) made: u64,
    pub(super) source: Source,
    /// How long it is, in seconds.
    pub(super) duration: f64,
    /// Whether there is sound in it.
    pub(super) sound: bool,
    /// Its text tracks, as they stand in the asset.
    pub(super) texts: Vec<Value>,
    pub(super) playback: String,
    pub(super) tracks: [String; 2],
}

/// Where an asset comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    Url,
    /// The id of the direct upload.
    Upload(String),
    /// The id of the live stream.
    Live(String),
}

/// How far an asset is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Ingesting,
    /// Its stream is live, and too little of it has come.
    Recording,
    /// Its stream is live, and it can be watched.
    Airing,
    Ready,
    Errored,
}

impl Asset {
    pub(super) fn new(seed: u64, made: u64, source: Source) -> Self {
        let mut draw = Draw::of(seed, "asset");
        Self {
            id: draw.mux_id(),
            made,
            source,
            duration: 252.419,
            sound: true,
            texts: Vec::new(),
            playback: draw.mux_id(),
            tracks: [draw.mux_id(), draw.mux_id()],
        }
    }

    /// The asset at one stage.
    pub(super) fn data(&self, stage: Stage) -> Value {
        let (status, state, progress) = match stage {
            Stage::Ingesting => ("preparing", "ingesting", 0),
            Stage::Recording => ("preparing", "live", -1),
            Stage::Airing => ("ready", "live", -1),
            Stage::Ready => ("ready", "completed", 100),
            Stage::Errored => ("errored", "errored", -1),
        };
        let data = json!({
            "id": self.id,
            "created_at": self.made,
            "status": status,
            "progress": { "state": state, "progress": progress },
            "video_quality": "plus",
            "encoding_tier": "smart",
            "max_resolution_tier": "1080p",
            "master_access": "none",
            "mp4_support": "none",
            "playback_ids": [{ "policy": "public", "id": self.playback }],
            "passthrough": PASSTHROUGH,
            "meta": meta(),
        });
        let data = with(data, self.origin(stage));
        match stage {
            Stage::Ingesting | Stage::Recording | Stage::Errored => data,
            Stage::Airing | Stage::Ready => with(data, self.media()),
        }
    }

    fn origin(&self, stage: Stage) -> Value {
        match &self.source {
            Source::Url => json!({ "ingest_type": "on_demand_url" }),
            Source::Upload(id) => json!({ "ingest_type": "on_demand_direct_upload", "upload_id": id }),
            Source::Live(id) => json!({
                "ingest_type": "live_rtmp",
                "live_stream_id": id,
                "is_live": matches!(stage, Stage::Recording | Stage::Airing),
            }),
        }
    }

    /// What is known once it can be watched.
    fn media(&self) -> Value {
        let live = matches!(self.source, Source::Live(_));
        let (width, height, rate, aspect, tier) =
            if live { (1280, 720, 30, "16:9", "720p") } else { (1920, 800, 24, "12:5", "1080p") };
        let [video, audio] = &self.tracks;
        let mut tracks = vec![json!({
            "id": video,
            "type": "video",
            "duration": self.duration,
            "max_width": width,
            "max_height": height,
            "max_frame_rate": rate,
        })];
        tracks.extend(self.sound.then(|| {
            json!({
                "id": audio,
                "type": "audio",
                "status": "ready",
                "primary": true,
                "name": "Default",
                "language_code": "en",
                "duration": self.duration,
                "max_channels": 2,
            })
        }));
        tracks.extend_from_slice(&self.texts);
        json!({
            "duration": self.duration,
            "aspect_ratio": aspect,
            "resolution_tier": tier,
            "max_stored_resolution": "HD",
            "max_stored_frame_rate": rate,
            "tracks": tracks,
        })
    }

    /// It could not be read.
    pub(super) fn errored(&self) -> Value {
        let message = "The input has no audio or video track that can be decoded.";
        let errors = json!({ "errors": { "type": "invalid_input", "messages": [message] } });
        with(self.data(Stage::Errored), errors)
    }

    /// It is read, but slower: its codec is none of those that need no work.
    pub(super) fn non_standard(&self) -> Value {
        let reasons =
            json!({ "non_standard_input_reasons": { "video_codec": "hevc", "video_gop_size": "high" } });
        with(self.data(Stage::Ingesting), reasons)
    }

    /// Somebody gave it another title.
    pub(super) fn renamed(&self) -> Value {
        let meta = with(meta(), json!({ "title": "Harbour at dawn (final cut)" }));
        with(self.data(Stage::Ready), json!({ "meta": meta }))
    }

    /// Its live stream is over. `started`: when the first picture came, in milliseconds since the Unix epoch.
    pub(super) fn completed(&self, started: u64) -> Value {
        let started_at = json!({ "seconds": started / 1000, "nanos": started % 1000 * 1_000_000 });
        let recorded = json!([{ "started_at": started_at, "duration": self.duration, "type": "content" }]);
        with(self.data(Stage::Ready), json!({ "recording_times": recorded }))
    }

    /// Its master while that is `preparing`, `ready`, `errored`, or `deleted`: given up, and gone from the asset.
    pub(super) fn master(&self, status: &str) -> Value {
        let master = match status {
            "deleted" => return self.data(Stage::Ready),
            "ready" => {
                let url = format!("https://master.mux.com/{}/master.mp4", self.id);
                json!({ "status": status, "url": url })
            }
            _ => json!({ "status": status }),
        };
        with(self.data(Stage::Ready), json!({ "master_access": "temporary", "master": master }))
    }

    /// `data` of `video.asset.warning`.
    pub(super) fn warning(&self) -> Value {
        json!({
            "id": self.id,
            "status": "ready",
            "passthrough": PASSTHROUGH,
            "warning": {
                "type": "audio_drift",
                "message": "The sound is 1.2 s shorter than the picture; silence was put at its end.",
            },
        })
    }
}

/// What an owner calls an asset by.
pub(super) const PASSTHROUGH: &str = "order-2041";

/// What an owner keeps with an asset.
pub(super) fn meta() -> Value {
    json!({ "title": "Harbour at dawn", "creator_id": "user-1042", "external_id": "film-77" })
}
