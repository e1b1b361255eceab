//! What one job is: how it is answered, and how whoever waits for it is told.

use muxhook_protocol::Delivery;
use muxhook_protocol::frame::{Backlog, Gap};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::books::Books;
use super::queue::Job;
use super::{HoldError, Note, Unreadable, gaps, rows};

/// Owed deliveries that are given up at once.
pub(super) const DISCARDS: usize = 512;

/// What came of a job, true once its transaction stands.
pub(super) enum Answer {
    Held(rows::Held),
    /// A note was written.
    Noted,
    /// A note's delivery is not there.
    Unknown,
    Deliveries(Vec<Delivery>),
    Backlog(Backlog),
    Gaps(Vec<Gap>),
    Count(u64),
    Forgotten(bool),
}

/// Does a job, as of steady time `now`. It is done again when its transaction comes to nothing.
pub(super) fn answer(db: &Connection, books: &mut Books, job: &Job, now: u64) -> rusqlite::Result<Answer> {
    Ok(match job {
        Job::Hold { entry, at, .. } => Answer::Held(rows::insert(db, books, entry, *at, true)?),
        Job::Note(note) if rows::note(db, books, note)? => Answer::Noted,
        Job::Note(_) => Answer::Unknown,
        Job::Owed { address, after, most, .. } => {
            Answer::Deliveries(rows::owed(db, books, address, (*after, *most), now)?)
        }
        Job::Backlog { address: Some(address), .. } => Answer::Backlog(rows::backlog(db, books, address)?),
        Job::Backlog { address: None, .. } => Answer::Backlog(rows::owed_in_all(db)?),
        Job::Gaps { address, .. } => Answer::Gaps(match books.number(address) {
            Some(no) => gaps::read(db, no, books.limits.owed_for)?,
            None => Vec::new(),
        }),
        Job::GapsTold { address, gaps } => {
            if let Some(no) = books.number(address) {
                gaps::told(db, no, gaps)?;
            }
            Answer::Noted
        }
        Job::Discard { address, which, .. } => {
            Answer::Count(rows::discard(db, books, address, which, DISCARDS)?)
        }
        Job::Forget { address, condition, .. } => {
            let is_wanted = condition();
            if is_wanted {
                rows::forget(db, books, address)?;
            }
            Answer::Forgotten(is_wanted)
        }
        // The writer keeps these until it is so.
        Job::UpToDate { .. } => Answer::Noted,
        #[cfg(test)]
        Job::Do(work) => {
            let mut work = work.lock().unwrap();
            work(db)?;
            Answer::Noted
        }
    })
}

impl Job {
    /// Whether somebody will be told that it is safe on the disk.
    pub(super) fn is_synced(&self) -> bool {
        matches!(self, Self::Hold { .. } | Self::Discard { .. } | Self::Forget { .. })
    }

    /// Whether without it a delivery would be handed out again.
    pub(super) fn settles(&self) -> bool {
        matches!(self, Self::Note(Note::Attempted { settled: true, .. }))
    }

    /// Tells whoever waits.
    pub(super) fn tell(self, answer: Answer) {
        match (self, answer) {
            (Self::Hold { done, .. }, Answer::Held(rows::Held::Yes)) => tell(done, Ok(())),
            (Self::Hold { done, .. }, Answer::Held(rows::Held::Full)) => tell(done, Err(HoldError::Full)),
            (Self::Owed { done, .. }, Answer::Deliveries(found)) => tell(done, Ok(found)),
            (Self::Backlog { done, .. }, Answer::Backlog(found)) => tell(done, Ok(found)),
            (Self::Gaps { done, .. }, Answer::Gaps(found)) => tell(done, Ok(found)),
            (Self::Discard { done, .. }, Answer::Count(count)) => tell(done, Ok(count)),
            (Self::Forget { done, .. }, Answer::Forgotten(is_forgotten)) => tell(done, Ok(is_forgotten)),
            // Nobody waits.
            _ => {}
        }
    }

    /// Tells whoever waits that it was not done.
    pub(super) fn fail(self, error: HoldError) {
        match self {
            Self::Hold { done, .. } => tell(done, Err(error)),
            Self::Owed { done, .. } => tell(done, Err(Unreadable)),
            Self::Backlog { done, .. } => tell(done, Err(Unreadable)),
            Self::Gaps { done, .. } => tell(done, Err(Unreadable)),
            Self::Discard { done, .. } => tell(done, Err(Unreadable)),
            Self::Forget { done, .. } => tell(done, Err(Unreadable)),
            Self::Note(_) | Self::GapsTold { .. } | Self::UpToDate { .. } => {}
            #[cfg(test)]
            Self::Do(_) => {}
        }
    }
}

/// Whoever asked may be gone.
fn tell<T>(done: oneshot::Sender<T>, value: T) {
    let _ = done.send(value);
}
