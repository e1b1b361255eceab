//! A report as lines: the relay in two, then its endpoints. What doesn't fit is left out, and counted.

use std::time::{Duration, UNIX_EPOCH};

use crate::status::{Certificate, Endpoint, JournalState, Live, Relay, Report};

/// How much there is room for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// Columns.
    pub(super) width: usize,
    /// Rows of endpoints.
    pub(super) rows: usize,
    /// Whether lines may be emphasised by escape sequences.
    pub(super) is_colored: bool,
}

/// Between two columns, and two pieces of a line.
const GAP: &str = "  ";

/// An endpoint's name is cut to this before a column goes, and to no less than that in the end.
const GOOD_NAME: usize = 24;
const LEAST_NAME: usize = 12;

/// A column: its head, whether its cells stand on the right, and what is left out first where there is little room.
struct Column {
    head: &'static str,
    is_right: bool,
    /// The higher, the sooner it is left out; 0: never.
    spare: u8,
    cell: fn(&Endpoint, Live, u64) -> String,
}

const COLUMNS: [Column; 9] = [
    Column { head: "ENDPOINT", is_right: false, spare: 0, cell: |endpoint, _, _| plain(&endpoint.endpoint) },
    Column { head: "ACCOUNT", is_right: false, spare: 6, cell: |endpoint, _, _| plain(&endpoint.account) },
    Column { head: "LISTEN", is_right: true, spare: 1, cell: |_, live, _| live.listeners.to_string() },
    Column { head: "OBSERVE", is_right: true, spare: 8, cell: |_, live, _| live.observers.to_string() },
    Column { head: "RATE/S", is_right: true, spare: 4, cell: |_, live, _| rate(live.per_s) },
    Column { head: "IN FLIGHT", is_right: true, spare: 7, cell: |_, live, _| live.in_flight.to_string() },
    Column { head: "OWED", is_right: true, spare: 0, cell: |endpoint, _, _| optional(endpoint.owed) },
    Column {
        head: "OLDEST",
        is_right: true,
        spare: 3,
        cell: |endpoint, _, now| since(endpoint.oldest_owed_at, now),
    },
    Column { head: "LAST", is_right: true, spare: 2, cell: |_, live, now| since(live.last_at, now) },
];

/// What a relay that doesn't run knows nothing of.
const LIVE: [&str; 5] = ["LISTEN", "OBSERVE", "RATE/S", "IN FLIGHT", "LAST"];

/// The whole page.
pub(super) fn lines(report: &Report, look: Look) -> Vec<String> {
    let mut lines = report.relay.as_ref().map_or_else(Vec::new, |relay| summary(relay, report.at, look));
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.extend(table(report, look));
    let shown = report.endpoints.len().min(look.rows);
    let more = report.more + (report.endpoints.len() - shown) as u64;
    if more > 0 {
        lines.push(format!("and {more} more {}", if more == 1 { "endpoint" } else { "endpoints" }));
    }
    lines
}

fn summary(relay: &Relay, now: u64, look: Look) -> Vec<String> {
    let Relay { version, started_at, public_url, listeners, observers, .. } = relay;
    let started = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(*started_at));
    let up = vec![
        format!("muxhook-relay {}", plain(version)),
        format!("up {} (since {started})", span(now.saturating_sub(*started_at))),
        plain(public_url),
    ];
    let mut now_pieces = vec![
        counted(*listeners, "listener"),
        counted(*observers, "observer"),
        format!("{} requests/s", rate(relay.requests_per_s)),
        format!("{} in flight", relay.in_flight),
    ];
    now_pieces.extend(owed(relay, now));
    now_pieces.push(journal(relay).to_owned());
    now_pieces
        .extend((relay.history_dropped > 0).then(|| format!("{} not in the history", relay.history_dropped)));
    now_pieces.extend(relay.certificate.map(|certificate| expiry(certificate, now)));
    let is_bad = matches!(relay.journal, JournalState::Closed | JournalState::Full);
    let style = if is_bad { "31" } else { "" };
    let paint = |line: String| styled(line, style, look.is_colored);
    wrapped(up, look.width)
        .into_iter()
        .chain(wrapped(now_pieces, look.width).into_iter().map(paint))
        .collect()
}

fn owed(relay: &Relay, now: u64) -> Option<String> {
    let owed = relay.owed?;
    let oldest = relay.oldest_owed_at.filter(|_| owed > 0);
    Some(format!(
        "{owed} owed{}",
        oldest.map_or_else(String::new, |at| format!(" (the oldest {})", span(now.saturating_sub(at))))
    ))
}

fn journal(relay: &Relay) -> &'static str {
    match (relay.journal, relay.holds) {
        (JournalState::None, _) => "keeps nothing",
        (JournalState::Open, true) => "journal open",
        (JournalState::Open, false) => "journal open, holds nothing",
        (JournalState::Full, _) => "DISK FULL: nothing is held",
        (JournalState::Closed, _) => "JOURNAL CLOSED: nothing is held until a restart",
    }
}

fn expiry(certificate: Certificate, now: u64) -> String {
    match certificate.expires_at {
        None => "no certificate yet".to_owned(),
        Some(at) if at <= now => format!("certificate EXPIRED {} ago", span(now - at)),
        Some(at) => format!("certificate for {}", span(at - now)),
    }
}

/// Pieces in as few lines as hold them; one that is too long alone is cut.
fn wrapped(pieces: Vec<String>, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for piece in pieces {
        let length = piece.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + GAP.len() + length <= width => {
                line.push_str(GAP);
                line.push_str(&piece);
            }
            _ => lines.push(cut(&piece, width)),
        }
    }
    lines
}

fn table(report: &Report, look: Look) -> Vec<String> {
    let rows = &report.endpoints[..report.endpoints.len().min(look.rows)];
    let mut grid = Grid::of(report, rows);
    grid.fit(look.width);
    let head = styled(grid.line(None, look.width), "1", look.is_colored);
    let body = rows
        .iter()
        .enumerate()
        .map(|(at, row)| styled(grid.line(Some(at), look.width), emphasis(row), look.is_colored));
    std::iter::once(head).chain(body).collect()
}

/// Columns, each with its cells and how wide it is.
struct Grid(Vec<(&'static Column, Vec<String>, usize)>);

impl Grid {
    fn of(report: &Report, rows: &[Endpoint]) -> Self {
        let has_relay = report.relay.is_some();
        let columns = COLUMNS.iter().filter(|column| has_relay || !LIVE.contains(&column.head));
        let filled = columns.map(|column| {
            let cell = |row: &Endpoint| (column.cell)(row, row.live.unwrap_or_default(), report.at);
            let cells: Vec<_> = rows.iter().map(cell).collect();
            let widest = cells.iter().map(|cell| cell.chars().count()).max().unwrap_or_default();
            (column, cells, widest.max(column.head.len()))
        });
        Self(filled.collect())
    }

    fn width(&self) -> usize {
        self.0.iter().map(|(.., width)| width).sum::<usize>() + GAP.len() * self.0.len().saturating_sub(1)
    }

    /// Leaves out what matters least until the rest fits; names may be cut to that end, but not to nothing.
    fn fit(&mut self, width: usize) {
        let name = self.0.first().map_or(0, |(.., name)| *name);
        let spared = name.saturating_sub(GOOD_NAME);
        while self.width().saturating_sub(spared) > width
            && let Some(spare) =
                self.0.iter().map(|(column, ..)| column.spare).max().filter(|spare| *spare > 0)
        {
            self.0.retain(|(column, ..)| column.spare != spare);
        }
        let over = self.width().saturating_sub(width);
        if let Some((.., name)) = self.0.first_mut() {
            *name = name.saturating_sub(over).max(LEAST_NAME.min(*name));
        }
    }

    /// A row, or the head.
    fn line(&self, row: Option<usize>, width: usize) -> String {
        let cells = self.0.iter().map(|(column, cells, width)| {
            let text = cut(row.map_or(column.head, |row| cells[row].as_str()), *width);
            if column.is_right { format!("{text:>width$}") } else { format!("{text:<width$}") }
        });
        cut(cells.collect::<Vec<_>>().join(GAP).trim_end(), width)
    }
}

/// What waits with nobody there to take it stands out; what nothing happens on steps back.
fn emphasis(row: &Endpoint) -> &'static str {
    let live = row.live.unwrap_or_default();
    let is_owed = row.owed.is_some_and(|owed| owed > 0);
    match (is_owed, live.listeners, live.observers, live.per_s > 0.0) {
        (true, 0, ..) => "33",
        (false, 0, 0, false) => "2",
        _ => "",
    }
}

fn styled(text: String, style: &str, is_colored: bool) -> String {
    if is_colored && !style.is_empty() { format!("\x1b[{style}m{text}\x1b[0m") } else { text }
}

/// Text of another process's, without what could move the cursor.
fn plain(text: &str) -> String {
    text.chars().map(|char| if char.is_control() { '?' } else { char }).collect()
}

pub(super) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

fn optional(count: Option<u64>) -> String {
    count.map_or("?".to_owned(), |count| count.to_string())
}

fn rate(per_second: f64) -> String {
    match per_second {
        none if none <= 0.0 => "0".to_owned(),
        few if few < 9.95 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    }
}

fn since(at: Option<u64>, now: u64) -> String {
    at.map_or_else(String::new, |at| span(now.saturating_sub(at)))
}

/// A length of time in its largest unit: 3 s, 12 min, 5 h, 2 d.
fn span(millis: u64) -> String {
    let (minute, hour, day) = (60, 60 * 60, 24 * 60 * 60);
    match millis / 1000 {
        seconds if seconds < minute => format!("{seconds} s"),
        seconds if seconds < hour => format!("{} min", seconds / minute),
        seconds if seconds < 2 * day => format!("{} h", seconds / hour),
        seconds => format!("{} d", seconds / day),
    }
}

#[cfg(test)]
pub(super) mod tests;
