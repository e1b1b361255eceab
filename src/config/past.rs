//! A part of the past, as it is asked for.

use std::time::Duration;

use jiff::{Span, SpanRelativeTo, Timestamp};
use muxhook_protocol::frame::Since;

/// The longest time back: far above what any relay keeps.
const MOST: Duration = Duration::from_secs(366 * 86_400);

/// Which part of the history, as `--since` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Past {
    /// Everything that there is.
    All,
    /// What came within this time.
    Within(Duration),
    /// What came then or later: milliseconds since the Unix epoch.
    At(u64),
    /// This `seq` and those above it.
    From(u64),
}

impl Past {
    /// Reads `10m`, `2d`, `all`, a `seq`, or a time as in RFC 3339.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if text == "all" {
            return Ok(Self::All);
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return text.parse().map(Self::From).map_err(|_| format!("`{text}` is too large for a seq"));
        }
        if let Ok(at) = text.parse::<Timestamp>() {
            let millis = u64::try_from(at.as_millisecond());
            return millis.map(Self::At).map_err(|_| format!("`{text}` is before 1970"));
        }
        let span = text
            .parse::<Span>()
            .ok()
            .and_then(|span| span.to_duration(SpanRelativeTo::days_are_24_hours()).ok());
        let Some(span) = span else {
            return Err(format!(
                "`{text}` is neither a time back (10m, 2h, 1d), nor a moment (2026-11-23T08:00:00Z), nor the seq of an \
                 event, nor `all`"
            ));
        };
        match Duration::try_from(span) {
            Ok(Duration::ZERO) | Err(_) => Err(format!("`{text}` does not lie back")),
            Ok(time) if time > MOST => Err(format!("`{text}` is above a year")),
            Ok(time) => Ok(Self::Within(time)),
        }
    }

    /// What a relay is asked for at `now` (milliseconds since the Unix epoch).
    #[must_use]
    pub fn since(self, now: u64) -> Since {
        match self {
            Self::All => Since::default(),
            Self::Within(time) => {
                let back = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                Since { at: now.saturating_sub(back), ..Since::default() }
            }
            Self::At(at) => Since { at, ..Since::default() },
            Self::From(seq) => Since { after: seq.saturating_sub(1), ..Since::default() },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_past_is_named_in_four_ways() {
        let hour = Duration::from_secs(3600);
        for (text, past) in [
            ("all", Past::All),
            ("10m", Past::Within(hour / 6)),
            ("1h 30m", Past::Within(hour * 3 / 2)),
            ("2d", Past::Within(hour * 48)),
            (" 1w ", Past::Within(hour * 168)),
            ("0", Past::From(0)),
            ("18446744073709551615", Past::From(u64::MAX)),
            ("2026-11-23T08:00:00Z", Past::At(1_795_420_800_000)),
            ("2026-11-23T10:00:00.5+02:00", Past::At(1_795_420_800_500)),
        ] {
            assert_eq!(Past::parse(text), Ok(past), "{text}");
        }
        for text in [
            "",
            "ALL",
            "yesterday",
            "-5m",
            "0s",
            "1.5",
            "18446744073709551616",
            "1960-01-01T00:00:00Z",
            "2y",
            "1 month",
        ] {
            assert!(Past::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_relay_is_asked_for_bounds() {
        let since = |at, after| Since { at, after, until: None };
        assert_eq!(Past::All.since(5000), since(0, 0));
        assert_eq!(Past::Within(Duration::from_secs(2)).since(5000), since(3000, 0));
        assert_eq!(Past::Within(Duration::from_secs(9)).since(5000), since(0, 0));
        assert_eq!(Past::At(7).since(5000), since(7, 0));
        assert_eq!(Past::From(0).since(5000), since(0, 0));
        assert_eq!(Past::From(7).since(5000), since(0, 6), "that one too");
    }
}
