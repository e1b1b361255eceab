//! History: a little of it goes straight into the tables; more goes to the spool, and from there into the tables when
//! there is time, the spool fills up, or somebody asks.

use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant};

use super::super::fault::Fault;
use super::super::queue::{FEW, Job, Spooled, moment};
use super::super::spool::Item;
use super::super::{LATEST, rows};
use super::{Entry, PAUSE, Writer};

/// Items that one step sorts in: few while much is live on the same cores, more where little is, most when somebody
/// waits for them. More at once cost less each.
const BATCH: usize = 16;
const QUIET_BATCH: usize = 64;
const MOST_BATCH: usize = 256;

/// How long a relay that goes down is busy with what is spooled.
const LAST: Duration = Duration::from_secs(5);

/// Somebody who waits for what was spooled before a place in it to be sorted in.
pub(super) struct Asker {
    place: u64,
    since: Instant,
    done: SyncSender<()>,
}

impl Writer {
    /// Takes in history. What finds no room is dropped, and counted.
    pub(super) fn records(&mut self, records: Vec<(Entry, u64)>) -> rusqlite::Result<()> {
        if self.pause.is_some_and(|until| moment() < until) || !self.has_room()? {
            self.queue.count_dropped(records.len());
            return Ok(());
        }
        let items = records.into_iter().map(|(entry, at)| Item::Entry(Box::new(entry), at));
        if self.spool.is_empty() && items.len() <= FEW {
            let count = items.len();
            if !self.write(items.collect())? {
                self.queue.count_dropped(count);
            }
            let early = std::mem::take(&mut self.early);
            return if early.is_empty() { Ok(()) } else { self.jobs(early.into()) };
        }
        // Notes that came before their deliveries follow them.
        let notes = std::mem::take(&mut self.early).into_iter().filter_map(|job| match job {
            Job::Note(note) => Some(Item::Note(note)),
            _ => None,
        });
        let count = items.len();
        let room = self.room();
        let left_out = self.spool.append(items.chain(notes), room).unwrap_or_else(|error| {
            tracing::warn!(%error, rows = count, "history could not be spooled");
            count
        });
        self.queue.count_dropped(left_out);
        Ok(())
    }

    /// Keeps those who wait for history apart from what is to be done in a transaction. History that has gathered goes
    /// first: what follows may forget its address.
    pub(super) fn take_askers(&mut self, jobs: Vec<Job>) -> rusqlite::Result<Vec<Job>> {
        let is_meant = |job: &Job| matches!(job, Job::UpToDate { .. } | Job::Forget { .. });
        if !jobs.iter().any(is_meant) {
            return Ok(jobs);
        }
        let gathered = self.queue.take_records();
        if !gathered.is_empty() {
            self.records(gathered)?;
        }
        let mut rest = Vec::with_capacity(jobs.len());
        for job in jobs {
            match job {
                Job::UpToDate { done } => {
                    self.askers.push(Asker { place: self.spool.end(), since: moment(), done });
                }
                job => rest.push(job),
            }
        }
        self.tell_askers();
        Ok(rest)
    }

    fn tell_askers(&mut self) {
        for asker in std::mem::take(&mut self.askers) {
            if self.spool.is_behind(asker.place) {
                // Whoever asked may be gone.
                let _ = asker.done.try_send(());
            } else if asker.since.elapsed() < LATEST {
                self.askers.push(asker);
            }
        }
    }

    /// Sorts some of what is spooled into the tables.
    pub(super) fn sort(&mut self) -> rusqlite::Result<()> {
        let most = match self.spooled() {
            Spooled::Soon => BATCH,
            Spooled::Nothing | Spooled::Later => QUIET_BATCH,
            Spooled::Now => MOST_BATCH,
        };
        self.sort_some(most)?;
        self.tell_askers();
        if !self.spool.is_empty() || self.early.is_empty() {
            return Ok(());
        }
        let early = std::mem::take(&mut self.early);
        self.jobs(early.into())
    }

    fn sort_some(&mut self, most: usize) -> rusqlite::Result<()> {
        // Where there is no room, the spool has given way.
        self.has_room()?;
        if self.spool.is_empty() {
            return Ok(());
        }
        let mut page = match self.spool.read(most) {
            Ok(page) => page,
            Err(error) => {
                tracing::warn!(%error, "history that was spooled can't be read");
                self.drop_spool();
                return Ok(());
            }
        };
        if self.write(std::mem::take(&mut page.items))? {
            self.spool.taken(&page);
        }
        Ok(())
    }

    /// Sorts all in that is spooled, for as long as whoever ends the relay can wait.
    pub(super) fn sort_all(&mut self) -> rusqlite::Result<()> {
        let until: Option<Instant> = moment().checked_add(LAST);
        while !self.spool.is_empty() && self.pause.is_none() && until.is_some_and(|until| moment() < until) {
            self.sort_some(MOST_BATCH)?;
            self.checkpoint(super::CHECKPOINT)?;
        }
        self.drop_spool();
        let early = std::mem::take(&mut self.early);
        if early.is_empty() { Ok(()) } else { self.jobs(early.into()) }
    }

    pub(super) fn drop_spool(&mut self) {
        let dropped = self.spool.clear();
        if dropped > 0 {
            tracing::warn!(rows = dropped, "history that was spooled is dropped");
            self.queue.count_dropped(dropped);
        }
    }

    /// Writes history into the tables; `false`: nothing can be written now. What can't be written at all is dropped,
    /// and counted.
    fn write(&mut self, mut items: Vec<Item>) -> rusqlite::Result<bool> {
        let done = self.change(false, true, |db, books| {
            items.iter().try_for_each(|item| {
                // Whoever waits for this core goes first.
                std::thread::yield_now();
                match item {
                    Item::Entry(entry, at) => rows::insert(db, books, entry, *at, false).map(drop),
                    Item::Note(note) => rows::note(db, books, note).map(drop),
                }
            })
        });
        let deliveries = items.iter().filter(|item| matches!(item, Item::Entry(..))).count();
        let Err(error) = done else {
            let latest = items.iter().filter_map(|item| match item {
                Item::Entry(_, at) => Some(*at),
                Item::Note(_) => None,
            });
            self.pruning.now = latest.max().unwrap_or(0).max(self.pruning.now);
            self.came += deliveries;
            return Ok(true);
        };
        match Fault::of(&error) {
            Fault::Fatal => Err(error),
            Fault::Own if items.len() > 1 => {
                let rest = items.split_off(items.len() / 2);
                // What is in already stays as it is, should all of it be written again.
                Ok(self.write(items)? && self.write(rest)?)
            }
            Fault::Own => {
                tracing::warn!(%error, "a row of history could not be written");
                self.queue.count_dropped(deliveries);
                Ok(true)
            }
            Fault::NoSpace | Fault::Busy => {
                tracing::warn!(%error, "history can't be written now");
                self.pause = Some(moment() + PAUSE);
                Ok(false)
            }
        }
    }
}
