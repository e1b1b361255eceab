//! The link to the relay, kept: dial, greet, live, lost, wait, and dial again.
//!
//! A [`Session`] is a state machine that its owner polls through [`Session::next`]: it has no task and no channel.
//!
//! - `greeting`: one attempt at a session, from a connection to the relay's welcome.
//! - `ledger`: which deliveries are in hand, and which outcomes the relay may not have read. Pure.
//! - `live`: the link while it stands.
//! - `alarm`: notices that the machine slept.
//! - `ended`: why a session ends or an attempt fails.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::pin::Pin;
use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::frame::{Ack, Gap, Hello, Notice, Owed, Role, Since, Welcome};
use muxhook_protocol::{Delivery, DeliveryId, EndpointId, Outcome};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep};

use crate::backoff::Backoff;
use crate::dial::{DialError, Dialer, Stream};
use crate::relay_url::RelayUrl;
use crate::secret::Secret;

mod alarm;
mod ended;
mod greeting;
mod ledger;
mod live;

#[cfg(test)]
mod tests;

pub use ended::Ended;
pub use greeting::READ_BUFFER;

use alarm::Alarm;
use ended::Failure;
use greeting::Greeted;
use ledger::Ledger;
use live::Live;

/// Most remembered endpoints that a greeting names.
const MOST_PREFERRED: usize = 16;

/// What a session is for, and with whom.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The relay.
    pub relay: RelayUrl,
    /// What the relay knows the account by.
    pub token: Secret,
    /// The endpoint asked for by name; `None`: see `prefer`.
    pub endpoint: Option<EndpointId>,
    /// Endpoints that this machine remembers having had, the latest first. Once live, the session asks for the
    /// one it got, whatever stands here.
    pub prefer: Vec<EndpointId>,
    /// Whether it forwards or looks on. Either way each delivery is to be settled: that makes room for more.
    pub role: Role,
    /// Who answers the sender while the session is live.
    pub ack: Ack,
    /// What becomes of deliveries that the relay owes already. They are discarded once: what comes to be owed later
    /// is delivered.
    pub owed: Owed,
    /// What is to be delivered again first. It ends with what there was when the session stood for the first time,
    /// and goes on where it was over reconnects.
    pub since: Option<Since>,
    /// Program and version: `muxhook/0.1.0`.
    pub agent: String,
    /// Whether to dial again, for ever, on what may mend. Otherwise the first failure ends the session.
    pub retry: bool,
}

/// What a session has to tell.
#[derive(Debug)]
pub enum Signal {
    /// The relay has confirmed the subscription.
    Live {
        /// What the relay said.
        welcome: Welcome,
        /// How long the link was lost; `None`: it stands for the first time.
        down: Option<Duration>,
    },
    /// A delivery, handed out once over all reconnects. To be settled with [`Session::settle`].
    Deliver(Box<Delivery>),
    /// The sender of this delivery has its answer: an outcome will be late.
    Answered(DeliveryId),
    /// The link is lost, or an attempt to make it failed.
    Lost {
        /// Why, in a sentence.
        reason: String,
        /// Until the next attempt.
        retry_in: Duration,
    },
    /// Something the relay wants the user to know.
    Notice(Notice),
    /// Deliveries that the relay had and holds no longer.
    Gap(Gap),
}

/// Where a session gets its connections from. [`Dialer`], but for tests.
pub trait Connect: Clone + Send + 'static {
    /// A connection.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// A connection to the relay, ready for HTTP/1.1.
    fn connect(&self, relay: &RelayUrl) -> impl Future<Output = Result<Self::Stream, DialError>> + Send;
}

impl Connect for Dialer {
    type Stream = Stream;

    async fn connect(&self, relay: &RelayUrl) -> Result<Stream, DialError> {
        Self::connect(self, relay).await
    }
}

/// A subscription to an endpoint that outlives its connections.
pub struct Session<C: Connect = Dialer> {
    settings: Settings,
    connector: C,
    /// Who listens: the same over all reconnects.
    listener: String,
    state: State<C::Stream>,
    ledger: Ledger,
    backoff: Backoff,
    alarm: Alarm,
    random: fn() -> u32,
    was_live: bool,
    lost_at: Option<Instant>,
}

enum State<S> {
    /// Before the first attempt, and when the next one is due.
    Idle,
    Dialing(Pin<Box<dyn Future<Output = Result<Greeted<S>, Failure>> + Send>>),
    Live(Box<Live<S>>),
    Waiting(Pin<Box<Sleep>>),
    /// Closed, or ended.
    Over,
}

impl Session {
    /// A session that dials when first polled. To be made within a tokio runtime.
    #[must_use]
    pub fn new(settings: Settings, dialer: Dialer) -> Self {
        // Without randomness there is no jitter, and nothing else is lost.
        Self::with(settings, dialer, Now::system(), || getrandom::u32().unwrap_or(u32::MAX))
    }
}

impl<C: Connect> Session<C> {
    /// A session over connections, a wall clock and random bits of the caller's.
    pub fn with(settings: Settings, connector: C, now: Now, random: fn() -> u32) -> Self {
        Self {
            settings,
            connector,
            listener: random_id(),
            state: State::Idle,
            ledger: Ledger::default(),
            backoff: Backoff::default(),
            alarm: Alarm::new(now),
            random,
            was_live: false,
            lost_at: None,
        }
    }

    /// What happens next; pends while nothing does. Drives everything, so it wants to be polled all the time.
    /// Cancel-safe.
    ///
    /// # Errors
    /// When the session is over for good. After that, and after [`Session::close`], nothing ever happens.
    pub async fn next(&mut self) -> Result<Signal, Ended> {
        loop {
            match &mut self.state {
                State::Idle => self.dial(),
                State::Dialing(attempt) => tokio::select! {
                    biased;
                    greeted = attempt => return self.greeted(greeted),
                    // What was begun before the sleep leads nowhere now.
                    () = self.alarm.slept() => self.dial(),
                },
                State::Waiting(pause) => tokio::select! {
                    biased;
                    () = pause => self.dial(),
                    () = self.alarm.slept() => self.dial(),
                },
                State::Live(live) => match live.next(&mut self.ledger, &mut self.alarm).await {
                    Ok(signal) => return Ok(signal),
                    Err(failure) => return self.lost(failure),
                },
                State::Over => std::future::pending().await,
            }
        }
    }

    /// Tells the relay that the app is there again, so that what is owed may go on. Without a link nothing is to be
    /// told: each begins with an app that is taken to be there.
    pub fn reachable(&mut self) {
        if let State::Live(live) = &mut self.state {
            live.reachable();
        }
    }

    /// Takes what became of a delivery. Kept until the relay is known to have read it, and sent again after a
    /// reconnect; nothing happens for a delivery that is not in hand.
    pub fn settle(&mut self, id: DeliveryId, outcome: &Outcome) {
        self.ledger.settle(id, outcome);
    }

    /// The relay that is dialled.
    #[must_use]
    pub fn relay(&self) -> &RelayUrl {
        &self.settings.relay
    }

    /// Dials another relay from the next attempt on.
    pub fn set_relay(&mut self, relay: RelayUrl, token: Secret) {
        self.settings.relay = relay;
        self.settings.token = token;
    }

    /// Sends what is settled, gives up what is in hand, and says goodbye, within a second or so.
    pub async fn close(&mut self) {
        self.ledger.give_up();
        if let State::Live(live) = &mut self.state {
            live.close(&mut self.ledger).await;
        }
        self.state = State::Over;
    }

    fn dial(&mut self) {
        let hello = Hello {
            agent: self.settings.agent.clone(),
            endpoint: self.settings.endpoint.clone(),
            prefer: self.settings.prefer.iter().take(MOST_PREFERRED).cloned().collect(),
            listener: self.listener.clone(),
            role: self.settings.role,
            ack: self.settings.ack,
            owed: self.settings.owed,
            since: self.settings.since,
            resume: self.ledger.known(),
        };
        let (relay, token) = (self.settings.relay.clone(), self.settings.token.clone());
        let connector = self.connector.clone();
        self.state = State::Dialing(Box::pin(async move {
            let stream = connector.connect(&relay).await?;
            greeting::greet(stream, &relay, &token, hello).await
        }));
    }

    fn greeted(&mut self, greeted: Result<Greeted<C::Stream>, Failure>) -> Result<Signal, Ended> {
        let Greeted { link, welcome } = match greeted {
            Ok(greeted) => greeted,
            Err(failure) => return self.failed(failure),
        };
        self.ledger.relinked();
        self.remember(&welcome.endpoint);
        self.begun(&welcome);
        self.state = State::Live(Box::new(Live::new(link, welcome.limits.in_flight)));
        self.was_live = true;
        let down = self.lost_at.take().map(|at| at.elapsed());
        Ok(Signal::Live { welcome, down })
    }

    /// What was asked for once is not asked for again: the relay has heard it.
    fn begun(&mut self, welcome: &Welcome) {
        if self.settings.owed == Owed::Discard {
            self.settings.owed = Owed::Deliver;
        }
        if let Some(since) = &mut self.settings.since {
            since.until.get_or_insert(welcome.seq);
        }
    }

    /// The past is done with up to this `seq`: what follows is left.
    fn progress(&mut self, after: u64) {
        let Some(since) = &mut self.settings.since else { return };
        since.after = since.after.max(after);
        if since.until.is_some_and(|until| since.after >= until) {
            self.settings.since = None;
        }
    }

    /// The endpoint that was given once is asked for from then on: the address stays.
    fn remember(&mut self, endpoint: &EndpointId) {
        self.settings.prefer.retain(|other| other != endpoint);
        self.settings.prefer.insert(0, endpoint.clone());
    }

    fn lost(&mut self, failure: Failure) -> Result<Signal, Ended> {
        if let State::Live(live) = &self.state {
            if live.is_restarting() {
                // The relay went down in order, and knows when it is back: nothing failed.
                self.backoff.start_over();
            } else {
                self.backoff.stood(live.age());
            }
            let past = live.past();
            self.progress(past);
        }
        self.lost_at = Some(Instant::now());
        self.failed(failure)
    }

    fn failed(&mut self, failure: Failure) -> Result<Signal, Ended> {
        self.state = State::Over;
        let (reason, asked) = failure.judged(self.was_live, self.settings.retry)?;
        let retry_in = self.backoff.next_asked((self.random)(), asked);
        self.state = State::Waiting(Box::pin(sleep(retry_in)));
        Ok(Signal::Lost { reason, retry_in })
    }
}

/// 128 random bits in lower-case base32 (RFC 4648 §6). They name a listener within its account and guard nothing,
/// so what the standard library seeds its hash maps with is random enough.
fn random_id() -> String {
    let bits = [0, 1].map(|half: u8| RandomState::new().hash_one(half).to_be_bytes()).concat();
    data_encoding::BASE32_NOPAD.encode(&bits).to_ascii_lowercase()
}
