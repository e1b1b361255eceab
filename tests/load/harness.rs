//! The players: a relay process that is weighed, listeners by the thousand, senders, a developer's app.

mod app;
mod deaf;
mod listeners;
mod processes;
mod relay;
#[path = "../faults/harness/wire.rs"]
#[allow(dead_code, reason = "shared with the fault tests, which use all of it")]
mod wire;

use std::io::Write;
use std::time::Duration;

pub(crate) use app::{App, Cli};
pub(crate) use deaf::{Deaf, Pinging};
pub(crate) use listeners::{Listener, Listeners, Told, endpoint};
pub(crate) use processes::{Figures, Process};
use relay::binary;
pub(crate) use relay::{Relay, Transport};
pub(crate) use wire::Wire;

/// A token that every relay here knows.
pub(crate) const TOKEN: &str = "a-token-that-is-long-enough-for-a-relay";

/// Runs a test to its end, or fails it when it hangs. Nothing passes by this running out.
pub(crate) fn run(limit: Duration, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let ended = runtime.block_on(async { tokio::time::timeout(limit, test).await });
    assert!(ended.is_ok(), "it hangs: not done after {limit:?}");
}

/// How many: the environment's word, else a number small enough for every day.
pub(crate) fn count(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => default,
    }
}

/// Tells figures past the test harness's capture.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "load: {text}");
}
