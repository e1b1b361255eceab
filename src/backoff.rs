//! How long to wait before the relay is dialled again. Pure: random bits and measured times are handed in.

use std::time::Duration;

/// The first wait, before jitter.
const FIRST: Duration = Duration::from_millis(200);

/// The longest wait, before and after jitter.
const LONGEST: Duration = Duration::from_secs(15);

/// A link that stood this long was a good one: the next loss starts over with short waits.
const GOOD: Duration = Duration::from_secs(30);

/// The longest wait that a relay may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// Waits that double from 0.2 s to 15 s, each cut at random to between a quarter and the whole of itself, so that
/// the listeners of a restarted relay don't come back as one.
#[derive(Debug, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure; every value of `random` must be as likely as any other.
    pub fn next(&mut self, random: u32) -> Duration {
        let whole = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        let least = whole / 4;
        least + (whole - least).mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// As [`Backoff::next`], but no shorter than what the relay `asked` for with `Retry-After` (RFC 9110 §10.2.3),
    /// of which five minutes at most are granted.
    pub fn next_asked(&mut self, random: u32, asked: Option<Duration>) -> Duration {
        self.next(random).max(granted(asked.unwrap_or_default()))
    }

    /// Tells how long a link stood before it was lost.
    pub fn stood(&mut self, time: Duration) {
        if time >= GOOD {
            self.start_over();
        }
    }

    /// The next wait is a first one.
    pub fn start_over(&mut self) {
        self.failures = 0;
    }
}

/// How much of the wait that a relay asks for it gets: five minutes at most.
#[must_use]
pub fn granted(asked: Duration) -> Duration {
    asked.min(LONGEST_ASKED)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(random: u32) -> Vec<u128> {
        let mut backoff = Backoff::default();
        (0..9).map(|_| backoff.next(random).as_millis()).collect()
    }

    #[test]
    fn doubles_up_to_the_longest() {
        assert_eq!(millis(u32::MAX), [200, 400, 800, 1600, 3200, 6400, 12_800, 15_000, 15_000]);
    }

    #[test]
    fn jitter_takes_three_quarters_at_most() {
        assert_eq!(millis(0), [50, 100, 200, 400, 800, 1600, 3200, 3750, 3750]);
        assert_eq!(Backoff::default().next(u32::MAX / 2).as_millis(), 125);
    }

    #[test]
    fn never_overflows() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.next(u32::MAX), LONGEST);
        assert_eq!(backoff.next(u32::MAX), LONGEST);
    }

    #[test]
    fn only_a_good_link_starts_over() {
        let mut backoff = Backoff { failures: 5 };
        backoff.stood(GOOD - Duration::from_millis(1));
        assert_eq!(backoff.next(u32::MAX).as_millis(), 6400);
        backoff.stood(GOOD);
        assert_eq!(backoff.next(u32::MAX), FIRST);
    }

    #[test]
    fn a_relay_may_ask_for_more_but_not_for_ever() {
        let mut backoff = Backoff::default();
        assert_eq!(backoff.next_asked(0, Some(Duration::from_secs(7))), Duration::from_secs(7));
        assert_eq!(backoff.next_asked(u32::MAX, Some(Duration::from_millis(1))).as_millis(), 400);
        assert_eq!(backoff.next_asked(0, Some(Duration::MAX)), LONGEST_ASKED);
        assert_eq!(backoff.next_asked(0, None).as_millis(), 400);
    }
}
