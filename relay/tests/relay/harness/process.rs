//! The relay as the program that people start: flags in, a log out.

use std::fs::{self, File};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use muxhook_relay::accounts::Token;
use serde_json::Value;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{Cli, Client, hello, soon};

/// Killed when dropped.
pub(crate) struct RelayProcess {
    pub(crate) addr: SocketAddr,
    pub(crate) token: Token,
    child: Child,
    dir: TempDir,
}

impl Drop for RelayProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl RelayProcess {
    /// A relay on a free port of this machine.
    pub(crate) async fn start(flags: &[&str]) -> Self {
        let (dir, token) = (tempfile::tempdir().unwrap(), Token::random().unwrap());
        let mut command = Command::new(env!("CARGO_BIN_EXE_muxhook-relay"));
        command.args(["serve", "--listen=127.0.0.1:0", "--log=json", "--data-dir"]).arg(dir.path());
        command.args(flags).env_clear().env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", token.reveal());
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let child = command.stderr(File::create(dir.path().join("log")).unwrap()).spawn().unwrap();
        let mut relay = Self { addr: ([0; 4], 0).into(), token, child, dir };
        relay.addr = soon(relay.listening()).await;
        relay
    }

    async fn listening(&self) -> SocketAddr {
        loop {
            // The last line may be there in part.
            let log = self.log();
            let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
            if let Some(line) = lines.find(|line| line["message"] == "listening") {
                return line["address"].as_str().unwrap().parse().unwrap();
            }
            sleep(Duration::from_millis(5)).await;
        }
    }

    /// What it has said so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.path().join("log")).unwrap()
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// A new connection to it.
    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.addr).await.unwrap())
    }

    /// A listener on `endpoint`.
    pub(crate) async fn listen(&self, endpoint: &str) -> Cli {
        Cli::dial(self.addr, &self.token, hello(endpoint)).await.expect("welcome")
    }
}
