//! The one line of a delivery: time, verdict, latency, type, object, what it tells of itself, marks.
//!
//! On a terminal it never takes more than one row: the phrase gives way to the marks, and both to what stands before.

pub(in crate::printer) mod cells;
mod marks;

use muxhook_protocol::mux::phrase::{self, Told};
use muxhook_protocol::mux::signature::Verdict;

use super::{Human, units};
use crate::event::{Arrival, Failed, Forwarded, Refused, Skipped};
use crate::printer::escape::escape;
use cells::{Cells, Columns};

/// Columns of the verdict behind its sign, latency included.
const VERDICT: usize = 12;
/// The most columns of a type: the longest that Mux has takes 47.
const LONGEST_TYPE: usize = 60;
/// The most columns of an object's type, and of its id.
const LONGEST_OBJECT: usize = 20;

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

/// Its signature kept it from the app.
pub(super) fn refused(human: &Human, at: u64, it: &Refused, out: &mut Vec<u8>) {
    let style = human.out;
    // Who sent what is owed or replayed had its answer before.
    let is_told = !it.arrival.delivery.owed && !it.arrival.delivery.replayed;
    let word = if is_told { "401  refused" } else { "refused" };
    let verdict = format!("{} {:<VERDICT$}", style.bad(style.sign("✗", "x")), style.bad(word));
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
        self.lay_out(human, at, self.told(), out);
    }

    fn lay_out(&self, human: &Human, at: u64, told: Told, out: &mut Vec<u8>) {
        let style = human.out;
        let columns = Columns::of(human.width);
        let phrase = cells::phrase(&told.phrase.unwrap_or_default(), style);
        let alarm = marks::alarm(self.arrival.signature).unwrap_or_default();
        let mut cells = Cells::begin(style, columns, self.faint);
        cells.raw(&style.dim(human.time(at)).to_string(), 8);
        cells.raw(&format!("  {}", self.verdict), 2 + 2 + VERDICT);
        let (sign, width) = self.signature(human);
        cells.raw(&sign, width);
        cells.push(&self.name(human), columns.event_type, |style, text| style.bold(text).to_string());
        cells.push(&self.object(human, columns.wide), columns.object, |_, text| text.to_owned());
        let marks_of = |whole| marks::of(self.arrival, self.remark, told.tries, style, whole);
        let mut marks = marks_of(true);
        if !cells.hold(&[&phrase, &alarm, &marks]) {
            marks = marks_of(false);
        }
        cells.fit(&phrase, &[&alarm, &marks]);
        cells.push(&alarm, 0, |style, text| style.bad(text).to_string());
        cells.push(&marks, 0, |style, text| style.warn(text).to_string());
        cells.end(out);
    }

    /// What the event tells of itself.
    fn told(&self) -> Told {
        match self.arrival.envelope.event_type.as_deref() {
            Some(event_type) if !event_type.is_empty() => {
                phrase::tell(event_type, &self.arrival.delivery.body)
            }
            _ => Told::default(),
        }
    }

    /// The space before the type, and in it a sign for what the signature is worth, if that is known.
    fn signature(&self, human: &Human) -> (String, usize) {
        let style = human.out;
        match self.arrival.signature {
            None => ("  ".to_owned(), 2),
            Some(Verdict::Valid { .. }) => (format!(" {} ", style.good(style.sign("✎", "s"))), 3),
            Some(_) => (format!(" {} ", style.bad("!")), 3),
        }
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

    /// `asset ng02vOhR…dY00`; where there is little room `ng02…dY00`: the event's type tells what it is.
    fn object(&self, human: &Human, wide: bool) -> String {
        let ellipsis = human.ellipsis();
        let safe = |text: &str| units::clip(&escape(text), LONGEST_OBJECT, ellipsis).into_owned();
        let kind = self.arrival.envelope.object_type.as_deref().filter(|_| wide).map(safe);
        let head = if wide { 8 } else { 4 };
        let id = self.arrival.envelope.object_id.as_deref();
        let id = id.map(|id| safe(&units::shorten(id, head, ellipsis)));
        [kind, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;
    use muxhook_protocol::mux::phrase::Tries;
    use unicode_width::UnicodeWidthStr as _;

    use super::*;
    use crate::printer::fixture::{AT, arrival};
    use crate::printer::{Print, Style};

    fn line(columns: Option<usize>, unicode: bool, told: Told) -> String {
        let style = Style { color: false, unicode };
        let zone = TimeZone::UTC;
        let (print, show_secrets, quiet, keys) = (Print::Summary, false, false, false);
        let human = Human { out: style, err: style, zone, width: columns, print, show_secrets, quiet, keys };
        let arrival = arrival(|it| {
            it.signature = Some(Verdict::Valid { age: 0, key: 0 });
            it.envelope.event_type = Some("video.asset.ready".into());
            it.envelope.object_type = Some("asset".into());
        });
        let verdict = format!("{} 200{:>9}", style.sign("✓", "+"), "12 ms");
        let mut out = Vec::new();
        let line = Line { verdict, arrival: &arrival, remark: None, faint: false };
        line.lay_out(&human, AT, told, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn told(phrase: &str, tries: bool) -> Told {
        let tries = tries.then_some(Tries { number: 3, most: Some(30), last_status: Some(500) });
        Told { phrase: Some(phrase.to_owned()), tries }
    }

    #[test]
    fn a_phrase_and_tries_take_what_room_there_is() {
        let mut lines = String::new();
        for columns in [None, Some(120), Some(100), Some(80), Some(60)] {
            for tries in [false, true] {
                let line = line(columns, true, told("2m33s · 1280×544 · 2 tracks", tries));
                assert!(line.trim_end().width() <= columns.unwrap_or(200), "{line}");
                lines.push_str(&line);
            }
        }
        lines.push_str(&line(Some(80), false, told("2m33s · 1280×544 · 2 tracks", true)));
        insta::assert_snapshot!(lines);
    }

    #[test]
    fn a_hostile_phrase_is_text() {
        let text = line(Some(120), true, told("\x1b[2J\n12:00:00  ✓ 200 forged\u{202e}\0", false));
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.contains(r"\x1b[2J\n12:00:00"), "{text}");
    }
}
