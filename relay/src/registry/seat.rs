//! One live session, as dispatch sees it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use muxhook_protocol::frame::{Ack, Owed, Role};
use muxhook_protocol::parts::Outgoing;
use tokio::time::Instant;

use crate::accounts::{Address, Pass};
use crate::outbox::{Full, Outbox, Room};

/// A session's number: unique on this node while it runs.
pub type SessionNumber = u64;

/// Least time between two notices to one session: what a flood of bad requests may cost its user.
const NOTICE_PAUSE: Duration = Duration::from_secs(1);

/// What a session asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wishes {
    /// See [`Seat::role`].
    pub role: Role,
    /// See [`Seat::ack`].
    pub ack: Ack,
    /// See [`Seat::owed`].
    pub owed: Owed,
}

/// One live session, as dispatch sees it.
#[derive(Debug)]
pub struct Seat {
    /// Its number.
    pub session: SessionNumber,
    /// What it is on, and for whom.
    pub address: Address,
    /// What lets it be here.
    pub pass: Pass,
    /// Who listens: the same over one CLI's reconnects.
    pub listener: String,
    /// What it is there for.
    pub role: Role,
    /// Who answers the sender while it is live.
    pub ack: Ack,
    /// What becomes of deliveries that are owed already.
    pub owed: Owed,
    /// What the session is to write.
    pub outbox: Outbox,
    /// Deliveries sent to it without an outcome yet.
    in_hand: AtomicU32,
    /// When it was last sent a notice.
    noticed: Mutex<Option<Instant>>,
}

impl Seat {
    /// A seat whose listener already has `in_hand` deliveries in hand, and whose outbox is one of those in `room`.
    #[must_use]
    pub fn new(
        session: SessionNumber,
        address: Address,
        pass: Pass,
        listener: String,
        wishes: Wishes,
        in_hand: u32,
        room: &Arc<Room>,
    ) -> Arc<Self> {
        let Wishes { role, ack, owed } = wishes;
        let (outbox, in_hand) = (Outbox::within(room), AtomicU32::new(in_hand));
        let noticed = Mutex::default();
        Arc::new(Self { session, address, pass, listener, role, ack, owed, outbox, in_hand, noticed })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// [`Full`] when the session is behind.
    pub fn send(&self, frame: Outgoing) -> Result<(), Full> {
        self.outbox.push(frame)
    }

    /// Sends a delivery, if fewer than `window` are in the session's hands.
    ///
    /// # Errors
    /// [`Full`] when the session is behind.
    pub fn deliver(&self, frame: Outgoing, window: u32) -> Result<(), Full> {
        if self.in_hand.load(Ordering::Relaxed) >= window {
            return Err(Full);
        }
        self.send(frame)?;
        self.in_hand.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Sends a notice, unless the last one was just now.
    pub fn notice(&self, frame: &Outgoing) {
        let now = Instant::now();
        let mut noticed = self.noticed.lock().unwrap_or_else(PoisonError::into_inner);
        if noticed.is_none_or(|last| last + NOTICE_PAUSE <= now) && self.send(frame.clone()).is_ok() {
            *noticed = Some(now);
        }
    }

    /// One delivery is out of the session's hands.
    pub fn settled(&self) {
        let less = |count: u32| count.checked_sub(1);
        // An outcome nobody waits for is no reason to go below nothing.
        let _ = self.in_hand.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
    }

    /// Ends the session once what is queued for it is out.
    pub fn close(&self) {
        self.outbox.close();
    }
}
