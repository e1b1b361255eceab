//! What tells the program to end, or to read its settings anew.

use std::io;

/// SIGTERM, SIGINT and SIGHUP; beyond Unix, Ctrl-C. From now on they no longer end the program by themselves.
pub(super) struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hang_up: tokio::signal::unix::Signal,
    /// SIGHUP is a terminal that was closed, and not a word of the operator's.
    #[cfg(unix)]
    has_terminal: bool,
}

/// What a signal says.
pub(super) enum Told {
    /// To end; the signal's name.
    End(&'static str),
    /// To read the settings anew.
    #[cfg_attr(not(unix), expect(dead_code, reason = "there is no such signal"))]
    Reload,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        use std::io::IsTerminal;
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
            has_terminal: io::stdin().is_terminal(),
        })
    }

    /// The next one. Several that say the same before it is asked for are one.
    pub(super) async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.terminate.recv() => Told::End("SIGTERM"),
            _ = self.interrupt.recv() => Told::End("SIGINT"),
            _ = self.hang_up.recv() => if self.has_terminal { Told::End("SIGHUP") } else { Told::Reload },
        }
    }

    /// The next one that says to end. One that says something else is kept for later.
    pub(super) async fn end(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hang_up.recv(), if self.has_terminal => "SIGHUP",
        }
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Told {
        Told::End(self.end().await)
    }

    /// The next one that says to end.
    pub(super) async fn end(&mut self) -> &'static str {
        match tokio::signal::ctrl_c().await {
            Ok(()) => "Ctrl-C",
            // Without the signal the program can be ended from outside alone.
            Err(_) => std::future::pending().await,
        }
    }
}
