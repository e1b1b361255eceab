//! Entries and notes as rows, and back.

use bytes::Bytes;
use muxhook_protocol::Delivery;
use muxhook_protocol::frame::{Backlog, Frame};
use muxhook_protocol::mux::envelope::Envelope;
use rusqlite::{Connection, OptionalExtension, named_params};

use super::{Address, Attempt, Entry, Note, State, Tried};

/// Most bytes of bodies that are read at once; one delivery may be larger.
const MOST_READ: usize = 4 << 20;

/// Where the last run ended.
pub(super) struct Latest {
    pub(super) seq: u64,
    pub(super) kept_at: u64,
}

pub(super) fn latest(database: &Connection) -> rusqlite::Result<Latest> {
    let sql = "SELECT seq, kept_at FROM deliveries ORDER BY seq DESC LIMIT 1";
    let found = database.query_row(sql, (), |row| Ok(Latest { seq: row.get(0)?, kept_at: row.get(1)? }));
    Ok(found.optional()?.unwrap_or(Latest { seq: 0, kept_at: 0 }))
}

/// Writes a delivery and its attempts.
pub(super) fn insert(database: &Connection, entry: &Entry, at: u64, owed: bool) -> rusqlite::Result<()> {
    let (head, body) = (entry.head(), entry.body());
    let event = Envelope::peek(&body);
    let endpoint = number(database, &entry.address)?;
    let sql = "INSERT INTO deliveries (seq, id, endpoint, received_at, kept_at, state, handed, answered_by,
            answered_status, event_type, event_id, object_type, object_id, environment, bytes, checksum)
        VALUES (:seq, :id, :endpoint, :received_at, :kept_at, :state, :handed, :answered_by, :answered_status,
            :event_type, :event_id, :object_type, :object_id, :environment, :bytes, :checksum)";
    database.prepare_cached(sql)?.execute(named_params! {
        ":seq": entry.seq,
        ":id": entry.id.as_bytes(),
        ":endpoint": endpoint,
        ":received_at": entry.received_at,
        ":kept_at": at,
        ":state": if owed { State::Owed } else { State::Answered }.column(),
        ":handed": entry.handed,
        ":answered_by": entry.answered.by.as_str(),
        ":answered_status": entry.answered.status,
        ":event_type": event.event_type.as_deref(),
        ":event_id": event.event_id.as_deref(),
        ":object_type": event.object_type.as_deref(),
        ":object_id": event.object_id.as_deref(),
        ":environment": event.environment_name.as_deref(),
        ":bytes": head.len() + body.len(),
        ":checksum": checksum(&head, &body),
    })?;
    let sql = "INSERT INTO contents (seq, head, body) VALUES (?1, ?2, ?3)";
    database.prepare_cached(sql)?.execute((entry.seq, &head[..], &body[..]))?;
    for attempt in &entry.attempts {
        attempted(database, entry.seq, attempt)?;
    }
    Ok(())
}

/// Writes what became of a delivery. One that is not there any more, or never was, is no fault.
pub(super) fn note(database: &Connection, note: &Note) -> rusqlite::Result<()> {
    match note {
        Note::Handed { id } => {
            let sql = "UPDATE deliveries SET handed = handed + 1 WHERE id = ?1";
            database.prepare_cached(sql)?.execute([id.as_bytes()]).map(drop)
        }
        Note::Attempted { id, attempt, settled } => {
            let sql = "SELECT seq FROM deliveries WHERE id = ?1";
            let seq =
                database.prepare_cached(sql)?.query_row([id.as_bytes()], |row| row.get(0)).optional()?;
            let Some(seq): Option<u64> = seq else { return Ok(()) };
            attempted(database, seq, attempt)?;
            if *settled {
                let sql = "UPDATE deliveries SET state = ?2 WHERE seq = ?1 AND state = 1";
                let state = State::settled_by(&attempt.tried).column();
                database.prepare_cached(sql)?.execute((seq, state))?;
            }
            Ok(())
        }
    }
}

/// See [`super::Journal::owed`].
pub(super) fn owed(
    database: &Connection,
    address: &Address,
    after: u64,
    most: usize,
) -> rusqlite::Result<Vec<Delivery>> {
    let sql = "SELECT seq, id, received_at, handed, checksum, head, body
        FROM deliveries JOIN contents USING (seq)
        WHERE state = 1 AND endpoint = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    let mut query = database.prepare_cached(sql)?;
    let mut rows = query.query((number(database, address)?, after, most))?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while bytes < MOST_READ
        && let Some(row) = rows.next()?
    {
        let (head, body): (Vec<u8>, Vec<u8>) = (row.get("head")?, row.get("body")?);
        bytes += body.len();
        let handed: u32 = row.get("handed")?;
        match delivery(head, body, row.get("checksum")?) {
            Some(delivery) => found.push(Delivery { attempt: handed + 1, owed: true, ..delivery }),
            None => tracing::error!(seq = row.get::<_, u64>("seq")?, "a delivery in the journal is damaged"),
        }
    }
    Ok(found)
}

/// See [`super::Journal::backlog`].
pub(super) fn backlog(database: &Connection, address: &Address) -> rusqlite::Result<Backlog> {
    let sql = "SELECT count(*), min(received_at) FROM deliveries WHERE state = 1 AND endpoint = ?1";
    let endpoint = number(database, address)?;
    database
        .prepare_cached(sql)?
        .query_row([endpoint], |row| Ok(Backlog { count: row.get(0)?, oldest_at: row.get(1)? }))
}

/// The number that stands for an address in this file.
fn number(database: &Connection, address: &Address) -> rusqlite::Result<i64> {
    let key = (address.account.as_str(), address.endpoint.as_str());
    let sql = "SELECT no FROM endpoints WHERE account = ?1 AND endpoint = ?2";
    if let Some(found) = database.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()? {
        return Ok(found);
    }
    let sql = "INSERT INTO endpoints (account, endpoint) VALUES (?1, ?2) RETURNING no";
    database.prepare_cached(sql)?.query_row(key, |row| row.get(0))
}

fn attempted(database: &Connection, seq: u64, attempt: &Attempt) -> rusqlite::Result<()> {
    let (result, status, message) = match &attempt.tried {
        Tried::Replied(status) => ("replied", Some(*status), None),
        Tried::Failed(reason, message) => (*reason, None, Some(message)),
        Tried::Skipped(filter) => ("skipped", None, Some(filter)),
        Tried::Refused(reason) => ("signature", None, Some(reason)),
    };
    let sql =
        "INSERT INTO attempts (seq, number, at, took_ms, session, result, status, message, late, replayed)
        SELECT :seq, coalesce(max(number), 0) + 1, :at, :took_ms, :session, :result, :status, :message, :late,
            :replayed FROM attempts WHERE seq = :seq";
    database
        .prepare_cached(sql)?
        .execute(named_params! {
            ":seq": seq,
            ":at": attempt.at,
            ":took_ms": attempt.took_ms,
            ":session": attempt.session,
            ":result": result,
            ":status": status,
            ":message": message,
            ":late": attempt.late,
            ":replayed": attempt.replayed,
        })
        .map(drop)
}

/// A delivery from its content; `None` when that is not what was written.
pub(super) fn delivery(head: Vec<u8>, body: Vec<u8>, expected: u32) -> Option<Delivery> {
    if checksum(&head, &body) != expected {
        return None;
    }
    match Frame::decode(Bytes::from(head)) {
        Ok(Frame::Deliver { delivery, size }) if size == body.len() as u64 => {
            Some(Delivery { body: body.into(), ..*delivery })
        }
        _ => None,
    }
}

/// CRC-32 (IEEE 802.3) of a delivery's content.
fn checksum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}
