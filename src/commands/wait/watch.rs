//! One wait at work: an observer of the endpoint, the command beside it, and the clock.

use std::future::{pending, ready};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use muxhook_link::Now;
use muxhook_protocol::frame::Welcome;
use muxhook_protocol::{Delivery, Outcome};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::command::{Command, Failure};
use super::expectation::Expectation;
use crate::commands::control::{Control, unless_asked_again};
use crate::commands::home::{self, Home};
use crate::error::Error;
use crate::event::{Disconnected, Event, Level, Notice, Received, Reconnected};
use crate::intake::Intake;
use crate::printer::Printer;
use crate::session::{Session, Signal};

/// How long the relay may take to be reached, however short the timeout is that begins then.
const REACHING: Duration = Duration::from_secs(5);

/// Everything that a running `wait` consists of.
pub(super) struct Watch {
    pub(super) session: Session,
    pub(super) home: Home,
    pub(super) intake: Intake<()>,
    pub(super) printer: Printer,
    pub(super) now: Now,
    pub(super) expectation: Expectation,
    pub(super) command: Command,
    pub(super) timeout: Option<Duration>,
    /// A person wants to know what is waited for.
    pub(super) announce: bool,
    /// How it stands.
    pub(super) progress: Progress,
}

/// How a wait stands.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// The public address, once the relay has confirmed the subscription.
    address: Option<String>,
    /// When the time is up, if ever.
    deadline: Option<Instant>,
    /// Why the link to the relay is lost, or was never made; `None`: it stands.
    lost: Option<String>,
    /// Whoever read our stdout has gone: there is no use in waiting for more.
    unread: bool,
}

/// How a wait came to its end.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// What was waited for came, or nobody cares any more; and the command, if any, has done well.
    Met,
    /// The command has not.
    Failed(Failure),
    /// The user or the system asked for it.
    Stopped,
}

impl Watch {
    /// Waits until something ends it, and tells what. The command is over then.
    ///
    /// # Errors
    /// The time is up, or the relay refuses the session, or was given up.
    pub(super) async fn run(mut self, mut control: mpsc::Receiver<Control>) -> Result<End, Error> {
        let ended = self.watch(&mut control).await;
        self.printer.flush();
        let close = async {
            self.command.stop().await;
            self.session.close().await;
            self.home.close().await;
        };
        if !unless_asked_again(&mut control, close).await {
            self.command.kill().await;
        }
        let printed = self.printer.finish();
        let end = ended?;
        printed?;
        Ok(end)
    }

    async fn watch(&mut self, control: &mut mpsc::Receiver<Control>) -> Result<End, Error> {
        self.progress.deadline = self.timeout.map(|timeout| Instant::now() + timeout.max(REACHING));
        loop {
            if self.is_done() && self.command.is_over() {
                return Ok(End::Met);
            }
            let deadline = self.progress.deadline.filter(|_| !self.is_done());
            tokio::select! {
                // In this order: no flood of events keeps the user, the command or the clock from being heard.
                biased;
                Some(control) = control.recv() => match control {
                    Control::Stop => return Ok(End::Stopped),
                    Control::Closed => self.progress.unread = true,
                    Control::TimeUp | Control::Key(_) => {}
                },
                ended = self.command.ended() => if let Err(failure) = ended {
                    return Ok(End::Failed(failure));
                },
                () = passed(deadline) => return Err(self.time_up()),
                signal = self.session.next() => match signal {
                    Ok(signal) => if let Some(failure) = self.on_signal(signal).await? {
                        return Ok(End::Failed(failure));
                    },
                    // Only the command is waited for, and it may do without.
                    Err(_) if self.is_done() => {}
                    Err(ended) => return Err(ended.into()),
                },
                () = ready(()), if self.printer.has_unflushed() => self.printer.flush(),
            }
        }
    }

    /// Whether no event is waited for any more. Who reads none may still want the command to run.
    fn is_done(&self) -> bool {
        self.expectation.is_met() || (self.progress.unread && !self.command.is_to_start())
    }

    /// Gives back why the command did not start, if it was to.
    async fn on_signal(&mut self, signal: Signal) -> Result<Option<Failure>, Error> {
        match signal {
            Signal::Deliver(delivery) => self.take(*delivery),
            // The sender's answer is not ours to give.
            Signal::Answered(_) => {}
            Signal::Live { welcome, down } => {
                self.progress.lost = None;
                self.home.remember(&welcome).into_iter().for_each(|notice| self.tell(Event::Notice(notice)));
                match down {
                    None => return Ok(self.on_subscribed(&welcome).err()),
                    Some(down) => self.on_return(welcome, down),
                }
            }
            Signal::Lost { reason, retry_in } => {
                self.progress.lost = Some(reason.clone());
                self.tell(Event::Disconnected(Disconnected { reason, retry_in }));
                self.printer.flush();
                match self.home.find_again(&mut self.printer, self.now).await {
                    Ok(Some((relay, token))) => self.session.set_relay(relay, token),
                    Ok(None) => {}
                    Err(_) if self.is_done() => {}
                    Err(error) => return Err(error),
                }
            }
            Signal::Gap(gap) => self.tell(Event::Gap(gap)),
            Signal::Notice(notice) => self.tell(Event::Notice(Notice {
                level: Level::Warning,
                code: notice.code,
                message: notice.message,
            })),
        }
        Ok(None)
    }

    /// Nothing can be missed from now on: the time runs, and so does the command.
    fn on_subscribed(&mut self, welcome: &Welcome) -> Result<(), Failure> {
        self.progress.deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        self.progress.address = Some(welcome.public_url.clone());
        if self.announce {
            let only = if self.home.is_embedded() { " (which only this machine can reach)" } else { "" };
            let message = format!("waiting for {} at {}{only}", self.expectation, welcome.public_url);
            self.tell(Event::Notice(Notice { level: Level::Info, code: "waiting".to_owned(), message }));
            self.printer.flush();
        }
        self.command.start()
    }

    fn on_return(&mut self, welcome: Welcome, down: Duration) {
        self.tell(Event::Reconnected(Reconnected { down, missed: None }));
        if self.progress.address.as_ref() != Some(&welcome.public_url) {
            self.tell(Event::Notice(home::address_changed(&welcome.public_url)));
            self.progress.address = Some(welcome.public_url);
        }
    }

    fn take(&mut self, delivery: Delivery) {
        let (arrival, _) = self.intake.take(delivery);
        // Nothing to the relay, but room for the next.
        let seen = Outcome::Skipped { filter: "only observed".to_owned() };
        self.session.settle(arrival.delivery.id, &seen);
        if !self.is_done() && self.expectation.take(&arrival) {
            self.tell(Event::Received(Received { arrival: Arc::new(arrival), awaited: false }));
        }
    }

    fn time_up(&self) -> Error {
        let timeout = self.timeout.unwrap_or_default();
        let Some(address) = &self.progress.address else {
            let why = self.progress.lost.as_deref().unwrap_or("it does not answer");
            let (relay, within) = (self.session.relay(), span(timeout.max(REACHING)));
            return Error::unreachable(format!(
                "the relay at {relay} was not reached within {within}: {why}"
            ));
        };
        let mut message = self.expectation.shortfall(&span(timeout));
        if let Some(why) = &self.progress.lost {
            message.push_str(&format!("; by the end, the link was lost: {why}"));
        }
        if !self.command.is_over() {
            message.push_str("; the command was still running, and is ended");
        }
        Error::unmet(message).with_hint(self.what_to_check(address))
    }

    fn what_to_check(&self, address: &str) -> String {
        if !self.expectation.saw_nothing() {
            format!("events do reach {address}: `muxhook listen --print body` shows what is in them")
        } else if self.home.is_embedded() {
            format!(
                "only this machine can reach {address}: for events from Mux, use a relay on a public host (`muxhook \
                 login <its URL>`)"
            )
        } else {
            format!("is the webhook at Mux enabled, in the environment in question, and its URL {address}?")
        }
    }

    fn tell(&mut self, event: Event) {
        self.printer.print(self.now.unix_millis(), &event);
    }
}

/// `1m 30s`.
fn span(time: Duration) -> String {
    SignedDuration::try_from(time).map(|time| format!("{time:#}")).unwrap_or_default()
}

async fn passed(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}
