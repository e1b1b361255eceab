//! What is waited for, how much of it came, and what else did. Pure.

use std::collections::{HashSet, VecDeque};
use std::fmt;

use muxhook_protocol::mux::field::Match;
use muxhook_protocol::mux::glob::Glob;

use crate::event::Arrival;

/// How many of the other types are remembered, the latest of them.
const LAST: usize = 5;

/// How much of a type is told, in characters: the longest that Mux has takes 47.
const TYPE: usize = 60;

/// So many different events of some types, with some fields.
#[derive(Debug)]
pub(super) struct Expectation {
    /// One of them is to match.
    globs: Vec<Glob>,
    /// All of them are to hold.
    matches: Vec<Match>,
    count: u64,
    came: u64,
    /// The ids of those that came.
    ids: HashSet<Box<str>>,
    others: u64,
    /// What the last others were, each once, the latest last.
    last: VecDeque<String>,
}

impl Expectation {
    /// `count` events that match one of `globs` and all of `matches`.
    pub(super) fn new(globs: Vec<Glob>, matches: Vec<Match>, count: u64) -> Self {
        Self {
            globs,
            matches,
            count,
            came: 0,
            ids: HashSet::new(),
            others: 0,
            last: VecDeque::with_capacity(LAST),
        }
    }

    /// Whether as many came as were waited for.
    pub(super) fn is_met(&self) -> bool {
        self.came >= self.count
    }

    /// Takes notice of a delivery, and says whether it brings an event that was waited for. One that was counted
    /// before and is sent again brings none; one without an id is always another.
    pub(super) fn take(&mut self, arrival: &Arrival) -> bool {
        if let Some(why) = self.other(arrival) {
            self.note(why);
            return false;
        }
        let id = arrival.envelope.event_id.as_deref();
        let counts = id.is_none_or(|id| self.ids.insert(id.into()));
        self.came += u64::from(counts);
        counts
    }

    /// What an event is that was not waited for.
    fn other(&self, arrival: &Arrival) -> Option<String> {
        let event_type = arrival.envelope.event_type.as_deref().unwrap_or_default();
        let is_ours = self.globs.iter().any(|glob| glob.matches(event_type));
        let failing = || self.matches.iter().find(|field| !field.holds(&arrival.delivery.body));
        let name = match event_type {
            "" => "something without a type".to_owned(),
            _ => event_type.chars().take(TYPE).collect(),
        };
        if is_ours { failing().map(|field| format!("{name} (not {field})")) } else { Some(name) }
    }

    fn note(&mut self, other: String) {
        self.others += 1;
        self.last.retain(|last| *last != other);
        if self.last.len() >= LAST {
            self.last.pop_front();
        }
        self.last.push_back(other);
    }

    /// Whether nothing at all came.
    pub(super) fn saw_nothing(&self) -> bool {
        self.came == 0 && self.others == 0
    }

    /// What came and what did not, `within` a time: for who waited in vain. Holds text from senders.
    pub(super) fn shortfall(&self, within: &str) -> String {
        let came = match self.came {
            0 => format!("no {self} came within {within}"),
            came => format!("{came} of {} {self} came within {within}", self.count),
        };
        let last: Vec<_> = self.last.iter().map(String::as_str).collect();
        match self.others {
            0 => format!("{came}, and nothing else did"),
            1 => format!("{came}, but {} did", last.join(", ")),
            many => format!("{came}, but {many} others did; the last: {}", last.join(", ")),
        }
    }
}

/// `video.asset.ready with data.passthrough=ci-42`.
impl fmt::Display for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let globs: Vec<_> = self.globs.iter().map(Glob::as_str).collect();
        f.write_str(&globs.join(" or "))?;
        for (nth, field) in self.matches.iter().enumerate() {
            write!(f, " {} {field}", if nth == 0 { "with" } else { "and" })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::mux::envelope::Envelope;
    use muxhook_protocol::{Delivery, DeliveryId, Headers};

    use super::*;

    fn arrival(body: &str) -> Arrival {
        let body = bytes::Bytes::from(body.to_owned());
        Arrival {
            envelope: Envelope::peek(&body),
            delivery: Delivery {
                id: DeliveryId::new(1, &[1; 10]),
                seq: 1,
                received_at: 1,
                attempt: 1,
                method: "POST".into(),
                path: "".into(),
                query: None,
                headers: Headers::new(),
                owed: false,
                replayed: false,
                body,
            },
            signature: None,
            known_type: true,
            duplicate_of: None,
            out_of_order: false,
        }
    }

    fn event(event_type: &str, id: &str) -> Arrival {
        arrival(&format!(r#"{{"type":"{event_type}","id":"{id}","data":{{"passthrough":"{id}-x"}}}}"#))
    }

    fn expectation(globs: &[&str], matches: &[&str], count: u64) -> Expectation {
        let globs = globs.iter().map(|glob| Glob::parse(glob).unwrap()).collect();
        let matches = matches.iter().map(|field| Match::parse(field).unwrap()).collect();
        Expectation::new(globs, matches, count)
    }

    #[test]
    fn it_is_met_by_as_many_as_were_asked_for() {
        let mut two = expectation(&["video.asset.*"], &[], 2);
        assert!(two.take(&event("video.asset.created", "1")) && !two.is_met());
        assert!(!two.take(&event("video.upload.created", "2")) && !two.is_met());
        assert!(two.take(&event("video.asset.ready", "3")) && two.is_met());
    }

    #[test]
    fn one_of_the_globs_is_enough_and_all_fields_must_hold() {
        let mut either = expectation(&["a.b", "a.c"], &["data.passthrough=1*", "id=1"], 1);
        assert!(!either.take(&event("a.d", "1")));
        assert!(!either.take(&event("a.c", "12")));
        assert!(!either.take(&event("a.b", "2")));
        assert!(either.take(&event("a.c", "1")));
    }

    #[test]
    fn an_event_that_is_sent_again_counts_once() {
        let mut two = expectation(&["a"], &["data.passthrough=*"], 2);
        assert!(!two.take(&event("b", "1")), "of another type");
        assert!(two.take(&event("a", "1")), "which does not use its id up");
        assert!(!two.take(&event("a", "1")) && !two.is_met());
        assert!(two.take(&event("a", "2")) && two.is_met());
        let mut nameless = expectation(&["a"], &[], 2);
        let without_id = arrival(r#"{"type":"a"}"#);
        assert!(nameless.take(&without_id) && nameless.take(&without_id) && nameless.is_met());
    }

    #[test]
    fn what_is_no_event_has_no_type() {
        let mut every = expectation(&["?*"], &[], 1);
        for body in ["", "no json", "[]", r#"{"type":7}"#, r#"{"type":"a"#] {
            assert!(!every.take(&arrival(body)), "{body}");
        }
        assert!(every.shortfall("5m").ends_with("but 5 others did; the last: something without a type"));
        assert!(expectation(&["*"], &[], 1).take(&arrival("no json")), "but a star stands for that too");
    }

    #[test]
    fn who_waited_in_vain_learns_what_came() {
        let mut waited = expectation(&["video.asset.ready"], &["data.passthrough=ci", "data.n=1"], 1);
        let mut told = vec![waited.shortfall("5m")];
        waited.take(&event("video.upload.created", "1"));
        told.push(waited.shortfall("5m"));
        waited.take(&event("video.asset.ready", "2"));
        (3..9).for_each(|id: u8| {
            waited.take(&event(&format!("video.t{}", id / 2), &id.to_string()));
        });
        waited.take(&event(&"x".repeat(100), "9"));
        told.push(waited.shortfall("1m 30s"));
        let mut three = expectation(&["a", "b"], &[], 3);
        three.take(&event("b", "1"));
        told.push(three.shortfall("5m"));
        insta::assert_snapshot!(told.join("\n"));
    }
}
