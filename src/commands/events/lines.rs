//! The lines that programs read. Their keys are a contract: added to, never renamed.

use jiff::Timestamp;
use muxhook_protocol::frame::{Backlog, Gap};
use muxhook_protocol::mux::json::compact;
use muxhook_protocol::{DeliveryId, Headers};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::api::events::{Attempt, Fate, Row};
use crate::printer::harmless;

/// A delivery, as a list has it.
#[derive(Serialize)]
pub(super) struct DeliveryLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    delivery: DeliveryId,
    seq: u64,
    received_at: String,
    method: &'a str,
    path: &'a str,
    query: Option<&'a str>,
    size: u64,
    event_id: Option<&'a str>,
    event_type: Option<&'a str>,
    object: Option<Object<'a>>,
    environment: Option<Environment<'a>>,
    fate: Fate,
    answered_by: &'a str,
    status: u16,
    duplicate_of: Option<DeliveryId>,
    attempts: Vec<AttemptLine<'a>>,
}

#[derive(Serialize)]
struct Object<'a> {
    r#type: Option<&'a str>,
    id: Option<&'a str>,
}

#[derive(Serialize)]
struct Environment<'a> {
    name: &'a str,
}

#[derive(Serialize)]
struct AttemptLine<'a> {
    at: String,
    took_ms: u64,
    session: u64,
    result: &'a str,
    status: Option<u16>,
    message: Option<&'a str>,
    late: bool,
    replayed: bool,
}

/// A delivery, whole.
#[derive(Serialize)]
pub(super) struct WholeLine<'a> {
    #[serde(flatten)]
    delivery: DeliveryLine<'a>,
    headers: &'a Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

/// What the history holds no longer.
#[derive(Serialize)]
pub(super) struct GapLine<'a> {
    v: u8,
    kind: &'static str,
    at: String,
    #[serde(flatten)]
    gap: &'a Gap,
}

/// The end of a list.
#[derive(Serialize)]
pub(super) struct SummaryLine {
    v: u8,
    kind: &'static str,
    at: String,
    endpoint: String,
    shown: usize,
    more: bool,
    owed: u64,
    owed_since: Option<String>,
    dropped: u64,
}

impl<'a> DeliveryLine<'a> {
    pub(super) fn of(row: &'a Row) -> Self {
        let (kind, id) = (row.object_type.as_deref(), row.object_id.as_deref());
        Self {
            v: 1,
            kind: "delivery",
            at: time(row.received_at),
            delivery: row.delivery,
            seq: row.seq,
            received_at: time(row.received_at),
            method: &row.method,
            path: &row.path,
            query: row.query.as_deref(),
            size: row.size,
            event_id: row.event_id.as_deref(),
            event_type: row.event_type.as_deref(),
            object: (kind.is_some() || id.is_some()).then_some(Object { r#type: kind, id }),
            environment: row.environment.as_deref().map(|name| Environment { name }),
            fate: row.fate,
            answered_by: &row.answered_by,
            status: row.status,
            duplicate_of: row.duplicate_of,
            attempts: row.attempts.iter().map(AttemptLine::of).collect(),
        }
    }
}

impl<'a> AttemptLine<'a> {
    fn of(attempt: &'a Attempt) -> Self {
        Self {
            at: time(attempt.at),
            took_ms: attempt.took_ms,
            session: attempt.session,
            result: &attempt.result,
            status: attempt.status,
            message: attempt.message.as_deref(),
            late: attempt.late,
            replayed: attempt.replayed,
        }
    }
}

impl<'a> GapLine<'a> {
    /// `now`: milliseconds since the Unix epoch.
    pub(super) fn of(gap: &'a Gap, now: u64) -> Self {
        Self { v: 1, kind: "gap", at: time(now), gap }
    }
}

impl SummaryLine {
    /// `now`: milliseconds since the Unix epoch.
    pub(super) fn new(
        endpoint: &str,
        shown: usize,
        more: bool,
        owed: &Backlog,
        dropped: u64,
        now: u64,
    ) -> Self {
        let owed_since = owed.oldest_at.map(time);
        let endpoint = endpoint.to_owned();
        Self {
            v: 1,
            kind: "summary",
            at: time(now),
            endpoint,
            shown,
            more,
            owed: owed.count,
            owed_since,
            dropped,
        }
    }
}

/// A delivery with its headers and body: `payload` (its own tokens), `body` or `body_base64`, as `listen --json`.
///
/// # Errors
/// What serialising meets, which nothing here gives cause for.
pub(super) fn whole(row: &Row, headers: &Headers, body: &[u8]) -> Result<String, serde_json::Error> {
    let mut payload = Vec::new();
    let is_json = compact(body, &mut payload);
    let text = std::str::from_utf8(body).ok();
    let line = WholeLine {
        delivery: DeliveryLine::of(row),
        headers,
        body: text.filter(|_| !is_json),
        body_base64: text.is_none().then(|| data_encoding::BASE64.encode(body)),
    };
    let mut json = serde_json::to_string(&line)?;
    if is_json {
        // Put in as it is: its numbers and repeated keys must stay as they came.
        let payload: Box<RawValue> = serde_json::from_slice(&payload)?;
        json.truncate(json.len().saturating_sub(1));
        json.extend([",\"payload\":", payload.get(), "}"]);
    }
    Ok(harmless(json))
}

/// One line.
///
/// # Errors
/// What serialising meets, which nothing here gives cause for.
pub(super) fn line(value: &impl Serialize) -> Result<String, serde_json::Error> {
    serde_json::to_string(value).map(harmless)
}

/// RFC 3339 with milliseconds, in UTC; a time beyond the year 9999 is that year's end.
pub(super) fn time(unix_millis: u64) -> String {
    let at = Timestamp::from_millisecond(i64::try_from(unix_millis).unwrap_or(i64::MAX));
    format!("{:.3}", at.unwrap_or(Timestamp::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::events::fixture::{AT, attempt, row};

    #[test]
    fn a_delivery_is_told_exactly_on_one_harmless_line() {
        let row = row(1, |row| {
            row.path = "/\u{9b}2J\u{2028}\n".to_owned();
            row.attempts.push(Attempt { message: Some("\x1b[2J".to_owned()), ..attempt("tls", None) });
        });
        insta::assert_snapshot!(line(&DeliveryLine::of(&row)).unwrap());
        let gap = Gap { from_seq: 3, to_seq: 9, count: 4, why: "older than 24 h\u{202e}".to_owned() };
        insta::assert_snapshot!(line(&GapLine::of(&gap, AT)).unwrap(), @r#"{"v":1,"kind":"gap","at":"2026-09-21T14:13:20.123Z","from_seq":3,"to_seq":9,"count":4,"why":"older than 24 h\u202e"}"#);
    }

    #[test]
    fn a_body_keeps_its_own_tokens_or_its_bytes() {
        let headers: Headers = [("x", &b"caf\xe9"[..])].into_iter().collect();
        let row = row(1, |_| {});
        let told = |body: &[u8]| {
            let json = whole(&row, &headers, body).unwrap();
            json[json.find(r#","headers""#).unwrap()..].to_owned()
        };
        assert_eq!(
            told(b"{ \"a\": 1.0e+30, \"a\": 12345678901234567890123 }"),
            r#","headers":[["x","café"]],"payload":{"a":1.0e+30,"a":12345678901234567890123}}"#
        );
        assert_eq!(told(b"a=1\x1b"), r#","headers":[["x","café"]],"body":"a=1\u001b"}"#);
        assert_eq!(told(b"\xff\x00"), r#","headers":[["x","café"]],"body_base64":"/wA="}"#);
        assert!(told(b"").ends_with(r#""body":""}"#));
    }

    #[test]
    fn any_time_can_be_told() {
        assert_eq!(time(AT), "2026-09-21T14:13:20.123Z");
        assert!(time(u64::MAX).starts_with("9999-12-"));
    }
}
