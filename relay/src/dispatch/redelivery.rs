//! What is owed goes out again until an app accepts it. One task for each endpoint that owes something and has a
//! listener; what it does next is for its [`Course`] to say.

mod course;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use muxhook_protocol::frame::Role;
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{Delivery, DeliveryId, Outcome};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use crate::journal::{Address, Journal, Note};
use crate::registry::{Registry, Seat};
use course::{Action, Course};

pub(super) use course::Settled;

/// After a read that failed.
const UNREAD_PAUSE: Duration = Duration::from_secs(5);

/// Everything that is owed, as far as somebody listens.
#[derive(Debug)]
pub(super) struct Redelivery {
    registry: Arc<Registry>,
    journal: Arc<Journal>,
    ways: Mutex<HashMap<Address, Arc<Way>>>,
}

/// One endpoint's course, and what wakes its task.
#[derive(Debug, Default)]
struct Way {
    course: Mutex<Course>,
    changed: Notify,
}

impl Way {
    fn course(&self) -> MutexGuard<'_, Course> {
        self.course.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes an endpoint's course away when its task ends, by a panic too: the next that comes begins another.
struct Gone<'w> {
    redelivery: &'w Redelivery,
    address: &'w Address,
    way: &'w Arc<Way>,
}

impl Drop for Gone<'_> {
    fn drop(&mut self) {
        let mut ways = self.redelivery.ways();
        if ways.get(self.address).is_some_and(|way| Arc::ptr_eq(way, self.way)) {
            ways.remove(self.address);
        }
    }
}

impl Redelivery {
    pub(super) fn new(registry: Arc<Registry>, journal: Arc<Journal>) -> Arc<Self> {
        Arc::new(Self { registry, journal, ways: Mutex::default() })
    }

    /// A listener comes to an endpoint that owes something, or comes back with what it has in hand.
    pub(super) fn enter(self: &Arc<Self>, seat: &Arc<Seat>, in_hand: &[DeliveryId]) {
        self.begin_or_go_on(&seat.address, |course| course.enter(seat, in_hand));
    }

    /// A session is over.
    pub(super) fn leave(&self, seat: &Seat) {
        self.go_on(&seat.address, |course| course.leave(seat.session, Instant::now()));
    }

    /// A listener's app is there again.
    pub(super) fn reachable(&self, seat: &Seat) {
        self.go_on(&seat.address, |course| course.reachable(seat.session));
    }

    /// A delivery is owed now, or may be in a moment, but for the listeners that `skipped` it. Without a listener it
    /// waits for one.
    pub(super) fn add(
        self: &Arc<Self>,
        address: &Address,
        (id, seq): (DeliveryId, u64),
        skipped: Vec<String>,
    ) {
        if self.registry.seats(&address.endpoint).is_some() {
            self.begin_or_go_on(address, |course| course.add(id, seq, skipped));
        }
    }

    /// A delivery that is owed from now on goes to these at once.
    pub(super) fn hand_out(self: &Arc<Self>, address: &Address, delivery: Delivery, to: Vec<Arc<Seat>>) {
        self.begin_or_go_on(address, |course| {
            if !course.is_replayed(delivery.id) {
                self.send(course, delivery, to);
            }
        });
    }

    /// Takes in what came of a delivery; `None` when it is none that was sent from here.
    pub(super) fn settle(&self, id: DeliveryId, seat: &Seat, outcome: &Outcome) -> Option<Settled> {
        self.go_on(&seat.address, |course| {
            let settled = course.settle(id, seat, outcome, Instant::now());
            if settled.is_none() && outcome.accepted() {
                course.accepted(id);
            }
            settled
        })?
    }

    /// Somebody wants it to be sent to these again; `false`: a listener has it in hand.
    pub(super) fn begin_replay(
        self: &Arc<Self>,
        address: &Address,
        id: DeliveryId,
        to: &[Arc<Seat>],
    ) -> bool {
        let mut may = false;
        self.begin_or_go_on(address, |course| may = course.begin_replay(id, to, Instant::now()));
        may
    }

    /// That is over. `open` tells who has it in hand still; each outcome counts from then on as one of these.
    pub(super) fn end_replay(
        &self,
        address: &Address,
        which: (DeliveryId, u64),
        open: impl FnOnce() -> Vec<Arc<Seat>>,
    ) {
        self.go_on(address, |course| course.end_replay(which, &open(), Instant::now()));
    }

    /// It is owed no more: an app accepted it otherwise.
    pub(super) fn settled(&self, address: &Address, id: DeliveryId) {
        self.go_on(address, |course| course.accepted(id));
    }

    /// The journal owes less than it did. What a read under way brings may still go out.
    pub(super) fn owes_less(&self, address: &Address) {
        self.go_on(address, Course::owes_less);
    }

    /// Changes the course of an endpoint, if that has one, and wakes its task.
    fn go_on<T>(&self, address: &Address, change: impl FnOnce(&mut Course) -> T) -> Option<T> {
        let ways = self.ways();
        let way = ways.get(address)?;
        let changed = change(&mut way.course());
        way.changed.notify_one();
        Some(changed)
    }

    /// As [`Redelivery::go_on`]; one that has no course begins one, with everybody who listens there.
    fn begin_or_go_on(self: &Arc<Self>, address: &Address, change: impl FnOnce(&mut Course)) {
        let mut ways = self.ways();
        let way = ways.entry(address.clone()).or_insert_with(|| {
            let way = Arc::new(Way::default());
            let seats = self.registry.seats(&address.endpoint);
            for seat in seats.iter().flat_map(|seats| seats.iter()) {
                if seat.role == Role::Listener && seat.address == *address {
                    way.course().enter(seat, &[]);
                }
            }
            tokio::spawn(Arc::clone(self).go(address.clone(), Arc::clone(&way)));
            way
        });
        change(&mut way.course());
        way.changed.notify_one();
    }

    async fn go(self: Arc<Self>, address: Address, way: Arc<Way>) {
        let _gone = Gone { redelivery: &self, address: &address, way: &way };
        loop {
            let action = {
                let mut course = way.course();
                match course.next(Instant::now()) {
                    Action::Send(delivery, to) => {
                        self.send(&mut course, *delivery, to);
                        continue;
                    }
                    action => action,
                }
            };
            match action {
                Action::Read { after, most } => match self.journal.owed(&address, after, most).await {
                    Ok(found) => way.course().found(after, found),
                    Err(_) => self.unread(&way, None).await,
                },
                Action::Again { seq } => match self.journal.owed(&address, seq - 1, 1).await {
                    Ok(found) => {
                        let mut course = way.course();
                        if let Some((delivery, to)) = course.again(seq, found.into_iter().next()) {
                            self.send(&mut course, *delivery, to);
                        }
                    }
                    Err(_) => self.unread(&way, Some(seq)).await,
                },
                Action::Wait(None) => way.changed.notified().await,
                Action::Wait(Some(until)) => tokio::select! {
                    () = way.changed.notified() => {}
                    () = sleep_until(until) => {}
                },
                Action::End => {
                    let mut ways = self.ways();
                    // Somebody may have come meanwhile.
                    if way.course().is_over() {
                        ways.remove(&address);
                        return;
                    }
                }
                Action::Send(..) => {}
            }
        }
    }

    async fn unread(&self, way: &Way, again: Option<u64>) {
        way.course().unread(again, Instant::now());
        sleep(UNREAD_PAUSE).await;
    }

    /// Hands a delivery to these listeners, whatever they have in hand already: it is one at a time.
    fn send(&self, course: &mut Course, delivery: Delivery, mut to: Vec<Arc<Seat>>) {
        let frame = Outgoing::delivery(&delivery);
        to.retain(|seat| seat.deliver(frame.clone(), u32::MAX).is_ok());
        if !to.is_empty() {
            self.journal.note(Note::Handed { id: delivery.id });
        }
        course.sent(delivery.id, delivery.seq, &to, Instant::now());
    }

    fn ways(&self) -> MutexGuard<'_, HashMap<Address, Arc<Way>>> {
        self.ways.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
