//! Straight to an app.

use rustix::process::Signal;
use serde_json::{Value, json};

use super::{SECRET, WRITTEN, bodies, is_valid, of_kind, trigger, verifying};
use crate::home::Home;
use crate::http::App;
use crate::running::{LIMIT, Running};

#[test]
fn an_app_gets_what_mux_would_send() {
    let (home, app) = (Home::new(), verifying());
    let target = format!("{}/hook?a=1", app.url());
    let ended =
        trigger(&home, &["video.asset.ready", "-f", &target]).with(0, "1 event sent, accepted by the app");
    assert!(ended.out.contains("video.asset.ready") && ended.out.contains("200"), "{}", ended.out);
    assert!(ended.err.contains("the same ids again: --seed"), "{}", ended.err);
    let request = &app.seen()[0];
    assert_eq!(request.first, "POST /hook?a=1 HTTP/1.1");
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(bodies(&app)[0]["type"], "video.asset.ready");
}

#[test]
fn a_refusal_is_told_with_what_the_app_said_and_fails() {
    let home = Home::new();
    let app = App::new(|_| ("500 Oops", "it \u{1b}[31mbroke\nat line 7".to_owned()));
    let ended = trigger(&home, &["video.asset.ready", "-f", &app.url()]);
    let ended = ended.with(4, "0 of 1 event accepted by the app: not video.asset.ready");
    for part in ["500", "the app answered 500", "it \\x1b[31mbroke", "at line 7"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let ended = trigger(&home, &["video.asset.ready", "--json", "-f", &app.url()]).with(4, "0 of 1 event");
    let [sent, summary] = &ended.lines()[..] else { panic!("{}", ended.out) };
    assert_eq!(
        (&sent["v"], &sent["kind"], &sent["status"], &sent["try"]),
        (&json!(1), &json!("sent"), &json!(500), &json!(1))
    );
    assert_eq!((&sent["answered_by"], &sent["error"]), (&json!("app"), &json!("the app answered 500")));
    assert_eq!(
        (&summary["events"], &summary["accepted"], &summary["sends"]),
        (&json!(1), &json!(0), &json!(1))
    );
}

#[test]
fn an_app_that_is_not_there_is_named_with_what_to_do() {
    let (home, port) = (Home::new(), crate::home::free_port().to_string());
    let ended = trigger(&home, &["video.asset.ready", "-f", &port]).with(4, "0 of 1 event");
    assert!(ended.out.contains(&format!("nothing listens on localhost:{port}")), "{}", ended.out);
    assert!(ended.out.contains("hint: start the app"), "{}", ended.out);
    let ended = trigger(&home, &["video.asset.ready", "--json", "-f", &port]);
    let sent = &of_kind(&ended, "sent")[0];
    assert_eq!((&sent["status"], &sent["answered_by"]), (&Value::Null, &Value::Null));
}

#[test]
fn an_app_that_takes_its_time_is_given_up_as_mux_does() {
    let home = Home::new();
    let app = App::new(|_| {
        std::thread::park_timeout(LIMIT);
        ("200 OK", String::new())
    });
    let ended = trigger(&home, &["video.asset.ready", "-f", &app.url()]).with(4, "0 of 1 event");
    assert!(ended.out.contains("timeout") && ended.out.contains("did not answer within 5s"), "{}", ended.out);
    assert!(ended.out.contains("hint: Mux hangs up after 5 s"), "{}", ended.out);
}

#[test]
fn signatures_that_are_wrong_on_purpose_are_refused() {
    let (home, app) = (Home::new(), verifying());
    for flag in ["--stale", "--bad-signature"] {
        trigger(&home, &["video.asset.ready", "-f", &app.url(), flag]).with(4, "0 of 1 event");
    }
    assert!(app.seen().iter().all(|request| request.header("mux-signature").is_some() && !is_valid(request)));
}

#[test]
fn without_a_secret_there_is_no_signature_and_a_word_about_it() {
    let (home, app) = (Home::new(), App::counting());
    let ended =
        home.run(&["trigger", "video.asset.*", "-f", &app.url()]).with(0, "no signing secret is given");
    assert_eq!(ended.err.matches("no signing secret").count(), 1, "{}", ended.err);
    assert!(app.seen().iter().all(|request| request.header("mux-signature").is_none()));
    home.run(&["trigger", "video.asset.ready", "-f", &app.url(), "--stale"])
        .with(2, "no secret to sign with");
}

#[test]
fn of_several_secrets_the_first_signs() {
    let (home, app) = (Home::new(), verifying());
    let args = ["trigger", "video.asset.ready", "-f", &app.url(), "--secret", SECRET, "--secret", "another"];
    home.run(&args).with(0, "1 event sent").hides(SECRET);
}

#[test]
fn a_file_is_sent_byte_for_byte_until_it_is_changed() {
    let (home, app) = (Home::new(), verifying());
    home.write("event.json", WRITTEN);
    trigger(&home, &["--from", "event.json", "-f", &app.url()]).with(0, "1 event sent");
    let mut command = home.muxhook(&["trigger", "--from", "-", "--secret", SECRET, "-f", &app.url()]);
    command.stdin(std::fs::File::open(home.path("event.json")).unwrap());
    Running::start(command).end().with(0, "1 event sent");
    assert!(app.seen().iter().all(|request| request.body == WRITTEN.as_bytes()));

    let changes = ["--set", "data.duration=12.5", "--set", "data.note=ci-42", "--unset", "data.passthrough"];
    trigger(&home, &[&["--from", "event.json", "-f", &app.url()], &changes[..]].concat())
        .with(0, "1 event sent");
    assert_eq!(bodies(&app)[2]["data"], json!({"big": 1.0, "duration": 12.5, "note": "ci-42"}));
}

#[test]
fn a_seed_gives_the_same_ids_again() {
    let (home, app) = (Home::new(), verifying());
    let run = |seed: &str| {
        let ended =
            trigger(&home, &["video.asset.*", "--json", "--seed", seed, "-f", &app.url()]).with(0, "");
        let ids: Vec<_> = of_kind(&ended, "sent").iter().map(|line| line["event_id"].clone()).collect();
        (ids, of_kind(&ended, "summary")[0]["seed"].clone())
    };
    let (first, seed) = run("7");
    assert_eq!((run("7"), seed), ((first.clone(), json!(7)), json!(7)));
    assert_ne!(run("8").0, first);
}

#[test]
fn out_of_order_is_out_of_order() {
    let (home, app) = (Home::new(), verifying());
    let names = ["video.asset.created", "video.asset.ready", "video.asset.deleted"];
    trigger(&home, &[&names[..], &["--reorder", "--duplicate", "1", "-f", &app.url()]].concat())
        .with(0, "6 events sent");
    let mut types: Vec<_> =
        bodies(&app).iter().map(|body| body["type"].as_str().unwrap().to_owned()).collect();
    let place = |found: &String| names.iter().position(|name| name == found).unwrap();
    assert!(!types.iter().map(place).is_sorted(), "{types:?}");
    types.sort_unstable_by_key(place);
    assert_eq!(types, names.iter().flat_map(|name| [*name; 2]).collect::<Vec<_>>());
}

#[test]
fn it_ends_at_once_when_interrupted() {
    let (home, app) = (Home::new(), verifying());
    for signal in [Signal::INT, Signal::TERM] {
        let running = home.start(&["trigger", "video.asset.ready", "--delay", "1h", "-f", &app.url()]);
        running.err.wait_for("sending 1 event");
        running.signal(signal);
        running.end().with(130, "0 of 1 event accepted");
    }
    assert!(app.seen().is_empty());
}

#[test]
fn whoever_stops_reading_ends_it_cleanly() {
    let (home, app) = (Home::new(), verifying());
    let mut command = home.muxhook(&["trigger", "*", "--secret", SECRET, "-f", &app.url()]);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    command.stdout(writer);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn an_event_without_an_id_has_none_in_what_programs_read() {
    let (home, app) = (Home::new(), App::counting());
    home.write("event.json", r#"{"type":"video.asset.ready","data":{}}"#);
    let ended = trigger(&home, &["--from", "event.json", "--json", "-f", &app.url()]).with(0, "");
    assert_eq!(of_kind(&ended, "sent")[0]["event_id"], Value::Null);
}
