//! Which deliveries are meant: what was typed, as a question to the relay. Pure.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SpanRelativeTo, Timestamp};
use muxhook_protocol::mux::field::Match;

use crate::api::events::{Fate, Query};
use crate::args;
use crate::commands::glob::glob;
use crate::error::Error;
use crate::event::Notice;

/// From this likeness on (normalised Damerau-Levenshtein), another word was meant.
const ALIKE: f64 = 0.6;

/// Fates that can be asked for, as they are typed.
const FATES: [(&str, Fate); 11] = [
    ("accepted", Fate::Accepted),
    ("rejected", Fate::Rejected),
    ("failed", Fate::Failed),
    ("late", Fate::Late),
    ("owed", Fate::Owed),
    ("expired", Fate::Expired),
    ("discarded", Fate::Discarded),
    ("skipped", Fate::Skipped),
    ("refused", Fate::Refused),
    ("observed", Fate::Observed),
    ("lost", Fate::Lost),
];

/// What people type for them.
const OTHER_WORDS: [(&str, &str); 14] = [
    ("ok", "accepted"),
    ("200", "accepted"),
    ("2xx", "accepted"),
    ("success", "accepted"),
    ("delivered", "accepted"),
    ("error", "rejected"),
    ("errored", "rejected"),
    ("500", "rejected"),
    ("5xx", "rejected"),
    ("4xx", "rejected"),
    ("unreachable", "failed"),
    ("timeout", "late"),
    ("held", "owed"),
    ("pending", "owed"),
];

/// The question that was typed, asked at `now` (milliseconds since the Unix epoch). It has no limit yet.
///
/// # Errors
/// What is wrong, and where.
pub(super) fn query(filters: &args::Filters, now: u64, notices: &mut Vec<Notice>) -> Result<Query, Error> {
    let since = filters.since.as_deref().map(|text| moment(text, "--since", now)).transpose()?;
    let until = filters.until.as_deref().map(|text| moment(text, "--until", now)).transpose()?;
    if let (Some(since), Some(until)) = (since, until)
        && since >= until
    {
        return Err(Error::usage("--since is not before --until, so there is no time between them"));
    }
    Ok(Query {
        since,
        until,
        types: globs(&filters.types, "--type", notices)?,
        exclude: globs(&filters.exclude, "--exclude", notices)?,
        matches: filters.matches.iter().map(|text| matching(text)).collect::<Result<_, _>>()?,
        fates: filters.status.iter().map(|text| fate(text)).collect::<Result<_, _>>()?,
        ..Query::default()
    })
}

fn globs(texts: &[String], flag: &str, notices: &mut Vec<Notice>) -> Result<Vec<String>, Error> {
    texts.iter().map(|text| Ok(glob(text.trim(), flag, notices)?.as_str().to_owned())).collect()
}

fn matching(text: &str) -> Result<String, Error> {
    let parsed = Match::parse(text).map_err(|error| Error::usage(format!("--match {text}: {error}")))?;
    Ok(parsed.to_string())
}

fn fate(text: &str) -> Result<Fate, Error> {
    let word = text.trim().to_ascii_lowercase();
    if let Some((_, fate)) = FATES.iter().find(|(name, _)| *name == word) {
        return Ok(*fate);
    }
    let all = FATES.map(|(name, _)| name).join(", ");
    Err(Error::usage(format!("--status {text}: nothing becomes of a delivery by this name")).with_hint(
        match meant(&word) {
            Some(meant) => format!("did you mean {meant}? There are {all}"),
            None => format!("there are {all}"),
        },
    ))
}

fn meant(word: &str) -> Option<&'static str> {
    if let Some((_, meant)) = OTHER_WORDS.iter().find(|(other, _)| *other == word) {
        return Some(meant);
    }
    let likeness = |name: &str| strsim::normalized_damerau_levenshtein(word, name);
    let nearest =
        FATES.map(|(name, _)| name).into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
    (likeness(nearest) >= ALIKE).then_some(nearest)
}

/// A moment, in milliseconds since the Unix epoch: so long before `now` (`10m`, `2h`, `1d`), in RFC 3339, or as the
/// clock on the wall shows it (`2026-11-23`, `2026-11-23T08:00`). `flag`: who gave it.
///
/// # Errors
/// It is none of these, or before 1970.
pub(super) fn moment(text: &str, flag: &str, now: u64) -> Result<u64, Error> {
    moment_in(&TimeZone::system(), text.trim(), now).ok_or_else(|| {
        Error::usage(format!("{flag} {text}: no time that muxhook understands")).with_hint(
            "say how long ago, like 10m, 2h or 1d; or when: 2026-11-23T08:00:00Z, 2026-11-23T08:00, 2026-11-23",
        )
    })
}

fn moment_in(zone: &TimeZone, text: &str, now: u64) -> Option<u64> {
    let millis = |at: Timestamp| u64::try_from(at.as_millisecond()).ok();
    if let Ok(at) = text.parse::<Timestamp>() {
        return millis(at);
    }
    if let Ok(civil) = text.parse::<DateTime>() {
        return millis(zone.to_timestamp(civil).ok()?);
    }
    let span: jiff::Span = text.strip_suffix(" ago").unwrap_or(text).parse().ok()?;
    let ago = span.to_duration(SpanRelativeTo::days_are_24_hours()).ok()?;
    now.checked_sub(u64::try_from(ago.as_millis()).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_790_000_000_123;

    fn asked(change: impl FnOnce(&mut args::Filters)) -> Result<Query, Error> {
        let mut filters = args::Filters::default();
        change(&mut filters);
        query(&filters, NOW, &mut Vec::new())
    }

    #[test]
    fn a_moment_is_a_time_ago_or_a_time() {
        let zone = TimeZone::fixed(jiff::tz::offset(2));
        for (text, at) in [
            ("10m", NOW - 600_000),
            ("1h30m", NOW - 5_400_000),
            ("2h ago", NOW - 7_200_000),
            ("1d", NOW - 86_400_000),
            ("1w", NOW - 604_800_000),
            ("2026-09-21T14:13:20Z", 1_790_000_000_000),
            ("2026-09-21T14:13:20.5+00:00", 1_790_000_000_500),
            ("2026-09-21T16:13:20", 1_790_000_000_000),
            ("2026-09-21T16:13", 1_789_999_980_000),
            ("2026-09-21", 1_789_941_600_000),
        ] {
            assert_eq!(moment_in(&zone, text, NOW), Some(at), "{text}");
        }
    }

    #[test]
    fn what_is_no_moment_is_met_with_what_is() {
        for text in [
            "",
            "10",
            "-",
            "yesterday",
            "-10m",
            "1000y",
            "1mo",
            "2026-13-01",
            "1969-12-31T00:00:00Z",
            "x\x1b[2J",
        ] {
            let error = moment(text, "--since", NOW).map(|at| format!("{text} is {at}")).unwrap_err();
            assert!(error.hint().unwrap().contains("10m"), "{error:?}");
        }
    }

    #[test]
    fn what_was_typed_becomes_a_question() {
        let query = asked(|typed| {
            typed.types = vec!["video.asset.*".to_owned(), " video.upload.created".to_owned()];
            typed.exclude = vec!["video.asset.track.*".to_owned()];
            typed.matches = vec!["data.passthrough=a=b*".to_owned()];
            typed.status = vec!["owed".to_owned(), " Rejected".to_owned()];
            (typed.since, typed.until) = (Some("10m".to_owned()), Some("5m".to_owned()));
        })
        .unwrap();
        assert_eq!(query.types, ["video.asset.*", "video.upload.created"]);
        assert_eq!(query.exclude, ["video.asset.track.*"]);
        assert_eq!(query.matches, ["data.passthrough=a=b*"]);
        assert_eq!(query.fates, [Fate::Owed, Fate::Rejected]);
        assert_eq!((query.since, query.until), (Some(NOW - 600_000), Some(NOW - 300_000)));
        assert_eq!((query.limit, query.ascending), (0, false));
    }

    #[test]
    fn a_slip_is_named_with_what_was_meant() {
        let of_status = |text: &str| asked(|typed| typed.status = vec![text.to_owned()]).unwrap_err();
        for (typed, meant) in [
            ("acepted", "accepted?"),
            ("held", "owed?"),
            ("unreachable", "failed?"),
            ("dicarded", "discarded?"),
        ] {
            let error = of_status(typed);
            assert!(error.hint().unwrap().starts_with(&format!("did you mean {meant}")), "{error:?}");
        }
        assert!(of_status("purple").hint().unwrap().starts_with("there are accepted, rejected,"));
        let error = asked(|typed| typed.types = vec!["video.asset.raedy".to_owned()]).unwrap_err();
        assert!(error.hint().unwrap().contains("video.asset.ready?"), "{error:?}");
        let error = asked(|typed| typed.matches = vec!["passthrough".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("--match passthrough: it has no `=`"), "{error}");
        let both = |since: &str, until: &str| {
            asked(|typed| (typed.since, typed.until) = (Some(since.to_owned()), Some(until.to_owned())))
        };
        assert!(both("5m", "10m").is_err());
    }

    #[test]
    fn every_fate_but_an_unknown_one_can_be_asked_for() {
        for (name, fate) in FATES {
            assert_eq!(serde_json::to_value(fate).unwrap(), name);
        }
        assert!(OTHER_WORDS.iter().all(|(_, meant)| FATES.iter().any(|(name, _)| name == meant)));
    }
}
