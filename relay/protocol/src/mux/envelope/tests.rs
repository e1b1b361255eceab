use bytes::Bytes;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{Envelope, Subject};

fn peek(text: &str) -> Envelope {
    Envelope::peek(&Bytes::copy_from_slice(text.as_bytes()))
}

fn text_at(body: &Value, pointer: &str) -> Option<bytestring::ByteString> {
    let text = body.pointer(pointer)?.as_str()?;
    (text.len() <= 512).then(|| text.into())
}

/// What a whole parse finds.
fn by_definition(body: &Value) -> Envelope {
    let field = |pointer| text_at(body, pointer);
    Envelope {
        event_type: field("/type"),
        event_id: field("/id"),
        object_type: field("/object/type"),
        object_id: field("/object/id"),
        environment_name: field("/environment/name"),
        environment_id: field("/environment/id"),
    }
}

#[test]
fn what_an_event_is_about_stands_in_its_data_and_since_when_behind() {
    let peek = |text: &str| {
        let Subject { id, created_at } = Subject::peek(&Bytes::copy_from_slice(text.as_bytes()));
        (id.map(|id| id.to_string()), created_at.map(|at| at.to_string()))
    };
    let time = "2026-11-23T10:00:00.000000Z";
    let event = format!(
        r#"{{"type":"x","id":"no","data":{{"tracks":[{{"id":"no"}}],"id":"d1","created_at":1}},"created_at":"{time}","attempts":[]}}"#
    );
    let both = (Some("d1".to_owned()), Some(time.to_owned()));
    assert_eq!(peek(&event), both);
    assert_eq!(peek(&event[..event.len() - 2]), both, "what comes behind is not read");
    assert_eq!(peek(r#"{"data":[],"created_at":"x"}"#), (None, Some("x".into())));
    assert_eq!(peek(r#"{"data":{"id":7}}"#), (None, None));
    for none in ["", "[]", "{}", r#"{"created_at":1}"#, r#"{"a":,"created_at":"x"}"#, r#"{"data":{"id":"x"}"#]
    {
        assert_eq!(peek(none), (None, None), "{none}");
    }
    assert_eq!(Subject::peek(&Bytes::from_static(b"{\"created_at\":\"\xff\"}")), Subject::default());
    assert_eq!(peek(&"[".repeat(10_000)), (None, None));
    assert_eq!(peek(&r#"{"data":"#.repeat(10_000)), (None, None));
}

const EVENT: &str = r#"{
  "type": "video.asset.ready",
  "request_id": null,
  "object": {"type": "asset", "id": "object-1"},
  "id": "event-1",
  "environment": {"name": "Demo \u00e9", "id": "environment-1"},
  "data": {"id": "not this", "type": "nor this"}
}"#;

fn event() -> Envelope {
    Envelope {
        event_type: Some("video.asset.ready".into()),
        event_id: Some("event-1".into()),
        object_type: Some("asset".into()),
        object_id: Some("object-1".into()),
        environment_name: Some("Demo é".into()),
        environment_id: Some("environment-1".into()),
    }
}

#[test]
fn an_event_in_mux_s_order() {
    assert_eq!(peek(EVENT), event());
}

#[test]
fn fields_share_the_body() {
    let body = Bytes::copy_from_slice(EVENT.as_bytes());
    let event_type = Envelope::peek(&body).event_type.unwrap();
    assert!(body.as_ptr_range().contains(&event_type.as_ptr()));
}

#[test]
fn the_order_of_keys_does_not_matter() {
    let text = r#"{"accessor":[{"type":1}],"data":{"type":"x","object":{}},"environment":{"id":"environment-1",
        "name":"Demo é"},"id":"event-1","object":{"id":"object-1","more":{"id":1},"type":"asset"},
        "type":"video.asset.ready"}"#;
    assert_eq!(peek(text), event());
}

#[test]
fn nothing_behind_the_last_field_is_read() {
    let cut = &EVENT[..EVENT.find("data").unwrap()];
    assert_eq!(peek(cut), event());
}

#[test]
fn the_first_of_a_repeated_key_counts() {
    let text = r#"{"type":"a","type":"b","id":7,"id":"x","object":{"id":"c","id":"d","type":null,"type":"e"},"object":{"type":"f"}}"#;
    let expected =
        Envelope { event_type: Some("a".into()), object_id: Some("c".into()), ..Envelope::default() };
    assert_eq!(peek(text), expected);
}

#[test]
fn keys_and_fields_may_be_escaped() {
    let text = r#"{"\u0074ype":"a\"\ud83d\ude00","ob\u006aect":{"i\u0064":"\u0000"}}"#;
    let expected =
        Envelope { event_type: Some("a\"😀".into()), object_id: Some("\0".into()), ..Envelope::default() };
    assert_eq!(peek(text), expected);
}

#[test]
fn a_field_above_the_bound_is_absent() {
    for (unit, length) in [("a", 512), ("\\u0061", 512), ("\\u00e9", 256)] {
        let text = |n: usize| format!(r#"{{"id":"kept","type":"{}"}}"#, unit.repeat(n));
        assert!(peek(&text(length)).event_type.is_some(), "{unit}");
        let above = peek(&text(length + 1));
        assert_eq!((above.event_type, above.event_id.as_deref()), (None, Some("kept")), "{unit}");
    }
}

#[test]
fn what_is_no_object_has_no_fields() {
    let deep = format!(r#"{{"type":"a","x":{}}}"#, "[".repeat(100_000));
    for text in [
        "",
        " ",
        "null",
        "7",
        "\"type\"",
        r#"["type","a"]"#,
        "type=a",
        "{",
        r#"{"type""#,
        r#"{"type":"a""#,
        r#"{"type":"a",}"#,
        r#"{"type":"a"} x"#,
        r#"{"type":"a"}{}"#,
        r#"{"type":"a" "id":"b"}"#,
        r#"{,"type":"a"}"#,
        r#"{"type":"\ud83d"}"#,
        r#"{"type":"a","x":[1,]}"#,
        r#"{"type":"a","object":{"id":"b",}}"#,
        r#"{"type":"a","object":{"id"}}"#,
        &deep,
    ] {
        assert_eq!(peek(text), Envelope::default(), "{text}");
    }
    for body in
        [&b"{\"x\":\"\xff\",\"type\":\"a\"}"[..], b"{\"type\":\"\xff\"}", b"{\"\xff\":1,\"type\":\"a\"}"]
    {
        assert_eq!(Envelope::peek(&Bytes::from_static(body)), Envelope::default());
    }
}

#[test]
fn members_of_another_type_have_no_fields() {
    let text = r#"{"type":1,"id":null,"object":["type","id"],"environment":"x","data":{}}"#;
    assert_eq!(peek(text), Envelope::default());
}

fn field() -> impl Strategy<Value = Value> {
    prop_oneof![
        4 => any::<String>().prop_map(Value::from),
        4 => "[a-z._\"\\\\]{0,20}".prop_map(Value::from),
        1 => (500_usize..520).prop_map(|length| Value::from("a".repeat(length))),
        1 => Just(Value::Null),
        1 => any::<i32>().prop_map(Value::from),
        1 => Just(json!({"type": "x", "id": ["y"], "name": {}})),
    ]
}

fn inner() -> impl Strategy<Value = Value> {
    let key = prop::sample::select(vec!["type", "id", "name", "other", "Type", ""]);
    let member = (key.prop_map(str::to_owned), field());
    let object = prop::collection::vec(member, 0..5).prop_map(|members| Value::from(Map::from_iter(members)));
    prop_oneof![4 => object, 1 => field()]
}

/// The text of an object with these members in this order, each key once.
fn document() -> impl Strategy<Value = String> {
    let key = prop::sample::select(vec![
        "type",
        "id",
        "object",
        "environment",
        "data",
        "created_at",
        "request_id",
        "\u{e9}\"",
        "Id",
    ]);
    let space = prop::sample::select(vec!["", " ", "\n  "]);
    prop::collection::vec((key, prop_oneof![field(), inner()], space), 0..9).prop_map(|mut members| {
        let mut keys = std::collections::HashSet::new();
        members.retain(|(key, _, _)| keys.insert(*key));
        let members: Vec<_> = members
            .iter()
            .map(|(key, value, space)| format!("{space}{}{space}:{space}{value}{space}", Value::from(*key)))
            .collect();
        format!("{{{}}}", members.join(","))
    })
}

proptest! {
    #[test]
    fn agrees_with_a_whole_parse(text in document()) {
        let body = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(peek(&text), by_definition(&body));
        let subject = Subject { id: text_at(&body, "/data/id"), created_at: text_at(&body, "/created_at") };
        prop_assert_eq!(Subject::peek(&text.into()), subject);
    }

    /// Faults show as no fields at all, unless they stand behind the last field; nothing panics.
    #[test]
    fn a_cut_document_has_all_fields_or_none(text in document(), at in any::<prop::sample::Index>()) {
        let body = Bytes::from(text);
        let cut = Envelope::peek(&body.slice(..at.index(body.len())));
        prop_assert!(cut == Envelope::peek(&body) || cut == Envelope::default());
    }

    #[test]
    fn no_bytes_panic(text in document(), bytes in prop::collection::vec(any::<u8>(), 0..8), at in any::<prop::sample::Index>()) {
        let mut body = text.into_bytes();
        let at = at.index(body.len());
        body.splice(at..at, bytes);
        let body = body.into();
        let _ = (Envelope::peek(&body), Subject::peek(&body));
    }
}
