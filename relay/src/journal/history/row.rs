//! One delivery, as it is told.

use bytes::Bytes;
use muxhook_protocol::frame::Frame;
use muxhook_protocol::history::{Attempt, Fate, Row};
use muxhook_protocol::{DeliveryId, Headers};
use rusqlite::{Connection, OptionalExtension};

use super::fate::fate;
use crate::journal::State;

/// Most attempts that are told of one delivery: one that is owed has some thirty in its day, and its owner may have it
/// replayed for ever.
const MOST_ATTEMPTS: usize = 100;

/// Longest message of an attempt that is told, in characters.
const MOST_MESSAGE: usize = 1000;

/// About how many bytes a row takes to tell.
pub(super) fn weight(row: &Row) -> usize {
    let texts = [&row.query, &row.event_id, &row.event_type, &row.object_type, &row.object_id];
    let texts = texts.into_iter().chain([&row.environment]).flatten().map(String::len).sum::<usize>();
    let messages = row.attempts.iter().flat_map(|attempt| &attempt.message).map(String::len).sum::<usize>();
    row.path.len() + row.method.len() + texts + messages + 256 * (1 + row.attempts.len())
}

/// What a list looks at before it knows whether the delivery is wanted: one small row of the file.
pub(super) struct Small {
    pub(super) seq: u64,
    id: DeliveryId,
    pub(super) received_at: u64,
    state: State,
    answered_by: String,
    status: u16,
    pub(super) event_type: Option<String>,
    event_id: Option<String>,
    object_type: Option<String>,
    object_id: Option<String>,
    environment: Option<String>,
    duplicate_of: Option<[u8; 16]>,
}

/// The columns that [`Small::read`] reads.
pub(super) const COLUMNS: &str =
    "seq, id, received_at, state, answered_by, answered_status, event_type, event_id,
    object_type, object_id, environment, duplicate_of";

impl Small {
    pub(super) fn read(row: &rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        // What a newer relay wrote there is told by the answer and the attempts.
        let state = State::from_column(row.get("state")?).unwrap_or(State::Answered);
        Ok(Self {
            seq: row.get("seq")?,
            id: DeliveryId::from_bytes(row.get("id")?),
            received_at: row.get("received_at")?,
            state,
            answered_by: row.get("answered_by")?,
            status: row.get("answered_status")?,
            event_type: row.get("event_type")?,
            event_id: row.get("event_id")?,
            object_type: row.get("object_type")?,
            object_id: row.get("object_id")?,
            environment: row.get("environment")?,
            duplicate_of: row.get("duplicate_of")?,
        })
    }

    pub(super) fn fate(&self, attempts: &[Attempt]) -> Fate {
        fate(self.state, &self.answered_by, self.status, attempts)
    }
}

/// A delivery of an endpoint by its id.
pub(super) fn by_id(database: &Connection, endpoint: i64, id: DeliveryId) -> rusqlite::Result<Option<Small>> {
    let sql = format!("SELECT {COLUMNS} FROM deliveries WHERE id = ?1 AND endpoint = ?2");
    database.prepare_cached(&sql)?.query_row((id.as_bytes(), endpoint), Small::read).optional()
}

/// All that is told of a delivery, and its header fields: `None` when its head is none.
pub(super) fn whole(database: &Connection, small: Small) -> rusqlite::Result<(Row, Option<Headers>)> {
    let attempts = attempts(database, small.seq)?;
    let head = head(database, small.seq)?;
    Ok(fill(small, attempts, head))
}

/// The head of a delivery's content, as it was written.
pub(super) fn head(database: &Connection, seq: u64) -> rusqlite::Result<Vec<u8>> {
    let sql = "SELECT head FROM contents WHERE seq = ?1";
    let head = database.prepare_cached(sql)?.query_row([seq], |row| row.get(0)).optional()?;
    Ok(head.unwrap_or_default())
}

/// What came of each handing-over, in order, the latest 100 of them.
pub(super) fn attempts(database: &Connection, seq: u64) -> rusqlite::Result<Vec<Attempt>> {
    let sql =
        "SELECT at, took_ms, session, result, status, substr(message, 1, ?2), late, replayed FROM attempts
        WHERE seq = ?1 ORDER BY number DESC LIMIT ?3";
    let mut query = database.prepare_cached(sql)?;
    let read = |row: &rusqlite::Row<'_>| {
        Ok(Attempt {
            at: row.get(0)?,
            took_ms: row.get(1)?,
            session: row.get(2)?,
            result: row.get(3)?,
            status: row.get(4)?,
            message: row.get(5)?,
            late: row.get(6)?,
            replayed: row.get(7)?,
        })
    };
    let found = query.query_map((seq, MOST_MESSAGE, MOST_ATTEMPTS), read)?;
    let mut found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    found.reverse();
    Ok(found)
}

/// Puts a row together.
pub(super) fn fill(small: Small, attempts: Vec<Attempt>, head: Vec<u8>) -> (Row, Option<Headers>) {
    let (request, size) = match Frame::decode(Bytes::from(head)) {
        Ok(Frame::Deliver { delivery, size }) => (Some(*delivery), size),
        _ => (None, 0),
    };
    let fate = small.fate(&attempts);
    let text =
        |of: &dyn Fn(&muxhook_protocol::Delivery) -> String| request.as_ref().map(of).unwrap_or_default();
    let row = Row {
        delivery: small.id,
        seq: small.seq,
        received_at: small.received_at,
        method: text(&|request| request.method.to_string()),
        path: text(&|request| request.path.to_string()),
        query: request.as_ref().and_then(|request| request.query.as_ref().map(ToString::to_string)),
        size,
        event_id: small.event_id,
        event_type: small.event_type,
        object_type: small.object_type,
        object_id: small.object_id,
        environment: small.environment,
        fate,
        answered_by: small.answered_by,
        status: small.status,
        duplicate_of: small.duplicate_of.map(DeliveryId::from_bytes),
        attempts,
    };
    (row, request.map(|request| request.headers))
}
