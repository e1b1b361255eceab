//! `muxhook events timeline`: the life of an object, and of what belongs to it.
//!
//! `follow` decides what belongs to it, `page` lays it out; both are pure.

mod follow;
mod page;

use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use muxhook_link::Now;
use muxhook_protocol::frame::Gap;

use super::lines;
use super::place::{self, Place};
use super::table::Look;
use crate::api::ApiError;
use crate::api::events::{Query, Row};
use crate::args::EventsTimeline;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, count};
use follow::{Life, MOST_EVENTS};

/// Bodies asked for at once.
const AT_ONCE: usize = 8;

/// The longest id that is looked for, in bytes. Mux's have up to some 60.
const LONGEST_ID: usize = 256;

/// Runs `muxhook events timeline`.
///
/// # Errors
/// Used wrongly, no relay, refused by it, or there is no such object in its history.
pub(super) async fn run(
    args: &EventsTimeline,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let object = place::id(&args.object)?;
    if object.len() > LONGEST_ID {
        return Err(Error::usage(format!("an object's ID has at most {LONGEST_ID} characters")));
    }
    let place = place::find(&args.place, around, console).await?;
    let (life, gaps) = gather(&place, object).await?;
    if life.is_empty() {
        return Err(Error::usage(format!("nothing in the history of {} is about {object}", place.endpoint))
            .with_hint("`muxhook events list` shows what there is; `muxhook events show ID` has an object's whole ID"));
    }
    let now = Now::system().unix_millis();
    let story = page::Story::of(&life, gaps);
    let mut out = Vec::new();
    if args.json {
        let all = story.json(&place.endpoint.to_string(), now);
        out = all.map_err(|error| Error::failed(error.to_string()))?;
    } else {
        story.lay_out(Look::new(console.out_style(), console.columns(), now), &mut out);
    }
    console.raw(&out)?;
    if !args.json {
        let said = end(&life);
        console.note(&console.err_style().dim(said).to_string());
    }
    Ok(())
}

fn end(life: &Life) -> String {
    let cut = if life.is_cut() { "not all of it: there is more than a timeline shows; " } else { "" };
    format!(
        "{cut}{} · one of them, whole: muxhook events show ID",
        count(life.events().len() as u64, "event")
    )
}

/// All that belongs to `object`, as far as the bounds of a [`Life`] go, and what the history holds no longer.
async fn gather(place: &Place, object: &str) -> Result<(Life, Vec<Gap>), Error> {
    let (mut life, mut gaps) = (Life::of(object), None);
    while let Some(wanted) = life.next() {
        let query = Query {
            contains: Some(wanted.clone()),
            ascending: true,
            limit: MOST_EVENTS + 1,
            ..Query::default()
        };
        let mut walk = place.api().walk(&place.endpoint, query);
        let mut rows = Vec::new();
        while let Some(row) = walk.next().await.map_err(place::refused)? {
            rows.push(row);
        }
        gaps = gaps.or_else(|| walk.summary().map(|summary| summary.gaps.clone()));
        rows.retain(|row| !life.knows(row));
        rows.truncate(life.room());
        let bodies = stream::iter(rows).map(|row| with_body(place, row)).buffered(AT_ONCE);
        let events: Vec<_> = bodies.try_collect().await.map_err(place::refused)?;
        life.take(&wanted, events);
    }
    Ok((life, gaps.unwrap_or_default()))
}

/// A body that is gone meanwhile, or damaged, tells nothing.
async fn with_body(place: &Place, row: Row) -> Result<(Row, Bytes), ApiError> {
    match place.api().body(&place.endpoint, &row.delivery.to_string()).await {
        Ok(body) => Ok((row, body)),
        Err(ApiError::Refused { code, .. }) if matches!(&*code, "unknown_event" | "damaged_event") => {
            Ok((row, Bytes::new()))
        }
        Err(error) => Err(error),
    }
}

/// One line of NDJSON.
fn push(value: &impl serde::Serialize, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    out.extend_from_slice(lines::line(value)?.as_bytes());
    out.push(b'\n');
    Ok(())
}
