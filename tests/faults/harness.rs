//! The players: a relay process, senders, a developer's app, `muxhook listen`; and the ways to make them suffer.

mod app;
mod ledger;
mod listener;
mod load;
mod mount;
mod relay;
mod shim;
pub(crate) mod webhook;
mod wire;

use std::io::Write;
use std::time::Duration;

pub(crate) use app::App;
pub(crate) use ledger::Ledger;
pub(crate) use ledger::Verdict;
pub(crate) use listener::{Line, Listener};
pub(crate) use load::{Load, post, post_one};
pub(crate) use mount::{Image, Mount, fill};
pub(crate) use relay::{Relay, Setting, TOKEN};
pub(crate) use shim::shim;
pub(crate) use wire::Wire;

/// The endpoint that most tests post to.
pub(crate) const ENDPOINT: &str = "faults";

/// Runs a test to its end, or fails it when it hangs. `each` is real time for one of `count` rounds; nothing passes
/// by this running out.
pub(crate) fn run(count: usize, each: Duration, test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let limit = Duration::from_secs(60) + each * u32::try_from(count).unwrap();
    let ended = runtime.block_on(async { tokio::time::timeout(limit, test).await });
    assert!(ended.is_ok(), "it hangs: not done after {limit:?}");
}

/// How often a fault is tried: the environment's word, else a number small enough for every day.
pub(crate) fn count(variable: &str, default: usize) -> usize {
    match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text}")),
        Err(_) => default,
    }
}

/// Tells figures, and what could not be tried, past the test harness's capture.
pub(crate) fn say(text: &str) {
    let _ = writeln!(std::io::stderr(), "faults: {text}");
}

/// Hands over everything that is owed: comes back when the app has it all. Nobody may listen before.
pub(crate) async fn hand_over(relay: &Relay, app: &App, ledger: &Ledger) {
    // Handed over in order of arrival, this one comes last.
    let (last, verdict) = post_one(relay.addr, ENDPOINT, ledger).await;
    assert_eq!(verdict, Verdict::Held, "{}", relay.log());
    let _listener = Listener::start(relay, app, &[]).await;
    app.until(last).await;
}
