//! A thread that writes, so that a full pipe or a Ctrl-S stops nobody else.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{Batch, Stream, Target};
use crate::printer::status::{Bar, Status};

/// How much may wait before [`Queue::has_room`] says no, in bytes.
const ROOM: usize = 4 * 1024 * 1024;

/// What waits to be written, between the caller and the thread.
pub(super) struct Queue {
    state: Mutex<State>,
    /// Something in `state` has changed.
    changed: Condvar,
    /// Whether there is room, for those who wait for it.
    room: watch::Sender<bool>,
    /// Cancelled when stdout turns out closed.
    closed: CancellationToken,
}

#[derive(Default)]
struct State {
    batch: Batch,
    /// Bytes put and not yet written.
    pending: usize,
    status: Option<Status>,
    /// The status line does not show `status`.
    stale: bool,
    /// Nothing more will be put.
    ending: bool,
    /// The thread has gone.
    ended: bool,
    /// What writing to stdout met.
    error: Option<io::Error>,
}

/// What the thread writes with.
pub(super) struct Hands {
    out: Option<Target>,
    err: Option<Target>,
    bar: Option<Bar>,
}

impl Hands {
    pub(super) fn new(out: Option<Target>, err: Option<Target>, bar: Option<Bar>) -> Self {
        Self { out, err, bar }
    }

    fn target(&mut self, stream: Stream) -> Option<&mut Target> {
        match stream {
            Stream::Out => self.out.as_mut(),
            Stream::Err => self.err.as_mut(),
        }
    }
}

impl Queue {
    /// Starts the thread. It ends after [`finish`](Self::finish), or with the process.
    pub(super) fn start(hands: Hands, closed: CancellationToken) -> io::Result<Arc<Self>> {
        let queue = Arc::new(Self {
            state: Mutex::default(),
            changed: Condvar::new(),
            room: watch::Sender::new(true),
            closed,
        });
        let own = Arc::clone(&queue);
        thread::Builder::new().name("printer".to_owned()).spawn(move || own.run(hands))?;
        Ok(queue)
    }

    /// Adds to what waits. Never blocks, and refuses nothing: the caller heeds [`has_room`](Self::has_room).
    pub(super) fn put(&self, stream: Stream, bytes: &[u8]) {
        let mut state = self.lock();
        if state.ended {
            return;
        }
        state.batch.write(stream, |queued| queued.extend_from_slice(bytes));
        state.pending += bytes.len();
        self.tell_room(&state);
        self.changed.notify_all();
    }

    /// What the status line shall say from now on.
    pub(super) fn set_status(&self, status: &Status) {
        let mut state = self.lock();
        state.status = Some(status.clone());
        state.stale = true;
        self.changed.notify_all();
    }

    /// Whether less than [`ROOM`] waits.
    pub(super) fn has_room(&self) -> bool {
        *self.room.borrow()
    }

    /// [`has_room`](Self::has_room), to wait for.
    pub(super) fn room(&self) -> watch::Receiver<bool> {
        self.room.subscribe()
    }

    /// Waits until all is written, at most as long as `patience`.
    ///
    /// # Errors
    /// What writing to stdout met; `TimedOut` when something still waits.
    pub(super) fn finish(&self, patience: Duration) -> io::Result<()> {
        let mut state = self.lock();
        state.ending = true;
        self.changed.notify_all();
        let waited = self.changed.wait_timeout_while(state, patience, |state| !state.ended);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        match state.error.take() {
            Some(error) => Err(error),
            None if state.ended => Ok(()),
            None => {
                Err(io::Error::new(io::ErrorKind::TimedOut, "stdout took no more; the last lines are lost"))
            }
        }
    }

    fn run(&self, mut hands: Hands) {
        let mut batch = Batch::default();
        while let Some(status) = self.next_turn(&mut batch, hands.bar.as_ref()) {
            if !batch.is_empty() {
                hands.bar.iter_mut().for_each(Bar::hide);
                self.write(&batch, &mut hands);
                batch.clear();
            }
            if let (Some(bar), Some(status)) = (&mut hands.bar, status) {
                bar.draw(&status);
            }
        }
        hands.bar.iter_mut().for_each(Bar::hide);
        let mut state = self.lock();
        state.error = hands.out.and_then(|out| out.error);
        state.ended = true;
        self.changed.notify_all();
    }

    /// Waits for something to do: exchanges `batch`, empty, for what is to be written, and says what the status line
    /// shall be after it, if anything. `None`: all is done.
    ///
    /// With a status line, what comes in quick succession is written together with its next drawing. So the line is
    /// always there, however fast the others run past.
    fn next_turn(&self, batch: &mut Batch, bar: Option<&Bar>) -> Option<Option<Status>> {
        let mut state = self.lock();
        loop {
            let work = !state.batch.is_empty() || (state.stale && bar.is_some());
            let wait =
                bar.filter(|_| !state.ending).map_or(Duration::ZERO, |bar| bar.draw_in(Instant::now()));
            state = match (work, wait) {
                (true, Duration::ZERO) => {
                    std::mem::swap(&mut state.batch, batch);
                    state.stale = false;
                    return Some(state.status.clone());
                }
                (true, wait) => {
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
                (false, _) if state.ending => return None,
                (false, _) => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn write(&self, batch: &Batch, hands: &mut Hands) {
        for (stream, bytes) in batch.pieces() {
            let written = hands.target(stream).is_some_and(|target| target.write(bytes));
            if !written && stream == Stream::Out {
                self.closed.cancel();
            }
        }
        let mut state = self.lock();
        state.pending -= batch.len();
        self.tell_room(&state);
    }

    fn tell_room(&self, state: &State) {
        let room = state.pending < ROOM;
        self.room.send_if_modified(|told| std::mem::replace(told, room) != room);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
