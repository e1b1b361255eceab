//! One stream of the process: how it is written, and what kind of thing is behind it.

use std::io::{self, IsTerminal, Write};
use std::thread;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// How long to wait when somebody has made the stream non-blocking and it is full.
const NUDGE: Duration = Duration::from_millis(5);

/// Somewhere to write to.
pub(in crate::printer) struct Target {
    writer: Box<dyn Write + Send>,
    /// Whether writing can't block for longer than a disk takes.
    pub(super) inline: bool,
    /// What is behind it; `None` when that can't be told.
    place: Option<Place>,
    /// What the first failed write met; nothing is written after it.
    pub(super) error: Option<io::Error>,
    #[cfg(unix)]
    pipe: Option<std::fs::File>,
}

/// Which thing a stream ends in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    #[cfg(unix)]
    Inode { device: u64, inode: u64 },
    #[cfg(not(unix))]
    Terminal,
}

impl Target {
    /// Writes all of `bytes`, however long that takes; `false` once the stream can't be written to any more.
    pub(super) fn write(&mut self, bytes: &[u8]) -> bool {
        if self.error.is_none() {
            self.error = write_whole(&mut self.writer, bytes).and_then(|()| self.writer.flush()).err();
        }
        self.error.is_none()
    }

    /// Whether both end in the same place.
    pub(super) fn same_place_as(&self, other: &Self) -> bool {
        self.place.is_some() && self.place == other.place
    }
}

fn write_whole(writer: &mut dyn Write, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match writer.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::park_timeout(NUDGE),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(unix)]
mod system {
    use std::fs::File;
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::fs::{FileTypeExt, MetadataExt};

    use rustix::event::{PollFd, PollFlags, poll};

    use super::*;

    impl Target {
        /// The process' stdout.
        pub(in crate::printer) fn stdout() -> Self {
            Self::of(io::stdout().as_fd()).unwrap_or_else(|_| Self::through(io::stdout()))
        }

        /// The process' stderr.
        pub(in crate::printer) fn stderr() -> Self {
            Self::of(io::stderr().as_fd()).unwrap_or_else(|_| Self::through(io::stderr()))
        }

        /// A stream, unbuffered: a flush is one write.
        pub(in crate::printer) fn of(stream: BorrowedFd<'_>) -> io::Result<Self> {
            let file = File::from(stream.try_clone_to_owned()?);
            let about = file.metadata()?;
            let kind = about.file_type();
            let null = kind.is_char_device() && !file.is_terminal();
            let pipe = if kind.is_fifo() || kind.is_socket() { Some(file.try_clone()?) } else { None };
            Ok(Self {
                writer: Box::new(file),
                inline: kind.is_file() || null,
                place: Some(Place::Inode { device: about.dev(), inode: about.ino() }),
                error: None,
                pipe,
            })
        }

        /// Whether a program reads it.
        pub(in crate::printer) fn is_pipe(&self) -> bool {
            self.pipe.is_some()
        }

        /// Columns of stdout, if it is a terminal.
        pub(in crate::printer) fn columns() -> Option<usize> {
            let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
            Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
        }

        fn through(writer: impl Write + Send + 'static) -> Self {
            Self { writer: Box::new(writer), inline: false, place: None, error: None, pipe: None }
        }

        /// Cancels `closed` as soon as the reader of a pipe has gone, though nothing is written: `| head -1` ends
        /// after its line, not at the next event. Costs a sleeping thread; without one, the next write finds out.
        pub(in crate::printer::output) fn watch(&self, closed: CancellationToken) {
            let Some(Ok(pipe)) = self.pipe.as_ref().map(File::try_clone) else { return };
            let wait = move || {
                // Nothing is asked for, so that only an error or a hang-up wakes.
                while matches!(poll(&mut [PollFd::new(&pipe, PollFlags::empty())], None), Err(e) if e == rustix::io::Errno::INTR)
                {
                }
                closed.cancel();
            };
            let _ = thread::Builder::new().name("stdout-reader".to_owned()).spawn(wait);
        }
    }
}

#[cfg(not(unix))]
mod system {
    use super::*;

    impl Target {
        /// The process' stdout. The standard library's handle, since only that writes UTF-8 to a Windows console.
        pub(in crate::printer) fn stdout() -> Self {
            let place = io::stdout().is_terminal().then_some(Place::Terminal);
            Self { writer: Box::new(io::stdout()), inline: false, place, error: None }
        }

        /// The process' stderr.
        pub(in crate::printer) fn stderr() -> Self {
            let place = io::stderr().is_terminal().then_some(Place::Terminal);
            Self { writer: Box::new(io::stderr()), inline: false, place, error: None }
        }

        /// Whether a program may read it: it is no terminal.
        pub(in crate::printer) fn is_pipe(&self) -> bool {
            self.place.is_none()
        }

        /// Columns of stdout, if it is a terminal.
        pub(in crate::printer) fn columns() -> Option<usize> {
            console::Term::stdout().size_checked().map(|(_, columns)| usize::from(columns))
        }

        /// The next write finds out whether the reader has gone.
        pub(in crate::printer::output) fn watch(&self, _closed: CancellationToken) {}
    }
}
