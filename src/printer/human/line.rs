//! The one line of a delivery: time, verdict, latency, type, object, marks.

use std::fmt::Write as _;

use super::{Human, units};
use crate::event::{Arrival, Failed, Forwarded, Skipped};
use crate::printer::escape::escape;

/// Columns of the verdict behind its sign, latency included.
const VERDICT: usize = 12;
/// Columns of most types.
const TYPE: usize = 26;
/// The most columns of a type: the longest that Mux has takes 47.
const LONGEST_TYPE: usize = 60;
/// Columns of most objects.
const OBJECT: usize = 20;

/// What a line says beside the time.
struct Line<'a> {
    /// Sign and word, in their colours, [`VERDICT`] wide.
    verdict: String,
    arrival: &'a Arrival,
    /// What stands first among the marks.
    remark: Option<&'a str>,
    /// It may be overlooked.
    faint: bool,
}

/// The app answered.
pub(super) fn forwarded(human: &Human, at: u64, it: &Forwarded, out: &mut Vec<u8>) {
    let style = human.out;
    let status = it.reply.status;
    let latency = units::latency(it.latency);
    let verdict = match status {
        200..300 => format!("{} {}{latency:>9}", style.good(style.sign("✓", "+")), style.good(status)),
        _ => format!("{} {}{latency:>9}", style.bad(style.sign("✗", "x")), style.bad(status)),
    };
    let remark = it.late.then_some("late");
    Line { verdict, arrival: &it.arrival, remark, faint: false }.push(human, at, out);
}

/// The app gave no usable answer.
pub(super) fn failed(human: &Human, at: u64, it: &Failed, out: &mut Vec<u8>) {
    let style = human.out;
    let reason = style.bad(it.failure.reason.as_str());
    let verdict = format!("{} {reason:<VERDICT$}", style.bad(style.sign("✗", "x")));
    Line { verdict, arrival: &it.arrival, remark: None, faint: false }.push(human, at, out);
}

/// A filter kept it from the app.
pub(super) fn skipped(human: &Human, at: u64, it: &Skipped, out: &mut Vec<u8>) {
    let style = human.out;
    let verdict = format!("{} {:<VERDICT$}", style.dim(style.sign("–", "-")), style.dim("skipped"));
    let filter = escape(&it.filter);
    Line { verdict, arrival: &it.arrival, remark: Some(&filter), faint: true }.push(human, at, out);
}

/// It is only shown.
pub(super) fn shown(human: &Human, at: u64, arrival: &Arrival, out: &mut Vec<u8>) {
    let style = human.out;
    let verdict = format!("{} {:<VERDICT$}", style.accent(style.sign("•", "*")), "received");
    Line { verdict, arrival, remark: None, faint: false }.push(human, at, out);
}

impl Line<'_> {
    fn push(&self, human: &Human, at: u64, out: &mut Vec<u8>) {
        let style = human.out;
        let mut line = format!("{}  {}  ", style.dim(human.time(at)), self.verdict);
        let marks = self.marks(style.sign(" · ", ", "));
        let columns = [(self.name(human), TYPE), (self.object(human), OBJECT), (marks, 0)];
        let last = columns.iter().rposition(|(text, _)| !text.is_empty()).unwrap_or_default();
        for (nth, (text, width)) in columns.iter().enumerate().take(last + 1) {
            let space = if nth < last { units::gap(text, *width) + 2 } else { 0 };
            // Writing to memory never fails.
            let _ = match nth {
                _ if self.faint => write!(line, "{}{:space$}", style.dim(text), ""),
                0 => write!(line, "{}{:space$}", style.bold(text), ""),
                1 => write!(line, "{text}{:space$}", ""),
                _ => write!(line, "{}", style.warn(text)),
            };
        }
        line.push('\n');
        out.extend_from_slice(line.as_bytes());
    }

    /// The event's type; for what is no event, the request's method and path.
    fn name(&self, human: &Human) -> String {
        let text = match &self.arrival.envelope.event_type {
            Some(event_type) if !event_type.is_empty() => escape(event_type).into_owned(),
            _ => {
                let delivery = &self.arrival.delivery;
                let path = if delivery.path.is_empty() { "/" } else { &*delivery.path };
                format!("{} {}", escape(&delivery.method), escape(path))
            }
        };
        units::clip(&text, LONGEST_TYPE, human.ellipsis()).into_owned()
    }

    /// `asset ng02vOhR…dY00`.
    fn object(&self, human: &Human) -> String {
        let ellipsis = human.ellipsis();
        let safe = |text: &str| units::clip(&escape(text), OBJECT, ellipsis).into_owned();
        let kind = self.arrival.envelope.object_type.as_deref().map(safe);
        let id = self.arrival.envelope.object_id.as_deref().map(|id| safe(&units::shorten(id, ellipsis)));
        [kind, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }

    /// What is special about it.
    fn marks(&self, separator: &str) -> String {
        let delivery = &self.arrival.delivery;
        let attempt = (delivery.attempt > 1).then(|| format!("attempt {}", delivery.attempt));
        let marks = [
            self.remark,
            self.arrival.duplicate_of.map(|_| "duplicate"),
            attempt.as_deref(),
            delivery.owed.then_some("owed"),
            delivery.replayed.then_some("replayed"),
        ];
        marks.into_iter().flatten().collect::<Vec<_>>().join(separator)
    }
}
