use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use super::*;

/// A certificate authority of this test alone, in a file for `--relay-ca`.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    file: tempfile::NamedTempFile,
}

impl Authority {
    pub(crate) fn new() -> Self {
        Self::named("our authority")
    }

    fn named(name: &str) -> Self {
        Self::with_key(name, KeyPair::generate().unwrap())
    }

    fn with_key(name: &str, key: KeyPair) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { issuer: Issuer::new(params, key), file }
    }

    /// A server's side of TLS with a certificate that signed itself, as whoever sets up a relay in a hurry makes one.
    fn itself(is_ca: IsCa) -> (Self, TlsAcceptor) {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let cert = params.self_signed(&key).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), cert.pem()).unwrap();
        let acceptor = serving(cert.der().clone(), &key);
        (Self { issuer: Issuer::new(params, key), file }, acceptor)
    }

    /// A server's side of TLS under `name`, from year `from` to year `to`.
    pub(crate) fn acceptor(&self, name: &str, from: i32, to: i32) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(from, 1, 1);
        params.not_after = rcgen::date_time_ymd(to, 1, 1);
        let cert = params.signed_by(&key, &self.issuer).unwrap();
        serving(cert.der().clone(), &key)
    }

    pub(crate) fn dialer(&self) -> Dialer {
        dialer(Some(self.file.path().to_owned()), &[])
    }
}

/// A server's side of TLS.
fn serving(cert: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert], PrivateKeyDer::try_from(key.serialize_der()).unwrap())
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}

fn dialer(relay_ca: Option<PathBuf>, env: &[(&str, &str)]) -> Dialer {
    let get = |name: &str| env.iter().find(|pair| pair.0 == name).map(|pair| pair.1.to_owned());
    Dialer::new(DialOptions { relay_ca, proxies: ProxySettings::from_env(get) }).unwrap()
}

fn relay(text: &str) -> RelayUrl {
    RelayUrl::parse(text, true).unwrap()
}

/// Serves one TLS connection, which greets with `hello`.
async fn tls_server(acceptor: TlsAcceptor) -> (u16, JoinHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    (port, serving)
}

async fn greeting(stream: Stream) -> String {
    let mut text = String::new();
    { stream }.read_to_string(&mut text).await.unwrap();
    text
}

#[tokio::test]
async fn trusts_the_further_root() {
    let authority = Authority::new();
    let (port, serving) = tls_server(authority.acceptor("localhost", 2020, 2100)).await;
    let stream = authority.dialer().connect(&relay(&format!("https://localhost:{port}"))).await.unwrap();
    assert_eq!(greeting(stream).await, "hello");
    serving.await.unwrap();
}

#[tokio::test]
async fn a_redial_resumes_the_session() {
    let authority = Authority::new();
    let acceptor = authority.acceptor("localhost", 2020, 2100);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        for _ in 0..3 {
            let mut stream = acceptor.accept(listener.accept().await.unwrap().0).await.unwrap();
            stream.write_all(b"hello").await.unwrap();
            stream.shutdown().await.unwrap();
        }
    });
    // As a session has it: one dialer, or a clone of it, for every attempt.
    let dialer = authority.dialer();
    for kind in [rustls::HandshakeKind::Full, rustls::HandshakeKind::Resumed, rustls::HandshakeKind::Resumed]
    {
        let stream = dialer.clone().connect(&relay(&format!("https://localhost:{port}"))).await.unwrap();
        let Stream::Tls(tls) = &stream else { panic!("without TLS") };
        assert_eq!(tls.get_ref().1.handshake_kind(), Some(kind));
        assert_eq!(greeting(stream).await, "hello");
    }
    serving.await.unwrap();
}

async fn tls_error(dialer: &Dialer, acceptor: TlsAcceptor) -> DialError {
    let (port, serving) = tls_server(acceptor).await;
    let error = dialer.connect(&relay(&format!("https://localhost:{port}"))).await.unwrap_err();
    serving.await.unwrap();
    error
}

#[tokio::test]
async fn a_refused_certificate_says_what_to_do() {
    let authority = Authority::new();
    let ours = authority.dialer();
    for (dialer, acceptor, said) in [
        (&ours, authority.acceptor("other.example", 2020, 2100), "is not made for localhost"),
        (&ours, authority.acceptor("localhost", 2020, 2021), "has expired"),
        (
            &ours,
            authority.acceptor("localhost", 2099, 2100),
            "is not valid yet: is this machine's clock right?",
        ),
        (
            &Authority::named("another").dialer(),
            authority.acceptor("localhost", 2020, 2100),
            "with --relay-ca FILE",
        ),
        (
            &Authority::new().dialer(),
            authority.acceptor("localhost", 2020, 2100),
            "is --relay-ca up to date?",
        ),
        (
            &Authority::with_key("our authority", KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap())
                .dialer(),
            authority.acceptor("localhost", 2020, 2100),
            "is --relay-ca up to date?",
        ),
    ] {
        let error = tls_error(dialer, acceptor).await;
        assert!(error.to_string().starts_with("the certificate of the relay at localhost:"), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn a_certificate_that_signed_itself_is_trusted_once_it_is_given() {
    let (own, acceptor) = Authority::itself(IsCa::NoCa);
    let error = tls_error(&Authority::new().dialer(), acceptor.clone()).await;
    assert!(error.to_string().contains("with --relay-ca FILE"), "{error}");
    let (port, serving) = tls_server(acceptor).await;
    let stream = own.dialer().connect(&relay(&format!("https://localhost:{port}"))).await.unwrap();
    assert_eq!(greeting(stream).await, "hello");
    serving.await.unwrap();

    let (own, acceptor) = Authority::itself(IsCa::Ca(BasicConstraints::Unconstrained));
    for dialer in [Authority::new().dialer(), own.dialer()] {
        let error = tls_error(&dialer, acceptor.clone()).await;
        assert!(error.to_string().contains("basicConstraints=critical,CA:FALSE"), "{error}");
        assert!(!error.is_transient());
    }
}

#[tokio::test]
async fn plain_http_behind_https_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        let _ = stream.read(&mut [0; 1024]).await;
    });
    let error =
        Authority::new().dialer().connect(&relay(&format!("https://127.0.0.1:{port}"))).await.unwrap_err();
    serving.await.unwrap();
    assert_eq!(
        error.to_string(),
        format!("the relay at 127.0.0.1:{port} does not speak TLS: is this the port for https?")
    );
    assert!(!error.is_transient());
}

#[test]
fn a_bad_root_file_is_told_at_once() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let refused = |relay_ca: PathBuf| {
        let options = DialOptions { relay_ca: Some(relay_ca), ..DialOptions::default() };
        Dialer::new(options).unwrap_err().to_string()
    };
    assert!(refused("/nowhere/ca.pem".into()).contains("/nowhere/ca.pem"));
    assert!(refused(file.path().into()).ends_with("no `-----BEGIN CERTIFICATE-----` stands in it"));
    let pem = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
    std::fs::write(file.path(), pem).unwrap();
    assert!(refused(file.path().into()).contains("BadEncoding"), "{}", refused(file.path().into()));
}

#[tokio::test]
async fn nobody_there_is_transient() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = dialer(None, &[]).connect(&relay(&format!("http://127.0.0.1:{port}"))).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "the relay at 127.0.0.1:{port} cannot be reached: nothing listens there (connection refused)"
        )
    );
    assert!(error.is_transient());
    let error = dialer(None, &[]).connect(&relay("http://no-such-host.invalid")).await.unwrap_err();
    assert!(error.to_string().contains("its name does not resolve"), "{error}");
    assert!(error.is_transient());
}

/// A proxy for one connection: takes the request's head, answers `answer`, and on a 200 leads to `target`.
async fn proxy(answer: &'static str, target: u16) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(answer.as_bytes()).await.unwrap();
        if answer.contains(" 200 ") {
            let mut onward = TcpStream::connect(("127.0.0.1", target)).await.unwrap();
            let _ = copy_bidirectional(&mut stream, &mut onward).await;
        }
        String::from_utf8(head).unwrap()
    });
    (address, serving)
}

#[tokio::test]
async fn goes_through_the_proxy() {
    let authority = Authority::new();
    let (port, serving) = tls_server(authority.acceptor("relay.test", 2020, 2100)).await;
    let (address, proxying) = proxy("HTTP/1.1 200 Connection established\r\nVia: x\r\n\r\n", port).await;
    let env = format!("http://me:p%40ss@{address}");
    let dialer = dialer(Some(authority.file.path().into()), &[("HTTPS_PROXY", &env)]);
    let stream = dialer.connect(&relay("https://relay.test:8443")).await.unwrap();
    assert_eq!(greeting(stream).await, "hello");
    assert_eq!(
        proxying.await.unwrap(),
        "CONNECT relay.test:8443 HTTP/1.1\r\nHost: relay.test:8443\r\n\
         Proxy-Authorization: Basic bWU6cEBzcw==\r\n\r\n"
    );
    serving.await.unwrap();
}

#[tokio::test]
async fn goes_through_a_proxy_that_speaks_tls() {
    let authority = Authority::new();
    let (port, serving) = tls_server(authority.acceptor("relay.test", 2020, 2100)).await;
    let (address, proxying) = proxy("HTTP/1.1 200 OK\r\n\r\n", port).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let env = format!("https://{}", listener.local_addr().unwrap());
    let acceptor = authority.acceptor("127.0.0.1", 2020, 2100);
    let unwrapping = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let mut stream = acceptor.accept(stream).await.unwrap();
        let _ = copy_bidirectional(&mut stream, &mut TcpStream::connect(address).await.unwrap()).await;
    });
    let dialer = dialer(Some(authority.file.path().into()), &[("HTTPS_PROXY", &env)]);
    assert_eq!(greeting(dialer.connect(&relay("https://relay.test")).await.unwrap()).await, "hello");
    assert!(proxying.await.unwrap().starts_with("CONNECT relay.test:443 HTTP/1.1\r\n"));
    serving.await.unwrap();
    unwrapping.await.unwrap();
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told() {
    for (answer, said, transient) in [
        (
            "HTTP/1.1 407 x\r\n\r\n",
            "answered 407 Proxy Authentication Required when asked for r.test:80",
            false,
        ),
        ("HTTP/1.1 403 x\r\n\r\n", "name the server in NO_PROXY", false),
        ("HTTP/1.1 502 x\r\n\r\n", "it could not reach the server", true),
        ("HTTP/1.1 200 x\r\n\r\nhello", "and went on talking", false),
        ("SSH-2.0-x\r\n", "gave no HTTP answer", false),
        ("HTTP/1.1 20", "it closed the connection", true),
    ] {
        let (address, proxying) = proxy(answer, 1).await;
        let env = format!("http://me:hunter2@{address}");
        let error = dialer(None, &[("http_proxy", &env)]).connect(&relay("http://r.test")).await.unwrap_err();
        assert!(error.to_string().starts_with(&format!("the proxy at {address} ")), "{error}");
        assert!(error.to_string().contains(said), "{error}");
        assert!(!error.to_string().contains("hunter2"), "{error}");
        assert_eq!(error.is_transient(), transient, "{error}");
        proxying.abort();
    }
}

#[tokio::test]
async fn a_proxys_endless_head_is_cut_off() {
    let endless = format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(64 * 1024));
    let (address, proxying) = proxy(Box::leak(endless.into_boxed_str()), 1).await;
    let dialer = dialer(None, &[("http_proxy", &address)]);
    let error = dialer.connect(&relay("http://r.test")).await.unwrap_err();
    assert!(error.to_string().contains("gave no HTTP answer"), "{error}");
    proxying.abort();
}

#[tokio::test]
async fn no_proxy_goes_directly() {
    let (address, proxying) = proxy("HTTP/1.1 502 x\r\n\r\n", 1).await;
    let env = [("http_proxy", address.as_str()), ("no_proxy", ".invalid")];
    let error = dialer(None, &env).connect(&relay("http://r.invalid")).await.unwrap_err();
    assert!(error.to_string().starts_with("the relay at r.invalid:80"), "{error}");
    proxying.abort();
}

#[tokio::test(start_paused = true)]
async fn every_step_has_its_time() {
    let peer = Peer::new(Peer::RELAY, "r.test", 1);
    let error = step::<()>(&peer, "connect", std::future::pending()).await.unwrap_err();
    assert_eq!(error.to_string(), "the relay at r.test:1 did not connect within 10 s");
    assert!(error.is_transient());
}
