//! What is to be done with a delivery, by the user's wishes: forwarded where, skipped by which filter, or only
//! shown; and what it is marked with. Pure.

mod seen;

use muxhook_protocol::Delivery;
use muxhook_protocol::mux::envelope::Envelope;
use muxhook_protocol::mux::glob::Glob;

use crate::event::Arrival;
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
    /// It is only shown: there is no app.
    Show,
}

/// Decides on one delivery after the other, and remembers which events it has seen.
#[derive(Debug)]
pub struct Intake<T> {
    wishes: Wishes<T>,
    seen: Seen,
}

impl<T: Clone> Intake<T> {
    /// Nothing seen yet.
    #[must_use]
    pub fn new(wishes: Wishes<T>) -> Self {
        Self { wishes, seen: Seen::default() }
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

    /// Decides on a delivery.
    pub fn take(&mut self, delivery: Delivery) -> (Arrival, Decision<T>) {
        let envelope = Envelope::peek(&delivery.body);
        let decision = self.decide(envelope.event_type.as_deref().unwrap_or_default());
        let duplicate_of = envelope.event_id.as_deref().and_then(|event| self.seen.first(event, delivery.id));
        (Arrival { delivery, envelope, signature: None, duplicate_of }, decision)
    }

    /// What is to be done with an event of this type; a body without one has the empty type.
    fn decide(&self, event_type: &str) -> Decision<T> {
        let matching = |globs: &[Glob]| globs.iter().position(|glob| glob.matches(event_type));
        if let Some(index) = matching(&self.wishes.exclude) {
            return skip(format!("--exclude {}", self.wishes.exclude[index].as_str()));
        }
        if !self.wishes.events.is_empty() && matching(&self.wishes.events).is_none() {
            let globs: Vec<_> = self.wishes.events.iter().map(Glob::as_str).collect();
            return skip(format!("--events {}", globs.join(",")));
        }
        let route = self.wishes.routes.iter().find(|(glob, _)| glob.matches(event_type));
        match route.map(|(_, target)| target).or(self.wishes.default.as_ref()) {
            Some(target) => Decision::Forward(target.clone()),
            None if self.forwards() => skip("no --route is for it".to_owned()),
            None => Decision::Show,
        }
    }
}

fn skip<T>(filter: String) -> Decision<T> {
    Decision::Skip { filter }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muxhook_protocol::{DeliveryId, Headers};

    fn delivery(number: u8, body: &str) -> Delivery {
        Delivery {
            id: DeliveryId::new(1, &[number; 10]),
            seq: u64::from(number),
            received_at: 1,
            attempt: 1,
            method: "POST".into(),
            path: "".into(),
            query: None,
            headers: Headers::new(),
            owed: false,
            replayed: false,
            body: body.to_owned().into(),
        }
    }

    fn globs(list: &[&str]) -> Vec<Glob> {
        list.iter().map(|text| Glob::parse(text).unwrap()).collect()
    }

    fn decide(wishes: Wishes<&'static str>, event_type: &str) -> Decision<&'static str> {
        Intake::new(wishes).take(delivery(1, &format!(r#"{{"type":"{event_type}"}}"#))).1
    }

    fn wishes() -> Wishes<&'static str> {
        Wishes { default: Some("app"), routes: Vec::new(), events: Vec::new(), exclude: Vec::new() }
    }

    #[test]
    fn the_first_route_that_matches_beats_the_default() {
        let routes = globs(&["video.live_stream.*", "video.*"]).into_iter().zip(["live", "video"]).collect();
        let wishes = Wishes { routes, ..wishes() };
        assert_eq!(decide(wishes.clone(), "video.live_stream.idle"), Decision::Forward("live"));
        assert_eq!(decide(wishes.clone(), "video.asset.ready"), Decision::Forward("video"));
        assert_eq!(decide(wishes.clone(), "robots.job.completed"), Decision::Forward("app"));
        let no_default = Wishes { default: None, ..wishes };
        assert_eq!(decide(no_default, "robots.job.completed"), skip("no --route is for it".into()));
    }

    #[test]
    fn filters_name_themselves() {
        let wishes =
            Wishes { events: globs(&["video.asset.*", "x"]), exclude: globs(&["*.deleted"]), ..wishes() };
        assert_eq!(decide(wishes.clone(), "video.asset.ready"), Decision::Forward("app"));
        assert_eq!(decide(wishes.clone(), "video.asset.deleted"), skip("--exclude *.deleted".into()));
        assert_eq!(decide(wishes.clone(), "video.upload.created"), skip("--events video.asset.*,x".into()));
        let (_, decision) = Intake::new(wishes).take(delivery(1, "no event"));
        assert_eq!(
            decision,
            skip("--events video.asset.*,x".into()),
            "a body without a type matches no filter"
        );
    }

    #[test]
    fn without_an_app_events_are_shown() {
        let (_, decision) =
            Intake::new(Wishes { default: None::<u8>, ..no_app() }).take(delivery(1, r#"{"type":"x"}"#));
        assert_eq!(decision, Decision::Show);
    }

    fn no_app() -> Wishes<u8> {
        Wishes { default: None, routes: Vec::new(), events: Vec::new(), exclude: Vec::new() }
    }

    #[test]
    fn an_event_that_comes_again_is_a_duplicate_of_its_first_delivery() {
        let mut intake = Intake::new(no_app());
        let mut take = |number, body| intake.take(delivery(number, body)).0.duplicate_of;
        assert_eq!(take(1, r#"{"id":"e1"}"#), None);
        assert_eq!(take(2, r#"{"id":"e2"}"#), None);
        assert_eq!(take(3, r#"{"id":"e1","attempts":[{}]}"#), Some(DeliveryId::new(1, &[1; 10])));
        assert_eq!(take(3, "{}"), None);
    }
}
