//! What waits to be written to one session: filled by dispatch, emptied by the session. Bounded; holds no memory
//! while empty, since most sessions are idle most of the time.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use muxhook_protocol::parts::Outgoing;
use tokio::sync::Notify;

/// Most frames that wait for one session. Above its window of deliveries, so that `Answered` always fits.
const CAPACITY: usize = 4096;

/// A bounded queue of frames with one reader.
#[derive(Debug, Default)]
pub struct Outbox {
    inner: Mutex<Inner>,
    /// The reader waits here. A permit is kept when it does not.
    filled: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Outgoing>,
    closed: bool,
}

/// The frame was not taken: the session is behind, or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Outbox {
    /// Adds a frame, or says at once that it can't.
    ///
    /// # Errors
    /// [`Full`] when as many frames wait as may, or the session is over.
    pub fn push(&self, frame: Outgoing) -> Result<(), Full> {
        let mut inner = self.lock();
        if inner.closed || inner.frames.len() >= CAPACITY {
            return Err(Full);
        }
        inner.frames.push_back(frame);
        if inner.frames.len() == 1 {
            self.filled.notify_one();
        }
        Ok(())
    }

    /// Takes up to `most` frames; waits for the first. `None` once closed and empty. Cancel-safe.
    pub async fn take(&self, most: usize, mut each: impl FnMut(Outgoing)) -> Option<()> {
        loop {
            {
                let mut inner = self.lock();
                if !inner.frames.is_empty() {
                    let count = inner.frames.len().min(most);
                    inner.frames.drain(..count).for_each(&mut each);
                    if inner.frames.is_empty() {
                        inner.frames.shrink_to(64);
                    } else {
                        self.filled.notify_one();
                    }
                    return Some(());
                }
                if inner.closed {
                    return None;
                }
            }
            self.filled.notified().await;
        }
    }

    /// Ends the session once it has taken what waits.
    pub fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
