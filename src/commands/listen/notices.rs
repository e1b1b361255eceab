//! What a `listen` has to say beside its events, in words.

use std::time::Duration;

use muxhook_protocol::frame::{Backlog, Owed};

use super::catchup::Round;
use crate::event::{Level, Notice};
use crate::intake::Doubt;
use crate::intake::anew::Unsignable;
use crate::printer::{span, thousands};

fn warning(code: &str, message: String) -> Notice {
    Notice { level: Level::Warning, code: code.to_owned(), message }
}

fn info(code: &str, message: String) -> Notice {
    Notice { level: Level::Info, code: code.to_owned(), message }
}

/// `1 event` or `n events`.
fn events(count: usize) -> String {
    many(count as u64)
}

fn many(count: u64) -> String {
    if count == 1 { "1 event".to_owned() } else { format!("{} events", thousands(count)) }
}

/// What the relay owes when a listener comes at `now`, and what becomes of it; `None`: there is no app to take it.
pub(super) fn owed(backlog: Backlog, what: Option<Owed>, now: u64) -> Notice {
    let Backlog { count, oldest_at } = backlog;
    let age = oldest_at.map(|at| span(Duration::from_millis(now.saturating_sub(at))));
    let age = age.map(|age| format!(" (oldest {age} ago)")).unwrap_or_default();
    let (are, they) = if count == 1 { ("is", "it") } else { ("are", "they") };
    let fate = match what {
        None => format!("{they} {are} kept for a listener with an app (--forward-to)"),
        Some(Owed::Deliver) if count == 1 => "it is delivered now".to_owned(),
        Some(Owed::Deliver) => "they are delivered now, in order of arrival".to_owned(),
        Some(Owed::Later) => format!("{they} {are} kept for later, as --owed says"),
        Some(Owed::Discard) => format!("{they} {are} given up, as --owed says"),
    };
    info("owed", format!("{} arrived while you were away{age}: {fate}", many(count)))
}

/// A catch-up is over.
pub(super) fn caught_up(round: Round) -> Notice {
    let Round { total, taken, left_out, failed, .. } = round;
    let done = taken + left_out + failed;
    let mut message = format!("caught up: {}", many(done.min(total)));
    if done < total {
        message = format!("caught up: {} of {}", thousands(done), many(total));
    }
    if left_out > 0 {
        message.push_str(&format!(", {} of them kept from your app", thousands(left_out)));
    }
    if failed > 0 {
        message.push_str(&format!(", {} refused by your app and tried again later", thousands(failed)));
    }
    if done < total {
        message.push_str("; the others come later, or another listener has them");
    }
    info("caught_up", message)
}

/// So much of the past was delivered again.
pub(super) fn past(count: u64) -> Notice {
    let message = match count {
        0 => "the history holds nothing of what --since asks for".to_owned(),
        1 => "1 event of the past was delivered again, as --since asks".to_owned(),
        _ => format!("{} of the past were delivered again, as --since asks", many(count)),
    };
    info("past_delivered", message)
}

/// There is no app to take what is owed.
pub(super) fn app_away(target: &str, waiting: u64, every: Duration) -> Notice {
    let wait = if waiting == 1 { "waits" } else { "wait" };
    let message = format!(
        "your app is not there: {} {wait}; {target} is looked for every {} s",
        many(waiting),
        every.as_secs()
    );
    warning("app_away", message)
}

/// It is there again.
pub(super) fn app_back() -> Notice {
    info("app_back", "your app is there: what waited for it goes on".to_owned())
}

/// The first event that was signed anew.
pub(super) fn signed_anew() -> Notice {
    let message = "an event is signed anew with your secret, since its signature is too old by now for Mux's SDKs; what \
                   it was stands in Muxhook-Original-Signature (so with all that follow)";
    info("signed_anew", message.to_owned())
}

/// An event goes to the app with a signature that is too old.
pub(super) fn unsignable(why: Unsignable) -> Notice {
    warning("signature_age", why.message())
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

/// The app did not use it. `owed`: how many of them the relay owes.
pub(super) fn unfinished(left: usize, owed: usize) -> Notice {
    let owed = owed.min(left);
    let fate = match left - owed {
        0 => "what the relay owes comes again with the next `listen`",
        _ if owed == 0 => "the sender is told, and Mux tries again",
        _ => {
            "the sender is told, and Mux tries again; what the relay owes comes again with the next `listen`"
        }
    };
    warning("unfinished", format!("{} had no answer from the app by the end: {fate}", events(left)))
}
