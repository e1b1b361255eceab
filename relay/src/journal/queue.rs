//! What waits for the writer: bounded, and woken for as seldom as can be.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use muxhook_protocol::Delivery;
use muxhook_protocol::frame::Backlog;
use tokio::sync::oneshot;

use super::{Address, Entry, Health, HoldError, Note, Unreadable};

/// Most deliveries that wait to be held: each has a sender that waits for at most a few seconds.
const MOST_URGENT: usize = 16_384;

/// Most deliveries, and bytes of them, that wait to be written for history.
const MOST_RECORDS: usize = 16_384;
const MOST_RECORD_BYTES: usize = 64 << 20;

/// How long history gathers before it is written, unless a batch is full before.
const GATHER: Duration = Duration::from_millis(50);

/// Rows of history written at once: few enough that a hold that comes meanwhile waits some milliseconds.
pub(super) const BATCH: usize = 256;

/// The writer rests this many times as long as it wrote history, so that history takes a fifth of a core at most.
const REST: u32 = 4;

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
}

/// What the writer is to do next.
pub(super) enum Work {
    /// All of these, as one.
    Jobs(Vec<Job>),
    /// History, each with its steady time.
    Records(Vec<(Entry, u64)>),
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
    /// Before then no history is written.
    rest_until: Option<Instant>,
    /// The writer waits, and for nothing but a change.
    idle: bool,
    closing: bool,
    failed: bool,
    dropped: u64,
}

impl Queue {
    /// Adds what somebody waits for.
    pub(super) fn urge(&self, job: Job) -> Result<(), ()> {
        let mut inner = self.lock();
        if inner.closing || inner.failed || inner.urgent.len() >= MOST_URGENT {
            return Err(());
        }
        inner.urgent.push_back(job);
        self.changed.notify_one();
        Ok(())
    }

    /// Adds a note: never refused, since each follows a delivery that was handed out, which is bounded.
    pub(super) fn note(&self, note: Note) {
        let mut inner = self.lock();
        if !inner.failed {
            inner.urgent.push_back(Job::Note(note));
            if inner.idle {
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
            inner.since = Some(Instant::now());
            if inner.idle {
                self.changed.notify_one();
            }
        }
    }

    /// What is to be done next. `rested`: how long the last batch of history took, if it was one.
    pub(super) fn next(&self, wrote: Option<Duration>) -> Work {
        let mut inner = self.lock();
        if let Some(wrote) = wrote {
            inner.rest_until = Instant::now().checked_add(wrote * REST);
        }
        loop {
            if !inner.urgent.is_empty() {
                return Work::Jobs(inner.urgent.drain(..).collect());
            }
            let now = Instant::now();
            let due = inner.due();
            if due.is_some_and(|due| inner.closing || due <= now) {
                return Work::Records(inner.take_records());
            }
            if inner.closing {
                return Work::Over;
            }
            inner = match due {
                Some(due) => {
                    let waited = self.changed.wait_timeout(inner, due - now);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                None => {
                    inner.idle = true;
                    let mut inner = self.changed.wait(inner).unwrap_or_else(PoisonError::into_inner);
                    inner.idle = false;
                    inner
                }
            };
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
        Health { closed: inner.failed, dropped: inner.dropped }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// When history is to be written.
    fn due(&self) -> Option<Instant> {
        let since = self.since?;
        let gathered = if self.records.len() >= BATCH { since } else { since + GATHER };
        Some(self.rest_until.map_or(gathered, |rested| rested.max(gathered)))
    }

    fn take_records(&mut self) -> Vec<(Entry, u64)> {
        let count = self.records.len().min(BATCH);
        let taken: Vec<_> = self.records.drain(..count).collect();
        self.record_bytes -= taken.iter().map(|(entry, _)| entry.weight()).sum::<usize>();
        self.since = if self.records.is_empty() { None } else { Some(Instant::now()) };
        taken
    }
}
