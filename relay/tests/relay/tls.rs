//! The relay with a certificate of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use muxhook_relay::config::{Config, TlsFiles};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::crypto::ring;
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::join;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::harness::{Cli, Client, Relay, greet, hello, replied, skipped, soon, upgrade_over};

struct Secure {
    relay: Relay,
    certificate: CertificateDer<'static>,
}

impl Secure {
    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (files, certificate) = pair(folder.path());
        let relay = Relay::with(|config| {
            config.tls = Some(files);
            change(config);
        })
        .await;
        Self { relay, certificate }
    }

    async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_as(self.client(rustls::ALL_VERSIONS, &["h2", "http/1.1"])).await.unwrap()
    }

    /// What a client keeps over its connections.
    fn client(&self, versions: &[&'static SupportedProtocolVersion], alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.certificate.clone()).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(versions)
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }

    async fn connect_as(&self, client: Arc<ClientConfig>) -> std::io::Result<TlsStream<TcpStream>> {
        self.encrypt(TcpStream::connect(self.relay.addr).await.unwrap(), client).await
    }

    async fn encrypt(
        &self,
        tcp: TcpStream,
        client: Arc<ClientConfig>,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let name = ServerName::try_from("localhost").unwrap();
        soon(TlsConnector::from(client).connect(name, tcp)).await
    }

    async fn listen(&self, endpoint: &str) -> Cli {
        let socket = upgrade_over(self.connect().await, &self.relay.token).await.unwrap();
        let (link, welcome) = greet(socket, hello(endpoint)).await.expect("welcome");
        Cli::over(link, welcome)
    }
}

fn pair(folder: &Path) -> (TlsFiles, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let files = TlsFiles { cert: folder.join("cert.pem"), key: folder.join("key.pem") };
    std::fs::write(&files.cert, cert.pem()).unwrap();
    std::fs::write(&files.key, signing_key.serialize_pem()).unwrap();
    (files, cert.der().clone())
}

#[tokio::test]
async fn a_webhook_and_a_session_go_over_tls() {
    let secure = Secure::with(|_| ()).await;
    let mut cli = secure.listen("shop").await;
    let port = secure.relay.addr.port();
    assert_eq!(cli.welcome.public_url, format!("https://127.0.0.1:{port}/h/shop"));
    let stream = secure.connect().await;
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]), "no HTTP/2, whatever is offered");
    let mut sender = Client::new(stream);
    let body = "large ".repeat(100_000);
    let (response, delivery) = join!(sender.post("shop", &body), cli.handle(replied(200, &[], body.clone())));
    assert!(response.text() == body && *delivery.body == *body.as_bytes());
    assert_eq!(delivery.headers.get("x-forwarded-proto"), Some(&b"https"[..]));
    let (response, _) = join!(sender.post("shop", "again"), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn what_speaks_no_tls_is_hung_up_on_alone() {
    let secure = Secure::with(|_| ()).await;
    let mut cli = secure.listen("shop").await;
    let mut sender = Client::new(secure.connect().await);
    let mut plain = secure.relay.connect().await;
    plain.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    let told = plain.rest().await;
    assert!(!told.starts_with(b"HTTP"), "{}", String::from_utf8_lossy(&told));
    let (response, _) = join!(sender.post("shop", ""), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn a_handshake_that_never_ends_holds_up_no_restart() {
    let mut secure = Secure::with(|config| config.limits.grace = Duration::from_secs(3600)).await;
    let begun = secure.relay.connect().await;
    // The relay has taken the silent connection in when it has taken a later one in.
    drop(secure.connect().await);
    secure.relay.shutdown.cancel();
    let down = tokio::time::timeout(Duration::from_secs(5), &mut secure.relay.run).await;
    down.expect("the handshake's own limit is 10 s").unwrap();
    assert_eq!(begun.rest().await, b"");
}

#[tokio::test]
async fn who_comes_again_resumes_the_session_by_a_ticket() {
    let secure = Secure::with(|_| ()).await;
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = secure.client(&[version], &["http/1.1"]);
        for expected in [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed] {
            let stream = secure.connect_as(Arc::clone(&client)).await.unwrap();
            let session = stream.get_ref().1;
            assert_eq!(session.handshake_kind(), Some(expected), "{version:?}");
            assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
            // TLS 1.3 has its tickets behind the handshake, before the first answer.
            assert_eq!(Client::new(stream).post("none", "x").await.status, 404);
        }
    }
}

#[tokio::test]
async fn there_is_no_way_to_http_2() {
    let secure = Secure::with(|_| ()).await;
    for alpn in ["h2", "h3", "http/1.0", "acme-tls/1"] {
        let refused = secure.connect_as(secure.client(rustls::ALL_VERSIONS, &[alpn])).await.unwrap_err();
        assert!(refused.to_string().contains("NoApplicationProtocol"), "{alpn}: {refused}");
    }
    // Nor by an upgrade, which RFC 9113 has done away with.
    let mut client = Client::new(secure.connect().await);
    for path in ["/healthz", "/h/x", "/_relay/v1/connect"] {
        client
            .send(format!(
                "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n\
                 http2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\n\r\n"
            ))
            .await;
        let response = client.response().await;
        assert!(matches!(response.status, 200 | 401), "{path}: {}", response.status);
    }
    let mut client = Client::new(secure.connect().await);
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(!client.rest().await.starts_with(b"HTTP/1.1 2"));
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_waited_for() {
    let secure = Secure::with(|config| config.limits.handshake_timeout = Duration::from_millis(200)).await;
    let (silent, mut begun) = (secure.relay.connect().await, secure.relay.connect().await);
    begun.send([0x16, 3, 1]).await;
    assert_eq!((silent.rest().await, begun.rest().await), (vec![], vec![]));
    let mut sender = Client::new(secure.connect().await);
    assert_eq!(sender.post("nobody", "").await.status, 404);
}

#[tokio::test]
async fn handshakes_that_fail_count_as_failing_requests_do() {
    let secure = Secure::with(|config| config.admin = Some((std::net::Ipv4Addr::LOCALHOST, 0).into())).await;
    let mut cli = secure.listen("shop").await;
    for _ in 0..80 {
        let mut plain = secure.relay.connect().await;
        plain.try_send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
        plain.rest().await;
    }
    assert_eq!(secure.relay.counted("connections_failed_total{reason=\"tls\"}").await, 80);
    let failing = async || Client::new(secure.connect().await).post("nobody", "").await.status;
    // A second gives one more, and this machine may be slow.
    soon(async { while failing().await != 429 {} }).await;
    // What is right passes all the same, from the same source and on a new connection.
    let mut sender = Client::new(secure.connect().await);
    let (response, _) = join!(sender.post("shop", ""), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

/// Who was accepted is served, though the relay was told to end before the first byte came.
#[tokio::test]
async fn a_handshake_that_is_under_way_when_the_relay_goes_down_is_finished() {
    let mut secure = Secure::with(|config| config.limits.grace = Duration::from_secs(3600)).await;
    let begun = TcpStream::connect(secure.relay.addr).await.unwrap();
    drop(secure.connect().await);
    secure.relay.shutdown.cancel();
    let client = secure.client(rustls::ALL_VERSIONS, &["http/1.1"]);
    let mut client = Client::new(secure.encrypt(begun, client).await.unwrap());
    client.send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let response = client.response().await;
    assert_eq!((response.text(), response.get("connection")), ("ok\n", "close"));
    soon(&mut secure.relay.run).await.unwrap();
}
