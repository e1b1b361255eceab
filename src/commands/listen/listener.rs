//! Where the rooms meet: deliveries from the session go through intake to the forwarder, outcomes go back, and
//! the printer is told of everything. One task, one loop, nothing awaited but whatever is ready first.

use std::future::ready;
use std::mem::discriminant;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use muxhook_link::Now;
use muxhook_protocol::frame::Welcome;
use muxhook_protocol::mux::signature;
use muxhook_protocol::mux::signature::Verdict;
use muxhook_protocol::{Delivery, Outcome, Reply};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::notices;
use super::plan::no_secret;
use super::run::{End, Job, Run};
use crate::commands::control::{Control, unless_asked_again};
use crate::commands::home::{self, Home};
use crate::cure::{self, Exchange};
use crate::error::Error;
use crate::event::{
    Arrival, Disconnected, Event, Failed, Forwarded, Level, Notice, Ready, Received, Reconnected, Refused,
    Skipped, Summary,
};
use crate::forwarder::{Done, Forwarder, Target};
use crate::intake::{Decision, Doubt, Intake};
use crate::printer::Printer;
use crate::printer::keys::Key;
use crate::session::{Session, Signal};

/// How long the app is given to finish when the user ends the command.
const DRAIN: Duration = Duration::from_secs(2);

/// Everything that a running `listen` consists of.
pub(crate) struct Listener {
    pub(crate) session: Session,
    pub(crate) home: Home,
    pub(crate) forwarder: Forwarder<Job>,
    pub(crate) intake: Intake<Arc<Target>>,
    pub(crate) printer: Printer,
    pub(crate) now: Now,
    pub(crate) run: Run,
}

impl Listener {
    /// Carries webhooks until something ends it, and tells what.
    ///
    /// # Errors
    /// The relay refuses the session, or was given up.
    pub(crate) async fn run(mut self, mut control: mpsc::Receiver<Control>) -> Result<(End, Summary), Error> {
        let ended = self.carry(&mut control).await;
        let has_reader = !matches!(ended, Ok(End::Closed));
        let drained = unless_asked_again(&mut control, self.wind_up(has_reader)).await;
        self.run.summary.uptime = self.run.started.elapsed();
        self.tell(Event::Summary(self.run.summary));
        self.printer.flush();
        let close = async {
            self.session.close().await;
            self.home.close().await;
        };
        let closed = drained && unless_asked_again(&mut control, close).await;
        let printed = self.printer.finish();
        let end = ended?;
        printed?;
        Ok((if closed { end } else { End::StoppedNow }, self.run.summary))
    }

    async fn carry(&mut self, control: &mut mpsc::Receiver<Control>) -> Result<End, Error> {
        loop {
            self.release_held();
            self.printer.set_held(self.run.paused, self.run.held.len());
            self.printer.set_catching_up(self.run.catchup.progress());
            if self.run.is_counted() {
                return Ok(End::Counted);
            }
            let blocked = !self.run.held.is_empty() && !self.run.paused;
            tokio::select! {
                // In this order: the user is heard whatever comes; what arrives is passed on before the outcomes of
                // what was passed on, so that a burst is at the app as soon as can be; output is flushed once all
                // else waits.
                biased;
                Some(control) = control.recv() => if let Some(end) = self.on_control(control) {
                    return Ok(end);
                },
                signal = self.session.next() => self.on_signal(signal?).await?,
                done = self.forwarder.next() => self.on_outcomes(done),
                turn = self.run.catchup.next(), if self.run.catchup.is_waiting() => self.on_turn(turn),
                () = ready(()), if self.printer.has_unflushed() => self.printer.flush(),
                () = self.printer.room(), if blocked => {}
            }
        }
    }

    async fn on_signal(&mut self, signal: Signal) -> Result<(), Error> {
        match signal {
            Signal::Deliver(delivery) => {
                if self.run.paused || !self.run.held.is_empty() || !self.printer.has_room() {
                    self.run.held.push_back(delivery);
                } else {
                    self.take(*delivery);
                }
            }
            Signal::Answered(id) => {
                self.run.late.insert(id);
                self.mind_queue();
            }
            Signal::Live { welcome, down } => {
                let notices = [self.home.mind_others(&welcome), self.home.remember(&welcome)];
                notices.into_iter().flatten().for_each(|notice| self.tell(Event::Notice(notice)));
                self.take_kept_secrets(&welcome)?;
                let (forwards, now) = (self.intake.forwards(), self.now.unix_millis());
                let missing = self.run.reliance.missing(&welcome);
                let owed = self.run.catchup.linked(&welcome, forwards, down.is_none(), now);
                match down {
                    None => self.on_ready(welcome),
                    Some(down) => self.on_return(welcome, down),
                }
                missing.into_iter().chain(owed).for_each(|notice| self.tell(Event::Notice(notice)));
            }
            Signal::Lost { reason, retry_in } => {
                self.run.catchup.unlinked();
                self.tell(Event::Disconnected(Disconnected { reason, retry_in }));
                self.printer.flush();
                if let Some((relay, token)) = self.home.find_again(&mut self.printer, self.now).await? {
                    self.session.set_relay(relay, token);
                }
            }
            Signal::Gap(gap) => self.tell(Event::Gap(gap)),
            Signal::Notice(notice) => self.tell(Event::Notice(Notice {
                level: Level::Warning,
                code: notice.code,
                message: notice.message,
            })),
        }
        Ok(())
    }

    /// Checks by the secrets that are kept for the endpoint, when none was given.
    fn take_kept_secrets(&mut self, welcome: &Welcome) -> Result<(), Error> {
        if self.run.kept_secrets {
            let secrets = self.home.secrets(&welcome.endpoint);
            if secrets.is_empty() && self.run.needs_secret {
                return Err(no_secret());
            }
            self.intake.set_keys(secrets);
        }
        Ok(())
    }

    fn on_ready(&mut self, welcome: Welcome) {
        let ready = Ready {
            public_url: welcome.public_url,
            endpoint: welcome.endpoint.to_string(),
            forward_to: self.intake.default_target().map(|target| target.url().to_string()),
            relay: self.session.relay().to_string(),
            embedded: self.home.is_embedded(),
        };
        self.run.address = Some(ready.public_url.clone());
        if let Some(sender) = self.run.ready.take() {
            // Whoever asked to be told may be gone.
            let _ = sender.send(ready.clone());
        }
        self.tell(Event::Ready(ready));
    }

    fn on_return(&mut self, welcome: Welcome, down: Duration) {
        let missed = self.intake.forwards().then_some(welcome.owed.count);
        self.tell(Event::Reconnected(Reconnected { down, missed }));
        if self.run.address.as_ref() != Some(&welcome.public_url) {
            self.tell(Event::Notice(home::address_changed(&welcome.public_url)));
            self.run.address = Some(welcome.public_url);
        }
    }

    /// Takes up what was held back, as far as it may go on.
    fn release_held(&mut self) {
        while !self.run.paused && self.printer.has_room() {
            let Some(delivery) = self.run.held.pop_front() else { return };
            self.take(*delivery);
        }
    }

    fn take(&mut self, delivery: Delivery) {
        if !self.run.takes_more() {
            // More than was asked for: left to the relay, which still owes it, or whose sender will try again.
            return;
        }
        let live = self.run.catchup.is_live(&delivery);
        if !live {
            self.run.catchup.arrived();
        }
        let (arrival, decision) = self.intake.take(delivery);
        let arrival = Arc::new(arrival);
        self.run.summary.events += 1;
        self.run.summary.duplicates += u64::from(arrival.duplicate_of.is_some());
        let awaited = decision != Decision::Show;
        self.tell(Event::Received(Received { arrival: Arc::clone(&arrival), awaited }));
        match decision {
            Decision::Forward(target) => {
                self.run.taken += u64::from(live);
                self.run.last = Some((Arc::clone(&arrival), Arc::clone(&target)));
                self.mind_signature(arrival.signature);
                self.forward(Job { arrival, app: target, live, replay: false });
            }
            Decision::Skip { filter } => {
                self.run.summary.skipped += 1;
                let outcome = Outcome::Skipped { filter: filter.clone() };
                self.tell(Event::Skipped(Skipped { arrival: Arc::clone(&arrival), filter }));
                self.settle(&arrival.delivery, live, &outcome);
            }
            Decision::Refuse(Doubt { reason: message, cure }) => {
                self.run.summary.refused += 1;
                let (outcome, hint) = (Outcome::Refused { reason: message.clone() }, Some(cure.to_owned()));
                self.tell(Event::Refused(Refused { arrival: Arc::clone(&arrival), message, hint }));
                self.settle(&arrival.delivery, live, &outcome);
            }
            Decision::Show => {
                self.run.taken += u64::from(live);
                self.run.done += u64::from(live);
                // Nothing to the relay, but room for the next.
                let shown = Outcome::Skipped { filter: "only shown".to_owned() };
                self.settle(&arrival.delivery, live, &shown);
            }
        }
    }

    /// Says once of each kind of doubtful signature what may be done about it; each event is marked anyway.
    fn mind_signature(&mut self, signature: Option<Verdict>) {
        if let Some(verdict) = signature
            && let Some(doubt) = Doubt::of(signature)
            && self.run.doubted.insert(discriminant(&verdict))
        {
            self.tell(Event::Notice(notices::doubted(&doubt)));
        }
    }

    /// Says once, when a sender was left without the app's answer, that events wait for the app to have done with
    /// others: a burst that only queues for a moment is worth no word.
    fn mind_queue(&mut self) {
        if self.forwarder.waiting() > 0 && !self.run.queued {
            self.run.queued = true;
            self.tell(Event::Notice(notices::queued(self.forwarder.in_flight())));
        }
    }

    /// Takes in an outcome and whatever others are there already, so that they go to the relay as one.
    fn on_outcomes(&mut self, first: Done<Job>) {
        self.on_outcome(first);
        while let Some(done) = self.forwarder.next().now_or_never() {
            self.on_outcome(done);
        }
        if self.forwarder.waiting() == 0 {
            self.run.queued = false;
            if self.forwarder.in_flight() == 0 {
                self.run.late.clear();
            }
        }
    }

    fn on_outcome(&mut self, done: Done<Job>) {
        for (code, message) in done.notices {
            self.tell(Event::Notice(Notice { level: Level::Info, code: code.to_owned(), message }));
        }
        let Job { arrival, app, live, replay } = done.tag;
        let id = arrival.delivery.id;
        // The sender of what is owed had its answer long ago.
        let late = !replay && self.run.late.remove(&id) && live && !arrival.delivery.owed;
        let after = (!replay).then(|| self.conclude(&arrival.delivery, live, &app, &done.outcome));
        let accepted = done.outcome.accepted();
        match done.outcome {
            Outcome::Replied(reply) => {
                self.run.summary.forwarded += u64::from(!replay);
                self.run.summary.rejected += u64::from(!replay && !accepted);
                let hint = cured(&arrival, &reply, &done.target, late);
                let (target, latency) = (done.target, done.latency);
                self.tell(Event::Forwarded(Forwarded { arrival, target, reply, latency, late, hint }));
            }
            Outcome::Failed(failure) => {
                self.run.summary.failed += u64::from(!replay);
                self.tell(Event::Failed(Failed { arrival, target: done.target, failure, hint: done.hint }));
            }
            // The forwarder neither skips nor refuses.
            Outcome::Skipped { .. } | Outcome::Refused { .. } => {}
        }
        after.into_iter().flatten().for_each(|notice| self.tell(Event::Notice(notice)));
    }

    fn on_control(&mut self, control: Control) -> Option<End> {
        match control {
            Control::Stop | Control::Key(Key::Quit) => return Some(End::Stopped),
            Control::TimeUp => return Some(End::TimeUp { came: self.run.taken }),
            Control::Closed => return Some(End::Closed),
            Control::Key(Key::Replay) => self.replay_last(),
            Control::Key(Key::Pause) => self.run.paused = !self.run.paused,
            Control::Key(Key::Copy) => self.copy_address(),
            Control::Key(Key::Help) => self.printer.help(),
        }
        None
    }

    fn copy_address(&mut self) {
        if let Some(address) = &self.run.address {
            self.printer.copy(address);
        }
    }

    /// Does what is to be done before the end, all at once.
    async fn wind_up(&mut self, drain: bool) {
        let farewell = self.run.farewell.take();
        let farewell = async { Some(farewell?.done().await) };
        let drain = async {
            if drain {
                self.drain().await;
            }
        };
        let (said, ()) = tokio::join!(farewell, drain);
        if let Some(notice) = said {
            self.tell(Event::Notice(notice));
        }
    }

    /// Lets the app finish what it has, and the relay learn of it, for a while.
    async fn drain(&mut self) {
        let pending = self.forwarder.in_flight() + self.forwarder.waiting();
        if pending > 0 {
            self.tell(Event::Notice(notices::draining(pending, DRAIN)));
            self.printer.flush();
        }
        let drained = async {
            while self.forwarder.in_flight() + self.forwarder.waiting() > 0 {
                tokio::select! {
                    biased;
                    done = self.forwarder.next() => self.on_outcomes(done),
                    // Keeps the link going; what still arrives is not taken up any more.
                    signal = self.session.next() => if signal.is_err() { return },
                }
            }
        };
        if timeout(DRAIN, drained).await.is_err() {
            let left = self.forwarder.in_flight() + self.forwarder.waiting();
            let owed = usize::try_from(self.run.catchup.in_hand()).unwrap_or(left);
            self.tell(Event::Notice(notices::unfinished(left, owed)));
        }
    }

    pub(super) fn tell(&mut self, event: Event) {
        self.printer.print(self.now.unix_millis(), &event);
    }
}

/// What is known of the cause of an app's answer that is no 2xx, or came too late.
fn cured(arrival: &Arrival, reply: &Reply, target: &str, late: bool) -> Option<String> {
    let signed = arrival.delivery.headers.get(signature::HEADER).is_some();
    cure::cure(Exchange { target: Some(target), reply, signed, verdict: arrival.signature, late })
}
