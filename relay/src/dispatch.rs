//! One delivery's life: sent to whoever is live, pending by id until the sender has its answer.
//!
//! A pending delivery outlives the connections that carry it: when a listener's link breaks, the delivery waits
//! for the same listener to come back until the reply deadline. One sweep watches all deadlines.

mod answer;
mod ids;
mod pending;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use muxhook_link::Now;
use muxhook_protocol::frame::{DeliverHead, Notice, Role};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{DeliveryId, EndpointId, Frame, Outcome};
use tokio::sync::Notify;
use tokio::time::{Instant, sleep};

pub use answer::Answer;

use crate::accounts::AccountName;
use crate::journal::{Address, Answered, Attempt, By, Entry, Journal, Note, Tried};
use crate::registry::{Registry, Seat, SessionNumber};
use ids::Ids;
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
    /// When the sender must have its answer.
    pub deadline: Instant,
}

/// What a dispatch keeps deliveries in.
#[derive(Debug, Default)]
pub struct Keeping {
    /// The durable record; `None`: nothing is kept.
    pub journal: Option<Arc<Journal>>,
    /// Whether the relay answers itself where no app can, and owes the delivery from then on.
    pub holds: bool,
}

/// The one owner of deliveries.
#[derive(Debug)]
pub struct Dispatch {
    registry: Arc<Registry>,
    pending: Pending,
    ids: Ids,
    journal: Option<Arc<Journal>>,
    /// Whether the relay answers itself where no app can, and owes the delivery from then on.
    holds: bool,
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
        let Keeping { journal, holds } = keeping;
        // Without a journal the number goes on from the clock, so that it grows over restarts too.
        let last = journal.as_ref().map_or(0, |journal| journal.last_seq());
        let ids = Ids::new(random, last.max(now.unix_millis()));
        let holds = holds && journal.is_some();
        Self { registry, pending: Pending::default(), ids, journal, holds, now, window, work: Notify::new() }
    }

    /// Sends `request` to the live sessions of its endpoint and waits for the answer. Dropping the future means that
    /// the sender is gone: whatever comes later is late.
    pub async fn deliver(&self, address: &Address, request: Request) -> Answer {
        let endpoint = &address.endpoint;
        let Some(seats) = self.registry.seats(endpoint) else {
            return self.without_listener(address, &request).await;
        };
        let (id, seq) = self.ids.next(request.received_at);
        let frame = encode(id, seq, &request);
        let received_at = request.received_at;
        for observer in seats.iter().filter(|seat| seat.role == Role::Observer) {
            // A copy that an observer has no room for is lost to it alone.
            let _ = observer.deliver(frame.clone(), self.window);
        }
        let listeners: Vec<&Arc<Seat>> = seats.iter().filter(|seat| seat.role == Role::Listener).collect();
        if listeners.is_empty() {
            self.record(address, (id, seq, received_at), frame, &Answer::Observed, Vec::new());
            return Answer::Observed;
        }
        let mut waiting = self.pending.open(id, endpoint, &frame, &listeners, request.deadline);
        drop(request);
        for seat in &listeners {
            if seat.deliver(frame.clone(), self.window).is_err() {
                self.pending.never_had(id, seat.session);
            }
        }
        self.work.notify_one();
        let Concluded { answer, attempts } = waiting.answer().await;
        self.record(address, (id, seq, received_at), frame, &answer, attempts);
        answer
    }

    /// Nobody is live.
    async fn without_listener(&self, address: &Address, request: &Request) -> Answer {
        let Some(journal) = self.journal.as_ref().filter(|_| self.holds) else { return Answer::NoListener };
        let (id, seq) = self.ids.next(request.received_at);
        let answered = Answered { by: By::Held, status: 200 };
        let entry = Entry {
            address: address.clone(),
            id,
            seq,
            received_at: request.received_at,
            frame: encode(id, seq, request),
            answered,
            handed: 0,
            attempts: Vec::new(),
        };
        match journal.hold(entry).await {
            Ok(()) => Answer::Held,
            Err(error) => Answer::NotHeld(error),
        }
    }

    /// Leaves a delivery that has its answer to history.
    fn record(
        &self,
        address: &Address,
        (id, seq, received_at): (DeliveryId, u64, u64),
        frame: Outgoing,
        answer: &Answer,
        attempts: Vec<Attempt>,
    ) {
        let Some(journal) = &self.journal else { return };
        let handed = u32::try_from(attempts.len()).unwrap_or(u32::MAX);
        let address = address.clone();
        let answered = answer.answered();
        journal.record(Entry { address, id, seq, received_at, frame, answered, handed, attempts });
    }

    /// Whose `endpoint` is, when anybody is live on it.
    #[must_use]
    pub fn owner(&self, endpoint: &EndpointId) -> Option<AccountName> {
        self.registry.seats(endpoint)?.first().map(|seat| seat.account.clone())
    }

    /// Takes in what became of delivery `id` in the hands of `seat`. An outcome that nobody waits for any more is
    /// late, and changes nothing.
    pub fn settle(&self, seat: &Seat, id: DeliveryId, outcome: Outcome) {
        seat.settled();
        let at = self.now.unix_millis();
        if !self.pending.settle(id, seat.session, &outcome, at)
            && let Some(journal) = &self.journal
        {
            let tried = Tried::from(&outcome);
            let attempt =
                Attempt { at, took_ms: 0, session: seat.session, tried, late: true, replayed: false };
            journal.note(Note::Attempted { id, attempt, settled: outcome.accepted() });
        }
    }

    /// The session is over: what it had in hand waits for its listener to come back.
    pub fn lost(&self, session: SessionNumber) {
        self.pending.lost(session);
    }

    /// A listener is back under a new seat. What it still has in hand stays its own; what never reached it is sent
    /// again; what nobody waits for any more will be late.
    pub fn resume(&self, endpoint: &EndpointId, seat: &Arc<Seat>, in_hand: &[DeliveryId]) {
        let resumed = self.pending.resume(endpoint, seat, in_hand);
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
