//! How a relay goes down, and what is there when it is back.

use std::sync::Arc;
use std::time::Duration;

use muxhook_link::{LinkError, Now};
use muxhook_protocol::Frame;
use muxhook_relay::config::Config;
use muxhook_relay::server;
use tokio::join;
use tokio::net::TcpStream;

use crate::harness::{Client, Relay, echo, hello, replied, skipped, soon};

/// Whatever this relay waits for in vain, the test waits for longer.
fn patient(config: &mut Config) {
    config.limits.grace = Duration::from_secs(3600);
    config.limits.head_timeout = Duration::from_secs(3600);
}

#[tokio::test]
async fn what_is_in_flight_is_answered_before_the_relay_is_down() {
    let mut relay = Relay::with(patient).await;
    let mut cli = relay.listen("shop").await;
    let mut sender = relay.connect().await;
    sender.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    let id = cli.delivery().await.id;
    relay.shutdown.cancel();
    match cli.next().await.unwrap() {
        Frame::Restarting(restarting) => assert!((200..=2200).contains(&restarting.reconnect_in_ms)),
        other => panic!("not told: {other:?}"),
    }
    soon(async { while TcpStream::connect(relay.addr).await.is_ok() {} }).await;
    assert!(!relay.run.is_finished());
    cli.settle(id, replied(200, &[], "to the end"));
    let response = sender.response().await;
    assert_eq!((response.text(), response.get("connection")), ("to the end", "close"));
    assert_eq!(sender.rest().await, b"");
    assert!(matches!(cli.next().await, Err(LinkError::Closed)));
    soon(&mut relay.run).await.unwrap();
}

#[tokio::test]
async fn sessions_are_told_to_come_back_one_after_the_other() {
    let relay = Relay::with(patient).await;
    let mut all = Vec::new();
    for number in 0..5 {
        all.push(relay.listen(&format!("shop-{number}")).await);
    }
    relay.shutdown.cancel();
    let mut moments = Vec::new();
    for cli in &mut all {
        match cli.next().await.unwrap() {
            Frame::Restarting(restarting) => moments.push(restarting.reconnect_in_ms),
            other => panic!("{other:?}"),
        }
    }
    moments.sort_unstable();
    assert_eq!(moments, [200, 600, 1000, 1400, 1800]);
}

#[tokio::test]
async fn connections_without_a_request_hold_up_nothing() {
    let mut relay = Relay::with(patient).await;
    let _app = relay.listen("shop").await.serve(echo);
    let (silent, mut idle) = (relay.connect().await, relay.connect().await);
    assert_eq!(idle.post("shop", "x").await.text(), "x");
    relay.shutdown.cancel();
    assert_eq!((silent.rest().await, idle.rest().await), (Vec::new(), Vec::new()));
    soon(&mut relay.run).await.unwrap();
}

/// Those that the system has taken for the relay, and those that ask once more on a connection that they have.
#[tokio::test]
async fn who_asks_in_the_last_moment_is_answered_and_told_that_it_was_the_last_time() {
    const ASK: &[u8] = b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n";
    let mut relay = Relay::with(patient).await;
    let mut kept = relay.connect().await;
    kept.send(ASK).await;
    assert_eq!(kept.response().await.get("connection"), "");
    // The relay has its first turn at these when it goes down.
    let early: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(relay.addr).unwrap();
            std::io::Write::write_all(&mut stream, ASK).unwrap();
            stream.set_nonblocking(true).unwrap();
            Client::new(TcpStream::from_std(stream).unwrap())
        })
        .collect();
    relay.shutdown.cancel();
    for mut client in early {
        let response = client.response().await;
        assert_eq!((response.text(), response.get("connection")), ("ok\n", "close"));
        assert_eq!(client.rest().await, b"");
    }
    kept.send(ASK).await;
    assert_eq!(kept.response().await.get("connection"), "close");
    assert_eq!(kept.rest().await, b"");
    soon(&mut relay.run).await.unwrap();
}

#[tokio::test]
async fn what_never_ends_is_answered_after_the_grace_time() {
    let mut relay = Relay::with(|config| {
        config.limits.grace = Duration::from_millis(200);
        config.limits.reply_deadline = Duration::from_secs(3600);
        config.hold = false;
    })
    .await;
    let mut cli = relay.listen("shop").await;
    let mut sender = relay.connect().await;
    sender.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await;
    let id = cli.delivery().await.id;
    relay.shutdown.cancel();
    assert_eq!(sender.response().await.error(), (503, "going_down".into()));
    soon(&mut relay.run).await.unwrap();
    assert!(matches!(cli.next().await, Ok(Frame::Restarting(_))));
    assert_eq!(cli.next().await.unwrap(), Frame::Answered { id });
    assert!(matches!(cli.next().await, Err(LinkError::Closed)));
}

#[tokio::test]
async fn a_data_folder_serves_one_relay_at_a_time() {
    let mut relay = Relay::start().await;
    let (dir, token) = (Arc::clone(&relay.dir), relay.token.clone());
    let another = || {
        let listen = (std::net::Ipv4Addr::LOCALHOST, 0).into();
        server::Relay::bind(Config::embedded(dir.path().join("relay"), listen, token.clone()), Now::system())
    };
    let refused = another().await.err().expect("refused").to_string();
    assert!(refused.starts_with("another relay serves from ") && refused.contains("--data-dir"), "{refused}");
    relay.shutdown.cancel();
    soon(&mut relay.run).await.unwrap();
    assert!(another().await.is_ok());
}

#[tokio::test]
async fn a_relay_that_is_dropped_listens_no_more() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    relay.run.abort();
    assert!(matches!(cli.next().await, Err(LinkError::Closed)));
    soon(async { while TcpStream::connect(relay.addr).await.is_ok() {} }).await;
}

#[tokio::test]
async fn an_address_and_a_token_outlive_the_relay() {
    let mut relay = Relay::with(patient).await;
    let cli = relay.dial(muxhook_protocol::frame::Hello { endpoint: None, ..hello("any") }).await;
    let (endpoint, url) = (cli.welcome.endpoint.clone(), cli.welcome.public_url.clone());
    assert_eq!(url, format!("http://{}/h/{endpoint}", relay.addr));
    let mut spare = relay.accounts.create_token(&"default".parse().unwrap(), "spare").unwrap();
    relay.shutdown.cancel();
    soon(&mut relay.run).await.unwrap();

    std::mem::swap(&mut relay.token, &mut spare.secret);
    let again = Relay::on(Arc::clone(&relay.dir), relay.token.clone(), |config| {
        config.bootstrap_token = None;
        config.listen = vec![relay.addr];
    })
    .await;
    assert_eq!(again.post(endpoint.as_str(), "").await.by(), (200, "held"));
    let prefer = vec![endpoint.clone()];
    let hello = muxhook_protocol::frame::Hello { endpoint: None, prefer, ..hello("any") };
    let mut cli = again.dial(hello).await;
    assert_eq!((&cli.welcome.endpoint, &cli.welcome.public_url), (&endpoint, &url));
    assert!(cli.handle(replied(200, &[], "")).await.owed);
    let (response, _) = join!(again.post(endpoint.as_str(), ""), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn two_relays_of_one_process_know_nothing_of_each_other() {
    let (one, two) = (Relay::start().await, Relay::start().await);
    let _app = one.listen("shop").await.serve(echo);
    assert_eq!(two.post("shop", "").await.error(), (404, "unknown_endpoint".into()));
    let mut other = two.listen("shop").await;
    assert_eq!(one.post("shop", "one").await.text(), "one");
    let (response, _) = join!(two.post("shop", "two"), other.handle(replied(201, &[], "two's")));
    assert_eq!(response.text(), "two's");
    let foreign = crate::harness::upgrade(two.addr, &one.token).await.unwrap_err();
    assert!(foreign.to_string().contains("401"), "{foreign}");
    two.shutdown.cancel();
    assert_eq!(one.post("shop", "on").await.text(), "on");
    drop::<Client<TcpStream>>(one.connect().await);
}
