//! `events replay`, as far as a relay that is none shows it.

use serde_json::{Value, json};

use crate::fake_history::{History, Past, by_app};
use crate::fake_relay::{self, TOKEN};
use crate::home::{Ended, Home};

/// Runs `events replay` on the history of `alice`.
fn replay(home: &Home, history: &History, args: &[&str]) -> Ended {
    let place = ["--endpoint", "alice", "--relay", &history.url];
    let mut command = home.muxhook(&[&["events", "replay"], args, &place].concat());
    command.env("MUXHOOK_TOKEN", TOKEN);
    Ended::of(command)
}

fn three() -> Vec<Past> {
    (1..=3).map(|nth| Past::new(nth, &[], b"{}")).collect()
}

fn lines(told: &Ended) -> Vec<Value> {
    told.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn they_go_in_order_of_arrival_each_once_however_they_are_named() {
    let (home, history) = (Home::new(), History::of(three(), 0, |_| Ok(by_app(204))));
    let told = replay(&home, &history, &["0303", "0101", "030303", "0202"]);
    let told = told.with(0, "3 deliveries sent again, all accepted by the app");
    assert_eq!(told.out.lines().count(), 3, "{}", told.out);
    assert!(!told.out.contains('\u{1b}') && told.out.contains("\\x1b[2J"), "{}", told.out);
    let ids = |asked: Vec<String>| -> Vec<String> {
        asked
            .iter()
            .map(|request| request.lines().next().unwrap().split('/').nth(6).unwrap().to_owned())
            .collect()
    };
    assert_eq!(ids(history.asked("POST")), three().iter().map(Past::id).collect::<Vec<_>>());
    assert!(history.asked("POST").iter().all(|request| request.ends_with(r#"{"headers":[]}"#)));

    let told = replay(&home, &history, &["--last", "3", "--json"]).with(0, "");
    let lines = lines(&told);
    assert_eq!(lines.len(), 4, "{}", told.out);
    for (line, past) in lines.iter().zip(three()) {
        assert_eq!(
            (&line["v"], &line["kind"], &line["delivery"]),
            (&json!(1), &json!("replayed"), &json!(past.id()))
        );
        assert_eq!(
            (&line["status"], &line["answered_by"], &line["error"]),
            (&json!(204), &json!("app"), &Value::Null)
        );
    }
    let summary = &lines[3];
    assert_eq!(
        (&summary["kind"], &summary["events"], &summary["accepted"]),
        (&json!("summary"), &json!(3), &json!(3))
    );
}

#[test]
fn what_the_app_does_not_take_is_counted_and_the_rest_goes_on() {
    let history = History::of(three(), 0, |past| match past.detail.row.seq {
        1 => Ok(by_app(500)),
        2 => Err(("409 Conflict", "in_flight")),
        _ => Ok(by_app(200)),
    });
    let told = replay(&Home::new(), &history, &["--last", "3"]);
    let told = told.with(4, "1 of 3 deliveries accepted by the app");
    for part in ["the app answered 500", "the relay says no", "409"] {
        assert!(told.out.contains(part), "{part}: {}", told.out);
    }
    let told = replay(&Home::new(), &history, &["0202", "--json"]).with(4, "");
    assert_eq!(
        (&lines(&told)[0]["error"], &lines(&told)[0]["status"]),
        (&json!("the relay says no"), &json!(409))
    );
}

#[test]
fn where_nobody_listens_the_first_is_the_last_and_the_cure_is_said() {
    let (home, history) = (Home::new(), History::unheard(three()));
    let told = replay(&home, &history, &["--last", "3"]).with(4, "nobody listens on alice");
    for part in ["muxhook listen", "--forward-to", "0 of 3 deliveries"] {
        assert!(told.err.contains(part), "{part}: {}", told.err);
    }
    assert_eq!(history.asked("POST").len(), 1);
}

#[test]
fn nothing_to_send_is_said_and_is_no_failure() {
    let (home, history) = (Home::new(), History::of(Vec::new(), 2, |_| Ok(by_app(200))));
    for args in [&["--failed"][..], &["--since", "1h"], &["--since", "1h", "--failed"], &["--last", "5"]] {
        let told = replay(&home, &history, args).with(0, "there is nothing to send again on alice");
        assert_eq!(
            (told.out.as_str(), told.err.contains("2 more are owed")),
            ("", args.contains(&"--failed"))
        );
        let told = replay(&home, &history, &[args, &["--json"]].concat()).with(0, "");
        assert_eq!((lines(&told).len(), &lines(&told)[0]["events"]), (1, &json!(0)));
    }
    let asked = &history.asked("GET /_relay/v1/endpoints/alice/events?")[0];
    for fate in ["rejected", "failed", "late", "expired", "lost"] {
        assert!(asked.contains(&format!("fate={fate}")), "{asked}");
    }
    assert!(!asked.contains("fate=owed") && asked.contains("order=asc"), "{asked}");
}

#[test]
fn a_signature_that_is_asked_for_goes_with_the_replay() {
    let value = "t=1767225601,v1=aa";
    let past = Past::new(1, &[("mux-signature", value.as_bytes())], b"{}");
    let history = History::of(vec![past], 0, |_| Ok(by_app(200)));
    let home = Home::new();
    let sent = |args: &[&str]| -> Value {
        replay(&home, &history, &[&["0101"], args].concat()).with(0, "");
        let asked = history.asked("POST").pop().unwrap();
        serde_json::from_str::<Value>(asked.split_once("\r\n\r\n").unwrap().1).unwrap()["headers"].take()
    };
    assert_eq!(sent(&[]), json!([]));
    assert_eq!(sent(&["--original-signature"]), json!([["muxhook-original-signature", value]]));
    assert_eq!(sent(&["--secret", "SuperSecret123"]), json!([]), "another secret signed it");
    let signed = sent(&["--secret", "SuperSecret123", "--sign"]);
    assert_eq!(
        (&signed[0][0], &signed[1]),
        (&json!("mux-signature"), &json!(["muxhook-original-signature", value]))
    );
    assert_ne!(signed[0][1], value);
    replay(&home, &history, &["0101", "--sign"])
        .with(2, "--sign: there is no secret")
        .with(2, "MUX_WEBHOOK_SECRET");
}

#[test]
fn mistakes_are_named_before_anything_is_sent() {
    let (home, history) = (Home::new(), History::of(three(), 0, |_| Ok(by_app(200))));
    for (args, part) in [
        (&[][..], "required"),
        (&["--last", "0"], "--last 0"),
        (&["--since", "soon"], "--since soon"),
        (&["--last", "1", "--pace", "fast"], "--pace: `fast`"),
        (&["--last", "1", "-f", "localhost:0"], "--forward-to localhost:0"),
        (&["--last", "1", "--failed"], "cannot be used with"),
        (&["0101", "--sign", "--original-signature"], "cannot be used with"),
    ] {
        replay(&home, &history, args).with(2, part);
    }
    replay(&home, &history, &["ffff"]).with(2, "there is no such event");
    assert!(history.asked("POST").is_empty());
    let gone = History::unheard(Vec::new());
    let args = ["events", "replay", "--failed", "--endpoint", "zoe", "--relay", &gone.url];
    let mut command = home.muxhook(&args);
    command.env("MUXHOOK_TOKEN", TOKEN);
    Ended::of(command).with(5, "there is no such endpoint");
    let mut command = home.muxhook(&[
        "events",
        "replay",
        "--failed",
        "--endpoint",
        "zoe",
        "--relay",
        &fake_relay::nobody(),
    ]);
    command.env("MUXHOOK_TOKEN", TOKEN);
    Ended::of(command).with(3, "cannot be reached");
}
