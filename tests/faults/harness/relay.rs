//! The relay as a process of its own.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Duration, sleep};

use super::{ENDPOINT, Wire};

/// A token that every relay here knows.
pub(crate) const TOKEN: &str = "a-token-that-is-long-enough-for-a-relay";

/// Most bytes of the log that are kept.
const MOST_LOG: usize = 1 << 20;

/// How a relay is started.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setting {
    pub(crate) args: Vec<String>,
    pub(crate) environment: Vec<(&'static str, OsString)>,
    /// Handed over as systemd hands one over.
    socket: Option<Arc<TcpListener>>,
}

impl Setting {
    pub(crate) fn socket(mut self, socket: TcpListener) -> Self {
        self.socket = Some(Arc::new(socket));
        self.with("LISTEN_FDS", "1")
    }

    /// The relay's binary. A socket is its descriptor 3, and `LISTEN_PID` the process that will be the relay.
    fn program(&self) -> Command {
        let relay = env!("CARGO_BIN_EXE_muxhook");
        let Some(socket) = &self.socket else {
            let mut command = Command::new(relay);
            command.stdin(Stdio::null());
            return command;
        };
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec 3<&0 </dev/null; LISTEN_PID=$$ exec "$@""#, "sh", relay]);
        command.stdin(OwnedFd::from(socket.try_clone().unwrap()));
        command
    }

    pub(crate) fn with(mut self, name: &'static str, value: impl Into<OsString>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub(crate) fn arg(mut self, arg: &str) -> Self {
        self.args.push(arg.to_owned());
        self
    }
}

/// Killed when dropped.
pub(crate) struct Relay {
    process: Child,
    pub(crate) addr: SocketAddr,
    log: Arc<watch::Sender<String>>,
    /// Ends when nobody writes to the log any more.
    reader: JoinHandle<()>,
}

/// A relay that ended before it listened.
#[derive(Debug)]
pub(crate) struct Refusal {
    pub(crate) code: Option<i32>,
    pub(crate) log: String,
}

impl Relay {
    /// A relay that listens, with an endpoint to post to.
    pub(crate) async fn start(data: &Path) -> Self {
        Self::with(data, &Setting::default()).await
    }

    pub(crate) async fn with(data: &Path, setting: &Setting) -> Self {
        let relay = Self::try_start(data, setting).await.unwrap_or_else(|refusal| panic!("{refusal:?}"));
        let (status, log) = (relay.claim(ENDPOINT).await, relay.log());
        assert!([200, 201].contains(&status), "the endpoint: {status}\n{log}");
        relay
    }

    /// A relay that listens, or what it said when it would not.
    pub(crate) async fn try_start(data: &Path, setting: &Setting) -> Result<Self, Refusal> {
        let mut command = setting.program();
        command.args(["relay", "serve", "--log", "json", "--listen", "127.0.0.1:0", "--data-dir"]).arg(data);
        command.args(&setting.args).env_clear().env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", TOKEN);
        command.envs(setting.environment.iter().map(|(name, value)| (name, value)));
        command.stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut process = command.spawn().unwrap();
        let log = Arc::new(watch::Sender::new(String::new()));
        let (found, address) = oneshot::channel();
        let reader = tokio::spawn(read(process.stderr.take().unwrap(), Arc::clone(&log), found));
        match address.await {
            Ok(addr) => Ok(Self { process, addr, log, reader }),
            Err(_) => {
                let code = process.wait().await.unwrap().code();
                reader.await.unwrap();
                Err(Refusal { code, log: log.borrow().clone() })
            }
        }
    }

    /// Makes an endpoint, or finds it made: the answer's status.
    pub(crate) async fn claim(&self, endpoint: &str) -> u16 {
        let mut wire = Wire::connect(self.addr).await.expect("the relay listens");
        let body = format!(r#"{{"endpoint":"{endpoint}"}}"#);
        let token = format!("authorization: Bearer {TOKEN}\r\n");
        let answer = wire.ask("POST /_relay/v1/endpoints", &token, body.as_bytes()).await;
        answer.expect("the relay answers").status()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// What it said so far.
    pub(crate) fn log(&self) -> String {
        self.log.borrow().clone()
    }

    /// Waits until its log has these words.
    pub(crate) async fn says(&self, words: &str) {
        self.log.subscribe().wait_for(|log| log.contains(words)).await.unwrap();
    }

    /// Ends it without warning, and gives back what it had said.
    pub(crate) async fn kill(mut self) -> String {
        self.process.kill().await.unwrap();
        (&mut self.reader).await.unwrap();
        self.log()
    }

    /// Ends it in order, and gives back what it had said.
    pub(crate) async fn stop(self) -> String {
        self.terminate();
        self.ended().await
    }

    /// Tells it to end.
    pub(crate) fn terminate(&self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
    }

    /// Waits until it has ended in order, and gives back what it had said.
    pub(crate) async fn ended(mut self) -> String {
        let status = self.process.wait().await.unwrap();
        (&mut self.reader).await.unwrap();
        let log = self.log();
        assert!(status.success(), "{status}\n{log}");
        log
    }

    /// Holds it still: comes back when none of its threads does anything any more, be it within the kernel.
    pub(crate) async fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
        let threads = format!("/proc/{}/task", self.process.id().unwrap());
        while !fs::read_dir(&threads).unwrap().all(|thread| is_stopped(&thread.unwrap().path())) {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets it go on.
    pub(crate) fn thaw(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id().expect("it runs")).unwrap()).unwrap()
    }
}

fn is_stopped(thread: &Path) -> bool {
    // A thread that has ended meanwhile does nothing either.
    let Ok(stat) = fs::read_to_string(thread.join("stat")) else { return true };
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
}

/// Keeps the log, and finds in it where the relay listens.
async fn read(stream: ChildStderr, log: Arc<watch::Sender<String>>, found: oneshot::Sender<SocketAddr>) {
    let mut found = Some(found);
    let mut lines = BufReader::new(stream).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if let Some(address) = address(&line)
            && let Some(found) = found.take()
        {
            let _ = found.send(address);
        }
        log.send_if_modified(|log| {
            let has_room = log.len() < MOST_LOG;
            if has_room {
                log.push_str(&line);
                log.push('\n');
            }
            has_room
        });
    }
}

fn address(line: &str) -> Option<SocketAddr> {
    let line: Value = serde_json::from_str(line).ok()?;
    let fields = line.get("fields").unwrap_or(&line);
    (fields["message"] == "listening").then(|| fields["address"].as_str()?.parse().ok())?
}
