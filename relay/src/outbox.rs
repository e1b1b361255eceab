//! What waits to be written to one session: filled by dispatch, emptied by the session. Bounded, and so are all of them
//! together; holds no memory while empty, since most sessions are idle most of the time.

mod room;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use muxhook_protocol::parts::Outgoing;

pub use room::Room;

/// Most frames that wait for one session. Above its window of deliveries, so that `Answered` always fits.
const CAPACITY: usize = 4096;

/// Most bytes of frames that wait for one session. A single frame may be larger.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// Room for so many frames is kept while none waits.
const IDLE_CAPACITY: usize = 16;

/// A bounded queue of frames with one reader.
#[derive(Debug, Default)]
pub struct Outbox {
    room: Arc<Room>,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    frames: VecDeque<Outgoing>,
    /// Bytes of `frames`.
    bytes: usize,
    /// Bytes of what was taken and is still to be written.
    ahead: usize,
    closed: bool,
    /// Nothing more is waited for: not even that the peer reads what it was sent.
    is_ended: bool,
    /// The reader, while it waits for a frame.
    reader: Option<Waker>,
}

/// The frame was not taken: the session is behind, or over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl Drop for Outbox {
    fn drop(&mut self) {
        self.forget();
    }
}

impl Outbox {
    /// One of those that share this room.
    #[must_use]
    pub fn within(room: &Arc<Room>) -> Self {
        Self { room: Arc::clone(room), inner: Mutex::default() }
    }

    /// Adds a frame, or says at once that it can't.
    ///
    /// # Errors
    /// [`Full`] when as much waits as may, for this session or for all, or the session is over.
    pub fn push(&self, frame: Outgoing) -> Result<(), Full> {
        let mut inner = self.lock();
        let bytes = inner.bytes + frame.weight();
        let is_full = inner.frames.len() >= CAPACITY || (bytes > MOST_BYTES && !inner.frames.is_empty());
        if inner.closed || is_full || !self.room.take(frame.weight()) {
            return Err(Full);
        }
        inner.frames.push_back(frame);
        inner.bytes = bytes;
        inner.wake();
        Ok(())
    }

    /// Takes frames while there is `room` for bytes; the last one may go beyond. Ready when it took any, and with
    /// `None` once closed and empty. Pending with room left, it wakes when there is more. `ahead`: bytes of those taken
    /// before that are still to be written.
    pub fn poll_take(
        &self,
        cx: &mut Context<'_>,
        (ahead, mut room): (usize, usize),
        mut each: impl FnMut(Outgoing),
    ) -> Poll<Option<()>> {
        let mut inner = self.lock();
        self.room.change(inner.ahead, ahead);
        inner.ahead = ahead;
        if inner.closed && (inner.frames.is_empty() || (inner.is_ended && room == 0)) {
            return Poll::Ready(None);
        }
        if inner.frames.is_empty() || room == 0 {
            inner.reader = Some(cx.waker().clone());
            return Poll::Pending;
        }
        while room > 0
            && let Some(frame) = inner.frames.pop_front()
        {
            let weight = frame.weight();
            inner.bytes -= weight;
            inner.ahead += weight;
            room = room.saturating_sub(weight);
            each(frame);
        }
        if inner.frames.is_empty() {
            inner.frames.shrink_to(IDLE_CAPACITY);
        }
        Poll::Ready(Some(()))
    }

    /// Bytes that wait to be written, taken or not.
    #[must_use]
    pub fn waiting(&self) -> usize {
        let inner = self.lock();
        inner.bytes + inner.ahead
    }

    /// Ends the session once it has taken what waits.
    pub fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.wake();
    }

    /// Ends the session with this last word, in place of all that waits. A peer that reads nothing ends without it.
    pub fn end(&self, last: Outgoing) {
        let mut inner = self.lock();
        let before = inner.bytes;
        (inner.bytes, inner.frames) = (0, VecDeque::new());
        if !inner.closed {
            inner.bytes = last.weight();
            inner.frames.push_back(last);
        }
        self.room.change(before, inner.bytes);
        (inner.closed, inner.is_ended) = (true, true);
        inner.wake();
    }

    /// Nobody will take anything any more: what waits is given up.
    pub fn forget(&self) {
        let mut inner = self.lock();
        self.room.change(inner.bytes + inner.ahead, 0);
        (inner.bytes, inner.ahead, inner.frames) = (0, 0, VecDeque::new());
        inner.closed = true;
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn wake(&mut self) {
        if let Some(reader) = self.reader.take() {
            reader.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use bytes::Bytes;
    use muxhook_protocol::{DeliveryId, Frame, Headers, Outcome, Reply};

    use super::*;

    fn small() -> Outgoing {
        Outgoing::control(&Frame::Unknown)
    }

    fn large(size: usize) -> Outgoing {
        let reply = Reply {
            status: 200,
            headers: Headers::new(),
            body: Bytes::from(vec![0; size]),
            truncated: false,
        };
        Outgoing::outcome(DeliveryId::new(1, &[0; 10]), &Outcome::Replied(reply))
    }

    async fn take(outbox: &Outbox, room: usize) -> Option<usize> {
        let mut taken = 0;
        poll_fn(|cx| outbox.poll_take(cx, (0, room), |_| taken += 1)).await.map(|()| taken)
    }

    #[tokio::test]
    async fn so_many_frames_wait_and_no_more() {
        let outbox = Outbox::default();
        for _ in 0..CAPACITY {
            assert_eq!(outbox.push(small()), Ok(()));
        }
        assert_eq!(outbox.push(small()), Err(Full));
        assert_eq!(take(&outbox, 1).await, Some(1));
        assert_eq!(outbox.push(small()), Ok(()));
        assert_eq!(outbox.push(small()), Err(Full));
    }

    #[tokio::test]
    async fn so_many_bytes_wait_and_no_more() {
        let outbox = Outbox::default();
        assert_eq!(outbox.push(large(MOST_BYTES + 1)), Ok(()), "one fits, however large");
        assert_eq!(outbox.push(small()), Err(Full));
        assert_eq!(take(&outbox, 1).await, Some(1));
        // By then it is written.
        poll_fn(|cx| Poll::Ready(outbox.poll_take(cx, (0, 1), |_| ()).is_pending())).await;
        for _ in 0..30 {
            assert_eq!(outbox.push(large(1 << 20)), Ok(()));
        }
        assert_eq!(outbox.push(large(1 << 20)), Err(Full));
        assert_eq!(outbox.push(small()), Ok(()), "a small one still fits");
    }

    #[tokio::test]
    async fn what_does_not_fit_the_room_is_left() {
        let outbox = Outbox::default();
        for _ in 0..3 {
            outbox.push(large(1000)).unwrap();
        }
        assert_eq!(take(&outbox, 1001).await, Some(1));
        assert_eq!(take(&outbox, 5000).await, Some(2));
    }

    #[tokio::test]
    async fn all_outboxes_share_one_room_and_give_it_back() {
        let room = Arc::new(Room::new(10_000));
        let [one, other] = [Outbox::within(&room), Outbox::within(&room)];
        while one.push(large(500)).is_ok() {}
        let waits = room.used();
        assert!((9_000..=10_000).contains(&waits), "{waits}");
        assert_eq!(other.push(large(1000)), Err(Full), "nothing is left");
        poll_fn(|cx| one.poll_take(cx, (0, 1200), |_| ())).await.unwrap();
        assert_eq!(
            (one.waiting(), other.push(large(1000))),
            (waits, Err(Full)),
            "taken and not written waits still"
        );
        poll_fn(|cx| one.poll_take(cx, (0, 1), |_| ())).await.unwrap();
        assert!(room.used() < waits - 1000, "that is written");
        assert_eq!(other.push(large(1000)), Ok(()));

        one.forget();
        assert_eq!(one.push(small()), Err(Full), "nobody takes it");
        other.end(small());
        assert_eq!(room.used(), small().weight(), "the last word");
        drop(other);
        assert_eq!(room.used(), 0);
    }

    #[tokio::test]
    async fn a_closed_outbox_gives_what_it_has_and_ends() {
        let outbox = Outbox::default();
        outbox.push(small()).unwrap();
        outbox.close();
        assert_eq!(outbox.push(small()), Err(Full));
        assert_eq!(take(&outbox, 1000).await, Some(1));
        assert_eq!(take(&outbox, 1000).await, None);
    }

    #[tokio::test]
    async fn a_last_word_takes_the_place_of_all_that_waits() {
        let outbox = Outbox::default();
        outbox.push(large(1000)).unwrap();
        outbox.end(small());
        assert_eq!(outbox.push(small()), Err(Full));
        assert_eq!(take(&outbox, 100).await, Some(1));
        assert_eq!(take(&outbox, 100).await, None);

        let unread = Outbox::default();
        unread.end(small());
        assert_eq!(take(&unread, 0).await, None, "who reads nothing is not waited for");
        let closed = Outbox::default();
        closed.push(large(1000)).unwrap();
        closed.close();
        closed.end(small());
        assert_eq!(take(&closed, 1000).await, None, "a goodbye was said already");
    }

    #[tokio::test]
    async fn the_reader_wakes_for_a_frame_and_for_the_end() {
        let outbox = std::sync::Arc::new(Outbox::default());
        let reader = tokio::spawn({
            let outbox = outbox.clone();
            async move { [take(&outbox, 1).await, take(&outbox, 1).await] }
        });
        tokio::task::yield_now().await;
        outbox.push(small()).unwrap();
        tokio::task::yield_now().await;
        outbox.close();
        assert_eq!(reader.await.unwrap(), [Some(1), None]);
    }
}
