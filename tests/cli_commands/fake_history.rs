//! The history of an endpoint `alice`, as a relay gives it.

use std::sync::{Arc, Mutex};

use muxhook::api::events::{Attempt, Detail, Fate, Page, Replayed, Row};
use muxhook_protocol::frame::{Backlog, Gap};
use muxhook_protocol::history::{Discard, Discarded};
use muxhook_protocol::{DeliveryId, Headers};

use crate::fake_relay::{answering_bytes, json, problem};

/// One delivery.
#[derive(Clone, Debug)]
pub(crate) struct Past {
    pub(crate) detail: Detail,
    pub(crate) body: Vec<u8>,
}

/// The relay, and what it was asked.
pub(crate) struct History {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Past {
    /// The `nth` delivery, which came in the `nth` second of 2026 and was rejected with 500.
    pub(crate) fn new(nth: u8, headers: &[(&str, &[u8])], body: &[u8]) -> Self {
        let received_at = 1_767_225_600_000 + u64::from(nth) * 1000;
        let attempt = Attempt {
            at: received_at + 12,
            took_ms: 12,
            session: 1,
            result: "replied".to_owned(),
            status: Some(500),
            message: None,
            late: false,
            replayed: false,
        };
        let row = Row {
            delivery: DeliveryId::new(received_at, &[nth; 10]),
            seq: nth.into(),
            received_at,
            method: "POST".to_owned(),
            path: String::new(),
            query: None,
            size: body.len() as u64,
            event_id: Some(format!("e{nth}")),
            event_type: Some("video.asset.ready\u{1b}[2J".to_owned()),
            object_type: None,
            object_id: None,
            environment: None,
            fate: Fate::Rejected,
            answered_by: "app".to_owned(),
            status: 500,
            duplicate_of: None,
            attempts: vec![attempt],
        };
        let pairs = headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec()));
        let headers: Headers = pairs.collect();
        Self { detail: Detail { row, headers }, body: body.to_vec() }
    }

    pub(crate) fn id(&self) -> String {
        self.detail.row.delivery.to_string()
    }
}

impl History {
    /// These deliveries; `replay` says what comes of sending one again.
    pub(crate) fn of(
        past: Vec<Past>,
        owed: u64,
        replay: impl Fn(&Past) -> Result<Replayed, (&'static str, &'static str)> + Send + 'static,
    ) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let log = Arc::clone(&asked);
        let url = answering_bytes(move |request| {
            log.lock().unwrap().push(request.to_owned());
            answer(request, &past, owed, &replay)
        });
        Self { url, asked }
    }

    /// Nobody listens there.
    pub(crate) fn unheard(past: Vec<Past>) -> Self {
        Self::of(past, 0, |_| Err(("409 Conflict", "no_listener")))
    }

    /// The requests so far whose first line begins so.
    pub(crate) fn asked(&self, beginning: &str) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|request| request.starts_with(beginning)).cloned().collect()
    }
}

/// What comes of a replay when the app answers `status`.
pub(crate) fn by_app(status: u16) -> Replayed {
    Replayed { answered_by: "app".to_owned(), status, message: None, took_ms: 7 }
}

fn answer(
    request: &str,
    past: &[Past],
    owed: u64,
    replay: &impl Fn(&Past) -> Result<Replayed, (&'static str, &'static str)>,
) -> Vec<u8> {
    const EVENTS: &str = "/_relay/v1/endpoints/alice/events";
    let (head, asked) = request.split_once("\r\n\r\n").unwrap();
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    if path == "/_relay/v1/endpoints" {
        let endpoint = r#"{"endpoint":"alice","public_url":"https://h.example/h/alice","created_at":1764000000000,"listeners":1,"observers":0}"#;
        return json("200 OK", &format!(r#"{{"endpoints":[{endpoint}]}}"#)).into_bytes();
    }
    let Some(rest) = path.strip_prefix(EVENTS) else {
        return problem("404 Not Found", "unknown_endpoint", "there is no such endpoint").into_bytes();
    };
    if method == "GET" && (rest.is_empty() || rest.starts_with('?')) {
        let mut rows: Vec<Row> = past.iter().map(|one| one.detail.row.clone()).collect();
        if !rest.contains("order=asc") {
            rows.reverse();
        }
        let owed = Backlog { count: owed, oldest_at: (owed > 0).then_some(1) };
        return ok(&Page { events: rows, next: None, gaps: vec![gap()], owed, dropped: 0 });
    }
    if method == "POST" && rest == "/discard" {
        let discarded = match serde_json::from_str(asked).unwrap() {
            Discard::All => owed,
            Discard::Ids(ids) => ids.len() as u64,
        };
        return ok(&Discarded { discarded });
    }
    let (id, what) = rest[1..].split_once('/').unwrap_or((&rest[1..], ""));
    let Some(one) = past.iter().find(|one| one.id().ends_with(id)) else {
        return problem("404 Not Found", "unknown_event", "there is no such event").into_bytes();
    };
    match what {
        "" => ok(&one.detail),
        "replay" => match replay(one) {
            Ok(replayed) => ok(&replayed),
            Err((status, code)) => problem(status, code, "the relay says no").into_bytes(),
        },
        _ => {
            let head = format!(
                "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
                one.body.len()
            );
            [head.as_bytes(), &one.body].concat()
        }
    }
}

/// What this history held once, before any delivery of a test.
fn gap() -> Gap {
    Gap { from_seq: 0, to_seq: 0, count: 1, why: "older than 24 h\u{1b}[2J".to_owned() }
}

fn ok(value: &impl serde::Serialize) -> Vec<u8> {
    json("200 OK", &serde_json::to_string(value).unwrap()).into_bytes()
}
