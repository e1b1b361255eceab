//! The relay as a process of its own, on a port that it keeps over restarts.

use std::ffi::OsString;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use muxhook::dial::{DialOptions, Dialer};
use muxhook::relay_url::RelayUrl;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;

use super::{Figures, Process, TOKEN, Wire};

/// Plain HTTP, or TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Transport {
    Plain,
    Tls,
}

/// Killed when dropped.
pub(crate) struct Relay {
    process: Process,
    pub(crate) addr: SocketAddr,
    transport: Transport,
    dialer: Dialer,
    args: Vec<String>,
    home: TempDir,
}

impl Relay {
    pub(crate) async fn start(transport: Transport, args: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut args: Vec<_> = args.iter().map(|arg| (*arg).to_owned()).collect();
        let mut options = DialOptions::default();
        if transport == Transport::Tls {
            issue(&home);
            let file = |name: &str| home.path().join(name).display().to_string();
            args.extend(["--tls-cert".into(), file("cert.pem"), "--tls-key".into(), file("key.pem")]);
            options.relay_ca = Some(home.path().join("root.pem"));
        }
        let dialer = Dialer::new(options).unwrap();
        let process = spawn(&home, (Ipv4Addr::LOCALHOST, 0).into(), &args);
        let addr = listening(&home).await;
        Self { process, addr, transport, dialer, args, home }
    }

    /// As after its end, however that came: on the same port, with the same data.
    pub(crate) async fn start_again(&mut self) {
        self.process = spawn(&self.home, self.addr, &self.args);
        assert_eq!(listening(&self.home).await, self.addr);
    }

    /// Ends it without warning.
    pub(crate) fn kill(&mut self) {
        self.process.0.kill().unwrap();
        self.process.0.wait().unwrap();
    }

    /// Tells it to end in order, and waits until it has.
    pub(crate) async fn stop(&mut self) {
        kill_process(Pid::from_child(&self.process.0), Signal::TERM).unwrap();
        let status = loop {
            match self.process.0.try_wait().unwrap() {
                Some(status) => break status,
                None => sleep(Duration::from_millis(10)).await,
            }
        };
        assert!(status.success(), "{status}\n{}", self.log());
    }

    pub(crate) fn figures(&self) -> Figures {
        self.process.figures()
    }

    pub(crate) fn url(&self) -> RelayUrl {
        let scheme = if self.transport == Transport::Tls { "https" } else { "http" };
        RelayUrl::parse(&format!("{scheme}://{}", self.addr), false).unwrap()
    }

    /// What dials it as the CLI does.
    pub(crate) fn dialer(&self) -> Dialer {
        self.dialer.clone()
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(log(&self.home)).unwrap()
    }

    /// One webhook on a connection of its own: status and who answered.
    pub(crate) async fn post(&self, endpoint: &str, body: &[u8]) -> (u16, String) {
        let stream = self.dialer.connect(&self.url()).await.expect("the relay listens");
        let answer =
            Wire::over(stream).ask(&format!("POST /h/{endpoint}"), "", body).await.expect("an answer");
        (answer.status(), answer.get("muxhook-answer").unwrap_or_default().to_owned())
    }
}

/// The binary that is weighed: this build's, or another that the environment names.
pub(super) fn binary() -> OsString {
    std::env::var_os("MUXHOOK_LOAD_BIN").unwrap_or_else(|| env!("CARGO_BIN_EXE_muxhook").into())
}

fn spawn(home: &TempDir, listen: SocketAddr, args: &[String]) -> Process {
    let mut command = Command::new(binary());
    command.args(["relay", "serve", "--log", "json", "--listen", &listen.to_string(), "--data-dir"]);
    command.arg(home.path().join("data")).args(args).env_clear().env("MUXHOOK_RELAY_BOOTSTRAP_TOKEN", TOKEN);
    // All of them come from this machine.
    command.env("MUXHOOK_RELAY_MAX_CONNECTIONS_PER_SOURCE", "1000000");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(File::create(log(home)).unwrap());
    Process(command.spawn().unwrap())
}

fn log(home: &TempDir) -> PathBuf {
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

/// Writes a certificate for 127.0.0.1 with its key, and the root that it is signed by.
fn issue(home: &TempDir) {
    let root_key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let root = params.self_signed(&root_key).unwrap();
    let (issuer, key) = (Issuer::new(params, root_key), KeyPair::generate().unwrap());
    let host = IpAddr::from(Ipv4Addr::LOCALHOST).to_string();
    let cert = CertificateParams::new([host]).unwrap().signed_by(&key, &issuer).unwrap();
    for (name, text) in [("root.pem", root.pem()), ("cert.pem", cert.pem()), ("key.pem", key.serialize_pem())]
    {
        fs::write(home.path().join(name), text).unwrap();
    }
}
