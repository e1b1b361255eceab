//! Which deliveries are in hand, and which outcomes the relay may not have read yet. Pure.
//!
//! Outcomes wait in one queue from being settled until the relay has confirmed that it read them. What was sent of
//! it is a position in it; a new link begins at its head again.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{DeliveryId, FailReason, Failure, Outcome};

/// After this many outcomes the relay is asked to confirm.
const MARK_OUTCOMES: usize = 256;

/// After this many bytes of outcomes the relay is asked to confirm.
const MARK_BYTES: usize = 1024 * 1024;

/// Most ids in a greeting: 39 bytes each, it stays below a frame's largest head. What is left out is recognised
/// when it comes again.
const MOST_NAMED: usize = 6000;

/// What is known of the deliveries that the relay may ask about.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    deliveries: HashMap<DeliveryId, Known>,
    in_hand: usize,
    /// Settled, and not known to have been read: numbered one by one from `first`.
    settled: VecDeque<Settled>,
    first: u64,
    /// The number of the next one to be sent.
    unsent: u64,
    /// What was sent since the last mark.
    unmarked: usize,
    unmarked_bytes: usize,
    /// Marks that are not confirmed: each with the number up to which it stands.
    marks: VecDeque<(u64, u64)>,
}

#[derive(Debug)]
struct Known {
    attempt: u32,
    /// Its number among the settled ones; `None`: in hand.
    settled: Option<u64>,
}

#[derive(Debug)]
struct Settled {
    id: DeliveryId,
    /// `None` once a later attempt has come: the relay read the outcome of the earlier one.
    outcome: Option<Outgoing>,
}

/// What a delivery that arrives is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// To be handed out.
    New,
    /// In hand, or settled: its outcome is on its way.
    Known,
}

impl Ledger {
    /// Takes a delivery that arrived. A delivery that is settled comes again as another attempt only.
    pub(super) fn take(&mut self, id: DeliveryId, attempt: u32) -> Taken {
        match self.deliveries.entry(id) {
            Entry::Vacant(vacant) => {
                vacant.insert(Known { attempt, settled: None });
            }
            Entry::Occupied(mut known) => match known.get().settled {
                Some(number) if attempt > known.get().attempt => {
                    known.insert(Known { attempt, settled: None });
                    let index = usize::try_from(number - self.first).unwrap_or(usize::MAX);
                    if let Some(settled) = self.settled.get_mut(index) {
                        settled.outcome = None;
                    }
                }
                Some(_) => return Taken::Known,
                None => {
                    // The outcome of what is in hand will do for this attempt as well.
                    let known = known.get_mut();
                    known.attempt = known.attempt.max(attempt);
                    return Taken::Known;
                }
            },
        }
        self.in_hand += 1;
        Taken::New
    }

    /// Whether the relay has sent far more than the `window` of deliveries that it said it would: of unsettled
    /// ones, or of settled ones without reading their outcomes.
    pub(super) fn is_beyond(&self, window: u32) -> bool {
        let window = window as usize;
        self.in_hand > window.saturating_mul(2)
            || self.deliveries.len() > window.saturating_mul(4).saturating_add(4 * MARK_OUTCOMES)
    }

    /// Takes what became of a delivery in hand.
    pub(super) fn settle(&mut self, id: DeliveryId, outcome: &Outcome) {
        let Some(known) = self.deliveries.get_mut(&id).filter(|known| known.settled.is_none()) else {
            return;
        };
        known.settled = Some(self.first + self.settled.len() as u64);
        self.settled.push_back(Settled { id, outcome: Some(Outgoing::outcome(id, outcome)) });
        self.in_hand -= 1;
    }

    /// Nothing more will become of what is in hand: its senders are to be told so now, not left to wait.
    pub(super) fn give_up(&mut self) {
        let in_hand = self.deliveries.iter().filter(|(_, known)| known.settled.is_none());
        let in_hand: Vec<_> = in_hand.map(|(id, _)| *id).collect();
        let message = "the listener ended before the app answered".to_owned();
        let outcome = Outcome::Failed(Failure { reason: FailReason::Reset, message });
        in_hand.into_iter().for_each(|id| self.settle(id, &outcome));
    }

    /// Every delivery that the relay need not send, the oldest first.
    pub(super) fn known(&self) -> Vec<DeliveryId> {
        let mut ids: Vec<_> = self.deliveries.keys().copied().collect();
        ids.sort_unstable();
        ids.truncate(MOST_NAMED);
        ids
    }

    /// A new link stands: everything is to be sent over it.
    pub(super) fn relinked(&mut self) {
        self.unsent = self.first;
        self.marks.clear();
        (self.unmarked, self.unmarked_bytes) = (0, 0);
    }

    pub(super) fn has_unsent(&self) -> bool {
        self.unsent < self.first + self.settled.len() as u64
    }

    /// The next outcome to be sent.
    pub(super) fn next_unsent(&mut self) -> Option<Outgoing> {
        loop {
            let index = usize::try_from(self.unsent - self.first).ok()?;
            let settled = self.settled.get(index)?;
            self.unsent += 1;
            if let Some(outcome) = &settled.outcome {
                self.unmarked += 1;
                self.unmarked_bytes += outcome.weight();
                return Some(outcome.clone());
            }
        }
    }

    /// Whether so much was sent that the relay is to confirm it.
    pub(super) fn wants_mark(&self) -> bool {
        self.unmarked >= MARK_OUTCOMES || self.unmarked_bytes >= MARK_BYTES
    }

    /// Whether the relay is to confirm what little was sent: no other mark is under way.
    pub(super) fn wants_idle_mark(&self) -> bool {
        self.unmarked > 0 && self.marks.is_empty()
    }

    /// Everything sent so far was followed by `mark`.
    pub(super) fn marked(&mut self, mark: u64) {
        self.marks.push_back((mark, self.unsent));
        (self.unmarked, self.unmarked_bytes) = (0, 0);
    }

    /// The relay has read everything before `mark`.
    pub(super) fn confirmed(&mut self, mark: u64) {
        while let Some((_, end)) = self.marks.front().copied().filter(|(asked, _)| *asked <= mark) {
            self.marks.pop_front();
            while self.first < end
                && let Some(settled) = self.settled.pop_front()
            {
                self.first += 1;
                if settled.outcome.is_some() {
                    self.deliveries.remove(&settled.id);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> DeliveryId {
        DeliveryId::new(u64::from(number), &[number; 10])
    }

    fn skipped() -> Outcome {
        Outcome::Skipped { filter: "--events x".into() }
    }

    fn unsent(ledger: &mut Ledger) -> usize {
        std::iter::from_fn(|| ledger.next_unsent()).count()
    }

    #[test]
    fn a_delivery_is_taken_once() {
        let mut ledger = Ledger::default();
        assert_eq!(ledger.take(id(1), 1), Taken::New);
        assert_eq!(ledger.take(id(1), 1), Taken::Known);
        assert_eq!(ledger.take(id(1), 2), Taken::Known, "in hand: its outcome will do");
        ledger.settle(id(1), &skipped());
        assert_eq!(ledger.take(id(1), 1), Taken::Known);
        assert_eq!(ledger.known(), [id(1)]);
    }

    #[test]
    fn a_settled_delivery_comes_again_as_another_attempt() {
        let mut ledger = Ledger::default();
        ledger.take(id(1), 1);
        ledger.settle(id(1), &skipped());
        assert_eq!(ledger.take(id(1), 2), Taken::New);
        assert_eq!(unsent(&mut ledger), 0, "the outcome of the first attempt is not sent as the second's");
        ledger.settle(id(1), &skipped());
        assert_eq!(unsent(&mut ledger), 1);
        ledger.marked(1);
        ledger.confirmed(1);
        assert_eq!(ledger.known(), []);
        assert_eq!(ledger.take(id(1), 2), Taken::New, "forgotten once confirmed");
    }

    #[test]
    fn a_later_attempt_at_what_is_in_hand_is_settled_with_it() {
        let mut ledger = Ledger::default();
        ledger.take(id(1), 1);
        assert_eq!(ledger.take(id(1), 3), Taken::Known);
        assert!(!ledger.is_beyond(1), "it is in hand once");
        ledger.settle(id(1), &skipped());
        assert_eq!(ledger.take(id(1), 2), Taken::Known);
        assert_eq!(ledger.take(id(1), 3), Taken::Known, "sent again over another link");
        assert_eq!(unsent(&mut ledger), 1, "one outcome for both");
        assert_eq!(ledger.take(id(1), 4), Taken::New);
    }

    #[test]
    fn an_outcome_is_kept_until_confirmed() {
        let mut ledger = Ledger::default();
        for number in 1..=3 {
            ledger.take(id(number), 1);
            ledger.settle(id(number), &skipped());
        }
        assert_eq!(unsent(&mut ledger), 3);
        ledger.relinked();
        assert!(ledger.next_unsent().is_some());
        assert!(ledger.wants_idle_mark());
        ledger.marked(7);
        assert!(!ledger.wants_idle_mark());
        ledger.confirmed(6);
        assert_eq!(ledger.known(), [id(1), id(2), id(3)]);
        ledger.confirmed(7);
        assert_eq!(ledger.known(), [id(2), id(3)]);
        ledger.relinked();
        assert_eq!(unsent(&mut ledger), 2);
    }

    #[test]
    fn many_outcomes_and_large_ones_want_a_mark() {
        let mut ledger = Ledger::default();
        for number in 0..=255 {
            ledger.take(id(number), 1);
            ledger.settle(id(number), &skipped());
            assert!(!ledger.wants_mark());
            ledger.next_unsent();
        }
        assert!(ledger.wants_mark());
        let mut ledger = Ledger::default();
        ledger.take(id(1), 1);
        ledger.settle(id(1), &Outcome::Skipped { filter: "x".repeat(MARK_BYTES) });
        ledger.next_unsent();
        assert!(ledger.wants_mark());
    }

    #[test]
    fn what_is_not_in_hand_cannot_be_settled() {
        let mut ledger = Ledger::default();
        ledger.settle(id(1), &skipped());
        ledger.take(id(2), 1);
        ledger.settle(id(2), &skipped());
        ledger.settle(id(2), &skipped());
        assert_eq!(unsent(&mut ledger), 1);
    }

    #[test]
    fn a_relay_that_reads_nothing_is_beyond_its_window() {
        let mut ledger = Ledger::default();
        for number in 0..=20u64 {
            assert!(!ledger.is_beyond(10), "{number}");
            ledger.take(DeliveryId::new(number, &[0; 10]), 1);
        }
        assert!(ledger.is_beyond(10));
        let mut ledger = Ledger::default();
        let most = 4 * 10 + 4 * MARK_OUTCOMES as u64;
        for number in 0..=most {
            assert!(!ledger.is_beyond(10), "{number}");
            ledger.take(DeliveryId::new(number, &[0; 10]), 1);
            ledger.settle(DeliveryId::new(number, &[0; 10]), &skipped());
        }
        assert!(ledger.is_beyond(10));
    }

    #[test]
    fn a_greeting_names_no_more_than_fits_a_head() {
        let mut ledger = Ledger::default();
        for number in 0..MOST_NAMED as u64 + 5 {
            ledger.take(DeliveryId::new(number, &[0; 10]), 1);
        }
        let ids = ledger.known();
        assert_eq!(ids.len(), MOST_NAMED);
        assert!(serde_json::to_vec(&ids).unwrap().len() < muxhook_protocol::frame::MAX_HEAD - 4096);
    }
}
