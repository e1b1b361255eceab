//! How Mux writes a moment.

const DAY: u64 = 86_400;

/// ISO 8601 in UTC with six digits of a second, as in an event's `created_at`: `2026-11-23T08:15:02.417000Z`.
/// `ms`: milliseconds since the Unix epoch. From the year 10000 on the year has more than four digits.
pub(super) fn iso(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (year, month, day) = civil(seconds / DAY);
    let second = seconds % DAY;
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{ms:03}000Z")
}

/// Year, month and day of the `days`th day after 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date
/// Algorithms", `civil_from_days`). It counts in eras of 400 years and in years that begin in March, so that the
/// day that may be missing is a year's last.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::{DAY, civil, iso};

    #[test]
    fn moments_are_written_as_mux_does() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (1_649_777_509, "2022-04-12T15:31:49"),
            (1_718_058_161, "2024-06-10T22:22:41"),
            (4_107_542_399, "2100-02-28T23:59:59"),
            (4_107_542_400, "2100-03-01T00:00:00"),
            (253_402_300_799, "9999-12-31T23:59:59"),
        ] {
            assert_eq!(iso(seconds * 1000 + 488), format!("{text}.488000Z"));
        }
        assert_eq!(iso(7), "1970-01-01T00:00:00.007000Z");
    }

    /// Counting day by day, over two changes of an era.
    #[test]
    fn every_day_follows_the_one_before() {
        let leap =
            |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
        let (mut year, mut month, mut day) = (1970, 1, 1);
        for days in 0..300_000 {
            assert_eq!(civil(days), (year, month, day));
            let last = match month {
                2 if leap(year) => 29,
                2 => 28,
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            (day, month) = if day == last { (1, month + 1) } else { (day + 1, month) };
            (year, month) = if month == 13 { (year + 1, 1) } else { (year, month) };
        }
    }

    #[test]
    fn no_moment_is_too_far() {
        assert!(iso(u64::MAX).ends_with("Z"));
        assert_eq!(u64::MAX / 1000 / DAY, 213_503_982_334);
    }
}
