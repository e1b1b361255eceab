//! What another process may see of the journal, read alone, with the relay running or not.

use muxhook_protocol::frame::Backlog;
use rusqlite::{Connection, OptionalExtension};

use super::{Address, rows};

/// How many rows one statement reads. Each begins a transaction of its own: a long one would keep the running relay
/// from clearing its write-ahead log.
const BATCH: usize = 256;

/// What is in a journal, and whether it is what was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Contents {
    /// Deliveries.
    pub(crate) deliveries: u64,
    /// Those of them that are owed.
    pub(crate) owed: u64,
    /// When the first of those was received: milliseconds since the Unix epoch.
    pub(crate) oldest_owed_at: Option<u64>,
    /// Bytes of heads and bodies.
    pub(crate) bytes: u64,
    /// Deliveries whose head or body is gone, or is not what its checksum was made of.
    pub(crate) damaged: u64,
    /// Those of them that are owed.
    pub(crate) owed_damaged: u64,
}

/// Reads all there is, one delivery in memory at a time, and compares it with its checksums.
///
/// # Errors
/// The file can't be read to its end.
pub(crate) fn contents(database: &Connection) -> rusqlite::Result<Contents> {
    let sql = "SELECT seq, state = 1, received_at, checksum, head, body
        FROM deliveries LEFT JOIN contents USING (seq) WHERE seq > ?1 ORDER BY seq LIMIT ?2";
    let mut query = database.prepare(sql)?;
    let mut found = Contents::default();
    let mut after = i64::MIN;
    loop {
        let mut rows = query.query((after, BATCH))?;
        let mut count = 0;
        while let Some(row) = rows.next()? {
            let seq: i64 = row.get(0)?;
            if seq <= after {
                // In a file without damage they grow; and what does not might have no end.
                return Err(out_of_order());
            }
            (after, count) = (seq, count + 1);
            found.add(row)?;
        }
        if count < BATCH {
            return Ok(found);
        }
    }
}

impl Contents {
    fn add(&mut self, row: &rusqlite::Row<'_>) -> rusqlite::Result<()> {
        let is_owed: bool = row.get(1)?;
        let content = (row.get_ref(4)?.as_blob(), row.get_ref(5)?.as_blob());
        let is_whole = match content {
            (Ok(head), Ok(body)) => {
                self.bytes += (head.len() + body.len()) as u64;
                let checksum: Option<u32> = row.get(3).ok();
                checksum
                    .is_some_and(|checksum| rows::delivery(head.to_vec(), body.to_vec(), checksum).is_some())
            }
            _ => false,
        };
        self.deliveries += 1;
        self.damaged += u64::from(!is_whole);
        self.owed += u64::from(is_owed);
        self.owed_damaged += u64::from(is_owed && !is_whole);
        if is_owed && let Ok(at) = row.get::<_, u64>(2) {
            self.oldest_owed_at = Some(self.oldest_owed_at.map_or(at, |oldest| oldest.min(at)));
        }
        Ok(())
    }
}

fn out_of_order() -> rusqlite::Error {
    let corrupt = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    rusqlite::Error::SqliteFailure(corrupt, Some("deliveries are out of order".to_owned()))
}

/// The addresses that are owed most, `most` of them at most.
///
/// # Errors
/// The file can't be read.
pub(crate) fn most_owed(database: &Connection, most: usize) -> rusqlite::Result<Vec<(Address, Backlog)>> {
    let sql = "SELECT account, endpoint, owed_rows, (SELECT min(received_at) FROM deliveries
            WHERE deliveries.endpoint = no AND state = 1)
        FROM endpoints WHERE owed_rows > 0 ORDER BY owed_rows DESC, no LIMIT ?1";
    let mut query = database.prepare_cached(sql)?;
    let rows = query.query_map([most], |row| {
        let (account, endpoint): (String, String) = (row.get(0)?, row.get(1)?);
        // What damage has made no name is nobody's.
        let address = match (account.parse(), endpoint.parse()) {
            (Ok(account), Ok(endpoint)) => Some(Address { account, endpoint }),
            _ => None,
        };
        Ok(address.zip(Some(Backlog { count: row.get(2)?, oldest_at: row.get(3)? })))
    })?;
    rows.filter_map(Result::transpose).collect()
}

/// How much is owed on an address.
///
/// # Errors
/// The file can't be read.
pub(crate) fn backlog(database: &Connection, address: &Address) -> rusqlite::Result<Backlog> {
    let sql = "SELECT no FROM endpoints WHERE account = ?1 AND endpoint = ?2";
    let key = (address.account.as_str(), address.endpoint.as_str());
    let number: Option<i64> = database.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()?;
    let Some(number) = number else { return Ok(Backlog::default()) };
    let sql = "SELECT count(*), min(received_at) FROM deliveries WHERE state = 1 AND endpoint = ?1";
    let mut query = database.prepare_cached(sql)?;
    query.query_row([number], |row| Ok(Backlog { count: row.get(0)?, oldest_at: row.get(1)? }))
}
