//! `events replay` and `trigger --from`, from a history that a real relay has.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use muxhook_protocol::mux::signature::{Key, Verdict, sign, verify};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::home::Home;
use crate::http::{App, Message, Sender, post};
use crate::running::{Ended, LIMIT, Running};

const SECRET: &str = "SuperSecret123";

/// The `nth` event, with white space that no re-serialising leaves alone.
fn event(nth: usize) -> String {
    format!("{{\"type\" : \"video.asset.ready\", \"id\":\"e{nth}\", \"data\":{{\"big\":1.0}}}}\n")
}

/// An app that rejects everything while it is `broken`.
fn fragile() -> (App, Arc<AtomicBool>) {
    let broken = Arc::new(AtomicBool::new(true));
    let own = Arc::clone(&broken);
    let app = App::new(move |_| match own.load(Ordering::SeqCst) {
        true => ("500 Oops", String::new()),
        false => ("200 OK", String::new()),
    });
    (app, broken)
}

/// Posts events, and waits until the history has them all: what is settled at once is written a moment later.
fn past(home: &Home, address: &str, events: usize) {
    for nth in 0..events {
        post(address, &event(nth));
    }
    recorded(home, events);
}

fn recorded(home: &Home, events: usize) {
    let until = Instant::now() + LIMIT;
    loop {
        let ended = home.run(&["events", "list", "--json"]).with(0, "");
        if of_kind(&ended.out, "").len() >= events {
            return;
        }
        assert!(Instant::now() < until, "{events} deliveries are not in the history: {}", ended.out);
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// The lines of this kind; all that tell of a delivery, when it is empty.
fn of_kind(out: &str, kind: &str) -> Vec<Value> {
    let lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines
        .filter(|line| match kind {
            "" => line["delivery"].is_string(),
            kind => line["kind"] == kind,
        })
        .collect()
}

fn replay(home: &Home, args: &[&str]) -> Ended {
    home.run(&[&["events", "replay"], args].concat())
}

fn ids(app: &App) -> Vec<String> {
    let id = |request: &Message| {
        serde_json::from_slice::<Value>(&request.body).unwrap()["id"].as_str().unwrap().to_owned()
    };
    app.seen().iter().map(id).collect()
}

#[test]
fn what_failed_goes_through_the_listener_again_in_order() {
    let (home, (app, broken)) = (Home::new(), fragile());
    let listener = home.start(&["listen", "--json", "-f", &app.url()]);
    let address = listener.line("ready")["public_url"].as_str().unwrap().to_owned();
    past(&home, &address, 3);
    replay(&home, &["--failed"]).with(4, "0 of 3 deliveries accepted by the app");
    broken.store(false, Ordering::SeqCst);
    let told = replay(&home, &["--failed", "--json"]).with(0, "");
    let (sent, summary) = (of_kind(&told.out, "replayed"), of_kind(&told.out, "summary"));
    let of = |key: &str| sent.iter().map(|line| line[key].clone()).collect::<Vec<_>>();
    assert_eq!(of("event_id"), [json!("e0"), json!("e1"), json!("e2")]);
    assert_eq!((of("answered_by"), of("status")), (vec![json!("app"); 3], vec![json!(200); 3]));
    assert_eq!((&summary[0]["accepted"], &summary[0]["target"]), (&json!(3), &Value::Null));
    assert_eq!(ids(&app), ["e0", "e1", "e2", "e0", "e1", "e2", "e0", "e1", "e2"]);
    let seen = app.seen();
    for nth in 0..3 {
        assert_eq!(seen[nth].body, seen[nth + 6].body);
        assert_eq!(seen[nth].header("muxhook-delivery"), seen[nth + 6].header("muxhook-delivery"));
    }
    let events = of_kind(&listener.stop().out, "event");
    let marks: Vec<_> =
        events.iter().map(|line| (line["replayed"].clone(), line["attempt"].clone())).collect();
    assert_eq!((&marks[0], &marks[3]), (&(json!(false), json!(1)), &(json!(true), json!(2))));
    assert_eq!(marks[6], (json!(true), json!(3)));
}

#[test]
fn what_was_accepted_since_is_not_sent_again() {
    let (home, (app, broken)) = (Home::new(), fragile());
    let listener = home.start(&["listen", "-f", &app.url()]);
    past(&home, &listener.address(), 1);
    broken.store(false, Ordering::SeqCst);
    replay(&home, &["--failed"]).with(0, "1 delivery sent again, accepted by the app");
    let until = Instant::now() + LIMIT;
    // What became of it is written a moment later, too.
    while !replay(&home, &["--failed"]).with(0, "").err.contains("nothing to send again") {
        assert!(Instant::now() < until);
    }
}

#[test]
fn straight_to_an_app_nobody_needs_to_listen() {
    let (home, app) = (Home::new(), App::counting());
    let keeper = home.start(&["listen", "--endpoint", "kept"]);
    keeper.address();
    let listener = home.start(&["listen", "--json"]);
    let address = listener.line("ready")["public_url"].as_str().unwrap().to_owned();
    past(&home, &format!("{address}/suffix?a=b"), 2);
    let events = of_kind(&listener.stop().out, "event");
    let id = events[1]["delivery"].as_str().unwrap().to_owned();
    let told = replay(&home, &[&id[28..], "-f", &format!("{}/base?x=1", app.url())]);
    let told = told.with(0, "sent again, accepted by the app");
    assert_eq!(told.out.lines().count(), 1, "{}", told.out);
    let seen = &app.seen()[0];
    assert_eq!(seen.first, "POST /base/suffix?x=1&a=b HTTP/1.1");
    assert_eq!((seen.text(), seen.header("muxhook-delivery")), (&*event(1), Some(&*id)));
    replay(&home, &["e0", "e1", "-f", &app.url()]).with(0, "2 deliveries sent again, all accepted");
    let told = replay(&home, &["--last", "2"]).with(4, "nobody listens on");
    assert!(told.err.contains("muxhook listen") && told.err.contains("--forward-to"), "{}", told.err);
    let gone = crate::home::free_port().to_string();
    let told = replay(&home, &["--last", "1", "-f", &gone]).with(4, "0 of 1 delivery");
    assert!(told.out.contains(&format!("nothing listens on localhost:{gone}")), "{}", told.out);
}

/// What the app makes of a signature, now.
fn verdict(request: &Message) -> Verdict {
    let header = request.header("mux-signature").map(str::as_bytes);
    verify(header, &request.body, &[Key::new(SECRET).unwrap()], jiff::Timestamp::now().as_second())
}

#[test]
fn an_old_signature_is_made_anew_unless_it_is_to_stay() {
    let (home, app) = (Home::new(), App::counting());
    let with_secret = |args: &[&str]| {
        let mut command = home.muxhook(args);
        command.env("MUX_WEBHOOK_SECRET", SECRET);
        Running::start(command)
    };
    let listener = with_secret(&["listen", "-f", &app.url()]);
    let address = listener.address();
    // Valid when it comes, and so old that it is not sent again as it is.
    let at = jiff::Timestamp::now().as_second() - 296;
    let old = sign(&Key::new(SECRET).unwrap(), at, event(0).as_bytes());
    let head = format!("content-type: application/json\r\nmux-signature: {old}\r\n");
    Sender::to(&address).unwrap().post(&address, &head, event(0).as_bytes()).unwrap().by_app(200, "took 62");
    recorded(&home, 1);
    let last = |args: &[&str]| {
        let seen = app.seen().len();
        with_secret(&[&["events", "replay", "e0"], args].concat())
            .end()
            .with(0, "accepted by the app")
            .hides(SECRET);
        let mut all = app.seen();
        assert_eq!(all.len(), seen + 1);
        all.pop().unwrap()
    };
    for straight in [&[][..], &["-f", &app.url()]] {
        let fresh = last(straight);
        let Verdict::Valid { age, .. } = verdict(&fresh) else { panic!("{fresh:?}") };
        assert!(age < 60 && fresh.header("muxhook-original-signature") == Some(&old), "{fresh:?}");
        let stays = last(&[&["--original-signature"], straight].concat());
        assert_eq!(stays.header("mux-signature"), Some(&*old), "{stays:?}");
        let signed = last(&[&["--sign"], straight].concat());
        let Verdict::Valid { age, .. } = verdict(&signed) else { panic!("{signed:?}") };
        assert!(age < 60, "{signed:?}");
    }
    // Only the listener has the secret.
    home.run(&["events", "replay", "e0"]).with(0, "accepted by the app");
    let Verdict::Valid { age, .. } = verdict(&app.seen().pop().unwrap()) else { panic!() };
    assert!(age < 60);
    replay(&home, &["e0", "--sign"]).with(2, "--sign: there is no secret to sign with");
    replay(&home, &["e0", "-f", &app.url()]).with(0, "there is no signing secret to sign it anew with");
}

#[test]
fn it_ends_between_two_when_interrupted() {
    let (home, app) = (Home::new(), App::counting());
    let listener = home.start(&["listen", "--json"]);
    let address = listener.line("ready")["public_url"].as_str().unwrap().to_owned();
    past(&home, &address, 1);
    // The second comes at another millisecond at the earliest, and a hundred times later when it is sent again.
    std::thread::park_timeout(Duration::from_millis(700));
    post(&address, &event(1));
    recorded(&home, 2);
    let running = home.start(&["events", "replay", "--last", "2", "--pace", "0.01x", "-f", &app.url()]);
    running.out.wait_for("200");
    running.signal(Signal::INT);
    running.end().with(130, "1 of 2 deliveries accepted by the app");
    assert_eq!(ids(&app), ["e0"]);
}

#[test]
fn an_event_of_the_history_is_triggered_as_it_came_or_changed() {
    let (home, app) = (Home::new(), App::counting());
    let listener = home.start(&["listen", "-f", &app.url()]);
    past(&home, &listener.address(), 2);
    let trigger = |args: &[&str]| {
        let mut command = home.muxhook(&[&["trigger", "--from"], args].concat());
        command.env("MUX_WEBHOOK_SECRET", SECRET);
        Running::start(command).end().hides(SECRET)
    };
    let delivery = app.seen()[1].header("muxhook-delivery").unwrap().to_owned();
    trigger(&[&delivery]).with(0, "1 event sent, accepted by the app");
    trigger(&[&delivery[28..], "--set", "data.new=true", "--set", "id=e9"]).with(0, "1 event sent");
    let straight = App::counting();
    trigger(&[&delivery, "-f", &straight.url()]).with(0, "1 event sent");
    let seen = app.seen();
    assert_eq!((seen[2].text(), straight.seen()[0].text()), (&*event(1), &*event(1)));
    let changed: Value = serde_json::from_slice(&seen[3].body).unwrap();
    assert_eq!((&changed["id"], &changed["data"]), (&json!("e9"), &json!({ "big": 1.0, "new": true })));
    assert!(seen[2..].iter().all(|request| matches!(verdict(request), Verdict::Valid { .. })));
    trigger(&["ffffffff"]).with(2, "--from ffffffff");
    trigger(&["ffffffff", "video.asset.ready"]).with(2, "cannot be used with");
    trigger(&["-", "-f", "3000", "--endpoint", "alice"]).with(2, "leave out --forward-to");
}
