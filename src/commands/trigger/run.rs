//! Sends what was planned, one after the other.

use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::Outcome;
use muxhook_protocol::mux::sample::MAX_ATTEMPTS;
use tokio::time::{Instant, sleep, sleep_until};

use super::draft::Draft;
use super::plan::Turn;
use super::report::{Report, Sent};
use super::retry;
use super::sender::{Answer, Sender};
use super::signer::Signer;
use super::verdict::{self, Refusal};
use crate::config::Pace;
use crate::cure::{self, Exchange};
use crate::error::Error;
use crate::printer::Console;

/// How it is gone about.
pub(super) struct Run {
    pub(super) sender: Sender,
    pub(super) signer: Signer,
    pub(super) pace: Pace,
    /// Before each event.
    pub(super) delay: Duration,
    /// Try again what was not accepted, as Mux does.
    pub(super) retry: bool,
    /// What the relay holds is accepted.
    pub(super) accept_held: bool,
    pub(super) now: Now,
}

impl Run {
    /// Sends everything.
    ///
    /// # Errors
    /// The relay is not there (any more), or the output has no reader.
    pub(super) async fn all(
        &mut self,
        turns: &[Turn],
        report: &mut Report,
        console: &mut Console,
    ) -> Result<(), Error> {
        report.begin(console);
        let start = Instant::now();
        for turn in turns {
            if let Some(due) = start.checked_add(turn.due) {
                sleep_until(due).await;
            }
            sleep(self.delay).await;
            self.one(turn, report, console).await?;
        }
        Ok(())
    }

    async fn one(&mut self, turn: &Turn, report: &mut Report, console: &mut Console) -> Result<(), Error> {
        let mut draft = Draft::clone(&turn.draft);
        let most = if self.retry { MAX_ATTEMPTS } else { 1 };
        for number in 1.. {
            let answer = self.send(&draft).await;
            let verdict = verdict::judge(&answer, self.accept_held);
            let now = self.now.unix_millis();
            let sent = Sent { draft: &draft, again: turn.again, number, answer: &answer, verdict: &verdict };
            report.sent(&sent, now, console)?;
            // Mux knows nothing but the status.
            if answer.outcome.accepted() || number == most {
                report.settle(&draft, verdict.is_ok(), answer.is_held());
                return self.given_up(&answer, verdict);
            }
            draft.push_attempt(&retry::attempt(&answer.outcome, self.sender.url(), now));
            let wait = self.pace.wait(retry::wait_after(number));
            report.waits(wait, console);
            sleep(wait).await;
        }
        Ok(())
    }

    async fn send(&mut self, draft: &Draft) -> Answer {
        let (body, now) = (draft.body(), self.now.unix_millis());
        let seconds = i64::try_from(now / 1000).unwrap_or(i64::MAX);
        let signature = self.signer.sign(&body, seconds);
        let mut answer = self.sender.send(body.clone(), signature.as_deref(), now).await;
        if let (None, Some("app"), Outcome::Replied(reply)) =
            (&answer.hint, answer.by.as_deref(), &answer.outcome)
        {
            let verdict = self.signer.worth(signature.as_deref(), &body, seconds);
            let target = if self.sender.is_address() { None } else { Some(self.sender.url()) };
            answer.hint =
                cure::cure(Exchange { target, reply, signed: signature.is_some(), verdict, late: false });
        }
        answer
    }

    /// Without a relay there is no point in going on.
    fn given_up(&self, answer: &Answer, verdict: Result<(), Refusal>) -> Result<(), Error> {
        match verdict {
            Err(Refusal { why, .. }) if self.sender.is_address() && answer.is_unreached() => {
                Err(Error::unreachable(why))
            }
            _ => Ok(()),
        }
    }
}
