//! The events that are to be sent, before anything befalls them on the way.

use std::time::Duration;

use bytes::Bytes;
use muxhook_protocol::mux::sample::{Attempt, Event, NoEvent, Step};

use super::subject::Subject;
use crate::config::{Change, Pace};
use crate::error::Error;

/// An event, and when it happens.
#[derive(Clone, Debug)]
pub(super) struct Draft {
    /// How long after the first event, in reality.
    pub(super) after: Duration,
    event: Event,
}

impl Draft {
    /// An event that somebody wrote down, to be sent as it stands.
    pub(super) fn written(text: &[u8]) -> Result<Self, NoEvent> {
        Ok(Self { after: Duration::ZERO, event: Event::parse(text)? })
    }

    /// What is sent.
    pub(super) fn body(&self) -> Bytes {
        self.event.to_body().into()
    }

    pub(super) fn event_type(&self) -> &str {
        self.event.event_type()
    }

    pub(super) fn id(&self) -> &str {
        self.event.id()
    }

    /// Notes that an attempt failed.
    pub(super) fn push_attempt(&mut self, attempt: &Attempt) {
        self.event.push_attempt(attempt);
    }

    fn change(&mut self, change: &Change) -> Result<(), Error> {
        match change {
            Change::Set(path, value) => self.event.set(path, value.clone()),
            Change::Unset(path) => self.event.unset(path),
        }
        .map_err(|error| Error::usage(format!("{change}: {error}")))
    }
}

/// The events of `subjects`, one after the other. Types tell of one asset, one stream and so on, by `seed`; what is
/// named again tells of others. A story that is told faster than it happens has begun so long ago that it ends when its
/// last event is sent: no event comes from the future. `now` is in milliseconds since the Unix epoch.
pub(super) fn told(subjects: &[Subject], seed: u64, now: u64, pace: Pace) -> Vec<Draft> {
    let (mut drafts, mut begin) = (Vec::new(), Duration::ZERO);
    for (nth, subject) in subjects.iter().enumerate() {
        let before = subjects[..nth].iter().filter(|earlier| *earlier == subject).count() as u64;
        let now = now.saturating_add(millis(pace.wait(begin)));
        let steps = steps(subject, seed.wrapping_add(before), now, pace);
        let last = steps.last().map_or(Duration::ZERO, |step| step.after);
        let of_step = |Step { after, event }| Draft { after: begin + after, event };
        drafts.extend(steps.into_iter().map(of_step));
        begin += last;
    }
    drafts
}

fn steps(subject: &Subject, seed: u64, now: u64, pace: Pace) -> Vec<Step> {
    match subject {
        Subject::Type(known) => vec![Step { after: Duration::ZERO, event: Event::of(known, seed, now) }],
        Subject::Scenario(scenario) => {
            let length = scenario.play(seed, now).last().map_or(Duration::ZERO, |step| step.after);
            let ahead = length.saturating_sub(pace.wait(length));
            scenario.play(seed, now.saturating_sub(millis(ahead)))
        }
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// Changes every draft that can be changed so.
///
/// # Errors
/// A change that fits none of them.
pub(super) fn change(drafts: &mut [Draft], changes: &[Change]) -> Result<(), Error> {
    for change in changes {
        let (mut fits, mut misfit) = (false, None);
        for draft in &mut *drafts {
            match draft.change(change) {
                Ok(()) => fits = true,
                Err(error) => misfit = Some(error),
            }
        }
        if let (false, Some(error)) = (fits, misfit) {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use muxhook_protocol::mux::catalogue;
    use muxhook_protocol::mux::field::Path;
    use muxhook_protocol::mux::sample;
    use serde_json::json;

    use super::super::subject;
    use super::*;

    const WRITTEN: &[u8] = b"{\"type\" : \"video.asset.ready\",\"id\":\"e1\",\"big\":1.0, \"data\":{}}\n";

    fn path(text: &str) -> Path {
        Path::parse(text).unwrap()
    }

    #[test]
    fn what_was_written_is_sent_to_the_byte_until_it_is_changed() {
        let mut drafts = [Draft::written(WRITTEN).unwrap()];
        assert_eq!((drafts[0].body(), drafts[0].id()), (Bytes::from_static(WRITTEN), "e1"));
        change(&mut drafts, &[Change::Set(path("data.x"), json!(1))]).unwrap();
        assert_ne!(drafts[0].body(), WRITTEN);
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&drafts[0].body()).unwrap()["data"]["x"], 1);
    }

    #[test]
    fn a_change_must_fit_one_event_at_least() {
        let draft = |data: &str| {
            let text = format!(r#"{{"type":"video.asset.ready","id":"e","data":{data}}}"#);
            Draft::written(text.as_bytes()).unwrap()
        };
        let mut drafts = [draft(r#"{"meta":{}}"#), draft("{}")];
        let untouched = drafts[1].body();
        change(&mut drafts, &[Change::Set(path("data.meta.x"), json!(1))]).unwrap();
        assert_eq!(drafts[1].body(), untouched);
        for misfit in [Change::Set(path("data.no.x"), json!(1)), Change::Unset(path("data.no"))] {
            let error = change(&mut drafts, std::slice::from_ref(&misfit)).unwrap_err();
            assert!(error.to_string().starts_with(&misfit.to_string()), "{error}");
        }
    }

    #[test]
    fn the_same_seed_tells_the_same_and_no_two_events_share_an_id() {
        let types = || catalogue::all().map(Subject::Type);
        let scenarios = || sample::scenarios().into_iter().map(Subject::Scenario);
        let subjects: Vec<_> = types().chain(scenarios()).chain(types()).chain(scenarios()).collect();
        let ids = |seed| {
            let drafts = told(&subjects, seed, 1_700_000_000_000, Pace::Instant);
            drafts.iter().map(|draft| draft.id().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(ids(7), ids(7));
        assert_ne!(ids(7), ids(8));
        let mut distinct = ids(7);
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!(distinct.len(), ids(7).len());
    }

    #[test]
    fn types_tell_of_one_asset_unless_they_are_named_again() {
        let names = ["video.asset.created", "video.asset.ready", "video.asset.ready"].map(str::to_owned);
        let drafts = told(&subject::named(&names).unwrap(), 7, 1_700_000_000_000, Pace::Instant);
        let asset = |draft: &Draft| {
            serde_json::from_slice::<serde_json::Value>(&draft.body()).unwrap()["data"]["id"].clone()
        };
        assert_eq!(asset(&drafts[0]), asset(&drafts[1]));
        assert_ne!(asset(&drafts[1]), asset(&drafts[2]));
    }
}
