//! All that can be sent, through relay and listener to an app that checks every signature.

use std::collections::HashSet;

use muxhook_protocol::mux::{catalogue, sample};
use serde_json::Value;

use super::checker::check;
use super::{bodies, trigger, verifying};
use crate::home::Home;

/// What arrived at the app after a `trigger` of `names`, all of it validly signed, accepted, and true to the tables of
/// what Mux sends.
#[track_caller]
fn arrived(names: &[&str]) -> Vec<Value> {
    let (home, app) = (Home::new(), verifying());
    let listener = home.start(&["listen", "-f", &app.url()]);
    listener.address();
    trigger(&home, names).with(0, "all accepted by the app");
    let bodies = bodies(&app);
    for body in &bodies {
        assert_eq!(check(body), Vec::<String>::new(), "{body}");
    }
    bodies
}

#[test]
fn every_type_arrives_valid() {
    let bodies = arrived(&["*"]);
    let types: HashSet<_> = bodies.iter().map(|body| body["type"].as_str().unwrap()).collect();
    assert_eq!((bodies.len(), &types), (127, &catalogue::all().map(|known| known.name).collect()));
    let ids: HashSet<_> = bodies.iter().map(|body| body["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 127);
}

#[test]
fn every_scenario_arrives_valid_and_in_order() {
    let scenarios = sample::scenarios();
    let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name.as_str()).collect();
    let types = arrived(&names).into_iter().map(|body| body["type"].as_str().unwrap().to_owned());
    let told = scenarios.iter().flat_map(|scenario| scenario.play(0, 1_700_000_000_000));
    assert!(types.eq(told.map(|step| step.event.event_type().to_owned())));
}
