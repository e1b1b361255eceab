//! This node's memory of who is live and what comes: endpoint → sessions and counts. No I/O, nothing awaited.
//!
//! - `seat`: one live session, as dispatch sees it.
//! - `traffic`: what comes to one endpoint.

mod seat;
mod traffic;

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use muxhook_protocol::EndpointId;
use muxhook_protocol::frame::Role;
use muxhook_protocol::parts::Outgoing;
use tokio::time::Instant;

use crate::accounts::{AccountName, Address};
use crate::outbox::Room;
pub use seat::{Seat, SessionNumber, Wishes};
pub use traffic::{Figures, InFlight, Rate, Traffic};

/// Most endpoints without a session whose counts are remembered.
const MOST_QUIET: usize = 20_000;

/// The sessions that are live on one endpoint: at least one.
#[derive(Debug)]
pub struct Seats {
    all: Box<[Arc<Seat>]>,
    /// What comes there.
    pub traffic: Arc<Traffic>,
}

impl Deref for Seats {
    type Target = [Arc<Seat>];

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

/// Which sessions are live on which endpoint, and what comes there.
#[derive(Debug)]
pub struct Registry {
    live: Mutex<Live>,
    sessions: AtomicU64,
    room: Arc<Room>,
    began: Instant,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            live: Mutex::default(),
            sessions: AtomicU64::default(),
            room: Arc::default(),
            began: Instant::now(),
        }
    }
}

#[derive(Debug, Default)]
struct Live {
    endpoints: HashMap<EndpointId, Entry>,
    /// How many of those have no session.
    quiet: usize,
    /// How many sessions each account has.
    accounts: HashMap<AccountName, usize>,
}

/// What is known of an endpoint.
#[derive(Debug)]
struct Entry {
    /// Whose it was when that was last looked at.
    account: AccountName,
    seats: Option<Arc<Seats>>,
    traffic: Arc<Traffic>,
}

impl Entry {
    fn of(account: &AccountName, began: Instant) -> Self {
        Self { account: account.clone(), seats: None, traffic: Arc::new(Traffic::from(began)) }
    }

    fn seats(&self) -> &[Arc<Seat>] {
        self.seats.as_ref().map_or(&[], |seats| &seats.all)
    }

    fn seat(&mut self, all: Box<[Arc<Seat>]>) {
        let traffic = Arc::clone(&self.traffic);
        self.seats = Some(Arc::new(Seats { all, traffic }));
    }
}

/// How one endpoint is.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Which, and whose it was when that was last looked at.
    pub address: Address,
    /// How many of each are live.
    pub sessions: Count,
    /// What comes.
    pub figures: Figures,
}

/// How many sessions there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Of those that forward.
    pub listeners: usize,
    /// Of those that look on.
    pub observers: usize,
}

impl Count {
    /// Counts these.
    pub fn of<'s>(seats: impl IntoIterator<Item = &'s Arc<Seat>>) -> Self {
        seats.into_iter().fold(Self::default(), |count, seat| match seat.role {
            Role::Listener => Self { listeners: count.listeners + 1, ..count },
            Role::Observer => Self { observers: count.observers + 1, ..count },
        })
    }

    /// Both together.
    #[must_use]
    pub fn sessions(self) -> usize {
        self.listeners + self.observers
    }
}

/// Most sessions at once.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// On one endpoint.
    pub on_endpoint: usize,
    /// Of one account.
    pub of_account: usize,
}

/// Why there is no place for a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoSeat {
    /// The endpoint has as many as it may.
    Endpoint,
    /// The account has as many as it may.
    Account,
}

impl Registry {
    /// A number for the next session.
    pub fn number(&self) -> SessionNumber {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// The room that what waits for all sessions shares.
    #[must_use]
    pub fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// The sessions that are live on `endpoint`.
    #[must_use]
    pub fn seats(&self, endpoint: &EndpointId) -> Option<Arc<Seats>> {
        self.lock().endpoints.get(endpoint)?.seats.clone()
    }

    /// What comes to an endpoint that nobody is live on, so that it can be counted.
    #[must_use]
    pub fn traffic(&self, address: &Address) -> Arc<Traffic> {
        let mut live = self.lock();
        let entry = live.entry(&address.endpoint, &address.account, self.began);
        entry.account = address.account.clone();
        Arc::clone(&entry.traffic)
    }

    /// Takes a session of the endpoint's owner in, and says how many other listeners there are. An older session of
    /// the same listener is closed: it is the same CLI, dialled again. So are those of whoever owned the endpoint
    /// before.
    ///
    /// # Errors
    /// [`NoSeat`] when as many others are live as may be, on the endpoint or of the account.
    pub fn enter(&self, endpoint: &EndpointId, seat: Arc<Seat>, most: Most) -> Result<u32, NoSeat> {
        let mut live = self.lock();
        let old = live.endpoints.get(endpoint).and_then(|entry| entry.seats.clone());
        let old = old.as_deref().map_or(&[][..], |seats| &seats.all);
        let is_over = |other: &&Arc<Seat>| other.listener == seat.listener || other.address != seat.address;
        let (over, others): (Vec<_>, Vec<_>) = old.iter().partition(is_over);
        if others.len() >= most.on_endpoint {
            return Err(NoSeat::Endpoint);
        }
        let account = &seat.address.account;
        let own = over.iter().filter(|other| other.address.account == *account).count();
        let of_account = live.accounts.get(account).copied().unwrap_or_default();
        if of_account.saturating_sub(own) >= most.of_account {
            return Err(NoSeat::Account);
        }
        over.iter().for_each(|seat| seat.close());
        over.iter().for_each(|seat| live.uncount(&seat.address.account));
        *live.accounts.entry(account.clone()).or_default() += 1;
        let listeners = others.iter().map(|other| u32::from(other.role == Role::Listener)).sum();
        let account = account.clone();
        let seats = others.into_iter().cloned().chain([seat]).collect();
        let was_quiet = old.is_empty();
        let entry = live.entry(endpoint, &account, self.began);
        entry.account = account;
        entry.seat(seats);
        live.quiet -= usize::from(was_quiet);
        Ok(listeners)
    }

    /// Takes a session out, by its number: a late goodbye can't evict its successor.
    pub fn leave(&self, endpoint: &EndpointId, session: SessionNumber) {
        let mut live = self.lock();
        let Some(entry) = live.endpoints.get_mut(endpoint) else { return };
        let (gone, left): (Vec<_>, Vec<_>) =
            entry.seats().iter().cloned().partition(|seat| seat.session == session);
        if gone.is_empty() {
            return;
        }
        if !left.is_empty() {
            entry.seat(left.into());
        } else if entry.traffic.last_at() == 0 {
            live.endpoints.remove(endpoint);
        } else {
            entry.seats = None;
            live.quiet += 1;
        }
        gone.iter().for_each(|seat| live.uncount(&seat.address.account));
    }

    /// Takes a session out at once, and ends it with this last word.
    pub fn evict(&self, seat: &Seat, last: Outgoing) {
        self.leave(&seat.address.endpoint, seat.session);
        seat.outbox.end(last);
    }

    /// Every live session.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<Seat>> {
        self.lock().endpoints.values().flat_map(|entry| entry.seats().iter().cloned()).collect()
    }

    /// How many sessions are live in all.
    #[must_use]
    pub fn count(&self) -> Count {
        Count::of(self.lock().endpoints.values().flat_map(Entry::seats))
    }

    /// How the endpoints are that have a session, or that something came to. Of those without a session the quietest are
    /// forgotten where there are very many.
    #[must_use]
    pub fn figures(&self) -> Vec<Standing> {
        let now = Instant::now();
        let live = self.lock();
        let standing = |(endpoint, entry): (&EndpointId, &Entry)| Standing {
            address: Address { account: entry.account.clone(), endpoint: endpoint.clone() },
            sessions: Count::of(entry.seats()),
            figures: entry.traffic.figures(now),
        };
        live.endpoints.iter().map(standing).collect()
    }

    /// The live sessions of which this is so.
    #[must_use]
    pub fn those(&self, is_one: impl Fn(&Seat) -> bool) -> Vec<Arc<Seat>> {
        let live = self.lock();
        let all = live.endpoints.values().flat_map(Entry::seats);
        all.filter(|seat| is_one(seat)).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Live> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    /// What is known of an endpoint. One that was not known has no session, and is counted as such.
    fn entry(&mut self, endpoint: &EndpointId, account: &AccountName, began: Instant) -> &mut Entry {
        if !self.endpoints.contains_key(endpoint) {
            if self.quiet >= MOST_QUIET {
                self.forget_quiet();
            }
            self.quiet += 1;
        }
        self.endpoints.entry(endpoint.clone()).or_insert_with(|| Entry::of(account, began))
    }

    /// Forgets half of those without a session: the ones that nothing came to for longest.
    fn forget_quiet(&mut self) {
        let quiet = self.endpoints.values().filter(|entry| entry.seats.is_none());
        let mut last: Vec<_> = quiet.map(|entry| entry.traffic.last_at()).collect();
        last.sort_unstable();
        let middle = last.get(last.len() / 2).copied().unwrap_or_default();
        self.endpoints.retain(|_, entry| entry.seats.is_some() || entry.traffic.last_at() > middle);
        self.quiet = self.endpoints.values().filter(|entry| entry.seats.is_none()).count();
    }

    /// A session of the account less. An account without any takes no room.
    fn uncount(&mut self, account: &AccountName) {
        if let Some(count) = self.accounts.get_mut(account) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.accounts.remove(account);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::frame::{Ack, Owed};

    use super::*;
    use crate::accounts::Pass;
    use crate::outbox::Full;

    const MANY: Most = Most { on_endpoint: 8, of_account: 8 };

    fn seat(session: SessionNumber, listener: &str) -> Arc<Seat> {
        let wishes = Wishes { role: Role::Listener, ack: Ack::App, owed: Owed::Deliver };
        let address = Address { account: AccountName::default(), endpoint: "shop".parse().unwrap() };
        Seat::new(
            session,
            address,
            Pass::of(AccountName::default()),
            listener.into(),
            wishes,
            0,
            &Arc::default(),
        )
    }

    #[test]
    fn a_late_goodbye_does_not_evict_the_successor() {
        let registry = Registry::default();
        let endpoint: EndpointId = "abc".parse().unwrap();
        registry.enter(&endpoint, seat(1, "cli"), MANY).unwrap();
        registry.enter(&endpoint, seat(2, "cli"), MANY).unwrap();
        registry.leave(&endpoint, 1);
        let live: Vec<_> = registry.seats(&endpoint).unwrap().iter().map(|seat| seat.session).collect();
        assert_eq!(live, [2]);
        registry.leave(&endpoint, 2);
        assert!(registry.seats(&endpoint).is_none());
    }

    #[tokio::test]
    async fn the_same_listener_takes_its_old_seat_over() {
        let registry = Registry::default();
        let endpoint: EndpointId = "abc".parse().unwrap();
        let old = seat(1, "cli");
        let one = Most { on_endpoint: 1, of_account: 8 };
        registry.enter(&endpoint, Arc::clone(&old), one).unwrap();
        registry.enter(&endpoint, seat(2, "cli"), one).unwrap();
        let ended = std::future::poll_fn(|cx| old.outbox.poll_take(cx, (0, 1), |_| ())).await;
        assert_eq!(ended, None, "the old session ends");
        assert_eq!(registry.enter(&endpoint, seat(3, "other"), one), Err(NoSeat::Endpoint));
    }

    #[tokio::test]
    async fn an_account_has_so_many_sessions_over_all_its_endpoints() {
        let registry = Registry::default();
        let [a, b, c]: [EndpointId; 3] = ["aaa", "bbb", "ccc"].map(|name| name.parse().unwrap());
        let two = Most { on_endpoint: 8, of_account: 2 };
        registry.enter(&a, seat(1, "one"), two).unwrap();
        registry.enter(&b, seat(2, "two"), two).unwrap();
        assert_eq!(registry.enter(&c, seat(3, "three"), two), Err(NoSeat::Account));
        registry.enter(&b, seat(4, "two"), two).expect("it takes its own old seat");
        registry.leave(&b, 2);
        assert_eq!(registry.enter(&c, seat(5, "three"), two), Err(NoSeat::Account), "counted once");
        let ended = registry.seats(&a).unwrap()[0].clone();
        registry.leave(&a, 1);
        registry.leave(&a, 1);
        registry.enter(&c, seat(6, "three"), two).unwrap();
        registry.evict(&ended, Outgoing::control(&muxhook_protocol::Frame::Unknown));
        assert_eq!(registry.enter(&a, seat(7, "four"), two), Err(NoSeat::Account));
        for (endpoint, session) in [(&b, 4), (&c, 6)] {
            registry.leave(endpoint, session);
        }
        assert!(registry.lock().accounts.is_empty(), "who has none takes no room");
    }

    #[test]
    fn counts_outlive_sessions_and_are_bounded() {
        let registry = Registry::default();
        let address =
            |name: &str| Address { account: AccountName::default(), endpoint: name.parse().unwrap() };
        let at = Instant::now();
        drop(registry.traffic(&address("shop")).arrived(at, 1));
        registry.enter(&address("shop").endpoint, seat(1, "cli"), MANY).unwrap();
        drop(registry.seats(&address("shop").endpoint).unwrap().traffic.arrived(at, 2));
        assert_eq!(registry.count(), Count { listeners: 1, observers: 0 });
        registry.leave(&address("shop").endpoint, 1);
        registry.leave(&address("shop").endpoint, 1);
        let figures = registry.figures();
        assert_eq!((figures.len(), figures[0].sessions.sessions(), figures[0].figures.received), (1, 0, 2));
        assert_eq!(registry.lock().quiet, 1);

        registry.enter(&address("live").endpoint, seat(2, "cli"), MANY).unwrap();
        for number in 0..MOST_QUIET {
            drop(registry.traffic(&address(&format!("quiet-{number}"))).arrived(at, 10 + number as u64));
        }
        let live = registry.lock();
        assert!(live.quiet <= MOST_QUIET && live.endpoints.len() == live.quiet + 1, "{}", live.quiet);
        assert!(live.endpoints.contains_key(&address("live").endpoint), "who is live stays");
        assert!(!live.endpoints.contains_key(&address("shop").endpoint), "the quietest goes first");
        let last = address(&format!("quiet-{}", MOST_QUIET - 1));
        assert!(live.endpoints.contains_key(&last.endpoint));
    }

    #[test]
    fn a_session_gets_no_more_than_its_window() {
        let frame = Outgoing::control(&muxhook_protocol::Frame::Unknown);
        let seat = seat(1, "cli");
        assert_eq!(seat.deliver(frame.clone(), 1), Ok(()));
        assert_eq!(seat.deliver(frame.clone(), 1), Err(Full));
        seat.settled();
        seat.settled();
        assert_eq!(seat.deliver(frame.clone(), 1), Ok(()));
        assert_eq!(seat.deliver(frame, 1), Err(Full));
    }
}
