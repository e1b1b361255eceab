mod types;

use std::time::Duration;

use bytes::Bytes;
use jiff::tz::{self, TimeZone};
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::mux::signature::{Fault, Header, Verdict};
use muxhook_protocol::mux::{catalogue, sample};
use muxhook_protocol::{FailReason, Reply};
use proptest::prelude::*;
use unicode_width::UnicodeWidthStr as _;

use super::*;
use crate::event::{Arrival, Failed, Forwarded, Level, Notice, Ready, Received, Refused, Skipped};
use crate::printer::escape::is_unsafe;
use crate::printer::fixture::{AT, arrival, failed, forwarded, ready, refused, reply, session};

fn human(color: bool, unicode: bool) -> Human {
    let style = Style { color, unicode };
    Human {
        out: style,
        err: style,
        zone: TimeZone::fixed(tz::offset(2)),
        width: None,
        print: Print::Summary,
        show_secrets: false,
        quiet: false,
        keys: false,
    }
}

/// What each stream gets, in order; every line says which stream it is, and escape sequences are to be seen.
fn scene(human: &Human, events: &[Event]) -> String {
    let mut text = String::new();
    for event in events {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        human.render_out(AT, event, &mut out);
        human.render_err(AT, event, &mut err);
        for (name, bytes) in [("out", out), ("err", err)] {
            for line in String::from_utf8(bytes).unwrap().replace('\x1b', "␛").lines() {
                text.push_str(format!("{name}| {line}").trim_end());
                text.push('\n');
            }
        }
    }
    text
}

#[test]
fn a_session_in_unicode() {
    insta::assert_snapshot!(scene(&human(false, true), &session()));
}

#[test]
fn a_session_in_ascii() {
    let text = scene(&human(false, false), &session());
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn a_session_in_colour() {
    insta::assert_snapshot!(scene(&human(true, true), &session()));
}

#[test]
fn quiet_leaves_the_lines_and_the_warnings() {
    let quiet = Human { quiet: true, ..human(false, true) };
    insta::assert_snapshot!(scene(&quiet, &session()));
}

#[test]
fn a_banner_on_this_machine_with_keys() {
    let local = Ready {
        public_url: "http://127.0.0.1:6894/h/q5n2zj7c4kq3x7m2w5v6b3t4ya".into(),
        forward_to: None,
        relay: "http://127.0.0.1:6894".into(),
        embedded: true,
        ..ready()
    };
    let keys = Human { keys: true, ..human(false, true) };
    let mut help = Vec::new();
    keys.render_help(&mut help);
    insta::assert_snapshot!(scene(&keys, &[Event::Ready(local)]) + &String::from_utf8(help).unwrap());
}

#[test]
fn usual_types_and_objects_stand_in_columns() {
    let types = [
        ("video.asset.ready", "asset", "ng02vOhRq7dY00z8"),
        ("video.upload.asset_created", "upload", "short"),
        ("video.live_stream.simulcast_target.broadcasting", "simulcast-target", "ng02vOhRq7dY00z8"),
        ("", "", ""),
        ("世界.asset", "asset", "世界世界世界世界世界世界世界世界"),
    ];
    let events: Vec<_> = types
        .into_iter()
        .map(|(kind, object, id)| {
            let some = |text: &'static str| (!text.is_empty()).then(|| text.into());
            let arrival = arrival(|it| {
                it.envelope.event_type = some(kind);
                it.envelope.object_type = some(object);
                it.envelope.object_id = some(id);
                it.delivery.replayed = true;
            });
            forwarded(arrival, reply(200, "text/plain", ""), Duration::from_millis(4))
        })
        .collect();
    insta::assert_snapshot!(scene(&human(false, true), &events));
}

#[test]
fn what_muxhook_says_is_broken_between_words() {
    let narrow = Human { width: Some(60), ..human(false, true) };
    let words = "one of the things that a notice says is longer than a terminal is wide";
    let notice = |level| Event::Notice(Notice { level, code: String::new(), message: words.to_owned() });
    insta::assert_snapshot!(scene(&narrow, &[notice(Level::Info), notice(Level::Warning)]), @r"
    err| 16:13:20  • one of the things that a notice says is longer
    err|             than a terminal is wide
    err| 16:13:20  ! one of the things that a notice says is longer
    err|             than a terminal is wide
    ");
}

/// A verdict of every kind.
fn verdicts() -> [Option<Verdict>; 6] {
    let malformed = Header::parse(b"v1=00").unwrap_err();
    [
        None,
        Some(Verdict::Valid { age: -2, key: 0 }),
        Some(Verdict::Stale { age: 754, key: 1 }),
        Some(Verdict::Invalid(Fault::NoMatch)),
        Some(Verdict::Invalid(malformed.into())),
        Some(Verdict::Missing),
    ]
}

#[test]
fn a_signature_s_worth_is_seen() {
    let asset = |signature| {
        arrival(|it| {
            it.signature = signature;
            it.envelope.event_type = Some("video.asset.ready".into());
            it.envelope.object_type = Some("asset".into());
        })
    };
    let answered =
        verdicts().map(|verdict| forwarded(asset(verdict), reply(200, "", ""), Duration::from_millis(12)));
    let shown = Event::Received(Received { arrival: asset(verdicts()[3]), awaited: false });
    let refused = verdicts()
        .into_iter()
        .flatten()
        .skip(2)
        .map(|verdict| refused(verdict, "what is wrong with it", "what may be done about it"));
    let events: Vec<_> = answered.into_iter().chain([shown]).chain(refused).collect();
    insta::assert_snapshot!(scene(&human(false, true), &events));
    insta::assert_snapshot!("signatures_in_colour", scene(&human(true, true), &events[..3]));
    let ascii = scene(&human(false, false), &events);
    assert!(ascii.is_ascii(), "{ascii}");
}

#[test]
fn no_line_takes_more_than_its_row() {
    let long = "x".repeat(600);
    let marked = arrival(|it| {
        it.signature = Some(Verdict::Stale { age: i64::MAX, key: 0 });
        it.duplicate_of = Some(it.delivery.id);
        (it.out_of_order, it.known_type) = (true, false);
        (it.delivery.owed, it.delivery.replayed, it.delivery.attempt) = (true, true, u32::MAX);
        it.envelope.event_type = Some(format!("video.{long}").into());
        it.envelope.object_id = Some("世界".repeat(100).into());
    });
    let plain = arrival(|it| it.signature = Some(Verdict::Missing));
    let events: Vec<_> = [marked, plain]
        .into_iter()
        .flat_map(|arrival| {
            let filter = format!("--events {long}");
            let skipped = Event::Skipped(Skipped { arrival: arrival.clone(), filter });
            [forwarded(arrival, reply(200, "", ""), Duration::from_secs(59)), skipped]
        })
        .collect();
    for columns in 36..200 {
        let terminal = Human { width: Some(columns), ..human(false, columns % 2 == 0) };
        let text = scene(&terminal, &events);
        assert!(text.lines().all(|line| line.width() <= columns + "out| ".len()), "{columns}:\n{text}");
    }
}

#[test]
fn what_is_wanted_of_a_delivery_is_below_its_line_with_secrets_masked() {
    let event =
        || vec![forwarded(arrival(|_| {}), reply(200, "text/plain", "thanks\n"), Duration::from_millis(4))];
    let all = Human { print: Print::All, ..human(false, true) };
    insta::assert_snapshot!("print_all", scene(&all, &event()));
    let exact = Human { show_secrets: true, ..all };
    let text = scene(&exact, &event());
    for secret in ["super-secret", "hush", "Bearer tok", "sid=1"] {
        assert!(text.contains(secret), "{secret}");
        assert!(!scene(&human(false, true), &event()).contains(secret));
    }
    let body = Human { print: Print::Body, ..human(false, true) };
    insta::assert_snapshot!("print_body", scene(&body, &event()));
    let headers = Human { print: Print::Headers, ..human(false, true) };
    insta::assert_snapshot!("print_headers", scene(&headers, &event()));
}

#[test]
fn bodies_that_are_no_json() {
    let human = Human { print: Print::Body, ..human(false, true) };
    let bodies: [&'static [u8]; 3] = [b"", b"two\nlines\x1b[2J\xc2\x9b", b"\xff\x00"];
    let events: Vec<_> = bodies
        .into_iter()
        .map(|body| {
            Event::Received(Received {
                arrival: arrival(|it| it.delivery.body = body.into()),
                awaited: false,
            })
        })
        .collect();
    insta::assert_snapshot!(scene(&human, &events));
}

#[test]
fn a_large_body_is_cut() {
    let human = Human { print: Print::Body, ..human(false, true) };
    let body = "ü".repeat(1024 * 1024);
    let event =
        Event::Received(Received { arrival: arrival(|it| it.delivery.body = body.into()), awaited: false });
    let text = scene(&human, &[event]);
    assert!(text.len() < 300_000);
    assert!(text.ends_with("(cut here; --json shows all of it)\n"));
}

#[test]
fn answers_that_tell_their_cause() {
    let answer =
        |status, kind, body| forwarded(arrival(|_| {}), reply(status, kind, body), Duration::from_millis(4));
    let redirect = {
        let mut reply = reply(308, "text/plain", "");
        reply.headers.push("location", "/hook/\u{202e}");
        forwarded(arrival(|_| {}), reply, Duration::from_millis(4))
    };
    let cut = Reply { truncated: true, ..reply(500, "text/plain", "") };
    let events = [
        answer(400, "application/json", r#"{"error": "Invalid Signature", "token": "abc"}"#),
        answer(403, "text/html; charset=utf-8", "<!DOCTYPE html><head><title>CSRF check failed</title>"),
        answer(404, "text/html", "<p>Not here"),
        answer(405, "text/plain", ""),
        answer(413, "text/plain", "PayloadTooLargeError"),
        answer(500, "text/plain", "1\n2\r\n3\n\n4\n5\n6\n7"),
        redirect,
        forwarded(arrival(|_| {}), cut, Duration::from_millis(4)),
    ];
    insta::assert_snapshot!(scene(&human(false, true), &events));
}

#[test]
fn an_answer_that_leads_nowhere_gets_no_hint_to_go_there() {
    let unchanged = forwarded(arrival(|_| {}), reply(304, "text/plain", ""), Duration::from_millis(4));
    let text = scene(&human(false, true), &[unchanged]);
    assert!(text.contains("304") && !text.contains("hint"), "{text}");
}

#[test]
fn quoted_lines_fit_the_terminal() {
    let narrow = Human { width: Some(60), ..human(false, true) };
    let long = forwarded(
        arrival(|_| {}),
        reply(500, "text/plain", "a line that is quite a bit longer than the terminal is wide, by a lot"),
        Duration::from_millis(4),
    );
    let text = scene(&narrow, &[long]);
    let quoted = text.lines().nth(1).unwrap().strip_prefix("out| ").unwrap();
    assert_eq!(quoted.chars().count(), 60, "{quoted}");
    insta::assert_snapshot!(scene(
        &Human { width: Some(50), ..narrow },
        &[failed(arrival(|_| {}), FailReason::Refused)]
    ));
}

#[test]
fn a_type_of_10_kb_takes_one_short_line() {
    let arrival = arrival(|it| it.envelope.event_type = Some("x\n".repeat(5_000).into()));
    let text = scene(&human(false, true), &[failed(arrival, FailReason::Reset)]);
    assert!(text.lines().all(|line| line.chars().count() < 150), "{text}");
}

/// Every text that a sender or an app chooses is `text`.
fn hostile(text: &str) -> Vec<Event> {
    let arrival = arrival(|it| {
        let envelope = &mut it.envelope;
        for field in [&mut envelope.event_type, &mut envelope.object_type, &mut envelope.object_id] {
            *field = Some(text.into());
        }
        it.delivery.method = text.into();
        it.delivery.path = text.into();
        it.delivery.query = Some(text.into());
        it.delivery.headers.push(text.to_owned(), text.to_owned());
        it.delivery.body = text.to_owned().into();
    });
    let untyped = {
        let mut untyped = (*arrival).clone();
        untyped.envelope.event_type = None;
        untyped.delivery.body = serde_json::json!({ text: [text] }).to_string().into();
        std::sync::Arc::new(untyped)
    };
    let mut answer = reply(302, "text/html", "");
    answer.body = format!("<title>{text}</title>").into();
    answer.headers.push("location", text.to_owned());
    let mut events = vec![
        forwarded(untyped, answer, Duration::ZERO),
        Event::Skipped(Skipped { arrival: arrival.clone(), filter: text.into() }),
        Event::Received(Received { arrival: arrival.clone(), awaited: false }),
    ];
    let late = Forwarded {
        arrival: arrival.clone(),
        target: text.into(),
        reply: reply(200, "", ""),
        latency: Duration::ZERO,
        late: true,
        hint: Some(text.into()),
    };
    events.push(Event::Forwarded(late));
    if let Event::Failed(it) = failed(arrival, FailReason::Tls) {
        let failure = muxhook_protocol::Failure { message: text.into(), ..it.failure.clone() };
        events.push(Event::Failed(Failed { failure, hint: Some(text.into()), ..it }));
    }
    events
}

proptest! {
    #[test]
    fn nothing_a_sender_says_moves_the_cursor_or_breaks_a_line(
        text in prop_oneof![any::<String>(), "[\\x00-\\x20\\x7f-\\u{a0}\\u{200b}-\\u{202e}\\u{2066}-\\u{2069}\\n\"a]{0,40}"],
        unicode in any::<bool>(),
        all in any::<bool>(),
    ) {
        let print = if all { Print::All } else { Print::Summary };
        let human = Human { print, ..human(false, unicode) };
        for event in hostile(&text) {
            let mut out = Vec::new();
            human.render_out(AT, &event, &mut out);
            human.render_err(AT, &event, &mut out);
            let shown = String::from_utf8(out).unwrap();
            prop_assert!(!shown.contains(|char| char != '\n' && is_unsafe(char)), "{shown:?}");
            // Below the event's own line, everything is indented: no line of a sender's can pass for one of muxhook's.
            for line in shown.lines().skip(1) {
                prop_assert!(line.starts_with("          "), "{line:?}");
            }
        }
    }
}

#[test]
fn whose_sender_had_its_answer_was_refused_nothing() {
    let refused = |change: fn(&mut Arrival)| {
        Event::Refused(Refused { arrival: arrival(change), message: "it is not signed".into(), hint: None })
    };
    let owed = scene(&human(false, true), &[refused(|it| it.delivery.owed = true)]);
    assert!(owed.contains("✗ refused ") && owed.contains("owed") && !owed.contains("401"), "{owed}");
    let replayed = scene(&human(false, true), &[refused(|it| it.delivery.replayed = true)]);
    assert!(!replayed.contains("401"), "{replayed}");
    assert!(scene(&human(false, true), &[refused(|_| {})]).contains("✗ 401  refused"));
}
