//! What comes to one endpoint, counted on the way: a few atomic steps for each webhook, and no lock.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::Instant;

/// How long a window of a [`Rate`] is.
const WINDOW: Duration = Duration::from_secs(5);

/// How much comes, over the last 5 to 10 s. Two threads that open a window at once may lose what the one counted: it is
/// for people.
#[derive(Debug)]
pub struct Rate {
    began: Instant,
    /// The number of this window in the upper half, and what came in it in the lower.
    now: AtomicU64,
    /// What came in the window before.
    before: AtomicU32,
}

/// A window's number, and a count.
fn split(packed: u64) -> (u32, u32) {
    ((packed >> 32) as u32, packed as u32)
}

impl Rate {
    /// Counts windows from this moment.
    #[must_use]
    pub fn from(began: Instant) -> Self {
        Self { began, now: AtomicU64::new(0), before: AtomicU32::new(0) }
    }

    fn window(&self, at: Instant) -> (u32, Duration) {
        let since = at.saturating_duration_since(self.began);
        let number = (since.as_millis() / WINDOW.as_millis()) as u32;
        (number, since.saturating_sub(WINDOW * number))
    }

    /// One came.
    pub fn count(&self, at: Instant) {
        let (window, _) = self.window(at);
        let packed = self.now.load(Ordering::Relaxed);
        let (open, count) = split(packed);
        if open == window {
            // Fewer than 2³² come in 5 s.
            self.now.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let opened = u64::from(window) << 32 | 1;
        if self.now.compare_exchange(packed, opened, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            let before = if window == open.wrapping_add(1) { count } else { 0 };
            self.before.store(before, Ordering::Relaxed);
        }
    }

    /// How many come in a second.
    #[must_use]
    pub fn per_second(&self, at: Instant) -> f64 {
        let (window, elapsed) = self.window(at);
        let (open, count) = split(self.now.load(Ordering::Relaxed));
        let before = self.before.load(Ordering::Relaxed);
        let (count, before) = match window.wrapping_sub(open) {
            0 => (count, before),
            1 => (0, count),
            _ => (0, 0),
        };
        let span = if window == 0 { elapsed.max(Duration::from_secs(1)) } else { WINDOW + elapsed };
        f64::from(count + before) / span.as_secs_f64()
    }
}

/// What comes to one endpoint.
#[derive(Debug)]
pub struct Traffic {
    rate: Rate,
    received: AtomicU64,
    /// Milliseconds since the Unix epoch; 0: none came.
    last_at: AtomicU64,
    in_flight: AtomicU32,
}

impl Traffic {
    pub(super) fn from(began: Instant) -> Self {
        Self {
            rate: Rate::from(began),
            received: AtomicU64::new(0),
            last_at: AtomicU64::new(0),
            in_flight: AtomicU32::new(0),
        }
    }

    /// Counts a webhook that came at `at`, by the wall clock `unix_millis`. It is in flight until what is given back is
    /// dropped.
    #[must_use]
    pub fn arrived(&self, at: Instant, unix_millis: u64) -> InFlight<'_> {
        self.rate.count(at);
        self.received.fetch_add(1, Ordering::Relaxed);
        self.last_at.store(unix_millis, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self)
    }

    pub(super) fn figures(&self, at: Instant) -> Figures {
        let last_at = self.last_at.load(Ordering::Relaxed);
        Figures {
            per_second: self.rate.per_second(at),
            received: self.received.load(Ordering::Relaxed),
            last_at: (last_at != 0).then_some(last_at),
            in_flight: self.in_flight.load(Ordering::Relaxed),
        }
    }

    /// When the last one came; 0: none did.
    pub(super) fn last_at(&self) -> u64 {
        self.last_at.load(Ordering::Relaxed)
    }
}

/// A webhook whose sender waits.
#[derive(Debug)]
pub struct InFlight<'t>(&'t Traffic);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What came to one endpoint, as of a moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Figures {
    /// Webhooks in a second, over the last 5 to 10 s.
    pub per_second: f64,
    /// Webhooks since the relay's start, as far as it remembers: see [`super::Registry::figures`].
    pub received: u64,
    /// When the last one came: milliseconds since the Unix epoch.
    pub last_at: Option<u64>,
    /// Webhooks whose senders wait.
    pub in_flight: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_of_the_last_seconds() {
        let began = Instant::now();
        let rate = Rate::from(began);
        let at = |seconds: f64| began + Duration::from_secs_f64(seconds);
        assert_eq!(rate.per_second(at(0.0)), 0.0);
        (0..10).for_each(|_| rate.count(at(0.1)));
        assert_eq!(rate.per_second(at(0.2)), 10.0, "a relay that has just begun");
        assert_eq!(rate.per_second(at(4.0)), 2.5);
        (0..20).for_each(|_| rate.count(at(6.0)));
        assert_eq!(rate.per_second(at(7.5)), 4.0, "30 in 7.5 s");
        assert_eq!(rate.per_second(at(10.0)), 4.0, "the first window is forgotten: 20 in 5 s");
        assert_eq!(rate.per_second(at(15.0)), 0.0);
        rate.count(at(60.0));
        assert_eq!(rate.per_second(at(60.0)), 0.2, "what lies between is nothing");
    }

    #[test]
    fn what_is_in_flight_is_given_back() {
        let began = Instant::now();
        let traffic = Traffic::from(began);
        assert_eq!(traffic.figures(began), Figures::default());
        let one = traffic.arrived(began, 7);
        let two = traffic.arrived(began, 8);
        drop(one);
        let figures = traffic.figures(began);
        assert_eq!((figures.received, figures.last_at, figures.in_flight), (2, Some(8), 1));
        drop(two);
        assert_eq!(traffic.figures(began).in_flight, 0);
    }
}
