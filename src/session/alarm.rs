//! Notices that the machine slept, or that its network may have changed meanwhile.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use muxhook_link::Now;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval};

/// How often the clocks are looked at.
const TICK: Duration = Duration::from_secs(5);

/// A tick that comes this late means sleep.
const LATE: Duration = Duration::from_secs(10);

/// Ticks, and compares what the two clocks say between ticks: one of them stands still while the machine sleeps,
/// and which one depends on the system.
pub(super) struct Alarm {
    ticks: Interval,
    now: Now,
    seen: Instant,
    seen_wall: u64,
}

impl Alarm {
    pub(super) fn new(now: Now) -> Self {
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { ticks, now, seen: Instant::now(), seen_wall: now.unix_millis() }
    }

    /// Ready with every tick, a few seconds apart; true when the machine slept before it.
    pub(super) fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<bool> {
        self.ticks.poll_tick(cx).map(|_| {
            let (seen, wall) = (Instant::now(), self.now.unix_millis());
            let passed = seen - self.seen;
            let passed_wall = Duration::from_millis(wall.saturating_sub(self.seen_wall));
            (self.seen, self.seen_wall) = (seen, wall);
            passed.max(passed_wall) > TICK + LATE
        })
    }

    /// Waits until the machine has slept. Cancel-safe.
    pub(super) async fn slept(&mut self) {
        while !poll_fn(|cx| self.poll_tick(cx)).await {}
    }
}
