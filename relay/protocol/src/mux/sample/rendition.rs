//! `data` of the events about static renditions: files that can be downloaded.

use serde_json::{Value, json};

use super::asset::{Asset, Stage};
use super::draw::Draw;
use super::layout::with;

/// One file of an asset.
pub(super) struct Rendition {
    pub(super) id: String,
    asset: String,
    kind: &'static Kind,
}

/// What kind of file is asked for, and what comes of it.
struct Kind {
    resolution: &'static str,
    ext: &'static str,
    /// Width and height, if there is a picture.
    size: Option<(u16, u16)>,
    /// Bits a second.
    bitrate: u32,
    /// Bytes: `bitrate` over the length of the asset.
    filesize: u32,
}

/// From an input of 1920×800; a larger one is never made, only asked for.
static KINDS: [Kind; 4] = [
    Kind {
        resolution: "1080p",
        ext: "mp4",
        size: Some((1920, 800)),
        bitrate: 4_600_000,
        filesize: 145_140_925,
    },
    Kind {
        resolution: "720p",
        ext: "mp4",
        size: Some((1280, 534)),
        bitrate: 2_400_000,
        filesize: 75_725_700,
    },
    Kind { resolution: "audio-only", ext: "m4a", size: None, bitrate: 192_000, filesize: 6_058_056 },
    Kind { resolution: "2160p", ext: "mp4", size: None, bitrate: 0, filesize: 0 },
];

impl Rendition {
    /// One of each kind: 1080p, 720p, the sound alone, and 2160p, which is more than the input has.
    pub(super) fn all(seed: u64, asset: &str) -> [Self; 4] {
        let mut draw = Draw::of(seed, "static rendition");
        KINDS.each_ref().map(|kind| Self { id: draw.mux_id(), asset: asset.to_owned(), kind })
    }

    fn name(&self) -> String {
        let Kind { resolution, ext, .. } = self.kind;
        if *ext == "m4a" { "audio.m4a".to_owned() } else { format!("{resolution}.{ext}") }
    }

    /// As it stands in its asset, being `preparing`, `ready`, `errored` or `skipped`.
    pub(super) fn embedded(&self, status: &str) -> Value {
        let file = json!({
            "id": self.id,
            "type": "standard",
            "status": status,
            "name": self.name(),
            "ext": self.kind.ext,
            "resolution": self.kind.resolution,
            "resolution_tier": self.kind.resolution,
        });
        if status != "ready" {
            return file;
        }
        let file = with(file, json!({ "bitrate": self.kind.bitrate, "filesize": self.kind.filesize }));
        match self.kind.size {
            Some((width, height)) => with(file, json!({ "width": width, "height": height })),
            None => file,
        }
    }

    /// By itself. Its `filesize` is a string here, by Mux's SDK, and a number in the asset.
    pub(super) fn data(&self, status: &str) -> Value {
        let mut rendition = with(self.embedded(status), json!({ "asset_id": self.asset }));
        if let Some(size) = rendition.get_mut("filesize") {
            *size = size.to_string().into();
        }
        if status == "errored" {
            let message = "The file could not be made.";
            rendition["error"] = json!({ "type": "internal_error", "messages": [message] });
        }
        rendition
    }
}

/// `data` of `video.asset.static_renditions.<status>`: of the files that came with the older `mp4_support`, all of
/// which have one status. `deleted`: there are none any more.
pub(super) fn of_mp4_support(asset: &Asset, status: &str) -> Value {
    let renditions = match status {
        "deleted" => {
            return with(asset.data(Stage::Ready), json!({ "static_renditions": { "status": "disabled" } }));
        }
        "ready" => json!({ "status": status, "files": [
            file("low.mp4", 640, 266, 800_000, 25_241_900),
            file("medium.mp4", 1280, 534, 2_400_000, 75_725_700),
            file("high.mp4", 1920, 800, 4_600_000, 145_140_925),
        ] }),
        _ => json!({ "status": status }),
    };
    with(asset.data(Stage::Ready), json!({ "mp4_support": "standard", "static_renditions": renditions }))
}

fn file(name: &str, width: u16, height: u16, bitrate: u32, filesize: u32) -> Value {
    json!({
        "name": name, "ext": "mp4", "width": width, "height": height, "bitrate": bitrate, "filesize": filesize,
    })
}
