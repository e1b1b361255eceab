//! The link to the relay, notices, and the end.

use std::fmt;
use std::io::Write as _;

use super::{Human, INDENT, units};
use muxhook_protocol::frame::Gap;

use crate::event::{Disconnected, Level, Notice, Reconnected, Summary};
use crate::printer::escape::escape;

/// The link is lost, or an attempt to make it failed; the reason says which. Said even when quiet.
pub(super) fn disconnected(human: &Human, at: u64, it: &Disconnected, err: &mut Vec<u8>) {
    let sign = human.err.bad(human.err.sign("✗", "x"));
    let reason = escape(&it.reason);
    let retry = units::span(it.retry_in);
    push(human, at, sign, &format!("{reason}; trying again in {retry}"), err);
}

/// The link stands again. Said even when quiet, since its loss was.
pub(super) fn reconnected(human: &Human, at: u64, it: Reconnected, err: &mut Vec<u8>) {
    let sign = human.err.good(human.err.sign("✓", "+"));
    let down = units::span(it.down);
    let missed = match it.missed {
        None | Some(0) => String::new(),
        Some(1) => "; 1 event is owed".to_owned(),
        Some(many) => format!("; {} events are owed", units::thousands(many)),
    };
    push(human, at, sign, &format!("the link is back after {down}{missed}"), err);
}

/// Something is gone for good. Said even when quiet.
pub(super) fn gap(human: &Human, at: u64, it: &Gap, err: &mut Vec<u8>) {
    let sign = human.err.warn("!");
    let (what, are) = (units::count(it.count, "event"), if it.count == 1 { "is" } else { "are" });
    let why = escape(&it.why);
    push(human, at, sign, &format!("{what} of the past {are} no longer on the relay: {why}"), err);
}

/// Anything else. A warning is said even when quiet.
pub(super) fn notice(human: &Human, at: u64, it: &Notice, err: &mut Vec<u8>) {
    let style = human.err;
    let sign = match it.level {
        Level::Info if human.quiet => return,
        Level::Info => style.accent(style.sign("•", "*")),
        Level::Warning => style.warn("!"),
    };
    push(human, at, sign, &escape(&it.message), err);
}

/// The end.
pub(super) fn summary(human: &Human, it: &Summary, err: &mut Vec<u8>) {
    let style = human.err;
    let some = |number: u64, name: &str| (number > 0).then(|| format!("{} {name}", units::thousands(number)));
    let parts = [
        Some(units::count(it.events, "event")),
        some(it.forwarded, "forwarded"),
        some(it.rejected, "of them rejected by the app").map(|rejected| style.bad(rejected).to_string()),
        some(it.failed, "failed").map(|failed| style.bad(failed).to_string()),
        some(it.skipped, "skipped"),
        some(it.refused, "refused").map(|refused| style.bad(refused).to_string()),
        (it.duplicates > 0).then(|| units::count(it.duplicates, "duplicate")),
    ];
    let line = parts.into_iter().flatten().collect::<Vec<_>>().join(style.sign(" · ", ", "));
    // Writing to memory never fails, here and below.
    let _ = writeln!(err, "\n{line} in {}", units::span(it.uptime));
}

/// On a terminal the text is broken between words, and goes on below its beginning.
fn push(human: &Human, at: u64, sign: impl fmt::Display, text: &str, err: &mut Vec<u8>) {
    let lines = units::wrap(text, human.width.map_or(usize::MAX, |_| human.room()));
    for (nth, line) in lines.iter().enumerate() {
        let _ = match nth {
            0 => writeln!(err, "{}  {sign} {line}", human.err.dim(human.time(at))),
            _ => writeln!(err, "{:INDENT$}  {line}", ""),
        };
    }
}
