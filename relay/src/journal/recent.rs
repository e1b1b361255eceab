//! The latest events, so that a delivery is known that carries one of them again.

use std::collections::{HashMap, VecDeque};

use muxhook_protocol::DeliveryId;
use rusqlite::{Connection, OptionalExtension};

/// How many are remembered.
const MOST: usize = 20_000;

/// The number of the endpoint, and Mux's id of the event. Copied: a slice of a body would keep the body.
type Key = (i64, Box<str>);

/// A bounded memory of events.
#[derive(Default)]
pub(super) struct Recent {
    first: HashMap<Key, DeliveryId>,
    order: VecDeque<Key>,
    /// How many of the last came with the transaction under way.
    fresh: usize,
}

impl Recent {
    /// Those that came last before the journal was opened.
    pub(super) fn load(database: &Connection) -> rusqlite::Result<Self> {
        let sql = "SELECT * FROM (SELECT seq, endpoint, event_id, coalesce(duplicate_of, id) FROM deliveries
            WHERE event_id IS NOT NULL ORDER BY seq DESC LIMIT ?1) ORDER BY seq";
        let (mut recent, mut query) = (Self::default(), database.prepare(sql)?);
        let mut rows = query.query([MOST])?;
        while let Some(row) = rows.next()? {
            // What damage has made unreadable is no event.
            if let (Ok(endpoint), Ok(event), Ok(id)) = (row.get(1), row.get::<_, String>(2), row.get(3)) {
                recent.first_of(endpoint, &event, DeliveryId::from_bytes(id));
            }
        }
        recent.keep();
        Ok(recent)
    }

    /// The delivery that first carried this event, if it is remembered; else `id` is from now on.
    pub(super) fn first_of(&mut self, endpoint: i64, event: &str, id: DeliveryId) -> Option<DeliveryId> {
        let key = (endpoint, Box::from(event));
        if let Some(first) = self.first.get(&key) {
            return (*first != id).then_some(*first);
        }
        self.first.insert(key.clone(), id);
        self.order.push_back(key);
        self.fresh += 1;
        None
    }

    /// What is new stays.
    pub(super) fn keep(&mut self) {
        self.fresh = 0;
        // Only now, so that what is taken back has pushed nothing out.
        while self.order.len() > MOST {
            if let Some(oldest) = self.order.pop_front() {
                self.first.remove(&oldest);
            }
        }
    }

    /// What is new was not written.
    pub(super) fn undo(&mut self) {
        for _ in 0..std::mem::take(&mut self.fresh) {
            if let Some(latest) = self.order.pop_back() {
                self.first.remove(&latest);
            }
        }
    }
}

/// Where the last run ended: the latest `seq`, and the steady time then.
pub(super) fn latest(database: &Connection) -> rusqlite::Result<(u64, u64)> {
    let sql = "SELECT seq, kept_at FROM deliveries ORDER BY seq DESC LIMIT 1";
    Ok(database.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).optional()?.unwrap_or((0, 0)))
}
