//! A developer's app that fails now and then, and `muxhook listen` before it.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::ChildStdout;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::{Figures, Process, Relay, TOKEN, Wire, binary};

/// Answers 200; every 20th request 500, every 50th late, and every 100th not at all: it hangs up.
pub(crate) struct App {
    addr: SocketAddr,
    arrived: Arc<AtomicUsize>,
    _task: JoinSet<()>,
}

impl App {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let arrived = Arc::new(AtomicUsize::new(0));
        let (mut task, number) = (JoinSet::new(), Arc::clone(&arrived));
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(Wire::new(stream), Arc::clone(&number)));
                // Those that ended are forgotten: this runs for long.
                while connections.try_join_next().is_some() {}
            }
        });
        Self { addr, arrived, _task: task }
    }

    pub(crate) fn arrived(&self) -> usize {
        self.arrived.load(Ordering::Relaxed)
    }
}

async fn serve(mut wire: Wire, number: Arc<AtomicUsize>) {
    while wire.receive().await.is_some() {
        let number = number.fetch_add(1, Ordering::Relaxed);
        if number % 50 == 25 {
            sleep(Duration::from_millis(300)).await;
        }
        let answer: &[u8] = match number % 100 {
            77 => return,
            n if n % 20 == 7 => b"HTTP/1.1 500 Oh no\r\ncontent-length: 6\r\n\r\nbroken",
            _ => b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok",
        };
        if wire.send(answer).await.is_none() {
            return;
        }
    }
}

/// `muxhook listen --json` as its users run it. Killed when dropped.
pub(crate) struct Cli {
    process: Process,
    ready: watch::Receiver<usize>,
    _home: TempDir,
    _reader: JoinSet<()>,
}

impl Cli {
    /// One that is ready.
    pub(crate) async fn start(relay: &Relay, endpoint: &str, app: &App) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut command = Command::new(binary());
        command.args(["listen", "--json", "--relay", relay.url().origin(), "--endpoint", endpoint]);
        command
            .args(["--forward-to", &format!("http://{}", app.addr)])
            .env_clear()
            .env("MUXHOOK_TOKEN", TOKEN);
        command.env("HOME", home.path()).current_dir(&home).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut process = command.stderr(Stdio::null()).spawn().unwrap();
        let stdout = ChildStdout::from_std(process.stdout.take().unwrap()).unwrap();
        let (tell, mut ready) = watch::channel(0);
        let mut reader = JoinSet::new();
        reader.spawn(read(stdout, tell));
        let process = Process(process);
        ready.wait_for(|times| *times > 0).await.expect("it gets ready");
        Self { process, ready, _home: home, _reader: reader }
    }

    pub(crate) fn figures(&self) -> Figures {
        self.process.figures()
    }

    /// How often its link stood anew, the first time included.
    pub(crate) fn links(&self) -> usize {
        *self.ready.borrow()
    }

    pub(crate) fn freeze(&self) {
        kill_process(Pid::from_child(&self.process.0), Signal::STOP).unwrap();
    }

    pub(crate) fn thaw(&self) {
        kill_process(Pid::from_child(&self.process.0), Signal::CONT).unwrap();
    }
}

/// Reads all that it says, as whoever uses it does, and counts its links.
async fn read(stdout: ChildStdout, ready: watch::Sender<usize>) {
    let mut lines = BufReader::new(stdout).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if line.contains(r#""kind":"ready""#) || line.contains(r#""kind":"reconnected""#) {
            ready.send_modify(|times| *times += 1);
        }
    }
}
