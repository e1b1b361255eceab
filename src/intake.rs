//! What is to be done with a delivery, by the user's wishes: forwarded where, skipped by which filter, refused, or
//! only shown; and what it is marked with. Pure.

pub mod anew;
mod checks;
mod memory;
mod order;
mod seen;

use muxhook_protocol::Delivery;
use muxhook_protocol::mux::catalogue::{self, EventType};
use muxhook_protocol::mux::envelope::{Envelope, Subject};
use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::glob::Glob;
use muxhook_protocol::mux::signature::{Key, Verdict};

pub use checks::{Checks, Doubt};

use crate::event::Arrival;
use anew::{Fresh, Unsignable};
use order::Order;
use seen::Seen;

/// The user's wishes. `T` is a target; the first route whose glob matches an event's type beats the default.
#[derive(Clone, Debug)]
pub struct Wishes<T> {
    /// Where events go; `None`: nowhere, unless a route says so.
    pub default: Option<T>,
    /// Where events of some types go instead.
    pub routes: Vec<(Glob, T)>,
    /// Types that are wanted; empty: all.
    pub events: Vec<Glob>,
    /// Types that are not.
    pub exclude: Vec<Glob>,
    /// Fields that must be as they say, each of them.
    pub matches: Vec<Match>,
}

impl<T> Default for Wishes<T> {
    /// Everything is wanted, and nothing goes anywhere.
    fn default() -> Self {
        Self {
            default: None,
            routes: Vec::new(),
            events: Vec::new(),
            exclude: Vec::new(),
            matches: Vec::new(),
        }
    }
}

/// What is to be done with a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision<T> {
    /// It goes to the app.
    Forward(T),
    /// A filter leaves it out.
    Skip {
        /// The filter, as the user wrote it.
        filter: String,
    },
    /// It is not trusted: the sender is to be told so, and the app must not see it.
    Refuse(Doubt),
    /// It is only shown: there is no app.
    Show,
}

/// Decides on one delivery after the other, and remembers which events it has seen.
#[derive(Debug)]
pub struct Intake<T> {
    wishes: Wishes<T>,
    checks: Checks,
    seen: Seen,
    order: Order,
}

impl<T: Clone> Intake<T> {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(wishes: Wishes<T>, checks: Checks) -> Self {
        Self { wishes, checks, seen: Seen::default(), order: Order::default() }
    }

    /// Whether anything can go to an app at all.
    #[must_use]
    pub fn forwards(&self) -> bool {
        self.wishes.default.is_some() || !self.wishes.routes.is_empty()
    }

    /// Where events go that no route is for.
    #[must_use]
    pub fn default_target(&self) -> Option<&T> {
        self.wishes.default.as_ref()
    }

    /// Checks signatures by these secrets from now on.
    pub fn set_keys(&mut self, keys: Vec<Key>) {
        self.checks.keys = keys;
    }

    /// What a delivery is to be signed with when it goes out at `now` (seconds since the Unix epoch), not having arrived
    /// just now: see [`anew::anew`].
    ///
    /// # Errors
    /// Its signature is too old by now, and can't be made anew.
    pub fn renew(&self, arrival: &Arrival, now: i64) -> Result<Option<Fresh>, Unsignable> {
        anew::anew(&arrival.delivery, arrival.signature, &self.checks.keys, now)
    }

    /// Decides on a delivery.
    pub fn take(&mut self, delivery: Delivery) -> (Arrival, Decision<T>) {
        let envelope = Envelope::peek(&delivery.body);
        let signature = self.checks.verdict(&delivery);
        let event_type = envelope.event_type.as_deref().unwrap_or_default();
        let known = catalogue::find(event_type);
        let decision = self.decide(event_type, &delivery.body, signature);
        let mut arrival = Arrival {
            delivery,
            envelope,
            signature,
            known_type: known.is_some(),
            duplicate_of: None,
            out_of_order: false,
        };
        // What is refused is not remembered: it must not make a true event that follows look like a duplicate.
        if !matches!(decision, Decision::Refuse(_)) {
            self.compare(&mut arrival, known);
        }
        (arrival, decision)
    }

    /// Marks an event by what was seen before it, and remembers it.
    fn compare(&mut self, arrival: &mut Arrival, known: Option<&EventType>) {
        let (envelope, delivery) = (&arrival.envelope, &arrival.delivery);
        let event = envelope.event_id.as_deref();
        arrival.duplicate_of = event.and_then(|event| self.seen.first(event, delivery.id));
        // What is replayed comes when somebody asks for it, so its order says nothing.
        let is_in_turn = arrival.duplicate_of.is_none() && !delivery.replayed;
        let place = known.and_then(|known| known.place).filter(|_| is_in_turn);
        if let Some(place) = place {
            let Subject { id, created_at } = Subject::peek(&delivery.body);
            // A rendition has a life of its own, be it its asset or itself that Mux calls the object.
            if let Some(id) = id.as_ref().or(envelope.object_id.as_ref()) {
                arrival.out_of_order = self.order.is_broken(id, place, || created_at?.parse().ok());
            }
        }
    }

    /// What is to be done with an event of this type; a body without one has the empty type. What is not trusted is
    /// refused whatever it says of itself, but only where there is an app to be kept from it.
    fn decide(&self, event_type: &str, body: &[u8], signature: Option<Verdict>) -> Decision<T> {
        if !self.forwards() {
            return self.filter(event_type, body).map_or(Decision::Show, skip);
        }
        if let Some(doubt) = self.checks.refuse(signature) {
            return Decision::Refuse(doubt);
        }
        if let Some(filter) = self.filter(event_type, body) {
            return skip(filter);
        }
        let route = self.wishes.routes.iter().find(|(glob, _)| glob.matches(event_type));
        match route.map(|(_, target)| target).or(self.wishes.default.as_ref()) {
            Some(target) => Decision::Forward(target.clone()),
            None => skip("no --route is for it".to_owned()),
        }
    }

    /// The filter that leaves an event out, as the user wrote it.
    fn filter(&self, event_type: &str, body: &[u8]) -> Option<String> {
        let Wishes { events, exclude, matches, .. } = &self.wishes;
        if let Some(glob) = exclude.iter().find(|glob| glob.matches(event_type)) {
            return Some(format!("--exclude {glob}"));
        }
        if !events.is_empty() && !events.iter().any(|glob| glob.matches(event_type)) {
            let globs: Vec<_> = events.iter().map(Glob::as_str).collect();
            return Some(format!("--events {}", globs.join(",")));
        }
        matches.iter().find(|wanted| !wanted.holds(body)).map(|wanted| format!("--match {wanted}"))
    }
}

fn skip<T>(filter: String) -> Decision<T> {
    Decision::Skip { filter }
}

#[cfg(test)]
mod tests;
