//! `muxhook events discard`.

use muxhook_link::Now;
use muxhook_protocol::DeliveryId;
use serde::Serialize;

use super::lines;
use super::place::{self, Place};
use crate::args::EventsDiscard;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, count};

/// What was done.
#[derive(Serialize)]
struct Discarded {
    v: u8,
    kind: &'static str,
    at: String,
    endpoint: String,
    /// How many deliveries are no longer owed that were.
    discarded: u64,
    /// How many were named; `None`: all that were owed were meant.
    named: Option<usize>,
}

/// Runs `muxhook events discard`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it. Of an id that is not known, nothing is discarded at all.
pub(super) async fn run(
    args: &EventsDiscard,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let names = args.ids.iter().map(|id| place::id(id)).collect::<Result<Vec<_>, _>>()?;
    let place = place::find(&args.place, around, console).await?;
    let (api, endpoint) = (place.api(), &place.endpoint);
    let (discarded, named) = if args.all {
        (api.discard_all(endpoint).await.map_err(place::refused)?, None)
    } else {
        let ids = resolved(&place, &names).await?;
        (api.discard(endpoint, &ids).await.map_err(place::refused)?, Some(ids.len()))
    };
    if args.json {
        let (at, endpoint) = (lines::time(Now::system().unix_millis()), endpoint.to_string());
        let done = Discarded { v: 1, kind: "discarded", at, endpoint, discarded, named };
        let line = lines::line(&done).map_err(|error| Error::failed(error.to_string()))?;
        return Ok(console.out(&line)?);
    }
    console.note(&said(discarded, named, &endpoint.to_string()));
    Ok(())
}

/// The deliveries that are meant, each once.
async fn resolved(place: &Place, names: &[&str]) -> Result<Vec<DeliveryId>, Error> {
    let mut ids = Vec::with_capacity(names.len());
    for name in names {
        let id = place.api().event(&place.endpoint, name).await.map_err(place::refused)?.row.delivery;
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ok(ids)
}

fn said(discarded: u64, named: Option<usize>, endpoint: &str) -> String {
    let events = count(discarded, "event");
    let rest = named.map_or(0, |named| (named as u64).saturating_sub(discarded));
    let not_owed = match (rest, rest == 1) {
        (0, _) => String::new(),
        (_, true) => "; the other one was not owed".to_owned(),
        (rest, _) => format!("; the other {rest} were not owed"),
    };
    match (discarded, named) {
        (0, None) => format!("nothing is owed on {endpoint}"),
        (0, Some(1)) => "it was not owed, so there was nothing to give up".to_owned(),
        (0, Some(_)) => "none of them was owed, so there was nothing to give up".to_owned(),
        (_, None) => format!("gave up {events}: nothing is owed on {endpoint} any more"),
        (_, Some(_)) => format!("gave up {events}, which no app will get now unless replayed{not_owed}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_said_to_the_number() {
        for (discarded, named, part) in [
            (0, None, "nothing is owed on alice"),
            (0, Some(1), "it was not owed"),
            (0, Some(2), "none of them was owed"),
            (1200, None, "gave up 1,200 events: nothing"),
            (1, Some(1), "gave up 1 event, which"),
            (1, Some(2), "; the other one was not owed"),
            (1, Some(4), "; the other 3 were not owed"),
        ] {
            let said = said(discarded, named, "alice");
            assert!(said.contains(part), "{said}");
        }
        assert!(!said(1, Some(1), "alice").contains("other"));
    }
}
