//! Through an address of a relay.

use serde_json::{Value, json};

use super::{WRITTEN, bodies, of_kind, trigger, verifying};
use crate::home::{Home, free_port};
use crate::http::App;
use crate::running::Running;

#[test]
fn without_a_target_it_is_this_machines_own_address() {
    let (home, app) = (Home::new(), verifying());
    let listener = home.start(&["listen", "-f", &app.url()]);
    let address = listener.address();
    let ended = trigger(&home, &["video.asset.ready"]).with(0, &format!("sending 1 event to {address}"));
    assert!(ended.out.contains("200") && ended.out.contains("app"), "{}", ended.out);
    assert_eq!(bodies(&app)[0]["type"], "video.asset.ready");
    listener.stop().with(0, "1 event · 1 forwarded");
    let gone = trigger(&home, &["video.asset.ready"]).with(3, "no relay is configured");
    assert!(gone.err.contains("--forward-to localhost:3000"), "{}", gone.err);
    let relay = format!("http://127.0.0.1:{}", free_port());
    let mut command = home.muxhook(&["trigger", "video.asset.ready", "--relay", &relay]);
    command.env("MUXHOOK_TOKEN", "t0ken");
    Running::start(command).end().with(3, "cannot be reached").hides("t0ken");
}

#[test]
fn the_project_names_the_address_as_it_does_for_listen_but_no_target() {
    let (home, app) = (Home::new(), verifying());
    home.write("muxhook.toml", &format!("endpoint = \"my-app-dev\"\nforward-to = \"{}\"\n", app.url()));
    let listener = home.start(&["listen"]);
    assert!(listener.address().ends_with("/h/my-app-dev"));
    trigger(&home, &["video.asset.ready"]).with(0, "/h/my-app-dev");
    trigger(&home, &["video.asset.ready", "--endpoint", "another"])
        .with(5, "there is no endpoint another of yours");
    listener.stop().with(0, "1 event · 1 forwarded");
}

#[test]
fn a_2xx_that_the_app_did_not_give_is_no_success() {
    let (home, app) = (Home::new(), App::counting());
    let listener = home.start(&["listen"]);
    listener.address();
    let ended = trigger(&home, &["video.asset.ready", "--json"]).with(4, "0 of 1 event");
    let sent = &of_kind(&ended, "sent")[0];
    assert_eq!((&sent["status"], &sent["answered_by"]), (&json!(200), &json!("none")));
    assert!(sent["error"].as_str().unwrap().contains("only looked at"), "{sent}");
    listener.stop();

    let listener = home.start(&["listen", "-f", &app.url(), "--exclude", "video.asset.*"]);
    listener.address();
    let ended = trigger(&home, &["video.asset.ready"]).with(4, "not video.asset.ready");
    assert!(ended.out.contains("skipped") && ended.out.contains("a filter"), "{}", ended.out);
    trigger(&home, &["video.upload.created"]).with(0, "1 event sent");
}

#[test]
fn what_hinders_it_on_the_way_is_told() {
    let home = Home::new();
    let keeper = home.start(&["listen", "--endpoint", "kept"]);
    keeper.address();
    home.run(&["endpoints", "create", "lonely"]).with(0, "");
    let ended = trigger(&home, &["video.asset.ready", "--endpoint", "lonely"]).with(4, "0 of 1 event");
    for part in ["200", "held", "nobody listens", "hint: start `muxhook listen", "it is delivered"] {
        assert!(ended.out.contains(part), "{part}: {}", ended.out);
    }
    let gone = free_port().to_string();
    let listener = home.start(&["listen", "--endpoint", "lonely", "-f", &gone]);
    listener.address();
    let ended = trigger(&home, &["video.asset.ready", "--endpoint", "lonely"]).with(4, "0 of 1 event");
    assert!(ended.out.contains("502") && ended.out.contains("nothing listens on"), "{}", ended.out);
}

#[test]
fn what_is_held_is_taken_for_accepted_on_request_and_comes_to_who_listens() {
    let (home, app) = (Home::new(), verifying());
    let keeper = home.start(&["listen", "--endpoint", "kept"]);
    keeper.address();
    home.run(&["endpoints", "create", "lonely"]).with(0, "");
    let args = ["video.asset.ready", "--endpoint", "lonely", "--accept-held"];
    trigger(&home, &args).with(0, "1 event sent, held by the relay until somebody listens");
    let ended = trigger(&home, &[&args[..], &["--json"]].concat()).with(0, "");
    let (sent, summary) = (&of_kind(&ended, "sent")[0], &of_kind(&ended, "summary")[0]);
    assert_eq!((&sent["answered_by"], &sent["error"]), (&json!("held"), &Value::Null));
    assert_eq!((&summary["accepted"], &summary["held"]), (&json!(1), &json!(1)));
    let listener = home.start(&["listen", "--endpoint", "lonely", "-f", &app.url()]);
    listener.address();
    app.wait_for(2);
}

#[test]
fn a_duplicate_is_known_for_one() {
    let (home, app) = (Home::new(), verifying());
    home.write("event.json", WRITTEN);
    let listener = home.start(&["listen", "--json", "-f", &app.url()]);
    listener.line("ready");
    trigger(&home, &["--from", "event.json", "--duplicate", "2"]).with(0, "3 events sent, all accepted");
    let ended = listener.stop();
    let events = of_kind(&ended, "event");
    let first = events[0]["delivery"].clone();
    let known: Vec<_> = events.iter().map(|event| event["duplicate_of"].clone()).collect();
    assert_eq!(known, [Value::Null, first.clone(), first]);
}
