//! This node's memory of who is live: endpoint → sessions. No I/O, nothing awaited.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::{Ack, Owed, Role};
use muxhook_protocol::parts::Outgoing;
use tokio::time::Instant;

use crate::accounts::Address;
use crate::outbox::{Full, Outbox};

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
    /// A seat whose listener already has `in_hand` deliveries in hand.
    #[must_use]
    pub fn new(
        session: SessionNumber,
        address: Address,
        listener: String,
        wishes: Wishes,
        in_hand: u32,
    ) -> Arc<Self> {
        let Wishes { role, ack, owed } = wishes;
        let (outbox, in_hand) = (Outbox::default(), AtomicU32::new(in_hand));
        let noticed = Mutex::default();
        Arc::new(Self { session, address, listener, role, ack, owed, outbox, in_hand, noticed })
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

/// Which sessions are live on which endpoint.
#[derive(Debug, Default)]
pub struct Registry {
    endpoints: Mutex<HashMap<EndpointId, Arc<[Arc<Seat>]>>>,
    sessions: AtomicU64,
}

/// The endpoint, or the node, has as many sessions as it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSeat;

impl Registry {
    /// A number for the next session.
    pub fn number(&self) -> SessionNumber {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The sessions that are live on `endpoint`.
    #[must_use]
    pub fn seats(&self, endpoint: &EndpointId) -> Option<Arc<[Arc<Seat>]>> {
        self.lock().get(endpoint).cloned()
    }

    /// Takes a session of the endpoint's owner in, and says how many other listeners there are. An older session of
    /// the same listener is closed: it is the same CLI, dialled again. So are those of whoever owned the endpoint
    /// before.
    ///
    /// # Errors
    /// [`NoSeat`] when `most` others are live on the endpoint already.
    pub fn enter(&self, endpoint: &EndpointId, seat: Arc<Seat>, most: usize) -> Result<u32, NoSeat> {
        let mut endpoints = self.lock();
        let old = endpoints.get(endpoint).map(|seats| &**seats).unwrap_or_default();
        let is_over = |other: &&Arc<Seat>| other.listener == seat.listener || other.address != seat.address;
        let (over, others): (Vec<_>, Vec<_>) = old.iter().partition(is_over);
        if others.len() >= most {
            return Err(NoSeat);
        }
        over.iter().for_each(|seat| seat.close());
        let listeners = others.iter().map(|other| u32::from(other.role == Role::Listener)).sum();
        let seats = others.into_iter().cloned().chain([seat]).collect();
        endpoints.insert(endpoint.clone(), seats);
        Ok(listeners)
    }

    /// Takes a session out, by its number: a late goodbye can't evict its successor.
    pub fn leave(&self, endpoint: &EndpointId, session: SessionNumber) {
        let mut endpoints = self.lock();
        let Some(seats) = endpoints.get(endpoint) else { return };
        let left: Arc<[Arc<Seat>]> = seats.iter().filter(|seat| seat.session != session).cloned().collect();
        if left.is_empty() {
            endpoints.remove(endpoint);
        } else {
            endpoints.insert(endpoint.clone(), left);
        }
    }

    /// Every live session.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Seat>> {
        self.lock().values().flat_map(|seats| seats.iter().cloned()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<EndpointId, Arc<[Arc<Seat>]>>> {
        self.endpoints.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::accounts::AccountName;

    fn seat(session: SessionNumber, listener: &str) -> Arc<Seat> {
        let wishes = Wishes { role: Role::Listener, ack: Ack::App, owed: Owed::Deliver };
        let address = Address { account: AccountName::default(), endpoint: "shop".parse().unwrap() };
        Seat::new(session, address, listener.into(), wishes, 0)
    }

    #[test]
    fn a_late_goodbye_does_not_evict_the_successor() {
        let registry = Registry::default();
        let endpoint: EndpointId = "abc".parse().unwrap();
        registry.enter(&endpoint, seat(1, "cli"), 8).unwrap();
        registry.enter(&endpoint, seat(2, "cli"), 8).unwrap();
        registry.leave(&endpoint, 1);
        let live: Vec<_> = registry.seats(&endpoint).unwrap().iter().map(|seat| seat.session).collect();
        assert_eq!(live, [2]);
        registry.leave(&endpoint, 2);
        assert!(registry.seats(&endpoint).is_none());
    }

    #[tokio::test]
    async fn the_same_listener_takes_its_old_seat_over() {
        let registry = Registry::default();
        let endpoint: EndpointId = "abc".parse().unwrap();
        let old = seat(1, "cli");
        registry.enter(&endpoint, Arc::clone(&old), 1).unwrap();
        registry.enter(&endpoint, seat(2, "cli"), 1).unwrap();
        let ended = std::future::poll_fn(|cx| old.outbox.poll_take(cx, 1, |_| ())).await;
        assert_eq!(ended, None, "the old session ends");
        assert_eq!(registry.enter(&endpoint, seat(3, "other"), 1), Err(NoSeat));
    }

    #[test]
    fn a_session_gets_no_more_than_its_window() {
        let frame = Outgoing::control(&muxhook_protocol::Frame::Unknown);
        let seat = seat(1, "cli");
        assert_eq!(seat.deliver(frame.clone(), 1), Ok(()));
        assert_eq!(seat.deliver(frame.clone(), 1), Err(Full));
        seat.settled();
        seat.settled();
        assert_eq!(seat.deliver(frame.clone(), 1), Ok(()));
        assert_eq!(seat.deliver(frame, 1), Err(Full));
    }
}
