//! What waits for the writer: bounded, and woken for as seldom as can be.

use std::collections::VecDeque;
use std::sync::mpsc::SyncSender;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use muxhook_protocol::Delivery;
use muxhook_protocol::frame::{Backlog, Gap};
use tokio::sync::oneshot;

use super::{Address, Entry, Health, HoldError, Note, Syncs, Unreadable, Which};

/// Most deliveries that wait to be held: each has a sender that waits for at most a few seconds.
const MOST_URGENT: usize = 16_384;

/// Most deliveries, and bytes of them, that wait to be written for history.
const MOST_RECORDS: usize = 16_384;
const MOST_RECORD_BYTES: usize = 64 << 20;

/// How long history gathers before it is written. Not as long where much is live: whoever is live on the same core
/// waits for as long as it takes to write what has gathered.
const GATHER: Duration = Duration::from_millis(50);
const GATHER_BUSY: Duration = Duration::from_millis(5);

/// Rows of history that go straight into the tables when no more than these have gathered, and nothing is spooled.
pub(super) const FEW: usize = 16;

/// How long after more than a [`FEW`] had gathered what is spooled waits for a quieter time.
const BUSY: Duration = Duration::from_millis(250);

/// The writer rests this many times as long as it sorted history in, so that this takes a fifth of a core at most.
const REST: u32 = 4;

/// Now, by the machine's clock: a disk takes its own time, whatever the clock of a test says.
#[expect(clippy::disallowed_methods, reason = "the writer is no task, and its pauses are for the disk")]
pub(super) fn moment() -> Instant {
    Instant::now()
}

/// Something that somebody waits for, or that must not be lost.
pub(super) enum Job {
    /// To be owed.
    Hold {
        /// What.
        entry: Entry,
        /// Steady time.
        at: u64,
        /// Whether it is safe.
        done: oneshot::Sender<Result<(), HoldError>>,
    },
    /// What became of a delivery.
    Note(Note),
    /// See [`super::Journal::owed`].
    Owed {
        address: Address,
        after: u64,
        most: usize,
        done: oneshot::Sender<Result<Vec<Delivery>, Unreadable>>,
    },
    /// See [`super::Journal::backlog`]; without an address, [`super::Journal::owed_in_all`].
    Backlog { address: Option<Address>, done: oneshot::Sender<Result<Backlog, Unreadable>> },
    /// See [`super::Journal::gaps_told`].
    GapsTold { address: Address, gaps: Vec<Gap> },
    /// See [`super::Journal::gaps`].
    Gaps { address: Address, done: oneshot::Sender<Result<Vec<Gap>, Unreadable>> },
    /// See [`super::Journal::discard`]; a bounded number at once.
    Discard { address: Address, which: Which, done: oneshot::Sender<Result<u64, Unreadable>> },
    /// See [`super::Journal::forget_if`].
    Forget {
        address: Address,
        condition: Box<dyn Fn() -> bool + Send>,
        done: oneshot::Sender<Result<bool, Unreadable>>,
    },
    /// See [`super::Journal::up_to_date`].
    UpToDate { done: SyncSender<()> },
    /// Anything, on the writer's own thread.
    #[cfg(test)]
    Do(Mutex<Task>),
}

/// See [`Job::Do`].
#[cfg(test)]
pub(super) type Task = Box<dyn FnMut(&rusqlite::Connection) -> rusqlite::Result<()> + Send>;

/// What the writer is to do next.
pub(super) enum Work {
    /// All of these, as one.
    Jobs(Vec<Job>),
    /// History, each with its steady time.
    Records(Vec<(Entry, u64)>),
    /// Some of what is spooled is to be sorted in.
    Sort,
    /// A step of the housekeeping, or all of it anew as of this steady time.
    Keep(Option<u64>),
    /// Nothing is left, and nothing more comes.
    Over,
}

/// The queue. One thread takes from it.
#[derive(Default)]
pub(super) struct Queue {
    inner: Mutex<Inner>,
    changed: Condvar,
}

#[derive(Default)]
struct Inner {
    urgent: VecDeque<Job>,
    records: VecDeque<(Entry, u64)>,
    record_bytes: usize,
    /// When the first of `records` came.
    since: Option<Instant>,
    /// Before then no history is sorted in, unless somebody waits for it.
    rest_until: Option<Instant>,
    /// Until then much is live.
    busy_until: Option<Instant>,
    /// Rows that came since then.
    load: usize,
    load_since: Option<Instant>,
    /// What the writer waits for, when it does.
    waits: Waits,
    /// What was given last was urgent: now others may have their turn.
    was_urgent: bool,
    /// All housekeeping is to be done, as of this steady time.
    keep: Option<u64>,
    closing: bool,
    failed: bool,
    full: bool,
    dropped: u64,
    syncs: Syncs,
}

/// Whether the writer is to be woken: each waking is a system call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waits {
    /// It works.
    #[default]
    No,
    /// Until a time, or for what is urgent.
    Timed,
    /// For any change.
    Idle,
}

/// How soon what is spooled is to be sorted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Spooled {
    /// Nothing is spooled.
    #[default]
    Nothing,
    /// When little is live.
    Later,
    /// Bit by bit from now on: the spool fills up.
    Soon,
    /// At once: somebody waits for it.
    Now,
}

/// What the writer has under way.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct UnderWay {
    /// How long the last step took, if it sorted history in.
    pub(super) sorted: Option<Duration>,
    /// Whether history is spooled, and how soon it is to be sorted in.
    pub(super) spooled: Spooled,
    /// When what could not be written is to be tried again: an empty batch of jobs is given then.
    pub(super) retry: Option<Instant>,
    /// The housekeeping is not done.
    pub(super) keeping: bool,
}

impl Queue {
    /// Adds what somebody waits for.
    pub(super) fn urge(&self, job: Job) -> Result<(), HoldError> {
        let mut inner = self.lock();
        if inner.closing || inner.failed {
            return Err(HoldError::Closed);
        }
        if inner.urgent.len() >= MOST_URGENT {
            return Err(HoldError::Busy);
        }
        inner.urgent.push_back(job);
        if inner.waits != Waits::No {
            self.changed.notify_one();
        }
        Ok(())
    }

    /// Wants all housekeeping to be done, as of this steady time.
    pub(super) fn keep(&self, now: u64) {
        let mut inner = self.lock();
        inner.keep = Some(now);
        if inner.waits == Waits::Idle {
            self.changed.notify_one();
        }
    }

    /// Whether history waits to be written.
    pub(super) fn has_records(&self) -> bool {
        !self.lock().records.is_empty()
    }

    /// The history that waits to be written, due or not.
    pub(super) fn take_records(&self) -> Vec<(Entry, u64)> {
        self.lock().take_records()
    }

    /// Whether nothing waits and nothing is to be cleared up.
    #[cfg(test)]
    pub(super) fn is_at_rest(&self) -> bool {
        let inner = self.lock();
        inner.waits == Waits::Idle
            && inner.keep.is_none()
            && inner.urgent.is_empty()
            && inner.records.is_empty()
    }

    /// Counts rows of history that were not written.
    pub(super) fn count_dropped(&self, rows: usize) {
        self.lock().dropped += rows as u64;
    }

    /// Counts a change that was synced to the disk, which took so long.
    pub(super) fn synced(&self, took: Duration) {
        let mut inner = self.lock();
        inner.syncs.add(took);
    }

    /// Whether the disk has no room for more than what must be written.
    pub(super) fn set_full(&self, full: bool) {
        let mut inner = self.lock();
        if std::mem::replace(&mut inner.full, full) != full {
            if full {
                tracing::warn!(
                    "the disk is full: nothing more is held, and no history is written, until it has room"
                );
            } else {
                tracing::info!("the disk has room again");
            }
        }
    }

    /// Adds a note: never refused, since each follows a delivery that was handed out, which is bounded.
    pub(super) fn note(&self, note: Job) {
        let mut inner = self.lock();
        if !inner.failed {
            inner.urgent.push_back(note);
            if inner.waits == Waits::Idle {
                self.changed.notify_one();
            }
        }
    }

    /// Adds a row of history, or counts it as dropped.
    pub(super) fn record(&self, entry: Entry, at: u64) {
        let mut inner = self.lock();
        let bytes = inner.record_bytes + entry.weight();
        if inner.closing || inner.failed || inner.records.len() >= MOST_RECORDS || bytes > MOST_RECORD_BYTES {
            inner.dropped += 1;
            return;
        }
        inner.record_bytes = bytes;
        inner.records.push_back((entry, at));
        if inner.since.is_none() {
            inner.since = Some(moment());
            if inner.waits == Waits::Idle {
                self.changed.notify_one();
            }
        }
    }

    /// What is to be done next.
    pub(super) fn next(&self, under_way: UnderWay) -> Work {
        let mut inner = self.lock();
        if let Some(sorted) = under_way.sorted {
            inner.rest_until = moment().checked_add(sorted * REST);
        }
        loop {
            let now = moment();
            let sort_at = inner.sort_at(now, under_way.spooled);
            if let Some(work) = inner.ready(now, sort_at, under_way) {
                return work;
            }
            inner = match [inner.due(), sort_at, under_way.retry].into_iter().flatten().min() {
                Some(until) => {
                    inner.waits = Waits::Timed;
                    let waited = self.changed.wait_timeout(inner, until.saturating_duration_since(now));
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    inner.waits = Waits::Idle;
                    self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner)
                }
            };
            inner.waits = Waits::No;
        }
    }

    /// The disk failed: nothing is taken from now on.
    pub(super) fn fail(&self) {
        let mut inner = self.lock();
        inner.failed = true;
        inner.urgent.clear();
        inner.dropped += inner.records.len() as u64;
        inner.records.clear();
        (inner.record_bytes, inner.since) = (0, None);
    }

    /// Nothing more comes.
    pub(super) fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_one();
    }

    pub(super) fn health(&self) -> Health {
        let inner = self.lock();
        let Inner { failed: closed, full, dropped, syncs, .. } = *inner;
        Health { closed, full, syncs, dropped }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// What can be done at once. What is urgent goes first, but never twice before what else is due.
    fn ready(&mut self, now: Instant, sort_at: Option<Instant>, under_way: UnderWay) -> Option<Work> {
        let is_due = self.due().is_some_and(|due| self.closing || due <= now);
        let sorts = sort_at.is_some_and(|at| at <= now);
        let keeps = (under_way.keeping || self.keep.is_some()) && !self.closing;
        if std::mem::take(&mut self.was_urgent) {
            if is_due && self.records.len() > FEW {
                return Some(Work::Records(self.take_records()));
            }
            if keeps {
                return Some(Work::Keep(self.keep.take()));
            }
            if sorts && !self.closing {
                return Some(Work::Sort);
            }
        }
        if !self.urgent.is_empty() {
            self.was_urgent = true;
            return Some(Work::Jobs(self.urgent.drain(..).collect()));
        }
        if is_due {
            self.note_load(now);
            return Some(Work::Records(self.take_records()));
        }
        if self.closing {
            return Some(Work::Over);
        }
        if under_way.retry.is_some_and(|retry| retry <= now) {
            return Some(Work::Jobs(Vec::new()));
        }
        if sorts {
            return Some(Work::Sort);
        }
        keeps.then(|| Work::Keep(self.keep.take()))
    }

    /// Much is live for a while when more than a few have gathered within a [`GATHER`].
    fn note_load(&mut self, now: Instant) {
        self.load += self.records.len();
        if self.load_since.is_none_or(|since| now.saturating_duration_since(since) >= GATHER) {
            self.busy_until = if self.load > FEW { now.checked_add(BUSY) } else { None };
            (self.load, self.load_since) = (0, Some(now));
        }
    }

    /// When history is to be written.
    fn due(&self) -> Option<Instant> {
        let gather = if self.busy_until.is_some() { GATHER_BUSY } else { GATHER };
        self.since.map(|since| since + gather)
    }

    /// When what is spooled is to be sorted in.
    fn sort_at(&self, now: Instant, spooled: Spooled) -> Option<Instant> {
        let rested = self.rest_until.unwrap_or(now);
        match spooled {
            Spooled::Nothing => None,
            Spooled::Later => Some(self.busy_until.map_or(rested, |quiet| quiet.max(rested))),
            Spooled::Soon => Some(rested),
            Spooled::Now => Some(now),
        }
    }

    fn take_records(&mut self) -> Vec<(Entry, u64)> {
        (self.record_bytes, self.since) = (0, None);
        self.records.drain(..).collect()
    }
}
