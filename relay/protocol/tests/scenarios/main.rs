//! Events made for a developer: of every type, and the scenarios.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test says what went wrong by panicking")]

mod golden;
mod journey;
mod order;
mod shape;

use muxhook_protocol::mux::sample::{Scenario, Step, scenarios};
use serde_json::Value;

/// The beginning of every scenario that is looked at closely: 2023-11-14T22:13:20.123Z.
const AT: u64 = 1_700_000_000_123;

fn scenario(name: &str) -> Scenario {
    scenarios().into_iter().find(|scenario| scenario.name == name).unwrap()
}

fn read(step: &Step) -> Value {
    serde_json::from_slice(&step.event.to_body()).unwrap()
}
