//! Signatures, with the real binary: each is marked, or refused, and its header reaches the app as it came.

use muxhook_protocol::mux::signature::{HEADER, Key, sign};
use serde_json::Value;

use crate::home::Home;
use crate::http::{App, Message, Sender};
use crate::running::{Ended, Running};

const BODY: &str =
    r#"{ "type": "video.asset.ready", "id": "e1", "data": {"passthrough": "alice-1", "n": 1.0} }"#;

/// The webhook's.
const SECRET: &str = "s3cret-of-this-webhook";

/// The wall clock, in seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

/// A header made with `secret`, `ago` seconds ago.
fn signed(secret: &str, ago: i64) -> String {
    sign(&Key::new(secret).unwrap(), now() - ago, BODY.as_bytes())
}

fn post(address: &str, signature: Option<&str>) -> Message {
    let header = signature.map(|value| format!("Mux-Signature: {value}\r\n")).unwrap_or_default();
    Sender::to(address).unwrap().post(address, &header, BODY.as_bytes()).unwrap()
}

/// Starts `listen` with these arguments and this secret in the environment.
fn listen(home: &Home, secret: &str, args: &[&str]) -> Running {
    let mut command = home.muxhook(&[&["listen"], args].concat());
    command.env("MUX_WEBHOOK_SECRET", secret);
    Running::start(command)
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

/// Headers of every worth under [`SECRET`]: what each is called, and the age that is told.
fn headers() -> [(Option<String>, &'static str, Option<i64>); 6] {
    [
        (Some(signed(SECRET, 10)), "valid", Some(10)),
        (Some(signed(SECRET, -100)), "valid", Some(-100)),
        (Some(signed(SECRET, 1000)), "stale", Some(1000)),
        (Some(signed("other", 0)), "invalid", None),
        (Some("t=1, v1=no".to_owned()), "invalid", None),
        (None, "missing", None),
    ]
}

#[test]
fn each_signature_is_told_and_its_header_travels_untouched() {
    let (home, app) = (Home::new(), App::counting());
    let running = listen(&home, SECRET, &["--json", "-f", &app.url()]);
    let address = running.address();
    let headers = headers();
    for (header, ..) in &headers {
        post(&address, header.as_deref()).by_app(200, &format!("took {}", BODY.len()));
    }
    let ended = running.stop().with(0, "6 events · 6 forwarded").hides(SECRET);
    let lines = ended.lines();
    let events = of_kind(&lines, "event");
    for (((header, worth, age), event), seen) in headers.iter().zip(events).zip(app.seen()) {
        assert_eq!(event["signature"], *worth, "{header:?}");
        match age {
            Some(age) => {
                assert!((0..10).contains(&(event["signature_age_s"].as_i64().unwrap() - age)), "{event}")
            }
            None => assert!(event["signature_age_s"].is_null(), "{event}"),
        }
        assert_eq!(seen.header(HEADER), header.as_deref());
        assert_eq!(seen.text(), BODY);
    }
    let notices = of_kind(&lines, "notice");
    let codes: Vec<_> = notices.iter().map(|notice| notice["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["signature"; 3], "the cure is told once of a kind");
}

#[test]
fn without_a_secret_nothing_is_checked() {
    let (home, app) = (Home::new(), App::counting());
    let running = listen(&home, "", &["--json", "-f", &app.url()]);
    post(&running.address(), Some("nonsense"));
    let lines = running.stop().with(0, "1 forwarded").lines();
    let event = of_kind(&lines, "event")[0];
    assert_eq!((&event["signature"], &event["signature_age_s"]), (&"unchecked".into(), &Value::Null));
}

/// Sends every header to a `listen` that takes only what is valid.
fn strict(args: &[&str]) -> (Vec<Message>, App, Ended) {
    let (home, app) = (Home::new(), App::counting());
    let running = listen(&home, SECRET, &[&["--require-signature", "-f", &app.url()], args].concat());
    let address = running.address();
    let answers = headers().iter().map(|(header, ..)| post(&address, header.as_deref())).collect();
    (answers, app, running.stop().with(0, "6 events · 2 forwarded · 4 refused"))
}

#[test]
fn what_is_not_valid_is_refused_before_the_app_sees_it() {
    let (answers, app, ended) = strict(&["--json"]);
    assert_eq!(app.seen().len(), 2);
    let statuses: Vec<_> =
        answers.iter().map(|answer| (answer.status(), answer.header("muxhook-answer").unwrap())).collect();
    let (taken, refused) = ((200, "app"), (401, "relay"));
    assert_eq!(statuses, [taken, taken, refused, refused, refused, refused]);
    let lines = ended.lines();
    let told = of_kind(&lines, "refused");
    for ((answer, told), (_, worth, _)) in answers[2..].iter().zip(told).zip(&headers()[2..]) {
        let body: Value = serde_json::from_str(answer.text()).unwrap();
        assert_eq!((&body["error"], &body["message"]), (&"signature_refused".into(), &told["message"]));
        assert_eq!((&told["signature"], &told["event_id"]), (&Value::from(*worth), &"e1".into()));
        assert!(told["hint"].as_str().is_some_and(|hint| !hint.is_empty()), "{told}");
    }
    let summary = lines.last().unwrap();
    assert_eq!(
        (&summary["refused"], &summary["forwarded"], &summary["failed"]),
        (&4.into(), &2.into(), &0.into())
    );
}

#[test]
fn a_person_is_told_what_to_do_about_a_refusal() {
    let (_, _, ended) = strict(&[]);
    for part in
        ["401  refused ! video.asset.ready", "wrong signature", "no signature", "hint: each webhook at Mux"]
    {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
}

#[test]
fn what_is_refused_does_not_count_as_an_event_that_came() {
    let (home, app) = (Home::new(), App::counting());
    let running = listen(&home, SECRET, &["--require-signature", "--once", "-f", &app.url()]);
    let address = running.address();
    assert_eq!(post(&address, None).status(), 401);
    post(&address, Some(&signed(SECRET, 0))).by_app(200, &format!("took {}", BODY.len()));
    running.end().with(0, "2 events · 1 forwarded · 1 refused");
}

#[test]
fn while_a_secret_is_rotated_both_count() {
    let (home, app) = (Home::new(), App::counting());
    let secrets = ["--secret", SECRET, "--secret", "two", "--json", "--require-signature"];
    let running = home.start(&[&["listen", "-f", &app.url()], &secrets[..]].concat());
    let address = running.address();
    for (secret, status) in [(SECRET, 200), ("two", 200), ("three", 401)] {
        assert_eq!(post(&address, Some(&signed(secret, 0))).status(), status, "{secret}");
    }
    running.stop().with(0, "3 events · 2 forwarded · 1 refused");
}

#[test]
fn a_required_signature_needs_a_secret() {
    let ended = Home::new().run(&["listen", "--require-signature", "-f", "3000"]);
    let ended = ended.with(2, "--require-signature: there is no signing secret to check by");
    for way in ["--secret-file", "--env-file", "MUX_WEBHOOK_SECRET"] {
        assert!(ended.err.contains(way), "{}", ended.err);
    }
    let home = Home::new();
    let observer = listen(&home, SECRET, &["--require-signature"]);
    let address = observer.address();
    assert_eq!(post(&address, None).status(), 200, "an observer refuses nothing");
    let ended = observer.stop().with(0, "refuses nothing without --forward-to").with(0, "1 event in");
    assert!(ended.out.contains("received     ! video.asset.ready"), "{}", ended.out);
}

#[test]
fn a_filter_on_a_field_leaves_the_rest_out_and_counts_it() {
    let (home, app) = (Home::new(), App::counting());
    home.write("muxhook.toml", "match = ['data.passthrough=bob*']\n");
    let filters = ["--match", "data.passthrough=alice*", "--match", "type=video.*"];
    let running = home.start(&[&["listen", "--json", "-f", &app.url()], &filters[..]].concat());
    let address = running.address();
    post(&address, None).by_app(200, &format!("took {}", BODY.len()));
    for other in [
        r#"{"type":"video.asset.ready","data":{"passthrough":"bob"}}"#,
        r#"{"type":"video.asset.ready"}"#,
        "no json",
    ] {
        let answer = Sender::to(&address).unwrap().post(&address, "", other.as_bytes()).unwrap();
        assert_eq!((answer.status(), answer.header("muxhook-answer")), (200, Some("skipped")), "{other}");
    }
    let lines = running.stop().with(0, "4 events · 1 forwarded · 3 skipped").lines();
    for skipped in of_kind(&lines, "skipped") {
        assert_eq!(skipped["filter"], "--match data.passthrough=alice*");
    }

    let from_file = home.start(&["listen", "--json", "-f", &app.url()]);
    assert_eq!(post(&from_file.address(), None).header("muxhook-answer"), Some("skipped"));
}
