//! What is told of the sends: a table that grows as they are answered, or NDJSON.

use std::time::Duration;

use jiff::Timestamp;
use muxhook_protocol::Outcome;
use serde::Serialize;

use super::draft::Draft;
use super::plan::Turn;
use super::sender::Answer;
use super::verdict::Refusal;
use crate::error::Error;
use crate::printer::{Console, Style, escape, escape_bytes};

/// Widest column of types.
const WIDEST: usize = 60;

/// How much of an app's answer is shown: lines, and characters of each.
const LINES: usize = 3;
const LINE: usize = 160;

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
    /// Types of events that were given up.
    refused: Vec<String>,
    /// What was explained last, which is not said twice.
    explained: Vec<String>,
}

#[derive(Serialize)]
struct SentLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    event_id: &'a str,
    event_type: &'a str,
    #[serde(rename = "try")]
    number: u32,
    status: Option<u16>,
    answered_by: Option<&'a str>,
    latency_ms: f64,
    error: Option<&'a str>,
    hint: Option<&'a str>,
}

#[derive(Serialize)]
struct SummaryLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    target: &'a str,
    events: usize,
    accepted: usize,
    sends: u64,
    seed: Option<u64>,
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
            return line(&SentLine::of(sent, at), console);
        }
        console.out(&row(sent, self.width, console.out_style()))?;
        let explained = explain(sent, console.out_style());
        if !explained.is_empty() && explained != self.explained {
            explained.iter().try_for_each(|line| console.out(line))?;
            self.explained = explained;
        }
        Ok(())
    }

    /// An event was accepted, or given up.
    pub(super) fn settle(&mut self, draft: &Draft, accepted: bool) {
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
            line(&SummaryLine::of(self, at), console)?;
        }
        if self.accepted == self.events {
            if !self.json {
                console.note(&format!("{} sent, {}", count(self.events), all(self.events)));
            }
            return Ok(());
        }
        Err(Error::unmet(self.shortfall()))
    }

    fn shortfall(&self) -> String {
        let mut types: Vec<&str> = self.refused.iter().map(String::as_str).collect();
        types.dedup();
        let more = types.len().saturating_sub(NAMED);
        types.truncate(NAMED);
        let and = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = if types.is_empty() { String::new() } else { format!(": not {}{and}", types.join(", ")) };
        format!("{} of {} accepted by the app{named}", self.accepted, count(self.events))
    }
}

impl<'a> SentLine<'a> {
    fn of(sent: &Sent<'a>, at: u64) -> Self {
        let refusal = sent.verdict.as_ref().err();
        Self {
            v: 1,
            kind: "sent",
            at: time(at),
            event_id: sent.draft.id(),
            event_type: sent.draft.event_type(),
            number: sent.number,
            status: status(&sent.answer.outcome),
            answered_by: sent.answer.by.as_deref(),
            latency_ms: sent.answer.latency.as_micros() as f64 / 1000.0,
            error: refusal.map(|refusal| refusal.why.as_str()),
            hint: refusal.and_then(|refusal| refusal.hint.as_deref()),
        }
    }
}

impl<'a> SummaryLine<'a> {
    fn of(report: &'a Report, at: u64) -> Self {
        Self {
            v: 1,
            kind: "summary",
            at: time(at),
            target: &report.target,
            events: report.events,
            accepted: report.accepted,
            sends: report.sends,
            seed: report.seed,
        }
    }
}

fn line(value: &impl Serialize, console: &mut Console) -> Result<(), Error> {
    let json = serde_json::to_string(value).map_err(|error| Error::failed(error.to_string()))?;
    Ok(console.out(&json)?)
}

fn time(unix_millis: u64) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    format!("{:.3}", Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}

fn count(events: usize) -> String {
    if events == 1 { "1 event".to_owned() } else { format!("{events} events") }
}

fn all(events: usize) -> &'static str {
    if events == 1 { "accepted by the app" } else { "all accepted by the app" }
}

fn status(outcome: &Outcome) -> Option<u16> {
    match outcome {
        Outcome::Replied(reply) => Some(reply.status),
        Outcome::Failed(_) | Outcome::Skipped { .. } => None,
    }
}

fn row(sent: &Sent<'_>, width: usize, style: Style) -> String {
    let said = match &sent.answer.outcome {
        Outcome::Failed(failure) => failure.reason.as_str().to_owned(),
        other => status(other).map(|status| status.to_string()).unwrap_or_default(),
    };
    let good = sent.verdict.is_ok();
    let mark = if good { style.sign("✓", "ok") } else { style.sign("✗", "no") };
    let paint = |text: &str| if good { style.good(text).to_string() } else { style.bad(text).to_string() };
    let by = escape(sent.answer.by.as_deref().unwrap_or("-"));
    let mut row = format!(
        "{} {:<width$}  {} {by:<7} {:>8}  {}",
        paint(mark),
        escape(sent.draft.event_type()),
        paint(&format!("{said:<9}")),
        latency(sent.answer.latency),
        style.dim(escape(sent.draft.id())),
    );
    if sent.number > 1 {
        row.push_str(&format!("  {}", style.warn(format!("try {}", sent.number))));
    }
    if sent.again {
        row.push_str(&format!("  {}", style.dim("again")));
    }
    row
}

fn latency(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.00995 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{:.0} ms", seconds * 1e3),
    }
}

/// Why it was not accepted, in lines below its row.
fn explain(sent: &Sent<'_>, style: Style) -> Vec<String> {
    let Err(refusal) = sent.verdict else { return Vec::new() };
    let mut lines = vec![format!("    {}", escape(&refusal.why))];
    if let (Some("app"), Outcome::Replied(reply)) = (sent.answer.by.as_deref(), &sent.answer.outcome) {
        let bar = style.bad(style.sign("│", "|"));
        let said =
            reply.body.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        lines.extend(said.take(LINES).map(|line| {
            let safe = escape_bytes(&line[..line.len().min(4 * LINE)]);
            format!("    {bar} {}", safe.chars().take(LINE).collect::<String>())
        }));
    }
    if let Some(hint) = &refusal.hint {
        lines.push(format!("    {} {}", style.accent("hint:"), escape(hint)));
    }
    lines
}
