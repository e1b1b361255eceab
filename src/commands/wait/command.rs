//! The command that is run while its events are waited for.

use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::{Child, Command as Process};
use tokio::time::timeout;

use super::group;
use crate::printer;

/// How long it may take to end when it is asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command: to be run, running, or over.
#[derive(Debug)]
pub(super) struct Command {
    words: Vec<OsString>,
    state: State,
}

#[derive(Debug)]
enum State {
    Before,
    Running(Child),
    Over,
}

/// Why a command did not do well, and the code that a shell has for it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub(super) code: u8,
    pub(super) message: String,
    pub(super) hint: Option<&'static str>,
}

impl Command {
    /// A program and its arguments, not started; none at all is over before it began.
    pub(super) fn new(words: Vec<OsString>) -> Self {
        let state = if words.is_empty() { State::Over } else { State::Before };
        Self { words, state }
    }

    /// Whether there is one that was not started yet.
    pub(super) fn is_to_start(&self) -> bool {
        matches!(self.state, State::Before)
    }

    /// Whether nothing of it is to come any more.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Starts it, if there is one, with our stdin and our stderr, to which its stdout goes as well.
    pub(super) fn start(&mut self) -> Result<(), Failure> {
        let (State::Before, Some((program, arguments))) = (&self.state, self.words.split_first()) else {
            return Ok(());
        };
        let mut process = Process::new(program);
        process.args(arguments).stdout(printer::stdout_of_others()).kill_on_drop(true);
        group::apart(&mut process);
        let started = process.spawn();
        self.state = State::Over;
        let child = started.map_err(|error| not_started(&self.name(), &error))?;
        self.state = State::Running(child);
        Ok(())
    }

    /// Resolves once it has ended, and pends while it does not run. Cancel-safe.
    pub(super) async fn ended(&mut self) -> Result<(), Failure> {
        let State::Running(child) = &mut self.state else { return pending().await };
        let status = child.wait().await;
        self.state = State::Over;
        match status {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(&self.name(), status)),
            Err(error) => Err(Failure {
                code: 1,
                message: format!("how {} ended cannot be found out: {error}", self.name()),
                hint: None,
            }),
        }
    }

    /// Ends it, if it runs, and what it has started: by `SIGTERM` where there are signals, and for good when that does not help in time.
    /// Cancel-safe: then it goes on, until it is ended again, or dropped.
    pub(super) async fn stop(&mut self) {
        if let State::Running(child) = &mut self.state
            && group::ask_to_end(child)
            && timeout(PATIENCE, child.wait()).await.is_ok()
        {
            self.state = State::Over;
        }
        self.kill().await;
    }

    /// Ends it for good, if it runs.
    pub(super) async fn kill(&mut self) {
        if let State::Running(child) = &mut self.state {
            group::kill(child);
            // An error means that it has ended just now; waiting in vain, that the system holds it fast.
            let _ = timeout(PATIENCE, child.kill()).await;
        }
        self.state = State::Over;
    }

    /// The program, as it was given.
    fn name(&self) -> String {
        self.words.first().map(|word| word.to_string_lossy().into_owned()).unwrap_or_default()
    }
}

/// Codes as POSIX has them for shells (XCU 2.8.2).
fn not_started(name: &str, error: &io::Error) -> Failure {
    let message = format!("{name} cannot be started: {error}");
    match error.kind() {
        io::ErrorKind::NotFound => Failure {
            code: 127,
            message,
            hint: Some(
                "is it spelled right, and in PATH? (Of a script: is the program in its first line there?)",
            ),
        },
        io::ErrorKind::PermissionDenied => {
            Failure { code: 126, message, hint: Some("may it be run? `chmod +x` makes it so") }
        }
        _ => Failure { code: 126, message, hint: None },
    }
}

fn failed(name: &str, status: ExitStatus) -> Failure {
    let (code, how) = match (status.code(), signal(status)) {
        (Some(code), _) => (u8::try_from(code).unwrap_or(1), format!("failed with exit code {code}")),
        (None, Some(number)) => {
            (u8::try_from(128 + number).unwrap_or(1), format!("was ended by signal {number}"))
        }
        (None, None) => (1, "failed".to_owned()),
    };
    Failure { code, message: format!("{name} {how}"), hint: None }
}

#[cfg(unix)]
fn signal(status: ExitStatus) -> Option<i32> {
    std::os::unix::process::ExitStatusExt::signal(&status)
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}
