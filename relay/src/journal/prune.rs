//! What goes when its time is over or its room is needed: in small steps, between which the writer does what is urgent.
//!
//! In this order: what was forgotten; what is owed for too long, which becomes settled; settled deliveries by age, then
//! by the quotas, the oldest first; endpoints that nothing is left of.

use std::cell::Cell;
use std::collections::HashMap;

use rusqlite::Connection;

use super::State;
use super::books::{Books, Ledger};
use super::gaps::{self, Kind, Span};

/// Rows that one step looks at.
const LOOK: usize = 512;

/// Endpoints that one step looks at.
const ENDPOINTS: usize = 64;

/// How long a gap that only lists show outlives the last delivery of its endpoint.
const LAST_GAP: u64 = 7 * 24 * 60 * 60 * 1000;

/// How far the housekeeping is.
#[derive(Debug, Default)]
pub(super) struct Pruning {
    /// Steady time.
    pub(super) now: u64,
    /// There may be something to do.
    pub(super) wanted: bool,
    /// Bytes of settled deliveries that are to go although their time is not over.
    room: u64,
    /// Endpoints that are still to be looked at: for what is owed too long, and whether they are empty.
    endpoints: Vec<i64>,
}

/// A delivery, as far as this needs it.
struct Found {
    seq: u64,
    no: i64,
    received_at: u64,
    kept_at: u64,
    state: i64,
    bytes: u64,
}

impl Pruning {
    /// Looks at everything anew.
    pub(super) fn begin(&mut self, books: &Books, now: u64) {
        self.now = self.now.max(now);
        self.wanted = true;
        self.endpoints = books.all().map(|(no, _)| no).collect();
    }

    /// Lets the history give way to so many bytes.
    pub(super) fn make_room(&mut self, bytes: u64) {
        self.room = self.room.saturating_add(bytes);
        self.wanted = true;
    }

    /// Does a little, at most `most` rows of it. `wanted` says whether more is left.
    pub(super) fn step(&mut self, db: &Connection, books: &mut Books, most: usize) -> rusqlite::Result<()> {
        let forgotten = books.all().find(|(_, ledger)| ledger.address.is_none()).map(|(no, _)| no);
        if let Some(no) = forgotten {
            return forget(db, books, no, most);
        }
        if !self.endpoints.is_empty() {
            return self.look(db, books, most);
        }
        let limits = books.limits;
        let young = self.now.saturating_sub(millis(limits.retention));
        let over = books.all().find(|(_, ledger)| books.is_over(&ledger.usage)).map(|(no, _)| no);
        if let Some(no) = over {
            let from =
                books.all().find(|(found, _)| *found == no).map_or(0, |(_, ledger)| ledger.settled_from);
            let found = select(db, Some(no), from)?;
            if found.is_empty() {
                // By damage, the books count what is not there.
                books.mend(no);
                return Ok(());
            }
            let next = remove(db, books, &found, most, self.now, |books, _| books.is_over(&books.usage(no)))?;
            books.change(no, |ledger| ledger.settled_from = next.unwrap_or(from));
            return Ok(());
        }
        let from = books.settled_from;
        let found = select(db, None, from)?;
        let is_over = books.is_over_in_all();
        if found.is_empty() && is_over {
            let endpoints: Vec<i64> = books.all().map(|(no, _)| no).collect();
            endpoints.into_iter().for_each(|no| books.mend(no));
        }
        let room = Cell::new(self.room);
        let next = remove(db, books, &found, most, self.now, |books, found| {
            let left = room.get();
            let goes = found.kept_at <= young || is_over && books.is_over_in_all() || left > 0;
            room.set(if goes { left.saturating_sub(found.bytes) } else { left });
            goes
        })?;
        books.settled_from = next.unwrap_or(from);
        self.wanted = next.is_some_and(|next| next != from);
        self.room = if self.wanted { room.get() } else { 0 };
        Ok(())
    }

    /// Looks at some endpoints.
    fn look(&mut self, db: &Connection, books: &mut Books, most: usize) -> rusqlite::Result<()> {
        let old = self.now.saturating_sub(millis(books.limits.owed_for));
        for _ in 0..ENDPOINTS {
            let Some(no) = self.endpoints.pop() else { break };
            if books.usage(no).owed_rows > 0 && expire(db, books, no, old, most, self.now)? == most {
                self.endpoints.push(no);
                break;
            }
            if books.usage(no).rows == 0 {
                vanish(db, books, no, self.now)?;
            }
        }
        Ok(())
    }
}

/// Ends what is owed of an endpoint since before `old`.
fn expire(
    db: &Connection,
    books: &mut Books,
    no: i64,
    old: u64,
    most: usize,
    now: u64,
) -> rusqlite::Result<usize> {
    let found = read(db, "state = 1 AND endpoint = ?1", (no, most))?;
    let mut span: Option<Span> = None;
    let mut count = 0;
    for delivery in found.iter().take_while(|delivery| delivery.kept_at <= old) {
        settle(db, books, (delivery.seq, no, delivery.bytes), State::Expired)?;
        let one = Span::one(delivery.seq, delivery.received_at);
        span = Some(span.map_or(one, |span| span.and(one)));
        count += 1;
    }
    if let Some(span) = span {
        gaps::add(db, no, Kind::Expired, span, now)?;
    }
    Ok(count)
}

/// Ends what is owed of one delivery: of this `seq`, endpoint and bytes.
pub(super) fn settle(
    db: &Connection,
    books: &mut Books,
    (seq, no, bytes): (u64, i64, u64),
    state: State,
) -> rusqlite::Result<bool> {
    let sql = "UPDATE deliveries SET state = ?2 WHERE seq = ?1 AND state = 1";
    let is_settled = db.prepare_cached(sql)?.execute((seq, state.column()))? > 0;
    if is_settled {
        books.change(no, |ledger| ledger.usage.settle(bytes));
        books.has_settled(no, seq);
    }
    Ok(is_settled)
}

/// Removes rows of a forgotten endpoint, at last the endpoint itself.
fn forget(db: &Connection, books: &mut Books, no: i64, most: usize) -> rusqlite::Result<()> {
    let found = read(db, "endpoint = ?1", (no, most))?;
    if found.is_empty() {
        return drop_endpoint(db, books, no);
    }
    for delivery in &found {
        delete(db, books, delivery)?;
    }
    Ok(())
}

/// Removes an endpoint without deliveries, unless somebody is still to be told of a gap. By damage, the books may count
/// too few.
fn vanish(db: &Connection, books: &mut Books, no: i64, now: u64) -> rusqlite::Result<()> {
    let sql = "SELECT EXISTS (SELECT 1 FROM gaps WHERE endpoint = ?1 AND (kind <> 'pruned' OR at > ?2))
        OR EXISTS (SELECT 1 FROM deliveries WHERE endpoint = ?1)";
    let has_more = db.prepare_cached(sql)?.query_row((no, now.saturating_sub(LAST_GAP)), |row| row.get(0))?;
    if has_more { Ok(()) } else { drop_endpoint(db, books, no) }
}

fn drop_endpoint(db: &Connection, books: &mut Books, no: i64) -> rusqlite::Result<()> {
    db.prepare_cached("DELETE FROM gaps WHERE endpoint = ?1")?.execute([no])?;
    db.prepare_cached("DELETE FROM endpoints WHERE no = ?1")?.execute([no])?;
    books.remove(no);
    Ok(())
}

/// The next rows in order, owed ones among them.
fn select(db: &Connection, no: Option<i64>, from: u64) -> rusqlite::Result<Vec<Found>> {
    match no {
        Some(no) => read(db, "endpoint = ?1 AND seq >= ?3", (no, LOOK, from)),
        None => read(db, "seq >= ?1", (from, LOOK)),
    }
}

/// Removes settled ones for as long as they are to go. Where to look on; `None`: nothing was there.
fn remove(
    db: &Connection,
    books: &mut Books,
    found: &[Found],
    most: usize,
    now: u64,
    goes: impl Fn(&Books, &Found) -> bool,
) -> rusqlite::Result<Option<u64>> {
    let mut spans: HashMap<i64, Span> = HashMap::new();
    let (mut next, mut removed) = (None, 0);
    for delivery in found {
        next = Some(delivery.seq);
        if delivery.state == State::Owed.column() {
            next = Some(delivery.seq + 1);
            continue;
        }
        if removed == most || !goes(books, delivery) {
            break;
        }
        delete(db, books, delivery)?;
        removed += 1;
        next = Some(delivery.seq + 1);
        let one = Span::one(delivery.seq, delivery.received_at);
        spans.entry(delivery.no).and_modify(|span| *span = span.and(one)).or_insert(one);
    }
    for (no, span) in spans {
        gaps::add(db, no, Kind::Pruned, span, now)?;
    }
    Ok(next)
}

fn delete(db: &Connection, books: &mut Books, delivery: &Found) -> rusqlite::Result<()> {
    for sql in [
        "DELETE FROM deliveries WHERE seq = ?1",
        "DELETE FROM contents WHERE seq = ?1",
        "DELETE FROM attempts WHERE seq = ?1",
    ] {
        db.prepare_cached(sql)?.execute([delivery.seq])?;
    }
    let owed = delivery.state == State::Owed.column();
    books.change(delivery.no, |Ledger { usage, .. }| usage.remove(delivery.bytes, owed));
    Ok(())
}

/// At most `?2` of the rows that the condition names, in order. What damage has made negative counts as nothing; a row
/// that can't be read is passed over and stays, so that it stops nobody.
fn read(db: &Connection, condition: &str, bounds: impl rusqlite::Params) -> rusqlite::Result<Vec<Found>> {
    let sql = format!(
        "SELECT seq, endpoint, received_at, kept_at, state, bytes FROM deliveries WHERE {condition} AND seq >= 0
            AND typeof(endpoint) = 'integer' AND typeof(received_at) = 'integer' AND typeof(kept_at) = 'integer'
            AND typeof(state) = 'integer' AND typeof(bytes) = 'integer' ORDER BY seq LIMIT ?2"
    );
    let mut query = db.prepare_cached(&sql)?;
    let rows = query.query_map(bounds, |row| {
        let number = |at| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.try_into().unwrap_or(0));
        Ok(Found {
            seq: row.get(0)?,
            no: row.get(1)?,
            received_at: number(2)?,
            kept_at: number(3)?,
            state: row.get(4)?,
            bytes: number(5)?,
        })
    })?;
    rows.collect()
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
