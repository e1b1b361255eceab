//! A relay on a free port of this process, a raw HTTP client, and a CLI that does as it is told. All end when dropped.

mod cli;
mod http;
mod neighbour;
#[cfg(target_os = "linux")]
mod process;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use muxhook_link::{Link, Now};
use muxhook_protocol::frame::{Ack, Hello, Owed, Role, Welcome};
use muxhook_relay::accounts::{Accounts, Token};
use muxhook_relay::config::Config;
use muxhook_relay::server;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) use cli::{
    Cli, echo, greet, refused, replied, skipped, unreachable_app, upgrade, upgrade_at, upgrade_over,
};
pub(crate) use http::{Client, Response};
pub(crate) use neighbour::Neighbour;
#[cfg(target_os = "linux")]
pub(crate) use process::RelayProcess;

/// What hangs has failed. Nothing passes by this running out.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits for `future`, not for ever.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("it never came")
}

/// A relay that runs.
pub(crate) struct Relay {
    pub(crate) addr: SocketAddr,
    /// Where it tells what it counts, when that was asked for.
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) token: Token,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) dir: Arc<TempDir>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) run: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Relay {
    pub(crate) async fn start() -> Self {
        Self::with(|_| ()).await
    }

    /// A relay whose configuration is changed before it starts.
    pub(crate) async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let token = Token::random().unwrap();
        Self::on(Arc::new(tempfile::tempdir().unwrap()), token, change).await
    }

    /// A relay on a data folder that may have been used before, and on a port of its own.
    pub(crate) async fn on(dir: Arc<TempDir>, token: Token, change: impl FnOnce(&mut Config)) -> Self {
        let listen = (Ipv4Addr::LOCALHOST, 0).into();
        let mut config = Config::embedded(dir.path().join("relay"), listen, token.clone());
        change(&mut config);
        let relay = server::Relay::bind(config, Now::system()).await.unwrap();
        let (addr, admin, accounts) =
            (relay.local_addrs()[0], relay.admin_addr(), Arc::clone(relay.accounts()));
        let shutdown = CancellationToken::new();
        let run = tokio::spawn(relay.run(shutdown.clone()));
        Self { addr, admin, token, accounts, dir, shutdown, run }
    }

    /// A new connection to the public side.
    pub(crate) async fn connect(&self) -> Client<TcpStream> {
        Client::new(TcpStream::connect(self.addr).await.unwrap())
    }

    /// A new connection from an address of this machine: 127.0.0.0/8 is all loopback's (on Linux).
    pub(crate) async fn connect_from(&self, source: [u8; 4]) -> Client<TcpStream> {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        Client::new(socket.connect(self.addr).await.unwrap())
    }

    /// What the relay has counted under a name, with its labels as they are written.
    pub(crate) async fn counted(&self, name: &str) -> u64 {
        let stream = TcpStream::connect(self.admin.expect("an admin address")).await.unwrap();
        let mut client = Client::new(stream);
        client.send("GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n").await;
        let text = client.response().await;
        let value = text.text().lines().find_map(|line| line.strip_prefix("muxhook_")?.strip_prefix(name));
        value.map_or(0, |value| value.trim().parse().unwrap())
    }

    /// One webhook on a connection of its own.
    pub(crate) async fn post(&self, endpoint: &str, body: &str) -> Response {
        self.connect().await.post(endpoint, body).await
    }

    /// One request of any bytes, and the response.
    pub(crate) async fn ask(&self, request: impl AsRef<[u8]>) -> Response {
        let mut client = self.connect().await;
        client.send(request).await;
        client.response().await
    }

    /// A listener on `endpoint`, by the relay's own account.
    pub(crate) async fn listen(&self, endpoint: &str) -> Cli {
        self.dial(hello(endpoint)).await
    }

    /// An observer on `endpoint`.
    pub(crate) async fn observe(&self, endpoint: &str) -> Cli {
        self.dial(Hello { role: Role::Observer, ..hello(endpoint) }).await
    }

    /// A link that must be welcome, and moves only when it is polled.
    pub(crate) async fn greet(&self, hello: Hello) -> (Link<TcpStream>, Welcome) {
        greet(upgrade(self.addr, &self.token).await.unwrap(), hello).await.expect("welcome")
    }

    /// A session that must be welcome.
    pub(crate) async fn dial(&self, hello: Hello) -> Cli {
        Cli::dial(self.addr, &self.token, hello).await.expect("welcome")
    }

    /// How many listeners and observers the relay says are live on `endpoint`.
    pub(crate) async fn live(&self, endpoint: &str) -> (u64, u64) {
        let token = self.token.reveal();
        let request =
            format!("GET /_relay/v1/endpoints HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n");
        let answer: serde_json::Value = serde_json::from_slice(&self.ask(request).await.body).unwrap();
        let all = answer["endpoints"].as_array().unwrap();
        let found = all.iter().find(|found| found["endpoint"] == endpoint);
        found.map_or((0, 0), |found| {
            (found["listeners"].as_u64().unwrap(), found["observers"].as_u64().unwrap())
        })
    }

    /// Waits until the relay has seen that nobody is live on `endpoint` any more.
    pub(crate) async fn gone(&self, endpoint: &str) {
        self.wait_for(endpoint, (0, 0)).await;
    }

    /// Waits until so many listeners and observers are live on `endpoint`.
    pub(crate) async fn wait_for(&self, endpoint: &str, live: (u64, u64)) {
        soon(async { while self.live(endpoint).await != live {} }).await;
    }

    /// Another account's token.
    pub(crate) fn stranger(&self) -> Token {
        self.accounts.create_token(&"stranger".parse().unwrap(), "").unwrap().secret
    }
}

/// The greeting of a listener that nobody has been before.
pub(crate) fn hello(endpoint: &str) -> Hello {
    static NUMBER: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Hello {
        agent: "test/1".into(),
        endpoint: Some(endpoint.parse().unwrap()),
        prefer: Vec::new(),
        listener: format!("listener-{number}"),
        role: Role::Listener,
        ack: Ack::App,
        owed: Owed::Deliver,
        since: None,
        resume: Vec::new(),
    }
}

/// A deadline short enough to wait for.
pub(crate) fn short_deadline(config: &mut Config) {
    config.limits.reply_deadline = Duration::from_secs(1);
}
