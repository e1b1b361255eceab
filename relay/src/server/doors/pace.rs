//! How long each step of a connection may take: a head, the silence between two requests, an answer that nobody reads.
//! A request's body and its answer have bounds of their own.
//!
//! Every step is told by what is polled within the connection's own task; so it is enough that this task looks at
//! [`Pace::due`] after each poll, and has one timer.

use std::io;
use std::pin::{Pin, pin};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use muxhook_link::Stream;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use crate::config::Limits;

/// How long each step may take.
#[derive(Clone, Copy, Debug)]
pub(in crate::server) struct Times {
    /// From the beginning of a connection, or the first byte of a request, to the end of its head.
    pub(in crate::server) head: Duration,
    /// From an answer to the next request.
    pub(in crate::server) idle: Duration,
    /// For the other side to take more of what is written.
    pub(in crate::server) unread: Duration,
}

impl Times {
    /// By the relay's limits.
    pub(in crate::server) fn of(limits: &Limits) -> Self {
        Self { head: limits.head_timeout, idle: limits.idle_timeout, unread: limits.unread_timeout }
    }
}

/// What was unfit of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::server) enum Unfit {
    /// It had no whole head in time.
    SlowHead,
    /// Its head was none, or was cut off.
    BadHead,
    /// It did not read its answer.
    SlowReader,
}

/// One connection's pace.
#[derive(Debug)]
pub(in crate::server) struct Pace {
    times: Times,
    /// What is no request gets no answer: its source has had enough of them.
    is_mute: bool,
    state: Mutex<State>,
}

#[derive(Clone, Copy, Debug)]
struct State {
    step: Step,
    /// A request has come.
    has_asked: bool,
    /// When the other side must have taken more of what is written, while it takes nothing.
    unread_by: Option<Instant>,
    /// The system has given up on the other side, which took nothing for too long of what the system has.
    has_given_up: bool,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A head is awaited, or has begun to come.
    Head { by: Instant, has_begun: bool },
    /// A request is answered.
    Answering,
    /// The next request is awaited.
    Idle { by: Instant },
    /// The answer was the last: what is left of the request's body is read past it.
    Last { by: Instant },
}

impl Pace {
    /// The pace of a connection that begins now.
    pub(in crate::server) fn new(times: Times, is_mute: bool) -> Self {
        let step = Step::Head { by: Instant::now() + times.head, has_begun: false };
        let state = Mutex::new(State { step, has_asked: false, unread_by: None, has_given_up: false });
        Self { times, is_mute, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something came.
    pub(super) fn reads(&self) {
        let mut state = self.state();
        match &mut state.step {
            Step::Head { has_begun, .. } => *has_begun = true,
            Step::Idle { .. } => {
                state.step = Step::Head { by: Instant::now() + self.times.head, has_begun: true };
            }
            Step::Answering | Step::Last { .. } => {}
        }
    }

    /// A head is whole.
    pub(in crate::server) fn asked(&self) {
        let mut state = self.state();
        state.step = Step::Answering;
        state.has_asked = true;
    }

    /// There is an answer, to be written yet. After a failure the connection is worth no more than a new one.
    pub(in crate::server) fn answered(&self, is_failure: bool, is_last: bool) {
        let now = Instant::now();
        self.state().step = match (is_last, is_failure) {
            (true, _) => Step::Last { by: now + self.times.head },
            (false, true) => Step::Head { by: now + self.times.head, has_begun: false },
            (false, false) => Step::Idle { by: now + self.times.idle },
        };
    }

    /// The other side takes nothing of what is written.
    pub(super) fn is_blocked(&self) {
        self.state().unread_by.get_or_insert_with(|| Instant::now() + self.times.unread);
    }

    /// The other side takes what is written.
    pub(super) fn moves(&self) {
        let mut state = self.state();
        if state.unread_by.take().is_some()
            && let Step::Idle { by } = &mut state.step
        {
            *by = Instant::now() + self.times.idle;
        }
    }

    /// The stream fails. To hyper that may be an end like any other.
    pub(super) fn fails(&self, error: &io::Error) {
        self.state().has_given_up |= error.kind() == io::ErrorKind::TimedOut;
    }

    /// Whether what is written now may go out. Before the first request only the parser writes, to refuse what is none.
    pub(super) fn may_answer(&self) -> io::Result<()> {
        if self.is_mute && !self.state().has_asked {
            Err(io::ErrorKind::ConnectionAborted.into())
        } else {
            Ok(())
        }
    }

    /// When the step that is under way must be over. While an answer is stuck, nothing else is waited for.
    fn due(&self) -> Option<Instant> {
        let state = self.state();
        state.unread_by.or(match state.step {
            Step::Head { by, .. } | Step::Idle { by } | Step::Last { by } => Some(by),
            Step::Answering => None,
        })
    }

    /// Waits for the connection's end, which comes at once when a step takes too long; what was unfit of it.
    pub(in crate::server) async fn keep<E>(
        &self,
        mut connection: Pin<&mut impl Future<Output = Result<(), E>>>,
    ) -> Result<(), Option<Unfit>> {
        let mut timer = pin!(sleep_until(Instant::now() + self.times.head));
        let ended = std::future::poll_fn(|cx| {
            if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                return Poll::Ready(Some(ended));
            }
            let Some(due) = self.due() else { return Poll::Pending };
            if timer.deadline() != due {
                timer.as_mut().reset(due);
            }
            timer.as_mut().poll(cx).map(|()| None)
        });
        match ended.await {
            Some(_) if self.state().has_given_up => Err(Some(Unfit::SlowReader)),
            Some(Ok(())) => Ok(()),
            // Whatever it was: it was no whole head.
            Some(Err(_)) if matches!(self.state().step, Step::Head { has_begun: true, .. }) => {
                Err(Some(Unfit::BadHead))
            }
            Some(Err(_)) => Err(None),
            None => self.overdue(),
        }
    }

    /// What was unfit of a connection that is cut off. Silence between two requests is not.
    fn overdue(&self) -> Result<(), Option<Unfit>> {
        let state = self.state();
        match state.step {
            _ if state.unread_by.is_some() => Err(Some(Unfit::SlowReader)),
            Step::Head { has_begun, .. } if has_begun || !state.has_asked => Err(Some(Unfit::SlowHead)),
            _ => Ok(()),
        }
    }
}

/// Has the system end a connection whose other side takes nothing for so long: of what fits its own buffers this process
/// would never know (RFC 5482; Linux alone).
pub(in crate::server) fn watch(socket: &TcpStream, unread: Duration) {
    #[cfg(target_os = "linux")]
    let _ = socket2::SockRef::from(socket).set_tcp_user_timeout(Some(unread));
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, unread);
}

/// The system need not look at it any more.
pub(super) fn forget(stream: &Stream) {
    #[cfg(target_os = "linux")]
    if let Some(socket) = tcp(stream) {
        let _ = socket2::SockRef::from(socket).set_tcp_user_timeout(None);
    }
    #[cfg(not(target_os = "linux"))]
    let _ = stream;
}

/// What a stream goes over in the end.
#[cfg(target_os = "linux")]
fn tcp(stream: &Stream) -> Option<&TcpStream> {
    let mut stream = stream;
    loop {
        match stream {
            Stream::Plain(socket) => return Some(socket),
            Stream::Tls(tls) => stream = tls.get_ref().0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const TIMES: Times = Times {
        head: Duration::from_secs(10),
        idle: Duration::from_secs(75),
        unread: Duration::from_secs(20),
    };

    /// After how many seconds a connection is cut off that stands still from now on, and why.
    async fn cut(pace: &Pace) -> (u64, Result<(), Option<Unfit>>) {
        let began = Instant::now();
        let still = std::future::pending::<Result<(), io::Error>>();
        let ended = pace.keep(pin!(still)).await;
        (began.elapsed().as_secs(), ended)
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_has_its_time_from_the_beginning_on() {
        let pace = Pace::new(TIMES, false);
        assert_eq!(cut(&pace).await, (10, Err(Some(Unfit::SlowHead))), "not one byte");
        let pace = Pace::new(TIMES, false);
        tokio::time::advance(SECOND * 7).await;
        pace.reads();
        assert_eq!(cut(&pace).await, (3, Err(Some(Unfit::SlowHead))), "a byte gives no more time");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_was_good_may_be_silent_for_long_and_one_that_failed_may_not() {
        let pace = Pace::new(TIMES, false);
        pace.asked();
        pace.answered(false, false);
        assert_eq!(cut(&pace).await, (75, Ok(())));
        pace.answered(false, false);
        pace.reads();
        assert_eq!(cut(&pace).await, (10, Err(Some(Unfit::SlowHead))), "the next head is a head");
        pace.answered(true, false);
        assert_eq!(cut(&pace).await, (10, Ok(())), "it has failed once, and that was counted");
        pace.answered(false, true);
        pace.reads();
        assert_eq!(cut(&pace).await, (10, Ok(())), "what is read past the last answer is no head");
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_being_made_has_no_time_of_its_own_here() {
        let pace = Pace::new(TIMES, false);
        pace.asked();
        pace.reads();
        let still = std::future::pending::<Result<(), io::Error>>();
        assert!(tokio::time::timeout(SECOND * 1000, pace.keep(pin!(still))).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_must_be_taken_piece_by_piece() {
        let pace = Pace::new(TIMES, false);
        pace.asked();
        pace.answered(false, false);
        for _ in 0..10 {
            pace.is_blocked();
            tokio::time::advance(SECOND * 19).await;
            pace.is_blocked();
            pace.moves();
        }
        pace.is_blocked();
        assert_eq!(cut(&pace).await, (20, Err(Some(Unfit::SlowReader))));
        pace.moves();
        assert_eq!(cut(&pace).await, (75, Ok(())), "once it is taken, silence is counted anew");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_failed_too_often_gets_no_answer_to_what_is_no_request() {
        let pace = Pace::new(TIMES, true);
        assert!(pace.may_answer().is_err());
        pace.asked();
        assert!(pace.may_answer().is_ok(), "what is right is answered as always");
        assert!(Pace::new(TIMES, false).may_answer().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_is_a_failure_where_a_head_had_begun() {
        let broken = || async { Err::<(), _>(io::Error::from(io::ErrorKind::ConnectionReset)) };
        let pace = Pace::new(TIMES, false);
        assert_eq!(pace.keep(pin!(broken())).await, Err(None), "a probe of the port");
        pace.reads();
        assert_eq!(pace.keep(pin!(broken())).await, Err(Some(Unfit::BadHead)));
        pace.asked();
        assert_eq!(pace.keep(pin!(broken())).await, Err(None), "a sender hangs up");
        pace.fails(&io::ErrorKind::TimedOut.into());
        let ended = async { Ok::<_, io::Error>(()) };
        assert_eq!(pace.keep(pin!(ended)).await, Err(Some(Unfit::SlowReader)), "as the system saw it");
    }
}
