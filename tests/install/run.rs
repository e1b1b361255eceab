//! One run of the script: with which shell, PATH and environment, and what became of it.

use std::fs;
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::stage::{executable, find};

/// How the script gets to the shell.
pub(super) enum How {
    Piped(Vec<u8>),
    File(PathBuf),
}

/// One run of the script, being prepared.
pub(crate) struct Run<'a> {
    pub(super) home: &'a Path,
    pub(super) dir: PathBuf,
    pub(super) path: TempDir,
    pub(super) how: How,
    pub(super) folder: PathBuf,
    pub(super) env: Vec<(String, String)>,
}

/// What became of a run.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run<'_> {
    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.into(), value.into()));
        self
    }

    /// Of curl and wget, leaves only `tool` on the PATH.
    pub(crate) fn only(self, tool: &str) -> Self {
        ["curl", "wget"].into_iter().filter(|other| *other != tool).fold(self, |run, other| run.remove(other))
    }

    /// Takes `tool`, and what could stand in for it, off the PATH.
    pub(crate) fn without(self, tool: &str) -> Self {
        let run = self.remove(tool);
        if tool == "sha256sum" { run.remove("shasum") } else { run }
    }

    fn remove(self, tool: &str) -> Self {
        let _ = fs::remove_file(self.path.path().join(tool));
        self
    }

    /// Puts a shell script in the place of `tool`.
    pub(crate) fn stub(self, tool: &str, code: &str) -> Self {
        executable(&self.path.path().join(tool), code);
        self
    }

    /// Starts the script as a file.
    pub(crate) fn script(mut self, file: &Path) -> Self {
        self.how = How::File(file.to_owned());
        self
    }

    /// Pipes the script into the shell, in that file's folder.
    pub(crate) fn piped(mut self, file: &Path) -> Self {
        self.how = How::Piped(fs::read(file).unwrap());
        self.folder = file.parent().unwrap().to_owned();
        self
    }

    /// Pipes this text into the shell.
    pub(crate) fn piped_text(mut self, text: &[u8]) -> Self {
        self.how = How::Piped(text.to_owned());
        self
    }

    /// Runs it.
    pub(crate) fn run(self, words: &[&str]) -> Done {
        let home = self.home;
        let shell = find("dash").or_else(|| find("sh")).unwrap();
        let mut command = Command::new(shell);
        match &self.how {
            // As a shell that was typed by its name calls itself.
            How::Piped(_) => command.arg0("sh").args(["-s", "--"]).args(words),
            How::File(file) => command.arg(file).args(words),
        };
        command.env_clear().env("PATH", self.path.path()).env("HOME", home).env("TMPDIR", home.join("tmp"));
        command.env("MUXHOOK_INSTALL_DIR", &self.dir).env("UNPACKED", home.join("unpacked"));
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(&self.folder).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        if let How::Piped(script) = &self.how {
            // A shell that has ended reads no more.
            let _ = stdin.write_all(script);
        }
        drop(stdin);
        let output = child.wait_with_output().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
