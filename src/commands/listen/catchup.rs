//! What came while nobody listened, or came before and is delivered again: how far it is, when it is over, and whether
//! the app is there to take it.
//!
//! How much there is, the relay says once; what of it comes is not only its own to decide: another listener may take
//! some, and what the app failed at waits for a time of its own. So it is over when all has been here, or when nothing
//! more comes.

use std::future::pending;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use muxhook_protocol::frame::{Owed, Welcome};
use muxhook_protocol::{Delivery, FailReason, Outcome};
use tokio::time::{Instant, sleep, sleep_until};

use super::notices;
use crate::event::Notice;
use crate::forwarder::{Target, probe};

/// How often an app that is away is looked for.
const LOOK: Duration = Duration::from_secs(2);

/// When nothing has come for so long, nothing more comes for now.
const QUIET: Duration = Duration::from_secs(5);

/// Where a listener is with what does not arrive live.
pub(crate) struct Catchup {
    owed: Owed,
    /// The latest `seq` when the link came to stand: what is owed up to there did not arrive live.
    horizon: u64,
    connected: bool,
    /// What the relay owed when the link came to stand.
    round: Option<Round>,
    /// What is delivered again because it was asked for.
    past: Option<Past>,
    /// Owed and replayed deliveries that are here and not settled.
    in_hand: u64,
    /// When it counts as over.
    quiet: Option<Instant>,
    /// The app that is looked for.
    away: Option<Arc<Target>>,
    probing: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
}

/// One catch-up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) total: u64,
    /// Those that have been here, by what became of them in the end.
    pub(super) taken: u64,
    pub(super) left_out: u64,
    pub(super) failed: u64,
    /// They come in this order.
    reached: u64,
}

/// The past that was asked for.
#[derive(Clone, Copy, Debug)]
struct Past {
    count: u64,
    /// The `seq` of the last that can belong to it; `None` until the link stands for the first time.
    until: Option<u64>,
}

/// What happened meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// The app is there again.
    Back,
    /// Nothing more comes for now.
    Quiet,
}

impl Catchup {
    /// Nothing has come yet. `past`: some of the history was asked for.
    pub(crate) fn new(owed: Owed, past: bool) -> Self {
        Self {
            owed,
            horizon: 0,
            connected: false,
            round: None,
            past: past.then_some(Past { count: 0, until: None }),
            in_hand: 0,
            quiet: None,
            away: None,
            probing: None,
        }
    }

    /// The link stands at `now` (milliseconds since the Unix epoch), for the first time or again. `forwards`: there is
    /// an app.
    pub(super) fn linked(
        &mut self,
        welcome: &Welcome,
        forwards: bool,
        is_first: bool,
        now: u64,
    ) -> Option<Notice> {
        (self.horizon, self.connected) = (welcome.seq, true);
        // Where nothing is kept there is nothing to wait for.
        self.past = self.past.take().filter(|_| welcome.history != Some(false));
        if let Some(past) = &mut self.past {
            past.until.get_or_insert(welcome.seq);
        }
        let what = self.owed;
        if self.owed == Owed::Discard {
            self.owed = Owed::Deliver;
        }
        let before = self.round.take().map(|round| round.taken + round.left_out);
        if welcome.owed.count > 0 && forwards && what == Owed::Deliver {
            let taken = before.unwrap_or_default();
            self.round = Some(Round { total: taken + welcome.owed.count, taken, ..Round::default() });
        }
        self.look();
        self.stir();
        let told = is_first && welcome.owed.count > 0;
        told.then(|| notices::owed(welcome.owed, forwards.then_some(what), now))
    }

    /// The link is lost.
    pub(super) fn unlinked(&mut self) {
        self.connected = false;
        (self.probing, self.quiet) = (None, None);
    }

    /// Whether a delivery arrives just now, and is neither owed from before nor replayed.
    pub(super) fn is_live(&self, delivery: &Delivery) -> bool {
        !delivery.replayed && !(delivery.owed && (delivery.attempt > 1 || delivery.seq <= self.horizon))
    }

    /// A delivery is here that did not arrive live.
    pub(super) fn arrived(&mut self) {
        self.in_hand += 1;
        self.quiet = None;
    }

    /// What became of a delivery that did not arrive live.
    pub(super) fn settled(&mut self, delivery: &Delivery, outcome: &Outcome) -> Option<Notice> {
        self.in_hand = self.in_hand.saturating_sub(1);
        if let Some(past) = &mut self.past
            && delivery.replayed
            && past.until.is_some_and(|until| delivery.seq <= until)
        {
            past.count += 1;
        }
        if let Some(round) = &mut self.round
            && delivery.owed
            && !is_away(outcome)
        {
            round.settled(delivery.seq, outcome);
        }
        self.stir();
        self.round.filter(Round::is_whole).map(|round| self.caught_up(round))
    }

    /// The app at `target` is not there, and something is owed to it.
    pub(super) fn away(&mut self, target: &Arc<Target>) -> Option<Notice> {
        if self.away.is_some() {
            return None;
        }
        self.away = Some(Arc::clone(target));
        self.look();
        self.stir();
        let waiting = self.round.map_or(1, |round| round.total - round.taken - round.left_out);
        Some(notices::app_away(target.url().as_ref(), waiting.max(1), LOOK))
    }

    /// Whether this is the app that is looked for.
    pub(super) fn is_away_from(&self, target: &Target) -> bool {
        self.away.as_ref().is_some_and(|away| away.url() == target.url())
    }

    /// The app is there: what is owed may go on. `None`: it was not looked for.
    pub(super) fn back(&mut self) -> Option<Notice> {
        self.away.take()?;
        self.probing = None;
        self.stir();
        Some(notices::app_back())
    }

    /// Nothing more comes for now: what is to be said of it.
    pub(super) fn over(&mut self) -> Vec<Notice> {
        self.quiet = None;
        let past = self.past.take().map(|past| notices::past(past.count));
        let round = self.round.map(|round| self.caught_up(round));
        past.into_iter().chain(round).collect()
    }

    /// How many of how many have been here; `None` when there is nothing to catch up with.
    pub(super) fn progress(&self) -> Option<(u64, u64)> {
        self.round.map(|round| (round.done().min(round.total), round.total))
    }

    /// How many deliveries that did not arrive live are here and not settled.
    pub(super) fn in_hand(&self) -> u64 {
        self.in_hand
    }

    /// Whether there is anything to wait for.
    pub(super) fn is_waiting(&self) -> bool {
        self.probing.is_some() || self.quiet.is_some()
    }

    /// What happens next; pends while nothing can. Cancel-safe.
    pub(super) async fn next(&mut self) -> Turn {
        let quiet = self.quiet;
        tokio::select! {
            () = async {
                match &mut self.probing {
                    Some(probing) => probing.await,
                    None => pending().await,
                }
            } => {
                self.probing = None;
                Turn::Back
            }
            () = async {
                match quiet {
                    Some(at) => sleep_until(at).await,
                    None => pending().await,
                }
            } => Turn::Quiet,
        }
    }

    fn caught_up(&mut self, round: Round) -> Notice {
        self.round = None;
        notices::caught_up(round)
    }

    /// Something happened: it is not over before it is quiet again.
    pub(super) fn stir(&mut self) {
        let is_open = self.round.is_some() || self.past.is_some();
        let may_end = is_open && self.connected && self.in_hand == 0 && self.away.is_none();
        self.quiet = may_end.then(|| Instant::now() + QUIET);
    }

    /// Looks for the app that is away, from now on.
    fn look(&mut self) {
        let Some(target) = self.away.clone().filter(|_| self.connected) else { return };
        self.probing = Some(Box::pin(async move {
            loop {
                sleep(LOOK).await;
                if probe(&target).await.is_ok_and(|found| found.iter().any(|(_, open)| open.is_ok())) {
                    return;
                }
            }
        }));
    }
}

impl Round {
    fn settled(&mut self, seq: u64, outcome: &Outcome) {
        let is_new = seq > self.reached;
        self.reached = self.reached.max(seq);
        match outcome {
            Outcome::Skipped { .. } | Outcome::Refused { .. } => self.left_out += u64::from(is_new),
            outcome if outcome.accepted() => {
                // What has been here before was one that the app failed at.
                self.failed -= u64::from(!is_new && self.failed > 0);
                self.taken += 1;
            }
            _ => self.failed += u64::from(is_new),
        }
    }

    fn done(&self) -> u64 {
        self.taken + self.left_out + self.failed
    }

    fn is_whole(&self) -> bool {
        self.done() >= self.total
    }
}

/// Whether there was no app to take it: it comes again as soon as there is.
pub(super) fn is_away(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed(failure) if failure.reason == FailReason::Refused)
}

#[cfg(test)]
mod tests;
