//! A live stream on air.

use super::Script;
use crate::mux::sample::asset::{Asset, Source, Stage};
use crate::mux::sample::live::{Air, Live};
use crate::mux::sample::simulcast::Target;

/// When things happen, in milliseconds from the beginning.
const CONNECTED: u64 = 12_000;
const RECORDING: u64 = 14_100;
const ACTIVE: u64 = 19_300;
/// Ten seconds of content have come.
const WATCHABLE: u64 = 24_600;
const DISCONNECTED: u64 = 134_100;
/// The encoder did not come back within the 60 s it has.
const IDLE: u64 = DISCONNECTED + 60_000;
const COMPLETED: u64 = IDLE + 4200;

pub(super) fn session(script: &mut Script) {
    Session::new(script).play(script, false);
}

pub(super) fn simulcast(script: &mut Script) {
    Session::new(script).play(script, true);
}

struct Session {
    live: Live,
    target: Target,
    asset: Asset,
}

impl Session {
    fn new(script: &Script) -> Self {
        let live = Live::new(script.seed, script.second(0));
        let target = Target::new(script.seed, &live.id);
        let asset = Asset::new(script.seed, script.second(CONNECTED + 1400), Source::Live(live.id.clone()));
        Self { live, target, asset }
    }

    /// The whole session; `passed_on`: to the target, too.
    fn play(&self, script: &mut Script, passed_on: bool) {
        let target = |status| if passed_on { vec![self.target.embedded(status)] } else { Vec::new() };
        let asset = Some(self.asset.id.as_str());
        let silent = Air::silent("idle");
        let on = Air { connected: true, targets: target("idle"), ..silent.clone() };
        let recording =
            Air { recording: true, asset, recent: asset, targets: target("starting"), ..on.clone() };
        let active = Air { status: "active", targets: target("broadcasting"), ..recording.clone() };
        let lost = Air { connected: false, recording: false, ..active.clone() };
        let over = Air { recent: asset, targets: target("idle"), ..silent.clone() };

        self.live(script, 0, "created", &silent);
        self.passed_on(script, passed_on, &[(1800, "created", "idle")]);
        self.live(script, CONNECTED, "connected", &on);
        self.asset(script, CONNECTED + 1500, "created", 0, Stage::Recording);
        self.passed_on(script, passed_on, &[(CONNECTED + 1900, "starting", "starting")]);
        self.live(script, RECORDING, "recording", &recording);
        self.passed_on(script, passed_on, &[(RECORDING + 2000, "broadcasting", "broadcasting")]);
        self.live(script, ACTIVE, "active", &active);
        self.asset(script, WATCHABLE, "ready", WATCHABLE - RECORDING, Stage::Airing);
        self.passed_on(
            script,
            passed_on,
            &[(61_000, "errored", "errored"), (66_500, "broadcasting", "broadcasting")],
        );
        self.live(script, DISCONNECTED, "disconnected", &lost);
        self.passed_on(script, passed_on, &[(IDLE - 100, "idle", "idle")]);
        self.live(script, IDLE, "idle", &over);
        self.completed(script);
    }

    fn live(&self, script: &mut Script, after: u64, moment: &str, air: &Air<'_>) {
        script.tell(after, &format!("video.live_stream.{moment}"), &self.live.id, self.live.data(air));
    }

    fn passed_on(&self, script: &mut Script, passed_on: bool, moments: &[(u64, &str, &str)]) {
        for (after, moment, status) in moments.iter().filter(|_| passed_on) {
            let event_type = format!("video.live_stream.simulcast_target.{moment}");
            script.tell(*after, &event_type, &self.target.id, self.target.data(status));
        }
    }

    /// `length`: how much has been recorded, in milliseconds.
    fn asset(&self, script: &mut Script, after: u64, moment: &str, length: u64, stage: Stage) {
        let asset = Asset { duration: seconds(length), ..self.asset.clone() };
        script.tell(after, &format!("video.asset.{moment}"), &asset.id, asset.data(stage));
    }

    fn completed(&self, script: &mut Script) {
        let asset = Asset { duration: seconds(DISCONNECTED - RECORDING), ..self.asset.clone() };
        let data = asset.completed(script.moment(RECORDING));
        script.tell(COMPLETED, "video.asset.live_stream_completed", &asset.id, data);
    }
}

fn seconds(ms: u64) -> f64 {
    std::time::Duration::from_millis(ms).as_secs_f64()
}
