//! One delivery under way: connecting where it must, then the exchange. No task and no timer of its own.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use tokio::time::Instant;

use super::answer::Answer;
use super::connection::{Broken, Connection, Exchange};
use super::dial::{Dialled, dial};
use super::request::Request;
use super::target::Target;
use super::tls::Tls;
use super::trouble::Trouble;

/// A delivery under way. As a future it brings what came of it.
pub(super) struct Flight<T> {
    /// Who started it, where to, and since when; `None` once it has landed.
    ticket: Option<Ticket<T>>,
    request: Request,
    stage: Stage,
    dialler: Dialler,
    learnt: Learnt,
    /// How long the app may take.
    timeout: Duration,
    expired: bool,
    /// Who is to be woken when the time is up. One flight is only ever polled by one set of flights.
    waker: Option<Waker>,
}

/// What belongs to a flight from start to end.
pub(super) struct Ticket<T> {
    pub(super) tag: T,
    pub(super) target: Arc<Target>,
    pub(super) started: Instant,
    /// The site that its connection belongs to.
    pub(super) site: usize,
}

/// What came of a flight.
pub(super) struct Landed<T> {
    pub(super) ticket: Ticket<T>,
    pub(super) result: Result<Answer, Trouble>,
    /// The connection, when it can carry another request.
    pub(super) connection: Option<Connection>,
    pub(super) learnt: Learnt,
}

/// What a new connection taught.
#[derive(Default)]
pub(super) struct Learnt {
    /// Where the app answered.
    pub(super) peer: Option<SocketAddr>,
    /// Where nothing answered, although the app does elsewhere.
    pub(super) refused: Vec<SocketAddr>,
    /// What the app's certificate was forgiven.
    pub(super) forgiven: Option<String>,
}

/// What it takes to connect anew.
pub(super) struct Dialler {
    pub(super) tls: Arc<Tls>,
    pub(super) last: Option<SocketAddr>,
}

type Dialling = Pin<Box<dyn Future<Output = Result<Dialled, Trouble>> + Send>>;

enum Stage {
    Dialling(Dialling),
    Exchanging(Exchange),
    Landed,
}

/// Nothing in it is pinned.
impl<T> Unpin for Flight<T> {}

impl<T> Flight<T> {
    /// A flight on `connection`, which may have taken a part of the request, or on a new one.
    pub(super) fn new(
        ticket: Ticket<T>,
        request: Request,
        connection: Option<Connection>,
        dialler: Dialler,
        timeout: Duration,
    ) -> Self {
        let stage = match connection {
            Some(connection) => Stage::Exchanging(Exchange::new(connection)),
            None => dialler.dial(&ticket.target),
        };
        let learnt = Learnt::default();
        let ticket = Some(ticket);
        Self { ticket, request, stage, dialler, learnt, timeout, expired: false, waker: None }
    }

    /// When its time is up; `None` once it has landed.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.ticket.as_ref().map(|ticket| ticket.started + self.timeout)
    }

    /// Ends it at its next poll, and sees to it that there is one.
    pub(super) fn expire(&mut self) {
        self.expired = true;
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn poll_stages(&mut self, cx: &mut Context<'_>, target: &Target) -> Poll<Result<Answer, Trouble>> {
        loop {
            self.stage = match &mut self.stage {
                Stage::Dialling(dialling) => match ready!(dialling.as_mut().poll(cx)) {
                    Ok(dialled) => self.dialled(dialled),
                    Err(trouble) => return Poll::Ready(Err(trouble)),
                },
                Stage::Exchanging(exchange) => match ready!(exchange.poll(cx, &mut self.request)) {
                    Ok(answer) => return Poll::Ready(Ok(answer)),
                    // A kept connection that the app had closed. A new one is tried once.
                    Err(Broken::Unused) if self.learnt.peer.is_none() => self.dialler.dial(target),
                    Err(broken) => return Poll::Ready(Err(Trouble::broken(&target.origin, &broken))),
                },
                Stage::Landed => return Poll::Pending,
            };
        }
    }

    fn land(&mut self, ticket: Ticket<T>, result: Result<Answer, Trouble>) -> Landed<T> {
        let stage = std::mem::replace(&mut self.stage, Stage::Landed);
        let connection = match (stage, &result) {
            (Stage::Exchanging(exchange), Ok(answer)) => exchange.into_connection(answer, &self.request),
            _ => None,
        };
        Landed { ticket, result, connection, learnt: std::mem::take(&mut self.learnt) }
    }

    fn dialled(&mut self, dialled: Dialled) -> Stage {
        let Dialled { connection, peer, refused, forgiven } = dialled;
        self.learnt = Learnt { peer: Some(peer), refused, forgiven };
        Stage::Exchanging(Exchange::new(connection))
    }
}

impl Dialler {
    fn dial(&self, target: &Target) -> Stage {
        Stage::Dialling(Box::pin(dial(target.origin.clone(), self.last, self.tls.clone())))
    }
}

impl<T> Future for Flight<T> {
    type Output = Landed<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Landed<T>> {
        let this = self.get_mut();
        if this.waker.is_none() {
            this.waker = Some(cx.waker().clone());
        }
        let Some(ticket) = this.ticket.take() else { return Poll::Pending };
        let result = if this.expired {
            let connected = matches!(this.stage, Stage::Exchanging(_));
            Poll::Ready(Err(Trouble::timeout(&ticket.target.origin, this.timeout, connected)))
        } else {
            this.poll_stages(cx, &ticket.target)
        };
        match result {
            Poll::Pending => {
                this.ticket = Some(ticket);
                Poll::Pending
            }
            Poll::Ready(result) => Poll::Ready(this.land(ticket, result)),
        }
    }
}
