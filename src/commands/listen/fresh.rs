//! What a listener does with deliveries that do not arrive live: signed anew where they must be, counted apart, and
//! held back while their app is not there.

use std::sync::Arc;

use muxhook_protocol::{Delivery, Outcome};

use super::catchup::{Turn, is_away};
use super::listener::Listener;
use super::notices;
use super::run::Job;
use crate::event::{Arrival, Event, Notice};
use crate::forwarder::Target;

impl Listener {
    /// Hands a delivery to its app, signed anew if it must be.
    pub(super) fn forward(&mut self, job: Job) {
        let signed = self.sign_anew(&job.arrival);
        let (arrival, app) = (Arc::clone(&job.arrival), Arc::clone(&job.app));
        self.forwarder.start(&app, signed.as_ref().unwrap_or(&arrival.delivery), job);
    }

    /// The delivery as it is to go out, when that is not as it came. What is the matter is said once.
    fn sign_anew(&mut self, arrival: &Arrival) -> Option<Delivery> {
        let delivery = &arrival.delivery;
        if !delivery.owed && !delivery.replayed {
            return None;
        }
        match self.intake.renew(arrival, self.now.unix_seconds()) {
            Ok(fresh) => {
                let fresh = fresh?;
                if !std::mem::replace(&mut self.run.signed_anew, true) {
                    self.tell(Event::Notice(notices::signed_anew()));
                }
                Some(Delivery { headers: fresh.apply(&delivery.headers), ..delivery.clone() })
            }
            Err(why) => {
                if self.run.unsigned.insert(why) {
                    self.tell(Event::Notice(notices::unsignable(why)));
                }
                None
            }
        }
    }

    /// For the key `r`: the last event once more.
    pub(super) fn replay_last(&mut self) {
        let Some((arrival, target)) = &self.run.last else { return };
        let delivery = Delivery { replayed: true, ..arrival.delivery.clone() };
        let arrival = Arc::new(Arrival { delivery, ..(**arrival).clone() });
        self.forward(Job { arrival, app: Arc::clone(target), live: false, replay: true });
    }

    /// Tells the relay what became of a delivery that no app was asked about.
    pub(super) fn settle(&mut self, delivery: &Delivery, live: bool, outcome: &Outcome) {
        self.session.settle(delivery.id, outcome);
        if !live {
            let caught_up = self.run.catchup.settled(delivery, outcome);
            caught_up.into_iter().for_each(|notice| self.tell(Event::Notice(notice)));
        }
    }

    /// Tells the relay what came of handing a delivery to `app`; gives back what is to be said once its line is.
    pub(super) fn conclude(
        &mut self,
        delivery: &Delivery,
        live: bool,
        app: &Arc<Target>,
        outcome: &Outcome,
    ) -> Vec<Notice> {
        self.session.settle(delivery.id, outcome);
        self.run.done += u64::from(live);
        let catchup = &mut self.run.catchup;
        let caught_up = if live { None } else { catchup.settled(delivery, outcome) };
        let is_owed = delivery.owed || catchup.progress().is_some();
        let app = match outcome {
            outcome if is_away(outcome) && is_owed => catchup.away(app),
            // Whatever it answers, it is there.
            Outcome::Replied(_) if catchup.is_away_from(app) => self.on_back(),
            _ => None,
        };
        caught_up.into_iter().chain(app).collect()
    }

    pub(super) fn on_turn(&mut self, turn: Turn) {
        let notices = match turn {
            Turn::Back => self.on_back().into_iter().collect(),
            // What is held back here is still to come.
            Turn::Quiet if !self.run.held.is_empty() => {
                self.run.catchup.stir();
                Vec::new()
            }
            Turn::Quiet => self.run.catchup.over(),
        };
        notices.into_iter().for_each(|notice| self.tell(Event::Notice(notice)));
    }

    fn on_back(&mut self) -> Option<Notice> {
        let back = self.run.catchup.back()?;
        self.session.reachable();
        Some(back)
    }
}
