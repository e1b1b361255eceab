//! What is told of deliveries that are sent again: a table that grows as they are answered, or NDJSON.

use jiff::Timestamp;
use muxhook_protocol::{DeliveryId, Outcome};
use serde::Serialize;

use super::choice::Chosen;
use crate::commands::trigger::report::table::{self, Look, Row};
use crate::commands::trigger::sender::Answer;
use crate::commands::trigger::verdict::Refusal;
use crate::error::Error;
use crate::printer::{Console, escape, harmless};

/// Widest column of types.
const WIDEST: usize = 60;

/// One delivery that was sent again, and what came of it.
pub(super) struct Sent<'a> {
    pub(super) one: &'a Chosen,
    pub(super) signed_anew: bool,
    pub(super) answer: &'a Answer,
    pub(super) verdict: &'a Result<(), Refusal>,
}

/// Tells of them, and counts them.
pub(super) struct Report {
    json: bool,
    /// `None`: through whoever listens.
    target: Option<String>,
    endpoint: String,
    width: usize,
    events: usize,
    sent: usize,
    accepted: usize,
    /// What was explained last, which is not said twice.
    explained: Vec<String>,
}

/// The lines that programs read. Their keys are a contract: added to, never renamed.
#[derive(Serialize)]
struct SentLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    delivery: DeliveryId,
    event_id: Option<&'a str>,
    event_type: Option<&'a str>,
    received_at: String,
    signed_anew: bool,
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
    endpoint: &'a str,
    target: Option<&'a str>,
    events: usize,
    sent: usize,
    accepted: usize,
}

impl Report {
    /// Nothing is sent yet.
    pub(super) fn new(json: bool, chosen: &[Chosen], target: Option<&str>, endpoint: &str) -> Self {
        let width = |one: &Chosen| escape(event_type(one)).chars().count();
        Self {
            json,
            target: target.map(str::to_owned),
            endpoint: endpoint.to_owned(),
            width: chosen.iter().map(width).max().unwrap_or_default().min(WIDEST),
            events: chosen.len(),
            sent: 0,
            accepted: 0,
            explained: Vec::new(),
        }
    }

    /// Says what is about to happen.
    pub(super) fn begin(&self, console: &mut Console) {
        if !self.json && self.events > 0 {
            let to = match &self.target {
                Some(target) => format!("to {}", escape(target)),
                None => format!("through who listens on {}", escape(&self.endpoint)),
            };
            let line = format!("sending {} again {to}", count(self.events));
            console.note(&console.err_style().dim(line).to_string());
        }
    }

    /// Tells of one. `at`: milliseconds since the Unix epoch.
    pub(super) fn sent(&mut self, sent: &Sent<'_>, at: u64, console: &mut Console) -> Result<(), Error> {
        self.sent += 1;
        self.accepted += usize::from(sent.verdict.is_ok());
        for (_, notice) in &sent.answer.notices {
            console.note(&escape(notice));
        }
        if self.json {
            return line(&SentLine::of(sent, at), console);
        }
        let row = Row {
            event_type: event_type(sent.one),
            id: &sent.one.delivery.to_string(),
            marks: if sent.signed_anew { "  signed anew".to_owned() } else { String::new() },
            answer: sent.answer,
            verdict: sent.verdict,
        };
        let look = Look { style: console.out_style(), types: self.width, columns: console.columns() };
        console.out(&table::row(&row, look))?;
        let explained = table::explain(&row, look);
        if !explained.is_empty() && explained != self.explained {
            explained.iter().try_for_each(|line| console.out(line))?;
            self.explained = explained;
        }
        Ok(())
    }

    /// Tells of the end.
    ///
    /// # Errors
    /// Not all were accepted.
    pub(super) fn end(&self, at: u64, console: &mut Console) -> Result<(), Error> {
        if self.json {
            line(&SummaryLine::of(self, at), console)?;
        }
        match (self.events, self.accepted) {
            (events, accepted) if accepted < events => {
                Err(Error::unmet(format!("{accepted} of {} accepted by the app", count(events))))
            }
            (0, _) => Ok(()),
            (events, _) => {
                if !self.json {
                    let all = if events == 1 { "accepted" } else { "all accepted" };
                    console.note(&format!("{} sent again, {all} by the app", count(events)));
                }
                Ok(())
            }
        }
    }
}

impl<'a> SentLine<'a> {
    fn of(sent: &Sent<'a>, at: u64) -> Self {
        let refusal = sent.verdict.as_ref().err();
        let status = match &sent.answer.outcome {
            Outcome::Replied(reply) => Some(reply.status),
            _ => None,
        };
        Self {
            v: 1,
            kind: "replayed",
            at: time(at),
            delivery: sent.one.delivery,
            event_id: sent.one.event_id.as_deref(),
            event_type: sent.one.event_type.as_deref(),
            received_at: time(sent.one.received_at),
            signed_anew: sent.signed_anew,
            status,
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
            endpoint: &report.endpoint,
            target: report.target.as_deref(),
            events: report.events,
            sent: report.sent,
            accepted: report.accepted,
        }
    }
}

fn line(line: &impl Serialize, console: &mut Console) -> Result<(), Error> {
    let text = serde_json::to_string(line).map_err(|error| Error::failed(error.to_string()))?;
    Ok(console.out(&harmless(text))?)
}

/// What is no event has no type.
fn event_type(one: &Chosen) -> &str {
    one.event_type.as_deref().unwrap_or("-")
}

fn count(events: usize) -> String {
    if events == 1 { "1 delivery".to_owned() } else { format!("{events} deliveries") }
}

fn time(unix_millis: u64) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    format!("{:.3}", Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}
