//! How long ago something was, in words.

use std::time::Duration;

/// Both in milliseconds since the Unix epoch. What lies ahead (a clock was set) is `just now`.
pub(super) fn age(then: u64, now: u64) -> String {
    span(now.saturating_sub(then)).map_or("just now".to_owned(), |span| format!("{span} ago"))
}

/// How far ahead something is, in words: `in 3 days`.
pub(super) fn ahead(then: u64, now: u64) -> String {
    span(then.saturating_sub(now)).map_or("within a minute".to_owned(), |span| format!("in {span}"))
}

/// `None`: less than a minute.
fn span(millis: u64) -> Option<String> {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    Some(match Duration::from_millis(millis).as_secs() {
        0..MINUTE => return None,
        seconds @ MINUTE..HOUR => format!("{} min", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h", seconds / HOUR),
        seconds if seconds < 2 * DAY => "1 day".to_owned(),
        seconds => format!("{} days", seconds / DAY),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_span_has_its_unit() {
        let ages =
            [0, 59, 60, 3_599, 3_600, 86_399, 86_400, 172_800].map(|seconds| age(7, 7 + seconds * 1000));
        let words = [
            "just now",
            "just now",
            "1 min ago",
            "59 min ago",
            "1 h ago",
            "23 h ago",
            "1 day ago",
            "2 days ago",
        ];
        assert_eq!(ages, words);
        assert_eq!(age(5_000, 0), "just now");
        assert_eq!(ahead(90 * 86_400_000, 0), "in 90 days");
        assert_eq!(
            (ahead(59_999, 0).as_str(), ahead(0, 60_000).as_str()),
            ("within a minute", "within a minute")
        );
    }
}
