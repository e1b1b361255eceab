//! What a `listen` has to say beside its events, in words.

use std::time::Duration;

use crate::event::{Level, Notice};
use crate::intake::Doubt;
use crate::state::Remembered;

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

/// The endpoint was lost together with the link.
pub(super) fn address_changed(public_url: &str) -> Notice {
    let message = format!("the address is now {public_url}: the one before is gone, so give this one to Mux");
    warning("address_changed", message)
}

/// The state folder is of no use.
pub(super) fn forgetful(cause: &str) -> Notice {
    let message =
        format!("{cause}: the address below is temporary, and will be another one at the next start");
    warning("nothing_remembered", message)
}

/// Others listen on the endpoint too.
pub(super) fn shared(own: &Remembered, others: u32) -> Notice {
    let who =
        if others == 1 { "another listener is".to_owned() } else { format!("{others} other listeners are") };
    let message = format!(
        "{who} on this address too, and each gets every event; for an address of its own, add --endpoint {}",
        own.beside(2)
    );
    warning("endpoint_shared", message)
}
