//! One delivery's life: sent to whoever is live, pending by id until the sender has its answer.
//!
//! A pending delivery outlives the connections that carry it: when a listener's link breaks, the delivery waits
//! for the same listener to come back until the reply deadline. One sweep watches all deadlines.

mod answer;
mod ids;
mod keeper;
mod past;
mod pending;
mod redelivery;
mod replay;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use muxhook_link::Now;
use muxhook_protocol::frame::{Ack, Backlog, DeliverHead, Gap, Notice, Role};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{DeliveryId, EndpointId, Frame, Outcome};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

pub use answer::Answer;
pub use keeper::Keeping;
pub use replay::ReplayError;

use crate::accounts::AccountName;
use crate::journal::{Address, Attempt, HoldError, Tried};
use crate::registry::{Registry, Seat, Seats};
use ids::Ids;
use keeper::{Arrived, Keeper};
use pending::{Concluded, Pending};

/// How often deadlines are looked at while anything is pending: how late a deadline's answer may be.
const SWEEP: Duration = Duration::from_millis(50);

/// A webhook as the public side received it.
#[derive(Debug)]
pub struct Request {
    /// What followed the endpoint in the path: empty, or beginning with `/`.
    pub path: String,
    /// The query, without its `?`.
    pub query: Option<String>,
    /// The method.
    pub method: http::Method,
    /// The end-to-end header fields.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// When its head had been read: milliseconds since the Unix epoch.
    pub received_at: u64,
    /// The same by the clock that only time moves.
    pub arrived: Instant,
    /// When the sender must have its answer.
    pub deadline: Instant,
}

/// What came of a webhook.
#[derive(Debug)]
pub struct Delivered {
    /// What it was called; `None`: it was turned away before it had a name.
    pub id: Option<DeliveryId>,
    /// What its sender gets.
    pub answer: Answer,
}

/// The one owner of deliveries.
#[derive(Debug)]
pub struct Dispatch {
    registry: Arc<Registry>,
    pending: Pending,
    ids: Ids,
    keeper: Keeper,
    now: Now,
    /// Most deliveries without an outcome that one session is sent.
    window: u32,
    /// Wakes the sweep when something becomes pending.
    work: Notify,
}

impl Dispatch {
    /// A dispatch over the sessions of `registry`. `random` makes this run's ids differ from every other's.
    #[must_use]
    pub fn new(registry: Arc<Registry>, keeping: Keeping, window: u32, random: [u8; 8], now: Now) -> Self {
        let keeper = Keeper::new(&registry, keeping);
        // Without a journal the number goes on from the clock, so that it grows over restarts too.
        let ids = Ids::new(random, keeper.last_seq().max(now.unix_millis()), keeper.last_millis());
        Self { registry, pending: Pending::default(), ids, keeper, now, window, work: Notify::new() }
    }

    /// Sends `request` to the live sessions of its endpoint and waits for the answer; what no app can answer is held.
    /// Dropping the future means that the sender is gone: whatever comes later is late.
    pub async fn deliver(&self, address: &Address, request: Request) -> Delivered {
        let seats = self.registry.seats(&address.endpoint);
        let quiet;
        let traffic = match &seats {
            Some(seats) => &seats.traffic,
            None => {
                quiet = self.registry.traffic(address);
                &quiet
            }
        };
        let _in_flight = traffic.arrived(request.arrived, request.received_at);
        if seats.is_none() && !self.keeper.holds() {
            return Delivered { id: None, answer: Answer::NoListener };
        }
        let deadline = request.deadline;
        let arrived = self.arrive(address, request);
        let id = Some(arrived.id);
        let answer = match &seats {
            Some(seats) => self.hand_over(arrived, seats, deadline).await,
            None => held(self.keeper.hold(arrived).await),
        };
        Delivered { id, answer }
    }

    /// Sends it to whoever is live.
    async fn hand_over(&self, arrived: Arrived, seats: &Seats, deadline: Instant) -> Answer {
        for observer in seats.iter().filter(|seat| seat.role == Role::Observer) {
            // A copy that an observer has no room for is lost to it alone.
            let _ = observer.deliver(arrived.frame.clone(), self.window);
        }
        let listeners: Vec<_> = seats.iter().filter(|seat| seat.role == Role::Listener).cloned().collect();
        if listeners.is_empty() {
            self.keeper.record(arrived, Answer::Observed.answered(), Vec::new());
            return Answer::Observed;
        }
        let is_relays = self.keeper.holds() && listeners.iter().any(|seat| seat.ack == Ack::Relay);
        // What can't be held is the app's to answer.
        if is_relays && self.keeper.hold_and_hand_out(arrived.clone(), listeners.clone()).await.is_ok() {
            return Answer::Held;
        }
        self.ask(arrived, &listeners, deadline).await
    }

    /// Has the apps behind `listeners` answer.
    async fn ask(&self, arrived: Arrived, listeners: &[Arc<Seat>], deadline: Instant) -> Answer {
        let Arrived { id, frame, address, .. } = &arrived;
        let mut waiting = self.pending.open(*id, &address.endpoint, frame, listeners, deadline);
        for seat in listeners {
            if seat.deliver(frame.clone(), self.window).is_err() {
                self.pending.never_had(*id, seat.session);
            }
        }
        self.work.notify_one();
        let Concluded { answer, attempts, .. } = waiting.answer().await;
        let is_lost = matches!(answer, Answer::LinkLost | Answer::GoingDown);
        if is_lost && self.keeper.holds() {
            let skipped = skippers(listeners, &attempts);
            if self.keeper.hold_after_all(arrived.clone(), attempts.clone(), skipped).await.is_ok() {
                return Answer::Held;
            }
        }
        self.keeper.record(arrived, answer.answered(), attempts);
        answer
    }

    fn arrive(&self, address: &Address, request: Request) -> Arrived {
        let (id, seq) = self.ids.next(request.received_at);
        let frame = encode(id, seq, &request);
        Arrived { address: address.clone(), id, seq, received_at: request.received_at, frame }
    }

    /// Whose `endpoint` is, when anybody is live on it.
    #[must_use]
    pub fn owner(&self, endpoint: &EndpointId) -> Option<AccountName> {
        self.registry.seats(endpoint)?.first().map(|seat| seat.address.account.clone())
    }

    /// Takes in what became of delivery `id` in the hands of `seat`. An outcome that nobody waits for any more is
    /// late, and changes nothing.
    pub fn settle(&self, seat: &Seat, id: DeliveryId, outcome: Outcome) {
        seat.settled();
        let at = self.now.unix_millis();
        if !self.pending.settle(id, seat.session, &outcome, at) {
            self.keeper.settle(id, seat, &outcome, at);
        }
    }

    /// The session is over: what it had in hand waits for its listener to come back.
    pub fn lost(&self, seat: &Seat) {
        self.pending.lost(seat.session);
        self.keeper.leave(seat);
    }

    /// A listener's app can be reached again.
    pub fn reachable(&self, seat: &Seat) {
        self.keeper.reachable(seat);
    }

    /// How much is owed on an endpoint.
    pub async fn backlog(&self, address: &Address) -> Backlog {
        self.keeper.backlog(address).await
    }

    /// What was owed on an endpoint and is not any more, though no app accepted it; until [`Dispatch::gaps_told`].
    pub async fn gaps(&self, address: &Address) -> Vec<Gap> {
        self.keeper.gaps(address).await
    }

    /// A listener has read of these.
    pub fn gaps_told(&self, address: &Address, gaps: Vec<Gap>) {
        self.keeper.gaps_told(address, gaps);
    }

    /// The number of the latest delivery.
    #[must_use]
    pub fn latest_seq(&self) -> u64 {
        self.ids.latest()
    }

    /// A listener is there, or back under a new seat. What it still has in hand stays its own; what never reached it is
    /// sent again; what nobody waits for any more will be late; what the endpoint owes goes out.
    pub fn resume(&self, seat: &Arc<Seat>, in_hand: &[DeliveryId]) {
        let resumed = self.pending.resume(&seat.address.endpoint, seat, in_hand);
        if seat.role == Role::Listener {
            self.keeper.enter(seat, in_hand);
        }
        for id in resumed.over {
            // Without room its user does not learn it, and loses nothing else.
            let _ = seat.send(Outgoing::control(&Frame::Answered { id }));
        }
        for frame in resumed.again {
            // Without room the delivery waits for its deadline as if the link were still lost.
            let _ = seat.deliver(frame, u32::MAX);
        }
    }

    /// Tells the listeners of `endpoint` something that their users should know.
    pub fn notify(&self, endpoint: &EndpointId, code: &str, message: &str) {
        let Some(seats) = self.registry.seats(endpoint) else { return };
        let notice = Notice { code: code.to_owned(), message: message.to_owned() };
        let frame = Outgoing::control(&Frame::Notice(notice));
        for seat in seats.iter() {
            seat.notice(&frame);
        }
    }

    /// Answers everything that still waits: the relay goes down.
    pub fn give_up(&self) {
        self.pending.give_up();
    }

    /// How many deliveries wait for an answer.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.pending.len()
    }

    /// Watches the deadlines of everything pending: one timer for all. Never ends.
    pub async fn sweep(&self) {
        loop {
            if self.pending.len() == 0 {
                self.work.notified().await;
            }
            sleep(SWEEP).await;
            self.pending.expire(Instant::now());
        }
    }
}

/// The listeners whose filters left a delivery out. One that has come back meanwhile is asked once more.
fn skippers(listeners: &[Arc<Seat>], attempts: &[Attempt]) -> Vec<String> {
    let skips = attempts.iter().filter(|attempt| matches!(attempt.tried, Tried::Skipped(_)));
    let seats = skips.filter_map(|skip| listeners.iter().find(|seat| seat.session == skip.session));
    seats.map(|seat| seat.listener.clone()).collect()
}

fn held(done: Result<(), HoldError>) -> Answer {
    match done {
        Ok(()) => Answer::Held,
        Err(error) => Answer::NotHeld(error),
    }
}

fn encode(id: DeliveryId, seq: u64, request: &Request) -> Outgoing {
    let head = DeliverHead {
        id,
        seq,
        received_at: request.received_at,
        attempt: 1,
        method: request.method.as_str(),
        path: &request.path,
        query: request.query.as_deref(),
        owed: false,
        replayed: false,
        size: 0,
    };
    let headers = request.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    Outgoing::deliver(head, headers, &request.body)
}
