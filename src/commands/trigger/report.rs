//! What is told of the sends: a table that grows as they are answered, or NDJSON.

mod json;
pub(crate) mod table;

use std::time::Duration;

use muxhook_protocol::Outcome;

use super::draft::Draft;
use super::plan::Turn;
use super::sender::Answer;
use super::verdict::Refusal;
use crate::error::Error;
use crate::printer::{Console, escape, span};
use json::{SentLine, SummaryLine};
use table::{Look, Row};

/// Widest column of types.
const WIDEST: usize = 60;

/// Most types that are named at the end.
const NAMED: usize = 5;

/// One send and what came of it.
pub(super) struct Sent<'a> {
    pub(super) draft: &'a Draft,
    /// The same event was sent before, whatever came of it.
    pub(super) again: bool,
    /// Which try, from 1.
    pub(super) number: u32,
    pub(super) answer: &'a Answer,
    pub(super) verdict: &'a Result<(), Refusal>,
}

impl Sent<'_> {
    fn row(&self) -> Row<'_> {
        let tried = if self.number > 1 { format!("  try {}", self.number) } else { String::new() };
        Row {
            event_type: self.draft.event_type(),
            id: self.draft.id(),
            marks: tried + if self.again { "  again" } else { "" },
            answer: self.answer,
            verdict: self.verdict,
        }
    }
}

/// Tells of sends, and counts them.
pub(super) struct Report {
    json: bool,
    target: String,
    /// What the ids were drawn from; `None`: they were given.
    seed: Option<u64>,
    width: usize,
    events: usize,
    sends: u64,
    accepted: usize,
    /// Those that the relay holds.
    held: usize,
    /// Types of events that were given up.
    refused: Vec<String>,
    /// What was explained last, which is not said twice.
    explained: Vec<String>,
}

impl Report {
    /// Nothing is sent yet.
    pub(super) fn new(json: bool, turns: &[Turn], target: &str, seed: Option<u64>) -> Self {
        let width = |turn: &Turn| escape(turn.draft.event_type()).chars().count();
        Self {
            json,
            target: target.to_owned(),
            seed,
            width: turns.iter().map(width).max().unwrap_or_default().min(WIDEST),
            events: turns.len(),
            sends: 0,
            accepted: 0,
            held: 0,
            refused: Vec::new(),
            explained: Vec::new(),
        }
    }

    /// Says what is about to happen.
    pub(super) fn begin(&self, console: &mut Console) {
        if !self.json {
            let seed =
                self.seed.map(|seed| format!(" (the same ids again: --seed {seed})")).unwrap_or_default();
            let what = count(self.events);
            let line = format!("sending {what} to {}{seed}", escape(&self.target));
            console.note(&console.err_style().dim(line).to_string());
        }
    }

    /// Tells of one send. `at`: milliseconds since the Unix epoch.
    pub(super) fn sent(&mut self, sent: &Sent<'_>, at: u64, console: &mut Console) -> Result<(), Error> {
        self.sends += 1;
        for (_, notice) in &sent.answer.notices {
            console.note(&escape(notice));
        }
        if self.json {
            return Ok(console.out(&json::text(&SentLine::of(sent, at))?)?);
        }
        let look = Look { style: console.out_style(), types: self.width, columns: console.columns() };
        let row = sent.row();
        console.out(&table::row(&row, look))?;
        let explained = table::explain(&row, look);
        if !explained.is_empty() && explained != self.explained {
            explained.iter().try_for_each(|line| console.out(line))?;
            self.explained = explained;
        }
        Ok(())
    }

    /// What was not accepted is sent again after `wait`.
    pub(super) fn waits(&self, wait: Duration, console: &mut Console) {
        if !self.json && !wait.is_zero() {
            let line = format!("    trying again in {}", span(wait));
            console.note(&console.err_style().dim(line).to_string());
        }
    }

    /// An event was accepted, or given up; or the relay holds it, which may be the one or the other.
    pub(super) fn settle(&mut self, draft: &Draft, accepted: bool, held: bool) {
        self.held += usize::from(held);
        if accepted {
            self.accepted += 1;
        } else {
            self.refused.push(draft.event_type().to_owned());
        }
    }

    /// Tells of the end.
    ///
    /// # Errors
    /// Not every event was accepted.
    pub(super) fn end(&self, at: u64, console: &mut Console) -> Result<(), Error> {
        if self.json {
            console.out(&json::text(&SummaryLine::of(self, at))?)?;
        }
        if self.accepted == self.events {
            if !self.json {
                console.note(&format!("{} sent, {}{}", count(self.events), self.taken(), self.tries()));
            }
            return Ok(());
        }
        Err(Error::unmet(self.shortfall()))
    }

    /// Who took them all.
    fn taken(&self) -> String {
        match (self.held, self.events) {
            (0, 1) => "accepted by the app".to_owned(),
            (0, _) => "all accepted by the app".to_owned(),
            (1, 1) => "held by the relay until somebody listens".to_owned(),
            (held, events) if held == events => "all held by the relay until somebody listens".to_owned(),
            (held, events) => format!(
                "{} accepted by the app, {held} held by the relay until somebody listens",
                events - held
            ),
        }
    }

    fn shortfall(&self) -> String {
        let mut types: Vec<&str> = self.refused.iter().map(String::as_str).collect();
        types.dedup();
        let more = types.len().saturating_sub(NAMED);
        types.truncate(NAMED);
        let and = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = if types.is_empty() { String::new() } else { format!(": not {}{and}", types.join(", ")) };
        format!("{} of {} accepted by the app{}{named}", self.accepted, count(self.events), self.tries())
    }

    /// How many sends it took, where that is not one for each event.
    fn tries(&self) -> String {
        let more = self.sends > self.events as u64;
        if more { format!(" after {} sends", self.sends) } else { String::new() }
    }
}

fn count(events: usize) -> String {
    if events == 1 { "1 event".to_owned() } else { format!("{events} events") }
}

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Replied(reply) => Some(reply.status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_falls_short_is_counted_and_named() {
        let mut report = Report::new(false, &[], "http://localhost:3000", None);
        report.events = 9;
        let draft =
            |event_type: &str| Draft::written(format!(r#"{{"type":"{event_type}"}}"#).as_bytes()).unwrap();
        report.settle(&draft("ok"), true, false);
        for event_type in ["a", "a", "b", "c", "d", "e", "f", "g"] {
            report.settle(&draft(event_type), false, false);
        }
        assert_eq!(report.shortfall(), "1 of 9 events accepted by the app: not a, b, c, d, e and 2 more");
    }

    #[test]
    fn what_is_held_is_not_called_accepted_by_the_app() {
        let mut report = Report::new(false, &[], "http://localhost:3000", None);
        let draft = Draft::written(br#"{"type":"a"}"#).unwrap();
        let mut told = Vec::new();
        for held in [true, true, false] {
            report.events += 1;
            report.settle(&draft, true, held);
            told.push(report.taken());
        }
        assert_eq!(told[0], "held by the relay until somebody listens");
        assert_eq!(told[1], "all held by the relay until somebody listens");
        assert_eq!(told[2], "1 accepted by the app, 2 held by the relay until somebody listens");
    }
}
