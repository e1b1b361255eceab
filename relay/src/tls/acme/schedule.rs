//! When a certificate is asked for, and when again after a failure. Pure.

use std::time::Duration;

use crate::tls::validity::Validity;

const HOUR: Duration = Duration::from_secs(60 * 60);

/// The first pause after a directory has refused. With its doublings there are four tries in the first hour; Let's
/// Encrypt has room for five that fail.
const AFTER_REFUSAL: Duration = Duration::from_secs(5 * 60);

/// The first pause when no directory could be asked: nobody's limits are touched, and the network may be coming up.
const AFTER_SILENCE: Duration = Duration::from_secs(10);

/// The longest pause of our own, before jitter.
const LONGEST: Duration = HOUR.saturating_mul(12);

/// The longest pause that a directory may ask for. Limits are by the week at most.
const LONGEST_ASKED: Duration = HOUR.saturating_mul(7 * 24);

impl Validity {
    fn life(self) -> i64 {
        self.until.saturating_sub(self.from).max(0)
    }

    /// When to renew: after two thirds of its life, and by `jitter` up to a thirtieth later, so that not all relays that
    /// began together come together.
    pub(in crate::tls) fn renew_at(self, jitter: u16) -> i64 {
        let later = (self.life() / 30).saturating_mul(jitter.into()) / i64::from(u16::MAX);
        self.from.saturating_add(self.life() / 3 * 2).saturating_add(later)
    }

    /// Whether so little is left that somebody should look: a tenth of its life, three days at most.
    pub(in crate::tls) fn is_short(self, now: i64) -> bool {
        let left = (self.life() / 10).min(3 * 24 * 60 * 60);
        now >= self.until.saturating_sub(left)
    }
}

/// How long to wait after so many failures in a row: doubled each time, up to a quarter longer by `jitter`; never
/// shorter than the directory asked for.
pub(super) fn pause(failures: u32, was_reached: bool, asked: Option<Duration>, jitter: u16) -> Duration {
    let first = if was_reached { AFTER_REFUSAL } else { AFTER_SILENCE };
    let doubled = first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(LONGEST);
    let ours = doubled + doubled.mul_f64(f64::from(jitter) / f64::from(u16::MAX) / 4.0);
    ours.max(asked.unwrap_or_default().min(LONGEST_ASKED))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 24 * 60 * 60;

    #[test]
    fn renewal_is_at_two_thirds_and_a_little_later() {
        let ninety = Validity { from: 1_000, until: 1_000 + 90 * DAY };
        assert_eq!(ninety.renew_at(0), 1_000 + 60 * DAY);
        assert_eq!(ninety.renew_at(u16::MAX), 1_000 + 63 * DAY);
        let upside_down = Validity { from: 5, until: 1 };
        assert_eq!(upside_down.renew_at(u16::MAX), 5);
        let _ = Validity { from: i64::MIN, until: i64::MAX }.renew_at(u16::MAX);
    }

    #[test]
    fn what_is_short_goes_by_its_life() {
        let ninety = Validity { from: 0, until: 90 * DAY };
        assert_eq!((ninety.is_short(87 * DAY - 1), ninety.is_short(87 * DAY)), (false, true));
        let one = Validity { from: 0, until: DAY };
        assert_eq!((one.is_short(DAY / 10 * 9 - 1), one.is_short(DAY / 10 * 9)), (false, true));
    }

    #[test]
    fn pauses_grow_to_hours_and_heed_the_directory() {
        let minutes = |failures| pause(failures, true, None, 0).as_secs() / 60;
        assert_eq!([1, 2, 3, 4, 8, 9, 1000].map(minutes), [5, 10, 20, 40, 640, 720, 720]);
        assert_eq!(pause(u32::MAX, true, None, u16::MAX), HOUR * 15);
        assert_eq!(pause(1, false, None, 0), Duration::from_secs(10));
        assert_eq!(pause(1, true, Some(HOUR * 3), 0), HOUR * 3);
        assert_eq!(pause(3, true, Some(Duration::ZERO), 0), Duration::from_secs(20 * 60));
        assert_eq!(pause(1, true, Some(Duration::MAX), 0), HOUR * 24 * 7, "nobody is put off for good");
    }
}
