//! The checker refuses each kind of fault, and says where it is.

use serde_json::{Value, json};

use super::checker::check;

const ASSET: &str = "video.asset.ready";
const JOB: &str = "robots.job.ask_questions.completed";
const RUN: &str = "robots.directive_run.created";

/// An event without a fault.
fn sound(event_type: &str) -> Value {
    let (object, data) = match event_type {
        ASSET => ("asset", asset()),
        JOB => ("job", job()),
        _ => ("run", run()),
    };
    json!({
        "type": event_type, "request_id": null, "object": {"type": object, "id": "o1"},
        "id": "fe518ca9-6845-4685-9f3b-d44d62462c14", "environment": {"name": "Development", "id": "km8j7v"},
        "data": data, "created_at": "2021-06-10T04:02:13.000000Z", "attempts": [],
        "accessor_source": null, "accessor": null
    })
}

fn asset() -> Value {
    json!({
        "id": "o1", "created_at": 1_649_777_509, "encoding_tier": "smart", "master_access": "none",
        "max_resolution_tier": "1080p", "progress": {"progress": 100, "state": "completed"}, "status": "ready",
        "playback_ids": [{"id": "p1", "policy": "public"}]
    })
}

fn job() -> Value {
    json!({
        "id": "o1", "workflow": "ask-questions", "status": "completed", "units_consumed": 1, "created_at": 1,
        "updated_at": 2, "parameters": {"asset_id": "a1", "questions": [{"question": "Is it day?"}]},
        "outputs": {"answers": [
            {"answer": null, "confidence": 0, "question": "Is it day?", "reasoning": "", "skipped": true}
        ]}
    })
}

fn run() -> Value {
    json!({
        "created_at": 1, "environment_id": "km8j7v", "internal_id": "i1",
        "directive_run": {
            "id": "o1", "asset_id": "a1", "completed_at": null, "directive_id": "d1", "started_at": 1,
            "status": "running",
            "node_states": [
                {"status": "dispatched", "reference_id": "n1", "job_id": "j1", "workflow_name": "summarize"},
                {"status": "failed", "reference_id": "n2", "reason": "no captions"}
            ]
        }
    })
}

/// A sound event of this type, with the value at `pointer` (RFC 6901) changed, or taken out.
fn broken(event_type: &str, pointer: &str, value: Option<Value>) -> Value {
    let mut event = sound(event_type);
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    let parent = event.pointer_mut(parent).unwrap();
    match (value, parent) {
        (Some(value), Value::Array(list)) => list[name.parse::<usize>().unwrap()] = value,
        (Some(value), parent) => parent[name] = value,
        (None, parent) => drop(parent.as_object_mut().unwrap().remove(name).unwrap()),
    }
    event
}

#[test]
fn without_a_fault_it_says_nothing() {
    for event_type in [ASSET, JOB, RUN] {
        assert_eq!(check(&sound(event_type)), [""; 0], "{event_type}");
    }
}

fn refused(event_type: &str, table: &[(&str, Option<Value>, &str)]) {
    for (pointer, value, fault) in table {
        assert_eq!(check(&broken(event_type, pointer, value.clone())), [*fault], "{pointer}: {value:?}");
    }
}

#[test]
fn an_envelope_that_is_not_mux_s_is_refused() {
    let uuid = "uuid";
    let long = "2021-06-10T04:02:13.000Z";
    refused(
        ASSET,
        &[
            ("/id", None, "id is missing"),
            ("/accessor", None, "accessor is missing"),
            ("/request_id", Some(json!("r")), "request_id is \"r\", not null"),
            ("/delivery", Some(json!(1)), "delivery is unknown"),
            ("/id", Some(json!("1")), &format!("id is \"1\", not {uuid}")),
            (
                "/id",
                Some(json!("FE518CA9-6845-4685-9F3B-D44D62462C14")),
                "id is \"FE518CA9-6845-4685-9F3B-D44D62462C14\", not uuid",
            ),
            ("/created_at", Some(json!(long)), &format!("created_at is \"{long}\", not instant")),
            ("/created_at", Some(json!(1_649_777_509)), "created_at is 1649777509, not instant"),
            ("/environment/id", Some(json!("KM8J7V")), "environment.id is \"KM8J7V\", not environment"),
            ("/environment/name", None, "environment.name is missing"),
            ("/object/type", Some(json!("upload")), "object.type is \"upload\", not \"asset\""),
            ("/object/id", Some(json!("o2")), "object.id is \"o2\", not \"o1\""),
            (
                "/type",
                Some(json!("video.asset.eaten")),
                "type is \"video.asset.eaten\", which the tables don't know",
            ),
            ("/attempts", Some(json!({})), "attempts is an object, not array"),
            ("/attempts", Some(json!([1])), "attempts[0] is 1, not @Attempt"),
            ("/attempts", Some(json!([{"status": 500}])), "attempts[0].status is unknown"),
            (
                "/attempts",
                Some(json!([{"response_headers": {"a.b": 1}}])),
                "attempts[0].response_headers.a.b is 1, not string",
            ),
            (
                "/attempts",
                Some(json!([{"max_attempts": 30.5}])),
                "attempts[0].max_attempts is 30.5, not integer",
            ),
        ],
    );
}

#[test]
fn data_that_is_not_mux_s_is_refused() {
    refused(
        ASSET,
        &[
            ("/data/master_access", None, "data.master_access is missing"),
            ("/data/progress/state", None, "data.progress.state is missing"),
            ("/data/playback_ids/0/policy", None, "data.playback_ids[0].policy is missing"),
            ("/data/size", Some(json!(1)), "data.size is unknown"),
            ("/data/meta.title", Some(json!("t")), "data.meta.title is unknown"),
            ("/data/playback_ids[]", Some(json!({})), "data.playback_ids[] is unknown"),
            ("/data/meta", Some(json!({"owner": "a"})), "data.meta.owner is unknown"),
            ("/data/status", Some(json!("preparing")), "data.status is \"preparing\", not \"ready\""),
            (
                "/data/encoding_tier",
                Some(json!("best")),
                "data.encoding_tier is \"best\", not smart|baseline|premium",
            ),
            ("/data/duration", Some(json!("10")), "data.duration is \"10\", not number"),
            ("/data/duration", Some(json!(null)), "data.duration is null, not number"),
            ("/data/created_at", Some(json!("1649777509")), "data.created_at is \"1649777509\", not integer"),
            ("/data/created_at", Some(json!(1.5)), "data.created_at is 1.5, not integer"),
            ("/data/errors", Some(json!({"messages": [1]})), "data.errors.messages[0] is 1, not string"),
            ("/data/playback_ids/0", Some(json!("p1")), "data.playback_ids[0] is \"p1\", not @PlaybackId"),
        ],
    );
}

#[test]
fn a_job_that_is_not_mux_s_is_refused() {
    refused(
        JOB,
        &[
            ("/data/units_consumed", None, "data.units_consumed is missing"),
            (
                "/data/workflow",
                Some(json!("ask_questions")),
                "data.workflow is \"ask_questions\", not ask-questions",
            ),
            ("/data/parameters/questions", None, "data.parameters.questions is missing"),
            ("/data/outputs", None, "that data.outputs is there is false, not true"),
            ("/data/errors", Some(json!([])), "that data.errors is there is true, not false"),
            ("/data/outputs/answers/0/answer", None, "data.outputs.answers[0].answer is missing"),
            (
                "/data/outputs/answers/0/skipped",
                Some(json!(0)),
                "data.outputs.answers[0].skipped is 0, not boolean",
            ),
            ("/data/outputs/summary", Some(json!("")), "data.outputs.summary is unknown"),
        ],
    );
}

#[test]
fn a_directive_run_that_is_not_mux_s_is_refused() {
    let node = "data.directive_run.node_states";
    refused(
        RUN,
        &[
            (
                "/data/environment_id",
                Some(json!("aaaaaa")),
                "data.environment_id is \"aaaaaa\", not \"km8j7v\"",
            ),
            ("/data/directive_run/completed_at", None, "data.directive_run.completed_at is missing"),
            (
                "/data/directive_run/completed_at",
                Some(json!(0.5)),
                "data.directive_run.completed_at is 0.5, not integer|null",
            ),
            ("/data/directive_run/node_states/0/job_id", None, &format!("{node}[0].job_id is missing")),
            (
                "/data/directive_run/node_states/1/job_id",
                Some(json!("j")),
                &format!("{node}[1].job_id is unknown"),
            ),
            (
                "/data/directive_run/node_states/1/status",
                Some(json!("lost")),
                &format!("{node}[1].status is \"lost\", not failed"),
            ),
        ],
    );
}

#[test]
fn what_is_no_event_is_refused() {
    for value in [json!(null), json!([]), json!("video.asset.ready"), json!({})] {
        assert!(!check(&value).is_empty(), "{value}");
    }
    let event = broken(ASSET, "/data", Some(json!([])));
    assert!(check(&event).contains(&"data is a list, not @Asset".to_owned()));
}
