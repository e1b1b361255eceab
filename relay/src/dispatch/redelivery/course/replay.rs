//! A delivery that is sent again because somebody asked for it. While it is out for that reason what is owed passes it
//! over, so that no listener has it twice and each outcome counts for what it was.

use std::sync::Arc;

use muxhook_protocol::{DeliveryId, Outcome};
use tokio::time::Instant;

use super::flight::{Conclusion, Flight, Holder};
use super::{Course, Settled};
use crate::registry::Seat;

/// A replay under way.
#[derive(Debug)]
pub(super) struct Replay {
    began: Instant,
    /// Whom it went to, but for those who told what came of it when nobody waited for that any more.
    open: Vec<String>,
}

impl Course {
    /// Begins a replay to these; `false`: a listener has the delivery in hand.
    pub(in crate::dispatch::redelivery) fn begin_replay(
        &mut self,
        id: DeliveryId,
        to: &[Arc<Seat>],
        now: Instant,
    ) -> bool {
        if self.flights.contains_key(&id) || self.is_replayed(id) {
            return false;
        }
        self.replays
            .insert(id, Replay { began: now, open: to.iter().map(|seat| seat.listener.clone()).collect() });
        true
    }

    /// Whether a replay of it is under way.
    pub(in crate::dispatch::redelivery) fn is_replayed(&self, id: DeliveryId) -> bool {
        self.replays.contains_key(&id)
    }

    /// Ends a replay. Those in `open` have the delivery in hand still, and it goes to them again when they have done
    /// with it.
    pub(in crate::dispatch::redelivery) fn end_replay(
        &mut self,
        (id, seq): (DeliveryId, u64),
        open: &[Arc<Seat>],
        now: Instant,
    ) {
        let Some(Replay { began, open: untold }) = self.replays.remove(&id) else { return };
        let is_here = |listener: &String| self.parties.iter().any(|party| party.seat.listener == *listener);
        let with: Vec<_> = open
            .iter()
            .map(|seat| seat.listener.clone())
            .filter(|listener| untold.contains(listener) && is_here(listener))
            .map(|listener| Holder { listener, knows: false, replayed: true })
            .collect();
        if with.is_empty() {
            self.plan.put_back(seq, now);
        } else {
            self.flights.insert(id, Flight { seq, began, with, worst: Conclusion::default() });
        }
        self.rewind(seq.saturating_sub(1));
    }

    /// Takes in an outcome that its replay, which is not over yet, does not wait for; `None`: there is no such replay, or
    /// this listener has no part in it any more.
    pub(super) fn settle_replay(
        &mut self,
        id: DeliveryId,
        seat: &Seat,
        outcome: &Outcome,
        now: Instant,
    ) -> Option<Settled> {
        let replay = self.replays.get_mut(&id)?;
        let at = replay.open.iter().position(|listener| *listener == seat.listener)?;
        replay.open.swap_remove(at);
        let took = now.saturating_duration_since(replay.began);
        let is_over = outcome.accepted();
        if is_over {
            self.accepted(id);
        }
        Some(Settled { is_over, took, replayed: true })
    }
}
