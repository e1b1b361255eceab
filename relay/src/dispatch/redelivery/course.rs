//! What is owed on one endpoint and where each of it stands: pure, but for the seats that it names.
//!
//! - **Catch-up**: in order of arrival, one at a time. It waits for what it sent last, the *leading* delivery, until an
//!   app took it or everybody who has it has done with it.
//! - **The plan**: what an app failed at is tried again after a while of its own, and catch-up goes on without it.
//! - **Absent apps**: a listener whose app is not there is sent nothing until it says that the app is back; what it
//!   could not hand over is the next in turn again.
//! - **Replays**: what is out because somebody asked for it is passed over until that is done.

mod flight;
mod plan;
mod read;
mod replay;

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::frame::Owed;
use muxhook_protocol::{Delivery, DeliveryId, Outcome};
use tokio::time::Instant;

use crate::registry::{Seat, SessionNumber};
use flight::{Conclusion, Flight, Holder};
use plan::Plan;
use replay::Replay;

/// How many owed deliveries are read at once.
const PAGE: usize = 64;

/// How many listeners are told from new ones.
const MOST_KNOWN: usize = 1024;

/// Of how many deliveries it is known who left them out. With more it begins anew: whoever is asked once more leaves them
/// out again.
const MOST_SKIPPED: usize = 65_536;

/// The owed deliveries of one endpoint.
#[derive(Debug, Default)]
pub(super) struct Course {
    parties: Vec<Party>,
    /// Everything up to here was looked at.
    cursor: u64,
    /// Read, and not sent yet.
    page: VecDeque<Delivery>,
    /// There may be more behind the cursor.
    more: bool,
    /// A read is under way.
    reading: bool,
    /// Settled while a read was under way, which may bring it nevertheless.
    settled: HashSet<DeliveryId>,
    flights: HashMap<DeliveryId, Flight>,
    replays: HashMap<DeliveryId, Replay>,
    /// What catch-up waits for.
    leading: Option<DeliveryId>,
    plan: Plan,
    /// Who has left a delivery out by its filters.
    skipped: HashMap<DeliveryId, Vec<String>>,
    /// Listeners that were here before.
    known: HashSet<String>,
}

/// A live listener.
#[derive(Debug)]
struct Party {
    seat: Arc<Seat>,
    /// Its app is not there.
    is_alone: bool,
    /// What it had in hand when it came, and has not settled.
    in_hand: HashSet<DeliveryId>,
}

impl Party {
    /// Whether it can be sent what is owed.
    fn wants(&self) -> bool {
        self.seat.owed == Owed::Deliver && !self.is_alone
    }
}

/// What is to be done next.
#[derive(Debug)]
pub(super) enum Action {
    /// Hand this out to these, and say so by [`Course::sent`].
    Send(Box<Delivery>, Vec<Arc<Seat>>),
    /// Read so many with a `seq` above this one, and give them to [`Course::found`].
    Read { after: u64, most: usize },
    /// Read the one with this `seq`, whose turn has come again, and give it to [`Course::again`].
    Again { seq: u64 },
    /// Wait for a change, or for that moment.
    Wait(Option<Instant>),
    /// See [`Course::is_over`].
    End,
}

/// What an outcome meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dispatch) struct Settled {
    /// It is owed no more.
    pub(in crate::dispatch) is_over: bool,
    /// How long the listener had it.
    pub(in crate::dispatch) took: Duration,
    /// It was out because somebody had asked for it, who waited no longer.
    pub(in crate::dispatch) replayed: bool,
}

impl Course {
    /// A listener comes, or comes back. `in_hand`: what it has. One that is new is offered everything from the
    /// beginning, and what others failed at as well.
    pub(super) fn enter(&mut self, seat: &Arc<Seat>, in_hand: &[DeliveryId]) {
        let now = Instant::now();
        let before = self.parties.iter().find(|party| party.seat.listener == seat.listener);
        if let Some(session) = before.map(|party| party.seat.session) {
            self.leave(session, now);
        }
        if self.known.len() >= MOST_KNOWN {
            self.known.clear();
        }
        if self.known.insert(seat.listener.clone()) {
            self.plan.clear();
        }
        let in_hand = in_hand.iter().copied().collect();
        self.parties.push(Party { seat: Arc::clone(seat), is_alone: false, in_hand });
        self.forget_skips();
        // What the others have in hand is this one's as well.
        self.leading = None;
        self.rewind(0);
    }

    /// A session is over. What it had in hand is offered to others, and to itself when it comes back without it.
    pub(super) fn leave(&mut self, session: SessionNumber, now: Instant) {
        let Some(at) = self.parties.iter().position(|party| party.seat.session == session) else { return };
        let listener = self.parties.swap_remove(at).seat.listener.clone();
        let had: Vec<_> =
            self.flights.iter().filter(|(_, flight)| flight.has(&listener)).map(|(id, _)| *id).collect();
        for id in had {
            if let Some(flight) = self.flights.get_mut(&id) {
                flight.with.retain(|holder| holder.listener != listener);
                flight.worst = flight.worst.max(Conclusion::Absent);
            }
            self.conclude(id, now);
        }
        self.follow();
    }

    /// The app of a listener is there again.
    pub(super) fn reachable(&mut self, session: SessionNumber) {
        for party in self.parties.iter_mut().filter(|party| party.seat.session == session) {
            party.is_alone = false;
        }
    }

    /// Something more is owed, but for the listeners that `skipped` it.
    pub(super) fn add(&mut self, id: DeliveryId, seq: u64, skipped: Vec<String>) {
        self.left_out(id, skipped);
        if seq <= self.cursor && !self.flights.values().any(|flight| flight.seq == seq) {
            self.rewind(seq - 1);
        }
        self.more = true;
    }

    /// These listeners have left a delivery out.
    fn left_out(&mut self, id: DeliveryId, listeners: Vec<String>) {
        if self.skipped.len() >= MOST_SKIPPED {
            self.skipped.clear();
        }
        if !listeners.is_empty() {
            self.skipped.entry(id).or_default().extend(listeners);
        }
    }

    /// What listeners have left out counts for as long as they are here: else each that ever was would be kept.
    fn forget_skips(&mut self) {
        let parties = &self.parties;
        self.skipped.retain(|_, skipped| {
            skipped.retain(|listener| parties.iter().any(|party| party.seat.listener == *listener));
            !skipped.is_empty()
        });
    }

    /// What was read may be owed no more: it is read again.
    pub(super) fn owes_less(&mut self) {
        // Of what is still owed, whoever left it out is asked once more, and leaves it out again.
        self.skipped.clear();
        self.rewind(0);
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Instant) -> Action {
        if self.reading {
            return Action::Wait(None);
        }
        let wants = self.parties.iter().any(Party::wants);
        if wants && let Some(seq) = self.plan.take_due(now) {
            self.reading = true;
            return Action::Again { seq };
        }
        while wants && self.leading.is_none() {
            let Some(delivery) = self.page.pop_front() else {
                if !self.more {
                    break;
                }
                self.reading = true;
                // Set again by what is found, and by what comes meanwhile.
                self.more = false;
                return Action::Read { after: self.cursor, most: PAGE };
            };
            if let Some(action) = self.offer(delivery) {
                return action;
            }
        }
        if self.is_over() {
            return Action::End;
        }
        Action::Wait(self.plan.next().filter(|_| wants))
    }

    /// Whether nothing is left to be done, or nobody to do it for.
    pub(super) fn is_over(&self) -> bool {
        let is_idle = self.flights.is_empty() && self.plan.is_empty() && self.skipped.is_empty();
        let has_nothing = is_idle && !self.more && self.page.is_empty();
        self.replays.is_empty() && (self.parties.is_empty() || has_nothing)
    }

    /// Whom to send the next in turn to; `None`: everybody has it or does not want it.
    fn offer(&mut self, delivery: Delivery) -> Option<Action> {
        let (id, seq) = (delivery.id, delivery.seq);
        if self.plan.has(seq) || self.is_replayed(id) {
            return None;
        }
        let (to, has) = self.whom(id);
        if to.is_empty() && has.is_empty() {
            return None;
        }
        self.leading = Some(id);
        if !has.is_empty() {
            self.begin(id, seq, has);
        }
        if to.is_empty() { None } else { Some(Action::Send(Box::new(delivery), to)) }
    }

    /// Who is to be sent a delivery, and who has it without having been sent it from here.
    fn whom(&self, id: DeliveryId) -> (Vec<Arc<Seat>>, Vec<Holder>) {
        let (skipped, flight) = (self.skipped.get(&id), self.flights.get(&id));
        let (mut to, mut has) = (Vec::new(), Vec::new());
        for party in self.parties.iter().filter(|party| party.wants()) {
            let listener = &party.seat.listener;
            if skipped.is_some_and(|skipped| skipped.contains(listener))
                || flight.is_some_and(|flight| flight.has(listener))
            {
                continue;
            }
            if party.in_hand.contains(&id) {
                has.push(Holder { listener: listener.clone(), knows: false, replayed: false });
            } else {
                to.push(Arc::clone(&party.seat));
            }
        }
        (to, has)
    }

    /// Some have it now; nobody had room for it when there are none.
    pub(super) fn sent(&mut self, id: DeliveryId, seq: u64, to: &[Arc<Seat>], now: Instant) {
        let holder =
            |seat: &Arc<Seat>| Holder { listener: seat.listener.clone(), knows: true, replayed: false };
        if to.is_empty() {
            self.plan.put_off(seq, now);
            self.follow();
            return;
        }
        self.begin(id, seq, to.iter().map(holder).collect());
    }

    fn begin(&mut self, id: DeliveryId, seq: u64, with: Vec<Holder>) {
        let began = Instant::now();
        let new = Flight { seq, began, with: Vec::new(), worst: Conclusion::default() };
        let flight = self.flights.entry(id).or_insert(new);
        flight.began = began;
        flight.with.extend(with);
    }

    /// Takes in what came of a delivery; `None` when it is not in that listener's hands.
    pub(super) fn settle(
        &mut self,
        id: DeliveryId,
        seat: &Seat,
        outcome: &Outcome,
        now: Instant,
    ) -> Option<Settled> {
        let party = self.parties.iter_mut().find(|party| party.seat.session == seat.session);
        let flight = self.flights.get_mut(&id);
        let holder = flight.and_then(|flight| flight.drop_from(&seat.listener));
        let conclusion = Conclusion::of(outcome);
        if let Some(party) = party {
            party.in_hand.remove(&id);
            // On account of another one it does not look for its app: that goes out again at once, as owed.
            let knows = holder.as_ref().is_some_and(|holder| holder.knows);
            party.is_alone |= knows && conclusion == Conclusion::Absent;
        }
        let Some(Holder { replayed, .. }) = holder else {
            return self.settle_replay(id, seat, outcome, now);
        };
        let flight = self.flights.get_mut(&id)?;
        let took = now.saturating_duration_since(flight.began);
        if outcome.accepted() {
            self.accepted(id);
            return Some(Settled { is_over: true, took, replayed });
        }
        flight.worst = flight.worst.max(conclusion);
        if conclusion == Conclusion::Skipped {
            self.left_out(id, vec![seat.listener.clone()]);
        }
        let is_over = self.conclude(id, now);
        self.follow();
        Some(Settled { is_over, took, replayed })
    }

    /// An app accepted it: nobody owes it any more.
    pub(super) fn accepted(&mut self, id: DeliveryId) {
        if let Some(flight) = self.flights.remove(&id) {
            self.plan.drop(flight.seq);
        }
        self.skipped.remove(&id);
        self.page.retain(|delivery| delivery.id != id);
        if self.reading {
            self.settled.insert(id);
        }
        self.follow();
    }

    /// Ends a delivery's round once nobody who is there has it in hand; `true` when it is owed no more.
    fn conclude(&mut self, id: DeliveryId, now: Instant) -> bool {
        let Some(flight) = self.flights.get(&id) else { return false };
        if !flight.with.is_empty() {
            return false;
        }
        let (seq, worst) = (flight.seq, flight.worst);
        self.flights.remove(&id);
        match worst {
            Conclusion::Failed => self.plan.put_off(seq, now),
            Conclusion::Absent => {
                self.plan.drop(seq);
                self.rewind(seq - 1);
            }
            Conclusion::Refused => {
                self.accepted(id);
                return true;
            }
            Conclusion::Skipped => {
                self.plan.drop(seq);
            }
        }
        false
    }

    /// Lets catch-up go on when nobody who is there has the leading delivery in hand.
    fn follow(&mut self) {
        let Some(id) = self.leading else { return };
        if !self.flights.contains_key(&id) {
            self.leading = None;
        }
    }

    /// Looks again at everything behind `after`.
    fn rewind(&mut self, after: u64) {
        // What was read and not sent is read again with it.
        let after = self.page.front().map_or(after, |first| after.min(first.seq.saturating_sub(1)));
        if after < self.cursor || after == 0 {
            self.cursor = after;
            self.page.clear();
        }
        self.more = true;
    }
}

#[cfg(test)]
mod tests;
