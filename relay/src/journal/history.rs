//! What the journal says of the past: the read side.
//!
//! It reads over connections of its own, so that it holds up no writing, and each call looks at a bounded number of
//! rows and bytes. All calls wait for the disk: not on a thread that carries webhooks. What was recorded a moment ago
//! may not be there yet.
//!
//! - `fate`: what became of a delivery, from what is known of it.
//! - `find`: from what a user names to a delivery.
//! - `list`: which deliveries, page by page.
//! - `row`: one delivery, as it is told.

mod fate;
mod find;
mod list;
mod row;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

use muxhook_protocol::frame::Backlog;
use muxhook_protocol::history::Row;
use muxhook_protocol::{Delivery, DeliveryId, Headers};
use rusqlite::{Connection, OptionalExtension};

use super::{Address, beside, rows, tables};
use crate::accounts::AccountName;
use crate::database::OpenError;

pub use find::Found;
pub use list::{Page, Query};

/// Why a question about the past has no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The disk gives other bytes than it was given.
    #[error("the delivery is damaged: the relay's disk gives other bytes than it was given")]
    Damaged,
    /// SQLite failed.
    #[error("the journal can't be read: {0}")]
    Sqlite(#[from] rusqlite::Error),
}

/// The read side of the journal.
#[derive(Debug)]
pub struct History {
    /// For questions that few rows answer.
    quick: Mutex<Connection>,
    /// For those that go through many bodies, so that they hold up no others.
    slow: Mutex<Connection>,
}

impl History {
    /// Reads the journal in the folder `dir`, which is there already.
    pub(super) fn open(dir: &Path) -> Result<Self, OpenError> {
        let open = || tables::SHAPE.open_to_read(dir).map(Mutex::new);
        Ok(Self { quick: open()?, slow: open()? })
    }

    /// Some deliveries at an address.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn list(&self, address: &Address, query: &Query) -> Result<Page, ReadError> {
        let connection = lock(if query.reads_bodies() { &self.slow } else { &self.quick });
        // One state of the file for the page and what stands beside it.
        let state = connection.unchecked_transaction()?;
        Ok(list::page(&state, address, query)?)
    }

    /// How much each endpoint of an account is owed; those that are owed nothing are not there.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn owed(&self, account: &AccountName) -> Result<HashMap<String, Backlog>, ReadError> {
        let connection = lock(&self.quick);
        let sql = "SELECT endpoint, owed_rows, (SELECT received_at FROM deliveries
                WHERE deliveries.endpoint = no AND state = 1 ORDER BY seq LIMIT 1)
            FROM endpoints WHERE account = ?1 AND owed_rows > 0";
        let mut query = connection.prepare_cached(sql)?;
        let owed = query.query_map([account.as_str()], |row| {
            Ok((row.get(0)?, Backlog { count: row.get(1)?, oldest_at: row.get(2)? }))
        })?;
        Ok(owed.collect::<rusqlite::Result<_>>()?)
    }

    /// The endpoints that are owed most, `most` of them at most.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn most_owed(&self, most: usize) -> Result<Vec<(Address, Backlog)>, ReadError> {
        Ok(beside::most_owed(&lock(&self.quick), most)?)
    }

    /// How much is owed at an address, as far as that is on the disk.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn backlog(&self, address: &Address) -> Result<Backlog, ReadError> {
        Ok(beside::backlog(&lock(&self.quick), address)?)
    }

    /// The delivery at an address that `id` means.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn find(&self, address: &Address, id: &str) -> Result<Found, ReadError> {
        let connection = lock(&self.quick);
        let Some(endpoint) = number(&connection, address)? else { return Ok(Found::Unknown) };
        Ok(find::find(&connection, endpoint, id)?)
    }

    /// What is known of a delivery, and its header fields. `None`: there is no such delivery at this address.
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when its head is none.
    pub fn detail(&self, address: &Address, id: DeliveryId) -> Result<Option<(Row, Headers)>, ReadError> {
        let connection = lock(&self.quick);
        let state = connection.unchecked_transaction()?;
        let Some(endpoint) = number(&state, address)? else { return Ok(None) };
        let Some(small) = row::by_id(&state, endpoint, id)? else { return Ok(None) };
        let (row, headers) = row::whole(&state, small)?;
        headers.map(|headers| Some((row, headers))).ok_or(ReadError::Damaged)
    }

    /// The time in the latest id, in milliseconds since the Unix epoch; 0: there is none.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub fn latest_millis(&self) -> Result<u64, ReadError> {
        let sql = "SELECT id FROM deliveries ORDER BY id DESC LIMIT 1";
        let latest: Option<[u8; 16]> = lock(&self.quick).query_row(sql, (), |row| row.get(0)).optional()?;
        Ok(latest.map_or(0, list::millis_of))
    }

    /// A delivery as it was received, and how often it was handed to a listener. `None` as with [`History::detail`].
    ///
    /// # Errors
    /// [`ReadError::Damaged`] when its checksum is another.
    pub fn content(&self, address: &Address, id: DeliveryId) -> Result<Option<(Delivery, u32)>, ReadError> {
        let connection = lock(&self.quick);
        let Some(endpoint) = number(&connection, address)? else { return Ok(None) };
        let sql = "SELECT handed, checksum, head, body FROM deliveries JOIN contents USING (seq)
            WHERE id = ?1 AND endpoint = ?2";
        let found = connection.prepare_cached(sql)?.query_row((id.as_bytes(), endpoint), |row| {
            Ok((row.get::<_, u32>(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
        });
        let Some((handed, checksum, head, body)) = found.optional()? else { return Ok(None) };
        match rows::delivery(head, body, checksum) {
            Some(delivery) => Ok(Some((delivery, handed))),
            None => {
                tracing::error!(%id, "a delivery in the journal is damaged");
                Err(ReadError::Damaged)
            }
        }
    }
}

fn lock(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The number that stands for an address in this file; `None`: nothing was ever kept there.
fn number(database: &Connection, address: &Address) -> rusqlite::Result<Option<i64>> {
    let key = (address.account.as_str(), address.endpoint.as_str());
    let sql = "SELECT no FROM endpoints WHERE account = ?1 AND endpoint = ?2";
    database.prepare_cached(sql)?.query_row(key, |row| row.get(0)).optional()
}

#[cfg(test)]
mod tests;
