//! The durable record: what the relay owes, and what was.
//!
//! One thread alone writes `journal.db`. Two ways lead in:
//!
//! - **hold**: before the relay itself answers 2xx. Synced to the disk (`synchronous=FULL`) before anybody is told;
//!   whatever waits meanwhile shares the next sync.
//! - **record**: history, off the hot path. Where much is live it is only appended to a spool, and sorted into the tables
//!   when that has passed, the spool is half full, or somebody asks. It is written without a sync, so that a crash may
//!   take the last of it; when it comes faster than it can be written, it is dropped and counted.
//!
//! What becomes of owed deliveries goes in as [`Note`]s, in order with holds and with the questions that
//! [`Journal::owed`] asks. Nothing here knows a socket.
//!
//! - `tables`: the shape of the file.
//! - `entry`: what is written: deliveries, answers, attempts.
//! - `queue`: what waits for the writer; `spool`: history that waits for a quieter time; `history`: the read side.
//! - `writer`: the thread, its batches, and what it does when the disk fails; `fault`: what a failure means, and how the journal is; `files`:
//!   whether it still writes to what is in the folder.
//! - `jobs`, `rows`: what waits, done on the tables.
//! - `books`, `recent`: what there is of each endpoint, and the latest events, in memory.
//! - `prune`, `gaps`: what goes, and what is known of it afterwards.
//! - `suspicion`: what a run that came upon damage leaves to the next one.
//! - `beside`: what another process may see of it, with the relay running or not.

pub(crate) mod beside;
mod books;
mod entry;
mod fault;
mod files;
mod gaps;
pub mod history;
mod jobs;
mod prune;
mod queue;
mod recent;
mod rows;
mod spool;
mod suspicion;
mod tables;
mod writer;

#[cfg(any(test, fuzzing))]
pub(crate) use rows::fuzz as fuzz_content;
#[cfg(any(test, fuzzing))]
pub(crate) use spool::fuzz as fuzz_spool;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::mpsc;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::Delivery;
use muxhook_protocol::frame::{Backlog, Gap};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::accounts::AccountName;
pub use crate::accounts::Address;
use crate::database::{self, OpenError};
pub use entry::{Answered, Attempt, By, Entry, Note, State, Tried, Which};
pub use fault::{Health, Syncs};
use history::History;
use queue::{Job, Queue};
pub(crate) use tables::SHAPE;

/// How often the journal is rid of what is too old.
const MAINTENANCE: Duration = Duration::from_secs(60);

/// How long a question about the past waits at most for what is not sorted in yet.
const LATEST: Duration = Duration::from_secs(1);

/// What the journal keeps at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How long settled deliveries are kept. Zero: no history is recorded.
    pub retention: Duration,
    /// How long a delivery is owed.
    pub owed_for: Duration,
    /// Bytes of heads and bodies, in all.
    pub bytes: u64,
    /// Bytes of heads and bodies, of one endpoint.
    pub endpoint_bytes: u64,
    /// Deliveries, in all.
    pub rows: u64,
    /// Deliveries of one endpoint.
    pub endpoint_rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        Self {
            retention: DAY,
            owed_for: DAY,
            bytes: 4 * GIB,
            endpoint_bytes: GIB,
            rows: 4_000_000,
            endpoint_rows: 1_000_000,
        }
    }
}

/// Most bytes that may be owed on all endpoints of an account together, of those accounts that have such a bound.
pub type HeldLimits = HashMap<AccountName, u64>;

type SharedHeldLimits = Arc<RwLock<HeldLimits>>;

/// Why a delivery is not held. The relay must not answer 2xx.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// What is owed already takes all the room that there may be.
    #[error("the relay owes as many deliveries as it may keep")]
    Full,
    /// The disk is full.
    #[error("the relay's disk is full")]
    NoSpace,
    /// More waits to be written than may.
    #[error("the relay's disk is too slow for what comes")]
    Busy,
    /// The journal is closed: the disk failed, or the relay goes down.
    #[error("the relay's journal is closed")]
    Closed,
}

/// The journal can't be read: it is closed, or the disk fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay's journal can't be read")]
pub struct Unreadable;

/// The relay's journal. Share it behind an [`Arc`].
pub struct Journal {
    queue: Arc<Queue>,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
    history: History,
    limits: Limits,
    held_limits: SharedHeldLimits,
    /// The `seq` of the latest delivery in it.
    last_seq: u64,
    began: Instant,
    /// Steady time at `began`.
    base: u64,
}

impl Journal {
    /// Sets what accounts may be owed, in place of what was set before. What is owed already stays.
    pub fn set_held_limits(&self, limits: HeldLimits) {
        *self.held_limits.write().unwrap_or_else(PoisonError::into_inner) = limits;
    }

    /// Opens the journal in the folder `dir`, made where it is missing, and starts its writer. To be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// The file can't be used, is no journal, or is a newer relay's.
    pub fn open(dir: &Path, limits: Limits, now: Now) -> Result<Self, OpenError> {
        database::make_folder(dir)?;
        let connection = tables::SHAPE.open(dir)?;
        let failed = |cause| OpenError::Sqlite { path: dir.join(tables::SHAPE.file), cause };
        suspicion::clear_up(dir, &connection)?;
        let history = History::open(dir)?;
        let (seq, kept_at) = recent::latest(&connection).map_err(failed)?;
        let queue = Arc::new(Queue::default());
        let mut books = books::Books::load(&connection, limits).map_err(failed)?;
        let held_limits = SharedHeldLimits::default();
        books.held_limits = Arc::clone(&held_limits);
        let writer =
            writer::Writer::new(connection, Arc::clone(&queue), books, dir.to_owned()).map_err(failed)?;
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let writer = thread
            .spawn(move || writer.run())
            .map_err(|cause| OpenError::Folder { path: dir.to_owned(), cause })?;
        Ok(Self {
            queue,
            writer: std::sync::Mutex::new(Some(writer)),
            history,
            limits,
            held_limits,
            last_seq: seq,
            began: Instant::now(),
            base: kept_at.max(now.unix_millis()),
        })
    }

    /// Whether there is one in the folder `dir`.
    #[must_use]
    pub fn is_in(dir: &Path) -> bool {
        dir.join(tables::SHAPE.file).exists()
    }

    /// The `seq` of the latest delivery that it had when it was opened.
    #[must_use]
    pub fn last_seq(&self) -> u64 {
        self.last_seq
    }

    /// Milliseconds by a clock that only time itself moves: ages go by it, so that a step of the wall clock neither
    /// ends a debt early nor keeps it for ever. It goes on from where the last run left it, or from the wall clock
    /// if that is ahead.
    #[must_use]
    pub fn steady_millis(&self) -> u64 {
        self.base + u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Writes a delivery for history. Never waits: what there is no room for is dropped, and counted.
    pub fn record(&self, entry: Entry) {
        if !self.limits.retention.is_zero() {
            self.queue.record(entry, self.steady_millis());
        }
    }

    /// Writes a delivery that the relay will owe, and waits until it is safe on the disk. Dropped, it may be held all
    /// the same.
    ///
    /// # Errors
    /// It is not held: see [`HoldError`].
    pub async fn hold(&self, entry: Entry) -> Result<(), HoldError> {
        let (done, held) = oneshot::channel();
        self.queue.urge(Job::Hold { entry, at: self.steady_millis(), done })?;
        held.await.unwrap_or(Err(HoldError::Closed))
    }

    /// Writes what became of a delivery. Without a sync: a note that is lost with the relay's machine means that the
    /// delivery is handed over once more.
    pub fn note(&self, note: Note) {
        self.queue.note(Job::Note(note));
    }

    /// Forgets all of an address, safe on the disk: nothing of it is found from now on, and its rows go bit by bit. If
    /// `condition` says so when everything that was asked for before has been done: it is asked on the writer's thread,
    /// and must be quick. Whether it is forgotten.
    ///
    /// # Errors
    /// See [`Unreadable`]. It may be forgotten all the same.
    pub async fn forget_if(
        &self,
        address: &Address,
        condition: impl Fn() -> bool + Send + 'static,
    ) -> Result<bool, Unreadable> {
        let (done, is_forgotten) = oneshot::channel();
        let job = Job::Forget { address: address.clone(), condition: Box::new(condition), done };
        self.queue.urge(job).map_err(|_| Unreadable)?;
        let is_forgotten = answer(is_forgotten).await?;
        self.maintain();
        Ok(is_forgotten)
    }

    /// Gives up owed deliveries of an endpoint, safe on the disk. How many there were.
    ///
    /// # Errors
    /// See [`Unreadable`]. Some may be given up.
    pub async fn discard(&self, address: &Address, which: Which) -> Result<u64, Unreadable> {
        let mut discarded = 0;
        // Not all at once, so that nobody who waits to be held waits for long.
        let parts = match which {
            Which::All => vec![Which::All],
            Which::Ids(ids) => ids.chunks(jobs::DISCARDS).map(|ids| Which::Ids(ids.to_vec())).collect(),
        };
        for which in parts {
            loop {
                let (done, count) = oneshot::channel();
                let job = Job::Discard { address: address.clone(), which: which.clone(), done };
                self.queue.urge(job).map_err(|_| Unreadable)?;
                let count = count.await.unwrap_or(Err(Unreadable))?;
                discarded += count;
                if which != Which::All || count == 0 {
                    break;
                }
            }
        }
        Ok(discarded)
    }

    /// What was owed on an endpoint and is lost to it, to be told to a listener.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub async fn gaps(&self, address: &Address) -> Result<Vec<Gap>, Unreadable> {
        let (done, found) = oneshot::channel();
        self.queue.urge(Job::Gaps { address: address.clone(), done }).map_err(|_| Unreadable)?;
        answer(found).await
    }

    /// A listener was told of these, and none is to be told again. Returns at once.
    pub fn gaps_told(&self, address: &Address, gaps: Vec<Gap>) {
        self.queue.note(Job::GapsTold { address: address.clone(), gaps });
    }

    /// Removes what is too old or too much, in small steps between what is urgent. Returns at once.
    pub fn maintain(&self) {
        self.queue.keep(self.steady_millis());
    }

    /// Calls [`Journal::maintain`] again and again. Never ends.
    pub async fn tend(&self) {
        loop {
            self.maintain();
            tokio::time::sleep(MAINTENANCE).await;
        }
    }

    /// Owed deliveries of an endpoint with a `seq` above `after`, in order of arrival: at most `most` of them, and
    /// bodies of a few MiB. Each as it was received, its `attempt` counting what was handed out before, and owed.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub async fn owed(
        &self,
        address: &Address,
        after: u64,
        most: usize,
    ) -> Result<Vec<Delivery>, Unreadable> {
        let (done, found) = oneshot::channel();
        let job = Job::Owed { address: address.clone(), after, most, done };
        self.queue.urge(job).map_err(|_| Unreadable)?;
        answer(found).await
    }

    /// How much is owed on an endpoint.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub async fn backlog(&self, address: &Address) -> Result<Backlog, Unreadable> {
        let (done, found) = oneshot::channel();
        self.queue.urge(Job::Backlog { address: Some(address.clone()), done }).map_err(|_| Unreadable)?;
        answer(found).await
    }

    /// How much is owed on all endpoints.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub async fn owed_in_all(&self) -> Result<Backlog, Unreadable> {
        let (done, found) = oneshot::channel();
        self.queue.urge(Job::Backlog { address: None, done }).map_err(|_| Unreadable)?;
        answer(found).await
    }

    /// Waits until history has what was recorded before, a second at most. Not on a thread that carries webhooks.
    pub fn up_to_date(&self) {
        let (done, is_done) = mpsc::sync_channel(1);
        if self.queue.urge(Job::UpToDate { done }).is_ok() {
            let _ = is_done.recv_timeout(LATEST);
        }
    }

    /// What it says of the past. See [`Journal::up_to_date`].
    #[must_use]
    pub fn history(&self) -> &History {
        &self.history
    }

    /// How it is.
    #[must_use]
    pub fn health(&self) -> Health {
        self.queue.health()
    }

    /// Writes what waits, and ends. Waits for the disk: not on a thread that carries webhooks.
    pub fn close(&self) {
        self.queue.close();
        let writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(writer) = writer
            && writer.join().is_err()
        {
            tracing::error!("the journal's writer had panicked");
        }
    }
}

/// Waits for what the writer reads. On a thread of its own, since a clock that a test has paused stands still while
/// such a thread is busy, and runs away while only the writer is.
async fn answer<T: Send + 'static>(found: oneshot::Receiver<Result<T, Unreadable>>) -> Result<T, Unreadable> {
    let waited = tokio::task::spawn_blocking(move || found.blocking_recv()).await;
    waited.ok().and_then(Result::ok).unwrap_or(Err(Unreadable))
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.queue.close();
    }
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal").field("health", &self.health()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
