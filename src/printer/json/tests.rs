use std::collections::BTreeSet;

use proptest::prelude::*;
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::*;
use crate::event::{Received, Reconnected};
use crate::printer::fixture::{AT, arrival, session};

fn line(event: &Event) -> String {
    let mut out = Vec::new();
    render(AT, event, &mut out);
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches('\n').count(), 1);
    text.strip_suffix('\n').unwrap().to_owned()
}

fn received(change: impl FnOnce(&mut Arrival)) -> Event {
    Event::Received(Received { arrival: arrival(change), awaited: true })
}

/// An object's keys, in order.
struct Keys(Vec<String>);

impl<'de> Deserialize<'de> for Keys {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Keys;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Keys, A::Error> {
                let mut keys = Vec::new();
                while let Some((key, IgnoredAny)) = map.next_entry()? {
                    keys.push(key);
                }
                Ok(Keys(keys))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// The contract: what scripts rely on.
fn keys_of(kind: &str) -> &'static str {
    match kind {
        "ready" => "public_url endpoint forward_to relay embedded",
        "event" => {
            "delivery seq attempt received_at method path query headers event_id event_type known_type object \
             environment signature signature_age_s duplicate_of out_of_order owed replayed payload"
        }
        "forwarded" => "delivery event_id event_type target status latency_ms late hint",
        "failed" => "delivery event_id event_type target reason message hint",
        "skipped" => "delivery event_id event_type filter",
        "refused" => "delivery event_id event_type signature message hint",
        "disconnected" => "reason retry_in_ms",
        "reconnected" => "down_ms missed",
        "gap" => "from_seq to_seq count why",
        "notice" => "code message",
        "summary" => "events forwarded rejected failed skipped refused duplicates uptime_s",
        _ => panic!("no such kind: {kind}"),
    }
}

#[test]
fn every_kind_has_exactly_its_keys_in_order() {
    let mut seen = BTreeSet::new();
    for event in session() {
        let line = line(&event);
        let Keys(keys) = serde_json::from_str(&line).unwrap();
        let value: Value = serde_json::from_str(&line).unwrap();
        let kind = value["kind"].as_str().unwrap().to_owned();
        assert_eq!(keys.join(" "), format!("v kind at {}", keys_of(&kind)));
        seen.insert(kind);
    }
    assert_eq!(seen.len(), 11);
}

#[test]
fn a_session() {
    insta::assert_snapshot!(session().iter().map(line).collect::<Vec<_>>().join("\n"));
}

#[test]
fn a_payload_keeps_its_tokens() {
    let line = line(&received(|_| {}));
    let tokens = r#""data":{"stream_key":"super-secret","srt_passphrase":"hush","max":1.0e+30,"max":12345678901234567890}}}"#;
    assert!(line.ends_with(tokens), "{line}");
}

#[test]
fn other_bodies_are_text_or_base64() {
    let tail = |body: &'static [u8]| {
        let line = line(&received(|it| it.delivery.body = body.into()));
        line.split_once(r#""replayed":false,"#).unwrap().1.to_owned()
    };
    assert_eq!(tail(b""), r#""body":""}"#);
    assert_eq!(tail(b"a\n\"b\""), r#""body":"a\n\"b\""}"#);
    assert_eq!(tail(br#"{"lone":"\ud800"}"#), r#""body":"{\"lone\":\"\\ud800\"}"}"#);
    assert_eq!(tail(b"\xff\x00\x01"), r#""body_base64":"/wAB"}"#);
    assert_eq!(tail(b" [1, 2]\n"), r#""payload":[1,2]}"#);
}

#[test]
fn what_is_not_known_is_null() {
    let bare = received(|it| {
        it.envelope = muxhook_protocol::mux::envelope::Envelope::default();
        it.envelope.object_id = Some("x".into());
        it.delivery.query = None;
    });
    let value: Value = serde_json::from_str(&line(&bare)).unwrap();
    for key in ["query", "event_id", "event_type", "environment", "signature_age_s", "duplicate_of"] {
        assert_eq!(value[key], Value::Null, "{key}");
    }
    assert_eq!(value["object"], serde_json::json!({ "type": null, "id": "x" }));
    let back = Event::Reconnected(Reconnected { down: std::time::Duration::ZERO, missed: None });
    assert!(line(&back).ends_with(r#""down_ms":0,"missed":null}"#));
}

#[test]
fn any_time_can_be_written() {
    let mut out = Vec::new();
    render(u64::MAX, &received(|it| it.delivery.received_at = 0), &mut out);
    let value: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(value["at"], "9999-12-30T22:00:00.999Z");
    assert_eq!(value["received_at"], "1970-01-01T00:00:00.000Z");
}

proptest! {
    #[test]
    fn whatever_is_sent_makes_one_line_of_json(
        body in prop_oneof![
            any::<Vec<u8>>(),
            any::<String>().prop_map(String::into_bytes),
            any::<String>().prop_map(|text| serde_json::json!({ text.clone(): text }).to_string().into_bytes()),
        ],
        text in any::<String>(),
        value in any::<Vec<u8>>(),
    ) {
        let sent = body.clone();
        let event = received(|it| {
            it.delivery.body = body.into();
            it.delivery.path = text.clone().into();
            it.envelope.event_type = Some(text.clone().into());
            it.delivery.headers.push(text.clone(), value);
        });
        let line = line(&event);
        prop_assert!(!line.contains(crate::printer::escape::is_unsafe));
        let read: Value = serde_json::from_str(&line).unwrap();
        prop_assert_eq!(read["event_type"].as_str(), Some(&*text));
        match (&read["payload"], read["body"].as_str(), read["body_base64"].as_str()) {
            (_, Some(body), None) => prop_assert_eq!(body.as_bytes(), &*sent),
            (_, None, Some(body)) => prop_assert_eq!(data_encoding::BASE64.decode(body.as_bytes()).unwrap(), sent),
            (payload, ..) => prop_assert_eq!(payload, &serde_json::from_slice::<Value>(&sent).unwrap()),
        }
    }
}
