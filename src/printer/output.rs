//! Where printed bytes go: at once when nothing can block, else through a thread that waits in the caller's place.

mod batch;
mod queue;
mod target;

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub(super) use batch::{Batch, Stream};
use queue::{Hands, Queue};
pub(super) use target::Target;

use super::status::{Bar, Status};

/// How long the end waits for a stream that blocks.
const PATIENCE: Duration = Duration::from_secs(3);

/// stdout and stderr together.
pub(super) struct Output {
    out: Sink,
    err: Sink,
    /// Cancelled once stdout was found closed.
    closed: CancellationToken,
    finished: bool,
}

enum Sink {
    /// Writing takes no longer than a disk: done on the spot.
    Inline(Target),
    /// A thread writes what the queue holds.
    Queued(Arc<Queue>),
}

impl Output {
    /// Takes both streams. When they end in the same place (a terminal, `2>&1`), one thread writes them, so that
    /// their lines keep their order. A status line lives on stderr.
    ///
    /// # Errors
    /// When no thread can be had.
    pub(super) fn new(out: Target, err: Target, bar: Option<Bar>) -> io::Result<Self> {
        let closed = CancellationToken::new();
        out.watch(closed.clone());
        let (out, err) = match (out.inline, err.inline) {
            (false, false) if out.same_place_as(&err) => {
                let queue = Queue::start(Hands::new(Some(out), Some(err), bar), closed.clone())?;
                (Sink::Queued(Arc::clone(&queue)), Sink::Queued(queue))
            }
            (out_inline, err_inline) => {
                let out = match out_inline {
                    true => Sink::Inline(out),
                    false => Sink::Queued(Queue::start(Hands::new(Some(out), None, None), closed.clone())?),
                };
                let err = match err_inline {
                    true => Sink::Inline(err),
                    false => Sink::Queued(Queue::start(Hands::new(None, Some(err), bar), closed.clone())?),
                };
                (out, err)
            }
        };
        Ok(Self { out, err, closed, finished: false })
    }

    /// Hands everything in `batch` on and empties it.
    pub(super) fn put(&mut self, batch: &mut Batch) {
        for (stream, bytes) in batch.pieces() {
            let sink = match stream {
                Stream::Out if self.closed.is_cancelled() => continue,
                Stream::Out => &mut self.out,
                Stream::Err => &mut self.err,
            };
            match sink {
                Sink::Queued(queue) => queue.put(stream, bytes),
                Sink::Inline(target) => {
                    if !target.write(bytes) && stream == Stream::Out {
                        self.closed.cancel();
                    }
                }
            }
        }
        batch.clear();
    }

    /// What the status line shall say, if there is one.
    pub(super) fn set_status(&self, status: &Status) {
        if let Sink::Queued(queue) = &self.err {
            queue.set_status(status);
        }
    }

    /// Whether the queues have room for more.
    pub(super) fn has_room(&self) -> bool {
        self.queues().all(|queue| queue.has_room())
    }

    /// Resolves once [`has_room`](Self::has_room) holds.
    pub(super) fn room(&self) -> impl Future<Output = ()> + use<> {
        let rooms: Vec<_> = self.queues().map(|queue| queue.room()).collect();
        async move {
            for mut room in rooms {
                // An error means that the queue has gone, and nothing is to be waited for.
                let _ = room.wait_for(|room| *room).await;
            }
        }
    }

    /// Resolves once stdout was found closed.
    pub(super) fn closed(&self) -> impl Future<Output = ()> + use<> {
        self.closed.clone().cancelled_owned()
    }

    /// Waits a few seconds for what is queued, and takes the status line away.
    ///
    /// # Errors
    /// What writing to stdout met, save that its reader has gone; `TimedOut` when it still blocks.
    pub(super) fn finish(&mut self) -> io::Result<()> {
        if std::mem::replace(&mut self.finished, true) {
            return Ok(());
        }
        let until = Instant::now() + PATIENCE;
        let finish = |queue: &Queue| queue.finish(until.saturating_duration_since(Instant::now()));
        let out = match &mut self.out {
            Sink::Inline(target) => target.error.take().map_or(Ok(()), Err),
            Sink::Queued(queue) => finish(queue),
        };
        if let Sink::Queued(queue) = &self.err {
            // A stderr that does not take it leaves nobody to tell.
            let _ = finish(queue);
        }
        out.or_else(|error| if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error) })
    }

    fn queues(&self) -> impl Iterator<Item = &Arc<Queue>> {
        [&self.out, &self.err].into_iter().filter_map(|sink| match sink {
            Sink::Queued(queue) => Some(queue),
            Sink::Inline(_) => None,
        })
    }
}

#[cfg(test)]
mod tests;
