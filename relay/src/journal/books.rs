//! What there is of each endpoint, kept in memory as it stands in the table `endpoints`: what one transaction changes is
//! written with it, and taken back with it.

use std::collections::HashMap;
use std::sync::PoisonError;

use rusqlite::{Connection, named_params};

use super::recent::Recent;
use super::{Address, Limits, SharedHeldLimits};

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Usage {
    /// Deliveries.
    pub(super) rows: u64,
    /// Bytes of their heads and bodies.
    pub(super) bytes: u64,
    /// Deliveries that are owed.
    pub(super) owed_rows: u64,
    /// Bytes of those.
    pub(super) owed_bytes: u64,
}

impl Usage {
    pub(super) fn add(&mut self, bytes: u64, owed: bool) {
        (self.rows, self.bytes) = (self.rows + 1, self.bytes + bytes);
        if owed {
            self.owe(bytes);
        }
    }

    pub(super) fn owe(&mut self, bytes: u64) {
        (self.owed_rows, self.owed_bytes) = (self.owed_rows + 1, self.owed_bytes + bytes);
    }

    /// Never below zero, since a damaged file may count wrongly.
    pub(super) fn settle(&mut self, bytes: u64) {
        self.owed_rows = self.owed_rows.saturating_sub(1);
        self.owed_bytes = self.owed_bytes.saturating_sub(bytes);
    }

    pub(super) fn remove(&mut self, bytes: u64, owed: bool) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        if owed {
            self.settle(bytes);
        }
    }

    fn exchange(&mut self, old: Self, new: Self) {
        self.rows = (self.rows + new.rows).saturating_sub(old.rows);
        self.bytes = (self.bytes + new.bytes).saturating_sub(old.bytes);
        self.owed_rows = (self.owed_rows + new.owed_rows).saturating_sub(old.owed_rows);
        self.owed_bytes = (self.owed_bytes + new.owed_bytes).saturating_sub(old.owed_bytes);
    }
}

/// One endpoint.
#[derive(Clone, Debug)]
pub(super) struct Ledger {
    /// Whose; `None`: it was forgotten, and its rows are on their way out.
    pub(super) address: Option<Address>,
    pub(super) usage: Usage,
    /// No settled delivery of it has a lower `seq`.
    pub(super) settled_from: u64,
}

/// All endpoints.
pub(super) struct Books {
    pub(super) limits: Limits,
    /// What accounts may be owed, where the operator has set that.
    pub(super) held_limits: SharedHeldLimits,
    pub(super) total: Usage,
    /// The latest events.
    pub(super) recent: Recent,
    /// No settled delivery at all has a lower `seq`.
    pub(super) settled_from: u64,
    numbers: HashMap<Address, i64>,
    endpoints: HashMap<i64, Ledger>,
    /// As they were before the transaction under way; `None`: not there.
    before: HashMap<i64, Option<Ledger>>,
    total_before: Usage,
}

impl Books {
    /// Reads them.
    pub(super) fn load(database: &Connection, limits: Limits) -> rusqlite::Result<Self> {
        let mut books = Self {
            limits,
            held_limits: SharedHeldLimits::default(),
            total: Usage::default(),
            recent: Recent::load(database)?,
            settled_from: 0,
            numbers: HashMap::new(),
            endpoints: HashMap::new(),
            before: HashMap::new(),
            total_before: Usage::default(),
        };
        let sql = "SELECT no, account, endpoint, rows, bytes, owed_rows, owed_bytes FROM endpoints";
        let mut query = database.prepare(sql)?;
        let mut rows = query.query(())?;
        while let Some(row) = rows.next()? {
            let (account, endpoint): (String, String) = (row.get(1)?, row.get(2)?);
            // What is no address, by damage, is nobody's, and goes.
            let address = match (account.parse(), endpoint.parse()) {
                (Ok(account), Ok(endpoint)) => Some(Address { account, endpoint }),
                _ => None,
            };
            let usage = Usage {
                rows: row.get(3)?,
                bytes: row.get(4)?,
                owed_rows: row.get(5)?,
                owed_bytes: row.get(6)?,
            };
            let no = row.get(0)?;
            if let Some(address) = &address {
                books.numbers.insert(address.clone(), no);
            }
            books.total.exchange(Usage::default(), usage);
            books.endpoints.insert(no, Ledger { address, usage, settled_from: 0 });
        }
        books.total_before = books.total;
        Ok(books)
    }

    /// The number that stands for an address in this file, if any delivery of it is there.
    pub(super) fn number(&self, address: &Address) -> Option<i64> {
        self.numbers.get(address).copied()
    }

    /// As [`Books::number`], made where there is none.
    pub(super) fn make(&mut self, database: &Connection, address: &Address) -> rusqlite::Result<i64> {
        if let Some(no) = self.number(address) {
            return Ok(no);
        }
        let sql = "INSERT INTO endpoints (account, endpoint) VALUES (?1, ?2) RETURNING no";
        let key = (address.account.as_str(), address.endpoint.as_str());
        let no = database.prepare_cached(sql)?.query_row(key, |row| row.get(0))?;
        self.numbers.insert(address.clone(), no);
        self.before.entry(no).or_insert(None);
        let address = Some(address.clone());
        self.endpoints.insert(no, Ledger { address, usage: Usage::default(), settled_from: 0 });
        Ok(no)
    }

    /// What there is of an endpoint.
    pub(super) fn usage(&self, no: i64) -> Usage {
        self.endpoints.get(&no).map_or_else(Usage::default, |ledger| ledger.usage)
    }

    /// Every endpoint.
    pub(super) fn all(&self) -> impl Iterator<Item = (i64, &Ledger)> {
        self.endpoints.iter().map(|(no, ledger)| (*no, ledger))
    }

    /// Changes what there is of an endpoint.
    pub(super) fn change(&mut self, no: i64, change: impl FnOnce(&mut Ledger)) {
        let Some(ledger) = self.endpoints.get_mut(&no) else { return };
        self.before.entry(no).or_insert_with(|| Some(ledger.clone()));
        let old = ledger.usage;
        change(ledger);
        self.total.exchange(old, ledger.usage);
    }

    /// Nothing settled is left of an endpoint, whatever is counted.
    pub(super) fn mend(&mut self, no: i64) {
        let usage = self.usage(no);
        if usage.rows > usage.owed_rows {
            tracing::warn!(endpoint = no, "the journal counted more deliveries than it has");
            self.change(no, |Ledger { usage, .. }| {
                (usage.rows, usage.bytes) = (usage.owed_rows, usage.owed_bytes);
            });
        }
    }

    /// A delivery with this `seq` is settled now, or came settled.
    pub(super) fn has_settled(&mut self, no: i64, seq: u64) {
        self.settled_from = self.settled_from.min(seq);
        self.change(no, |ledger| ledger.settled_from = ledger.settled_from.min(seq));
    }

    /// Whether so many bytes more may be owed.
    pub(super) fn has_room(&self, no: i64, bytes: u64) -> bool {
        let (Limits { rows, endpoint_rows, endpoint_bytes, .. }, one) = (self.limits, self.usage(no));
        one.owed_rows < endpoint_rows
            && one.owed_bytes + bytes <= endpoint_bytes
            && self.total.owed_rows < rows
            && self.total.owed_bytes + bytes <= self.limits.bytes
            && self.account_has_room(no, bytes)
    }

    /// Whether the endpoint's account may be owed so many bytes more. Its endpoints are added up for the few accounts
    /// alone that have a bound.
    fn account_has_room(&self, no: i64, bytes: u64) -> bool {
        let limits = self.held_limits.read().unwrap_or_else(PoisonError::into_inner);
        let account = |ledger: &Ledger| ledger.address.as_ref().map(|address| address.account.clone());
        let Some(account) = self.endpoints.get(&no).filter(|_| !limits.is_empty()).and_then(account) else {
            return true;
        };
        let Some(most) = limits.get(&account) else { return true };
        let is_its =
            |ledger: &&Ledger| ledger.address.as_ref().is_some_and(|address| address.account == account);
        let owed: u64 = self.endpoints.values().filter(is_its).map(|ledger| ledger.usage.owed_bytes).sum();
        owed.saturating_add(bytes) <= *most
    }

    /// Whether this is more than an endpoint may have, and not all of it owed.
    pub(super) fn is_over(&self, usage: &Usage) -> bool {
        let is_more = usage.rows > self.limits.endpoint_rows || usage.bytes > self.limits.endpoint_bytes;
        is_more && usage.rows > usage.owed_rows
    }

    /// Whether all together is more than there may be, and not all of it owed.
    pub(super) fn is_over_in_all(&self) -> bool {
        let is_more = self.total.rows > self.limits.rows || self.total.bytes > self.limits.bytes;
        is_more && self.total.rows > self.total.owed_rows
    }

    /// Whether what the transaction under way has changed is over a quota now.
    pub(super) fn has_passed_a_quota(&self) -> bool {
        let touched = self.before.keys();
        self.is_over_in_all() || touched.into_iter().any(|no| self.is_over(&self.usage(*no)))
    }

    /// Takes the address from an endpoint: nobody finds it any more.
    pub(super) fn detach(&mut self, address: &Address) -> Option<i64> {
        let no = self.numbers.remove(address)?;
        self.change(no, |ledger| ledger.address = None);
        Some(no)
    }

    /// The endpoint's row is gone.
    pub(super) fn remove(&mut self, no: i64) {
        self.change(no, |ledger| ledger.usage = Usage::default());
        if let Some(Ledger { address: Some(address), .. }) = self.endpoints.remove(&no) {
            self.numbers.remove(&address);
        }
    }

    /// Writes what the transaction has changed.
    pub(super) fn write(&self, database: &Connection) -> rusqlite::Result<()> {
        let sql = "UPDATE endpoints SET rows = :rows, bytes = :bytes, owed_rows = :owed_rows,
            owed_bytes = :owed_bytes WHERE no = :no";
        for no in self.before.keys() {
            let usage = self.usage(*no);
            database.prepare_cached(sql)?.execute(named_params! {
                ":no": no,
                ":rows": usage.rows,
                ":bytes": usage.bytes,
                ":owed_rows": usage.owed_rows,
                ":owed_bytes": usage.owed_bytes,
            })?;
        }
        Ok(())
    }

    /// The transaction stands.
    pub(super) fn keep(&mut self) {
        self.before.clear();
        self.total_before = self.total;
        self.recent.keep();
    }

    /// The transaction was taken back.
    pub(super) fn undo(&mut self) {
        for (no, ledger) in std::mem::take(&mut self.before) {
            let now = self.endpoints.remove(&no);
            if let Some(address) = now.and_then(|ledger| ledger.address) {
                self.numbers.remove(&address);
            }
            if let Some(ledger) = ledger {
                if let Some(address) = &ledger.address {
                    self.numbers.insert(address.clone(), no);
                }
                self.endpoints.insert(no, ledger);
            }
        }
        self.total = self.total_before;
        // Lower than it need be, and right.
        self.settled_from = 0;
        self.recent.undo();
    }
}
