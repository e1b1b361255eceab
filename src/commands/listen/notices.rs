//! What a `listen` has to say beside its events, in words.

use std::time::Duration;

use crate::event::{Level, Notice};
use crate::intake::Doubt;

fn warning(code: &str, message: String) -> Notice {
    Notice { level: Level::Warning, code: code.to_owned(), message }
}

/// `1 event` or `n events`.
fn events(count: usize) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{count} events") }
}

/// The app has as much as it may, and a sender went without its answer.
pub(super) fn queued(in_flight: usize) -> Notice {
    let message = format!(
        "your app has {} in hand, as many as --max-in-flight allows: further ones wait until it answers, or --timeout \
         passes",
        events(in_flight)
    );
    warning("max_in_flight", message)
}

/// A signature is not valid, and the event went to the app nevertheless.
pub(super) fn doubted(doubt: &Doubt) -> Notice {
    let Doubt { reason, cure } = doubt;
    warning("signature", format!("an event's signature is not valid: {reason} ({cure})"))
}

/// The app is given time for what it has.
pub(super) fn draining(pending: usize, limit: Duration) -> Notice {
    let are = if pending == 1 { "is" } else { "are" };
    let message = format!(
        "{} {are} still at the app, which has {} s to answer; asked again, this ends at once",
        events(pending),
        limit.as_secs()
    );
    Notice { level: Level::Info, code: "draining".to_owned(), message }
}

/// The app did not use it.
pub(super) fn unfinished(left: usize) -> Notice {
    let left = events(left);
    warning(
        "unfinished",
        format!("{left} had no answer from the app by the end: the sender is told, and Mux tries again"),
    )
}
