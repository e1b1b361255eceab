//! What holds for every event, whatever the seed and the time.

use std::collections::HashSet;

use muxhook_protocol::mux::sample::{Event, scenarios};
use muxhook_protocol::mux::{catalogue, json};
use proptest::prelude::*;
use serde_json::Value;

use crate::order::Backwards;
use crate::{AT, read};

/// One event of every type, and those of every scenario.
fn events(seed: u64, at: u64) -> Vec<Event> {
    let singles = catalogue::all().map(|known| Event::of(known, seed, at));
    let played = scenarios().into_iter().flat_map(|scenario| scenario.play(seed, at));
    singles.chain(played.map(|step| step.event)).collect()
}

fn look(event: &Event) {
    let body = event.to_body();
    let name = event.event_type();
    if let Err(error) = serde_json::from_slice::<Backwards>(&body) {
        panic!("{name}: {error}");
    }
    let mut compact = Vec::new();
    assert!(json::compact(&body, &mut compact) && compact == body, "{name} is not compact");
    assert_eq!(Event::parse(&body).as_ref(), Ok(event), "{name}");
    beside_the_tables(&serde_json::from_slice(&body).unwrap(), name);
}

/// What the tables of `tests/payloads` do not say.
fn beside_the_tables(value: &Value, name: &str) {
    assert!(catalogue::find(name).is_some(), "{name} is in no catalogue");
    assert_ne!(value["object"]["type"], "unknown", "{name}");
    if name.starts_with("video.") {
        assert!(!has_null(&value["data"]), "{name}: what is absent is left out");
        let whole = |made: &Value| made.is_u64() || name.starts_with("video.space.");
        assert!(value["data"].get("created_at").is_none_or(whole), "{name}");
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_event_is_laid_out_as_mux_does(seed: u64, at in 0_u64..4_102_444_800_000) {
        for event in events(seed, at) {
            look(&event);
        }
    }

    #[test]
    fn the_same_seed_and_time_give_the_same_bytes(seed: u64, at: u64) {
        prop_assert_eq!(events(seed, at), events(seed, at));
    }
}

#[test]
fn seeds_share_no_id() {
    let ids = |seed| -> HashSet<String> {
        let texts =
            events(seed, AT).into_iter().map(|event| serde_json::from_slice(&event.to_body()).unwrap());
        texts
            .flat_map(|value: Value| {
                ["/id", "/object/id", "/environment/id", "/data/playback_ids/0/id", "/data/stream_key"]
                    .map(|at| value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned())
            })
            .filter(|id| !id.is_empty())
            .collect()
    };
    assert_eq!(ids(1).intersection(&ids(2)).count(), 0);
}

/// An event's id is what a receiver knows duplicates by.
#[test]
fn no_two_events_of_a_seed_share_their_id() {
    let events = events(3, AT);
    let ids: HashSet<_> = events.iter().map(Event::id).collect();
    assert_eq!(ids.len(), events.len());
}

#[test]
fn types_of_one_seed_tell_of_the_same_asset() {
    let of =
        |name| serde_json::from_slice(&Event::of(catalogue::find(name).unwrap(), 5, AT).to_body()).unwrap();
    let (created, ready): (Value, Value) = (of("video.asset.created"), of("video.asset.ready"));
    let track: Value = of("video.asset.track.ready");
    assert_eq!(created["data"]["playback_ids"], ready["data"]["playback_ids"]);
    assert_eq!((&created["object"], &ready["data"]["id"]), (&ready["object"], &track["data"]["asset_id"]));
}

#[test]
fn filters_have_something_to_work_on() {
    for step in scenarios().iter().flat_map(|scenario| scenario.play(1, AT)) {
        let value = read(&step);
        if value["object"]["type"] == "asset" {
            assert!(value["data"]["passthrough"].is_string());
            for key in ["title", "creator_id", "external_id"] {
                assert!(value["data"]["meta"][key].is_string(), "{key}");
            }
        }
    }
}
