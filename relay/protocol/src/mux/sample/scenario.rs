//! Sequences of events with one meaning, in the order of the objects' lives.

mod asset;
mod captions;
mod files;
mod live;
mod robots;

use std::time::Duration;

use serde_json::Value;

use super::Event;
use super::draw::Draw;
use super::robots::WORKFLOWS;
use super::told::{self, Told};

/// An event of a scenario.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How long after the scenario's beginning it happens in reality.
    pub after: Duration,
    /// The event.
    pub event: Event,
}

/// A sequence of events with one meaning.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Its name: `upload-to-ready`.
    pub name: String,
    /// What happens in it, in a line.
    pub meaning: String,
}

/// Name, meaning, and what tells it.
type Plot = (&'static str, &'static str, fn(&mut Script));

/// All but those of the robots, which are one for each workflow.
const PLOTS: [Plot; 9] = [
    (
        "upload-to-ready",
        "a file is uploaded from a browser and becomes an asset that can be watched",
        asset::upload,
    ),
    ("asset-from-url", "an asset is made from a file that Mux fetches", asset::from_url),
    ("asset-errored", "an asset's file can't be decoded", asset::errored),
    (
        "live-session",
        "a live stream goes on air for two minutes, and its recording becomes an asset",
        live::session,
    ),
    (
        "static-renditions",
        "an asset gets files to download: three are made, one is more than the input has",
        files::renditions,
    ),
    ("master-access", "an asset's master is asked for, made, and given up", files::master),
    ("captions", "an asset gets subtitles made from what is said in it", captions::generated),
    ("captions-skipped", "subtitles are asked for, but the asset has no sound", captions::skipped),
    (
        "simulcast",
        "a live stream is passed on to another service, which fails once and recovers",
        live::simulcast,
    ),
];

const ROBOTS: &str = "robots-";

/// Every scenario.
#[must_use]
pub fn scenarios() -> Vec<Scenario> {
    let plots = PLOTS.iter().map(|(name, meaning, _)| ((*name).to_owned(), (*meaning).to_owned()));
    let robots = WORKFLOWS.iter().map(|workflow| {
        let name = format!("{ROBOTS}{}", workflow.replace('_', "-"));
        (
            name,
            format!("a robot's job on an asset, {}, from pending to completed", workflow.replace('_', " ")),
        )
    });
    plots.chain(robots).map(|(name, meaning)| Scenario { name, meaning }).collect()
}

impl Scenario {
    /// Its events in order, the first at `at` (milliseconds since the Unix epoch). The same `seed` and `at` give the
    /// same bytes. Two scenarios with one seed share an environment, and nothing else. A scenario that is not one of
    /// [`scenarios`] has no events.
    #[must_use]
    pub fn play(&self, seed: u64, at: u64) -> Vec<Step> {
        let mut script = Script::new(self, seed, at);
        if let Some((_, _, tell)) = PLOTS.iter().find(|(name, ..)| *name == self.name) {
            tell(&mut script);
        } else if let Some(workflow) = self.workflow() {
            robots::job(&mut script, workflow);
        }
        script.steps
    }

    fn workflow(&self) -> Option<&'static str> {
        let name = self.name.strip_prefix(ROBOTS)?;
        WORKFLOWS.into_iter().find(|workflow| workflow.replace('_', "-") == name)
    }
}

/// A scenario while it is written.
struct Script {
    /// What the ids of its objects go by.
    seed: u64,
    at: u64,
    environment: String,
    events: Draw,
    steps: Vec<Step>,
}

impl Script {
    fn new(scenario: &Scenario, seed: u64, at: u64) -> Self {
        let environment = told::environment(seed);
        let mut draw = Draw::of(seed, &scenario.name);
        Self { seed: draw.bits(), at, environment, events: draw, steps: Vec::new() }
    }

    /// The moment `after` milliseconds from the beginning, in milliseconds since the Unix epoch.
    fn moment(&self, after: u64) -> u64 {
        self.at.saturating_add(after)
    }

    /// The same in whole seconds, as in `data.created_at`.
    fn second(&self, after: u64) -> u64 {
        self.moment(after) / 1000
    }

    /// `after` milliseconds from the beginning, an event about `object` happens.
    fn tell(&mut self, after: u64, event_type: &str, object: &str, data: Value) {
        let (id, at) = (self.events.uuid(), self.moment(after));
        let event = Told { event_type, id, object, data, at, environment: &self.environment }.event();
        self.steps.push(Step { after: Duration::from_millis(after), event });
    }
}
