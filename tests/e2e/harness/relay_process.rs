//! The relay as a process of its own, which can be frozen and killed.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::Message;
use super::relay::{TOKEN, begin_post};

/// Killed when dropped.
pub(crate) struct RelayProcess {
    process: Child,
    addr: SocketAddr,
    args: &'static [&'static str],
    home: TempDir,
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        self.kill();
    }
}

impl RelayProcess {
    /// A relay that listens on a free port.
    pub(crate) async fn start(args: &'static [&'static str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let process = spawn(&home, "127.0.0.1:0", args);
        let addr = listening(&home).await;
        Self { process, addr, args, home }
    }

    /// As after [`RelayProcess::kill`]: on the same port, with the same data.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.home, &self.addr.to_string(), self.args);
        assert_eq!(listening(&self.home).await, self.addr);
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What its operator says in another process, beside it; what came of it on stdout.
    pub(crate) fn operator(&self, words: &[&str]) -> String {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook"));
        command.arg("relay").args(words).arg("--data-dir").arg(self.home.path()).env_clear();
        let done = command.stdin(Stdio::null()).output().unwrap();
        assert!(done.status.success(), "{words:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    /// One webhook, under way beside the test.
    pub(crate) fn begin_post(&self, path: &str, body: &'static str) -> JoinHandle<Message> {
        begin_post(self.addr, path, body)
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(home: &TempDir, listen: &str, args: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook"));
    command.args(["relay", "serve", "--log", "json", "--listen", listen, "--data-dir"]).arg(home.path());
    command.args(args).env_clear().env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", TOKEN);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log(home)).unwrap());
    command.spawn().unwrap()
}

fn log(home: &TempDir) -> std::path::PathBuf {
    home.path().join("log")
}

/// Where it says that it listens.
async fn listening(home: &TempDir) -> SocketAddr {
    loop {
        let log = fs::read_to_string(log(home)).unwrap();
        // The last line may be there in part.
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(line) = lines.find(|line| line.to_string().contains("\"listening\"")) {
            return line["address"].as_str().or(line["fields"]["address"].as_str()).unwrap().parse().unwrap();
        }
        sleep(Duration::from_millis(5)).await;
    }
}
