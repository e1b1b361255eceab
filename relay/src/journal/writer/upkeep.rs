//! What the writer does for its files: the log brought in, what is over cleared up, room seen to.

use std::path::Path;

use super::super::HoldError;
use super::super::fault::Fault;
use super::super::queue::{Job, moment};
use super::{PAUSE, Writer};

/// Rows that a step of the housekeeping removes; more when more has come since.
const STEP: usize = 64;

/// Free pages that are given back to the system at once.
const VACUUM: u64 = 64;

/// Free pages (4 KiB) that stay for what comes next.
const SPARE: u64 = 1024;

/// Pages in the log from which on it is brought into the file, after the batch that made it so long has been answered:
/// many after what was synced, since this costs two syncs more; few after history and clearing up, since what is live on
/// the same core, and what is to be held, waits as long as that takes.
pub(super) const CHECKPOINT: u64 = 4096;
pub(super) const CHECKPOINT_SOON: u64 = 128;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// Bytes on the disk that are left to what must be written: notes of what is owed already, and what brings the log in.
const RESERVE: u64 = 1 << 20;

/// Pages that are worth it to bring the log in for the room that they take.
const WORTH: u64 = 32;

/// Rows of history that a step removes when the disk is short: that takes room in the log before it gives any.
const SHORT_STEP: usize = 16;

impl Writer {
    /// Whether what was written is still in the folder.
    pub(super) fn stand(&mut self) -> rusqlite::Result<()> {
        self.log_pages = self.pages("NOOP").unwrap_or(0);
        self.files.stand(&self.connection, self.log_pages)
    }

    /// Whether the disk has room for more than what must be written; where it has not, the log is brought in first,
    /// which gives its room back. While the log is smaller than what is free it can always be: a log that has all the
    /// room would stay for ever.
    pub(super) fn has_room(&mut self) -> rusqlite::Result<bool> {
        let mut has = self.is_roomy();
        if !has && !self.spool.is_empty() {
            // History gives way to what is to be held.
            self.drop_spool();
            has = self.is_roomy();
        }
        let may = self.failed_at.is_none_or(|failed| failed.elapsed() >= PAUSE);
        if !has && may && self.log_pages >= WORTH {
            self.bring_in("TRUNCATE")?;
            self.failed_at = (self.log_pages > 0).then(moment);
            has = self.is_roomy();
        }
        self.queue.set_full(!has);
        self.is_full = !has;
        Ok(has)
    }

    fn is_roomy(&self) -> bool {
        self.free_beyond_reserve().is_some()
    }

    /// Bytes on the disk for what may be left out: all but what must be written and what brings the log in.
    pub(super) fn room(&self) -> u64 {
        self.free_beyond_reserve().unwrap_or(0)
    }

    /// `None`: not even the reserve is free.
    fn free_beyond_reserve(&self) -> Option<u64> {
        // Once there was none, a little more is waited for: else it would come and go with each delivery.
        let reserve = if self.is_full { RESERVE + RESERVE / 2 } else { RESERVE };
        free(&self.dir).unwrap_or(u64::MAX).checked_sub(self.log_pages * PAGE + reserve)
    }

    /// Turns away what is to be held, for want of room. The history gives way to as much as that, so that there is
    /// room when it comes again.
    pub(super) fn turn_away_holds(&mut self, jobs: Vec<Job>) -> Vec<Job> {
        let mut rest = Vec::new();
        for job in jobs {
            let Job::Hold { entry, .. } = &job else {
                rest.push(job);
                continue;
            };
            self.pruning.make_room(entry.weight() as u64 + PAGE);
            job.fail(HoldError::NoSpace);
        }
        rest
    }

    /// A step of the housekeeping.
    pub(super) fn housekeep(&mut self, begin: Option<u64>) -> rusqlite::Result<()> {
        if let Some(now) = begin {
            self.pruning.begin(&self.books, now);
        }
        let is_short = !self.has_room()?;
        // As fast as it comes, and a little faster.
        let came = std::mem::take(&mut self.came);
        let most = if is_short { SHORT_STEP } else { STEP.max(came + came / 4).min(1024) };
        let mut pruning = std::mem::take(&mut self.pruning);
        let done = self.change(false, true, |db, books| pruning.step(db, books, most));
        // What the step itself has touched does not begin it anew: a damaged file may never come below its quota.
        self.pruning = pruning;
        let done = done.and_then(|()| {
            if self.pruning.wanted && !is_short {
                Ok(())
            } else {
                self.vacuum(if is_short { 0 } else { SPARE })
            }
        });
        let Err(error) = done else { return Ok(()) };
        tracing::warn!(%error, "the journal could not be cleared up");
        self.pruning.wanted = false;
        if Fault::of(&error) == Fault::Fatal { Err(error) } else { Ok(()) }
    }

    /// Gives some free pages back to the system, but for `spare` and some more.
    fn vacuum(&mut self, spare: u64) -> rusqlite::Result<()> {
        let number = |sql: &str| self.connection.query_row(sql, (), |row| row.get::<_, u64>(0));
        let (free, all) = (number("PRAGMA freelist_count")?, number("PRAGMA page_count")?);
        let more = if spare == 0 { 0 } else { all / 8 };
        if free > spare + more {
            self.connection.execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM})"))?;
            self.stand()?;
            self.pruning.wanted = true;
        }
        Ok(())
    }

    /// Brings the log into the file once it has so many pages: nobody waits for that but who comes meanwhile.
    pub(super) fn checkpoint(&mut self, pages: u64) -> rusqlite::Result<()> {
        if self.log_pages >= pages { self.bring_in("PASSIVE") } else { Ok(()) }
    }

    /// Brings the log into the file. What fails at that can be done later, unless the disk fails.
    pub(super) fn bring_in(&mut self, mode: &str) -> rusqlite::Result<()> {
        match self.pages(mode) {
            // What is brought in stays in the log until the next change, and is as good as gone.
            Ok(pages) => self.log_pages = if mode == "TRUNCATE" { pages } else { 0 },
            Err(error) if Fault::of(&error) == Fault::Fatal => return Err(error),
            Err(error) => tracing::warn!(%error, "the journal's log could not be brought into its file"),
        }
        Ok(())
    }

    /// The pages in the log.
    fn pages(&self, mode: &str) -> rusqlite::Result<u64> {
        let sql = format!("PRAGMA wal_checkpoint({mode})");
        let pages: i64 = self.connection.prepare_cached(&sql)?.query_row((), |row| row.get(1))?;
        Ok(pages.try_into().unwrap_or(0))
    }
}

/// Bytes that are free on the disk, for this user; `None` where that can't be told.
#[cfg(unix)]
fn free(dir: &Path) -> Option<u64> {
    let room = rustix::fs::statvfs(dir).ok()?;
    Some(room.f_bavail.saturating_mul(room.f_frsize))
}

#[cfg(not(unix))]
fn free(_: &Path) -> Option<u64> {
    None
}
