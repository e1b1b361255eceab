//! TLS between a CLI and its relay: the certificate is renewed while it runs, and who comes back need not begin anew.

use std::time::Duration;

use muxhook::dial::{DialOptions, Dialer, Stream};
use muxhook::relay_url::RelayUrl;
use rustls::HandshakeKind;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::sleep;

use crate::harness::{App, Relay, User, run};

#[test]
fn new_connections_see_the_new_certificate_and_old_ones_go_on() {
    run(|| async {
        let relay = Relay::secure().await;
        let app = App::saying("thanks");
        let mut cli = User::of(&relay).listen(&["--forward-to", &app.url()]).await;
        assert!(cli.address.starts_with("https://"), "{}", cli.address);
        let mut sender = relay.connect().await;
        assert_eq!(sender.post(cli.path(), "before").await.by(), (200, "app"));
        let old = relay.certificate().await;

        let new = relay.replace_certificate();
        assert_ne!(old, new);
        while relay.certificate().await != new {
            sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(sender.post(cli.path(), "over an old connection").await.by(), (200, "app"));
        assert_eq!(relay.post(cli.path(), "over a new one").await.by(), (200, "app"));
        let summary = cli.stop().await;
        assert_eq!((&summary["forwarded"], cli.told("disconnected")), (&3.into(), 0));
    });
}

#[test]
fn a_cli_that_comes_back_resumes_its_tls_session() {
    run(|| async {
        let relay = Relay::secure().await;
        let relay_ca = Some(relay.authority().unwrap().file());
        let dialer = Dialer::new(DialOptions { relay_ca, ..DialOptions::default() }).unwrap();
        let mut kinds = Vec::new();
        for _ in 0..3 {
            let url = RelayUrl::parse(&relay.url(), false).unwrap();
            let mut stream = dialer.connect(&url).await.unwrap();
            // Tickets are read with the first that the relay says.
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: relay\r\nconnection: close\r\n\r\n")
                .await
                .unwrap();
            stream.read_to_end(&mut Vec::new()).await.unwrap();
            let Stream::Tls(stream) = stream else { panic!("no TLS") };
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds, [HandshakeKind::Full, HandshakeKind::Resumed, HandshakeKind::Resumed]);
    });
}
