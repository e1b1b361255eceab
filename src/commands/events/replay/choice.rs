//! Which deliveries are sent again.

use muxhook_protocol::DeliveryId;
use muxhook_protocol::frame::Backlog;

use super::super::filters::moment;
use super::super::place::{self, Place};
use crate::api::events::{Fate, Query, Row};
use crate::args::EventsReplay;
use crate::error::Error;
use crate::printer::{Console, escape};

/// Most deliveries of one run: what is known of them is kept in memory.
const MOST: usize = 100_000;

/// What no app accepted. What is owed comes by itself.
const FAILED: [Fate; 5] = [Fate::Rejected, Fate::Failed, Fate::Late, Fate::Expired, Fate::Lost];

/// What the user asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// These.
    Ids(Vec<String>),
    /// The last so many.
    Last(usize),
    /// All that came since then, in milliseconds since the Unix epoch, up to now; or what no app accepted of it.
    Since { since: Option<u64>, until: u64, failed: bool },
}

/// One delivery that is to be sent again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chosen {
    pub(super) delivery: DeliveryId,
    /// Milliseconds since the Unix epoch.
    pub(super) received_at: u64,
    pub(super) event_id: Option<String>,
    pub(super) event_type: Option<String>,
}

/// What was found.
#[derive(Debug)]
pub(super) struct Found {
    /// In order of arrival, each once.
    pub(super) chosen: Vec<Chosen>,
    /// Rows that the history has lost.
    pub(super) gone: u64,
    /// What is owed on the endpoint, where that was left out.
    pub(super) owed: Option<Backlog>,
}

impl Choice {
    /// Reads what was typed, at `now` (milliseconds since the Unix epoch).
    pub(super) fn of(args: &EventsReplay, now: u64) -> Result<Self, Error> {
        let since = args.since.as_deref().map(|text| moment(text, "--since", now)).transpose()?;
        match (args.last, since) {
            (Some(last), _) if last == 0 || last > MOST => {
                Err(Error::usage(format!("--last {last}: give a number from 1 to {MOST}")))
            }
            (Some(last), _) => Ok(Self::Last(last)),
            (None, None) if !args.failed => {
                let ids = args.ids.iter().map(|id| place::id(id).map(str::to_owned));
                ids.collect::<Result<_, _>>().map(Self::Ids)
            }
            // What comes while this goes on is not sent again.
            (None, since) => Ok(Self::Since { since, until: now.saturating_add(1), failed: args.failed }),
        }
    }

    /// Finds them.
    pub(super) async fn find(&self, place: &Place) -> Result<Found, Error> {
        match self {
            Self::Ids(ids) => {
                let mut chosen = Vec::with_capacity(ids.len());
                for id in ids {
                    let detail = place.api().event(&place.endpoint, id).await.map_err(place::refused)?;
                    chosen.push(detail.row.into());
                }
                Ok(Found { chosen: ordered(chosen), gone: 0, owed: None })
            }
            Self::Last(last) => walk(place, Query { limit: *last, ..Query::default() }, false).await,
            Self::Since { since, until, failed } => {
                let fates = if *failed { FAILED.to_vec() } else { Vec::new() };
                let query =
                    Query { since: *since, until: Some(*until), fates, ascending: true, ..Query::default() };
                walk(place, query, *failed).await
            }
        }
    }
}

async fn walk(place: &Place, query: Query, failed: bool) -> Result<Found, Error> {
    let mut walk = place.api().walk(&place.endpoint, query);
    let mut chosen = Vec::new();
    while let Some(row) = walk.next().await.map_err(place::refused)? {
        if chosen.len() == MOST {
            return Err(Error::usage(format!("there are more than {MOST} deliveries to send again"))
                .with_hint("take fewer with --since"));
        }
        chosen.push(row.into());
    }
    let summary = walk.summary();
    let gone = summary.map_or(0, |summary| summary.gaps.iter().map(|gap| gap.count).sum());
    let owed = summary.map(|summary| summary.owed).filter(|owed| failed && owed.count > 0);
    Ok(Found { chosen: ordered(chosen), gone, owed })
}

/// In order of arrival, each once.
fn ordered(mut chosen: Vec<Chosen>) -> Vec<Chosen> {
    chosen.sort_by_key(|one| (one.received_at, one.delivery));
    chosen.dedup_by_key(|one| one.delivery);
    chosen
}

impl From<Row> for Chosen {
    fn from(row: Row) -> Self {
        let Row { delivery, received_at, event_id, event_type, .. } = row;
        Self { delivery, received_at, event_id, event_type }
    }
}

impl Found {
    /// Says what was left out, and that nothing was found.
    pub(super) fn tell(&self, place: &Place, json: bool, console: &mut Console) {
        let mut notes = Vec::new();
        if self.gone > 0 {
            notes.push(format!("{} of the deliveries asked for are no longer in the history", self.gone));
        }
        if let Some(owed) = &self.owed {
            notes.push(format!(
                "{} owed, which the relay delivers by itself as soon as somebody listens",
                if owed.count == 1 { "1 more is".to_owned() } else { format!("{} more are", owed.count) }
            ));
        }
        if self.chosen.is_empty() && !json {
            notes.push(format!("there is nothing to send again on {}", place.endpoint));
        }
        for note in notes {
            console.note(&console.err_style().dim(escape(&note)).to_string());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_000;

    fn asked(change: impl FnOnce(&mut EventsReplay)) -> Result<Choice, Error> {
        let mut args = EventsReplay::default();
        change(&mut args);
        Choice::of(&args, NOW)
    }

    #[test]
    fn what_was_typed_is_what_is_asked_for() {
        assert_eq!(asked(|args| args.ids = vec!["ab".into()]).unwrap(), Choice::Ids(vec!["ab".into()]));
        assert_eq!(asked(|args| args.last = Some(3)).unwrap(), Choice::Last(3));
        let until = NOW + 1;
        let failed = Choice::Since { since: None, until, failed: true };
        assert_eq!(asked(|args| args.failed = true).unwrap(), failed);
        let since = Choice::Since { since: Some(NOW - 600_000), until, failed: false };
        assert_eq!(asked(|args| args.since = Some("10m".into())).unwrap(), since);
        assert!(asked(|args| args.last = Some(0)).is_err());
        assert!(asked(|args| args.since = Some("soon".into())).is_err());
    }

    #[test]
    fn they_are_in_order_of_arrival_each_once() {
        let one = |at: u64, tail: u8| Chosen {
            delivery: DeliveryId::new(at, &[tail; 10]),
            received_at: at,
            event_id: None,
            event_type: None,
        };
        let chosen = ordered(vec![one(2, 1), one(1, 2), one(2, 1), one(1, 1)]);
        assert_eq!(chosen, [one(1, 1), one(1, 2), one(2, 1)]);
    }
}
