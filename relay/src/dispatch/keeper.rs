//! What dispatch has the journal do: history, holding, and what is owed from then on.

use std::sync::Arc;

use muxhook_protocol::frame::{Backlog, Gap};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{Delivery, DeliveryId, Frame, Outcome};

use tokio::task::spawn_blocking;

use super::redelivery::Redelivery;
use crate::journal::history::{Page, Query, ReadError};
use crate::journal::{
    Address, Answered, Attempt, By, Entry, HoldError, Journal, Note, Tried, Unreadable, Which,
};
use crate::registry::{Registry, Seat};

/// What the sender of a held delivery gets.
const HELD: Answered = Answered { by: By::Held, status: 200 };

/// What a dispatch keeps deliveries in.
#[derive(Debug, Default)]
pub struct Keeping {
    /// The durable record; `None`: nothing is kept.
    pub journal: Option<Arc<Journal>>,
    /// Whether the relay answers itself where no app can, and owes the delivery from then on.
    pub holds: bool,
}

/// A delivery that has come.
#[derive(Clone, Debug)]
pub(super) struct Arrived {
    pub(super) address: Address,
    pub(super) id: DeliveryId,
    pub(super) seq: u64,
    pub(super) received_at: u64,
    pub(super) frame: Outgoing,
}

impl Arrived {
    fn entry(self, answered: Answered, handed: u32, attempts: Vec<Attempt>) -> Entry {
        let Self { address, id, seq, received_at, frame } = self;
        Entry { address, id, seq, received_at, frame, answered, handed, attempts }
    }

    /// As a listener gets it that is told that it is owed.
    fn owed(&self) -> Option<Delivery> {
        match Frame::decode(self.frame.head()) {
            Ok(Frame::Deliver { delivery, .. }) => {
                Some(Delivery { owed: true, body: self.frame.body(), ..*delivery })
            }
            _ => None,
        }
    }
}

/// The journal, and what goes out of it again.
#[derive(Debug)]
pub(super) struct Keeper(Option<Kept>);

#[derive(Debug)]
struct Kept {
    journal: Arc<Journal>,
    redelivery: Arc<Redelivery>,
    holds: bool,
}

/// Has the redelivery look at an endpoint in the end, even when whoever waits for a delivery to be held has gone: it
/// may be held all the same.
struct Look<'a> {
    kept: &'a Kept,
    address: Address,
    id: DeliveryId,
    seq: u64,
    skipped: Vec<String>,
}

impl<'a> Look<'a> {
    fn at(kept: &'a Kept, arrived: &Arrived, skipped: Vec<String>) -> Self {
        Self { kept, address: arrived.address.clone(), id: arrived.id, seq: arrived.seq, skipped }
    }
}

impl Drop for Look<'_> {
    fn drop(&mut self) {
        let skipped = std::mem::take(&mut self.skipped);
        self.kept.redelivery.add(&self.address, (self.id, self.seq), skipped);
    }
}

impl Keeper {
    pub(super) fn new(registry: &Arc<Registry>, keeping: Keeping) -> Self {
        let Keeping { journal, holds } = keeping;
        Self(journal.map(|journal| {
            let redelivery = Redelivery::new(Arc::clone(registry), Arc::clone(&journal));
            Kept { journal, redelivery, holds }
        }))
    }

    /// The `seq` of the latest delivery that was there before this run.
    pub(super) fn last_seq(&self) -> u64 {
        self.0.as_ref().map_or(0, |kept| kept.journal.last_seq())
    }

    /// The time in the id of that delivery, in milliseconds since the Unix epoch.
    pub(super) fn last_millis(&self) -> u64 {
        self.0.as_ref().and_then(|kept| kept.journal.history().latest_millis().ok()).unwrap_or_default()
    }

    /// Whether the relay answers itself where no app can.
    pub(super) fn holds(&self) -> bool {
        self.holding().is_some()
    }

    /// Leaves a delivery that has its answer to history.
    pub(super) fn record(&self, arrived: Arrived, answered: Answered, attempts: Vec<Attempt>) {
        if let Some(kept) = &self.0 {
            let handed = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
            kept.journal.record(arrived.entry(answered, handed, attempts));
        }
    }

    /// Makes sure of a delivery that the relay will owe. It goes to whoever listens by then in its turn.
    pub(super) async fn hold(&self, arrived: Arrived) -> Result<(), HoldError> {
        let kept = self.holding().ok_or(HoldError::Closed)?;
        let _look = Look::at(kept, &arrived, Vec::new());
        kept.journal.hold(arrived.entry(HELD, 0, Vec::new())).await
    }

    /// As [`Keeper::hold`], of one that was handed out before: what came of it so far, and the listeners whose filters
    /// left it out.
    pub(super) async fn hold_after_all(
        &self,
        arrived: Arrived,
        attempts: Vec<Attempt>,
        skipped: Vec<String>,
    ) -> Result<(), HoldError> {
        let kept = self.holding().ok_or(HoldError::Closed)?;
        let _look = Look::at(kept, &arrived, skipped);
        kept.journal.hold(arrived.entry(HELD, 1, attempts)).await
    }

    /// As [`Keeper::hold`], and hands it to these listeners at once.
    pub(super) async fn hold_and_hand_out(
        &self,
        arrived: Arrived,
        to: Vec<Arc<Seat>>,
    ) -> Result<(), HoldError> {
        let kept = self.holding().ok_or(HoldError::Closed)?;
        let _look = Look::at(kept, &arrived, Vec::new());
        let (owed, address) = (arrived.owed(), arrived.address.clone());
        kept.journal.hold(arrived.entry(HELD, 0, Vec::new())).await?;
        if let Some(delivery) = owed {
            kept.redelivery.hand_out(&address, delivery, to);
        }
        Ok(())
    }

    fn holding(&self) -> Option<&Kept> {
        self.0.as_ref().filter(|kept| kept.holds)
    }

    /// Takes in an outcome that no sender waits for: of something owed, or too late. `at`: milliseconds since the Unix
    /// epoch.
    pub(super) fn settle(&self, id: DeliveryId, seat: &Seat, outcome: &Outcome, at: u64) {
        let Some(kept) = &self.0 else { return };
        let settled = kept.redelivery.settle(id, seat, outcome);
        let attempt = Attempt {
            at,
            took_ms: settled.map_or(0, |settled| u64::try_from(settled.took.as_millis()).unwrap_or(u64::MAX)),
            session: seat.session,
            tried: Tried::from(outcome),
            late: settled.is_none_or(|settled| settled.replayed),
            replayed: settled.is_some_and(|settled| settled.replayed),
        };
        let settled = settled.map_or(outcome.accepted(), |settled| settled.is_over);
        kept.journal.note(Note::Attempted { id, attempt, settled });
    }

    /// See [`Redelivery::begin_replay`].
    pub(super) fn begin_replay(&self, address: &Address, id: DeliveryId, to: &[Arc<Seat>]) -> bool {
        self.0.as_ref().is_none_or(|kept| kept.redelivery.begin_replay(address, id, to))
    }

    /// See [`Redelivery::end_replay`].
    pub(super) fn end_replay(
        &self,
        address: &Address,
        which: (DeliveryId, u64),
        open: impl FnOnce() -> Vec<Arc<Seat>>,
    ) {
        if let Some(kept) = &self.0 {
            kept.redelivery.end_replay(address, which, open);
        }
    }

    /// A page of history; `None` when it can't be read.
    pub(super) async fn past(&self, address: &Address, query: Query) -> Option<Page> {
        let address = address.clone();
        self.look_up(move |journal| {
            journal.up_to_date();
            journal.history().list(&address, &query)
        })
        .await
    }

    /// A delivery that a page has told of, as it was received, its `attempt` counting what was handed out before; `None` when it is not there or
    /// can't be read.
    pub(super) async fn content(&self, address: &Address, id: DeliveryId) -> Option<Delivery> {
        let address = address.clone();
        let found = self.look_up(move |journal| journal.history().content(&address, id)).await??;
        Some(Delivery { attempt: found.1.saturating_add(1), ..found.0 })
    }

    /// Reads on a thread that may wait for the disk.
    async fn look_up<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Journal) -> Result<T, ReadError> + Send + 'static,
    ) -> Option<T> {
        let journal = Arc::clone(&self.0.as_ref()?.journal);
        let found = spawn_blocking(move || look(&journal)).await.ok()?;
        found.inspect_err(|error| tracing::error!(%error, "the history can't be read")).ok()
    }

    /// It is handed to a listener once more.
    pub(super) fn handed(&self, id: DeliveryId) {
        if let Some(kept) = &self.0 {
            kept.journal.note(Note::Handed { id });
        }
    }

    /// What came of a delivery that somebody had asked for once more.
    pub(super) fn replayed(&self, address: &Address, id: DeliveryId, attempts: Vec<Attempt>) {
        let Some(kept) = &self.0 else { return };
        for attempt in attempts {
            let settled = matches!(attempt.tried, Tried::Replied(200..=299));
            if settled {
                kept.redelivery.settled(address, id);
            }
            kept.journal.note(Note::Attempted {
                id,
                attempt: Attempt { replayed: true, ..attempt },
                settled,
            });
        }
    }

    /// See [`super::Dispatch::discard`].
    pub(super) async fn discard(&self, address: &Address, which: Which) -> Result<u64, Unreadable> {
        let kept = self.0.as_ref().ok_or(Unreadable)?;
        let discarded = kept.journal.discard(address, which).await?;
        kept.redelivery.owes_less(address);
        Ok(discarded)
    }

    /// How much is owed on an endpoint. What can't be told is nothing.
    pub(super) async fn backlog(&self, address: &Address) -> Backlog {
        match &self.0 {
            Some(kept) => kept.journal.backlog(address).await.unwrap_or_default(),
            None => Backlog::default(),
        }
    }

    /// What was owed and is not any more, though no app accepted it. What can't be told now is told later.
    pub(super) async fn gaps(&self, address: &Address) -> Vec<Gap> {
        match &self.0 {
            Some(kept) => kept.journal.gaps(address).await.unwrap_or_default(),
            None => Vec::new(),
        }
    }

    /// See [`super::Dispatch::gaps_told`].
    pub(super) fn gaps_told(&self, address: &Address, gaps: Vec<Gap>) {
        if let Some(kept) = &self.0 {
            kept.journal.gaps_told(address, gaps);
        }
    }

    /// A listener has come. What the endpoint owes goes out to it.
    pub(super) fn enter(&self, seat: &Arc<Seat>, in_hand: &[DeliveryId]) {
        if let Some(kept) = &self.0 {
            kept.redelivery.enter(seat, in_hand);
        }
    }

    /// A session is over.
    pub(super) fn leave(&self, seat: &Seat) {
        if let Some(kept) = &self.0 {
            kept.redelivery.leave(seat);
        }
    }

    /// A listener's app is there again.
    pub(super) fn reachable(&self, seat: &Seat) {
        if let Some(kept) = &self.0 {
            kept.redelivery.reachable(seat);
        }
    }
}
