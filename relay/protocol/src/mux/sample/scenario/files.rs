//! Files that are made of an asset.

use serde_json::{Value, json};

use super::Script;
use crate::mux::sample::asset::{Asset, Source, Stage};
use crate::mux::sample::layout::with;
use crate::mux::sample::rendition::Rendition;

/// When the asset is ready, in milliseconds from the beginning.
const READY: u64 = 9400;

pub(super) fn renditions(script: &mut Script) {
    let asset = Asset::new(script.seed, script.second(0), Source::Url);
    let renditions = Rendition::all(script.seed, &asset.id);
    let [of_1080p, of_720p, sound, of_2160p] = &renditions;
    let files: Vec<_> = renditions.iter().map(|rendition| rendition.embedded("preparing")).collect();
    let asset_at = |stage, files: &[Value]| {
        with(asset.data(stage), json!({ "static_renditions": { "status": "preparing", "files": files } }))
    };

    script.tell(0, "video.asset.created", &asset.id, asset_at(Stage::Ingesting, &files));
    for (rendition, after) in renditions.iter().zip([300, 320, 340, 360]) {
        tell(script, after, rendition, "created", "preparing");
    }
    // That there is too little picture for one is known once the input has been read.
    tell(script, 4100, of_2160p, "skipped", "skipped");
    let mut read = files;
    read[3] = of_2160p.embedded("skipped");
    script.tell(READY, "video.asset.ready", &asset.id, asset_at(Stage::Ready, &read));
    for (rendition, after) in [(sound, 12_700), (of_720p, 19_500), (of_1080p, 27_800)] {
        tell(script, after, rendition, "ready", "ready");
    }
}

fn tell(script: &mut Script, after: u64, rendition: &Rendition, moment: &str, status: &str) {
    let event_type = format!("video.asset.static_rendition.{moment}");
    script.tell(after, &event_type, &rendition.id, rendition.data(status));
}

/// The owner gives the master up after a minute and a half; Mux would after 24 hours.
pub(super) fn master(script: &mut Script) {
    let asset = Asset::new(script.seed, script.second(0), Source::Url);
    script.tell(0, "video.asset.created", &asset.id, asset.data(Stage::Ingesting));
    script.tell(READY, "video.asset.ready", &asset.id, asset.data(Stage::Ready));
    for (after, status) in [(14_000, "preparing"), (33_600, "ready"), (123_600, "deleted")] {
        script.tell(after, &format!("video.asset.master.{status}"), &asset.id, asset.master(status));
    }
}
