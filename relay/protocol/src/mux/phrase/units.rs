//! Amounts for people.

/// A century, in seconds: what is longer is no length of a video.
const CENTURY: f64 = 3.2e9;

/// `4.2s`, `48s`, `2m33s`, `1h02m`.
pub(super) fn duration(seconds: f64) -> Option<String> {
    if !(0.0..=CENTURY).contains(&seconds) {
        return None;
    }
    let tenths = format!("{seconds:.1}");
    if seconds < 9.95 {
        return Some(format!("{}s", tenths.strip_suffix(".0").unwrap_or(&tenths)));
    }
    let whole = seconds.round() as u64;
    Some(match (whole / 3600, whole / 60 % 60, whole % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds:02}s"),
        (hours, minutes, _) => format!("{hours}h{minutes:02}m"),
    })
}

/// `218 kB`, `1.2 MB`, in powers of 1000.
pub(super) fn size(bytes: f64) -> Option<String> {
    const UNITS: [&str; 6] = ["B", "kB", "MB", "GB", "TB", "PB"];
    let mut bytes = bytes;
    for (nth, unit) in UNITS.into_iter().enumerate() {
        if bytes < 9.95 && nth > 0 {
            return Some(format!("{bytes:.1} {unit}"));
        } else if bytes < 999.5 {
            return Some(format!("{bytes:.0} {unit}"));
        }
        bytes /= 1000.0;
    }
    None
}

/// `1 track`, `2 tracks`; nothing of nothing.
pub(super) fn count(number: usize, of: &str) -> Option<String> {
    let plural = if number == 1 { "" } else { "s" };
    (number > 0).then(|| format!("{number} {of}{plural}"))
}

/// An id without its middle: `MYPDwHNw…holk`.
pub(super) fn short(id: &str) -> String {
    const HEAD: usize = 8;
    const TAIL: usize = 4;
    let length = id.chars().count();
    if length <= HEAD + TAIL + 2 {
        return id.to_owned();
    }
    id.chars().take(HEAD).chain(['…']).chain(id.chars().skip(length - TAIL)).collect()
}

#[cfg(test)]
mod tests {
    use super::{count, duration, short, size};

    #[test]
    fn durations_read_like_a_player_s() {
        for (seconds, said) in [
            (0.0, "0s"),
            (0.04, "0s"),
            (4.24, "4.2s"),
            (5.0, "5s"),
            (9.96, "10s"),
            (59.7, "1m00s"),
            (153.361_542, "2m33s"),
            (3599.6, "1h00m"),
            (43_200.0, "12h00m"),
        ] {
            assert_eq!(duration(seconds).as_deref(), Some(said), "{seconds}");
        }
        for none in [-1.0, 1e300, f64::NAN, f64::INFINITY] {
            assert_eq!(duration(none), None, "{none}");
        }
    }

    #[test]
    fn sizes_keep_two_digits() {
        for (bytes, said) in [
            (0.0, "0 B"),
            (7.0, "7 B"),
            (999.0, "999 B"),
            (1_500.0, "1.5 kB"),
            (9_960.0, "10 kB"),
            (218_013.0, "218 kB"),
            (999_600.0, "1.0 MB"),
            (2.5e9, "2.5 GB"),
        ] {
            assert_eq!(size(bytes).as_deref(), Some(said), "{bytes}");
        }
        assert_eq!(size(1e300), None);
    }

    #[test]
    fn counts_and_ids() {
        assert_eq!((count(0, "track"), count(1, "track")), (None, Some("1 track".to_owned())));
        assert_eq!(count(2, "track").as_deref(), Some("2 tracks"));
        assert_eq!(short("ng02vOhRq7dY00"), "ng02vOhRq7dY00");
        assert_eq!(short("MYPDwHNwvPG11AtxzY9Oz01MP4XPs01r83OGBIfnholk"), "MYPDwHNw…holk");
    }
}
