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
    failed: HashMap<u64, Failed>,
}

/// Of one of them.
#[derive(Debug, Default)]
struct Failed {
    times: usize,
    /// As in [`Plan::due`]; `None`: it was taken from there, and is being tried.
    due: Option<Instant>,
}

impl Plan {
    /// Whether an app failed at it, and none has accepted it since.
    pub(super) fn has(&self, seq: u64) -> bool {
        self.failed.contains_key(&seq)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.failed.is_empty()
    }

    /// An app failed at it: it is tried again after a while.
    pub(super) fn put_off(&mut self, seq: u64, now: Instant) {
        let failed = self.failed.entry(seq).or_default();
        let due = now + PLAN[failed.times.min(PLAN.len() - 1)];
        failed.times += 1;
        self.set(seq, due);
    }

    /// It was taken, and could not be tried after all.
    pub(super) fn put_back(&mut self, seq: u64, now: Instant) {
        if self.failed.get(&seq).is_some_and(|failed| failed.due.is_none()) {
            self.set(seq, now);
        }
    }

    fn set(&mut self, seq: u64, due: Instant) {
        let before = self.failed.get_mut(&seq).and_then(|failed| failed.due.replace(due));
        if let Some(before) = before {
            self.due.remove(&(before, seq));
        }
        self.due.insert((due, seq));
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    /// The next one that is due.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<u64> {
        let (due, seq) = self.due.first().copied().filter(|(due, _)| *due <= now)?;
        self.due.remove(&(due, seq));
        if let Some(failed) = self.failed.get_mut(&seq) {
            failed.due = None;
        }
        Some(seq)
    }

    /// It is not to be tried again by itself.
    pub(super) fn drop(&mut self, seq: u64) {
        if let Some(due) = self.failed.remove(&seq).and_then(|failed| failed.due) {
            self.due.remove(&(due, seq));
        }
    }

    /// Nothing is to wait any more.
    pub(super) fn clear(&mut self) {
        self.due.clear();
        self.failed.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_off_is_due_once() {
        let (mut plan, now) = (Plan::default(), Instant::now());
        plan.put_off(7, now);
        plan.put_off(7, now);
        assert_eq!(plan.take_due(now + PLAN[0]), None, "it failed twice");
        assert_eq!((plan.take_due(now + PLAN[1]), plan.take_due(now + PLAN[6])), (Some(7), None));
        plan.put_back(7, now);
        assert_eq!(plan.take_due(now), Some(7));
        plan.put_off(7, now);
        plan.drop(7);
        assert!(plan.is_empty() && plan.next().is_none());
        plan.put_back(7, now);
        assert!(plan.next().is_none(), "nothing is known of it");
    }
}
