//! `listen --json`: what scripts rely on.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::home::Home;
use crate::http::{App, Sender, post};
use crate::running::Running;

const READY: &str = r#"{"type":"video.asset.ready","object":{"type":"asset","id":"abc"},"id":"e1",
    "environment":{"name":"Production","id":"prod"},"data":{"stream_key":"s3cret-key","big":12345678901234567890.10}}"#;

/// Where `running` can be posted to.
#[track_caller]
fn address(running: &Running) -> String {
    running.line("ready")["public_url"].as_str().unwrap().to_owned()
}

fn keys(line: &Value) -> Vec<&str> {
    let mut keys: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[track_caller]
fn assert_keys(line: &Value, kind: &str, own: &str) {
    let mut wanted: Vec<_> = format!("v kind at {own}").split(' ').map(str::to_owned).collect();
    wanted.sort_unstable();
    assert_eq!(
        (line["kind"].as_str(), keys(line)),
        (Some(kind), wanted.iter().map(String::as_str).collect())
    );
    assert_eq!(line["v"], 1);
    assert!(line["at"].as_str().unwrap().parse::<jiff::Timestamp>().is_ok(), "{line}");
}

const EVENT: &str = "delivery seq attempt received_at method path query headers event_id event_type known_type \
                     object environment signature signature_age_s duplicate_of out_of_order owed replayed";

#[test]
fn every_line_has_the_keys_that_were_agreed_on() {
    let (home, app) = (Home::new(), App::counting());
    let running = home.start(&["listen", "--json", "-f", &app.url(), "--exclude", "video.asset.created"]);
    let address = address(&running);
    post(&format!("{address}/s?q=2"), READY).by_app(200, &format!("took {}", READY.len()));
    post(&address, READY);
    assert_eq!(post(&address, r#"{"type":"video.asset.created"}"#).header("muxhook-answer"), Some("skipped"));
    post(&address, "no json\u{202e}");
    Sender::to(&address).unwrap().post(&address, "x: \u{e9}\r\n", &[0xff, 0]).unwrap();
    let ended =
        running.stop().with(0, "Listening on").with(0, "5 events · 4 forwarded · 1 skipped · 1 duplicate");
    let lines = ended.lines();
    let kinds: Vec<_> = lines.iter().map(|line| line["kind"].as_str().unwrap()).collect();
    let pair = ["event", "forwarded"];
    assert_eq!(
        kinds,
        [&["ready"][..], &pair, &pair, &["event", "skipped"], &pair, &pair, &["summary"]].concat()
    );

    assert_keys(&lines[0], "ready", "public_url endpoint forward_to relay embedded");
    let relay = format!("http://127.0.0.1:{}", home.port);
    assert_eq!((&lines[0]["relay"], &lines[0]["embedded"]), (&json!(relay), &json!(true)));
    assert_keys(&lines[1], "event", &format!("{EVENT} payload"));
    assert_eq!((&lines[1]["path"], &lines[1]["query"]), (&json!("/s"), &json!("q=2")));
    assert_eq!((&lines[1]["known_type"], &lines[1]["out_of_order"]), (&json!(true), &json!(false)));
    assert_eq!(lines[7]["known_type"], json!(false));
    assert_eq!(lines[1]["object"], json!({"type": "asset", "id": "abc"}));
    assert_eq!((&lines[1]["signature"], &lines[1]["event_id"]), (&json!("unchecked"), &json!("e1")));
    let exact = r#""data":{"stream_key":"s3cret-key","big":12345678901234567890.10}"#;
    assert!(ended.out.contains(exact), "neither masked nor rounded: {}", ended.out);
    assert_keys(&lines[2], "forwarded", "delivery event_id event_type target status latency_ms late hint");
    assert_eq!(lines[2]["delivery"], lines[1]["delivery"]);
    assert_eq!(lines[3]["duplicate_of"], lines[1]["delivery"]);
    assert_keys(&lines[6], "skipped", "delivery event_id event_type filter");
    assert_keys(&lines[7], "event", &format!("{EVENT} body"));
    assert_keys(&lines[9], "event", &format!("{EVENT} body_base64"));
    assert_eq!(lines[9]["body_base64"], "/wA=");
    assert_keys(
        &lines[11],
        "summary",
        "events forwarded rejected failed skipped refused duplicates uptime_s",
    );
    assert_eq!(lines[11]["events"], 5);
}

#[test]
fn an_app_that_is_not_there_is_a_failure_with_its_reason_and_a_hint() {
    let home = Home::new();
    let target = format!("127.0.0.1:{}", crate::home::free_port());
    let running = home.start(&["listen", "--json", "--once", "-f", &target]);
    let answer = post(&address(&running), "{}");
    assert_eq!((answer.status(), answer.header("muxhook-answer")), (502, Some("relay")));
    assert!(answer.text().contains(r#""error":"app_unreachable""#), "{}", answer.text());
    let lines = running.end().with(0, "1 failed").lines();
    assert_keys(&lines[2], "failed", "delivery event_id event_type target reason message hint");
    assert_eq!(lines[2]["reason"], "refused");
    assert!(lines[2]["hint"].is_string(), "{}", lines[2]);
}

#[test]
fn notices_are_lines_as_well() {
    let home = Home::new();
    let running = home.start(&["listen", "--json", "-e", "video.hologram.*"]);
    running.line("ready");
    let lines = running.stop().with(0, "--events video.hologram.* matches no event type").lines();
    assert_keys(&lines[0], "notice", "code message");
    assert_eq!(lines[0]["code"], "unknown_type");
    assert_eq!(lines[1]["kind"], "ready");
}

#[test]
fn a_lost_link_is_told_with_when_and_how_long() {
    let home = Home::new();
    let first = home.start(&["listen", "--json"]);
    first.line("ready");
    let second = home.start(&["listen", "--json"]);
    second.line("ready");
    drop(first);
    assert_keys(&second.line("disconnected"), "disconnected", "reason retry_in_ms");
    assert_keys(&second.line("reconnected"), "reconnected", "down_ms missed");
}

#[test]
fn a_reader_that_takes_one_line_is_a_clean_end() {
    let (home, app) = (Home::new(), App::counting());
    for post_on in [false, true] {
        let (running, out) = Running::start_unread(home.muxhook(&["listen", "--json", "-f", &app.url()]));
        let mut out = BufReader::new(out);
        let mut line = String::new();
        out.read_line(&mut line).unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        if post_on {
            post(ready["public_url"].as_str().unwrap(), "{}").by_app(200, "took 2");
        }
        drop(out);
        let err = running.end().with(0, "").err;
        assert!(!err.contains("error") && !err.contains("roken"), "{err}");
    }
}

#[test]
fn stdout_that_was_closed_before_the_start_is_a_clean_end_too() {
    let home = Home::new();
    let (running, out) = Running::start_unread(home.muxhook(&["listen", "--json"]));
    drop(out);
    let err = running.end().with(0, "").err;
    assert!(!err.contains("error"), "{err}");
}

#[test]
fn everything_is_in_a_file_when_it_ends() {
    let (home, app) = (Home::new(), App::counting());
    let mut command = home.muxhook(&["listen", "--format", "json", "--count", "20", "-f", &app.url()]);
    let file = std::fs::File::create(home.path("events.ndjson")).unwrap();
    let mut child = command.stdout(file).stderr(Stdio::piped()).spawn().unwrap();
    let err = crate::running::Printed::by(child.stderr.take().unwrap());
    let running = Running::of(child, crate::running::Printed::empty(), err);
    let address = running.address();
    let mut sender = Sender::to(&address).unwrap();
    (0..20).for_each(|_| sender.post(&address, "", b"{}").unwrap().by_app(200, "took 2"));
    running.end().with(0, "20 events");
    assert_eq!(home.read("events.ndjson").lines().count(), 42);
}
