//! The thread that alone writes: batches, syncs, and what is done when the disk fails.
//!
//! - `sort`: history: spooled, and sorted in.
//! - `upkeep`: what it does for the files: the log brought in, what is over cleared up, room seen to.

mod sort;
mod upkeep;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::books::Books;
use super::fault::Fault;
use super::files::Files;
use super::jobs::{self, Answer};
use super::prune::Pruning;
use super::queue::{Job, Queue, Spooled, UnderWay, Work, moment};
use super::spool::Spool;
use super::{Entry, HoldError, suspicion};
use crate::database::cure;
use upkeep::{CHECKPOINT, CHECKPOINT_SOON};

/// How long nothing is tried after the disk was found full.
const PAUSE: Duration = Duration::from_millis(250);

/// Most notes that wait for room on the disk, or for their delivery to be written. Beyond, those that settle nothing
/// are left out of history.
const MOST_NOTES: usize = 16_384;

/// The writer's own.
pub(super) struct Writer {
    connection: Connection,
    /// The folder of the journal.
    dir: PathBuf,
    files: Files,
    queue: Arc<Queue>,
    books: Books,
    pruning: Pruning,
    /// What must not be lost and finds no room on the disk, in order.
    kept: Vec<Job>,
    /// Notes of deliveries that are not written yet.
    early: VecDeque<Job>,
    spool: Spool,
    /// Who waits for what was spooled before a place in it to be sorted in.
    askers: Vec<sort::Asker>,
    /// The disk was full: until then nothing is tried.
    pause: Option<Instant>,
    /// Pages of the log that are to be brought in, as of the last change.
    log_pages: u64,
    /// The disk had no room for more when that was last looked at.
    is_full: bool,
    /// When bringing the log in failed for want of room.
    failed_at: Option<Instant>,
    /// Rows that came since the last step of the housekeeping.
    came: usize,
}

impl Writer {
    /// # Errors
    /// The connection can't be prepared.
    pub(super) fn new(
        connection: Connection,
        queue: Arc<Queue>,
        books: Books,
        dir: PathBuf,
    ) -> rusqlite::Result<Self> {
        // SQLite's own come within a commit, while its senders wait.
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        connection.pragma_update_and_check(None, "journal_size_limit", 64 << 20, |_| Ok(()))?;
        connection.set_prepared_statement_cache_capacity(64);
        let files = Files::of(&dir, &connection)?;
        let spool = Spool::new(&dir);
        Ok(Self {
            connection,
            dir,
            files,
            queue,
            books,
            pruning: Pruning::default(),
            kept: Vec::new(),
            early: VecDeque::new(),
            spool,
            askers: Vec::new(),
            pause: None,
            log_pages: 0,
            is_full: false,
            failed_at: None,
            came: 0,
        })
    }

    /// Writes until the queue is closed and empty, or the disk fails. After that nothing is taken in.
    pub(super) fn run(mut self) {
        let ended = catch_unwind(AssertUnwindSafe(|| self.serve()));
        match ended {
            Ok(Ok(())) => return,
            Ok(Err(error)) => {
                let cure = cure(&error);
                tracing::error!(
                    %error,
                    "the journal failed: nothing is held until the relay is started anew{cure}"
                );
                suspicion::leave(&self.dir, &error);
            }
            Err(_) => {
                tracing::error!(
                    "the journal's writer panicked: nothing is held until the relay is started anew"
                );
            }
        }
        // The log as it is may be worth more than what the failing disk would make of it.
        let _ = self.connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        self.queue.fail();
    }

    fn serve(&mut self) -> rusqlite::Result<()> {
        let mut sorted = None;
        loop {
            match self.queue.next(self.under_way(sorted.take())) {
                Work::Jobs(jobs) => {
                    let jobs = self.take_askers(jobs)?;
                    self.jobs(jobs)?;
                }
                Work::Records(records) => {
                    self.records(records)?;
                    self.checkpoint(CHECKPOINT_SOON)?;
                }
                Work::Sort => {
                    let began = moment();
                    self.sort()?;
                    self.checkpoint(CHECKPOINT_SOON)?;
                    sorted = Some(began.elapsed());
                }
                Work::Keep(begin) => {
                    self.housekeep(begin)?;
                    self.checkpoint(CHECKPOINT_SOON)?;
                }
                Work::Over => {
                    self.sort_all()?;
                    self.last()?;
                    return self.bring_in("TRUNCATE");
                }
            }
            self.checkpoint(CHECKPOINT)?;
        }
    }

    fn under_way(&self, sorted: Option<Duration>) -> UnderWay {
        let waits = !self.kept.is_empty() || !self.spool.is_empty();
        let retry = if waits { self.pause } else { None };
        UnderWay { sorted, spooled: self.spooled(), retry, keeping: self.pruning.wanted }
    }

    fn spooled(&self) -> Spooled {
        if self.spool.is_empty() || self.pause.is_some() {
            Spooled::Nothing
        } else if !self.askers.is_empty() {
            Spooled::Now
        } else if self.spool.fills_up() {
            Spooled::Soon
        } else {
            Spooled::Later
        }
    }

    /// What was kept back for want of room has its last try.
    fn last(&mut self) -> rusqlite::Result<()> {
        self.pause = None;
        self.jobs(Vec::new())?;
        if !self.kept.is_empty() {
            tracing::error!(
                notes = self.kept.len(),
                "the disk is full: some deliveries will be sent once more"
            );
        }
        Ok(())
    }

    /// Does all jobs in one transaction, then tells whoever waits.
    fn jobs(&mut self, jobs: Vec<Job>) -> rusqlite::Result<()> {
        if self.pause.is_some_and(|until| moment() < until) {
            return self.put_off(jobs, HoldError::NoSpace);
        }
        self.pause = None;
        let mut all = std::mem::take(&mut self.kept);
        all.extend(jobs);
        self.came += all.len();
        if !self.has_room()? {
            all = self.turn_away_holds(all);
        }
        self.try_jobs(all)
    }

    fn try_jobs(&mut self, mut jobs: Vec<Job>) -> rusqlite::Result<()> {
        let is_synced = jobs.iter().any(Job::is_synced);
        let now = self.pruning.now;
        let done = self.change(is_synced, true, |db, books| {
            jobs.iter().map(|job| jobs::answer(db, books, job, now)).collect::<Result<Vec<_>, _>>()
        });
        let error = match done {
            Ok(answers) => {
                self.tell(jobs, answers);
                return Ok(());
            }
            Err(error) => error,
        };
        match Fault::of(&error) {
            Fault::Fatal => Err(error),
            Fault::Own if jobs.len() > 1 => {
                let rest = jobs.split_off(jobs.len() / 2);
                self.try_jobs(jobs)?;
                if self.pause.is_some() {
                    // What was put off comes first.
                    return self.put_off(rest, HoldError::NoSpace);
                }
                self.try_jobs(rest)
            }
            Fault::Own => {
                tracing::warn!(%error, "something could not be written to the journal");
                jobs.into_iter().for_each(|job| job.fail(HoldError::Busy));
                Ok(())
            }
            Fault::NoSpace if jobs.len() > 1 && jobs.iter().any(|job| matches!(job, Job::Hold { .. })) => {
                // There may be room for what is small.
                self.queue.set_full(true);
                let rest = self.turn_away_holds(jobs);
                self.try_jobs(rest)
            }
            fault @ (Fault::NoSpace | Fault::Busy) => {
                tracing::warn!(%error, "the journal can't be written now");
                self.queue.set_full(true);
                self.pause = Some(moment() + PAUSE);
                let told = if fault == Fault::Busy { HoldError::Busy } else { HoldError::NoSpace };
                self.put_off(jobs, told)
            }
        }
    }

    fn tell(&mut self, jobs: Vec<Job>, answers: Vec<Answer>) {
        for (job, answer) in jobs.into_iter().zip(answers) {
            if let Job::Hold { at, .. } = &job {
                self.pruning.now = self.pruning.now.max(*at);
            }
            if let (Job::Forget { address, .. }, Answer::Forgotten(true)) = (&job, &answer) {
                self.spool.forget(address);
            }
            if let Answer::Unknown = answer {
                // Its delivery may be on its way.
                let may_come = self.queue.has_records() || !self.spool.is_empty();
                if may_come && self.early.len() < MOST_NOTES {
                    self.early.push_back(job);
                }
                continue;
            }
            job.tell(answer);
        }
    }

    /// The disk takes nothing now: what waits for it is told, what must not be lost is kept, and questions are
    /// answered as if that had been written.
    fn put_off(&mut self, jobs: Vec<Job>, told: HoldError) -> rusqlite::Result<()> {
        let mut questions = Vec::new();
        for job in jobs {
            match job {
                Job::Note(_) => {
                    if self.kept.len() < MOST_NOTES || job.settles() {
                        self.kept.push(job);
                    }
                }
                Job::Owed { .. } | Job::Backlog { .. } => questions.push(job),
                waiting => waiting.fail(told),
            }
        }
        if questions.is_empty() {
            return Ok(());
        }
        let (kept, now) = (std::mem::take(&mut self.kept), self.pruning.now);
        let read = self.change(false, false, |db, books| {
            for job in &kept {
                jobs::answer(db, books, job, now)?;
            }
            questions.iter().map(|job| jobs::answer(db, books, job, now)).collect::<Result<Vec<_>, _>>()
        });
        self.kept = kept;
        match read {
            Ok(answers) => {
                questions.into_iter().zip(answers).for_each(|(job, answer)| job.tell(answer));
                Ok(())
            }
            Err(error) if Fault::of(&error) == Fault::Fatal => Err(error),
            Err(_) => {
                questions.into_iter().for_each(|job| job.fail(told));
                Ok(())
            }
        }
    }

    /// Does `work` in one transaction, which is kept if `keep` says so and all went well.
    fn change<T>(
        &mut self,
        is_synced: bool,
        keep: bool,
        work: impl FnOnce(&Connection, &mut Books) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<T> {
        // A sync where somebody is told that it is safe; notes may be lost, and are then made again.
        self.connection.pragma_update(None, "synchronous", if is_synced { "FULL" } else { "NORMAL" })?;
        let (books, queue) = (&mut self.books, &self.queue);
        let mut has_passed = false;
        let done = self.connection.transaction().and_then(|change| {
            let done = work(&change, books)?;
            books.write(&change)?;
            if keep {
                has_passed = books.has_passed_a_quota();
                let began = moment();
                change.commit()?;
                if is_synced {
                    queue.synced(began.elapsed());
                }
            }
            Ok(done)
        });
        if done.is_ok() && keep {
            self.books.keep();
            self.pruning.wanted |= has_passed;
            // Before anybody is told that it is safe.
            self.stand()?;
        } else {
            self.books.undo();
        }
        done
    }
}
