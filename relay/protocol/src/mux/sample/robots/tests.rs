use serde_json::Value;

use super::{Draw, Job, Run, WORKFLOWS, directive_run, job};

const STATUSES: [&str; 5] = ["pending", "processing", "completed", "errored", "cancelled"];

/// The film's length, as its asset has it.
const SECONDS: f64 = 252.419;

fn data(workflow: &str, status: &str) -> Value {
    let moment = Job { workflow, status, id: "j1", asset: "a1", created: 100, updated: 124 };
    job(&moment, &mut Draw::new(7))
}

#[test]
fn a_job_asks_for_the_same_at_each_status() {
    for workflow in WORKFLOWS {
        let pending = data(workflow, "pending");
        assert_eq!(pending["parameters"]["asset_id"], "a1", "{workflow}");
        for status in STATUSES {
            let data = data(workflow, status);
            assert_eq!(data["parameters"], pending["parameters"], "{workflow}");
            assert_eq!(data["status"], status);
            assert_eq!(data.get("outputs").is_some(), status == "completed", "{workflow} {status}");
            assert_eq!(data.get("errors").is_some(), status == "errored", "{workflow} {status}");
        }
    }
}

#[test]
fn every_workflow_makes_something_of_its_own() {
    let outputs: Vec<_> = WORKFLOWS.map(|workflow| data(workflow, "completed")["outputs"].take()).into();
    for (place, output) in outputs.iter().enumerate() {
        assert!(output.as_object().is_some_and(|fields| !fields.is_empty()), "{}", WORKFLOWS[place]);
        assert_eq!(outputs.iter().position(|other| other == output), Some(place));
    }
}

/// Calls `look` with each field inside `value` and its name.
fn walk(value: &Value, look: &mut impl FnMut(&str, &Value)) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            look(name, value);
            walk(value, look);
        }),
        Value::Array(list) => list.iter().for_each(|value| walk(value, look)),
        _ => {}
    }
}

#[test]
fn times_lie_within_the_film_and_scores_between_none_and_one() {
    let mut seen = 0;
    for workflow in WORKFLOWS {
        walk(&data(workflow, "completed")["outputs"], &mut |name, value| {
            let Some(number) = value.as_f64() else { return };
            let most = match name {
                "total_replacement_count" | "shot_count" => return,
                "start_time" | "time" => SECONDS,
                "start_ms" | "end_ms" | "timestamp_ms" => SECONDS * 1000.0,
                _ => 1.0,
            };
            seen += 1;
            assert!((0.0..=most).contains(&number), "{workflow}: {name} is {number}");
        });
    }
    assert!(seen > 50);
}

#[test]
fn parts_have_a_length_and_follow_each_other() {
    for (workflow, list) in [
        ("find_key_moments", "moments"),
        ("find_scenes", "scenes"),
        ("generate_engagement_insights", "moment_insights"),
    ] {
        let data = data(workflow, "completed");
        let mut last = 0;
        for part in data["outputs"][list].as_array().unwrap() {
            let (start, end) = (part["start_ms"].as_u64().unwrap(), part["end_ms"].as_u64().unwrap());
            assert!(last <= start && start < end, "{workflow}: {start} to {end}");
            walk(part, &mut |name, value| {
                let inside = || (start..=end).contains(&value.as_u64().unwrap());
                assert!(!name.ends_with("_ms") || inside(), "{workflow}: {name} is {value}");
            });
            last = end;
        }
    }
    let chapters = data("generate_chapters", "completed")["outputs"]["chapters"].take();
    let starts: Vec<_> =
        chapters.as_array().unwrap().iter().map(|chapter| chapter["start_time"].as_f64()).collect();
    assert!(starts.is_sorted_by(|one, next| one < next) && starts[0] == Some(0.0), "{starts:?}");
}

#[test]
fn a_flagged_film_is_one_above_a_threshold() {
    let data = data("moderate", "completed");
    let (outputs, thresholds) = (&data["outputs"], &data["parameters"]["thresholds"]);
    for kind in ["sexual", "violence"] {
        let scores = outputs["thumbnail_scores"].as_array().unwrap().iter().map(|score| &score[kind]);
        let most = scores.filter_map(Value::as_f64).fold(0.0, f64::max);
        assert_eq!(outputs["max_scores"][kind], most);
        assert!(most < thresholds[kind].as_f64().unwrap());
    }
    assert_eq!(outputs["exceeds_threshold"], false);
}

#[test]
fn a_run_is_complete_when_it_no_longer_runs() {
    for (status, own, nodes) in [
        ("created", "pending", ["waiting_for_resources", "waiting_for_source_workflow"]),
        ("completed", "completed", ["dispatched", "dispatched"]),
        ("partial", "partial", ["dispatched", "failed"]),
        ("errored", "errored", ["failed", "failed"]),
    ] {
        let run = Run { status, id: "r1", asset: "a1", environment: "e1", at: 1000 };
        let run = directive_run(&run, &mut Draw::new(7))["directive_run"].take();
        assert_eq!(run["status"], own);
        assert_eq!([0, 1].map(|place| run["node_states"][place]["status"].clone()), nodes);
        let completed = if status == "created" { Value::Null } else { 1000.into() };
        assert_eq!(run["completed_at"], completed);
        assert!(run["started_at"].as_u64() <= Some(1000));
    }
}
