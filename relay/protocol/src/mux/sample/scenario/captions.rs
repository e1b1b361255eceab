//! Subtitles that Mux makes.

use super::Script;
use crate::mux::sample::asset::{Asset, Source, Stage};
use crate::mux::sample::track::Track;

pub(super) fn generated(script: &mut Script) {
    told(script, true, (41_000, "ready"));
}

pub(super) fn skipped(script: &mut Script) {
    told(script, false, (9800, "skipped"));
}

/// They are asked for with the asset, and begun as soon as its sound is there.
fn told(script: &mut Script, sound: bool, (after, end): (u64, &str)) {
    let mut asset = Asset::new(script.seed, script.second(0), Source::Url);
    let track = Track::new(script.seed, &asset.id);
    asset.sound = sound;
    asset.texts = vec![track.embedded("preparing")];
    script.tell(0, "video.asset.created", &asset.id, asset.data(Stage::Ingesting));
    script.tell(1200, "video.asset.track.created", &track.id, track.data("preparing"));
    script.tell(9400, "video.asset.ready", &asset.id, asset.data(Stage::Ready));
    script.tell(after, &format!("video.asset.track.{end}"), &track.id, track.data(end));
}
