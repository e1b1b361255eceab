//! Whether a relay's data is what it wrote. Reads alone, beside a running relay too, and takes nothing in a file for
//! granted: it may be damaged anywhere.

use std::path::Path;

use muxhook_link::Now;
use rusqlite::Connection;
use serde::Serialize;

use crate::accounts;
use crate::database::{Shape, ToRead};
use crate::journal::{self, beside};

/// Most of SQLite's own complaints that are counted, and that are shown.
const COMPLAINTS: u32 = 100;
const SHOWN: usize = 2;

/// Less room on the disk than this is a fault: what is held needs it, and SQLite works in files of its own.
const LEAST_FREE: u64 = 64 << 20;

/// What was found of one thing.
#[derive(Debug, Serialize)]
pub struct Finding {
    /// What was looked at: `config`, `environ`, `data`, `relay.db`, `journal.db` or `disk`.
    pub check: &'static str,
    /// Whether it is as it should be.
    pub ok: bool,
    /// In words.
    pub message: String,
    /// What to do when it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
    /// In numbers.
    #[serde(flatten)]
    pub facts: serde_json::Map<String, serde_json::Value>,
}

impl Finding {
    /// All is well.
    #[must_use]
    pub fn well(check: &'static str, message: String) -> Self {
        Self { check, ok: true, message, cure: None, facts: serde_json::Map::new() }
    }

    /// Something is wrong, and this is what to do.
    #[must_use]
    pub fn fault(check: &'static str, message: String, cure: impl Into<String>) -> Self {
        Self { cure: Some(cure.into()), ..Self::told_fault(check, message) }
    }

    /// Something is wrong, and the message says what to do.
    #[must_use]
    pub fn told_fault(check: &'static str, message: String) -> Self {
        Self { ok: false, ..Self::well(check, message) }
    }

    /// With a fact, in a unit that its name tells.
    fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        self.facts.insert(name.to_owned(), value.into());
        self
    }
}

/// Looks at the data folder.
#[must_use]
pub fn data(dir: &Path, now: Now) -> Vec<Finding> {
    if let Ok(false) = dir.try_exists() {
        let message = format!("there is no folder {}", dir.display());
        return vec![Finding::fault(
            "data",
            plain(&message),
            "name the relay's own folder with --data-dir; `serve` makes a new one",
        )];
    }
    let mut found = vec![relay(dir), journal(dir, now)];
    found.extend(disk(dir));
    found
}

fn relay(dir: &Path) -> Finding {
    const NAME: &str = accounts::SHAPE.file;
    let open = match open(&accounts::SHAPE, dir) {
        Ok(open) => open,
        Err(fault) => return *fault,
    };
    let count = |sql: &str| open.connection.query_row(sql, (), |row| row.get::<_, u64>(0));
    let counts = || -> rusqlite::Result<[u64; 3]> {
        Ok([
            count("SELECT count(*) FROM accounts")?,
            count("SELECT count(*) FROM tokens WHERE revoked_at IS NULL")?,
            count("SELECT count(*) FROM endpoints")?,
        ])
    };
    match counts() {
        Ok([accounts, tokens, endpoints]) => {
            let message = format!(
                "{}, {}, {}",
                number(accounts, "account"),
                number(tokens, "token"),
                number(endpoints, "endpoint")
            );
            let well = Finding::well(NAME, message).with("version", open.version);
            well.with("accounts", accounts).with("tokens", tokens).with("endpoints", endpoints)
        }
        Err(error) => Finding::fault(NAME, format!("it can't be read: {}", plain(&error)), restore(NAME)),
    }
}

fn journal(dir: &Path, now: Now) -> Finding {
    const NAME: &str = journal::SHAPE.file;
    if !journal::Journal::is_in(dir) {
        return Finding::well(NAME, "there is none: nothing was kept yet".to_owned());
    }
    let open = match open(&journal::SHAPE, dir) {
        Ok(open) => open,
        Err(fault) => return *fault,
    };
    let found = match beside::contents(&open.connection) {
        Ok(found) => found,
        Err(error) => {
            return Finding::fault(
                NAME,
                format!("it can't be read to its end: {}", plain(&error)),
                restore(NAME),
            );
        }
    };
    let beside::Contents { deliveries, owed, oldest_owed_at, bytes, damaged, owed_damaged } = found;
    let finding = if damaged == 0 {
        let oldest = oldest_owed_at.map_or_else(String::new, |at| {
            let minutes = now.unix_millis().saturating_sub(at) / 60_000;
            format!(" (the oldest came {minutes} min ago)")
        });
        let settled = deliveries - owed;
        let message = format!(
            "{owed} owed{oldest}, {settled} in the history, {} of webhooks, all as they came",
            size(bytes)
        );
        Finding::well(NAME, message)
    } else {
        let message = format!(
            "{damaged} of {} {} not what came, {owed_damaged} of them owed: a damaged webhook is never delivered",
            number(deliveries, "webhook"),
            if damaged == 1 { "is" } else { "are" }
        );
        Finding::fault(NAME, message, restore(NAME))
    };
    finding
        .with("version", open.version)
        .with("deliveries", deliveries)
        .with("owed", owed)
        .with("oldest_owed_at", oldest_owed_at)
        .with("bytes", bytes)
        .with("damaged", damaged)
        .with("owed_damaged", owed_damaged)
}

/// Opens a file, and has SQLite look at the whole of it; the fault, or what to say of one that has no more to tell.
fn open(shape: &Shape, dir: &Path) -> Result<ToRead, Box<Finding>> {
    let fault = |message, cure| Box::new(Finding::fault(shape.file, message, cure));
    let open = match shape.open_beside(dir) {
        Ok(open) => open,
        Err(error) => {
            return Err(match &error {
                error if error.is_damage() => fault(plain(error), restore(shape.file)),
                error => Box::new(Finding::told_fault(shape.file, plain(error))),
            });
        }
    };
    match complaints(&open.connection) {
        Ok(complaints) if complaints.is_empty() => {}
        Ok(complaints) => {
            let shown: Vec<_> = complaints.iter().take(SHOWN).map(plain).collect();
            let more = if complaints.len() > SHOWN { "; …" } else { "" };
            let places = number(complaints.len() as u64, "place");
            let message = format!("it is damaged at {places}: {}{more}", shown.join("; "));
            return Err(fault(message, restore(shape.file)));
        }
        Err(error) => {
            return Err(fault(format!("it can't be read: {}", plain(&error)), restore(shape.file)));
        }
    }
    if open.is_current {
        return Ok(open);
    }
    let message = match open.version {
        0 => "it has no tables yet: the next start makes them".to_owned(),
        version => {
            format!("an older relay wrote it (version {version}): the next start brings it up to date")
        }
    };
    Err(Box::new(Finding::well(shape.file, message).with("version", open.version)))
}

/// What SQLite finds wrong with the structure of the whole file.
fn complaints(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut query = connection.prepare(&format!("PRAGMA integrity_check({COMPLAINTS})"))?;
    let rows = query.query_map((), |row| row.get::<_, String>(0))?;
    rows.filter(|row| !matches!(row, Ok(text) if text == "ok")).collect()
}

#[cfg(unix)]
fn disk(dir: &Path) -> Option<Finding> {
    const NAME: &str = "disk";
    let room = rustix::fs::statvfs(dir).ok()?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let message = format!("{} free", size(free));
    let finding = if free < LEAST_FREE {
        Finding::fault(NAME, message, "make room, or the relay soon holds nothing more (507)")
    } else {
        Finding::well(NAME, message)
    };
    Some(finding.with("free_bytes", free))
}

#[cfg(not(unix))]
fn disk(_: &Path) -> Option<Finding> {
    None
}

/// What to do about a file that is damaged.
fn restore(file: &str) -> String {
    let lost = if file == journal::SHAPE.file {
        "what was held and the history are lost, accounts and endpoints stay"
    } else {
        "accounts, tokens and endpoints are lost, and every CLI must log in anew"
    };
    format!(
        "stop the relay, move {file}, {file}-wal and {file}-shm away, and restore a backup (`tar xf BACKUP -C \
         DATA-DIR {file}`); without one, start the relay as it is then: {lost}"
    )
}

/// Text that may come out of a damaged file, in one line.
fn plain(text: &impl ToString) -> String {
    text.to_string().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn number(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Bytes, as people say them.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    if bytes < 1024 {
        return number(bytes, "byte");
    }
    let power = (bytes.ilog2() / 10).min(UNITS.len() as u32);
    let scaled = bytes as f64 / 1024_f64.powi(power as i32);
    format!("{scaled:.1} {}", UNITS[power as usize - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_a_unit() {
        let sizes = [0, 1, 1023, 1024, 1536, 5 << 20, 3 << 30, u64::MAX].map(size);
        assert_eq!(
            sizes,
            ["0 bytes", "1 byte", "1023 bytes", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3.0 GiB", "16777216.0 TiB"]
        );
    }

    #[test]
    fn what_a_file_says_stays_in_its_line() {
        assert_eq!(plain(&"row 1\nmissing \u{1b}[2J"), "row 1 missing  [2J");
    }
}
