//! `trigger`, against apps that check what they get: straight, and through relay and listener.

mod address;
mod app;
mod catalogue;
#[path = "../../relay/protocol/tests/payloads/checker.rs"]
mod checker;
mod retry;
mod used_wrongly;

use muxhook_protocol::mux::signature::{Key, Verdict, verify};
use serde_json::Value;

use crate::home::Home;
use crate::http::{App, Message};
use crate::running::Ended;

const SECRET: &str = "SuperSecret123";

/// An event that somebody wrote down, with white space and a number that no re-serialising leaves alone.
const WRITTEN: &str = "{\"type\" : \"video.asset.ready\", \"id\":\"e1\",\n \"data\":{\"big\":1.0,\"passthrough\":\"x\"},\"attempts\":[]}\n";

/// What an app makes of a request's signature, at this very moment.
fn verdict(request: &Message) -> Verdict {
    let header = request.header("mux-signature").map(str::as_bytes);
    let keys = [Key::new(SECRET).unwrap()];
    verify(header, &request.body, &keys, jiff::Timestamp::now().as_second())
}

fn is_valid(request: &Message) -> bool {
    matches!(verdict(request), Verdict::Valid { .. })
}

/// An app that takes what is validly signed, and nothing else.
fn verifying() -> App {
    App::new(|request| match is_valid(request) {
        true => ("200 OK", String::new()),
        false => {
            ("400 Bad Request", "No signatures found matching the expected signature for payload.".to_owned())
        }
    })
}

/// What the app saw, as JSON.
fn bodies(app: &App) -> Vec<Value> {
    app.seen().iter().map(|request| serde_json::from_slice(&request.body).unwrap()).collect()
}

/// Runs `trigger` with the secret in the environment.
#[track_caller]
fn trigger(home: &Home, args: &[&str]) -> Ended {
    let mut command = home.muxhook(&[&["trigger"], args].concat());
    command.env("MUX_WEBHOOK_SECRET", SECRET);
    crate::running::Running::start(command).end().hides(SECRET)
}

/// The lines of this kind.
fn of_kind(ended: &Ended, kind: &str) -> Vec<Value> {
    ended.lines().into_iter().filter(|line| line["kind"] == kind).collect()
}
