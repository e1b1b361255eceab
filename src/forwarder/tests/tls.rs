//! Apps that speak https, with certificates that nobody vouches for.

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls_pki_types::PrivatePkcs8KeyDer;
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;

use super::app::{App, body_of, ok, read_request};
use super::*;

pub(super) fn acceptor(alpn: &[&[u8]]) -> TlsAcceptor {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    TlsAcceptor::from(Arc::new(config))
}

/// An app that echoes over TLS.
async fn app() -> App {
    let acceptor = acceptor(&[b"h2", b"http/1.1"]);
    App::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
            while let Some(request) = read_request(&mut stream).await {
                stream.write_all(&ok(body_of(&request))).await.unwrap();
                stream.flush().await.unwrap();
            }
        }
    })
    .await
}

#[tokio::test]
async fn a_self_signed_certificate_is_taken_on_loopback_and_that_is_said_once() {
    let app = app().await;
    for host in ["localhost", "127.0.0.1"] {
        let (mut forwarder, to) = (forwarder(), target(format!("https://{host}:{}", app.port)));
        let done = forward(&mut forwarder, &to, "one").await;
        let (code, message) = done.notices.last().cloned().unwrap();
        assert_eq!(code, "app_certificate");
        assert!(
            message.starts_with(&format!("the certificate of {host}:{} is not one", app.port)),
            "{message}"
        );
        assert_eq!(&*reply(done).body, b"one");
        let done = forward(&mut forwarder, &to, "two").await;
        assert_eq!(done.notices, []);
        assert_eq!(&*reply(done).body, b"two");
    }
    assert_eq!(app.accepted(), 2, "connections are kept under TLS too");
}

#[tokio::test]
async fn with_skip_verify_nothing_is_said() {
    let app = app().await;
    let mut forwarder: Forwarder<u32> = Forwarder::new(Options { skip_verify: true, ..options() });
    let done = forward(&mut forwarder, &target(format!("https://127.0.0.1:{}", app.port)), "x").await;
    assert_eq!(done.notices, []);
    assert_eq!(&*reply(done).body, b"x");
}

#[tokio::test]
async fn large_bodies_travel_over_tls() {
    let app = app().await;
    let body: Vec<u8> = (0..900_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let to = target(format!("https://127.0.0.1:{}", app.port));
    let mut forwarder = forwarder();
    for _ in 0..2 {
        assert!(reply(forward(&mut forwarder, &to, body.clone()).await).body == body);
    }
    assert_eq!(app.accepted(), 1);
}

#[tokio::test]
async fn an_app_may_close_without_a_goodbye() {
    let acceptor = acceptor(&[]);
    let app = App::start(move |_, stream| {
        let acceptor = acceptor.clone();
        async move {
            let mut stream = acceptor.accept(stream).await.unwrap();
            read_request(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nto the end").await.unwrap();
            stream.flush().await.unwrap();
        }
    })
    .await;
    let to = target(format!("https://127.0.0.1:{}", app.port));
    assert_eq!(&*reply(forward(&mut forwarder(), &to, "x").await).body, b"to the end");
}

#[tokio::test]
async fn an_app_that_speaks_no_https() {
    let app = App::start(|_, mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n").await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let to = target(format!("https://localhost:{}/x", app.port));
    let (reason, message, hint) = failure(forward(&mut forwarder(), &to, "x").await);
    assert_eq!(reason, FailReason::Tls);
    assert_eq!(message, format!("localhost:{} does not speak https", app.port));
    assert_eq!(hint, format!("forward to http://localhost:{}", app.port));
}

#[tokio::test]
async fn an_app_that_closes_in_the_handshake() {
    let app = App::start(|_, _| async {}).await;
    let to = target(format!("https://127.0.0.1:{}", app.port));
    let (reason, message, _) = failure(forward(&mut forwarder(), &to, "x").await);
    assert_eq!(reason, FailReason::Tls);
    assert!(message.starts_with(&format!("no TLS connection with 127.0.0.1:{}: ", app.port)), "{message}");
}

#[tokio::test]
async fn plain_http_to_an_app_that_speaks_https() {
    let app = app().await;
    let (reason, message, hint) = failure(forward(&mut forwarder(), &target(app.url()), "x").await);
    assert_eq!(reason, FailReason::Protocol);
    assert_eq!(message, format!("127.0.0.1:{} speaks https, not http", app.port));
    assert_eq!(hint, format!("forward to https://127.0.0.1:{}", app.port));
}
