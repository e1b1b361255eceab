//! What became of a delivery, in few words. Pure.

use std::time::Duration;

use crate::api::events::{Attempt, Fate, Row};
use crate::printer::{Style, escape, span};

/// How good it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Bad,
    /// It goes on, or wants attention.
    Open,
    /// It may be overlooked.
    Faint,
}

impl Tone {
    /// The sign that stands before words of this tone, in its colour.
    pub(super) fn sign(self, style: Style) -> String {
        let sign = match self {
            Self::Good => style.sign("✓", "+"),
            Self::Bad => style.sign("✗", "x"),
            Self::Open => style.sign("•", "*"),
            Self::Faint => style.sign("–", "-"),
        };
        self.paint(sign, style)
    }

    pub(super) fn paint(self, text: &str, style: Style) -> String {
        match self {
            Self::Good => style.good(text).to_string(),
            Self::Bad => style.bad(text).to_string(),
            Self::Open => style.warn(text).to_string(),
            Self::Faint => style.dim(text).to_string(),
        }
    }
}

/// What became of `row`, as of `now` (milliseconds since the Unix epoch): `app 200`, `owed 2h 03m`. Nothing in it
/// needs escaping.
pub(super) fn became(row: &Row, now: u64) -> (Tone, String) {
    let last = row.attempts.iter().rev().find(|attempt| !attempt.replayed).or(row.attempts.last());
    let of_last = |otherwise: &str| last.map_or_else(|| otherwise.to_owned(), result);
    match row.fate {
        Fate::Accepted => {
            let good = row.attempts.iter().rev().find(|attempt| is_good(attempt));
            (Tone::Good, good.map_or_else(|| "accepted".to_owned(), result))
        }
        Fate::Rejected => (Tone::Bad, of_last("rejected")),
        Fate::Failed => (Tone::Bad, of_last("failed")),
        Fate::Late => (Tone::Open, "late".to_owned()),
        Fate::Owed => (Tone::Open, format!("owed {}", age(row.received_at, now))),
        Fate::Expired => (Tone::Bad, "expired".to_owned()),
        Fate::Discarded => (Tone::Faint, "discarded".to_owned()),
        Fate::Skipped => (Tone::Faint, "skipped".to_owned()),
        Fate::Refused => (Tone::Bad, "refused".to_owned()),
        Fate::Observed => (Tone::Faint, "observed".to_owned()),
        Fate::Lost => (Tone::Bad, format!("lost {}", row.status)),
        Fate::Unknown => (Tone::Open, "?".to_owned()),
    }
}

/// The same in a sentence, for one that is looked at closely.
pub(super) fn meaning(fate: Fate) -> &'static str {
    match fate {
        Fate::Accepted => "the app accepted it",
        Fate::Rejected => "the app answered, but not with a 2xx",
        Fate::Failed => "the app gave no usable answer",
        Fate::Late => "the app had not answered when the sender's time was up, and has not accepted it since",
        Fate::Owed => "the relay owes it to the app",
        Fate::Expired => "it was owed until its time ran out",
        Fate::Discarded => "it was owed until it was given up with `events discard`",
        Fate::Skipped => "the listener's filters left it out",
        Fate::Refused => "its signature was not trusted",
        Fate::Observed => "it was only looked at: nobody forwards to an app",
        Fate::Lost => "the relay could not hand it over, and told the sender so",
        Fate::Unknown => "something that a newer muxhook knows",
    }
}

/// What came of one handing-over: `app 500`, `unreachable`. Escaped.
pub(super) fn result(attempt: &Attempt) -> String {
    match (&*attempt.result, attempt.status) {
        ("replied", Some(status)) => format!("app {status}"),
        ("refused", _) => "unreachable".to_owned(),
        ("signature", _) => "refused".to_owned(),
        ("too_large", _) => "too large".to_owned(),
        (other, _) => escape(other).into_owned(),
    }
}

pub(super) fn is_good(attempt: &Attempt) -> bool {
    attempt.status.is_some_and(|status| (200..300).contains(&status))
}

/// How good what came of one handing-over is.
pub(super) fn tone(attempt: &Attempt) -> Tone {
    match &*attempt.result {
        _ if is_good(attempt) => Tone::Good,
        "skipped" => Tone::Faint,
        _ => Tone::Bad,
    }
}

/// Who answered the sender, and with what: `held 200`. Escaped.
pub(super) fn answered(row: &Row) -> String {
    format!("{} {}", escape(&row.answered_by), row.status)
}

/// What else is to be known of it: `duplicate`, `3 tries, last app 500`. Escaped.
pub(super) fn marks(row: &Row) -> Vec<String> {
    let tries = row.attempts.iter().filter(|attempt| !attempt.replayed).count();
    let replays: Vec<_> = row.attempts.iter().filter(|attempt| attempt.replayed).collect();
    let of = |attempts: &[&Attempt]| attempts.last().map(|last| result(last)).unwrap_or_default();
    let mut marks = Vec::new();
    if row.attempts.last().is_some_and(|attempt| attempt.late) && row.fate == Fate::Accepted {
        marks.push("late".to_owned());
    }
    if row.duplicate_of.is_some() {
        marks.push("duplicate".to_owned());
    }
    if tries > 1 || (tries == 1 && row.fate == Fate::Owed) {
        let firsts: Vec<_> = row.attempts.iter().filter(|attempt| !attempt.replayed).collect();
        let tries = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
        let last = if row.fate == Fate::Accepted { String::new() } else { format!(", last {}", of(&firsts)) };
        marks.push(tries + &last);
    }
    match replays.len() {
        0 => {}
        1 => marks.push(format!("replayed: {}", of(&replays))),
        more => marks.push(format!("replayed {more} times, last {}", of(&replays))),
    }
    marks
}

/// How long `at` is ago.
pub(super) fn age(at: u64, now: u64) -> String {
    span(Duration::from_secs(now.saturating_sub(at) / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::events::fixture::{AT, attempt, row};

    #[test]
    fn every_fate_has_its_words() {
        let told = |fate, attempts: &[Attempt]| {
            let row = row(1, |row| (row.fate, row.attempts, row.status) = (fate, attempts.to_vec(), 503));
            became(&row, AT + 7_384_000)
        };
        let (good, bad) = (attempt("replied", Some(204)), attempt("replied", Some(500)));
        let gone = attempt("refused", None);
        assert_eq!(told(Fate::Accepted, &[bad.clone(), good.clone()]), (Tone::Good, "app 204".to_owned()));
        assert_eq!(told(Fate::Accepted, &[]), (Tone::Good, "accepted".to_owned()));
        assert_eq!(told(Fate::Rejected, &[bad]), (Tone::Bad, "app 500".to_owned()));
        assert_eq!(told(Fate::Failed, &[gone]), (Tone::Bad, "unreachable".to_owned()));
        assert_eq!(told(Fate::Owed, &[]), (Tone::Open, "owed 2h 03m".to_owned()));
        assert_eq!(told(Fate::Lost, &[]), (Tone::Bad, "lost 503".to_owned()));
        assert_eq!(told(Fate::Unknown, &[]), (Tone::Open, "?".to_owned()));
        let hostile = attempt("\x1b[2J", None);
        assert_eq!(told(Fate::Failed, &[hostile]), (Tone::Bad, "\\x1b[2J".to_owned()));
    }

    #[test]
    fn a_replay_does_not_hide_what_became_of_the_delivery() {
        let replay = Attempt { replayed: true, ..attempt("replied", Some(404)) };
        let row = row(1, |row| {
            (row.fate, row.attempts) = (Fate::Rejected, vec![attempt("replied", Some(500)), replay]);
        });
        assert_eq!(became(&row, AT), (Tone::Bad, "app 500".to_owned()));
        assert_eq!(marks(&row), ["replayed: app 404"]);
    }

    #[test]
    fn tries_are_counted() {
        let bad = || attempt("replied", Some(500));
        let owed = |count: usize| {
            marks(&row(1, |row| {
                (row.fate, row.attempts) = (Fate::Owed, (0..count).map(|_| bad()).collect());
            }))
        };
        assert_eq!(owed(0), [""; 0]);
        assert_eq!(owed(1), ["1 try, last app 500"]);
        assert_eq!(owed(3), ["3 tries, last app 500"]);
        let accepted = row(1, |row| row.attempts = vec![bad(), attempt("replied", Some(200))]);
        assert_eq!(marks(&accepted), ["2 tries"]);
    }
}
