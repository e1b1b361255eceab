//! A process on a terminal of its own.

use std::io::Write;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use pty_process::Size;
use pty_process::blocking::{Command, Pty};
use rustix::termios::{LocalModes, tcgetattr};

use tokio::time::Instant;

use crate::running::{LIMIT, Printed, Running};

/// About to run on a terminal.
pub(crate) struct Terminal(Command);

/// A keyboard and a screen.
pub(crate) struct Screen {
    pty: Arc<Pty>,
    /// Everything that ever was on it.
    pub(crate) shown: Printed,
}

struct Reader(Arc<Pty>);

impl std::io::Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        (&*self.0).read(buffer)
    }
}

impl Terminal {
    pub(crate) fn new(command: Command) -> Self {
        Self(command)
    }

    pub(crate) fn env(self, name: &str, value: &str) -> Self {
        Self(self.0.env(name, value))
    }

    /// All three streams are the terminal.
    #[track_caller]
    pub(crate) fn start(self) -> (Running, Screen) {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        pty.resize(Size::new(40, 120)).unwrap();
        let child = self.0.spawn(pts).unwrap();
        let screen = Screen::of(pty);
        (Running::of(child, screen.shown.clone(), screen.shown.clone()), screen)
    }

    /// stdout is the terminal, stderr a pipe.
    #[track_caller]
    pub(crate) fn start_with_stderr_piped(self) -> Running {
        let (pty, pts) = pty_process::blocking::open().unwrap();
        let mut child = self.0.stderr(Stdio::piped()).spawn(pts).unwrap();
        let err = Printed::by(child.stderr.take().unwrap());
        Running::of(child, Screen::of(pty).shown, err)
    }
}

impl Screen {
    fn of(pty: Pty) -> Self {
        let pty = Arc::new(pty);
        Self { shown: Printed::by(Reader(Arc::clone(&pty))), pty }
    }

    /// Makes the terminal so many columns wide.
    pub(crate) fn resize(&self, columns: u16) {
        self.pty.resize(Size::new(40, columns)).unwrap();
    }

    /// Presses a key, once keys are taken one by one.
    #[track_caller]
    pub(crate) fn press(&self, key: char) {
        let until = Instant::now() + LIMIT;
        while self.is_as_a_shell_wants_it() {
            assert!(Instant::now() < until, "no keys are taken:\n{}", self.shown.text());
            std::thread::park_timeout(Duration::from_millis(5));
        }
        write!(&*self.pty, "{key}").unwrap();
    }

    /// Types a line, as one does when asked something.
    pub(crate) fn answer(&self, line: &str) {
        writeln!(&*self.pty, "{line}").unwrap();
    }

    /// Whether what is typed is shown and comes line by line, as a shell wants it.
    pub(crate) fn is_as_a_shell_wants_it(&self) -> bool {
        let modes = tcgetattr(&*self.pty).unwrap().local_modes;
        modes.contains(LocalModes::ECHO | LocalModes::ICANON)
    }
}
