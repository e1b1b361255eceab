//! Which deliveries, page by page.

use muxhook_protocol::DeliveryId;
use muxhook_protocol::frame::{Backlog, Gap};
use muxhook_protocol::history::{Attempt, Fate, Row};
use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::glob::Glob;
use rusqlite::{Connection, OptionalExtension};

use super::row::{self, Small};
use super::{Address, number};

/// Most rows that one call looks at; one whose attempts are looked at too counts as several.
const MOST_ROWS: usize = 20_000;
const WITH_ATTEMPTS: usize = 8;

/// Bytes of heads and bodies after which one call ends; a single delivery may lead beyond.
const MOST_BYTES: usize = 64 << 20;

/// Bytes of an answer after which one call ends.
const MOST_TOLD: usize = 4 << 20;

/// Most gaps that are told.
const MOST_GAPS: usize = 100;

/// Which deliveries are asked for: those that meet every bound.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// Received then or later: milliseconds since the Unix epoch.
    pub since: Option<u64>,
    /// Received before then.
    pub until: Option<u64>,
    /// Of a `seq` above this one.
    pub after: Option<u64>,
    /// Of one of these types; none: of any, and of no type.
    pub types: Vec<Glob>,
    /// Not of these.
    pub exclude: Vec<Glob>,
    /// Whose fields are as each of these says.
    pub matches: Vec<Match>,
    /// Of one of these fates; none: of any.
    pub fates: Vec<Fate>,
    /// Whose body has these bytes somewhere; empty: all.
    pub contains: Vec<u8>,
    /// The oldest first; else the latest first.
    pub ascending: bool,
    /// At most so many.
    pub limit: usize,
    /// Behind the delivery of this `seq`, in the order asked for: where the page before ended.
    pub from: Option<u64>,
}

/// Some deliveries.
#[derive(Clone, Debug)]
pub struct Page {
    /// The deliveries.
    pub rows: Vec<Row>,
    /// [`Query::from`] of the next page; `None`: there is none.
    pub next: Option<u64>,
    /// On the first page: what was there within the bounds of time and is no longer, at most 100.
    pub gaps: Vec<Gap>,
    /// What is owed at the address.
    pub owed: Backlog,
}

impl Query {
    /// Whether bodies must be read to tell which deliveries are wanted.
    pub(super) fn reads_bodies(&self) -> bool {
        !self.matches.is_empty() || !self.contains.is_empty()
    }

    /// What the small row alone tells.
    fn wants(&self, small: &Small) -> bool {
        let any = |globs: &[Glob]| {
            small.event_type.as_ref().is_some_and(|name| globs.iter().any(|glob| glob.matches(name)))
        };
        self.since.is_none_or(|since| since <= small.received_at)
            && self.until.is_none_or(|until| small.received_at < until)
            && (self.types.is_empty() || any(&self.types))
            && !any(&self.exclude)
    }

    /// Whether its attempts can make it one of the wanted: they tell whether an app accepted it, and what settled it
    /// when it was held.
    fn may_want_fate(&self, small: &Small) -> bool {
        let without = small.fate(&[]);
        self.fates.is_empty()
            || without == Fate::Unknown
            || [without, Fate::Accepted].iter().any(|fate| self.fates.contains(fate))
    }

    fn wants_fate(&self, small: &Small, attempts: &[Attempt]) -> bool {
        self.fates.is_empty() || self.fates.contains(&small.fate(attempts))
    }

    fn wants_body(&self, body: &[u8]) -> bool {
        has(body, &self.contains) && self.matches.iter().all(|wanted| wanted.holds(body))
    }
}

/// Whether `part` stands somewhere in `body`.
fn has(body: &[u8], part: &[u8]) -> bool {
    // Most bodies that lack it are told by their first look: that is far quicker than the search.
    part.first()
        .is_none_or(|first| body.contains(first) && body.windows(part.len()).any(|window| window == part))
}

/// See [`super::History::list`].
pub(super) fn page(database: &Connection, address: &Address, query: &Query) -> rusqlite::Result<Page> {
    let Some(endpoint) = number(database, address)? else {
        let owed = Backlog { count: 0, oldest_at: None };
        return Ok(Page { rows: Vec::new(), next: None, gaps: Vec::new(), owed });
    };
    let (rows, next) = scan(database, endpoint, query)?;
    let gaps = if query.from.is_none() { gaps(database, endpoint, query)? } else { Vec::new() };
    Ok(Page { rows, next, gaps, owed: owed(database, endpoint)? })
}

fn scan(database: &Connection, endpoint: i64, query: &Query) -> rusqlite::Result<(Vec<Row>, Option<u64>)> {
    let (above, below) = bounds(database, query)?;
    let order = if query.ascending { "ASC" } else { "DESC" };
    // An index of their own leads to these.
    let owed = if query.fates == [Fate::Owed] { " AND state = 1" } else { "" };
    let sql = format!(
        "SELECT {} FROM deliveries WHERE endpoint = ?1 AND seq > ?2 AND seq < ?3{owed} ORDER BY seq {order}",
        row::COLUMNS
    );
    let mut statement = database.prepare_cached(&sql)?;
    let mut found = statement.query((endpoint, above, below))?;
    let (mut wanted, mut looked, mut read, mut told) = (Vec::new(), 0, 0, 0);
    while let Some(row) = found.next()? {
        let small = Small::read(row)?;
        let seq = small.seq;
        looked += 1;
        if let Some(row) = look(database, query, small, (&mut looked, &mut read))? {
            told += row::weight(&row);
            wanted.push(row);
        }
        let is_enough = wanted.len() >= query.limit || told >= MOST_TOLD;
        if is_enough || looked >= MOST_ROWS || read >= MOST_BYTES {
            let is_more = found.next()?.is_some();
            return Ok((wanted, is_more.then_some(seq)));
        }
    }
    Ok((wanted, None))
}

/// The delivery, if it is wanted. The cheapest question comes first.
fn look(
    database: &Connection,
    query: &Query,
    small: Small,
    (looked, read): (&mut usize, &mut usize),
) -> rusqlite::Result<Option<Row>> {
    if !query.wants(&small) || !query.may_want_fate(&small) {
        return Ok(None);
    }
    *looked += WITH_ATTEMPTS - 1;
    let attempts = row::attempts(database, small.seq)?;
    if !query.wants_fate(&small, &attempts) {
        return Ok(None);
    }
    if query.reads_bodies() {
        let sql = "SELECT body FROM contents WHERE seq = ?1";
        let body = database.prepare_cached(sql)?.query_row([small.seq], |row| row.get(0)).optional()?;
        let body: Vec<u8> = body.unwrap_or_default();
        *read += body.len();
        if !query.wants_body(&body) {
            return Ok(None);
        }
    }
    let head = row::head(database, small.seq)?;
    *read += head.len();
    Ok(Some(row::fill(small, attempts, head).0))
}

/// Between which numbers the wanted deliveries lie, both exclusive.
fn bounds(database: &Connection, query: &Query) -> rusqlite::Result<(i64, i64)> {
    let (mut above, mut below) = (query.after.map_or(-1, clamp), i64::MAX);
    match query.from.map(clamp) {
        Some(from) if query.ascending => above = above.max(from),
        Some(from) => below = from,
        None => {}
    }
    if let Some(since) = query.since {
        above = above.max(first_of(database, since)?.map_or(i64::MAX, |seq| seq.saturating_sub(1)));
    }
    Ok((above, below))
}

/// The number of the first delivery whose id is of `millis` or later; `None`: there is none. Ids grow with numbers,
/// and the time in an id is never before its delivery was received: whatever was received then has that number or a
/// higher one.
fn first_of(database: &Connection, millis: u64) -> rusqlite::Result<Option<i64>> {
    // The time is the first 48 bits of an id (RFC 9562 §5.7).
    let least = u128::from(millis.min((1 << 48) - 1)) << 80;
    first_from(database, DeliveryId::from_bytes(least.to_be_bytes()))
}

/// The time in an id.
pub(super) fn millis_of(id: [u8; 16]) -> u64 {
    u64::try_from(u128::from_be_bytes(id) >> 80).unwrap_or_default()
}

/// The number of the first delivery with this id or a later one.
pub(super) fn first_from(database: &Connection, least: DeliveryId) -> rusqlite::Result<Option<i64>> {
    let sql = "SELECT seq FROM deliveries WHERE id >= ?1 ORDER BY id LIMIT 1";
    database.prepare_cached(sql)?.query_row([least.as_bytes()], |row| row.get(0)).optional()
}

fn owed(database: &Connection, endpoint: i64) -> rusqlite::Result<Backlog> {
    let sql = "SELECT count(*), min(received_at) FROM deliveries WHERE state = 1 AND endpoint = ?1";
    let read = |row: &rusqlite::Row<'_>| Ok(Backlog { count: row.get(0)?, oldest_at: row.get(1)? });
    database.prepare_cached(sql)?.query_row([endpoint], read)
}

fn gaps(database: &Connection, endpoint: i64, query: &Query) -> rusqlite::Result<Vec<Gap>> {
    // Other kinds are deliveries that are there still, and owed no more.
    let sql = "SELECT from_seq, to_seq, count FROM gaps WHERE endpoint = ?1 AND kind = 'pruned'
        AND to_seq > ?2 AND to_at >= ?3 AND from_at < ?4 ORDER BY to_seq LIMIT ?5";
    let read = |row: &rusqlite::Row<'_>| {
        let why = "no longer kept".to_owned();
        Ok(Gap { from_seq: row.get(0)?, to_seq: row.get(1)?, count: row.get(2)?, why })
    };
    let after = query.after.map_or(-1, clamp);
    let (since, until) = (query.since.map_or(0, clamp), query.until.map_or(i64::MAX, clamp));
    let mut statement = database.prepare_cached(sql)?;
    statement.query_map((endpoint, after, since, until, MOST_GAPS), read)?.collect()
}

/// The number as SQLite can hold it.
fn clamp(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
