//! Events whose every field is the worst that a sender can put there: carried byte for byte, shown safely, and NDJSON
//! that a program can read.

use std::collections::HashMap;

use serde_json::value::RawValue;

use crate::home::Home;
use crate::http::{App, Sender};

/// An event; each `@` is a field's value.
const EVENT: &str = r#"{"type":@,"object":{"type":@,"id":@},"id":@,"environment":{"name":@,"id":@},
    "data":{"status":@,"aspect_ratio":@,"duration":@,"passthrough":@,"errors":{"type":@,"messages":[@]}},
    "created_at":@,"attempts":[{"response_status_code":@,"max_attempts":@}]}"#;

/// What may stand in a field.
fn values() -> Vec<Vec<u8>> {
    let depth = 10_000;
    vec![
        b"\"\x1b[2J\xc2\x9b31m\x1b]0;owned\x07\r\x08\x7f\n12:00:00  forged\"".to_vec(),
        br#""\u001b[2J\u009b31m\u0007\r\n12:00:00  forged\u202e\u200b""#.to_vec(),
        br#""\u0000""#.to_vec(),
        b"\"\0\"".to_vec(),
        br#""\ud800""#.to_vec(),
        br#""a\udc00b""#.to_vec(),
        b"\"\xff\xc3(\xed\xa0\x80\"".to_vec(),
        b"1e999".to_vec(),
        b"-1".to_vec(),
        b"18446744073709551616".to_vec(),
        b"null".to_vec(),
        format!("\"{}\"", "世".repeat(5000)).into_bytes(),
        format!("{}1{}", "[".repeat(depth), "]".repeat(depth)).into_bytes(),
        r#"{"a":"#.repeat(depth).into_bytes(),
    ]
}

/// The event with `value` in its field of this number, and something usual in the others.
fn with(number: usize, value: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (field, text) in EVENT.split('@').enumerate() {
        if field > 0 {
            let usual: &[u8] = if field == 1 { br#""video.asset.ready""# } else { br#""x""# };
            body.extend_from_slice(if field == number { value } else { usual });
        }
        body.extend_from_slice(text.as_bytes());
    }
    body
}

fn bodies() -> Vec<Vec<u8>> {
    let fields = EVENT.matches('@').count();
    let values = values();
    let mut bodies: Vec<_> =
        (1..=fields).flat_map(|field| values.iter().map(move |value| with(field, value))).collect();
    bodies.extend(values);
    bodies
}

/// Sends everything to a `listen` with these arguments; gives back what it printed on stdout.
fn told(bodies: &[Vec<u8>], args: &[&str]) -> String {
    let (home, app) = (Home::new(), App::counting());
    let running = home.start(&[&["listen", "-f", &app.url(), "--secret", "key"], args].concat());
    let address = running.address();
    let mut sender = Sender::to(&address).unwrap();
    for body in bodies {
        let header = "mux-signature: t=99999999999999999999,v1=\u{e9}\r\n";
        sender.post(&address, header, body).unwrap().by_app(200, &format!("took {}", body.len()));
    }
    for (body, seen) in bodies.iter().zip(app.seen()) {
        assert_eq!(*body, seen.body, "byte for byte");
    }
    running.stop().with(0, &format!("{0} events · {0} forwarded", bodies.len())).out
}

#[test]
fn a_program_can_read_every_line() {
    let bodies = bodies();
    let out = told(&bodies, &["--json"]);
    // As raw JSON: a number beyond a double's range stands there as it came, and not every reader has room for it.
    let read = |line| -> HashMap<&str, &RawValue> { serde_json::from_str(line).unwrap() };
    let events: Vec<_> = out.lines().map(read).filter(|line| line["kind"].get() == r#""event""#).collect();
    assert_eq!(events.len(), bodies.len());
    for (event, body) in events.iter().zip(&bodies) {
        let text =
            |key: &str| event.get(key).map(|value| serde_json::from_str::<String>(value.get()).unwrap());
        let base64 = |text: String| data_encoding::BASE64.decode(text.as_bytes()).unwrap();
        let whole = text("body").map(String::into_bytes).or_else(|| text("body_base64").map(base64));
        match (event.get("payload"), whole) {
            (Some(payload), None) => assert!(is_same(payload.get(), body), "{}", payload.get()),
            (None, Some(whole)) => assert_eq!(whole, *body),
            other => panic!("one of the two: {other:?}"),
        }
    }
}

/// Whether `payload` is `body`'s JSON: the bytes as they came but for the white space between tokens.
fn is_same(payload: &str, body: &[u8]) -> bool {
    let plain = std::str::from_utf8(body).unwrap().replace("\n    ", "");
    payload == plain
}

#[test]
fn a_person_sees_text_and_nothing_else() {
    for print in ["summary", "all"] {
        let out = told(&bodies(), &["--print", print]);
        let unsafe_char =
            |char: char| (char.is_control() && char != '\n') || "\u{202e}\u{200b}".contains(char);
        assert!(!out.contains(unsafe_char), "{out:?}");
        assert!(!out.lines().any(|line| line.starts_with("12:00:00  forged")), "{out}");
        assert!(out.lines().filter(|line| line.contains("malformed signature")).count() >= bodies().len());
    }
}
