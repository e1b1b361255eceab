//! A user of her own: an empty home folder, and no environment but what a test gives.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

pub(crate) struct Home {
    folder: TempDir,
}

/// How a command ended.
pub(crate) struct Ended {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Home {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub(crate) fn config(&self) -> PathBuf {
        self.path("config/muxhook/config.toml")
    }

    pub(crate) fn write_private(&self, path: &str, text: &str) {
        muxhook::private_file::write(&self.path(path), text).unwrap();
    }

    /// The binary, about to run here.
    pub(crate) fn muxhook(&self, args: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("muxhook"));
        command.args(args).env_clear().current_dir(self.folder.path());
        command.env("HOME", self.folder.path());
        command.env("XDG_CONFIG_HOME", self.path("config")).env("XDG_STATE_HOME", self.path("state"));
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        ended(self.muxhook(args).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs it with `input` on standard input.
    pub(crate) fn feed(&self, args: &[&str], input: &str) -> Ended {
        let file = self.path("input");
        fs::write(&file, input).unwrap();
        ended(self.muxhook(args).stdin(fs::File::open(file).unwrap()).output().unwrap())
    }
}

fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ended {
    /// Runs `command` to its end.
    pub(crate) fn of(mut command: Command) -> Self {
        ended(command.stdin(Stdio::null()).output().unwrap())
    }

    /// Checks the exit code, and that stderr holds `part`.
    #[track_caller]
    pub(crate) fn with(self, code: i32, part: &str) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.out, self.err);
        assert!(self.err.contains(part), "`{part}` is not in: {}", self.err);
        self
    }

    /// Checks that neither stream holds `secret`.
    #[track_caller]
    pub(crate) fn hides(self, secret: &str) -> Self {
        assert!(!self.out.contains(secret) && !self.err.contains(secret), "{}\n{}", self.out, self.err);
        self
    }
}
