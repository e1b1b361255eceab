//! Hands deliveries to apps and brings back what became of them.
//!
//! On the hot path, so nothing is spawned and no timer is set for a delivery: [`Forwarder::start`] writes the
//! request at once where an idle connection is at hand, and whoever awaits [`Forwarder::next`] polls all that is
//! under way. One alarm, armed only while something is there to watch, ends what takes too long.
//!
//! - [`target`], [`header_override`]: where to, and what the user adds.
//! - `request`, `answer`: HTTP/1.1 as bytes, without a socket.
//! - `connection`, `dial`, `tls`: sockets. `probe`: whether an app is there at all. `site`: those that are kept, and what is known of an app.
//! - `flight`: one delivery under way. `trouble`: what went wrong, in words.

mod answer;
mod connection;
mod dial;
mod flight;
pub mod header_override;
mod probe;
mod request;
mod site;
pub mod target;
mod tls;
mod trouble;

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use muxhook_protocol::{Delivery, Outcome};
use tokio::time::{Instant, Sleep, sleep_until};

pub use header_override::{HeaderOverride, InvalidHeader};
pub use probe::probe;
pub use target::{InvalidTarget, Target};

use flight::{Dialler, Flight, Landed, Ticket};
use request::Request;
use site::Site;
use tls::Tls;
use trouble::Trouble;

/// How often idle connections are looked after.
const SWEEP: Duration = Duration::from_millis(500);

/// Longest time an app can be given.
const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How deliveries are forwarded.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long an app may take, from the connecting to the answer's end.
    pub timeout: Duration,
    /// How many deliveries are under way at once, at least 1; the others wait in order.
    pub max_in_flight: usize,
    /// Take any certificate of an app.
    pub skip_verify: bool,
    /// What is added to each request, or replaces the sender's fields of the same name.
    pub headers: Vec<HeaderOverride>,
}

/// What became of one delivery.
#[derive(Debug)]
pub struct Done<T> {
    /// The tag it was started with.
    pub tag: T,
    /// The URL it went to.
    pub target: Arc<str>,
    /// [`Outcome::Replied`] or [`Outcome::Failed`].
    pub outcome: Outcome,
    /// From handing it over to the answer's end, without the wait for its turn.
    pub latency: Duration,
    /// What the user may try after a failure, when that is known. What an answer tells is for others to say.
    pub hint: Option<String>,
    /// What else the user should know.
    pub notices: Notices,
}

/// Codes, as in [`crate::event::Notice::code`], and sentences: `app_address` (localhost answered on only one of
/// its addresses) and `app_certificate` (one that is not trusted was taken). Each comes once for an app.
pub type Notices = Vec<(&'static str, String)>;

/// Forwards deliveries. `T` is the caller's tag for a delivery, given back with what became of it.
///
/// Dropping it closes every connection and gives up what is under way.
pub struct Forwarder<T> {
    options: Options,
    tls: Arc<Tls>,
    sites: Vec<Site>,
    flights: FuturesUnordered<Flight<T>>,
    /// Those above [`Options::max_in_flight`].
    waiting: VecDeque<Waiting<T>>,
    /// Those that could not be sent at all.
    unsendable: VecDeque<Done<T>>,
    /// Rings no later than the earliest deadline. `None`: nothing is under way and nothing idle.
    alarm: Option<Pin<Box<Sleep>>>,
}

struct Waiting<T> {
    target: Arc<Target>,
    request: Request,
    tag: T,
}

impl<T> Forwarder<T> {
    /// A forwarder with nothing under way.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let timeout = options.timeout.min(MAX_TIMEOUT);
        let max_in_flight = options.max_in_flight.max(1);
        Self {
            tls: Arc::new(Tls::new(options.skip_verify)),
            options: Options { timeout, max_in_flight, ..options },
            sites: Vec::new(),
            flights: FuturesUnordered::new(),
            waiting: VecDeque::new(),
            unsendable: VecDeque::new(),
            alarm: None,
        }
    }

    /// Hands `delivery` to the app at `target`, or puts it behind those that wait. Never blocks; to be called
    /// within a tokio runtime. What waits is bounded by the caller: see [`Forwarder::waiting`].
    pub fn start(&mut self, target: &Arc<Target>, delivery: &Delivery, tag: T) {
        match Request::new(target, delivery, &self.options.headers) {
            Ok(request) if self.flights.len() < self.options.max_in_flight => {
                self.launch(target.clone(), request, tag);
            }
            Ok(request) => self.waiting.push_back(Waiting { target: target.clone(), request, tag }),
            Err(request::NotHttp) => {
                let done = Done::failed(tag, target, Trouble::not_http(&target.origin));
                self.unsendable.push_back(done);
            }
        }
    }

    /// What becomes of the next delivery that is done. Pending while nothing is under way. Cancel-safe: nothing
    /// is lost when the future is dropped.
    pub async fn next(&mut self) -> Done<T> {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }

    /// How many deliveries are under way.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.flights.len() + self.unsendable.len()
    }

    /// How many wait for their turn.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Done<T>> {
        if let Some(done) = self.unsendable.pop_front() {
            return Poll::Ready(done);
        }
        self.poll_alarm(cx);
        match self.flights.poll_next_unpin(cx) {
            Poll::Ready(Some(landed)) => Poll::Ready(self.land(landed)),
            _ => Poll::Pending,
        }
    }

    fn launch(&mut self, target: Arc<Target>, mut request: Request, tag: T) {
        let started = Instant::now();
        let at = self.site(&target);
        let site = &mut self.sites[at];
        let mut connection = site.take(started);
        // One that can't take a byte was closed meanwhile: the request is still whole.
        while connection.as_ref().is_some_and(|kept| kept.try_send(&mut request).is_err()) {
            connection = site.take(started);
        }
        let dialler = Dialler { tls: self.tls.clone(), last: site.last };
        let ticket = Ticket { tag, target, started, site: at };
        self.flights.push(Flight::new(ticket, request, connection, dialler, self.options.timeout));
        if self.alarm.is_none() {
            self.alarm = Some(Box::pin(sleep_until(started + self.options.timeout.min(SWEEP))));
        }
    }

    fn site(&mut self, target: &Target) -> usize {
        self.sites.iter().position(|site| site.origin == target.origin).unwrap_or_else(|| {
            self.sites.push(Site::new(target.origin.clone()));
            self.sites.len() - 1
        })
    }

    fn land(&mut self, landed: Landed<T>) -> Done<T> {
        let Landed { ticket: Ticket { tag, target, started, site }, result, connection, learnt } = landed;
        let now = Instant::now();
        let site = &mut self.sites[site];
        let notices = site.learn(learnt);
        if let Some(connection) = connection {
            site.keep(connection, now);
        }
        if let Some(Waiting { target, request, tag }) = self.waiting.pop_front() {
            self.launch(target, request, tag);
        }
        let latency = now.duration_since(started);
        match result {
            Ok(answer) => {
                let outcome = Outcome::Replied(answer.reply);
                Done { tag, target: target.url().clone(), outcome, latency, hint: None, notices }
            }
            Err(trouble) => Done { latency, notices, ..Done::failed(tag, &target, trouble) },
        }
    }

    fn poll_alarm(&mut self, cx: &mut Context<'_>) {
        while let Some(alarm) = &mut self.alarm {
            if alarm.as_mut().poll(cx).is_pending() {
                return;
            }
            self.alarm = self.sweep(Instant::now()).map(|at| Box::pin(sleep_until(at)));
        }
    }

    /// Ends what takes too long; when to look again, if there is anything left.
    ///
    /// No flight that starts before then is due earlier: each has the same time, and the next look is never
    /// further away than that.
    fn sweep(&mut self, now: Instant) -> Option<Instant> {
        let mut next = now + self.options.timeout.min(SWEEP);
        let mut alive = !self.flights.is_empty();
        for flight in self.flights.iter_mut() {
            match flight.deadline() {
                Some(deadline) if deadline <= now => flight.expire(),
                Some(deadline) => next = next.min(deadline),
                None => {}
            }
        }
        for site in &mut self.sites {
            alive |= site.sweep(now);
        }
        alive.then_some(next)
    }
}

impl<T> Done<T> {
    fn failed(tag: T, target: &Target, trouble: Trouble) -> Self {
        Self {
            tag,
            target: target.url().clone(),
            outcome: Outcome::Failed(trouble.failure),
            latency: Duration::ZERO,
            hint: trouble.hint,
            notices: Notices::new(),
        }
    }
}

#[cfg(test)]
mod tests;
