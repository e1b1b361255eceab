use std::fs;
use std::io;
use std::time::SystemTime;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;

/// A folder with a certificate for `localhost`.
struct Files {
    dir: TempDir,
    certificate: CertificateDer<'static>,
}

impl Files {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let certificate = write_pair(&dir);
        Self { dir, certificate }
    }

    fn cert(&self) -> std::path::PathBuf {
        self.dir.path().join("cert.pem")
    }

    fn key(&self) -> std::path::PathBuf {
        self.dir.path().join("key.pem")
    }

    fn load(&self) -> Result<Tls, TlsError> {
        Tls::load(&self.cert(), &self.key(), Now::system())
    }

    fn refusal(&self) -> String {
        self.load().unwrap_err().to_string().replace(&self.dir.path().display().to_string(), "<dir>")
    }
}

fn write_pair(dir: &TempDir) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    fs::write(dir.path().join("key.pem"), signing_key.serialize_pem()).unwrap();
    fs::write(dir.path().join("cert.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

/// As [`write_pair`], of a certificate whose time is over.
fn write_expired(dir: &TempDir) {
    let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    (params.not_before, params.not_after) =
        (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(2021, 1, 1));
    let key = rcgen::KeyPair::generate().unwrap();
    fs::write(dir.path().join("key.pem"), key.serialize_pem()).unwrap();
    fs::write(dir.path().join("cert.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
}

#[test]
fn what_has_expired_takes_the_place_of_nothing_that_has_not() {
    let files = Files::new();
    let tls = files.load().unwrap();
    write_expired(&files.dir);
    let refused = tls.reread().read().unwrap_err().to_string();
    assert!(refused.ends_with("cert.pem has expired"), "{refused}");
    assert!(!tls.reread().has_expired(), "the one before stays");

    let tls = files.load().unwrap();
    assert!(tls.reread().has_expired(), "where there is no other, it is served, and told");
    tls.reread().read().unwrap();
    write_pair(&files.dir);
    tls.reread().read().unwrap();
    assert!(!tls.reread().has_expired());
}

/// File systems may keep times coarsely: this makes sure that the change is seen.
fn age(path: &Path, seconds: u64) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)).unwrap();
}

/// A handshake over loopback with a client that trusts `root` alone.
async fn handshake(
    tls: &TlsAcceptor,
    root: &CertificateDer<'static>,
    versions: &[&'static SupportedProtocolVersion],
    alpn: &str,
) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(root.clone()).unwrap();
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![alpn.into()];
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (accepted, _) = listener.accept().await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let client = TlsConnector::from(Arc::new(config));
    let (client, _server) = tokio::join!(client.connect(name, tcp), tls.accept(accepted));
    client
}

const ALL: &[&SupportedProtocolVersion] = rustls::ALL_VERSIONS;

#[tokio::test]
async fn both_versions_agree_on_http_1_1() {
    let files = Files::new();
    let acceptor = files.load().unwrap().acceptor();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = handshake(&acceptor, &files.certificate, &[version], "http/1.1").await.unwrap();
        let (_, session) = client.get_ref();
        assert_eq!(session.protocol_version(), Some(version.version));
        assert_eq!(session.alpn_protocol(), Some(&b"http/1.1"[..]));
    }
}

#[tokio::test]
async fn http_2_alone_is_refused() {
    let files = Files::new();
    let error =
        handshake(&files.load().unwrap().acceptor(), &files.certificate, ALL, "h2").await.unwrap_err();
    assert!(error.to_string().contains("NoApplicationProtocol"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_changed_certificate_is_served_without_a_restart() {
    let files = Files::new();
    let tls = files.load().unwrap();
    let acceptor = tls.acceptor();
    let shutdown = CancellationToken::new();
    let watch = tokio::spawn(tls.watch(Arc::default(), shutdown.clone()));

    let renewed = write_pair(&files.dir);
    age(&files.cert(), 1);
    tokio::time::sleep(POLL * 2).await;
    assert!(handshake(&acceptor, &renewed, ALL, "http/1.1").await.is_ok());
    assert!(handshake(&acceptor, &files.certificate, ALL, "http/1.1").await.is_err());

    shutdown.cancel();
    watch.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn an_unusable_change_keeps_the_certificate_and_a_later_good_one_is_taken() {
    let files = Files::new();
    let tls = files.load().unwrap();
    let acceptor = tls.acceptor();
    tokio::spawn(tls.watch(Arc::default(), CancellationToken::new()));

    for broken in ["", "-----BEGIN CERTIFICATE-----\nAAAA", "not a certificate"] {
        fs::write(files.cert(), broken).unwrap();
        tokio::time::sleep(POLL * 2).await;
        assert!(handshake(&acceptor, &files.certificate, ALL, "http/1.1").await.is_ok(), "{broken}");
    }
    fs::remove_file(files.cert()).unwrap();
    tokio::time::sleep(POLL * 2).await;
    assert!(handshake(&acceptor, &files.certificate, ALL, "http/1.1").await.is_ok());

    let renewed = write_pair(&files.dir);
    tokio::time::sleep(POLL * 2).await;
    assert!(handshake(&acceptor, &renewed, ALL, "http/1.1").await.is_ok());
}

#[test]
fn what_is_wrong_with_the_files_is_named() {
    let files = Files::new();
    let (cert, key) = (fs::read(files.cert()).unwrap(), fs::read(files.key()).unwrap());

    fs::write(files.cert(), &key).unwrap();
    insta::assert_snapshot!(files.refusal(), @"<dir>/cert.pem holds no certificate: it needs a -----BEGIN CERTIFICATE----- section, the server's first");
    fs::write(files.cert(), "-----BEGIN CERTIFICATE-----\nAAAA").unwrap();
    insta::assert_snapshot!(files.refusal(), @"<dir>/cert.pem is no well-formed PEM: a section has no -----END line");
    fs::write(files.cert(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    insta::assert_snapshot!(files.refusal(), @"the first certificate in <dir>/cert.pem can't be used: invalid peer certificate: BadEncoding");

    fs::write(files.cert(), &cert).unwrap();
    fs::write(files.key(), &cert).unwrap();
    insta::assert_snapshot!(files.refusal(), @"<dir>/key.pem holds no private key: it needs a -----BEGIN PRIVATE KEY----- section that is not encrypted");
    fs::write(files.key(), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").unwrap();
    insta::assert_snapshot!(files.refusal(), @"the private key in <dir>/key.pem can't be used: failed to parse private key as RSA, ECDSA, or EdDSA");
    fs::write(files.key(), rcgen::KeyPair::generate().unwrap().serialize_pem()).unwrap();
    insta::assert_snapshot!(files.refusal(), @"the private key in <dir>/key.pem is not that of the first certificate in <dir>/cert.pem: give the key that the certificate was made for, and in the certificate's file the server's own first");
    fs::remove_file(files.key()).unwrap();
    insta::assert_snapshot!(files.refusal(), @"<dir>/key.pem can't be read: No such file or directory (os error 2)");
}

#[tokio::test(start_paused = true)]
async fn the_metrics_know_when_the_certificate_in_use_expires() {
    let files = Files::new();
    let issue = |year| {
        let mut params = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        fs::write(files.key(), key.serialize_pem()).unwrap();
        fs::write(files.cert(), params.self_signed(&key).unwrap().pem()).unwrap();
    };
    issue(2050);
    let metrics = Arc::new(Metrics::default());
    tokio::spawn(files.load().unwrap().watch(Arc::clone(&metrics), CancellationToken::new()));
    let expires = |unix: u64| {
        let text = metrics.text(crate::metrics::Snapshot::default());
        assert!(text.contains(&format!("\nmuxhook_certificate_expires_seconds{{}} {unix}\n")), "{text}");
    };
    tokio::time::sleep(POLL / 2).await;
    expires(2_524_608_000);
    issue(2060);
    age(&files.cert(), 1);
    tokio::time::sleep(POLL * 2).await;
    expires(2_840_140_800);
    fs::write(files.cert(), "").unwrap();
    tokio::time::sleep(POLL * 2).await;
    expires(2_840_140_800);
}
