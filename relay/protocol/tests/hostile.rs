//! Bad input to everything that reads an event's body: nothing panics, and each says what it should.

#![allow(clippy::unwrap_used, reason = "a test says what went wrong by panicking")]

use bytes::Bytes;
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::phrase::{Told, tell};
use muxhook_protocol::mux::sample::Event;
use muxhook_protocol::mux::signature::{Fault, Key, Malformed, Verdict, sign, verify};
use muxhook_protocol::mux::{catalogue, json};

/// An event's body up to its data, which is left open.
const HEAD: &str = r#"{"type":"video.asset.ready","object":{"type":"asset","id":"a"},"id":"e","environment":{"name":"n","id":"i"},"data":"#;

/// An event with `data`, written as it goes out.
fn event(data: &str) -> Vec<u8> {
    format!("{HEAD}{data}}}").into_bytes()
}

/// What fits into an event of 5 MiB beside its envelope, in bytes.
const FULL: usize = (5 << 20) - 1024;

fn nested(depth: usize) -> String {
    "[".repeat(depth) + &"]".repeat(depth)
}

/// No JSON, or none that is passed on as such.
fn broken() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("nothing", vec![]),
        ("words", b"not json".to_vec()),
        ("a form", b"type=video.asset.ready&id=1".to_vec()),
        ("cut off", HEAD.into()),
        ("two values", [event("{}"), event("{}")].concat()),
        ("a byte order mark", [b"\xef\xbb\xbf".to_vec(), event("{}")].concat()),
        (
            "UTF-16",
            String::from_utf8(event("{}")).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect(),
        ),
        ("NUL between tokens", event("\0{}")),
        ("NUL in a string", event("{\"passthrough\":\"a\0b\"}")),
        ("a bare escape sequence", event("{\"passthrough\":\"\x1b[2J\"}")),
        ("invalid UTF-8", [HEAD.as_bytes(), b"{\"passthrough\":\"\xff\xc0\x80\"}}"].concat()),
        ("a surrogate in UTF-8", [HEAD.as_bytes(), b"{\"passthrough\":\"\xed\xa0\x80\"}}"].concat()),
        ("a lone surrogate in an escape", event(r#"{"passthrough":"\ud800"}"#)),
        ("a surrogate in an escape behind its other half", event(r#"{"passthrough":"\udc00\ud800"}"#)),
        ("depth 10,000", event(&nested(10_000))),
        ("depth 10,000, unclosed", [HEAD.as_bytes(), &b"[".repeat(10_000)].concat()),
        ("NaN", event(r#"{"duration":NaN}"#)),
        ("a comment", event("{}/*x*/")),
        ("a comma too many", event(r#"{"a":1,}"#)),
    ]
}

/// JSON, but no event.
fn other_shapes() -> [&'static str; 10] {
    [
        "null",
        "true",
        "0",
        "\"video.asset.ready\"",
        "[]",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":null}"#,
        r#"{"type":["a"]}"#,
        r#"{"data":{"type":"a"}}"#,
    ]
}

/// Events that are JSON, and odd.
fn odd() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("data is null", event("null")),
        ("data is a list", event("[]")),
        ("data is a string", event("\"x\"")),
        ("depth 100", event(&nested(100))),
        ("duplicate keys", event(r#"{"passthrough":"a","passthrough":"b","status":1,"status":"ready"}"#)),
        ("escaped NUL", event(r#"{"passthrough":"a\u0000b"}"#)),
        ("an escaped escape sequence", event(r#"{"passthrough":"\u001b]0;x\u0007\u009b2J"}"#)),
        ("every field of another type", event(r#"{"duration":{},"tracks":7,"playback_ids":{"a":[]},"errors":[[]],"meta":false}"#)),
        ("lists of nothing", event(r#"{"tracks":[null,[],1],"playback_ids":[null],"errors":{"messages":[{}]}}"#)),
        ("numbers beyond a double", event(r#"{"duration":-1,"created_at":99999999999999999999999}"#)),
        ("attempts that make no sense", br#"{"type":"video.asset.ready","data":{},"attempts":[null,{"max_attempts":-3,"response_status_code":1e9},7]}"#.to_vec()),
        ("5 MiB in one string", event(&format!("{{\"passthrough\":\"{}\"}}", "x".repeat(FULL)))),
        ("5 MiB of fields", event(&format!("{{\"a\":[{}0]}}", "{\"k\":1},".repeat(FULL / 8)))),
    ]
}

fn is_told_little(told: &Told, of: &str) {
    let phrase = told.phrase.as_deref().unwrap_or_default();
    assert!(phrase.chars().count() <= 160, "{of}: {phrase}");
}

#[test]
fn what_is_no_json_is_no_event_to_anybody() {
    let typed = Match::parse("type=*").unwrap();
    for (of, body) in broken() {
        let mut out = b"before".to_vec();
        assert!(!json::compact(&body, &mut out), "{of}");
        assert_eq!(out, b"before", "{of}");
        assert!(!typed.holds(&body), "{of}");
        // An event is taken in by its outer level, and what can be written again as it stands is.
        let carried = of.contains("surrogate in an escape") || of == "depth 10,000";
        let again = Event::parse(&body).ok().map(|event| event.to_body());
        assert!(again == carried.then_some(body.clone()), "{of}");
        for event_type in catalogue::all() {
            is_told_little(&tell(event_type.name, &body), of);
        }
    }
}

/// Reading ends before `data`: what is wrong behind that point is not its business.
#[test]
fn an_envelope_is_read_only_from_json() {
    for (of, body) in broken() {
        let expected = body.starts_with(HEAD.as_bytes()).then_some("video.asset.ready");
        let envelope = Envelope::peek(&Bytes::from(body));
        assert_eq!(envelope.event_type.as_deref(), expected, "{of}");
    }
    for body in other_shapes() {
        assert_eq!(Envelope::peek(&Bytes::from_static(body.as_bytes())), Envelope::default(), "{body}");
    }
}

#[test]
fn json_of_another_shape_is_json_and_no_event() {
    let typed = Match::parse("type=video.*").unwrap();
    for body in other_shapes() {
        let mut out = Vec::new();
        assert!(json::compact(body.as_bytes(), &mut out), "{body}");
        assert_eq!(out, body.as_bytes());
        assert!(!typed.holds(body.as_bytes()), "{body}");
        assert!(Event::parse(body.as_bytes()).is_err(), "{body}");
        for event_type in catalogue::all() {
            assert_eq!(tell(event_type.name, body.as_bytes()).tries, None, "{body}");
        }
    }
}

#[test]
fn odd_events_are_events() {
    let typed = Match::parse("type=video.asset.*").unwrap();
    for (of, body) in odd() {
        let mut out = Vec::new();
        assert!(json::compact(&body, &mut out), "{of}");
        assert_eq!(out, body, "{of}");
        assert!(typed.holds(&body), "{of}");
        assert_eq!(
            Event::parse(&body).map(|event| event.event_type().to_owned()).as_deref(),
            Ok("video.asset.ready"),
            "{of}"
        );
        for event_type in catalogue::all() {
            is_told_little(&tell(event_type.name, &body), of);
        }
        let envelope = Envelope::peek(&Bytes::from(body));
        assert_eq!(envelope.event_type.as_deref(), Some("video.asset.ready"), "{of}");
    }
}

/// As in JavaScript's `JSON.parse`.
#[test]
fn of_a_repeated_key_the_last_one_counts() {
    let body = event(r#"{"passthrough":"a","passthrough":"b"}"#);
    assert!(Match::parse("data.passthrough=b").unwrap().holds(&body));
    assert!(!Match::parse("data.passthrough=a").unwrap().holds(&body));
}

/// RFC 8259 knows no largest number, so that such an event is carried as it stands; only nothing is told of it.
#[test]
fn a_number_beyond_any_double_is_carried() {
    let body = event(r#"{"duration":1e999}"#);
    let mut out = Vec::new();
    assert!(json::compact(&body, &mut out));
    assert_eq!(out, body);
    assert!(Match::parse("data.duration=1e999").unwrap().holds(&body));
    assert_eq!(Event::parse(&body).map(|event| event.to_body()), Ok(body.clone()));
    assert_eq!(tell("video.asset.ready", &body), Told::default());
}

/// Each string of each type's own sample, made into a terminal's orders and far too long.
#[test]
fn hostile_strings_in_every_field_tell_no_more_than_a_line() {
    for event_type in catalogue::all() {
        let body = Event::of(event_type, 1, 1_718_058_161_488).to_body();
        let mut value = serde_json::from_slice(&body).unwrap();
        poison(&mut value);
        let body = serde_json::to_vec(&value).unwrap();
        is_told_little(&tell(event_type.name, &body), event_type.name);
        assert!(json::compact(&body, &mut Vec::new()), "{}", event_type.name);
        assert!(Match::parse("id=*").unwrap().holds(&body), "{}", event_type.name);
    }
}

fn poison(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::String(text) => *text = "\u{1b}[2J\u{9b}1A\r\n\0\u{202e}\u{7f}".repeat(200),
        serde_json::Value::Array(list) => list.iter_mut().for_each(poison),
        serde_json::Value::Object(fields) => fields.values_mut().for_each(poison),
        _ => {}
    }
}

#[test]
fn any_bytes_can_be_signed_and_any_header_read() {
    let keys = [Key::new("a-secret-of-a-test").unwrap()];
    for (of, body) in broken().into_iter().chain(odd()) {
        let header = sign(&keys[0], 1000, &body);
        let verdict = |header: &[u8], body: &[u8]| verify(Some(header), body, &keys, 1000);
        assert_eq!(verdict(header.as_bytes(), &body), Verdict::Valid { age: 0, key: 0 }, "{of}");
        let other = [&body[..], b" "].concat();
        assert_eq!(verdict(header.as_bytes(), &other), Verdict::Invalid(Fault::NoMatch), "{of}");
        // A body in the header's place.
        let verdict = verdict(&body, &body);
        assert!(matches!(verdict, Verdict::Invalid(_) | Verdict::Missing), "{of}: {verdict:?}");
    }
}

#[test]
fn hostile_headers_are_refused_with_the_reason() {
    let keys = [Key::new("a-secret-of-a-test").unwrap()];
    let no_time = Fault::Malformed(Malformed::NoTimestamp);
    let long = format!("t=1{}", ",v1=".repeat(200_000));
    for (header, fault) in [
        (&b"\0"[..], no_time),
        (b"t=", no_time),
        (b"t=\x1b[2J,v1=a", no_time),
        (b"t=99999999999999999999,v1=a", no_time),
        (b"\xff\xfet=1,v1=a", no_time),
        (b"t=1", Fault::Malformed(Malformed::NoSignature)),
        (b"t=1,V1=a,v2=b", Fault::Malformed(Malformed::NoSignature)),
        (b"t=1,v1=", Fault::NoMatch),
        (b"t=9223372036854775807,v1=a", no_time),
        (b"t=-9223372036854775808,v1=a", no_time),
        (long.as_bytes(), Fault::NoMatch),
    ] {
        let verdict = verify(Some(header), b"{}", &keys, i64::MAX);
        assert_eq!(verdict, Verdict::Invalid(fault), "{}", header[..header.len().min(40)].escape_ascii());
    }
    for nothing in [None, Some(&b""[..])] {
        assert_eq!(verify(nothing, b"{}", &keys, 0), Verdict::Missing);
    }
}
