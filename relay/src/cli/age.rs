//! How long ago something was, in words.

use std::time::Duration;

/// Both in milliseconds since the Unix epoch. What lies ahead (a clock was set) is `just now`.
pub(super) fn age(then: u64, now: u64) -> String {
    const MINUTE: u64 = 60;
    const HOUR: u64 = 60 * MINUTE;
    const DAY: u64 = 24 * HOUR;
    match Duration::from_millis(now.saturating_sub(then)).as_secs() {
        0..MINUTE => "just now".to_owned(),
        seconds @ MINUTE..HOUR => format!("{} min ago", seconds / MINUTE),
        seconds @ HOUR..DAY => format!("{} h ago", seconds / HOUR),
        seconds if seconds < 2 * DAY => "1 day ago".to_owned(),
        seconds => format!("{} days ago", seconds / DAY),
    }
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
    }
}
