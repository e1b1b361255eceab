//! A life as it is told: what belongs together, and what happened when. Pure.

use std::collections::HashSet;
use std::time::Duration;

use muxhook_protocol::frame::Gap;
use muxhook_protocol::mux::catalogue;
use muxhook_protocol::mux::envelope::Subject;
use muxhook_protocol::mux::phrase;
use serde::Serialize;

use super::follow::{Event, Life, Object};
use super::push;
use crate::commands::events::lines::{self, DeliveryLine, GapLine};
use crate::commands::events::table::{self, Extra, Gaps, Look};
use crate::intake::Order;
use crate::printer::{count, escape, span};

/// A life, its events compared with each other.
pub(super) struct Story<'a> {
    life: &'a Life,
    moments: Vec<Moment<'a>>,
    gaps: Vec<Gap>,
}

/// An event among others.
struct Moment<'a> {
    event: &'a Event,
    /// Since the event before, in milliseconds.
    since: Option<u64>,
    duplicate: bool,
    out_of_order: bool,
}

#[derive(Serialize)]
struct ObjectLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    object: Named<'a>,
    found_by: Option<FoundBy<'a>>,
    events: usize,
}

#[derive(Serialize)]
struct Named<'a> {
    r#type: Option<&'a str>,
    id: &'a str,
}

#[derive(Serialize)]
struct FoundBy<'a> {
    id: &'a str,
    field: &'a str,
}

#[derive(Serialize)]
struct MomentLine<'a> {
    #[serde(flatten)]
    delivery: DeliveryLine<'a>,
    since_ms: Option<u64>,
    duplicate: bool,
    out_of_order: bool,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    endpoint: &'a str,
    shown: usize,
    more: bool,
}

impl<'a> Story<'a> {
    /// `gaps`: what the history holds no longer; of these, those before the life's end are told.
    pub(super) fn of(life: &'a Life, gaps: Vec<Gap>) -> Self {
        let (mut order, mut seen, mut before) = (Order::default(), HashSet::new(), None::<u64>);
        let mut moments = Vec::new();
        for event in life.events() {
            let row = &event.row;
            let again = row.event_id.as_ref().is_some_and(|id| !seen.insert(id.clone()));
            let duplicate = again || row.duplicate_of.is_some();
            let out_of_order = !duplicate && is_out_of_order(event, &mut order);
            let since = before.replace(row.received_at).map(|before| row.received_at.saturating_sub(before));
            moments.push(Moment { event, since, duplicate, out_of_order });
        }
        Self { life, moments, gaps }
    }

    pub(super) fn lay_out(&self, look: Look, out: &mut Vec<u8>) {
        let rows: Vec<_> = self.moments.iter().map(|moment| moment.event.row.clone()).collect();
        let look = look.for_rows(&rows);
        self.tree(0, 0, &look, out);
        out.push(b'\n');
        let mut gaps = Gaps::new(self.gaps.clone(), true);
        for moment in &self.moments {
            while let Some(gap) = gaps.before(moment.event.row.seq) {
                table::gap(&gap, &look, out);
            }
            moment.lay_out(&look, out);
        }
    }

    /// The object at this place and all that it led to.
    fn tree(&self, at: usize, depth: usize, look: &Look, out: &mut Vec<u8>) {
        let objects = self.life.objects();
        let Some(object) = objects.get(at) else { return };
        out.extend_from_slice(line(object, depth, look).as_bytes());
        // What led to an object stands before it, so this ends.
        for (next, child) in objects.iter().enumerate() {
            if child.by.is_some_and(|(parent, _)| parent == at && next > at) {
                self.tree(next, depth + 1, look, out);
            }
        }
    }

    /// NDJSON.
    ///
    /// # Errors
    /// What serialising meets, which nothing here gives cause for.
    pub(super) fn json(&self, endpoint: &str, now: u64) -> Result<Vec<u8>, serde_json::Error> {
        let mut out = Vec::new();
        let objects = self.life.objects();
        for object in objects {
            let by = object.by.and_then(|(parent, field)| Some((objects.get(parent)?, field)));
            let line = ObjectLine {
                v: 1,
                kind: "object",
                at: lines::time(now),
                object: Named { r#type: object.kind.as_deref(), id: &object.id },
                found_by: by.map(|(parent, field)| FoundBy { id: &parent.id, field }),
                events: object.events,
            };
            push(&line, &mut out)?;
        }
        let mut gaps = Gaps::new(self.gaps.clone(), true);
        for moment in &self.moments {
            while let Some(gap) = gaps.before(moment.event.row.seq) {
                push(&GapLine::of(&gap, now), &mut out)?;
            }
            let Moment { event, since: since_ms, duplicate, out_of_order } = *moment;
            let delivery = DeliveryLine::of(&event.row);
            push(&MomentLine { delivery, since_ms, duplicate, out_of_order }, &mut out)?;
        }
        let (shown, more) = (self.moments.len(), self.life.is_cut());
        push(&SummaryLine { v: 1, kind: "summary", at: lines::time(now), endpoint, shown, more }, &mut out)?;
        Ok(out)
    }
}

/// `└ upload HPL7…  2 events  by asset_id`.
fn line(object: &Object, depth: usize, look: &Look) -> String {
    let style = look.style;
    let branch = match depth {
        0 => String::new(),
        _ => format!("{:1$}{2} ", "", (depth - 1) * 2, style.sign("└", "`-")),
    };
    let kind = object.kind.as_deref().map(|kind| format!("{} ", escape(kind))).unwrap_or_default();
    let by = object.by.map(|(_, field)| format!("  by {field}")).unwrap_or_default();
    let events = style.dim(format!("{}{by}", count(object.events as u64, "event")));
    format!("{branch}{}{}  {events}\n", style.bold(kind), escape(&object.id))
}

impl Moment<'_> {
    fn lay_out(&self, look: &Look, out: &mut Vec<u8>) {
        let Event { row, body } = self.event;
        let since = self.since.map(|since| format!("+{}", span(Duration::from_millis(since))));
        let told = phrase::tell(row.event_type.as_deref().unwrap_or_default(), body);
        let duplicate = self.duplicate && row.duplicate_of.is_none();
        let marks = [(duplicate, "duplicate"), (self.out_of_order, "out of order")];
        let marks: Vec<_> = marks.into_iter().filter_map(|(is, mark)| is.then_some(mark)).collect();
        let extra = Extra {
            since: Some(since.as_deref().unwrap_or_default()),
            phrase: told.phrase.as_deref(),
            marks: &marks,
        };
        table::row(row, &extra, look, out);
    }
}

/// As the intake of a listener tells it.
fn is_out_of_order(event: &Event, order: &mut Order) -> bool {
    let event_type = event.row.event_type.as_deref().unwrap_or_default();
    let Some(place) = catalogue::find(event_type).and_then(|known| known.place) else { return false };
    let Subject { id, created_at } = Subject::peek(&event.body);
    let id = id.as_deref().or(event.row.object_id.as_deref());
    id.is_some_and(|id| order.is_broken(id, place, || created_at?.parse().ok()))
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::api::events::Row;
    use crate::commands::events::fixture::{self, AT};
    use crate::printer::Style;

    fn life(extra: impl FnOnce(&mut Vec<(Row, bytes::Bytes)>)) -> Life {
        let event = |nth: u8, event_type: &str, kind: &str, id: &str, data: &str| {
            let row = fixture::row(nth, |row| {
                row.received_at = AT + u64::from(nth) * 1_700;
                row.event_type = Some(event_type.to_owned());
                row.event_id = Some(format!("e{nth}"));
                (row.object_type, row.object_id) = (Some(kind.to_owned()), Some(id.to_owned()));
            });
            (row, bytes::Bytes::from(format!(r#"{{"type":"{event_type}","data":{data}}}"#)))
        };
        let mut found = vec![
            event(1, "video.upload.created", "upload", "UP1", r#"{"id":"UP1","asset_id":"AS1"}"#),
            event(
                2,
                "video.asset.ready",
                "asset",
                "AS1",
                r#"{"id":"AS1","upload_id":"UP1","duration":153.4}"#,
            ),
            event(9, "video.asset.created", "asset", "AS1", r#"{"id":"AS1"}"#),
        ];
        extra(&mut found);
        let mut life = Life::of("AS1");
        while let Some(wanted) = life.next() {
            life.take(&wanted, found.clone());
        }
        life
    }

    fn told(life: &Life, gaps: Vec<Gap>, width: Option<usize>) -> String {
        let style = Style { color: false, unicode: true };
        let look = Look { style, width, zone: TimeZone::UTC, now: AT + 61_000, time: 8 };
        let mut out = Vec::new();
        Story::of(life, gaps).lay_out(look, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_life_is_told_with_its_silences_and_what_came_wrongly() {
        let gap = Gap { from_seq: 3, to_seq: 5, count: 2, why: "older than 24 h".to_owned() };
        let life = life(|found| {
            let mut again = found[1].clone();
            (again.0.delivery, again.0.seq) = (fixture::id(10), 10);
            (again.0.received_at, again.0.duplicate_of) = (AT + 400_000, Some(fixture::id(2)));
            found.push(again);
        });
        let wide = told(&life, vec![gap.clone()], None);
        assert!(wide.contains("out of order") && wide.contains("duplicate"), "{wide}");
        let narrow = told(&life, vec![gap.clone()], Some(80));
        assert!(narrow.lines().all(|line| line.chars().count() <= 80), "{narrow}");
        let json = String::from_utf8(Story::of(&life, vec![gap]).json("alice", AT).unwrap()).unwrap();
        insta::assert_snapshot!(format!("{wide}\n{narrow}\n{json}"));
    }

    #[test]
    fn what_a_sender_wrote_is_text() {
        let life = life(|found| {
            let mut hostile = found[0].clone();
            hostile.0.delivery = fixture::id(7);
            (hostile.0.object_type, hostile.0.event_id) = (Some("\x1b[2J\n".to_owned()), None);
            hostile.0.event_type = Some("video.asset.errored".to_owned());
            hostile.1 = r#"{"data":{"id":"AS1","errors":{"messages":["\u001b[2J\nforged"]},"upload_id":"\u001b]0;x\u0007"}}"#.into();
            hostile.0.object_id = Some("AS1".to_owned());
            found.push(hostile);
        });
        let text = told(&life, Vec::new(), None);
        assert!(!text.contains(['\x1b', '\x07']), "{text:?}");
        assert_eq!(text.lines().count(), 3 + 1 + 4, "{text}");
    }
}
