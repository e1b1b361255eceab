//! `muxhook events list`.

use muxhook_link::Now;
use muxhook_protocol::frame::Backlog;

use super::filters;
use super::lines::{self, DeliveryLine, GapLine, SummaryLine};
use super::place::{self, Place};
use super::table::{self, Extra, Gaps, Look};
use super::words;
use crate::api::Summary;
use crate::api::events::{Query, Row};
use crate::args::EventsList;
use crate::commands::reach;
use crate::config::Surroundings;
use crate::error::Error;
use crate::printer::{Console, count};

/// Shown when nobody says how many.
const USUAL: usize = 50;

/// Rows that are laid out together.
const TOGETHER: usize = 200;

/// Runs `muxhook events list`.
///
/// # Errors
/// Used wrongly, no relay, or refused by it.
pub(super) async fn run(
    args: &EventsList,
    around: &Surroundings,
    console: &mut Console,
) -> Result<(), Error> {
    let now = Now::system().unix_millis();
    let mut notices = Vec::new();
    let query = filters::query(&args.filters, now, &mut notices)?;
    let limit = args.limit.unwrap_or(USUAL);
    if limit == 0 {
        return Err(Error::usage("--limit 0: that is none; say at least 1"));
    }
    let place = place::find(&args.place, around, console).await?;
    reach::say(&notices, console);
    let look = Look::new(console.out_style(), console.columns(), now);
    let list = List { json: args.json, limit, look, shown: 0, more: false };
    list.print(&place, query, console).await
}

struct List {
    json: bool,
    limit: usize,
    look: Look,
    shown: usize,
    more: bool,
}

impl List {
    async fn print(mut self, place: &Place, query: Query, console: &mut Console) -> Result<(), Error> {
        let narrowed = query != Query::default();
        // One more tells whether there are more.
        let mut walk =
            place.api().walk(&place.endpoint, Query { limit: self.limit.saturating_add(1), ..query });
        let mut gaps: Option<Gaps> = None;
        loop {
            let mut rows = Vec::new();
            while rows.len() < TOGETHER
                && let Some(row) = walk.next().await.map_err(place::refused)?
            {
                if self.shown + rows.len() == self.limit {
                    self.more = true;
                    break;
                }
                rows.push(row);
            }
            let known = || walk.summary().map(|summary| summary.gaps.clone()).unwrap_or_default();
            let gaps = gaps.get_or_insert_with(|| Gaps::new(known(), false));
            if rows.is_empty() {
                break;
            }
            self.rows(&rows, gaps, console)?;
        }
        if !self.more {
            for gap in gaps.into_iter().flat_map(Gaps::rest) {
                let mut out = Vec::new();
                self.gap(&gap, &mut out)?;
                console.raw(&out)?;
            }
        }
        let Some(summary) = walk.summary() else { return Ok(()) };
        self.end(place, summary, narrowed, console)
    }

    fn rows(&mut self, rows: &[Row], gaps: &mut Gaps, console: &mut Console) -> Result<(), Error> {
        if self.shown == 0 {
            self.look = self.look.clone().for_rows(rows);
        }
        let mut out = Vec::new();
        for row in rows {
            while let Some(gap) = gaps.before(row.seq) {
                self.gap(&gap, &mut out)?;
            }
            match self.json {
                true => push(&lines::line(&DeliveryLine::of(row)), &mut out)?,
                false => table::row(row, &Extra::default(), &self.look, &mut out),
            }
        }
        self.shown += rows.len();
        Ok(console.raw(&out)?)
    }

    fn gap(&self, gap: &muxhook_protocol::frame::Gap, out: &mut Vec<u8>) -> Result<(), Error> {
        match self.json {
            true => push(&lines::line(&GapLine::of(gap, self.look.now)), out)?,
            false => table::gap(gap, &self.look, out),
        }
        Ok(())
    }

    fn end(
        &self,
        place: &Place,
        summary: &Summary,
        narrowed: bool,
        console: &mut Console,
    ) -> Result<(), Error> {
        if self.json {
            let Summary { owed, dropped, .. } = summary;
            let endpoint = place.endpoint.to_string();
            let line = SummaryLine::new(&endpoint, self.shown, self.more, owed, *dropped, self.look.now);
            let mut out = Vec::new();
            push(&lines::line(&line), &mut out)?;
            return Ok(console.raw(&out)?);
        }
        let mut parts = remarks(self.more, summary.owed, summary.dropped, self.look.now);
        match (self.shown, narrowed) {
            (0, true) => parts.insert(0, "nothing in the history matches".to_owned()),
            (0, false) => parts.insert(
                0,
                format!(
                    "the history of {} is empty; send something: muxhook trigger video.asset.ready",
                    place.endpoint
                ),
            ),
            _ => parts.push("one of them, whole: muxhook events show ID".to_owned()),
        }
        let style = console.err_style();
        let line = parts.join(style.sign(" · ", "; "));
        console.note(&style.dim(line).to_string());
        Ok(())
    }
}

/// What the rows don't show. How many more there are is not known, nor which cause a missing one had.
fn remarks(more: bool, owed: Backlog, dropped: u64, now: u64) -> Vec<String> {
    let mut parts = Vec::new();
    if more {
        parts.push("there are more: a higher --limit shows them".to_owned());
    }
    if owed.count > 0 {
        let since = owed.oldest_at.map(|at| format!(", the oldest for {}", words::age(at, now)));
        parts.push(format!("{} owed{}", count(owed.count, "event"), since.unwrap_or_default()));
    }
    if dropped > 0 {
        parts.push(format!("{dropped} not kept: too fast for the disk, or no room on it"));
    }
    parts
}

fn push(line: &Result<String, serde_json::Error>, out: &mut Vec<u8>) -> Result<(), Error> {
    let line = line.as_ref().map_err(|error| Error::failed(error.to_string()))?;
    out.extend_from_slice(line.as_bytes());
    out.push(b'\n');
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_rows_do_not_show_is_told_as_far_as_it_is_known() {
        assert_eq!(remarks(false, Backlog::default(), 0, 0), [""; 0]);
        assert_eq!(
            remarks(true, Backlog { count: 2, oldest_at: None }, 5, 0),
            [
                "there are more: a higher --limit shows them",
                "2 events owed",
                "5 not kept: too fast for the disk, or no room on it",
            ]
        );
    }
}
