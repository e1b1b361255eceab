//! Deliveries as people read them, a line each. Pure.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use muxhook_protocol::DeliveryId;
use muxhook_protocol::frame::Gap;

use super::words;
use crate::api::events::{Fate, Row};
use crate::printer::{Cells, Columns, Style, clip, clock, count, escape, phrase, shorten};

/// Columns of what became of a delivery, behind its sign.
const BECAME: usize = 11;
/// Columns of who answered the sender.
const ANSWERED: usize = 12;
/// Columns of the time since the row before.
const SINCE: usize = 7;
/// The most columns of a type, an object's type, and its id.
const LONGEST: usize = 60;
const LONGEST_OBJECT: usize = 20;

/// How it is to look.
#[derive(Clone, Debug)]
pub(super) struct Look {
    pub(super) style: Style,
    /// Columns of the terminal; `None` when there is none.
    pub(super) width: Option<usize>,
    /// Whose clock the times are read from.
    pub(super) zone: TimeZone,
    /// The time, in milliseconds since the Unix epoch.
    pub(super) now: u64,
    /// Columns of the time.
    pub(super) time: usize,
}

impl Look {
    /// `width`: columns of the terminal.
    pub(super) fn new(style: Style, width: Option<usize>, now: u64) -> Self {
        Self { style, width, zone: TimeZone::system(), now, time: 8 }
    }

    /// The same with room for the times of `rows`.
    pub(super) fn for_rows(mut self, rows: &[Row]) -> Self {
        let widths = rows.iter().map(|row| self.when(row.received_at).len());
        self.time = widths.max().unwrap_or(self.time);
        self
    }

    /// `14:03:22`, `yesterday 14:03:22`, `Sat 14:03:22`, `2026-11-14 14:03:22`.
    pub(super) fn when(&self, at: u64) -> String {
        let clock = clock(at, &self.zone);
        let date = |at: u64| {
            let at = Timestamp::from_millisecond(i64::try_from(at).unwrap_or(i64::MAX));
            self.zone.to_datetime(at.unwrap_or(Timestamp::MAX)).date()
        };
        let (day, today) = (date(at), date(self.now));
        let days = (today - day).get_days();
        match days {
            0 => clock,
            1 => format!("yesterday {clock}"),
            2..=6 => format!("{} {clock}", day.strftime("%a")),
            _ => format!("{day} {clock}"),
        }
    }

    pub(super) fn ellipsis(&self) -> &'static str {
        self.style.sign("…", "...")
    }

    pub(super) fn separator(&self) -> &'static str {
        self.style.sign(" · ", ", ")
    }
}

/// The last 8 hex digits of an id: its beginning is a time, which deliveries of one moment share.
pub(super) fn short(id: DeliveryId) -> String {
    let text = id.to_string();
    text.get(text.len().saturating_sub(8)..).unwrap_or_default().to_owned()
}

/// What else is to be said of a delivery.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Extra<'a> {
    /// How long after the row before: a column of its own, if only an empty one.
    pub(super) since: Option<&'a str>,
    /// What the event tells of itself, in place of who answered it. Text from outside, not escaped.
    pub(super) phrase: Option<&'a str>,
    pub(super) marks: &'a [&'a str],
}

/// One delivery, in one row where there is a terminal.
pub(super) fn row(row: &Row, extra: &Extra<'_>, look: &Look, out: &mut Vec<u8>) {
    let style = look.style;
    let columns = Columns::of(look.width);
    let (tone, became) = words::became(row, look.now);
    let faint = matches!(row.fate, Fate::Skipped | Fate::Discarded);
    let mut cells = Cells::begin(style, columns, faint);
    let time = format!("{:>1$}", look.when(row.received_at), look.time);
    cells.raw(&style.dim(&time).to_string(), time.len());
    if let Some(since) = extra.since {
        cells.raw(&format!("  {since:>SINCE$}"), 2 + SINCE);
    }
    cells.raw(&format!("  {}  {} ", short(row.delivery), tone.sign(style)), 2 + 8 + 2 + 2);
    cells.push(&became, BECAME, |style, text| tone.paint(text, style));
    cells.push(&name(row, look), columns.event_type, |style, text| style.bold(text).to_string());
    cells.push(&object(row, columns.wide, look), columns.object, |_, text| text.to_owned());
    let marks: Vec<_> = extra.marks.iter().map(|mark| (*mark).to_owned()).chain(words::marks(row)).collect();
    let marks = marks.join(look.separator());
    let answered = format!("{} {}", style.sign("←", "<-"), words::answered(row));
    if extra.since.is_some() {
        cells.fit(&phrase(extra.phrase.unwrap_or_default(), style), &[&marks]);
    // It gives way to the marks.
    } else if columns.wide || (row.answered_by != "app" && cells.hold(&[&answered, &marks])) {
        let room = if marks.is_empty() { 0 } else { ANSWERED };
        cells.push(&answered, room, |style, text| style.dim(text).to_string());
    }
    cells.push(&marks, 0, |style, text| style.warn(text).to_string());
    cells.end(out);
}

/// What the history holds no longer.
pub(super) fn gap(gap: &Gap, look: &Look, out: &mut Vec<u8>) {
    let gone = if gap.count == 1 { "is gone" } else { "are gone" };
    let text = format!(
        "{} {gone}: {}",
        count(gap.count, "delivery").replace("deliverys", "deliveries"),
        escape(&gap.why)
    );
    let mut cells = Cells::begin(look.style, Columns::of(look.width), false);
    cells.raw(&" ".repeat(look.time + 2), look.time + 2);
    cells.push(&format!("{} {text}", look.style.sign("⋯", "...")), 0, |style, text| {
        style.warn(text).to_string()
    });
    cells.end(out);
}

/// The event's type; for what is no event, the request's method and path. Escaped.
pub(super) fn name(row: &Row, look: &Look) -> String {
    let text = match row.event_type.as_deref() {
        Some(event_type) if !event_type.is_empty() => escape(event_type).into_owned(),
        _ => {
            let path = if row.path.is_empty() { "/" } else { &*row.path };
            format!("{} {}", escape(&row.method), escape(path))
        }
    };
    clip(&text, LONGEST, look.ellipsis()).into_owned()
}

/// `asset ng02vOhR…dY00`; where there is little room `ng02…dY00`. Escaped.
fn object(row: &Row, wide: bool, look: &Look) -> String {
    let safe = |text: &str| clip(&escape(text), LONGEST_OBJECT, look.ellipsis()).into_owned();
    let kind = row.object_type.as_deref().filter(|_| wide).map(safe);
    let head = if wide { 8 } else { 4 };
    let id = row.object_id.as_deref().map(|id| safe(&shorten(id, head, look.ellipsis())));
    [kind, id].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

/// Gaps of a history, each to be told between the rows that it lies between.
#[derive(Debug)]
pub(super) struct Gaps {
    left: Vec<Gap>,
    ascending: bool,
}

impl Gaps {
    /// `ascending`: the oldest rows come first.
    pub(super) fn new(mut gaps: Vec<Gap>, ascending: bool) -> Self {
        // The next one stands last.
        gaps.sort_by_key(|gap| if ascending { u64::MAX - gap.from_seq } else { gap.to_seq });
        Self { left: gaps, ascending }
    }

    /// The next that lies before a row with this `seq`.
    pub(super) fn before(&mut self, seq: u64) -> Option<Gap> {
        let ascending = self.ascending;
        self.left.pop_if(|gap| if ascending { gap.from_seq < seq } else { gap.to_seq > seq })
    }

    /// Those that lie behind all rows.
    pub(super) fn rest(self) -> impl Iterator<Item = Gap> {
        self.left.into_iter().rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::events::fixture::{self, AT, attempt};

    fn look(width: Option<usize>, unicode: bool) -> Look {
        let style = Style { color: false, unicode };
        Look { style, width, zone: TimeZone::UTC, now: AT + 3_600_000, time: 8 }
    }

    fn told(rows: &[Row], look: &Look) -> String {
        let mut out = Vec::new();
        rows.iter().for_each(|one| row(one, &Extra::default(), look, &mut out));
        String::from_utf8(out).unwrap()
    }

    fn rows() -> Vec<Row> {
        use fixture::row;
        let bad = || attempt("replied", Some(500));
        vec![
            row(1, |_| {}),
            row(2, |it| {
                (it.fate, it.status, it.attempts) = (Fate::Rejected, 500, vec![bad()]);
                it.duplicate_of = Some(fixture::id(1));
            }),
            row(3, |it| {
                (it.fate, it.attempts) = (Fate::Failed, vec![attempt("refused", None)]);
                (it.answered_by, it.status) = ("relay".to_owned(), 502);
            }),
            row(4, |it| {
                (it.fate, it.attempts) = (Fate::Owed, vec![bad(), bad()]);
                it.answered_by = "held".to_owned();
                it.event_type = Some("video.live_stream.simulcast_target.broadcasting".to_owned());
            }),
            row(5, |it| {
                (it.fate, it.attempts, it.answered_by) = (Fate::Skipped, Vec::new(), "skipped".to_owned());
            }),
            row(6, |it| {
                (it.fate, it.attempts) = (Fate::Late, vec![bad()]);
                (it.answered_by, it.status) = ("relay".to_owned(), 504);
                (it.event_type, it.object_type, it.object_id) = (None, None, None);
            }),
            row(7, |it| {
                (it.fate, it.attempts) = (Fate::Expired, vec![bad(), bad(), bad()]);
                it.answered_by = "held".to_owned();
            }),
            row(8, |it| {
                (it.fate, it.attempts) = (Fate::Refused, vec![attempt("signature", None)]);
                (it.answered_by, it.status) = ("relay".to_owned(), 401);
            }),
        ]
    }

    #[test]
    fn a_row_says_what_matters_and_fits_the_terminal() {
        let mut all = String::new();
        for (width, unicode) in [(None, true), (Some(120), true), (Some(80), true), (Some(80), false)] {
            let text = told(&rows(), &look(width, unicode));
            let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
            assert!(widest <= width.unwrap_or(usize::MAX), "{text}");
            assert!(unicode || text.is_ascii(), "{text}");
            all.push_str(&text);
            all.push('\n');
        }
        insta::assert_snapshot!(all);
    }

    #[test]
    fn hostile_texts_stay_on_their_row() {
        let hostile = "\x1b[2J\r\n14:00:00  deadbeef  ✓ forged\u{202e}\0";
        let row = fixture::row(1, |it| {
            it.event_type = Some(hostile.to_owned());
            (it.object_type, it.object_id) = (Some(hostile.to_owned()), Some(hostile.to_owned()));
            (it.method, it.path) = (hostile.to_owned(), hostile.to_owned());
            it.answered_by = hostile.to_owned();
            it.attempts = vec![attempt(hostile, None)];
            it.fate = Fate::Failed;
        });
        for width in [None, Some(120), Some(60)] {
            let text = told(&[Row { event_type: None, ..row.clone() }, row.clone()], &look(width, true));
            assert_eq!(text.matches('\n').count(), 2, "{text}");
            assert!(!text.contains(['\x1b', '\r', '\u{202e}', '\0']), "{text:?}");
        }
        let mut out = Vec::new();
        gap(&Gap { from_seq: 1, to_seq: 2, count: 2, why: hostile.to_owned() }, &look(None, true), &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with("          ⋯ 2 deliveries are gone: \\x1b[2J\\r\\n14"), "{text}");
    }

    #[test]
    fn days_are_told_by_how_far_they_are() {
        let look = look(None, true);
        const DAY: u64 = 86_400_000;
        let told = [0, DAY, 3 * DAY, 9 * DAY].map(|ago| look.when(AT - ago));
        assert_eq!(told, ["14:13:20", "yesterday 14:13:20", "Fri 14:13:20", "2026-09-12 14:13:20"],);
        assert_eq!(look.when(AT + 3 * DAY), "2026-09-24 14:13:20", "a clock that is ahead");
        assert!(look.when(u64::MAX).len() > 8);
    }

    #[test]
    fn gaps_stand_between_the_rows_that_they_lie_between() {
        let gaps = || {
            [(10, 20), (40, 50)]
                .map(|(from_seq, to_seq)| Gap { from_seq, to_seq, count: 1, why: String::new() })
                .to_vec()
        };
        let mut down = Gaps::new(gaps(), false);
        assert_eq!(down.before(60), None);
        assert_eq!(down.before(30).unwrap().from_seq, 40);
        assert_eq!(down.before(30), None);
        assert_eq!(down.rest().map(|gap| gap.from_seq).collect::<Vec<_>>(), [10]);
        let mut up = Gaps::new(gaps(), true);
        assert_eq!(up.before(5), None);
        assert_eq!(up.before(30).unwrap().from_seq, 10);
        assert_eq!(up.before(60).unwrap().from_seq, 40);
        assert_eq!(up.rest().count(), 0);
    }
}
