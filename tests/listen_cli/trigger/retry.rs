//! `--retry` plays Mux.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::{bodies, is_valid, of_kind, trigger};
use crate::home::Home;
use crate::http::App;

/// An app that fails so often before it takes anything.
fn failing(times: usize) -> App {
    let seen = AtomicUsize::new(0);
    App::new(move |_| match seen.fetch_add(1, Ordering::Relaxed) {
        nth if nth < times => ("503 Busy", format!("failure {nth}")),
        _ => ("200 OK", String::new()),
    })
}

#[test]
fn an_app_that_fails_twice_gets_three_tries_each_with_those_before() {
    let (home, app) = (Home::new(), failing(2));
    let ended = trigger(&home, &["video.asset.ready", "--retry", "--json", "-f", &app.url()]).with(0, "");
    let sent = of_kind(&ended, "sent");
    let tries: Vec<_> = sent.iter().map(|line| (line["try"].clone(), line["status"].clone())).collect();
    let wanted = [(1, 503), (2, 503), (3, 200)].map(|(number, status)| (json!(number), json!(status)));
    assert_eq!(tries, wanted);
    assert_eq!(of_kind(&ended, "summary")[0]["accepted"], 1);
    assert!(app.seen().iter().all(is_valid));
    let bodies = bodies(&app);
    let attempts: Vec<_> =
        bodies.iter().map(|body| body["attempts"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(attempts, [0, 1, 2]);
    let last = &bodies[2]["attempts"][1];
    assert_eq!((&last["response_status_code"], &last["response_body"]), (&json!(503), &json!("failure 1")));
    assert!(bodies.iter().all(|body| body["id"] == bodies[0]["id"]));
}

#[test]
fn it_is_given_up_after_thirty_tries() {
    let (home, app) = (Home::new(), failing(usize::MAX));
    let ended = trigger(&home, &["video.asset.ready", "--retry", "-f", &app.url()]);
    let ended = ended.with(4, "0 of 1 event accepted by the app after 30 sends: not video.asset.ready");
    assert_eq!(
        (app.seen().len(), ended.out.matches("the app answered 503").count()),
        (30, 30),
        "{}",
        ended.out
    );
    let last: Value = bodies(&app).pop().unwrap();
    assert_eq!(last["attempts"].as_array().unwrap().len(), 29);
}

#[test]
fn a_person_is_told_of_the_waits_and_how_many_sends_it_took() {
    let (home, app) = (Home::new(), failing(2));
    let args = ["video.asset.ready", "--retry", "--pace", "100x", "-f", &app.url()];
    let ended = trigger(&home, &args).with(0, "1 event sent, accepted by the app after 3 sends");
    for wait in ["trying again in 0.1 s", "trying again in 0.2 s"] {
        assert!(ended.err.contains(wait), "{}", ended.err);
    }
}
