//! Jobs of Mux's robots.

use super::Script;
use crate::mux::sample::asset::{Asset, Source};
use crate::mux::sample::draw::Draw;
use crate::mux::sample::robots::{self, Job};

pub(super) fn job(script: &mut Script, workflow: &str) {
    let asset = Asset::new(script.seed, script.second(0), Source::Url).id;
    let mut draw = Draw::of(script.seed, workflow);
    let id = draw.mux_id();
    let created = script.second(0);
    for (after, status) in [(0, "pending"), (1600, "processing"), (23_900, "completed")] {
        let updated = script.second(after);
        let job = Job { workflow, status, id: &id, asset: &asset, created, updated };
        // What is drawn for a job is the same each time it is told of.
        let data = robots::job(&job, &mut draw.clone());
        script.tell(after, &format!("robots.job.{workflow}.{status}"), &id, data);
    }
}
