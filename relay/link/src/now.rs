//! Wall time, handed in where it is needed. Durations go by tokio's clock instead.

use std::fmt;
use std::time::{SystemTime, UNIX_EPOCH};

/// Where wall time comes from. A test hands in its own.
#[derive(Clone, Copy)]
pub struct Now(fn() -> u64);

impl Now {
    /// The system's clock.
    #[must_use]
    #[allow(clippy::disallowed_methods, reason = "the one place where wall time is read")]
    pub fn system() -> Self {
        Self(|| {
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
        })
    }

    /// A clock that reads `millis`.
    #[must_use]
    pub fn from_fn(millis: fn() -> u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the Unix epoch.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        (self.0)()
    }

    /// Seconds since the Unix epoch, as signatures have them.
    #[must_use]
    pub fn unix_seconds(self) -> i64 {
        i64::try_from(self.unix_millis() / 1000).unwrap_or(i64::MAX)
    }
}

impl fmt::Debug for Now {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Now")
    }
}
