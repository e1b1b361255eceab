//! `status`: how the relay is.
//!
//! - `offline`: what the databases tell when no relay runs.
//! - `page`: what is shown, as lines.
//! - `screen`: a terminal that shows it until somebody has seen enough.

mod offline;
mod page;
#[cfg(unix)]
mod screen;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Duration;

use muxhook_link::Now;

use super::failure::Failure;
use super::say;
use crate::config::Place;
use crate::status::{AskError, Report, ask};
use page::Look;

/// How often it is looked.
const EACH: Duration = Duration::from_secs(1);

/// What can be said to it.
#[derive(clap::Args)]
pub(super) struct Words {
    /// Show it once and end, on a terminal too
    #[arg(long, conflicts_with = "watch")]
    once: bool,
    /// Write one JSON object; times are milliseconds since 1970
    #[arg(long)]
    json: bool,
    /// Write a JSON object every second, until ended
    #[arg(long, requires = "json")]
    watch: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) fn run(words: Words, out: &mut impl Write) -> Result<(), Failure> {
    let data_dir = super::data_dir(words.place)?;
    if words.watch {
        return watch(&data_dir, out);
    }
    let report = match ask(&data_dir) {
        Ok(report) => report,
        Err(why) => return without_relay(&data_dir, words.json, why, out),
    };
    #[cfg(unix)]
    if !words.once && !words.json && screen::is_possible() {
        return screen::show(&data_dir, report, out);
    }
    tell(&report, words.json, out)
}

/// Tells what the databases tell, and fails: a script asked for a relay.
fn without_relay(data_dir: &Path, json: bool, why: AskError, out: &mut impl Write) -> Result<(), Failure> {
    let report = match why {
        AskError::NoRelay(_) | AskError::TooLong(_) | AskError::Unsupported => {
            offline::report(data_dir, Now::system())?
        }
        AskError::Io { .. } | AskError::Answer(_) => return Err(Failure::failed(why)),
    };
    say(&format!("{why}; this is what its databases tell:"));
    tell(&report, json, out)?;
    Err(Failure::Unreachable)
}

fn tell(report: &Report, json: bool, out: &mut impl Write) -> Result<(), Failure> {
    if json {
        // Only a map with keys that are no text could fail, and this is none.
        writeln!(out, "{}", serde_json::to_string(report).unwrap_or_default())?;
    } else {
        // Whoever reads a pipe has any width, and sees the end of it.
        let width = if io::stdout().is_terminal() { width() } else { usize::MAX };
        let look = Look { width, rows: usize::MAX, is_colored: false };
        for line in page::lines(report, look) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(out.flush()?)
}

/// A line a second. A relay that goes away ends it.
#[expect(clippy::disallowed_methods, reason = "nothing else goes on in this process")]
fn watch(data_dir: &Path, out: &mut impl Write) -> Result<(), Failure> {
    loop {
        let report = match ask(data_dir) {
            Ok(report) => report,
            Err(why @ (AskError::Io { .. } | AskError::Answer(_))) => return Err(Failure::failed(why)),
            Err(why) => {
                say(&format!("error: {why}"));
                return Err(Failure::Unreachable);
            }
        };
        tell(&report, true, out)?;
        std::thread::sleep(EACH);
    }
}

#[cfg(unix)]
fn width() -> usize {
    screen::size().0
}

#[cfg(not(unix))]
fn width() -> usize {
    usize::MAX
}
