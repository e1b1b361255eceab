//! What was there and is no more. One row for each endpoint and kind, so that there are never many.

use std::time::Duration;

use muxhook_protocol::frame::Gap;
use rusqlite::{Connection, named_params};

/// Why something is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// It was settled, and had to make room. Lists show it; nobody is told.
    Pruned,
    /// It was owed for as long as anything is. A listener is told.
    Expired,
    /// It was owed, and the disk did not keep it as it was. A listener is told.
    Damaged,
}

impl Kind {
    /// The column's value.
    pub(super) fn column(self) -> &'static str {
        match self {
            Self::Pruned => "pruned",
            Self::Expired => "expired",
            Self::Damaged => "damaged",
        }
    }
}

/// What a user reads of a gap whose column `kind` says this.
pub(super) fn why(kind: &str, owed_for: Duration) -> String {
    match kind {
        "expired" => format!("{} h have passed", owed_for.as_secs().div_ceil(3600)),
        "damaged" => "damaged on the relay's disk".to_owned(),
        _ => "no longer kept".to_owned(),
    }
}

/// Some deliveries of one endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_seq: u64,
    pub(super) to_seq: u64,
    pub(super) from_at: u64,
    pub(super) to_at: u64,
    pub(super) count: u64,
}

impl Span {
    /// One delivery.
    pub(super) fn one(seq: u64, received_at: u64) -> Self {
        Self { from_seq: seq, to_seq: seq, from_at: received_at, to_at: received_at, count: 1 }
    }

    /// Both.
    pub(super) fn and(self, other: Self) -> Self {
        Self {
            from_seq: self.from_seq.min(other.from_seq),
            to_seq: self.to_seq.max(other.to_seq),
            from_at: self.from_at.min(other.from_at),
            to_at: self.to_at.max(other.to_at),
            count: self.count + other.count,
        }
    }
}

/// Writes that these are missing from `at` on, steady time.
pub(super) fn add(database: &Connection, no: i64, kind: Kind, span: Span, at: u64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO gaps (endpoint, kind, from_seq, to_seq, from_at, to_at, count, at)
        VALUES (:endpoint, :kind, :from_seq, :to_seq, :from_at, :to_at, :count, :at)
        ON CONFLICT (endpoint, kind) DO UPDATE SET from_seq = min(from_seq, excluded.from_seq),
            to_seq = max(to_seq, excluded.to_seq), from_at = min(from_at, excluded.from_at),
            to_at = max(to_at, excluded.to_at), count = count + excluded.count, at = excluded.at";
    database
        .prepare_cached(sql)?
        .execute(named_params! {
            ":endpoint": no,
            ":kind": kind.column(),
            ":from_seq": span.from_seq,
            ":to_seq": span.to_seq,
            ":from_at": span.from_at,
            ":to_at": span.to_at,
            ":count": span.count,
            ":at": at,
        })
        .map(drop)
}

/// Those that a listener is to be told.
pub(super) fn read(database: &Connection, no: i64, owed_for: Duration) -> rusqlite::Result<Vec<Gap>> {
    let sql = "SELECT from_seq, to_seq, count, kind FROM gaps WHERE endpoint = ?1 AND kind <> 'pruned' ORDER BY from_seq";
    let mut query = database.prepare_cached(sql)?;
    let gap = |row: &rusqlite::Row<'_>| {
        let why = why(&row.get::<_, String>(3)?, owed_for);
        Ok(Gap { from_seq: row.get(0)?, to_seq: row.get(1)?, count: row.get(2)?, why })
    };
    query.query_map([no], gap)?.collect()
}

/// These were told. One that has grown since is told again.
pub(super) fn told(database: &Connection, no: i64, gaps: &[Gap]) -> rusqlite::Result<()> {
    let sql = "DELETE FROM gaps WHERE endpoint = ?1 AND kind <> 'pruned' AND (from_seq, to_seq, count) = (?2, ?3, ?4)";
    let mut change = database.prepare_cached(sql)?;
    gaps.iter().try_for_each(|gap| change.execute((no, gap.from_seq, gap.to_seq, gap.count)).map(drop))
}
