//! The link while it stands.

use std::future::poll_fn;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::Duration;

use muxhook_link::{Link, LinkError};
use muxhook_protocol::parts::Outgoing;
use muxhook_protocol::{Delivery, Frame};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::Signal;
use super::alarm::Alarm;
use super::ended::Failure;
use super::ledger::{Ledger, Taken};
use crate::backoff::granted;

/// After sleep the relay must be heard within this.
const PROOF: Duration = Duration::from_secs(5);

pub(super) struct Live<S> {
    link: Link<S>,
    since: Instant,
    /// Most deliveries without an outcome that the relay says it sends.
    window: u32,
    /// The relay goes down, and wants to be dialled again after this.
    restarting: Option<Duration>,
    /// The relay is to be told that the app is there.
    reachable: bool,
    /// The relay is done with the past up to this `seq`.
    past: u64,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Live<S> {
    pub(super) fn new(link: Link<S>, window: u32) -> Self {
        Self { link, since: Instant::now(), window, restarting: None, reachable: false, past: 0 }
    }

    /// The app is there again: to be told behind every outcome so far, since one of them said that it is not.
    pub(super) fn reachable(&mut self) {
        self.reachable = true;
    }

    /// Up to which `seq` the relay is done with what was asked for of the past.
    pub(super) fn past(&self) -> u64 {
        self.past
    }

    /// Whether the relay said that it goes down.
    pub(super) fn is_restarting(&self) -> bool {
        self.restarting.is_some()
    }

    /// How long the link has stood.
    pub(super) fn age(&self) -> Duration {
        self.since.elapsed()
    }

    /// What happens next on the link. Cancel-safe.
    pub(super) async fn next(&mut self, ledger: &mut Ledger, alarm: &mut Alarm) -> Result<Signal, Failure> {
        loop {
            let frame = match poll_fn(|cx| self.poll_frame(cx, ledger, alarm)).await {
                Ok(frame) => frame,
                Err(error) => return Err(self.lost(error)),
            };
            if let Some(signal) = self.hear(frame, ledger)? {
                return Ok(signal);
            }
        }
    }

    /// Sends everything and says goodbye.
    pub(super) async fn close(&mut self, ledger: &mut Ledger) {
        while let Some(outcome) = ledger.next_unsent() {
            self.link.send(outcome);
        }
        self.link.close().await;
    }

    fn poll_frame(
        &mut self,
        cx: &mut Context<'_>,
        ledger: &mut Ledger,
        alarm: &mut Alarm,
    ) -> Poll<Result<Frame, LinkError>> {
        while let Poll::Ready(slept) = alarm.poll_tick(cx) {
            if slept {
                self.link.check(PROOF);
            }
            if ledger.wants_idle_mark() {
                ledger.marked(self.link.mark());
            }
        }
        loop {
            self.feed(ledger);
            let frame = pin!(self.link.next()).poll(cx);
            ledger.confirmed(self.link.confirmed());
            // Writing may have made room for outcomes that waited for it.
            if frame.is_ready() || !ledger.has_unsent() || self.link.room() == 0 {
                return frame;
            }
        }
    }

    fn feed(&mut self, ledger: &mut Ledger) {
        while self.link.room() > 0
            && let Some(outcome) = ledger.next_unsent()
        {
            self.link.send(outcome);
            if ledger.wants_mark() {
                ledger.marked(self.link.mark());
            }
        }
        if self.reachable && !ledger.has_unsent() {
            self.reachable = false;
            self.link.send(Outgoing::control(&Frame::Reachable));
        }
    }

    fn hear(&mut self, frame: Frame, ledger: &mut Ledger) -> Result<Option<Signal>, Failure> {
        match frame {
            Frame::Deliver { delivery, .. } => self.take(delivery, ledger),
            Frame::Answered { id } => Ok(Some(Signal::Answered(id))),
            Frame::Notice(notice) => Ok(Some(Signal::Notice(notice))),
            Frame::Gap(gap) => Ok(Some(Signal::Gap(gap))),
            Frame::Past { after } => {
                self.past = self.past.max(after);
                Ok(None)
            }
            Frame::Restarting(restarting) => {
                self.restarting = Some(granted(Duration::from_millis(restarting.reconnect_in_ms)));
                Ok(None)
            }
            Frame::Refused(refused) => Err(refused.into()),
            // A newer relay may have more to say than this CLI understands.
            Frame::Unknown => Ok(None),
            Frame::Hello(_)
            | Frame::Welcome(_)
            | Frame::Outcome { .. }
            | Frame::Part { .. }
            | Frame::Reachable => Err(LinkError::Protocol("it sent a frame out of place".into()).into()),
        }
    }

    fn take(&self, delivery: Box<Delivery>, ledger: &mut Ledger) -> Result<Option<Signal>, Failure> {
        match ledger.take(delivery.id, delivery.attempt) {
            Taken::Known => Ok(None),
            Taken::New if ledger.is_beyond(self.window) => {
                let message = format!("it sent far more deliveries at once than the {} it said", self.window);
                Err(LinkError::Protocol(message).into())
            }
            Taken::New => Ok(Some(Signal::Deliver(delivery))),
        }
    }

    fn lost(&self, error: LinkError) -> Failure {
        match self.restarting {
            Some(pause) => {
                Failure::Transient { reason: "the relay is restarting".into(), asked: Some(pause) }
            }
            None => error.into(),
        }
    }
}
