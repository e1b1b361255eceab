//! What is sent in which order. Pure.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::draft::Draft;
use crate::config::Pace;
use crate::error::Error;

/// What befalls the order of events.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    /// How many times more each is sent.
    pub(super) duplicate: u32,
    /// They come out of order.
    pub(super) reorder: bool,
}

/// One event's turn.
#[derive(Clone, Debug)]
pub(super) struct Turn {
    /// How long after the start, at the earliest.
    pub(super) due: Duration,
    pub(super) draft: Arc<Draft>,
    /// The same event was sent before.
    pub(super) again: bool,
}

/// Gives each of `drafts` its turns. Out of order they still come at the moments that the story has.
///
/// # Errors
/// Fewer than two events can't come out of order.
pub(super) fn plan(drafts: Vec<Draft>, faults: Faults, pace: Pace, seed: u64) -> Result<Vec<Turn>, Error> {
    if faults.reorder && drafts.len() < 2 {
        return Err(Error::usage("--reorder: there is only one event")
            .with_hint("name several types, or a scenario: `muxhook trigger --list`"));
    }
    let drafts: Vec<_> = drafts.into_iter().map(Arc::new).collect();
    let times = faults.duplicate as usize + 1;
    let story: Vec<_> = (0..drafts.len()).flat_map(|nth| std::iter::repeat_n(nth, times)).collect();
    let order = if faults.reorder { shuffled(story.clone(), seed) } else { story.clone() };
    let mut sent = HashSet::new();
    let turns = story.into_iter().zip(order).map(|(moment, nth)| Turn {
        due: pace.wait(drafts[moment].after),
        draft: Arc::clone(&drafts[nth]),
        again: !sent.insert(nth),
    });
    Ok(turns.collect())
}

/// Another order; the same one for the same seed.
fn shuffled(mut order: Vec<usize>, seed: u64) -> Vec<usize> {
    fastrand::Rng::with_seed(seed).shuffle(&mut order);
    if order.is_sorted() {
        order.reverse();
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drafts(count: usize) -> Vec<Draft> {
        let text = |nth| format!(r#"{{"type":"video.asset.ready","id":"e{nth}"}}"#);
        let at = |nth| {
            let mut draft = Draft::written(text(nth).as_bytes()).unwrap();
            draft.after = Duration::from_secs(nth as u64);
            draft
        };
        (0..count).map(at).collect()
    }

    fn ids(turns: &[Turn]) -> Vec<String> {
        turns.iter().map(|turn| format!("{}{}", turn.draft.id(), if turn.again { "+" } else { "" })).collect()
    }

    fn planned(count: usize, duplicate: u32, reorder: bool, seed: u64) -> Vec<Turn> {
        plan(drafts(count), Faults { duplicate, reorder }, Pace::Times(2.0), seed).unwrap()
    }

    #[test]
    fn events_come_in_order_each_at_its_moment() {
        let turns = planned(3, 0, false, 1);
        assert_eq!(ids(&turns), ["e0", "e1", "e2"]);
        assert_eq!(turns[2].due, Duration::from_secs(1));
    }

    #[test]
    fn duplicates_follow_at_once() {
        let turns = planned(2, 2, false, 1);
        assert_eq!(ids(&turns), ["e0", "e0+", "e0+", "e1", "e1+", "e1+"]);
    }

    #[test]
    fn out_of_order_is_out_of_order_and_nothing_is_lost() {
        for seed in 0..200 {
            for (count, duplicate) in [(2, 0), (2, 3), (5, 0)] {
                let turns = planned(count, duplicate, true, seed);
                let mut found: Vec<_> = turns.iter().map(|turn| turn.draft.id().to_owned()).collect();
                assert!(!found.is_sorted(), "{seed}: {found:?}");
                assert!(turns.is_sorted_by_key(|turn| turn.due));
                found.sort_unstable();
                let wanted = planned(count, duplicate, false, seed);
                assert_eq!(found, wanted.iter().map(|turn| turn.draft.id().to_owned()).collect::<Vec<_>>());
            }
        }
        assert_eq!(ids(&planned(9, 1, true, 5)), ids(&planned(9, 1, true, 5)));
        assert_ne!(ids(&planned(9, 1, true, 5)), ids(&planned(9, 1, true, 6)));
    }

    #[test]
    fn one_event_has_no_order() {
        let faults = Faults { duplicate: 3, reorder: true };
        assert!(plan(drafts(1), faults, Pace::Instant, 1).is_err());
    }
}
