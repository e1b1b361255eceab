//! What an event tells that comes by itself.

use serde_json::Value;

use super::asset::{Asset, Source, Stage};
use super::draw::Draw;
use super::live::{Air, Live};
use super::rendition::{Rendition, of_mp4_support};
use super::robots::{self, Job, Run};
use super::simulcast::Target;
use super::space::Space;
use super::told::environment;
use super::track::Track;
use super::upload::Upload;
use super::{delivery, shots};

/// The id of what an event of this type at `at` (milliseconds since the Unix epoch) is about, and its `data`.
pub(super) fn object(event_type: &str, seed: u64, at: u64) -> (String, Value) {
    let story = Story { seed, made: at.saturating_sub(age(event_type)) / 1000, at };
    let (product, rest) = event_type.split_once('.').unwrap_or_default();
    let (family, moment) = rest.split_once('.').unwrap_or_default();
    match (product, family) {
        ("video", "asset") => story.asset(moment),
        ("video", "upload") => story.upload(moment),
        ("video", "live_stream") => story.live(moment),
        ("video", "delivery") => story.delivery(),
        ("video", "space") => story.space(moment),
        ("robots", "job") => story.job(moment),
        _ => story.directive_run(moment),
    }
}

/// How long before such an event its object was made, in milliseconds.
fn age(event_type: &str) -> u64 {
    match event_type.rsplit('.').next() {
        Some("created" | "pending") => 0,
        Some("live_stream_completed") => 320_000,
        Some("deleted") => 3 * 24 * 3600 * 1000,
        _ => 9000,
    }
}

/// When and of whom an event tells.
#[derive(Clone, Copy)]
struct Story {
    seed: u64,
    /// When the object was made, in seconds since the Unix epoch.
    made: u64,
    /// When the event happens, in milliseconds since the Unix epoch.
    at: u64,
}

impl Story {
    fn an_asset(self) -> Asset {
        Asset::new(self.seed, self.made, Source::Url)
    }

    fn a_live_stream(self) -> Live {
        Live::new(self.seed, self.made)
    }

    fn asset(self, moment: &str) -> (String, Value) {
        let asset = self.an_asset();
        let data = match moment.split_once('.') {
            Some(("track", moment)) => return self.track(&asset, moment),
            Some(("static_rendition", moment)) => return self.rendition(&asset, moment),
            Some(("static_renditions", status)) => of_mp4_support(&asset, status),
            Some(("master", status)) => asset.master(status),
            Some((_, moment)) => shots::of(&asset, moment),
            None => self.plain(&asset, moment),
        };
        (asset.id, data)
    }

    fn plain(self, asset: &Asset, moment: &str) -> Value {
        match moment {
            "created" => asset.data(Stage::Ingesting),
            "errored" => asset.errored(),
            "updated" => asset.renamed(),
            "warning" => asset.warning(),
            "non_standard_input_detected" => asset.non_standard(),
            "live_stream_completed" => {
                let source = Source::Live(self.a_live_stream().id);
                Asset { source, ..asset.clone() }.completed(self.made * 1000)
            }
            _ => asset.data(Stage::Ready),
        }
    }

    fn track(self, asset: &Asset, moment: &str) -> (String, Value) {
        let track = Track::new(self.seed, &asset.id);
        let data = track.data(if moment == "created" { "preparing" } else { moment });
        (track.id, data)
    }

    fn rendition(self, asset: &Asset, moment: &str) -> (String, Value) {
        let [of_1080p, .., of_2160p] = Rendition::all(self.seed, &asset.id);
        let (rendition, status) = match moment {
            "created" => (of_1080p, "preparing"),
            "skipped" => (of_2160p, "skipped"),
            "errored" => (of_1080p, "errored"),
            _ => (of_1080p, "ready"),
        };
        let data = rendition.data(status);
        (rendition.id, data)
    }

    fn upload(self, moment: &str) -> (String, Value) {
        let upload = Upload::new(self.seed);
        let data = match moment {
            "created" => upload.waiting(),
            "asset_created" => upload.asset_created(&self.an_asset().id),
            status => upload.ended(status),
        };
        (upload.id, data)
    }

    fn live(self, moment: &str) -> (String, Value) {
        let live = self.a_live_stream();
        if let Some(moment) = moment.strip_prefix("simulcast_target.") {
            let target = Target::new(self.seed, &live.id);
            let status = if matches!(moment, "created" | "deleted" | "updated") { "idle" } else { moment };
            let data = target.data(status);
            return (target.id, data);
        }
        let asset = self.an_asset().id;
        let asset = Some(asset.as_str());
        let silent = Air::silent("idle");
        let on = Air { connected: true, ..silent.clone() };
        let recording = Air { recording: true, asset, recent: asset, ..on.clone() };
        let data = match moment {
            "connected" => live.data(&on),
            "recording" => live.data(&recording),
            "active" => live.data(&Air { status: "active", ..recording }),
            "disconnected" => {
                live.data(&Air { status: "active", connected: false, recording: false, ..recording })
            }
            "idle" => live.data(&Air { recent: asset, ..silent }),
            "disabled" => live.data(&Air { status: "disabled", ..silent }),
            "updated" => live.renamed(),
            "warning" => live.warning(),
            _ => live.data(&silent),
        };
        (live.id, data)
    }

    fn delivery(self) -> (String, Value) {
        let id = Draw::of(self.seed, "delivery").mux_id();
        let data = delivery::high_traffic(&id, &self.an_asset(), self.at / 1000);
        (id, data)
    }

    fn space(self, moment: &str) -> (String, Value) {
        let space = Space::new(self.seed);
        let status = |moment| if moment == "active" { "active" } else { "idle" };
        if let Some(moment) = moment.strip_prefix("broadcast.") {
            let data = space.broadcast(status(moment), &self.a_live_stream().id);
            return (space.broadcast, data);
        }
        let data = space.data(status(moment), self.made);
        (space.id, data)
    }

    fn job(self, moment: &str) -> (String, Value) {
        let (workflow, status) = moment.split_once('.').unwrap_or_default();
        let mut draw = Draw::of(self.seed, workflow);
        let id = draw.mux_id();
        let (asset, created, updated) = (self.an_asset().id, self.made, self.at / 1000);
        let job = Job { workflow, status, id: &id, asset: &asset, created, updated };
        let data = robots::job(&job, &mut draw);
        (id, data)
    }

    fn directive_run(self, status: &str) -> (String, Value) {
        let mut draw = Draw::of(self.seed, "directive run");
        let id = draw.mux_id();
        let run = Run {
            status,
            id: &id,
            asset: &self.an_asset().id,
            environment: &environment(self.seed),
            at: self.at / 1000,
        };
        let data = robots::directive_run(&run, &mut draw);
        (id, data)
    }
}
