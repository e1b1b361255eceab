//! The relay gets its certificate by itself, from a directory that checks all of it.

mod directory;
mod proof;
mod trouble;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use muxhook_link::Now;
use muxhook_relay::accounts::Token;
use muxhook_relay::config::{Acme, Config};
use muxhook_relay::server;
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::{advance, pause, resume};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;

use crate::harness::{Client, soon};
use directory::{DAY, Directory, Trouble};

const NAMES: [&str; 2] = ["hooks.example.test", "two.example.test"];

/// A relay that asks a directory.
struct Relay {
    tls: SocketAddr,
    http: Option<SocketAddr>,
    admin: SocketAddr,
    dir: Arc<TempDir>,
    shutdown: CancellationToken,
    run: JoinHandle<()>,
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.run.abort();
    }
}

impl Relay {
    async fn start(directory: &Directory) -> Self {
        Self::on(Arc::new(tempfile::tempdir().unwrap()), directory, Now::system(), |_| ()).await
    }

    /// The directory learns where the relay is.
    async fn on(dir: Arc<TempDir>, directory: &Directory, now: Now, change: impl FnOnce(&mut Acme)) -> Self {
        let relay = Self::apart(dir, &directory.url(), &directory.ca_pem(), now, change).await;
        let mut books = directory.books();
        (books.tls, books.http) = (Some(relay.tls), relay.http);
        drop(books);
        relay
    }

    async fn apart(dir: Arc<TempDir>, url: &str, ca: &str, now: Now, change: impl FnOnce(&mut Acme)) -> Self {
        let free = (Ipv4Addr::LOCALHOST, 0).into();
        let mut config = Config::embedded(dir.path().join("relay"), free, Token::random().unwrap());
        std::fs::write(dir.path().join("ca.pem"), ca).unwrap();
        let mut acme = Acme {
            domains: NAMES.iter().map(|name| name.parse().unwrap()).collect(),
            email: Some("ops@example.test".parse().unwrap()),
            directory: url.parse().unwrap(),
            ca: Some(dir.path().join("ca.pem")),
            http: Vec::new(),
        };
        change(&mut acme);
        (config.acme, config.admin) = (Some(acme), Some(free));
        let relay = server::Relay::bind(config, now).await.unwrap();
        let (tls, admin) = (relay.local_addrs()[0], relay.admin_addr().unwrap());
        assert_eq!(relay.public_url().as_str(), format!("https://{}:{}", NAMES[0], tls.port()));
        let http = relay.acme_addrs().first().copied();
        let shutdown = CancellationToken::new();
        let run = tokio::spawn(relay.run(shutdown.clone()));
        Self { tls, http, admin, dir, shutdown, run }
    }

    async fn end(mut self) -> Arc<TempDir> {
        self.shutdown.cancel();
        soon(&mut self.run).await.unwrap();
        Arc::clone(&self.dir)
    }

    /// A client that trusts the directory's authority alone.
    async fn connect(&self, directory: &Directory, name: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(directory.ca()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"acme-tls/1".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let tcp = TcpStream::connect(self.tls).await.unwrap();
        soon(TlsConnector::from(Arc::new(config)).connect(name, tcp)).await
    }

    /// The certificate, as soon as there is one that is not `old`.
    async fn certificate(&self, directory: &Directory, old: Option<&Leaf>) -> Leaf {
        let arrives = async {
            loop {
                if let Ok(stream) = self.connect(directory, NAMES[0]).await {
                    let leaf = stream.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned();
                    if Some(&leaf) != old {
                        return leaf;
                    }
                }
            }
        };
        soon(arrives).await
    }

    async fn ask(&self, path: &str) -> (u16, String) {
        get(self.admin, path).await
    }

    /// Waits until so many tries have failed.
    async fn failures(&self, count: u32) {
        let line = format!("muxhook_certificate_failures_total {count}\n");
        soon(async { while !self.ask("/metrics").await.1.contains(&line) {} }).await;
    }

    async fn faults(&self) -> (u16, String) {
        let (status, report) = self.ask("/readyz").await;
        let report: serde_json::Value = serde_json::from_str(&report).unwrap();
        let faults = report["faults"].as_array().unwrap().iter();
        (status, faults.map(|fault| fault["fault"].as_str().unwrap()).collect::<Vec<_>>().join(" "))
    }
}

type Leaf = CertificateDer<'static>;

async fn get(at: SocketAddr, path: &str) -> (u16, String) {
    let mut client = Client::new(TcpStream::connect(at).await.unwrap());
    client.send(format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await;
    let response = client.response().await;
    (response.status, String::from_utf8(response.body).unwrap())
}

/// Lets time go by for whoever sleeps. Nothing may be under way.
async fn pass(time: Duration) {
    pause();
    advance(time).await;
    resume();
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_certificate_is_got_used_and_kept_over_a_restart() {
    let directory = Directory::start().await;
    directory.books().bad_nonces = 2;
    let relay = Relay::start(&directory).await;
    relay.certificate(&directory, None).await;
    assert_eq!(directory.books().why_not, Vec::<String>::new());
    assert_eq!(directory.books().contact, serde_json::json!(["mailto:ops@example.test"]));
    for name in NAMES {
        let stream = relay.connect(&directory, name).await.unwrap();
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
        assert_eq!(Client::new(stream).post("none", "x").await.status, 404, "the relay itself answers");
    }
    assert!(relay.connect(&directory, "three.example.test").await.is_err());
    assert_eq!(relay.faults().await, (200, String::new()));
    let expires = relay.ask("/metrics").await.1;
    let expires =
        expires.lines().find_map(|line| line.strip_prefix("muxhook_certificate_expires_seconds{} "));
    let left = expires.unwrap().parse::<u64>().unwrap() - Now::system().unix_millis() / 1000;
    assert!((89 * DAY..=90 * DAY).contains(&left), "{left}");

    let asked = directory.books().asked.len();
    let dir = relay.end().await;
    assert_private(&dir.path().join("relay"));
    let relay = Relay::on(dir, &directory, Now::system(), |_| ()).await;
    relay.connect(&directory, NAMES[0]).await.expect("at once");
    assert_eq!(relay.faults().await.0, 200);
    assert_eq!(directory.books().asked.len(), asked, "nobody was asked");

    let dir = relay.end().await;
    let fewer = |acme: &mut Acme| acme.domains.truncate(1);
    let relay = Relay::on(dir, &directory, Now::system(), fewer).await;
    soon(async { while relay.connect(&directory, NAMES[1]).await.is_ok() {} }).await;
    assert!(relay.connect(&directory, NAMES[0]).await.is_ok(), "another certificate, for other names");
}

#[cfg(unix)]
fn assert_private(folder: &Path) {
    use std::os::unix::fs::MetadataExt;
    for name in ["acme-account.pem", "acme-certificate.json"] {
        let mode = std::fs::metadata(folder.join(name)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[cfg(not(unix))]
fn assert_private(_folder: &Path) {}

#[tokio::test]
async fn http_01_is_answered_where_it_has_a_port() {
    let directory = Directory::start().await;
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let with_http = |acme: &mut Acme| acme.http = vec![(Ipv4Addr::LOCALHOST, 0).into()];
    let relay = Relay::on(dir, &directory, Now::system(), with_http).await;
    relay.certificate(&directory, None).await;
    let is_asked = |kind: &str| directory.books().asked.iter().any(|(_, path)| path.contains(kind));
    assert!(is_asked("http-01") && !is_asked("tls-alpn-01"));
    let http = relay.http.unwrap();
    for path in
        ["/", "/h/shop", "/healthz", "/.well-known/acme-challenge/", "/.well-known/acme-challenge/token-0-x"]
    {
        assert_eq!(get(http, path).await.0, 404, "{path}");
    }
    let proven = format!("/.well-known/acme-challenge/token-0-{}", NAMES[0]);
    assert_eq!(get(http, &proven).await.0, 404, "proofs are taken back");
}

#[tokio::test]
async fn without_a_certificate_handshakes_fail_and_strangers_set_nothing_off() {
    let directory = Directory::start().await;
    directory.books().trouble = Some(Trouble::Limited("3600".to_owned()));
    let relay = Relay::start(&directory).await;
    relay.failures(1).await;
    let asked = directory.books().asked.len();
    for alpn in [&[&b"http/1.1"[..]][..], &[b"acme-tls/1"], &[b"acme-tls/1", b"http/1.1"], &[b"h2"], &[]] {
        for name in [NAMES[0], "stranger.test"] {
            assert!(soon(proof::handshake(relay.tls, name, alpn)).await.is_err());
        }
    }
    assert_eq!(relay.faults().await, (503, "no_certificate".to_owned()));
    assert!(!relay.ask("/metrics").await.1.contains("certificate_expires_seconds{"), "nothing is known");

    // The directory is left alone for as long as it asked.
    pass(MINUTE * 50).await;
    relay.faults().await;
    assert_eq!(directory.books().asked.len(), asked);
    pass(MINUTE * 11).await;
    relay.certificate(&directory, None).await;
    let orders = directory.orders();
    assert_eq!(orders.len(), 2);
    assert!(orders[1] - orders[0] >= MINUTE * 60, "{:?}", orders[1] - orders[0]);
    assert!(
        soon(proof::handshake(relay.tls, NAMES[0], &[b"acme-tls/1"])).await.is_err(),
        "proofs are taken back"
    );
}

#[tokio::test]
async fn what_fails_is_tried_again_later() {
    for trouble in [Trouble::Cut, Trouble::Invalid] {
        let directory = Directory::start().await;
        directory.books().trouble = Some(trouble.clone());
        let relay = Relay::start(&directory).await;
        relay.failures(1).await;
        assert_eq!(relay.faults().await, (503, "no_certificate".to_owned()));
        pass(MINUTE * 7).await;
        relay.certificate(&directory, None).await;
        assert_eq!(directory.orders().len(), 2, "{trouble:?}");
    }
}

#[tokio::test]
async fn a_directory_that_is_away_is_waited_for() {
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = gone.local_addr().unwrap();
    // Refused for as long as nobody else listens: connections are taken, and dropped before TLS.
    let drops = tokio::spawn(async move {
        while let Ok((socket, _)) = gone.accept().await {
            drop(socket);
        }
    });
    let other = Directory::start().await;
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let url = format!("https://{address}/directory");
    let relay = Relay::apart(dir, &url, &other.ca_pem(), Now::system(), |_| ()).await;
    for count in 1..4 {
        relay.failures(count).await;
        pass(Duration::from_secs(10 << (count - 1)) * 5 / 4).await;
    }
    drops.abort();
    assert_eq!(relay.faults().await, (503, "no_certificate".to_owned()));
}

#[tokio::test]
async fn a_directory_with_another_certificate_is_told_nothing() {
    let (directory, other) = (Directory::start().await, Directory::start().await);
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let relay = Relay::apart(dir, &directory.url(), &other.ca_pem(), Now::system(), |_| ()).await;
    relay.failures(1).await;
    assert!(directory.books().asked.is_empty());
}

#[tokio::test]
async fn nobody_but_the_directory_is_asked() {
    let directory = Directory::start().await;
    let trap = TcpListener::bind("127.0.0.1:0").await.unwrap();
    directory.books().trouble = Some(Trouble::Elsewhere(trap.local_addr().unwrap()));
    let relay = Relay::start(&directory).await;
    relay.failures(1).await;
    let came = tokio::select! {
        biased;
        _ = trap.accept() => true,
        () = std::future::ready(()) => false,
    };
    assert!(!came);
}

static LATER: AtomicU64 = AtomicU64::new(0);

/// The system's clock, and as many seconds as the test below says.
fn later() -> u64 {
    Now::system().unix_millis() + LATER.load(Ordering::Relaxed) * 1000
}

#[tokio::test]
async fn it_is_renewed_in_good_time_and_kept_when_that_fails() {
    let directory = Directory::start().await;
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let relay = Relay::on(dir, &directory, Now::from_fn(later), |_| ()).await;
    let first = relay.certificate(&directory, None).await;

    LATER.store(59 * DAY, Ordering::Relaxed);
    pass(MINUTE + Duration::from_secs(1)).await;
    assert_eq!(relay.certificate(&directory, None).await, first);
    assert_eq!(directory.orders().len(), 1, "two thirds are not over");

    directory.books().trouble = Some(Trouble::Invalid);
    LATER.store(64 * DAY, Ordering::Relaxed);
    pass(MINUTE + Duration::from_secs(1)).await;
    relay.failures(1).await;
    assert_eq!(relay.certificate(&directory, None).await, first, "the old one stays");
    assert_eq!(relay.faults().await, (200, String::new()));
    LATER.store(88 * DAY, Ordering::Relaxed);
    assert_eq!(relay.faults().await, (503, "certificate_expires".to_owned()));

    LATER.store(64 * DAY, Ordering::Relaxed);
    pass(MINUTE * 7).await;
    relay.certificate(&directory, Some(&first)).await;
    assert_eq!(directory.orders().len(), 3);
}
