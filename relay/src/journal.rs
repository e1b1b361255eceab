//! The durable record: what the relay owes, and what was.
//!
//! One thread alone writes `journal.db`. Two ways lead in:
//!
//! - **hold**: before the relay itself answers 2xx. Synced to the disk (`synchronous=FULL`) before anybody is told;
//!   whatever waits meanwhile shares the next sync.
//! - **record**: history, off the hot path. Written in batches without a sync, so that a power cut may take the last
//!   moments of it; when it comes faster than it can be written, it is dropped and counted.
//!
//! What becomes of owed deliveries goes in as [`Note`]s, in order with holds and with the questions that
//! [`Journal::owed`] asks. Nothing here knows a socket.
//!
//! - `tables`: the shape of the file.
//! - `entry`: what is written: deliveries, answers, attempts.
//! - `queue`: what waits for the writer.
//! - `history`: the read side.
//! - `writer`: the thread, its batches, and what it does when the disk fails.
//! - `rows`: entries and notes as rows, and back.

mod entry;
pub mod history;
mod queue;
mod rows;
mod tables;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::Delivery;
use muxhook_protocol::frame::Backlog;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use crate::accounts::Address;
use crate::database::{self, OpenError};
pub use entry::{Answered, Attempt, By, Entry, Note, State, Tried, Which};
use history::History;
use queue::{Job, Queue};

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

/// How the journal is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// It failed, and takes nothing until the relay is started anew.
    pub closed: bool,
    /// Deliveries that are missing in the history, since they came faster than they could be written.
    pub dropped: u64,
}

/// The relay's journal. Share it behind an [`Arc`].
pub struct Journal {
    queue: Arc<Queue>,
    writer: std::sync::Mutex<Option<JoinHandle<()>>>,
    history: History,
    limits: Limits,
    /// The `seq` of the latest delivery in it.
    last_seq: u64,
    began: Instant,
    /// Steady time at `began`.
    base: u64,
}

impl Journal {
    /// Opens the journal in the folder `dir`, made where it is missing, and starts its writer. To be called within a
    /// tokio runtime.
    ///
    /// # Errors
    /// The file can't be used, is no journal, or is a newer relay's.
    pub fn open(dir: &Path, limits: Limits, now: Now) -> Result<Self, OpenError> {
        database::make_folder(dir)?;
        let connection = tables::SHAPE.open(dir)?;
        let failed = |cause| OpenError::Sqlite { path: dir.join(tables::SHAPE.file), cause };
        let rows::Latest { seq, kept_at } = rows::latest(&connection).map_err(failed)?;
        let history = History::open(dir)?;
        let queue = Arc::new(Queue::default());
        let thread = std::thread::Builder::new().name("journal".to_owned());
        let writer = thread
            .spawn({
                let queue = Arc::clone(&queue);
                move || writer::run(connection, &queue)
            })
            .map_err(|cause| OpenError::Folder { path: dir.to_owned(), cause })?;
        Ok(Self {
            queue,
            writer: std::sync::Mutex::new(Some(writer)),
            history,
            limits,
            last_seq: seq,
            began: Instant::now(),
            base: kept_at.max(now.unix_millis()),
        })
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
        self.queue.urge(Job::Hold { entry, at: self.steady_millis(), done }).map_err(|()| HoldError::Busy)?;
        held.await.unwrap_or(Err(HoldError::Closed))
    }

    /// Writes what became of a delivery. Without a sync: a note that is lost with the relay's machine means that the
    /// delivery is handed over once more.
    pub fn note(&self, note: Note) {
        self.queue.note(note);
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
        self.queue.urge(job).map_err(|()| Unreadable)?;
        answer(found).await
    }

    /// How much is owed on an endpoint.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub async fn backlog(&self, address: &Address) -> Result<Backlog, Unreadable> {
        let (done, found) = oneshot::channel();
        self.queue.urge(Job::Backlog { address: address.clone(), done }).map_err(|()| Unreadable)?;
        answer(found).await
    }

    /// STANDIN
    pub async fn discard(&self, _address: &Address, _which: Which) -> Result<u64, Unreadable> {
        Err(Unreadable)
    }

    /// STANDIN
    pub fn forget(&self, _address: &Address) {}

    /// What it says of the past.
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
        let writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
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
