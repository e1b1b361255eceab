//! One connected CLI: its greeting, then one task that reads its outcomes and writes what is sent to it.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use muxhook_link::{Link, LinkError, Metered};
use muxhook_protocol::frame::{Gap, Hello, Limits, Owed, Refused, RefusedCode, Restarting, Role, Welcome};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{EndpointId, Frame, MAX_REPLY_BODY, SUBPROTOCOL};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;

use crate::accounts::{Accounts, Address, Error, Pass, Quotas, Scope};
use crate::config::{PublicUrl, Settings};
use crate::dispatch::Dispatch;
use crate::outbox::Outbox;
use crate::registry::{Most, NoSeat, Registry, Seat, Wishes};
use crate::remark::OneLine;

/// How long a CLI may take to greet.
const GREETING: Duration = Duration::from_secs(10);

/// What a relay reads at once from a session, in bytes: idle sessions are many, and hold it.
pub const READ_BUFFER: usize = 2 * 1024;

/// Most large answers under way from one session at once.
const MAX_OPEN: usize = 64;

/// Most bytes of frames that a link holds for writing; what is more waits in the outbox.
const MAX_QUEUE: usize = 32 * 1024 * 1024;

/// Over how long sessions are told to spread their return when the relay goes down: two seconds, or so long that each
/// has a millisecond of its own, up to the longest.
const RETURN_SPREAD: Duration = Duration::from_secs(2);
const RETURN_EACH: Duration = Duration::from_millis(1);
const LONGEST_RETURN: Duration = Duration::from_secs(20);

/// Greetings that ask the accounts' database at once. It answers one at a time: more would be threads that wait.
pub const CLAIMS_AT_ONCE: usize = 4;

/// What every session of a relay shares.
#[derive(Debug)]
pub struct Sessions {
    /// Who may listen, and whose an endpoint is.
    pub accounts: Arc<Accounts>,
    /// Which sessions are live.
    pub registry: Arc<Registry>,
    /// Where outcomes go.
    pub dispatch: Arc<Dispatch>,
    /// Whose limits are told to every CLI.
    pub settings: Arc<Settings>,
    /// Most sessions on one endpoint.
    pub per_endpoint: usize,
    /// Who may ask the accounts' database on behalf of a greeting: [`CLAIMS_AT_ONCE`].
    pub claims: Semaphore,
    /// The relay's public origin.
    pub public_url: PublicUrl,
    /// Whether it holds what no app can take; told to every CLI.
    pub holds: bool,
    /// Whether it keeps a history; told to every CLI.
    pub history: bool,
}

/// How a session ended: for the log.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// No greeting came in time.
    #[error("it did not greet within {} s", GREETING.as_secs())]
    NoGreeting,
    /// There was no session to be had.
    #[error("refused: {0}")]
    Refused(String),
    /// The relay closed it: it was replaced, or the relay goes down.
    #[error("the relay closed it")]
    Closed,
    /// The link ended.
    #[error(transparent)]
    Link(#[from] LinkError),
}

/// A session that has its seat. It leaves it however it ends, by a panic too: else webhooks would go to nobody.
struct Seated<'s> {
    sessions: &'s Sessions,
    seat: Arc<Seat>,
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        let Self { sessions, seat } = self;
        sessions.registry.leave(&seat.address.endpoint, seat.session);
        seat.outbox.forget();
        sessions.dispatch.lost(seat);
    }
}

impl Sessions {
    /// Leads one session of whoever came with `pass` from its greeting to its end.
    pub async fn run<S>(self: Arc<Self>, pass: Pass, socket: WebSocketStream<Metered<S>>) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let limits = muxhook_link::Limits {
            max_body: MAX_REPLY_BODY as u64,
            max_open: MAX_OPEN,
            max_queue: MAX_QUEUE,
        };
        let (began, account, token) = (Instant::now(), pass.account.clone(), pass.token.clone());
        let mut link = Link::of_server(socket, limits);
        let ended = match self.greet(pass, &mut link).await {
            Ok(seated) => {
                let seat = Arc::clone(&seated.seat);
                let told = self.tell_gaps(&seat, &mut link).await;
                let ended = self.serve(&mut link, &seat).await;
                if let Some((_, gaps)) = told.filter(|(mark, _)| link.confirmed() >= *mark) {
                    self.dispatch.gaps_told(&seat.address, gaps);
                }
                drop(seated);
                let Address { account, endpoint } = &seat.address;
                let lasted_s = began.elapsed().as_secs();
                tracing::info!(session = seat.session, %endpoint, %account, lasted_s, cause = %OneLine(&ended), "session ends");
                ended
            }
            Err(ended) => {
                tracing::info!(%account, token, cause = %OneLine(&ended), "no session");
                ended
            }
        };
        match &ended {
            Ended::NoGreeting | Ended::Refused(_) | Ended::Closed => link.close().await,
            Ended::Link(LinkError::Protocol(why)) => link.reject(why).await,
            // There is nobody left to say goodbye to.
            Ended::Link(_) => {}
        }
        ended
    }

    async fn greet<S>(&self, pass: Pass, link: &mut Link<S>) -> Result<Seated<'_>, Ended>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let hello = match timeout(GREETING, link.next()).await.map_err(|_| Ended::NoGreeting)?? {
            Frame::Hello(hello) if is_sane(&hello) => hello,
            _ => return Err(refuse(link, RefusedCode::Protocol, true, "the first frame is no greeting")),
        };
        let (endpoint, quotas) = match self.claim(&pass, &hello).await {
            Ok(claimed) => claimed,
            Err(error) => {
                let (code, fatal, message) = refusal(&error);
                return Err(refuse(link, code, fatal, &message));
            }
        };
        let number = self.registry.number();
        let in_hand = u32::try_from(hello.resume.len()).unwrap_or(u32::MAX);
        let wishes = Wishes { role: hello.role, ack: hello.ack, owed: hello.owed };
        let account = pass.account.clone();
        let address = Address { account: account.clone(), endpoint: endpoint.clone() };
        if hello.owed == Owed::Discard && hello.role == Role::Listener {
            self.discard(&address).await;
        }
        let owed = self.dispatch.backlog(&address).await;
        let seat = Seat::new(number, address, pass, hello.listener, wishes, in_hand, self.registry.room());
        let others = match self.take(&seat, quotas) {
            Ok(others) => others,
            Err((code, fatal, message)) => return Err(refuse(link, code, fatal, &message)),
        };
        let seated = Seated { sessions: self, seat: Arc::clone(&seat) };
        let limits = self.settings.now().limits;
        // Whatever is sent to the seat from now on comes behind this.
        link.send(Outgoing::control(&Frame::Welcome(Welcome {
            public_url: self.public_url.endpoint(&endpoint),
            endpoint: endpoint.clone(),
            account: account.to_string(),
            session: number,
            server: crate::SERVER.to_owned(),
            limits: Limits { in_flight: limits.in_flight, max_body: limits.max_body as u64 },
            others,
            owed,
            seq: self.dispatch.latest_seq(),
            holds: Some(self.holds),
            history: Some(self.history),
        })));
        // The CLI's own words are escaped.
        let (session, token, role, agent) = (seat.session, &seat.pass.token, seat.role, hello.agent);
        tracing::info!(session, %endpoint, %account, token, ?role, ?agent, "session begins");
        self.dispatch.resume(&seat, &hello.resume);
        if let Some(since) = hello.since.filter(|_| seat.role == Role::Listener) {
            self.dispatch.hand_out_past(&seat, since);
        }
        Ok(seated)
    }

    /// Tells a listener what is lost to it. It is told of it again unless it confirms the mark that is given back.
    async fn tell_gaps<S>(&self, seat: &Seat, link: &mut Link<S>) -> Option<(u64, Vec<Gap>)>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        if seat.role != Role::Listener {
            return None;
        }
        let gaps = self.dispatch.gaps(&seat.address).await;
        if gaps.is_empty() {
            return None;
        }
        for gap in &gaps {
            link.send(Outgoing::control(&Frame::Gap(gap.clone())));
        }
        Some((link.mark(), gaps))
    }

    /// Takes the seat, and tells how many other listeners there are.
    fn take(&self, seat: &Arc<Seat>, quotas: Quotas) -> Result<u32, Refusal> {
        let Address { account, endpoint } = &seat.address;
        let most = Most { on_endpoint: self.per_endpoint, of_account: quotas.listeners() };
        let others = self.registry.enter(endpoint, Arc::clone(seat), most).map_err(|full| {
            let (what, most) = match full {
                NoSeat::Endpoint => (endpoint.to_string(), most.on_endpoint),
                NoSeat::Account => (format!("the account {account}"), most.of_account),
            };
            let message = format!("{what} has {most} sessions already, as many as it may");
            (RefusedCode::TooManySessions, false, message)
        })?;
        // From now on it is among those who are looked at when rights change; what changed before is seen here.
        self.accounts.still_allows(&seat.pass, &seat.address).map_err(|error| {
            self.registry.leave(endpoint, seat.session);
            self.dispatch.lost(seat);
            refusal(&error)
        })?;
        Ok(others)
    }

    /// Gives up what is owed. What can't be given up is delivered.
    async fn discard(&self, address: &Address) {
        match self.dispatch.discard_all(address).await {
            Ok(discarded) => {
                tracing::info!(endpoint = %address.endpoint, discarded, "nothing is owed any more")
            }
            Err(error) => tracing::error!(%error, "what is owed could not be given up"),
        }
    }

    /// The endpoint that a greeting asks for, made when it is nobody's yet, and what its account may have.
    async fn claim(&self, pass: &Pass, hello: &Hello) -> Result<(EndpointId, Quotas), Error> {
        let is_listener = hello.role == Role::Listener;
        if is_listener && hello.since.is_some() {
            pass.check(Scope::History)?;
        }
        if is_listener && hello.owed == Owed::Discard {
            pass.check(Scope::Admin)?;
        }
        let accounts = Arc::clone(&self.accounts);
        let (pass, wanted, prefer) = (pass.clone(), hello.endpoint.clone(), hello.prefer.clone());
        let claim = move || {
            let account = pass.account.clone();
            let owns =
                |id: &EndpointId| matches!(accounts.endpoint_owner(id), Ok(Some(owner)) if owner == account);
            let name = wanted.or_else(|| prefer.into_iter().find(owns));
            let endpoint = accounts.claim_endpoint(&account, name.as_ref())?.endpoint.id;
            let address = Address { account, endpoint };
            accounts.still_allows(&pass, &address)?;
            Ok((address.endpoint, accounts.quotas(&address.account)?))
        };
        let _turn = self.claims.acquire().await.map_err(|_| Error::GoingDown)?;
        tokio::task::spawn_blocking(claim).await.unwrap_or(Err(Error::GoingDown))
    }

    /// Ends the sessions of these whose right has gone. How many that were.
    ///
    /// # Errors
    /// The database fails: none of the others was ended.
    pub fn end_unentitled(&self, seats: &[Arc<Seat>]) -> Result<usize, Error> {
        let mut ended = 0;
        for seat in seats {
            match self.accounts.still_allows(&seat.pass, &seat.address) {
                Ok(()) => {}
                Err(Error::NoRight(why)) => {
                    let (session, token) = (seat.session, &seat.pass.token);
                    tracing::info!(session, endpoint = %seat.address.endpoint, token, %why, "session ended");
                    let last =
                        Refused { code: RefusedCode::Forbidden, message: why.to_string(), fatal: true };
                    self.registry.evict(seat, Outgoing::control(&Frame::Refused(last)));
                    ended += 1;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ended)
    }

    /// Reads and writes until either side ends it.
    async fn serve<S>(&self, link: &mut Link<S>, seat: &Seat) -> Ended
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        loop {
            match poll_fn(|cx| poll_frame(cx, link, &seat.outbox)).await {
                Ok(Frame::Outcome { id, outcome, .. }) => self.dispatch.settle(seat, id, outcome),
                Ok(Frame::Reachable) => self.dispatch.reachable(seat),
                Ok(Frame::Unknown) => tracing::debug!(session = seat.session, "a frame of an unknown kind"),
                Ok(_) => return LinkError::Protocol("a frame out of place".to_owned()).into(),
                Err(ended) => return ended,
            }
        }
    }

    /// Tells every session that the relay goes down and when to come back, each at a moment of its own.
    pub fn announce_restart(&self) {
        let seats = self.registry.all();
        let spread = return_spread(seats.len()).as_millis() as u64;
        for (index, seat) in seats.iter().enumerate() {
            let share = spread * index as u64 / seats.len() as u64;
            let restarting = Frame::Restarting(Restarting { reconnect_in_ms: 200 + share });
            // A session without room for it learns from the end of its connection.
            let _ = seat.send(Outgoing::control(&restarting));
        }
    }

    /// Ends every session once what is queued for it is out.
    pub fn close_all(&self) {
        self.registry.all().iter().for_each(|seat| seat.outbox.close());
    }
}

/// Over how long so many sessions are to come back.
fn return_spread(sessions: usize) -> Duration {
    let each = u32::try_from(sessions).map_or(LONGEST_RETURN, |count| RETURN_EACH.saturating_mul(count));
    each.clamp(RETURN_SPREAD, LONGEST_RETURN)
}

/// What the CLI says next. Meanwhile what is in the outbox goes out, as room comes.
fn poll_frame<S>(cx: &mut Context<'_>, link: &mut Link<S>, outbox: &Outbox) -> Poll<Result<Frame, Ended>>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    loop {
        if let Poll::Ready(frame) = pin!(link.next()).poll(cx) {
            return Poll::Ready(frame.map_err(Ended::Link));
        }
        // Asked after the link was, which may have made room; and what is taken, the link is to write at once.
        match ready!(outbox.poll_take(cx, (link.queued(), link.room()), |frame| link.send(frame))) {
            Some(()) => {}
            None => return Poll::Ready(Err(Ended::Closed)),
        }
    }
}

/// Whether a greeting keeps within bounds that a true one is far from.
fn is_sane(hello: &Hello) -> bool {
    hello.agent.len() <= 128 && (1..=128).contains(&hello.listener.len()) && hello.prefer.len() <= 16
}

/// Why there is no session: for programs, whether dialling again is of no use, and for people.
type Refusal = (RefusedCode, bool, String);

/// What the accounts said, to a CLI.
fn refusal(error: &Error) -> Refusal {
    let code = match error {
        Error::Taken(_) => RefusedCode::EndpointTaken,
        Error::NoRight(_) | Error::TooMany(..) => RefusedCode::Forbidden,
        error => {
            tracing::error!(%error, "an endpoint could not be looked up");
            let message = "the relay could not look the endpoint up".to_owned();
            return (RefusedCode::Internal, false, message);
        }
    };
    (code, true, error.to_string())
}

/// Queues the refusal; closing the link writes it.
fn refuse<S>(link: &mut Link<S>, code: RefusedCode, fatal: bool, message: &str) -> Ended
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let refused = Refused { code, message: message.to_owned(), fatal };
    link.send(Outgoing::control(&Frame::Refused(refused)));
    Ended::Refused(message.to_owned())
}

/// Whether a client offers the subprotocol that this relay speaks.
#[must_use]
pub fn offers_subprotocol(offered: &str) -> bool {
    offered.split(',').any(|name| name.trim() == SUBPROTOCOL)
}

#[cfg(test)]
mod tests;
