//! For people: one line an event on stdout, everything else on stderr. Pure: from an [`Event`] to bytes.

mod answer;
mod banner;
pub(super) mod content;
mod line;
mod link;
mod mask;
pub(super) mod units;

use std::io::Write as _;

use jiff::tz::TimeZone;

use super::Print;
use super::style::Style;
use crate::event::Event;

/// Where what belongs to a line stands, in columns: under the line's verdict.
const INDENT: usize = 10;

/// Columns taken for a line that goes to no terminal.
const DEFAULT_WIDTH: usize = 120;

/// How it is to look.
#[derive(Clone, Debug)]
pub(super) struct Human {
    /// The looks of stdout.
    pub(super) out: Style,
    /// The looks of stderr.
    pub(super) err: Style,
    /// Whose clock the times are read from.
    pub(super) zone: TimeZone,
    /// Columns of the terminal; `None` when there is none.
    pub(super) width: Option<usize>,
    /// How much of a delivery is shown.
    pub(super) print: Print,
    /// Show what is otherwise masked.
    pub(super) show_secrets: bool,
    /// On stderr only warnings.
    pub(super) quiet: bool,
    /// Keys are listened to.
    pub(super) keys: bool,
}

impl Human {
    /// Appends what stdout gets for `event`: nothing, or its line and what belongs to it.
    pub(super) fn render_out(&self, at: u64, event: &Event, out: &mut Vec<u8>) {
        match event {
            Event::Received(received) if !received.awaited => {
                line::shown(self, at, &received.arrival, out);
                content::delivery(self, &received.arrival.delivery, out);
            }
            Event::Forwarded(it) => {
                line::forwarded(self, at, it, out);
                answer::explain(self, it, out);
                content::delivery(self, &it.arrival.delivery, out);
                content::reply(self, &it.reply, out);
            }
            Event::Failed(it) => {
                line::failed(self, at, it, out);
                answer::explain_failure(self, it, out);
                content::delivery(self, &it.arrival.delivery, out);
            }
            Event::Skipped(it) => line::skipped(self, at, it, out),
            Event::Refused(it) => {
                line::refused(self, at, it, out);
                answer::explain_refusal(self, it, out);
                content::delivery(self, &it.arrival.delivery, out);
            }
            _ => {}
        }
    }

    /// Appends what stderr gets for `event`.
    pub(super) fn render_err(&self, at: u64, event: &Event, err: &mut Vec<u8>) {
        match event {
            Event::Ready(it) if !self.quiet => banner::ready(self, it, err),
            Event::Disconnected(it) => link::disconnected(self, at, it, err),
            Event::Reconnected(it) => link::reconnected(self, at, *it, err),
            Event::Gap(it) => link::gap(self, at, it, err),
            Event::Notice(it) => link::notice(self, at, it, err),
            Event::Summary(it) if !self.quiet => link::summary(self, it, err),
            _ => {}
        }
    }

    /// Appends what the keys do.
    pub(super) fn render_help(&self, err: &mut Vec<u8>) {
        banner::keys(self, err);
    }

    /// What stands in place of a secret; `None` when secrets are shown.
    fn mask(&self) -> Option<&'static str> {
        self.out.mask(self.show_secrets)
    }

    fn ellipsis(&self) -> &'static str {
        self.out.sign("…", "...")
    }

    fn time(&self, at: u64) -> String {
        units::clock(at, &self.zone)
    }

    /// Columns for text below a line.
    fn room(&self) -> usize {
        self.width.unwrap_or(DEFAULT_WIDTH).saturating_sub(INDENT + 2).max(20)
    }
}

/// Appends an indented line. Writing to memory never fails.
fn push_indented(out: &mut Vec<u8>, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(out, "{:INDENT$}{line}", "");
}

#[cfg(test)]
mod tests;
