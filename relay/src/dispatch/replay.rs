//! A delivery of the past goes to whoever listens once more, because somebody asked for it.

use std::sync::Arc;

use muxhook_protocol::frame::Role;
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{Delivery, DeliveryId};
use tokio::time::Instant;

use super::pending::{Concluded, Waiting};
use super::{Answer, Dispatch};
use crate::journal::{Address, Attempt, Unreadable, Which};
use crate::registry::Seat;

/// Why a delivery is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Nobody is live on its endpoint who forwards.
    #[error("nobody listens on this endpoint just now")]
    NoListener,
    /// A listener has it in hand, and has not answered yet.
    #[error("this delivery is on its way to the app just now")]
    InFlight,
}

/// A replay under way. Dropped, it is over: what is still in somebody's hands will be late.
struct Turn<'a> {
    dispatch: &'a Dispatch,
    address: &'a Address,
    which: (DeliveryId, u64),
    waiting: Option<Waiting<'a>>,
    open: Vec<Arc<Seat>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        let (waiting, open) = (self.waiting.take(), std::mem::take(&mut self.open));
        self.dispatch.keeper.end_replay(self.address, self.which, || match waiting {
            Some(mut waiting) => waiting.give_up().open,
            None => open,
        });
    }
}

impl Turn<'_> {
    async fn answer(&mut self) -> (Answer, Vec<Attempt>) {
        let Some(waiting) = &mut self.waiting else { return (Answer::Internal, Vec::new()) };
        let Concluded { answer, attempts, open } = waiting.answer().await;
        (self.waiting, self.open) = (None, open);
        (answer, attempts)
    }
}

impl Dispatch {
    /// Sends a delivery to the live listeners of its address once more, marked as replayed, and waits for the answer.
    /// That is by the rule of live deliveries; nothing is held and nothing owed. One that is owed is settled when an
    /// app accepts it. Dropping the future means that nobody waits: whatever comes later is late.
    ///
    /// # Errors
    /// It is not sent: see [`ReplayError`].
    pub async fn replay(
        &self,
        address: &Address,
        delivery: Delivery,
        deadline: Instant,
    ) -> Result<Answer, ReplayError> {
        let seats = self.registry.seats(&address.endpoint);
        let listeners: Vec<_> = seats
            .iter()
            .flat_map(|seats| seats.iter())
            .filter(|seat| seat.role == Role::Listener && seat.address == *address)
            .map(Arc::clone)
            .collect();
        if listeners.is_empty() {
            return Err(ReplayError::NoListener);
        }
        let id = delivery.id;
        if !self.keeper.begin_replay(address, id, &listeners) {
            return Err(ReplayError::InFlight);
        }
        let which = (id, delivery.seq);
        let mut turn = Turn { dispatch: self, address, which, waiting: None, open: Vec::new() };
        let frame = Outgoing::delivery(&Delivery { owed: false, replayed: true, ..delivery });
        let waiting = self.pending.open_again(id, &address.endpoint, &frame, &listeners, deadline);
        turn.waiting = Some(waiting.ok_or(ReplayError::InFlight)?);
        self.keeper.handed(id);
        for seat in &listeners {
            if seat.deliver(frame.clone(), self.window).is_err() {
                self.pending.never_had(id, seat.session);
            }
        }
        self.work.notify_one();
        let (answer, attempts) = turn.answer().await;
        self.keeper.replayed(address, id, attempts);
        Ok(answer)
    }

    /// Gives up everything that is owed. How much was.
    ///
    /// # Errors
    /// The journal is closed: see [`Unreadable`].
    pub async fn discard_all(&self, address: &Address) -> Result<u64, Unreadable> {
        self.discard(address, Which::All).await
    }

    /// Gives up deliveries that are owed. How many were. What a listener has in hand is left to it.
    ///
    /// # Errors
    /// The journal is closed: see [`Unreadable`].
    pub async fn discard(&self, address: &Address, which: Which) -> Result<u64, Unreadable> {
        self.keeper.discard(address, which).await
    }
}
