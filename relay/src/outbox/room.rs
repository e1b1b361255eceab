//! How much may wait for all sessions of a relay together.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::Notify;

/// Most bytes of frames that wait for all sessions together.
const MOST: usize = 256 * 1024 * 1024;

/// The room that sessions share. It gets short before it is used up, so that somebody can see to it that there is some
/// for those who are not behind.
#[derive(Debug)]
pub struct Room {
    used: AtomicUsize,
    most: usize,
    short: Notify,
}

impl Default for Room {
    fn default() -> Self {
        Self::new(MOST)
    }
}

impl Room {
    /// Room for so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { used: AtomicUsize::new(0), most, short: Notify::new() }
    }

    /// Takes room for so many bytes, if there is any.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let taken = |used: usize| used.checked_add(bytes).filter(|used| *used <= self.most);
        let before = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken);
        if before.is_ok_and(|before| before + bytes <= self.most / 4 * 3) {
            return true;
        }
        self.short.notify_one();
        before.is_ok()
    }

    /// What a session has is another amount now, which nobody asked for.
    pub(super) fn change(&self, from: usize, to: usize) {
        if to > from {
            self.used.fetch_add(to - from, Ordering::Relaxed);
        } else {
            self.used.fetch_sub(from - to, Ordering::Relaxed);
        }
    }

    /// Bytes that wait now.
    #[must_use]
    pub fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    /// Bytes that wait beyond half of the room.
    #[must_use]
    pub fn beyond_half(&self) -> usize {
        self.used().saturating_sub(self.most / 2)
    }

    /// Waits until more than three quarters are used, or somebody found none left. Cancel-safe.
    pub async fn is_short(&self) {
        self.short.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn it_is_bounded_and_gets_short_before_that() {
        let room = Room::new(1000);
        assert!(room.take(750));
        assert!(room.is_short().now_or_never().is_none());
        assert!(room.take(1));
        assert!(room.is_short().now_or_never().is_some());
        assert!(!room.take(250) && room.is_short().now_or_never().is_some(), "none left");
        assert!(room.take(249));
        assert_eq!((room.used(), room.beyond_half()), (1000, 500));
        room.change(1000, 400);
        assert_eq!((room.used(), room.beyond_half()), (400, 0));
    }
}
