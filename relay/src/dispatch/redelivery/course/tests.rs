//! The course against a model of the world around it: a journal, listeners that come and go, and apps of all sorts.

use std::collections::BTreeMap;

use muxhook_protocol::frame::{Ack, Role};
use muxhook_protocol::{FailReason, Failure, Headers, Reply};
use proptest::prelude::*;

use super::*;
use crate::accounts::{AccountName, Address, Pass};
use crate::registry::Wishes;

mod cases;

/// What may happen.
#[derive(Clone, Debug)]
enum Step {
    /// Something more is owed.
    Hold,
    /// A listener comes, or comes back with what it has, or without.
    Enter { listener: usize, keeps: bool },
    /// Its link is lost.
    Leave { listener: usize },
    /// It settles the oldest that it has in hand.
    Settle { listener: usize, how: How },
    /// Its app is back.
    Reachable { listener: usize },
    /// Somebody wants one of the first owed to be sent again.
    Replay { nth: usize },
    /// Nobody waits for that any more.
    GiveUp,
    /// Time goes by.
    Pass { seconds: u64 },
}

#[derive(Clone, Copy, Debug)]
enum How {
    Accepts,
    Fails,
    Skips,
    IsAway,
}

fn step() -> impl Strategy<Value = Step> {
    let listener = 0..3_usize;
    let how = prop::sample::select(vec![How::Accepts, How::Accepts, How::Fails, How::Skips, How::IsAway]);
    prop_oneof![
        2 => Just(Step::Hold),
        2 => (listener.clone(), any::<bool>()).prop_map(|(listener, keeps)| Step::Enter { listener, keeps }),
        1 => listener.clone().prop_map(|listener| Step::Leave { listener }),
        5 => (listener.clone(), how).prop_map(|(listener, how)| Step::Settle { listener, how }),
        1 => listener.prop_map(|listener| Step::Reachable { listener }),
        1 => (0..4_usize).prop_map(|nth| Step::Replay { nth }),
        1 => Just(Step::GiveUp),
        1 => (0..90_u64).prop_map(|seconds| Step::Pass { seconds }),
    ]
}

fn outcome(how: How) -> Outcome {
    let replied = |status| {
        Outcome::Replied(Reply { status, headers: Headers::new(), body: "".into(), truncated: false })
    };
    match how {
        How::Accepts => replied(200),
        How::Fails => replied(500),
        How::Skips => Outcome::Skipped { filter: "--events x".into() },
        How::IsAway => Outcome::Failed(Failure { reason: FailReason::Refused, message: "nobody".into() }),
    }
}

/// A listener as the world sees it.
#[derive(Default)]
struct Listener {
    seat: Option<Arc<Seat>>,
    in_hand: Vec<DeliveryId>,
}

struct World {
    course: Course,
    now: Instant,
    sessions: SessionNumber,
    /// What is owed, by `seq`.
    owed: BTreeMap<u64, DeliveryId>,
    held: u64,
    listeners: [Listener; 4],
    /// Every sending, by `seq`.
    sent: Vec<u64>,
    /// What is replayed, and the listeners that have not told what came of it.
    replay: Option<(u64, Vec<usize>)>,
}

fn id_of(seq: u64) -> DeliveryId {
    DeliveryId::new(seq, &[0; 10])
}

fn delivery(seq: u64) -> Delivery {
    Delivery {
        id: id_of(seq),
        seq,
        received_at: 0,
        attempt: 1,
        method: "POST".into(),
        path: "".into(),
        query: None,
        headers: Headers::new(),
        owed: true,
        replayed: false,
        body: "".into(),
    }
}

impl World {
    fn new() -> Self {
        Self {
            course: Course::default(),
            now: Instant::now(),
            sessions: 0,
            owed: BTreeMap::new(),
            held: 0,
            listeners: Default::default(),
            sent: Vec::new(),
            replay: None,
        }
    }

    fn hold(&mut self) {
        self.held += 1;
        self.owed.insert(self.held, id_of(self.held));
        self.course.add(id_of(self.held), self.held, Vec::new());
    }

    fn enter(&mut self, number: usize, keeps: bool) {
        self.sessions += 1;
        let address = Address { account: AccountName::default(), endpoint: "shop".parse().unwrap() };
        let wishes = Wishes { role: Role::Listener, ack: Ack::App, owed: Owed::Deliver };
        let pass = Pass::of(AccountName::default());
        let seat =
            Seat::new(self.sessions, address, pass, format!("listener-{number}"), wishes, 0, &Arc::default());
        let listener = &mut self.listeners[number];
        if !keeps {
            listener.in_hand.clear();
        }
        listener.seat = Some(Arc::clone(&seat));
        if let Some((seq, open)) = &self.replay
            && open.contains(&number)
            && !listener.in_hand.contains(&id_of(*seq))
        {
            listener.in_hand.push(id_of(*seq));
        }
        self.course.enter(&seat, &self.listeners[number].in_hand);
    }

    fn leave(&mut self, number: usize) {
        if let Some(seat) = self.listeners[number].seat.take() {
            self.course.leave(seat.session, self.now);
        }
    }

    fn settle(&mut self, number: usize, how: How) {
        let listener = &mut self.listeners[number];
        let Some(seat) = listener.seat.clone().filter(|_| !listener.in_hand.is_empty()) else { return };
        let id = listener.in_hand.remove(0);
        if self.settles_replay(number, id, how) {
            return;
        }
        let settled = self.course.settle(id, &seat, &outcome(how), self.now);
        if matches!(how, How::Accepts) {
            self.course.accepted(id);
            assert!(settled.is_none_or(|settled| settled.is_over));
            self.owed.retain(|_, owed| *owed != id);
        } else {
            assert!(settled.is_none_or(|settled| !settled.is_over));
        }
    }

    fn replay(&mut self, nth: usize) {
        let Some((seq, id)) = self.owed.iter().nth(nth).map(|(seq, id)| (*seq, *id)) else { return };
        let seats: Vec<_> = self.listeners.iter().filter_map(|listener| listener.seat.clone()).collect();
        if self.replay.is_some() || !self.course.begin_replay(id, &seats, self.now) {
            return;
        }
        let mut open = Vec::new();
        for (number, listener) in self.listeners.iter_mut().enumerate() {
            if listener.seat.is_some() {
                // One that had come back with it may have it from before.
                if !listener.in_hand.contains(&id) {
                    listener.in_hand.push(id);
                }
                open.push(number);
            }
        }
        self.replay = Some((seq, open));
    }

    /// Whether the outcome was what a replay waits for, which ends with the last one.
    fn settles_replay(&mut self, number: usize, id: DeliveryId, how: How) -> bool {
        let Some((seq, open)) = &mut self.replay else { return false };
        let seq = *seq;
        let Some(at) = open.iter().position(|open| id_of(seq) == id && *open == number) else { return false };
        open.swap_remove(at);
        let is_last = open.is_empty();
        if matches!(how, How::Accepts) {
            self.course.accepted(id);
            self.owed.remove(&seq);
        }
        if is_last {
            self.give_up();
        }
        true
    }

    fn give_up(&mut self) {
        let Some((seq, open)) = self.replay.take() else { return };
        let seats: Vec<_> = open.iter().filter_map(|number| self.listeners[*number].seat.clone()).collect();
        self.course.end_replay((id_of(seq), seq), &seats, self.now);
    }

    /// Does what the course wants until it waits.
    fn run(&mut self) -> Option<Instant> {
        for _ in 0..10_000 {
            match self.course.next(self.now) {
                Action::Send(delivery, to) => self.send(&delivery, &to),
                Action::Read { after, most } => {
                    let found = self.owed.range(after + 1..).take(most).map(|(seq, _)| delivery(*seq));
                    self.course.found(after, found.collect());
                }
                Action::Again { seq } => {
                    let found = self.owed.range(seq..).next().map(|(seq, _)| delivery(*seq));
                    if let Some((delivery, to)) = self.course.again(seq, found) {
                        self.send(&delivery, &to);
                    }
                }
                Action::Wait(until) => return until,
                Action::End => {
                    // As its task does, and whoever wakes it next.
                    self.course = Course::default();
                    for seat in self.listeners.iter().filter_map(|listener| listener.seat.clone()) {
                        self.course.enter(&seat, &[]);
                    }
                    return None;
                }
            }
        }
        panic!("it never waits");
    }

    fn send(&mut self, delivery: &Delivery, to: &[Arc<Seat>]) {
        assert!(!to.is_empty());
        assert!(self.owed.contains_key(&delivery.seq), "{} is not owed", delivery.seq);
        assert!(self.replay.as_ref().is_none_or(|(seq, _)| *seq != delivery.seq), "it is replayed");
        for seat in to {
            let listener = self
                .listeners
                .iter_mut()
                .find(|listener| listener.seat.as_ref().is_some_and(|own| own.session == seat.session))
                .expect("sent to somebody who is not there");
            assert!(!listener.in_hand.contains(&delivery.id), "it has {} in hand", delivery.seq);
            listener.in_hand.push(delivery.id);
        }
        self.sent.push(delivery.seq);
        self.course.sent(delivery.id, delivery.seq, to, self.now);
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Hold => self.hold(),
            Step::Enter { listener, keeps } => self.enter(listener, keeps),
            Step::Leave { listener } => self.leave(listener),
            Step::Settle { listener, how } => self.settle(listener, how),
            Step::Reachable { listener } => {
                if let Some(seat) = &self.listeners[listener].seat {
                    self.course.reachable(seat.session);
                }
            }
            Step::Replay { nth } => self.replay(nth),
            Step::GiveUp => self.give_up(),
            Step::Pass { seconds } => self.now += Duration::from_secs(seconds),
        }
        self.run();
    }

    /// In the end everybody goes but one who takes everything.
    fn end(&mut self) {
        (0..3).for_each(|number| self.leave(number));
        self.give_up();
        self.enter(3, false);
        self.run();
        for _ in 0..10_000 {
            if self.listeners[3].in_hand.is_empty() {
                return;
            }
            self.settle(3, How::Accepts);
            self.run();
        }
        panic!("it never ends");
    }
}

proptest! {
    #[test]
    fn whatever_happens_everything_owed_is_accepted_in_the_end(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        steps.into_iter().for_each(|step| world.step(step));
        world.end();
        prop_assert!(world.owed.is_empty(), "{:?}", world.owed);
    }

    #[test]
    fn what_is_owed_goes_out_for_the_first_time_in_order(steps in prop::collection::vec(step(), 0..120)) {
        let mut world = World::new();
        // A replay goes out whenever somebody wishes.
        let steps = steps.into_iter().filter(|step| !matches!(step, Step::Replay { .. }));
        steps.for_each(|step| world.step(step));
        world.end();
        let mut first = Vec::new();
        world.sent.iter().for_each(|seq| if !first.contains(seq) { first.push(*seq) });
        prop_assert!(first.is_sorted(), "{first:?}");
    }
}
