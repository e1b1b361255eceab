//! `muxhook listen --json` as its users run it.

use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{App, ENDPOINT, Relay, TOKEN};

/// Killed when dropped.
pub(crate) struct Listener {
    process: Child,
    lines: Arc<Mutex<Vec<Line>>>,
    told: watch::Receiver<usize>,
    reader: JoinHandle<()>,
    stderr: JoinHandle<String>,
    _home: TempDir,
}

/// What matters of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) kind: String,
    pub(crate) delivery: String,
    pub(crate) attempt: u64,
    pub(crate) owed: bool,
}

impl Listener {
    /// A listener that is ready.
    pub(crate) async fn start(relay: &Relay, app: &App, args: &[&str]) -> Self {
        Self::on(ENDPOINT, relay, app, args).await
    }

    pub(crate) async fn on(endpoint: &str, relay: &Relay, app: &App, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook"));
        command.args(["listen", "--json", "--relay", &relay.url(), "--endpoint", endpoint]);
        command.args(["--forward-to", &app.url()]).args(args);
        command.env_clear().env("MUXHOOK_TOKEN", TOKEN).env("HOME", home.path()).current_dir(&home);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (tell, told) = watch::channel(0);
        let reader = tokio::spawn(read(process.stdout.take().unwrap(), Arc::clone(&lines), tell));
        let mut stream = process.stderr.take().unwrap();
        let stderr = tokio::spawn(async move {
            let mut text = String::new();
            let _ = stream.read_to_string(&mut text).await;
            text
        });
        let mut listener = Self { process, lines, told, reader, stderr, _home: home };
        if !listener.until("ready").await {
            panic!("it ended before it was ready: {}\n{}", listener.end().await, relay.log());
        }
        listener
    }

    /// Waits for a line of this kind; false when it ended before.
    pub(crate) async fn until(&self, kind: &str) -> bool {
        self.until_times(kind, 1).await
    }

    /// Waits for so many lines of this kind; false when it ended before.
    pub(crate) async fn until_times(&self, kind: &str, times: usize) -> bool {
        let lines = &self.lines;
        let found = || lines.lock().unwrap().iter().filter(|line| line.kind == kind).count();
        self.told.clone().wait_for(|_| found() >= times).await.is_ok()
    }

    /// Ends it without warning, and gives back all that it had told of.
    pub(crate) async fn kill(mut self) -> Vec<Line> {
        self.process.kill().await.unwrap();
        self.reader.await.unwrap();
        std::mem::take(&mut *self.lines.lock().unwrap())
    }

    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    pub(crate) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    async fn end(&mut self) -> String {
        let _ = self.process.kill().await;
        (&mut self.stderr).await.unwrap()
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id().expect("it runs")).unwrap()).unwrap()
    }
}

async fn read(stream: ChildStdout, lines: Arc<Mutex<Vec<Line>>>, told: watch::Sender<usize>) {
    let mut stream = BufReader::new(stream).lines();
    while let Ok(Some(text)) = stream.next_line().await {
        // A killed program's last line may be there in part.
        let Ok(line) = serde_json::from_str::<Value>(&text) else { continue };
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        lines.lock().unwrap().push(Line {
            kind: text("kind"),
            delivery: text("delivery"),
            attempt: line["attempt"].as_u64().unwrap_or(0),
            owed: line["owed"] == true,
        });
        told.send_modify(|count| *count += 1);
    }
}
