//! Follows every object through every scenario: its ids, its times and its statuses.

use std::collections::{HashMap, HashSet};

use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::sample::{Step, scenarios};
use serde_json::Value;

use crate::{AT, read, scenario};

/// Which types come in which order.
const ORDER: [(&str, &[&str]); 9] = [
    ("upload-to-ready", &["upload.created", "upload.asset_created", "asset.created", "asset.ready"]),
    ("asset-from-url", &["asset.created", "asset.ready"]),
    ("asset-errored", &["asset.created", "asset.errored"]),
    (
        "live-session",
        &[
            "live_stream.created",
            "live_stream.connected",
            "asset.created",
            "live_stream.recording",
            "live_stream.active",
            "asset.ready",
            "live_stream.disconnected",
            "live_stream.idle",
            "asset.live_stream_completed",
        ],
    ),
    (
        "static-renditions",
        &[
            "asset.created",
            "asset.static_rendition.created",
            "asset.static_rendition.created",
            "asset.static_rendition.created",
            "asset.static_rendition.created",
            "asset.static_rendition.skipped",
            "asset.ready",
            "asset.static_rendition.ready",
            "asset.static_rendition.ready",
            "asset.static_rendition.ready",
        ],
    ),
    (
        "master-access",
        &[
            "asset.created",
            "asset.ready",
            "asset.master.preparing",
            "asset.master.ready",
            "asset.master.deleted",
        ],
    ),
    ("captions", &["asset.created", "asset.track.created", "asset.ready", "asset.track.ready"]),
    ("captions-skipped", &["asset.created", "asset.track.created", "asset.ready", "asset.track.skipped"]),
    (
        "simulcast",
        &[
            "live_stream.created",
            "live_stream.simulcast_target.created",
            "live_stream.connected",
            "asset.created",
            "live_stream.simulcast_target.starting",
            "live_stream.recording",
            "live_stream.simulcast_target.broadcasting",
            "live_stream.active",
            "asset.ready",
            "live_stream.simulcast_target.errored",
            "live_stream.simulcast_target.broadcasting",
            "live_stream.disconnected",
            "live_stream.simulcast_target.idle",
            "live_stream.idle",
            "asset.live_stream_completed",
        ],
    ),
];

#[test]
fn scenarios_go_by_the_lifecycles() {
    for (name, order) in ORDER {
        let types: Vec<_> =
            scenario(name).play(1, AT).iter().map(|step| step.event.event_type().to_owned()).collect();
        assert_eq!(types, order.iter().map(|moment| format!("video.{moment}")).collect::<Vec<_>>(), "{name}");
    }
    let robots: Vec<_> =
        scenarios().into_iter().filter(|scenario| scenario.name.starts_with("robots-")).collect();
    assert_eq!((robots.len(), scenarios().len()), (12, 21));
    for scenario in robots {
        let workflow = scenario.name["robots-".len()..].replace('-', "_");
        let types: Vec<_> =
            scenario.play(1, AT).iter().map(|step| step.event.event_type().to_owned()).collect();
        let order =
            ["pending", "processing", "completed"].map(|status| format!("robots.job.{workflow}.{status}"));
        assert_eq!(types, order);
    }
}

/// The lifecycle places of the catalogue, where it knows them, hold as well.
#[test]
fn no_scenario_goes_back_in_a_life() {
    for scenario in scenarios() {
        let mut reached = HashMap::new();
        for step in scenario.play(1, AT) {
            let Some(place) = catalogue::find(step.event.event_type()).unwrap().place else { continue };
            let object = read(&step)["object"]["id"].as_str().unwrap().to_owned();
            let before = reached.insert((object, place.life), place.step).unwrap_or_default();
            assert!(before <= place.step, "{}: {}", scenario.name, step.event.event_type());
        }
    }
}

#[test]
fn times_never_go_back() {
    for scenario in scenarios() {
        let steps = scenario.play(1, AT);
        assert_eq!(steps[0].after.as_millis(), 0);
        assert_eq!(read(&steps[0])["created_at"], "2023-11-14T22:13:20.123000Z");
        assert!(steps.is_sorted_by_key(|step| step.after), "{}", scenario.name);
        assert!(steps.is_sorted_by_key(|step| read(step)["created_at"].as_str().unwrap().to_owned()));
        for step in &steps {
            let value = read(step);
            let second = (AT + u64::try_from(step.after.as_millis()).unwrap()) / 1000;
            for at in ["created_at", "updated_at"] {
                assert!(
                    value["data"][at].as_u64().is_none_or(|moment| (AT / 1000..=second).contains(&moment))
                );
            }
        }
    }
}

#[test]
fn an_event_s_time_is_its_offset_from_the_beginning() {
    let steps = scenario("live-session").play(1, AT);
    let disconnected = steps.iter().find(|step| step.event.event_type().ends_with("disconnected")).unwrap();
    assert_eq!(disconnected.after.as_millis(), 134_100);
    assert_eq!(read(disconnected)["created_at"], "2023-11-14T22:15:34.223000Z");
}

/// What stays the same of an object whenever it is told of.
const FIXED: [&str; 14] = [
    "/object",
    "/environment",
    "/data/created_at",
    "/data/playback_ids",
    "/data/upload_id",
    "/data/live_stream_id",
    "/data/stream_key",
    "/data/srt_passphrase",
    "/data/passthrough",
    "/data/url",
    "/data/resolution",
    "/data/name",
    "/data/workflow",
    "/data/parameters",
];

/// Fields that name another object, and that object's type.
const LINKS: [(&str, &str); 10] = [
    ("/data/asset_id", "asset"),
    ("/data/upload_id", "upload"),
    ("/data/live_stream_id", "live"),
    ("/data/active_asset_id", "asset"),
    ("/data/recent_asset_ids/0", "asset"),
    ("/data/simulcast_targets/0/id", "simulcast_target"),
    ("/data/static_renditions/files/0/id", "static_rendition"),
    ("/data/static_renditions/files/1/id", "static_rendition"),
    ("/data/static_renditions/files/2/id", "static_rendition"),
    ("/data/static_renditions/files/3/id", "static_rendition"),
];

#[test]
fn ids_stay_the_same() {
    for scenario in scenarios() {
        let values: Vec<_> = scenario.play(1, AT).iter().map(read).collect();
        let told: HashSet<_> = values.iter().map(|value| &value["object"]).collect();
        let mut fixed: HashMap<(&Value, &str), &Value> = HashMap::new();
        for value in &values {
            let name = format!("{}: {}", scenario.name, value["type"]);
            assert_eq!(value["object"]["id"], value["data"]["id"], "{name}");
            assert_eq!(value["environment"], values[0]["environment"], "{name}");
            for path in FIXED {
                let Some(now) = value.pointer(path) else { continue };
                assert_eq!(*fixed.entry((&value["object"]["id"], path)).or_insert(now), now, "{name} {path}");
            }
            for (path, object_type) in LINKS {
                let Some(id) = value.pointer(path) else { continue };
                let link = serde_json::json!({ "type": object_type, "id": id });
                assert!(told.contains(&link), "{name}: nothing is told of {path}");
            }
        }
        assert!(values.iter().all(|value| !value["object"]["id"].as_str().unwrap().is_empty()));
    }
}

/// The status that an event of a type tells of.
fn status_of(event_type: &str) -> &str {
    let (family, moment) = event_type.rsplit_once('.').unwrap();
    match (family, moment) {
        ("video.asset.master", _) | ("video.asset", "live_stream_completed") => "ready",
        ("video.upload", "created") => "waiting",
        ("video.live_stream.simulcast_target", "created") => "idle",
        ("video.live_stream", "active" | "disconnected") => "active",
        ("video.live_stream", _) => "idle",
        (_, "created") => "preparing",
        (_, moment) => moment,
    }
}

#[test]
fn statuses_agree_with_the_types() {
    for step in scenarios().iter().flat_map(|scenario| scenario.play(1, AT)) {
        let (value, name) = (read(&step), step.event.event_type());
        let data = &value["data"];
        assert_eq!(data["status"], status_of(name), "{name}");
        assert_eq!(data.get("errors").is_some(), name == "video.asset.errored", "{name}");
        assert_eq!(
            data.get("error_severity").is_some(),
            name.ends_with("simulcast_target.errored"),
            "{name}"
        );
        if let Some(progress) = data.get("progress") {
            let told = (progress["state"].as_str(), progress["progress"].as_i64());
            assert_eq!(told, progress_of(data), "{name}");
        }
    }
}

/// How far an asset of this status is: Mux counts to 100, and not at all while it is live or has errored.
fn progress_of(data: &Value) -> (Option<&'static str>, Option<i64>) {
    match data["status"].as_str().unwrap() {
        _ if data["is_live"] == true => (Some("live"), Some(-1)),
        "preparing" => (Some("ingesting"), Some(0)),
        "ready" => (Some("completed"), Some(100)),
        _ => (Some("errored"), Some(-1)),
    }
}

/// What an object holds of others is as the last event about them said; of what is still to be told, as it begins.
#[test]
fn what_an_object_holds_is_as_it_was_told() {
    for name in ["static-renditions", "captions", "captions-skipped", "simulcast"] {
        let steps = scenario(name).play(1, AT);
        let mut held = 0;
        for (place, value) in steps.iter().map(read).enumerate() {
            for part in parts(&value) {
                held += 1;
                let before = said(steps[..place].iter().rev(), &part["id"]);
                let told = before.or_else(|| said(steps[place..].iter(), &part["id"]));
                assert_eq!(told.unwrap(), part["status"], "{name}: {}", value["type"]);
            }
        }
        assert!(held > 0, "{name}");
    }
}

/// The objects with a life of their own that one holds.
fn parts(value: &Value) -> Vec<Value> {
    let lists = ["/data/static_renditions/files", "/data/simulcast_targets", "/data/tracks"];
    let lists = lists.iter().filter_map(|list| value.pointer(list)?.as_array());
    lists.flatten().filter(|part| part["type"] != "video" && part["type"] != "audio").cloned().collect()
}

/// The status in the first event about `id`.
fn said<'a>(mut steps: impl Iterator<Item = &'a Step>, id: &Value) -> Option<Value> {
    let value = steps.find_map(|step| Some(read(step)).filter(|value| value["object"]["id"] == *id))?;
    Some(value["data"]["status"].clone())
}
