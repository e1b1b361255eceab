//! Deliveries that wait for an answer, by id.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{DeliveryId, EndpointId, Frame, Outcome};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::{Answer, Standing, Tally};
use crate::journal::{Attempt, Tried};
use crate::registry::{Seat, SessionNumber};

/// The table of deliveries that wait for an answer.
#[derive(Debug, Default)]
pub(super) struct Pending(Mutex<HashMap<DeliveryId, Entry>>);

#[derive(Debug)]
struct Entry {
    endpoint: EndpointId,
    /// Kept to be sent again to a listener that comes back without it.
    frame: Outgoing,
    parties: Vec<Party>,
    tally: Tally,
    began: Instant,
    deadline: Instant,
    /// What came of it so far.
    attempts: Vec<Attempt>,
    /// Whoever waits for the answer. When it is gone, so is the sender.
    reply: oneshot::Sender<Concluded>,
}

/// What the sender is told, and what came of the attempts until then.
#[derive(Debug)]
pub(super) struct Concluded {
    pub(super) answer: Answer,
    pub(super) attempts: Vec<Attempt>,
    /// Who has it in hand still.
    pub(super) open: Vec<Arc<Seat>>,
}

impl Concluded {
    fn nothing() -> Self {
        Self { answer: Answer::Internal, attempts: Vec::new(), open: Vec::new() }
    }
}

/// One listener's part in a delivery.
#[derive(Debug)]
struct Party {
    seat: Arc<Seat>,
    standing: Standing,
}

/// What a listener that comes back is to be told.
pub(super) struct Resumed {
    /// What it has in hand and nobody waits for any more.
    pub(super) over: Vec<DeliveryId>,
    /// What it does not have, to be sent once more, in order of arrival.
    pub(super) again: Vec<Outgoing>,
}

impl Entry {
    fn begin(
        endpoint: &EndpointId,
        frame: &Outgoing,
        listeners: &[Arc<Seat>],
        deadline: Instant,
    ) -> (Self, oneshot::Receiver<Concluded>) {
        let (reply, answer) = oneshot::channel();
        let party = |seat: &Arc<Seat>| Party { seat: Arc::clone(seat), standing: Standing::Waiting };
        let (parties, began) = (listeners.iter().map(party).collect(), Instant::now());
        let (endpoint, frame, tally, attempts) =
            (endpoint.clone(), frame.clone(), Tally::default(), Vec::new());
        (Self { endpoint, frame, parties, tally, began, deadline, attempts, reply }, answer)
    }

    fn open(&self) -> impl Iterator<Item = &Party> {
        self.parties.iter().filter(|party| party.standing != Standing::Done)
    }

    /// The party of a session that has yet to settle.
    fn party_of(&mut self, session: SessionNumber) -> Option<&mut Party> {
        self.parties
            .iter_mut()
            .find(|party| party.seat.session == session && party.standing != Standing::Done)
    }

    /// Nobody gave the answer in time: whoever still has the delivery in hand is told that its outcome will be late.
    fn answer_late(self, id: DeliveryId, answer: Answer) {
        let late = Outgoing::control(&Frame::Answered { id });
        for party in self.open().filter(|party| party.standing == Standing::Waiting) {
            // A session with no room for this is as good as gone, and late is what it will be taken for.
            let _ = party.seat.send(late.clone());
        }
        self.answer(answer);
    }

    fn answer(self, answer: Answer) {
        let open = self.open().map(|party| Arc::clone(&party.seat)).collect();
        // Nobody may be left to hear it.
        let _ = self.reply.send(Concluded { answer, attempts: self.attempts, open });
    }
}

/// A wait for one answer. Dropped before it came: the sender is gone, and the delivery is over.
pub(super) struct Waiting<'a> {
    table: &'a Pending,
    id: DeliveryId,
    answer: oneshot::Receiver<Concluded>,
    answered: bool,
}

impl Waiting<'_> {
    pub(super) async fn answer(&mut self) -> Concluded {
        let concluded = (&mut self.answer).await;
        self.answered = true;
        concluded.unwrap_or_else(|_| Concluded::nothing())
    }

    /// Ends it, unless it is over, as if the time were.
    pub(super) fn give_up(&mut self) -> Concluded {
        self.close();
        self.answered = true;
        self.answer.try_recv().unwrap_or_else(|_| Concluded::nothing())
    }

    fn close(&self) {
        let entry = self.table.lock().remove(&self.id);
        if let Some(entry) = entry {
            entry.answer_late(self.id, Answer::TooLate);
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if !self.answered {
            self.close();
        }
    }
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }

    /// Opens a delivery in the hands of `listeners`.
    pub(super) fn open(
        &self,
        id: DeliveryId,
        endpoint: &EndpointId,
        frame: &Outgoing,
        listeners: &[Arc<Seat>],
        deadline: Instant,
    ) -> Waiting<'_> {
        let (entry, answer) = Entry::begin(endpoint, frame, listeners, deadline);
        self.lock().insert(id, entry);
        Waiting { table: self, id, answer, answered: false }
    }

    /// As [`Pending::open`], for a delivery that may be open already: `None` then.
    pub(super) fn open_again(
        &self,
        id: DeliveryId,
        endpoint: &EndpointId,
        frame: &Outgoing,
        listeners: &[Arc<Seat>],
        deadline: Instant,
    ) -> Option<Waiting<'_>> {
        let mut table = self.lock();
        let std::collections::hash_map::Entry::Vacant(place) = table.entry(id) else { return None };
        let (entry, answer) = Entry::begin(endpoint, frame, listeners, deadline);
        place.insert(entry);
        Some(Waiting { table: self, id, answer, answered: false })
    }

    /// The session had no room for it. Without anybody else to wait for, the sender may try again.
    pub(super) fn never_had(&self, id: DeliveryId, session: SessionNumber) {
        self.conclude(id, session, |entry, open| entry.tally.turned_away(open));
    }

    /// Takes an outcome in, which came at `at` (milliseconds since the Unix epoch); `false` when nobody waits for it.
    pub(super) fn settle(&self, id: DeliveryId, session: SessionNumber, outcome: &Outcome, at: u64) -> bool {
        self.conclude(id, session, |entry, open| {
            let took_ms = u64::try_from(entry.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            let tried = Tried::from(outcome);
            entry.attempts.push(Attempt { at, took_ms, session, tried, late: false, replayed: false });
            entry.tally.settle(outcome.clone(), open)
        })
    }

    /// One party is done; `tell` says what that means, told whether others have yet to settle.
    fn conclude(
        &self,
        id: DeliveryId,
        session: SessionNumber,
        tell: impl FnOnce(&mut Entry, bool) -> Option<Answer>,
    ) -> bool {
        let mut table = self.lock();
        let Some(entry) = table.get_mut(&id) else { return false };
        let Some(party) = entry.party_of(session) else { return false };
        party.standing = Standing::Done;
        let open = entry.open().next().is_some();
        if let Some(answer) = tell(entry, open)
            && let Some(entry) = table.remove(&id)
        {
            drop(table);
            entry.answer(answer);
        }
        true
    }

    /// Marks everything in the hands of a session as waiting for its listener to come back.
    pub(super) fn lost(&self, session: SessionNumber) {
        for entry in self.lock().values_mut() {
            for party in entry.parties.iter_mut().filter(|party| party.seat.session == session) {
                if party.standing == Standing::Waiting {
                    party.standing = Standing::Lost;
                }
            }
        }
    }

    /// Puts everything that `seat`'s listener has not settled into its hands again.
    pub(super) fn resume(&self, endpoint: &EndpointId, seat: &Arc<Seat>, in_hand: &[DeliveryId]) -> Resumed {
        let mut table = self.lock();
        let over = in_hand.iter().filter(|id| !table.contains_key(id)).copied().collect();
        let mut again = Vec::new();
        for (id, entry) in table.iter_mut().filter(|(_, entry)| entry.endpoint == *endpoint) {
            let mine =
                |party: &&mut Party| party.seat.listener == seat.listener && party.standing != Standing::Done;
            let Some(party) = entry.parties.iter_mut().find(mine) else { continue };
            *party = Party { seat: Arc::clone(seat), standing: Standing::Waiting };
            if !in_hand.contains(id) {
                again.push((*id, entry.frame.clone()));
            }
        }
        again.sort_by_key(|(id, _)| *id);
        Resumed { over, again: again.into_iter().map(|(_, frame)| frame).collect() }
    }

    /// Answers whatever is past its deadline.
    pub(super) fn expire(&self, now: Instant) {
        let due: Vec<_> = {
            let mut table = self.lock();
            table.extract_if(|_, entry| entry.deadline <= now).collect()
        };
        for (id, mut entry) in due {
            let standings: Vec<_> = entry.open().map(|party| party.standing.clone()).collect();
            let answer = entry.tally.expire(standings);
            entry.answer_late(id, answer);
        }
    }

    /// Answers whatever is left.
    pub(super) fn give_up(&self) {
        let left: Vec<_> = self.lock().drain().collect();
        for (id, entry) in left {
            entry.answer_late(id, Answer::GoingDown);
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<DeliveryId, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
