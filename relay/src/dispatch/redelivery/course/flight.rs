//! A delivery that is out: who has it, and how its round ends.

use muxhook_protocol::{FailReason, Outcome};
use tokio::time::Instant;

/// A delivery in the hands of listeners.
#[derive(Debug)]
pub(super) struct Flight {
    pub(super) seq: u64,
    pub(super) began: Instant,
    /// Who has it.
    pub(super) with: Vec<Holder>,
    /// What is known of those who have done with it.
    pub(super) worst: Conclusion,
}

/// A listener that has a delivery in hand.
#[derive(Debug)]
pub(super) struct Holder {
    pub(super) listener: String,
    /// It was told that the delivery is owed, and looks for its app by itself.
    pub(super) knows: bool,
    /// It has it because somebody asked for it to be sent again.
    pub(super) replayed: bool,
}

/// How a delivery's round ended, in the order in which the one goes before the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Conclusion {
    /// Filters left it out.
    #[default]
    Skipped,
    /// Its signature was not trusted.
    Refused,
    /// The app was not there, or the listener went away with it.
    Absent,
    /// The app failed at it.
    Failed,
}

impl Flight {
    pub(super) fn has(&self, listener: &str) -> bool {
        self.with.iter().any(|holder| holder.listener == listener)
    }

    pub(super) fn drop_from(&mut self, listener: &str) -> Option<Holder> {
        let at = self.with.iter().position(|holder| holder.listener == listener)?;
        Some(self.with.swap_remove(at))
    }
}

impl Conclusion {
    pub(super) fn of(outcome: &Outcome) -> Self {
        match outcome {
            Outcome::Skipped { .. } => Self::Skipped,
            Outcome::Refused { .. } => Self::Refused,
            Outcome::Failed(failure) if failure.reason == FailReason::Refused => Self::Absent,
            Outcome::Failed(_) | Outcome::Replied(_) => Self::Failed,
        }
    }
}
