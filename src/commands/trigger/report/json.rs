//! The lines that programs read. Their keys are a contract: added to, never renamed.

use jiff::Timestamp;
use serde::Serialize;

use super::{Report, Sent, status};
use crate::error::Error;

/// One send.
#[derive(Serialize)]
pub(super) struct SentLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    event_id: Option<&'a str>,
    event_type: &'a str,
    #[serde(rename = "try")]
    number: u32,
    status: Option<u16>,
    answered_by: Option<&'a str>,
    latency_ms: f64,
    error: Option<&'a str>,
    hint: Option<&'a str>,
}

/// The end.
#[derive(Serialize)]
pub(super) struct SummaryLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    target: &'a str,
    events: usize,
    accepted: usize,
    held: usize,
    sends: u64,
    seed: Option<u64>,
}

impl<'a> SentLine<'a> {
    /// `at`: milliseconds since the Unix epoch.
    pub(super) fn of(sent: &Sent<'a>, at: u64) -> Self {
        let refusal = sent.verdict.as_ref().err();
        Self {
            v: 1,
            kind: "sent",
            at: time(at),
            event_id: Some(sent.draft.id()).filter(|id| !id.is_empty()),
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
    /// `at`: milliseconds since the Unix epoch.
    pub(super) fn of(report: &'a Report, at: u64) -> Self {
        Self {
            v: 1,
            kind: "summary",
            at: time(at),
            target: &report.target,
            events: report.events,
            accepted: report.accepted,
            held: report.held,
            sends: report.sends,
            seed: report.seed,
        }
    }
}

/// A line as text.
pub(super) fn text(line: &impl Serialize) -> Result<String, Error> {
    serde_json::to_string(line).map_err(|error| Error::failed(error.to_string()))
}

fn time(unix_millis: u64) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    format!("{:.3}", Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX))
}
