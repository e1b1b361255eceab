//! Entries and notes as rows, and back.

use bytes::Bytes;
use muxhook_protocol::frame::{Backlog, Frame};
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::{Delivery, DeliveryId};
use rusqlite::{Connection, OptionalExtension, Row, named_params};

use super::books::Books;
use super::prune::settle;
use super::{Address, Attempt, Entry, Note, State, Tried, Which, gaps};

#[cfg(any(test, fuzzing))]
#[path = "../../fuzz/checks/content.rs"]
pub(crate) mod fuzz;

/// Most pages of owed deliveries that are all damaged, before a question for them has its answer.
const MOST_DAMAGED_PAGES: usize = 16;

/// Most bytes of bodies that are read at once; one delivery may be larger. They wait in memory for their turn, and
/// endpoints that owe something may be many: all of them, after a restart.
const MOST_READ: usize = 64 << 10;

/// Most attempts that are kept of one delivery: the latest.
const MOST_ATTEMPTS: u64 = 100;

/// What came of writing a delivery that is to be owed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// It is in.
    Yes,
    /// What is owed already takes all the room.
    Full,
}

/// Writes a delivery and its attempts. One that is in already stays as it is, but for being owed from now on.
pub(super) fn insert(
    db: &Connection,
    books: &mut Books,
    entry: &Entry,
    at: u64,
    owed: bool,
) -> rusqlite::Result<Held> {
    let (head, body) = (entry.head(), entry.body());
    let bytes = (head.len() + body.len()) as u64;
    let endpoint = books.make(db, &entry.address)?;
    if owed && !books.has_room(endpoint, bytes) {
        return Ok(Held::Full);
    }
    let state = if owed { State::Owed } else { State::Answered };
    let is_new = insert_row(db, books, entry, (endpoint, at, state), (&head, &body))?;
    if !is_new {
        return owe(db, books, entry, owed);
    }
    let sql = "INSERT INTO contents (seq, head, body) VALUES (?1, ?2, ?3)";
    db.prepare_cached(sql)?.execute((entry.seq, &head[..], &body[..]))?;
    for attempt in &entry.attempts {
        attempted(db, entry.seq, attempt)?;
    }
    books.change(endpoint, |ledger| ledger.usage.add(bytes, owed));
    if !owed {
        books.has_settled(endpoint, entry.seq);
    }
    Ok(Held::Yes)
}

fn insert_row(
    db: &Connection,
    books: &mut Books,
    entry: &Entry,
    (endpoint, at, state): (i64, u64, State),
    (head, body): (&Bytes, &Bytes),
) -> rusqlite::Result<bool> {
    let event = Envelope::peek(body);
    let event_id = event.event_id.as_deref();
    let first = event_id.and_then(|event| books.recent.first_of(endpoint, event, entry.id));
    let sql = "INSERT INTO deliveries (seq, id, endpoint, received_at, kept_at, state, handed, answered_by,
            answered_status, event_type, event_id, object_type, object_id, environment, duplicate_of, bytes,
            checksum)
        VALUES (:seq, :id, :endpoint, :received_at, :kept_at, :state, :handed, :answered_by, :answered_status,
            :event_type, :event_id, :object_type, :object_id, :environment, :duplicate_of, :bytes, :checksum)
        ON CONFLICT (id) DO NOTHING";
    let inserted = db.prepare_cached(sql)?.execute(named_params! {
        ":seq": entry.seq,
        ":id": entry.id.as_bytes(),
        ":endpoint": endpoint,
        ":received_at": entry.received_at,
        ":kept_at": at,
        ":state": state.column(),
        ":handed": entry.handed,
        ":answered_by": entry.answered.by.as_str(),
        ":answered_status": entry.answered.status,
        ":event_type": event.event_type.as_deref(),
        ":event_id": event_id,
        ":object_type": event.object_type.as_deref(),
        ":object_id": event.object_id.as_deref(),
        ":environment": event.environment_name.as_deref(),
        ":duplicate_of": first.as_ref().map(DeliveryId::as_bytes),
        ":bytes": head.len() + body.len(),
        ":checksum": checksum(head, body),
    })?;
    Ok(inserted > 0)
}

/// Owes a delivery that is in history; one that was owed stays what it is.
fn owe(db: &Connection, books: &mut Books, entry: &Entry, owed: bool) -> rusqlite::Result<Held> {
    if owed {
        let sql = "UPDATE deliveries SET state = 1 WHERE id = ?1 AND state = 0 RETURNING endpoint, bytes";
        let found =
            db.prepare_cached(sql)?.query_row([entry.id.as_bytes()], |row| Ok((row.get(0)?, row.get(1)?)));
        if let Some((endpoint, bytes)) = found.optional()? {
            books.change(endpoint, |ledger| ledger.usage.owe(bytes));
        }
    }
    Ok(Held::Yes)
}

/// Writes what became of a delivery; `false` when it is not there, any more or yet.
pub(super) fn note(db: &Connection, books: &mut Books, note: &Note) -> rusqlite::Result<bool> {
    match note {
        Note::Handed { id } => {
            let sql = "UPDATE deliveries SET handed = handed + 1 WHERE id = ?1";
            Ok(db.prepare_cached(sql)?.execute([id.as_bytes()])? > 0)
        }
        Note::Attempted { id, attempt, settled } => {
            let Some((seq, no, bytes)) = find(db, id)? else { return Ok(false) };
            attempted(db, seq, attempt)?;
            if *settled {
                settle(db, books, (seq, no, bytes), State::settled_by(&attempt.tried))?;
            }
            Ok(true)
        }
    }
}

/// The `seq`, endpoint and bytes of a delivery.
fn find(db: &Connection, id: &DeliveryId) -> rusqlite::Result<Option<(u64, i64, u64)>> {
    let sql = "SELECT seq, endpoint, bytes FROM deliveries WHERE id = ?1";
    let found = |row: &Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    db.prepare_cached(sql)?.query_row([id.as_bytes()], found).optional()
}

/// See [`super::Journal::owed`]. What is damaged is settled as that, and missing.
pub(super) fn owed(
    db: &Connection,
    books: &mut Books,
    address: &Address,
    (after, most): (u64, usize),
    now: u64,
) -> rusqlite::Result<Vec<Delivery>> {
    let Some(no) = books.number(address) else { return Ok(Vec::new()) };
    // A page of nothing but damage is no end.
    for _ in 0..MOST_DAMAGED_PAGES {
        let OwedPage { found, damaged } = owed_page(db, no, after, most)?;
        let is_all = damaged.is_empty();
        for (seq, received_at, bytes) in damaged {
            tracing::error!(seq, endpoint = %address.endpoint, "an owed delivery is damaged on the disk, and lost");
            settle(db, books, (seq, no, bytes), State::Damaged)?;
            gaps::add(db, no, gaps::Kind::Damaged, gaps::Span::one(seq, received_at), now)?;
        }
        if is_all || !found.is_empty() {
            return Ok(found);
        }
    }
    Ok(Vec::new())
}

/// Owed deliveries in order, and what of them is damaged: `seq`, time of arrival, bytes.
struct OwedPage {
    found: Vec<Delivery>,
    damaged: Vec<(u64, u64, u64)>,
}

fn owed_page(db: &Connection, no: i64, after: u64, most: usize) -> rusqlite::Result<OwedPage> {
    let sql = "SELECT deliveries.seq, id, received_at, handed, checksum, head, body, bytes
        FROM deliveries LEFT JOIN contents USING (seq)
        WHERE state = 1 AND endpoint = ?1 AND deliveries.seq > ?2 ORDER BY deliveries.seq LIMIT ?3";
    let (mut found, mut damaged, mut bytes, mut last) = (Vec::new(), Vec::new(), 0, after);
    let mut query = db.prepare_cached(sql)?;
    let mut rows = query.query((no, after, most))?;
    while bytes < MOST_READ
        && let Some(row) = rows.next()?
    {
        match whole(row) {
            // A damaged index may give rows in another order: whoever asks counts on this one.
            Some(delivery) if delivery.seq > last => {
                (bytes, last) = (bytes + delivery.body.len(), delivery.seq);
                found.push(delivery);
            }
            Some(delivery) => tracing::error!(seq = delivery.seq, "the journal's order is damaged"),
            None => {
                let number = |at| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.try_into().unwrap_or(0));
                damaged.push((number(0)?, number(2)?, number(7)?));
            }
        }
    }
    Ok(OwedPage { found, damaged })
}

/// An owed delivery; `None` when any of it is not what was written.
fn whole(row: &Row<'_>) -> Option<Delivery> {
    let (head, body): (Vec<u8>, Vec<u8>) = (row.get("head").ok()?, row.get("body").ok()?);
    let handed: u32 = row.get("handed").ok()?;
    let delivery = delivery(head, body, row.get("checksum").ok()?)?;
    let is_row = row.get::<_, u64>("seq").ok()? == delivery.seq
        && row.get::<_, [u8; 16]>("id").ok()? == *delivery.id.as_bytes();
    is_row.then(|| Delivery { attempt: handed.saturating_add(1), owed: true, ..delivery })
}

/// Gives up owed deliveries: at most `most`. How many.
pub(super) fn discard(
    db: &Connection,
    books: &mut Books,
    address: &Address,
    which: &Which,
    most: usize,
) -> rusqlite::Result<u64> {
    let Some(no) = books.number(address) else { return Ok(0) };
    let mut found = Vec::new();
    match which {
        Which::All => {
            let sql =
                "SELECT seq, bytes FROM deliveries WHERE state = 1 AND endpoint = ?1 ORDER BY seq LIMIT ?2";
            let mut query = db.prepare_cached(sql)?;
            let rows = query.query_map((no, most), |row| Ok((row.get(0)?, no, row.get(1)?)))?;
            for row in rows {
                found.push(row?);
            }
        }
        Which::Ids(ids) => {
            for id in ids {
                found.extend(find(db, id)?.filter(|(_, of, _)| *of == no));
            }
        }
    }
    let mut count = 0;
    for delivery in found {
        count += u64::from(settle(db, books, delivery, State::Discarded)?);
    }
    Ok(count)
}

/// Takes an endpoint's name from its rows, which then go bit by bit.
pub(super) fn forget(db: &Connection, books: &mut Books, address: &Address) -> rusqlite::Result<()> {
    let Some(no) = books.detach(address) else { return Ok(()) };
    let sql = "UPDATE endpoints SET account = '', endpoint = no WHERE no = ?1";
    db.prepare_cached(sql)?.execute([no]).map(drop)
}

/// See [`super::Journal::backlog`].
pub(super) fn backlog(db: &Connection, books: &Books, address: &Address) -> rusqlite::Result<Backlog> {
    let Some(no) = books.number(address) else { return Ok(Backlog { count: 0, oldest_at: None }) };
    let sql = "SELECT received_at FROM deliveries WHERE state = 1 AND endpoint = ?1 ORDER BY seq LIMIT 1";
    let oldest_at = db.prepare_cached(sql)?.query_row([no], |row| row.get(0)).optional()?;
    Ok(Backlog { count: books.usage(no).owed_rows, oldest_at })
}

/// See [`super::Journal::owed_in_all`].
pub(super) fn owed_in_all(db: &Connection) -> rusqlite::Result<Backlog> {
    let sql = "SELECT count(*), min(received_at) FROM deliveries WHERE state = 1";
    db.query_row(sql, (), |row| Ok(Backlog { count: row.get(0)?, oldest_at: row.get(1)? }))
}

fn attempted(db: &Connection, seq: u64, attempt: &Attempt) -> rusqlite::Result<()> {
    let (result, status, message) = match &attempt.tried {
        Tried::Replied(status) => ("replied", Some(*status), None),
        Tried::Failed(reason, message) => (reason.as_ref(), None, Some(message)),
        Tried::Skipped(filter) => ("skipped", None, Some(filter)),
        Tried::Refused(reason) => ("signature", None, Some(reason)),
    };
    let sql =
        "INSERT INTO attempts (seq, number, at, took_ms, session, result, status, message, late, replayed)
        SELECT :seq, coalesce(max(number), 0) + 1, :at, :took_ms, :session, :result, :status, :message, :late,
            :replayed FROM attempts WHERE seq = :seq RETURNING number";
    let number: u64 = db.prepare_cached(sql)?.query_row(
        named_params! {
            ":seq": seq,
            ":at": attempt.at,
            ":took_ms": attempt.took_ms,
            ":session": attempt.session,
            ":result": result,
            ":status": status,
            ":message": message,
            ":late": attempt.late,
            ":replayed": attempt.replayed,
        },
        |row| row.get(0),
    )?;
    if number > MOST_ATTEMPTS {
        let sql = "DELETE FROM attempts WHERE seq = ?1 AND number <= ?2";
        db.prepare_cached(sql)?.execute((seq, number - MOST_ATTEMPTS))?;
    }
    Ok(())
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
