//! A user of her own: an empty home folder, no environment but what a test gives, and a port of her own for the relay
//! on this machine.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use tempfile::TempDir;

use crate::running::{Ended, Running};
use crate::terminal::Terminal;

pub(crate) struct Home {
    folder: TempDir,
    /// Where the relay on this machine will listen.
    pub(crate) port: u16,
}

/// A port that nobody uses, outside of what the system gives out by itself (Linux: from 32768 on), so that no
/// connection of some other test comes to sit on it. The next few are nobody's either.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 40).unwrap() * 500;
    loop {
        let port = 10_000 + (own + NEXT.fetch_add(4, Ordering::Relaxed)) % 20_000;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

impl Home {
    pub(crate) fn new() -> Self {
        let home = Self { folder: tempfile::tempdir().unwrap(), port: free_port() };
        home.write_private("state/muxhook/state.json", &format!(r#"{{"embedded_port":{}}}"#, home.port));
        home
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        std::fs::write(self.path(path), text).unwrap();
    }

    pub(crate) fn write_private(&self, path: &str, text: &str) {
        muxhook::private_file::write(&self.path(path), text).unwrap();
    }

    /// The whole environment of what runs here.
    fn environment(&self) -> [(&'static str, PathBuf); 5] {
        [
            ("HOME", self.path("")),
            ("XDG_CONFIG_HOME", self.path("config")),
            ("XDG_STATE_HOME", self.path("state")),
            ("TMPDIR", self.path("")),
            ("LANG", "C.UTF-8".into()),
        ]
    }

    /// The binary, about to run here with pipes and nothing to read.
    pub(crate) fn muxhook(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("muxhook"));
        command.args(args).env_clear().envs(self.environment()).current_dir(self.folder.path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts it.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        Running::start(self.muxhook(args))
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        self.start(args).end()
    }

    /// Runs it to its end with `input` on standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &str) -> Ended {
        self.write("input", input);
        let mut command = self.muxhook(args);
        command.stdin(std::fs::File::open(self.path("input")).unwrap());
        Running::start(command).end()
    }

    /// The binary, about to run here on a terminal.
    pub(crate) fn on_terminal(&self, args: &[&str]) -> Terminal {
        let command = pty_process::blocking::Command::new(assert_cmd::cargo::cargo_bin!("muxhook"));
        let command = command.args(args).env_clear().envs(self.environment()).current_dir(self.folder.path());
        Terminal::new(command.env("TERM", "xterm-256color"))
    }
}
