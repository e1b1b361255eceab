use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{phrase, says};
use crate::mux::catalogue;
use crate::mux::phrase::{MAX_BODY, MAX_PHRASE, Told, tell};

#[test]
fn values_of_other_kinds_are_not_there() {
    for duration in
        [json!("long"), json!(-5), json!(1e300), json!(null), json!([1]), json!("1e999"), json!("NaN")]
    {
        says("video.asset.ready", &json!({"duration": duration, "aspect_ratio": "16:9"}), "16:9");
    }
    says(
        "video.asset.ready",
        &json!({"tracks": {"0": {"type": "video"}}, "aspect_ratio": 7, "playback_ids": "all", "errors": "yes",
            "status": ["ready"], "resolution_tier": {}}),
        "",
    );
    says(
        "video.asset.ready",
        &json!({"tracks": [1, null, {"type": "video", "max_width": -1, "max_height": 2}]}),
        "3 tracks",
    );
    says("video.asset.static_rendition.ready", &json!({"name": "a", "filesize": "-3"}), "a");
    says(
        "robots.job.moderate.errored",
        &json!({"workflow": 3, "errors": {"message": []}, "units_consumed": 1e300}),
        "moderate",
    );
    says("robots.directive_run.created", &json!({"directive_run": 5}), "");
    for data in [json!(null), json!("text"), json!([]), json!(7)] {
        for event in catalogue::all().filter(|event| !event.name.starts_with("robots.job.")) {
            says(event.name, &data, "");
        }
    }
}

#[test]
fn what_is_no_event_tells_nothing() {
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let deep_data = format!(r#"{{"data":{{"status":"ready","x":{deep}}}}}"#);
    for body in [
        "",
        "not json",
        "null",
        "[]",
        r#"{"data":"#,
        r#"{"data":{"status":"\ud800"}}"#,
        r#"{"data":{"status":"ready","duration":1e999}}"#,
        deep.as_str(),
        &deep_data,
    ] {
        assert_eq!(
            tell("video.asset.ready", body.as_bytes()),
            Told::default(),
            "{}",
            &body[..body.len().min(40)]
        );
    }
    assert_eq!(tell("video.asset.ready", b"{\"data\":{\"status\":\"\xff\"}}"), Told::default());
}

#[test]
fn large_bodies_are_left_alone() {
    let body = |length: usize| {
        let beginning = r#"{"data":{"aspect_ratio":"16:9"},"attempts":[{}],"x":""#;
        format!("{beginning}{}\"}}", "x".repeat(length - beginning.len() - 2))
    };
    let told = tell("video.asset.ready", body(MAX_BODY).as_bytes());
    assert!(told.phrase.as_deref() == Some("16:9") && told.tries.is_some());
    for length in [MAX_BODY + 1, 5 << 20] {
        assert_eq!(tell("video.asset.ready", body(length).as_bytes()), Told::default());
    }
}

#[test]
fn of_repeated_keys_the_last_counts() {
    let body = br#"{"data":{"status":"a"},"data":{"status":"b","status":"c"}}"#;
    assert_eq!(tell("x.y.z", body).phrase.as_deref(), Some("c"));
}

#[test]
fn a_long_phrase_is_cut_and_what_is_odd_stays_as_it_is() {
    let long = phrase("video.asset.errored", &json!({"errors": {"messages": ["é\u{1b}[2J\n".repeat(1000)]}}))
        .unwrap();
    assert_eq!(long.chars().count(), MAX_PHRASE);
    assert!(long.starts_with("errored: é\u{1b}[2J\n") && long.ends_with('…'));
    let exact = "x".repeat(MAX_PHRASE);
    says("video.asset.ready", &json!({"aspect_ratio": exact}), &exact);
    says("video.asset.ready", &json!({"aspect_ratio": " \n\t"}), "");
}

#[test]
fn no_secret_is_told_by_any_type() {
    let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl";
    let leak = format!("of hush-key to https://a.example/hush-path?sig=hush-query, hush-phrase, {token}");
    let file = json!({"name": leak, "url": leak});
    let data = json!({
        "stream_key": "hush-key", "srt_passphrase": "hush-phrase", "url": "rtmp://me:hush-key@x.example/hush-path",
        "master": {"status": leak, "url": "https://x.example/hush-path?signature=hush-query"},
        "status": leak, "name": leak, "language_code": leak, "workflow": leak, "resolution": leak, "layout": leak,
        "errors": {"messages": [leak]}, "warning": {"message": leak}, "asset_id": "hush-key", "live_stream_id": "hush-key",
        "latency_mode": leak, "type": leak, "error_severity": leak, "non_standard_input_reasons": {"x": leak},
        "static_renditions": {"files": [file]}, "shots_manifest_url": "https://x.example/hush-path",
        "directive_run": {"status": leak, "node_states": [{"status": "failed", "reason": leak}]},
        "parameters": {"asset_id": "hush-key"}, "data": [{"asset_id": "hush-key", "delivered_seconds": 1}],
    });
    for event in catalogue::all() {
        let told = phrase(event.name, &data).unwrap_or_default();
        assert!(
            !told.is_empty() && !told.contains("hush") && !told.contains("eyJ"),
            "{}: {told}",
            event.name
        );
    }
}

/// Keys and values that the phrases look for, in shapes they may not expect.
fn any_json() -> impl Strategy<Value = Value> {
    const KEYS: &[&str] = &[
        "data",
        "attempts",
        "status",
        "errors",
        "error",
        "messages",
        "message",
        "type",
        "warning",
        "tracks",
        "duration",
        "max_width",
        "max_height",
        "playback_ids",
        "policy",
        "master",
        "url",
        "static_renditions",
        "files",
        "name",
        "filesize",
        "non_standard_input_reasons",
        "latency_mode",
        "reconnect_window",
        "stream_key",
        "directive_run",
        "node_states",
        "reason",
        "robots.job.x.y",
        "workflow",
        "units_consumed",
        "threshold",
        "delivered_seconds",
        "asset_id",
        "max_attempts",
        "response_status_code",
        "token",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,200}".prop_map(Value::from),
        "(video|ready|active|failed|rtmp://|://|@|[?]|=|eyJ|…| |\\PC){0,40}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 64, 6, |inner| {
        let fields = proptest::collection::vec((prop::sample::select(KEYS), inner.clone()), 0..10);
        prop_oneof![
            proptest::collection::vec(inner, 0..4).prop_map(Value::Array),
            fields.prop_map(|fields| {
                let fields = fields.into_iter().map(|(key, value)| (key.to_owned(), value));
                Value::Object(fields.collect::<Map<_, _>>())
            }),
        ]
    })
}

fn any_type() -> impl Strategy<Value = String> {
    let known = prop::sample::select(catalogue::all().map(|event| event.name.to_owned()).collect::<Vec<_>>());
    prop_oneof![4 => known, 1 => "[a-z.]{0,30}", 1 => ".{0,30}"]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_panics_and_the_bound_holds(event_type in any_type(), data in any_json(), attempts in any_json()) {
        let body = json!({"data": data, "attempts": attempts}).to_string();
        if let Some(phrase) = tell(&event_type, body.as_bytes()).phrase {
            prop_assert!((1..=MAX_PHRASE).contains(&phrase.chars().count()), "{}", phrase);
            prop_assert!(!phrase.trim().is_empty());
        }
    }

    #[test]
    fn any_bytes_are_borne(event_type in any_type(), body in proptest::collection::vec(any::<u8>(), 0..300)) {
        let told = tell(&event_type, &body);
        prop_assert!(told.phrase.is_none_or(|phrase| phrase.chars().count() <= MAX_PHRASE));
    }
}
