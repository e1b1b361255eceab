//! Who answers the sender: the rule of it, pure.

use muxhook_protocol::{Failure, Outcome, Reply};

use crate::journal::{Answered, By, HoldError};

/// What the sender gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The app's own answer.
    App(Reply),
    /// Every listener gave a usable answer to nobody: the app could not be reached.
    AppFailed(Failure),
    /// A listener does not trust it, for this reason.
    Refused(String),
    /// Every listener's filters left it out.
    Skipped,
    /// Only observers are there: shown, and taken.
    Observed,
    /// No listener answered by the reply deadline.
    TooLate,
    /// Every listener that had it lost its link and did not come back by the reply deadline.
    LinkLost,
    /// The relay goes down before the app's answer came.
    GoingDown,
    /// The relay holds it, and owes it to the app from now on.
    Held,
    /// The relay would hold it, and can't.
    NotHeld(HoldError),
    /// Nobody listens.
    NoListener,
    /// Every listener has as much in hand as it may.
    Busy,
    /// There is no such endpoint.
    UnknownEndpoint,
    /// The relay failed at something of its own.
    Internal,
}

impl Answer {
    /// Who answers, and with which status.
    #[must_use]
    pub fn answered(&self) -> Answered {
        let (by, status) = match self {
            Self::App(reply) => (By::App, reply.status),
            Self::AppFailed(_) => (By::Relay, 502),
            Self::Refused(_) => (By::Relay, 401),
            Self::Skipped => (By::Skipped, 200),
            Self::Observed => (By::Observers, 200),
            Self::Held => (By::Held, 200),
            Self::NotHeld(HoldError::Full | HoldError::NoSpace) => (By::Relay, 507),
            Self::TooLate => (By::Relay, 504),
            Self::UnknownEndpoint => (By::Relay, 404),
            Self::Internal => (By::Relay, 500),
            Self::NotHeld(_) | Self::LinkLost | Self::GoingDown | Self::NoListener | Self::Busy => {
                (By::Relay, 503)
            }
        };
        Answered { by, status }
    }
}

/// Where one listener stands with one delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Has it in hand.
    Waiting,
    /// Its link is lost; it may come back.
    Lost,
    /// Skipped or refused it, failed at it, or never had it.
    Done,
}

/// What is known so far of one delivery: enough to tell the answer as soon as there is one.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// The latest that was neither a 2xx nor a skip.
    latest: Option<Answer>,
}

impl Tally {
    /// Takes an outcome in; `open` says whether other listeners have yet to settle. The answer, once it is clear:
    /// the first 2xx at once; without one the last failure when all have settled; a skip when all skipped.
    pub(super) fn settle(&mut self, outcome: Outcome, open: bool) -> Option<Answer> {
        if outcome.accepted() {
            return answer_of(outcome);
        }
        if let Some(answer) = answer_of(outcome) {
            self.latest = Some(answer);
        }
        self.conclude(open)
    }

    /// A listener had no room for it. That is no skip: it stands for an answer until somebody fails at it.
    pub(super) fn turned_away(&mut self, open: bool) -> Option<Answer> {
        self.latest.get_or_insert(Answer::Busy);
        self.conclude(open)
    }

    fn conclude(&mut self, open: bool) -> Option<Answer> {
        if open { None } else { Some(self.latest.take().unwrap_or(Answer::Skipped)) }
    }

    /// The answer at the deadline: the latest failure, else why there is none.
    pub(super) fn expire(&mut self, open: impl IntoIterator<Item = Standing>) -> Answer {
        self.latest.take().unwrap_or_else(|| {
            if open.into_iter().any(|standing| standing == Standing::Waiting) {
                Answer::TooLate
            } else {
                Answer::LinkLost
            }
        })
    }
}

/// What an outcome says to the sender; a skip says nothing.
fn answer_of(outcome: Outcome) -> Option<Answer> {
    match outcome {
        Outcome::Replied(reply) => Some(Answer::App(reply)),
        Outcome::Failed(failure) => Some(Answer::AppFailed(failure)),
        Outcome::Refused { reason } => Some(Answer::Refused(reason)),
        Outcome::Skipped { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muxhook_protocol::{FailReason, Headers};

    fn reply(status: u16) -> Outcome {
        Outcome::Replied(Reply { status, headers: Headers::new(), body: "x".into(), truncated: false })
    }

    fn failed() -> Outcome {
        Outcome::Failed(Failure { reason: FailReason::Refused, message: "nobody".into() })
    }

    fn skipped() -> Outcome {
        Outcome::Skipped { filter: "--events x".into() }
    }

    fn status(answer: Option<Answer>) -> Option<u16> {
        match answer {
            Some(Answer::App(reply)) => Some(reply.status),
            _ => None,
        }
    }

    #[test]
    fn the_first_2xx_answers_at_once() {
        let mut tally = Tally::default();
        assert_eq!(tally.settle(reply(500), true), None);
        assert_eq!(status(tally.settle(reply(204), true)), Some(204));
    }

    #[test]
    fn without_a_2xx_the_last_failure_answers_once_all_have_settled() {
        let mut tally = Tally::default();
        assert_eq!(tally.settle(failed(), true), None);
        assert_eq!(status(tally.settle(reply(503), false)), Some(503));
    }

    #[test]
    fn a_skip_is_no_answer() {
        let mut tally = Tally::default();
        assert_eq!(tally.settle(reply(404), true), None);
        assert_eq!(status(tally.settle(skipped(), false)), Some(404));
        let mut tally = Tally::default();
        assert_eq!(tally.settle(skipped(), true), None);
        assert_eq!(tally.settle(skipped(), false), Some(Answer::Skipped));
    }

    #[test]
    fn a_refusal_is_an_answer_that_is_no_2xx() {
        let refused = || Outcome::Refused { reason: "no signature".into() };
        let answer = || Some(Answer::Refused("no signature".into()));
        assert_eq!(Tally::default().settle(refused(), false), answer());
        let mut tally = Tally::default();
        assert_eq!(tally.settle(refused(), true), None);
        assert_eq!(tally.settle(skipped(), false), answer(), "a skip does not hide it");
        let mut tally = Tally::default();
        tally.settle(refused(), true);
        assert_eq!(status(tally.settle(reply(201), true)), Some(201), "a 2xx of another listener counts");
        let mut tally = Tally::default();
        tally.settle(refused(), true);
        assert_eq!(Some(tally.expire([Standing::Waiting])), answer());
    }

    #[test]
    fn a_listener_without_room_did_not_skip() {
        let mut tally = Tally::default();
        assert_eq!(tally.turned_away(true), None);
        assert_eq!(tally.settle(skipped(), false), Some(Answer::Busy));
        let mut tally = Tally::default();
        assert_eq!(tally.settle(reply(500), true), None);
        assert_eq!(status(tally.turned_away(false)), Some(500));
    }

    #[test]
    fn at_the_deadline_the_latest_failure_else_the_reason() {
        let mut tally = Tally::default();
        tally.settle(reply(500), true);
        assert_eq!(status(Some(tally.expire([Standing::Waiting]))), Some(500));
        assert_eq!(Tally::default().expire([Standing::Waiting, Standing::Lost]), Answer::TooLate);
        assert_eq!(Tally::default().expire([Standing::Lost, Standing::Done]), Answer::LinkLost);
    }
}
