//! Times, counts and lengths as people read them.

use std::borrow::Cow;
use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// `14:03:22` in `zone`, for milliseconds since the Unix epoch.
pub(super) fn clock(unix_millis: u64, zone: &TimeZone) -> String {
    let millis = i64::try_from(unix_millis).unwrap_or(i64::MAX);
    let time = zone.to_datetime(Timestamp::from_millisecond(millis).unwrap_or(Timestamp::MAX));
    format!("{:02}:{:02}:{:02}", time.hour(), time.minute(), time.second())
}

/// `0.4 ms`, `12 ms`, `1.23 s`, `2m 03s`.
pub(in crate::printer) fn latency(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 0.00995 => format!("{:.1} ms", seconds * 1e3),
        seconds if seconds < 0.9995 => format!("{:.0} ms", seconds * 1e3),
        seconds if seconds < 59.995 => format!("{seconds:.2} s"),
        _ => span(time),
    }
}

/// `0.4 s`, `12 s`, `3m 12s`, `1h 02m`, `2d 03h`.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60) {
        (0, 0, 0) if seconds < 10 => format!("{:.1} s", time.as_secs_f64()),
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes}m {:02}s", seconds % 60),
        (0, hours, minutes) => format!("{hours}h {minutes:02}m"),
        (days, hours, _) => format!("{days}d {hours:02}h"),
    }
}

/// `1 event`, `2 events`, `12,000 events`.
pub(in crate::printer) fn count(number: u64, of: &str) -> String {
    format!("{} {of}{}", thousands(number), if number == 1 { "" } else { "s" })
}

/// `1,234,567`.
pub(crate) fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// An id with its middle left out, when it is long: `ng02vOhR…dY00`, with `head` characters before it.
pub(crate) fn shorten<'a>(id: &'a str, head: usize, ellipsis: &str) -> Cow<'a, str> {
    const TAIL: usize = 4;
    let length = id.chars().count();
    if length <= head + TAIL + 2 {
        return Cow::Borrowed(id);
    }
    let head: String = id.chars().take(head).collect();
    let tail: String = id.chars().skip(length - TAIL).collect();
    Cow::Owned(head + ellipsis + &tail)
}

/// `text` cut to `columns`, with `ellipsis` where something is left out.
pub(crate) fn clip<'a>(text: &'a str, columns: usize, ellipsis: &str) -> Cow<'a, str> {
    if text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let room = columns.saturating_sub(ellipsis.width());
    let mut used = 0;
    let mut fits = |char: char| {
        used += char.width().unwrap_or(0);
        used <= room
    };
    let kept: String = text.chars().take_while(|char| fits(*char)).collect();
    Cow::Owned(kept + ellipsis)
}

/// `text` in lines of at most `columns`, broken at spaces; a longer word has a line of its own.
pub(crate) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() => line.push_str(word),
            Some(line) if line.width() + 1 + word.width() <= columns => line.extend([" ", word]),
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

/// How many spaces bring `text` to `columns`.
pub(super) fn gap(text: &str, columns: usize) -> usize {
    columns.saturating_sub(text.width())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_at_every_size() {
        let micros =
            [80_u64, 400, 9_940, 9_960, 12_300, 999_400, 999_600, 1_234_000, 59_990_000, 123_000_000];
        let read: Vec<_> = micros.into_iter().map(|micros| latency(Duration::from_micros(micros))).collect();
        let want = [
            "0.1 ms", "0.4 ms", "9.9 ms", "10 ms", "12 ms", "999 ms", "1.00 s", "1.23 s", "59.99 s", "2m 03s",
        ];
        assert_eq!(read, want);
        let millis = [400_u64, 12_000, 192_000, 3_720_000, 183_600_000];
        let read: Vec<_> = millis.into_iter().map(|millis| span(Duration::from_millis(millis))).collect();
        assert_eq!(read, ["0.4 s", "12 s", "3m 12s", "1h 02m", "2d 03h"]);
    }

    #[test]
    fn counts_agree_with_their_number() {
        assert_eq!(count(1, "event"), "1 event");
        assert_eq!(count(0, "event"), "0 events");
        assert_eq!(count(1_234_567, "event"), "1,234,567 events");
    }

    #[test]
    fn long_ids_lose_their_middle_and_long_texts_their_end() {
        assert_eq!(shorten("ng02vOhRq7dY00", 8, "…"), "ng02vOhRq7dY00");
        assert_eq!(shorten("ng02vOhRq7dY00z", 8, "…"), "ng02vOhR…Y00z");
        assert_eq!(clip("世界世界", 8, "…"), "世界世界");
        assert_eq!(clip("世界世界", 7, "…"), "世界世…");
        assert_eq!(clip("世界世界", 6, "…"), "世界…");
    }

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("a bc def", 4), ["a bc", "def"]);
        assert_eq!(wrap("a longer-word b", 4), ["a", "longer-word", "b"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn the_clock_is_that_of_the_zone_and_survives_any_number() {
        let zone = TimeZone::fixed(jiff::tz::offset(-3));
        assert_eq!(clock(1_790_000_000_123, &zone), "11:13:20");
        assert_eq!(clock(u64::MAX, &TimeZone::UTC).len(), 8);
    }
}
