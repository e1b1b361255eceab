//! When to ping, and when a peer counts as gone.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

/// How long a peer may be silent before it is pinged.
pub const HEARTBEAT: Duration = Duration::from_secs(10);

/// How long a peer may be silent, or take nothing of what is written, before it counts as gone.
pub const DEAD_AFTER: Duration = Duration::from_secs(15);

/// What the heartbeat asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Beat {
    /// A ping is due.
    Ping,
    /// The peer said nothing for too long.
    Silent,
    /// The peer took nothing for too long.
    Stalled,
}

/// One timer for a whole link, moved only when it fires: hearing something costs a store, no timer work.
pub(crate) struct Heartbeat {
    timer: Pin<Box<Sleep>>,
    /// The last sign of life.
    heard: Instant,
    pinged: bool,
    /// Since when writing is blocked.
    blocked: Option<Instant>,
    /// Something must be heard by then, whatever was heard before.
    proof_by: Option<Instant>,
}

impl Heartbeat {
    pub(crate) fn new() -> Self {
        let now = Instant::now();
        Self {
            timer: Box::pin(sleep_until(now + HEARTBEAT)),
            heard: now,
            pinged: false,
            blocked: None,
            proof_by: None,
        }
    }

    /// The peer was heard.
    pub(crate) fn heard(&mut self) {
        self.heard = Instant::now();
        self.pinged = false;
        self.proof_by = None;
    }

    /// What was held back is out. If writing was blocked, the peer is slow and not gone: a ping waits behind such.
    pub(crate) fn taken(&mut self) {
        if self.blocked.take().is_some() {
            self.heard = Instant::now();
            self.pinged = false;
        }
    }

    /// Whether what was written is all out.
    pub(crate) fn writing(&mut self, blocked: bool) {
        if !blocked {
            self.blocked = None;
        } else if self.blocked.is_none() {
            let now = Instant::now();
            self.blocked = Some(now);
            self.wake_by(now + DEAD_AFTER);
        }
    }

    /// The peer must be heard within `limit` from now.
    pub(crate) fn demand_proof(&mut self, limit: Duration) {
        let by = Instant::now() + limit;
        self.proof_by = Some(by);
        self.wake_by(by);
    }

    fn wake_by(&mut self, at: Instant) {
        if at < self.timer.deadline() {
            self.timer.as_mut().reset(at);
        }
    }

    /// What is due; pending until something is.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Beat> {
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if self.proof_by.is_some_and(|by| by <= now) || self.heard + DEAD_AFTER <= now {
                return Poll::Ready(Beat::Silent);
            }
            if self.blocked.is_some_and(|since| since + DEAD_AFTER <= now) {
                return Poll::Ready(Beat::Stalled);
            }
            let ping_due = !self.pinged && self.heard + HEARTBEAT <= now;
            self.pinged |= ping_due;
            let next = self.heard + if self.pinged { DEAD_AFTER } else { HEARTBEAT };
            let blocked_until = self.blocked.map(|since| since + DEAD_AFTER);
            let next = [blocked_until, self.proof_by].into_iter().flatten().fold(next, Instant::min);
            self.timer.as_mut().reset(next);
            if ping_due {
                return Poll::Ready(Beat::Ping);
            }
        }
        Poll::Pending
    }
}
