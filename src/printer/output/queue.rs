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

/// What the thread does next.
enum Turn {
    Write,
    Draw(Status),
    End,
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
        loop {
            match self.next_turn(&mut batch, hands.bar.as_ref()) {
                Turn::Draw(status) => hands.bar.iter_mut().for_each(|bar| bar.draw(&status)),
                Turn::Write => {
                    hands.bar.iter_mut().for_each(Bar::hide);
                    self.write(&batch, &mut hands);
                    batch.clear();
                }
                Turn::End => break,
            }
        }
        hands.bar.iter_mut().for_each(Bar::hide);
        let mut state = self.lock();
        state.error = hands.out.and_then(|out| out.error);
        state.ended = true;
        self.changed.notify_all();
    }

    /// Waits until there is something to do. `batch`, empty, is exchanged for what is to be written.
    fn next_turn(&self, batch: &mut Batch, bar: Option<&Bar>) -> Turn {
        let mut state = self.lock();
        loop {
            let draw_in = bar.filter(|_| state.stale && !state.ending).map(|bar| bar.draw_in(Instant::now()));
            if let (Some(Duration::ZERO), Some(status)) = (draw_in, state.status.clone()) {
                state.stale = false;
                return Turn::Draw(status);
            }
            if !state.batch.is_empty() {
                std::mem::swap(&mut state.batch, batch);
                state.stale = true;
                return Turn::Write;
            }
            if state.ending {
                return Turn::End;
            }
            state = match draw_in.filter(|_| state.status.is_some()) {
                None => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(wait) => {
                    self.changed.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
                }
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
