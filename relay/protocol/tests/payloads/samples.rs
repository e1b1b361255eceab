//! Every sample, and every event of every scenario, is sound.

use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::sample::{Event, scenarios};
use serde_json::Value;

use super::checker::check;

const SEEDS: [u64; 5] = [0, 1, 42, 1_234_567, u64::MAX];
const AT: u64 = 1_718_058_161_488;

#[test]
fn every_type_s_samples_are_sound() {
    let mut faults = Vec::new();
    for event_type in catalogue::all() {
        for seed in SEEDS {
            faults.extend(faults_of(&Event::of(event_type, seed, AT), event_type.name, seed));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[test]
fn every_scenario_s_events_are_sound() {
    let scenarios = scenarios();
    assert!(!scenarios.is_empty());
    let mut faults = Vec::new();
    for scenario in &scenarios {
        for seed in SEEDS {
            let steps = scenario.play(seed, AT);
            assert!(!steps.is_empty(), "{}", scenario.name);
            for step in &steps {
                faults.extend(faults_of(&step.event, &scenario.name, seed));
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// The faults of an event as it goes out.
fn faults_of(event: &Event, of: &str, seed: u64) -> Vec<String> {
    let body: Value = serde_json::from_slice(&event.to_body()).unwrap();
    let named = |fault| format!("{of}, seed {seed}, {}: {fault}", event.event_type());
    check(&body).into_iter().map(named).collect()
}
