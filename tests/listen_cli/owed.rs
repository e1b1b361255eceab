//! What a relay keeps while nobody listens, with the real binaries: told, delivered in order, signed so that the app
//! takes it.

use muxhook_protocol::mux::signature::{HEADER, Key, Verdict, sign, verify};
use serde_json::Value;

use crate::home::{Home, free_port};
use crate::http::{App, Message, Sender, try_post};
use crate::relay::Relay;
use crate::running::Running;

const SECRET: &str = "s3cret-of-this-webhook";

/// A relay, and an address on it of whoever lives in this home.
struct Place {
    home: Home,
    _relay: Relay,
    address: String,
}

impl Place {
    fn new() -> Self {
        let home = Home::new();
        let (relay, token) = Relay::first(&home, free_port());
        home.feed(&["login", &relay.url], &token).with(0, "");
        let listener = home.start(&["listen"]);
        let address = listener.address();
        listener.stop().with(0, "");
        Self { home, _relay: relay, address }
    }

    /// Somebody sends an event, signed so many seconds ago; the relay answers itself.
    #[track_caller]
    fn held(&self, number: usize, ago: i64) {
        let answer = self.send(number, ago);
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert_eq!(answer.header("muxhook-answer"), Some("held"), "{answer:?}");
    }

    #[track_caller]
    fn send(&self, number: usize, ago: i64) -> Message {
        let body = body(number);
        let header = format!("mux-signature: {}\r\n", sign(&key(), now() - ago, body.as_bytes()));
        Sender::to(&self.address).unwrap().post(&self.address, &header, body.as_bytes()).unwrap()
    }

    fn listen(&self, args: &[&str]) -> Running {
        let mut command = self.home.muxhook(&[&["listen"], args].concat());
        command.env("MUX_WEBHOOK_SECRET", SECRET);
        Running::start(command)
    }
}

fn key() -> Key {
    Key::new(SECRET).unwrap()
}

/// The wall clock, in seconds.
fn now() -> i64 {
    jiff::Timestamp::now().as_second()
}

fn body(number: usize) -> String {
    format!(r#"{{ "type": "video.asset.ready", "id": "e{number}", "data": {{"n": 1.0}} }}"#)
}

/// An app that takes only what is validly signed by its own clock, as Mux's SDKs do.
fn verifying(request: &Message) -> (&'static str, String) {
    let signature = request.header(HEADER).map(str::as_bytes);
    match verify(signature, &request.body, &[key()], now()) {
        Verdict::Valid { .. } => ("200 OK", String::new()),
        verdict => ("401 Unauthorized", format!("{verdict:?}")),
    }
}

fn bodies(app: &App) -> Vec<String> {
    app.seen().iter().map(|request| request.text().to_owned()).collect()
}

fn of_kind<'a>(lines: &'a [Value], kind: &str) -> Vec<&'a Value> {
    lines.iter().filter(|line| line["kind"] == kind).collect()
}

#[test]
fn what_came_meanwhile_is_told_and_delivered_in_order_and_the_app_trusts_it() {
    let (place, app) = (Place::new(), App::new(verifying));
    // Valid as they arrive, and too old for the SDKs in a moment.
    (1..=3).for_each(|number| place.held(number, 296));
    let listener = place.listen(&["-f", &app.url()]);
    listener.err.wait_for("3 events arrived while you were away (oldest ");
    listener.err.wait_for("caught up: 3 events");
    assert_eq!(place.send(4, 0).header("muxhook-answer"), Some("app"));
    let ended = listener.stop().with(0, "4 events · 4 forwarded").hides(SECRET);
    assert!(!ended.err.contains("rejected"), "{}", ended.err);
    assert_eq!(ended.err.matches("signed anew").count(), 1, "{}", ended.err);
    assert_eq!(bodies(&app), (1..=4).map(body).collect::<Vec<_>>());
    let seen = app.seen();
    for request in &seen[..3] {
        let original = request.header("muxhook-original-signature").unwrap();
        assert_ne!(Some(original), request.header(HEADER));
        let verdict = verify(Some(original.as_bytes()), &request.body, &[key()], now() - 100);
        assert!(matches!(verdict, Verdict::Valid { .. }), "{verdict:?}");
    }
    assert_eq!(seen[3].header("muxhook-original-signature"), None);
    let lines: Vec<_> = ended.out.lines().map(|line| line.contains("owed")).collect();
    assert_eq!(lines, [true, true, true, false], "{}", ended.out);
}

#[test]
fn only_what_arrives_live_counts() {
    let (place, app) = (Place::new(), App::counting());
    (1..=2).for_each(|number| place.held(number, 0));
    let listener = place.listen(&["--json", "--once", "-f", &app.url()]);
    listener.out.wait_for(r#""code":"caught_up""#);
    assert_eq!(place.send(3, 0).header("muxhook-answer"), Some("app"));
    let lines = listener.end().with(0, "").lines();
    let events = of_kind(&lines, "event");
    let marks: Vec<_> =
        events.iter().map(|event| (event["owed"] == true, event["attempt"].clone())).collect();
    assert_eq!(marks, [(true, 1.into()), (true, 1.into()), (false, 1.into())]);
    assert!(of_kind(&lines, "forwarded").iter().all(|line| line["late"] == false));
    let codes: Vec<_> = of_kind(&lines, "notice").iter().map(|notice| notice["code"].clone()).collect();
    assert_eq!(codes, ["owed", "caught_up"]);
}

#[test]
fn what_the_app_refuses_comes_again_later_and_holds_up_nothing() {
    let place = Place::new();
    let failing = std::sync::atomic::AtomicBool::new(true);
    let app = App::new(move |request| match request.text().contains("e1") {
        true if failing.swap(false, std::sync::atomic::Ordering::Relaxed) => ("500 Oops", String::new()),
        _ => ("200 OK", String::new()),
    });
    (1..=2).for_each(|number| place.held(number, 0));
    let listener = place.listen(&["-f", &app.url()]);
    app.wait_for(3);
    listener.out.wait_for("attempt 2");
    listener.stop().with(0, "caught up: 2 events, 1 refused by your app and tried again later");
    assert_eq!(bodies(&app), [body(1), body(2), body(1)]);
}

#[test]
fn what_is_left_for_later_comes_later() {
    let (place, app) = (Place::new(), App::counting());
    place.held(1, 0);
    let listener = place.listen(&["-f", &app.url(), "--owed", "later"]);
    listener.err.wait_for("it is kept for later");
    assert_eq!(place.send(2, 0).header("muxhook-answer"), Some("app"));
    listener.stop().with(0, "1 event · 1 forwarded");
    let looking_on = place.listen(&[]);
    looking_on.err.wait_for("it is kept for a listener with an app");
    looking_on.stop().with(0, "0 events");
    let listener = place.listen(&["-f", &app.url()]);
    listener.err.wait_for("caught up: 1 event");
    listener.stop().with(0, "");
    assert_eq!(bodies(&app), [body(2), body(1)]);
}

#[test]
fn with_ack_relay_the_sender_does_not_wait_for_the_app() {
    let place = Place::new();
    let (open, wait) = std::sync::mpsc::sync_channel::<()>(1);
    let wait = std::sync::Mutex::new(wait);
    let app = App::new(move |_| {
        let _ = wait.lock().unwrap().recv();
        ("200 OK", String::new())
    });
    let listener = place.listen(&["-f", &app.url(), "--ack", "relay", "--once", "--json"]);
    listener.line("ready");
    place.held(1, 0);
    app.wait_for(1);
    drop(open);
    let lines = listener.end().with(0, "").lines();
    let forwarded = of_kind(&lines, "forwarded");
    assert_eq!(
        (forwarded.len(), &forwarded[0]["status"], &forwarded[0]["late"]),
        (1, &200.into(), &false.into())
    );
    assert_eq!(of_kind(&lines, "event")[0]["owed"], true);
}

#[test]
fn what_is_owed_waits_for_an_app_that_is_not_there() {
    let (place, port) = (Place::new(), free_port());
    (1..=2).for_each(|number| place.held(number, 0));
    let listener = place.listen(&["-f", &port.to_string()]);
    listener.err.wait_for("your app is not there: 2 events wait");
    assert_eq!(place.send(3, 0).status(), 502, "its sender is told, and tries again");
    let app = App::at(port, verifying);
    listener.err.wait_for("your app is there");
    listener.err.wait_for("caught up: 2 events");
    let ended = listener.stop().with(0, "");
    assert_eq!(ended.err.matches("not there").count(), 1, "{}", ended.err);
    assert_eq!(bodies(&app), [body(1), body(2)]);
}

#[test]
fn what_is_required_and_not_signed_is_refused_and_owed_no_more() {
    let (place, app) = (Place::new(), App::counting());
    assert_eq!(try_post(&place.address, "{}").unwrap().header("muxhook-answer"), Some("held"));
    place.held(2, 0);
    let listener = place.listen(&["-f", &app.url(), "--require-signature"]);
    listener.err.wait_for("caught up: 2 events, 1 of them kept from your app");
    listener.stop().with(0, "1 refused");
    assert_eq!(bodies(&app), [body(2)]);
    let listener = place.listen(&["-f", &app.url()]);
    listener.address();
    assert_eq!(place.send(3, 0).header("muxhook-answer"), Some("app"));
    let ended = listener.stop().with(0, "1 event · 1 forwarded");
    assert!(!ended.err.contains("while you were away"), "{}", ended.err);
}

#[test]
fn what_is_given_up_never_comes() {
    let (place, app) = (Place::new(), App::counting());
    place.held(1, 0);
    let listener = place.listen(&["-f", &app.url(), "--owed", "discard", "--json"]);
    listener.line("ready");
    place.send(2, 0);
    listener.line("forwarded");
    listener.stop().with(0, "");
    assert_eq!(bodies(&app), [body(2)]);
}

#[test]
fn the_past_comes_first_on_request() {
    let (place, app) = (Place::new(), App::counting());
    place.held(1, 0);
    let listener = place.listen(&["-f", &app.url(), "--json"]);
    listener.line("forwarded");
    listener.stop().with(0, "");
    let listener = place.listen(&["-f", &app.url(), "--since", "all", "--json"]);
    let again = listener.line("event");
    assert_eq!(
        (&again["replayed"], &again["owed"], &again["attempt"]),
        (&true.into(), &false.into(), &2.into())
    );
    listener.line("forwarded");
    listener.stop().with(0, "");
    assert_eq!(bodies(&app), [body(1), body(1)]);
}

#[test]
fn what_is_owed_can_be_listed_shown_and_given_up() {
    let place = Place::new();
    (1..=2).for_each(|number| place.held(number, 0));
    let events = |args: &[&str]| place.home.run(&[&["events"], args].concat());
    let listed = events(&["list", "--json"]).with(0, "").lines();
    let rows = of_kind(&listed, "delivery");
    assert!(rows.iter().all(|row| row["fate"] == "owed" && row["answered_by"] == "held"), "{rows:?}");
    let ids: Vec<_> = rows.iter().map(|row| row["delivery"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    let status = place.home.run(&["status"]).with(0, "");
    assert!(status.out.contains("owed 2 events"), "{}", status.out);
    let end = &ids[0][28..];
    assert!(events(&["list"]).with(0, "").out.contains(end), "the end of an id is what a list shows");
    assert_eq!(events(&["show", end, "--raw"]).with(0, "").out, body(2));
    let shown = events(&["show", end]).with(0, "");
    assert!(shown.out.contains("mux-signature") && shown.out.contains("owed"), "{}", shown.out);
    events(&["list", "--status", "acepted"]).with(2, "did you mean accepted?");
    events(&["show", "ffff0000"]).with(2, "muxhook events list");
    events(&["discard", end, "ffff0000"]).with(2, "");
    events(&["discard", end]).with(0, "");
    let listed = events(&["list", "--status", "discarded", "--json"]).with(0, "").lines();
    assert_eq!(of_kind(&listed, "delivery")[0]["delivery"], ids[0]);
    events(&["discard", "--all"]).with(0, "");
    let app = App::counting();
    let listener = place.listen(&["-f", &app.url(), "--json"]);
    listener.line("ready");
    place.send(3, 0);
    listener.line("forwarded");
    listener.stop().with(0, "");
    assert_eq!(bodies(&app), [body(3)], "what is given up never comes");
}

/// A whole story and a duplicate of its end: found by the asset, from the upload on, in order.
#[test]
fn an_assets_life_is_told_from_its_upload_on() {
    let place = Place::new();
    let story = ["trigger", "upload-to-ready", "--accept-held", "--seed", "7", "--duplicate", "2"];
    place.home.run(&story).with(0, "");
    let events = |args: &[&str]| place.home.run(&[&["events"], args].concat());
    let listed = events(&["list", "--json"]).with(0, "").lines();
    let rows = of_kind(&listed, "delivery");
    let asset = rows.iter().find(|row| row["event_type"] == "video.asset.ready").unwrap();
    let id = asset["object"]["id"].as_str().unwrap();

    let told = events(&["timeline", id]).with(0, "").out;
    let types = |text: &str| -> Vec<String> {
        let words =
            text.lines().filter_map(|line| line.split_whitespace().find(|word| word.starts_with("video.")));
        words.map(str::to_owned).collect()
    };
    let story =
        ["video.upload.created", "video.upload.asset_created", "video.asset.created", "video.asset.ready"];
    let mut each = types(&told);
    each.dedup();
    assert_eq!(each, story, "{told}");
    assert!(told.contains("duplicate") && told.contains(id), "{told}");
    assert!(told.lines().filter(|line| line.contains(" +0.")).count() >= 3, "the time in between: {told}");

    let lines = events(&["timeline", id, "--json"]).with(0, "").lines();
    let of_events = of_kind(&lines, "delivery");
    assert_eq!(of_events.len(), rows.len(), "all of them are of one life");
    assert!(of_events.iter().any(|row| !row["duplicate_of"].is_null()));
    events(&["timeline", "nobody-knows-this-id"]).with(2, "");
}
