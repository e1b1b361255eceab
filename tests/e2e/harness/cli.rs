//! `muxhook listen --json` as its users run it: a process, what it prints, how it ends.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::mpsc;
use tokio::time::sleep;

use super::relay::TOKEN;
use super::{Authority, Relay};

/// Most lines that wait to be looked at by a test.
const MOST_LINES: usize = 10_000;

/// Somebody with a home folder of her own, at a relay.
pub(crate) struct User {
    home: Arc<TempDir>,
    relay: String,
    relay_ca: Option<PathBuf>,
}

impl User {
    /// A user of the relay in this process.
    pub(crate) fn of(relay: &Relay) -> Self {
        let relay_ca = relay.authority().map(Authority::file);
        Self { relay_ca, ..Self::at(relay.url()) }
    }

    /// A user of the relay at `url`.
    pub(crate) fn at(url: String) -> Self {
        Self { home: Arc::new(tempfile::tempdir().unwrap()), relay: url, relay_ca: None }
    }

    /// A `listen` that is ready.
    pub(crate) async fn listen(&self, args: &[&str]) -> Cli {
        let mut cli = self.start(args);
        let ready = cli.until("ready").await;
        cli.address = ready["public_url"].as_str().unwrap().to_owned();
        cli
    }

    fn start(&self, args: &[&str]) -> Cli {
        let mut command = self.command(&[&["listen", "--json"], args].concat());
        let stderr = File::create(self.home.path().join("stderr")).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(stderr);
        let mut process = command.spawn().unwrap();
        let lines = lines_of(process.stdout.take().unwrap());
        Cli { process, lines, told: Vec::new(), address: String::new(), home: Arc::clone(&self.home) }
    }

    /// The built program with these arguments, in her home and at her relay.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let path = |name: &str| self.home.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook"));
        command.args(args).args(["--relay", &self.relay]);
        command.env_clear().env("MUXHOOK_TOKEN", TOKEN).current_dir(&*self.home);
        command.env("HOME", self.home.path());
        command.env("XDG_CONFIG_HOME", path("config")).env("XDG_STATE_HOME", path("state"));
        command.envs(self.relay_ca.iter().map(|file| ("MUXHOOK_RELAY_CA", file)));
        command
    }
}

/// The lines of a stream, as they come.
fn lines_of(stream: ChildStdout) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel(MOST_LINES);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let Ok(line) = line else { return };
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A running `listen`. Killed when dropped.
pub(crate) struct Cli {
    process: Child,
    lines: mpsc::Receiver<String>,
    /// Every line that was looked at.
    told: Vec<Value>,
    /// The public address.
    pub(crate) address: String,
    home: Arc<TempDir>,
}

impl Drop for Cli {
    #[allow(clippy::print_stderr, reason = "a failed test shows what the CLI said")]
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            self.told.iter().rev().take(20).rev().for_each(|line| eprintln!("{line}"));
            eprintln!("{}", self.stderr());
        }
    }
}

impl Cli {
    /// The path of the public address.
    pub(crate) fn path(&self) -> &str {
        &self.address[self.address.find("/h/").unwrap()..]
    }

    /// The next line; `None` when there are no more.
    pub(crate) async fn line(&mut self) -> Option<Value> {
        let text = self.lines.recv().await?;
        let line: Value = serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"));
        assert_eq!(line["v"], 1, "{text}");
        assert!(line["kind"].is_string() && line["at"].is_string(), "{text}");
        self.told.push(line.clone());
        Some(line)
    }

    /// The next line, which must be of this kind.
    pub(crate) async fn tells(&mut self, kind: &str) -> Value {
        let line = self.line().await.expect("a further line");
        assert_eq!(line["kind"], kind, "{line}");
        line
    }

    /// The next line of this kind.
    pub(crate) async fn until(&mut self, kind: &str) -> Value {
        loop {
            let line = self.line().await;
            let line = line.unwrap_or_else(|| panic!("it ended without {kind}: {}", self.stderr()));
            if line["kind"] == kind {
                return line;
            }
        }
    }

    /// How many lines of this kind were looked at.
    pub(crate) fn told(&self, kind: &str) -> usize {
        self.told.iter().filter(|line| line["kind"] == kind).count()
    }

    /// Ends it as Ctrl-C does, reads what it still has to say, and gives back its last line.
    pub(crate) async fn stop(&mut self) -> Value {
        kill_process(Pid::from_child(&self.process), Signal::TERM).unwrap();
        while self.line().await.is_some() {}
        let last = self.told.last().cloned().expect("a summary");
        assert_eq!(last["kind"], "summary", "{last}");
        assert_eq!(self.exit_code().await, Some(0), "{}", self.stderr());
        last
    }

    /// Waits for an end that it was not asked for: its exit code, and what it said on stderr.
    pub(crate) async fn ended(&mut self) -> (Option<i32>, String) {
        while self.line().await.is_some() {}
        (self.exit_code().await, self.stderr())
    }

    /// Waits for the end of the process.
    async fn exit_code(&mut self) -> Option<i32> {
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status.code();
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.home.path().join("stderr")).unwrap_or_default()
    }
}
