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
    /// Who has told what came of it when nobody waited for that any more.
    done: Vec<String>,
}

impl Course {
    /// Begins a replay; `false`: a listener has the delivery in hand.
    pub(in crate::dispatch::redelivery) fn begin_replay(&mut self, id: DeliveryId, now: Instant) -> bool {
        if self.flights.contains_key(&id) || self.is_replayed(id) {
            return false;
        }
        self.replays.insert(id, Replay { began: now, done: Vec::new() });
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
        let Some(Replay { began, done }) = self.replays.remove(&id) else { return };
        let is_here = |listener: &String| self.parties.iter().any(|party| party.seat.listener == *listener);
        let with: Vec<_> = open
            .iter()
            .map(|seat| seat.listener.clone())
            .filter(|listener| !done.contains(listener) && is_here(listener))
            .map(|listener| Holder { listener, knows: false, replayed: true })
            .collect();
        if with.is_empty() {
            self.plan.put_back(seq, now);
        } else {
            self.flights.insert(id, Flight { seq, began, with, worst: Conclusion::default() });
        }
        self.rewind(seq.saturating_sub(1));
    }

    /// Takes in an outcome that its replay did not wait for, and is not over yet; `None`: there is no such replay.
    pub(super) fn settle_replay(
        &mut self,
        id: DeliveryId,
        seat: &Seat,
        outcome: &Outcome,
        now: Instant,
    ) -> Option<Settled> {
        let replay = self.replays.get_mut(&id)?;
        replay.done.push(seat.listener.clone());
        let took = now.saturating_duration_since(replay.began);
        let is_over = outcome.accepted();
        if is_over {
            self.accepted(id);
        }
        Some(Settled { is_over, took, replayed: true })
    }
}
