//! The command's process group: whatever it has started ends with it.

#[cfg(not(unix))]
pub(super) use elsewhere::{apart, ask_to_end, kill};
#[cfg(unix)]
pub(super) use unix::{apart, ask_to_end, kill};

#[cfg(unix)]
mod unix {
    use std::io::{IsTerminal, stdin};

    use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};
    use tokio::process::{Child, Command};

    /// Gives it a group of its own. Not where it may ask a person: a terminal lets only the group in front read
    /// (POSIX XBD 11.1.4), and sends Ctrl-C to all of that.
    pub(in super::super) fn apart(command: &mut Command) {
        if !stdin().is_terminal() {
            command.process_group(0);
        }
    }

    /// Whether there is a way to ask it to end, and it was asked.
    pub(in super::super) fn ask_to_end(child: &Child) -> bool {
        signal(child, Signal::TERM)
    }

    /// Ends it for good.
    pub(in super::super) fn kill(child: &Child) {
        signal(child, Signal::KILL);
    }

    fn signal(child: &Child, signal: Signal) -> bool {
        let Some(pid) = child.id().and_then(|id| i32::try_from(id).ok()).and_then(Pid::from_raw) else {
            return false;
        };
        let sent = if getpgid(Some(pid)) == Ok(pid) {
            kill_process_group(pid, signal)
        } else {
            kill_process(pid, signal)
        };
        sent.is_ok()
    }
}

#[cfg(not(unix))]
mod elsewhere {
    use tokio::process::{Child, Command};

    pub(in super::super) fn apart(_: &mut Command) {}

    pub(in super::super) fn ask_to_end(_: &Child) -> bool {
        false
    }

    pub(in super::super) fn kill(_: &Child) {}
}
