//! When what apps failed at is tried again.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use tokio::time::Instant;

/// After how long what an app failed at is tried again, the first time, the second, … and from the last on always.
const PLAN: [Duration; 7] = [
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
    Duration::from_secs(2 * 60),
    Duration::from_secs(10 * 60),
    Duration::from_secs(30 * 60),
    Duration::from_secs(60 * 60),
];

/// What apps failed at, by `seq`.
#[derive(Debug, Default)]
pub(super) struct Plan {
    due: BTreeSet<(Instant, u64)>,
    /// How often apps failed at it.
    times: HashMap<u64, usize>,
}

impl Plan {
    /// Whether an app failed at it, and none has accepted it since.
    pub(super) fn has(&self, seq: u64) -> bool {
        self.times.contains_key(&seq)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.times.is_empty()
    }

    /// An app failed at it: it is tried again after a while.
    pub(super) fn put_off(&mut self, seq: u64, now: Instant) {
        let times = self.times.entry(seq).or_default();
        self.due.insert((now + PLAN[(*times).min(PLAN.len() - 1)], seq));
        *times += 1;
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The next one that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let first = self.due.first().copied().filter(|(due, _)| *due <= now)?;
        self.due.remove(&first);
        Some(first.1)
    }

    /// It is not to be tried again by itself.
    pub(super) fn drop(&mut self, seq: u64) {
        if self.times.remove(&seq).is_some() {
            self.due.retain(|(_, other)| *other != seq);
        }
    }

    /// Nothing is to wait any more.
    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.times.clear();
    }
}
