//! How an asset comes to be.

use super::Script;
use crate::mux::sample::asset::{Asset, Source, Stage};
use crate::mux::sample::upload::Upload;

pub(super) fn upload(script: &mut Script) {
    let upload = Upload::new(script.seed);
    let asset = Asset::new(script.seed, script.second(6200), Source::Upload(upload.id.clone()));
    script.tell(0, "video.upload.created", &upload.id, upload.waiting());
    script.tell(6400, "video.upload.asset_created", &upload.id, upload.asset_created(&asset.id));
    script.tell(6500, "video.asset.created", &asset.id, asset.data(Stage::Ingesting));
    script.tell(15_900, "video.asset.ready", &asset.id, asset.data(Stage::Ready));
}

pub(super) fn from_url(script: &mut Script) {
    let asset = Asset::new(script.seed, script.second(0), Source::Url);
    script.tell(0, "video.asset.created", &asset.id, asset.data(Stage::Ingesting));
    script.tell(9400, "video.asset.ready", &asset.id, asset.data(Stage::Ready));
}

pub(super) fn errored(script: &mut Script) {
    let asset = Asset::new(script.seed, script.second(0), Source::Url);
    script.tell(0, "video.asset.created", &asset.id, asset.data(Stage::Ingesting));
    script.tell(3100, "video.asset.errored", &asset.id, asset.errored());
}
