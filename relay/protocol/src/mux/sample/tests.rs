use serde_json::{Value, json};

use super::{Attempt, Event, MAX_EVENT, NoEvent, NoField};
use crate::mux::catalogue;
use crate::mux::field::Path;

const AT: u64 = 1_700_000_000_123;

fn ready() -> Event {
    Event::of(catalogue::find("video.asset.ready").unwrap(), 7, AT)
}

fn read(event: &Event) -> Value {
    serde_json::from_slice(&event.to_body()).unwrap()
}

fn path(text: &str) -> Path {
    Path::parse(text).unwrap()
}

#[test]
fn an_event_has_the_envelope_of_the_captures() {
    let event = ready();
    let value = read(&event);
    let asset = value["data"]["id"].as_str().unwrap();
    let environment = value["environment"]["id"].as_str().unwrap();
    assert_eq!(
        String::from_utf8(event.to_body()).unwrap().split_once(r#","data":"#).unwrap().0,
        format!(
            r#"{{"type":"video.asset.ready","request_id":null,"object":{{"type":"asset","id":"{asset}"}},"id":"{}","environment":{{"name":"Development","id":"{environment}"}}"#,
            event.id()
        )
    );
    assert!(event.to_body().ends_with(
        br#","created_at":"2023-11-14T22:13:20.123000Z","attempts":[],"accessor_source":null,"accessor":null}"#
    ));
    assert_eq!(event.event_type(), "video.asset.ready");
}

/// A field's path, its new value, and what comes of it.
type Change = (&'static str, Value, Result<(), NoField>);

#[test]
fn fields_are_set() {
    let missing = |path: &str| Err(NoField::Missing(path.to_owned()));
    let inside = |path: &str| Err(NoField::Inside(path.to_owned()));
    let not_text = |key: &str| Err(NoField::NotText(key.to_owned()));
    let changes: [Change; 14] = [
        ("data.passthrough", json!("alice"), Ok(())),
        ("data.meta.creator_id", json!({ "b": 1, "a": 2 }), Ok(())),
        ("data.new", json!(null), Ok(())),
        ("data.tracks.0.max_width", json!(640), Ok(())),
        ("data.tracks.2", json!({ "id": "x" }), Ok(())),
        ("type", json!("video.new.kind"), Ok(())),
        ("id", json!("my \"own\""), Ok(())),
        ("data", json!([]), Ok(())),
        ("data.nothing.here", json!(1), missing("data.nothing")),
        ("data.tracks.3", json!(1), missing("data.tracks.3")),
        ("data.tracks.7.id", json!(1), missing("data.tracks.7")),
        ("data.passthrough.x", json!(1), inside("data.passthrough")),
        ("type", json!(7), not_text("type")),
        ("id", json!(null), not_text("id")),
    ];
    for (at, value, result) in changes {
        let mut event = ready();
        assert_eq!(event.set(&path(at), value.clone()), result, "{at}");
        let pointer = format!("/{}", at.replace('.', "/"));
        match result {
            Ok(()) => assert_eq!(read(&event).pointer(&pointer), Some(&value), "{at}"),
            Err(_) => assert_eq!(event, ready(), "{at}"),
        }
        assert_eq!(event, Event::parse(&event.to_body()).unwrap(), "{at}");
    }
}

#[test]
fn a_new_field_keeps_the_order_of_keys() {
    let mut event = ready();
    for key in ["zz", "aa", "mm"] {
        event.set(&path(&format!("data.{key}")), json!(1)).unwrap();
    }
    let fields = super::Fields::read(&event.body).unwrap().get("data").unwrap().to_owned();
    assert!(fields.starts_with(r#"{"zz":1,"video_quality""#), "{fields}");
    assert!(fields.contains(r#","mm":1,"meta""#) && fields.ends_with(r#","aa":1}"#), "{fields}");
}

#[test]
fn fields_are_unset() {
    let missing = |path: &str| Err(NoField::Missing(path.to_owned()));
    for (at, result) in [
        ("data.passthrough", Ok(())),
        ("data.tracks.1", Ok(())),
        ("data.meta", Ok(())),
        ("id", Ok(())),
        ("data.none", missing("data.none")),
        ("data.none.x", missing("data.none")),
        ("data.tracks.2", missing("data.tracks.2")),
        ("data.id.x", Err(NoField::Inside("data.id".to_owned()))),
        ("type", Err(NoField::NotText("type".to_owned()))),
    ] {
        let mut event = ready();
        assert_eq!(event.unset(&path(at)), result, "{at}");
        let pointer = format!("/{}", at.replace('.', "/"));
        match result {
            Ok(()) => assert_eq!(read(&event).pointer(&pointer), None, "{at}"),
            Err(_) => assert_eq!(event, ready(), "{at}"),
        }
        assert_eq!(event, Event::parse(&event.to_body()).unwrap(), "{at}");
    }
}

#[test]
fn what_was_parsed_comes_out_to_the_byte() {
    let text = b" {\r\n \"z\": 1.0, \"type\" : \"x\\u0041\", \"n\": 12345678901234567890123, \"id\": 4, \"z\": 1e999}\n";
    let mut event = Event::parse(text).unwrap();
    assert_eq!((event.event_type(), event.id(), event.to_body()), ("xA", "", text.to_vec()));
    event.set(&path("id"), json!("e1")).unwrap();
    let changed = r#"{"z":1.0,"type":"x\u0041","n":12345678901234567890123,"id":"e1","z":1e999}"#;
    assert_eq!((event.id(), String::from_utf8(event.to_body()).unwrap()), ("e1", format!(" {changed}\n")));
}

#[test]
fn what_is_no_event_is_refused() {
    for (text, says) in [
        (&b""[..], "it is no JSON: EOF while parsing a value at line 1 column 0"),
        (b"{\"type\":\"x\"", "it is no JSON: EOF while parsing an object at line 1 column 11"),
        (b"{\"type\":\"x\"} {}", "it is no JSON: trailing characters at line 1 column 14"),
        (b"{\"type\":\"\xff\"}", "it is no JSON: invalid utf-8 sequence of 1 bytes from index 9"),
        (b"[]", "it is no Mux event: that is a JSON object with a `type`"),
        (b"\"type\"", "it is no Mux event: that is a JSON object with a `type`"),
        (b"{}", "it is no Mux event: that is a JSON object with a `type`"),
        (b"{\"type\":null}", "it is no Mux event: that is a JSON object with a `type`"),
        (b"{\"type\":\"\\ud800\"}", "it is no Mux event: that is a JSON object with a `type`"),
    ] {
        assert_eq!(Event::parse(text).unwrap_err().to_string(), says);
    }
    let sized = |size: usize| format!("{{\"type\":\"x\",\"a\":\"{}\"}}", "a".repeat(size - 19));
    assert!(Event::parse(sized(MAX_EVENT).as_bytes()).is_ok());
    assert_eq!(Event::parse(sized(MAX_EVENT + 1).as_bytes()), Err(NoEvent::TooLarge));
    let deep = format!("{{\"type\":\"x\",\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(Event::parse(deep.as_bytes()).unwrap().to_body(), deep.as_bytes());
}

fn refused() -> Attempt {
    Attempt {
        at: AT + 1000,
        address: "http://localhost:3000/api/mux".to_owned(),
        status: Some(400),
        headers: vec![
            ("Date".to_owned(), "today".to_owned()),
            ("Vary".to_owned(), "a".to_owned()),
            ("vary".to_owned(), "b".to_owned()),
        ],
        body: Some("bad request".to_owned()),
    }
}

#[test]
fn failed_attempts_are_listed_as_in_the_captures() {
    let mut event = ready();
    let id = event.id().to_owned();
    event.push_attempt(&refused());
    let value = read(&event);
    let (attempt, webhook) = (&value["attempts"][0]["id"], &value["attempts"][0]["webhook_id"]);
    let listed = format!(
        r#""attempts":[{{"webhook_id":{webhook},"response_status_code":400,"response_headers":{{"vary":"a, b","date":"today"}},"response_body":"bad request","max_attempts":30,"id":{attempt},"created_at":"2023-11-14T22:13:21.123000Z","address":"http://localhost:3000/api/mux"}}],"accessor_source""#
    );
    assert!(String::from_utf8(event.to_body()).unwrap().contains(&listed), "{value:#}");
    assert_eq!(uuid::Uuid::parse_str(attempt.as_str().unwrap()).unwrap().get_version_num(), 4);

    event.push_attempt(&Attempt { status: None, ..refused() });
    let attempts = read(&event)["attempts"].clone();
    let keys: Vec<_> = attempts[1].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["address", "created_at", "id", "max_attempts", "webhook_id"]);
    assert_ne!(attempts[0]["id"], attempts[1]["id"]);
    assert_eq!(attempts[0]["webhook_id"], attempts[1]["webhook_id"]);
    assert_eq!((event.id(), attempts.as_array().unwrap().len()), (id.as_str(), 2));
}

#[test]
fn attempts_that_are_no_list_become_one() {
    for text in [r#"{"type":"x"}"#, r#"{"type":"x","attempts":null}"#, r#"{"type":"x","attempts":{"a":1}}"#] {
        let mut event = Event::parse(text.as_bytes()).unwrap();
        event.push_attempt(&refused());
        assert_eq!(read(&event)["attempts"].as_array().unwrap().len(), 1, "{text}");
    }
}

#[test]
fn of_a_long_answer_the_beginning_is_listed() {
    let mut event = ready();
    event.push_attempt(&Attempt { body: Some("é".repeat(20_000)), ..refused() });
    event.push_attempt(&Attempt { body: Some(format!("x{}", "é".repeat(20_000))), ..refused() });
    let length = |nth: usize| read(&event)["attempts"][nth]["response_body"].as_str().unwrap().len();
    assert_eq!((length(0), length(1)), (16 * 1024, 16 * 1024 - 1));
}
