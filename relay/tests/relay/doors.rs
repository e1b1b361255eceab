//! The public connections against strangers: how many there may be, and how slow each. What is right passes meanwhile.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use muxhook_link::Now;
use muxhook_protocol::Frame;
use muxhook_protocol::mux::signature::{Key, sign};
use muxhook_relay::accounts::{AccountName, Accounts, NewQuotas};
use muxhook_relay::config::{Config, TrustedProxies};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::sleep;

use crate::harness::{Cli, Client, Neighbour, Relay, echo, hello, replied, soon};

const SHORT: Duration = Duration::from_millis(200);
const LONG: Duration = Duration::from_secs(3600);

/// A relay that tells what it counts.
async fn counting(change: impl FnOnce(&mut Config)) -> Relay {
    Relay::with(|config| {
        config.admin = Some((Ipv4Addr::LOCALHOST, 0).into());
        change(config);
    })
    .await
}

/// Waits until the relay has counted as much.
async fn until(relay: &Relay, name: &str, count: u64) {
    soon(async { while relay.counted(name).await != count {} }).await;
}

/// Whether the relay answers on a connection.
async fn is_served(mut client: Client<TcpStream>) -> Option<Client<TcpStream>> {
    client.try_send("GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let response = client.try_response().await?;
    assert_eq!(response.status, 200);
    Some(client)
}

#[tokio::test]
async fn there_are_so_many_connections_and_no_more_whoever_has_them() {
    let relay = counting(|config| config.limits.max_connections = 3).await;
    let mut cli = relay.listen("shop").await;
    let mut sender = is_served(relay.connect().await).await.expect("room");
    let third = is_served(relay.connect_from([127, 0, 0, 2]).await).await.expect("room");
    assert_eq!(relay.counted("connections").await, 3, "a session is a connection");
    for source in [[127, 0, 0, 1], [127, 0, 0, 2], [127, 0, 0, 3]] {
        assert!(is_served(relay.connect_from(source).await).await.is_none(), "{source:?}");
    }
    assert_eq!(relay.counted("connections_refused_total{reason=\"in_all\"}").await, 3);
    // Who is inside is not disturbed.
    let (response, _) = tokio::join!(sender.post("shop", "x"), cli.handle(replied(200, &[], "")));
    assert_eq!(response.by(), (200, "app"));
    drop(third);
    until(&relay, "connections", 2).await;
    let third = is_served(relay.connect().await).await.expect("a place is free again");
    // A session's place is free again as well.
    drop(cli);
    until(&relay, "connections", 2).await;
    drop((sender, third));
    until(&relay, "connections", 0).await;
}

#[tokio::test]
async fn a_source_has_so_many_connections_and_others_have_theirs() {
    let relay = counting(|config| config.limits.max_connections_per_source = 2).await;
    let _cli = relay.listen("shop").await;
    let _one = is_served(relay.connect().await).await.expect("room");
    for _ in 0..3 {
        assert!(is_served(relay.connect().await).await.is_none());
    }
    assert_eq!(relay.counted("connections_refused_total{reason=\"of_source\"}").await, 3);
    assert_eq!(relay.counted("connections").await, 2);
    for _ in 0..3 {
        assert!(is_served(relay.connect_from([127, 0, 0, 2]).await).await.is_some());
    }
}

#[tokio::test]
async fn everybody_comes_from_a_trusted_proxy() {
    let relay = counting(|config| {
        config.limits.max_connections_per_source = 1;
        config.trusted_proxies = TrustedProxies::new(vec!["127.0.0.1".parse().unwrap()]);
    })
    .await;
    let mut open = Vec::new();
    for _ in 0..5 {
        open.push(is_served(relay.connect().await).await.expect("a proxy is no source"));
    }
    let _other = is_served(relay.connect_from([127, 0, 0, 2]).await).await.expect("the first");
    assert!(is_served(relay.connect_from([127, 0, 0, 2]).await).await.is_none());
}

#[tokio::test]
async fn what_is_no_request_counts_as_a_failure_and_what_is_right_passes() {
    let relay = counting(|_| ()).await;
    let neighbour = Neighbour::of(&relay).await;
    // The parser's own answer, until the source has had enough of them: then none.
    let mut answered = 0;
    for _ in 0..300 {
        let mut client = relay.connect().await;
        client.try_send("hello\r\n\r\n").await;
        match client.try_response().await {
            Some(response) => assert_eq!(response.status, 400),
            None => break,
        }
        answered += 1;
    }
    assert!((59..299).contains(&answered), "{answered}");
    // It is one budget with failing requests; a second gives one more, and this machine may be slow.
    let failing = async || relay.ask("GET /elsewhere HTTP/1.1\r\nhost: x\r\n\r\n").await.status;
    soon(async { while failing().await != 429 {} }).await;
    neighbour.is_well().await;
    assert!(is_served(relay.connect().await).await.is_some(), "a new connection, too");
    let mut other = relay.connect_from([127, 0, 0, 2]).await;
    other.send("hello\r\n\r\n").await;
    assert_eq!(other.response().await.status, 400, "another source has its own");
    assert!(relay.counted("connections_failed_total{reason=\"head\"}").await > answered);
    assert!(relay.counted("limited_total").await > 0);
}

#[tokio::test]
async fn a_head_that_does_not_come_is_not_waited_for() {
    let relay = counting(|config| config.limits.head_timeout = SHORT).await;
    let neighbour = Neighbour::of(&relay).await;
    let mut begun = Vec::new();
    for head in ["", "P", "POST /h/neighbour HTTP/1.1\r\nhost: x\r\n"] {
        let mut client = relay.connect().await;
        client.send(head).await;
        begun.push(client);
    }
    for client in begun {
        assert_eq!(client.rest().await, b"");
    }
    until(&relay, "connections_failed_total{reason=\"slow_head\"}", 3).await;
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_connection_that_was_good_may_be_silent_for_long_and_its_next_head_may_not() {
    let relay = counting(|config| config.limits.head_timeout = SHORT).await;
    let _app = relay.listen("shop").await.serve(echo);
    let mut client = relay.connect().await;
    for _ in 0..2 {
        assert_eq!(client.post("shop", "x").await.by(), (200, "app"));
        sleep(SHORT * 3).await;
    }
    client.send("POST /h/sh").await;
    assert_eq!(client.rest().await, b"");
    assert_eq!(relay.counted("connections_failed_total{reason=\"slow_head\"}").await, 1);
    // One that failed may be silent no longer than a new one.
    let mut client = relay.connect().await;
    assert_eq!(client.post("nobody", "x").await.status, 404);
    assert_eq!(client.rest().await, b"");
    assert_eq!(
        relay.counted("connections_failed_total{reason=\"slow_head\"}").await,
        1,
        "that is no failure more"
    );
}

#[tokio::test]
async fn silence_between_requests_ends_in_the_end_and_is_no_failure() {
    let relay = counting(|config| config.limits.idle_timeout = SHORT).await;
    let client = is_served(relay.connect().await).await.expect("served");
    assert_eq!(client.rest().await, b"");
    until(&relay, "connections", 0).await;
    assert_eq!(relay.counted("connections_failed_total{reason=\"slow_head\"}").await, 0);
}

#[tokio::test]
async fn a_body_is_not_waited_for_when_its_answer_would_be_too_late() {
    let relay = Relay::with(|config| {
        config.limits.reply_deadline = SHORT;
        (config.limits.body_idle, config.limits.body_total) = (LONG, LONG);
    })
    .await;
    let _cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx").await;
    assert_eq!(client.response().await.error(), (408, "body_too_slow".into()));
    assert_eq!(client.rest().await, b"", "nor is its rest, though nobody sends it");
}

#[tokio::test]
async fn a_question_that_does_not_come_whole_is_not_waited_for() {
    let relay = Relay::with(|config| config.limits.body_idle = SHORT).await;
    let mut client = relay.connect().await;
    client.send("POST /_relay/v1/endpoints HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{").await;
    let response = client.response().await;
    assert_eq!((response.status, response.text().contains("body_too_slow")), (408, true));
    assert_eq!(client.rest().await, b"");
}

/// A connection that asks for a large answer, and has next to no room for it.
async fn deaf(addr: SocketAddr, endpoint: &str) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let mut stream = socket.connect(addr).await.unwrap();
    let head = format!("POST /h/{endpoint} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

#[tokio::test]
async fn an_answer_that_nobody_reads_is_given_up() {
    let relay = counting(|config| config.limits.unread_timeout = SHORT).await;
    let neighbour = Neighbour::of(&relay).await;
    // More than the system takes from the relay; less, which it takes, and the client does not.
    let sizes = if cfg!(target_os = "linux") { &[1 << 20, 64 << 10][..] } else { &[1 << 20] };
    for (round, size) in (1..).zip(sizes) {
        let app = relay.listen("large").await.serve(move |_| replied(200, &[], vec![b'x'; *size]));
        let open = relay.counted("connections").await;
        let deaf = deaf(relay.addr, "large").await;
        until(&relay, "connections_failed_total{reason=\"slow_reader\"}", round).await;
        until(&relay, "connections", open).await;
        neighbour.is_well().await;
        drop(deaf);
        app.abort();
        relay.gone("large").await;
    }
}

#[tokio::test]
async fn an_answer_that_is_read_slowly_comes_whole() {
    let relay = counting(|config| config.limits.unread_timeout = Duration::from_secs(5)).await;
    let body = vec![b'x'; 1 << 20];
    let _app = relay.listen("large").await.serve(move |_| replied(200, &[], body.clone()));
    let mut deaf = deaf(relay.addr, "large").await;
    let mut read = 0;
    while read < 1 << 20 {
        let mut piece = vec![0; 32 << 10];
        read += soon(tokio::io::AsyncReadExt::read(&mut deaf, &mut piece)).await.unwrap();
        sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(relay.counted("connections_failed_total{reason=\"slow_reader\"}").await, 0);
}

#[tokio::test]
async fn a_session_that_reads_late_is_its_own_watchdogs_matter() {
    let relay = counting(|config| {
        config.limits.unread_timeout = SHORT;
        config.limits.idle_timeout = SHORT;
        config.limits.head_timeout = SHORT;
    })
    .await;
    let (link, welcome) = relay.greet(hello("shop")).await;
    // Nothing moves on the link meanwhile, and these are more than the sockets hold.
    let posts: Vec<_> = (0..4)
        .map(|_| {
            let addr = relay.addr;
            tokio::spawn(async move {
                let mut client = Client::new(TcpStream::connect(addr).await.unwrap());
                client.post("shop", &"x".repeat(4 << 20)).await.by().0
            })
        })
        .collect();
    sleep(SHORT * 5).await;
    let mut cli = Cli::over(link, welcome);
    for _ in 0..4 {
        assert_eq!(cli.handle(replied(200, &[], "")).await.body.len(), 4 << 20);
    }
    for post in posts {
        // Whether it was in time for the senders is not the matter here.
        assert!([200, 504].contains(&post.await.unwrap()));
    }
}

#[tokio::test]
async fn a_head_has_a_bound_in_fields_and_in_bytes() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let with = |fields: usize, bytes: usize| {
        let fields: String = (1..fields).map(|n| format!("x-{n}: y\r\n")).collect();
        let head = format!("GET /healthz?{} HTTP/1.1\r\nhost: x\r\n{fields}\r\n", "q".repeat(bytes));
        (head.len(), head)
    };
    let (_, most_fields) = with(100, 0);
    assert_eq!(relay.ask(most_fields).await.status, 200);
    let (length, most_bytes) = with(1, 64 * 1024 - 40);
    assert!(length < 64 * 1024, "{length}");
    assert_eq!(relay.ask(most_bytes).await.status, 200);
    let (_, fields) = with(101, 0);
    let (_, target) = with(1, 64 * 1024);
    let field = format!("GET /healthz HTTP/1.1\r\nhost: x\r\nx-a: {}\r\n\r\n", "a".repeat(64 * 1024));
    for (head, status) in [(fields, 431), (field, 431), (target, 431)] {
        let mut client = relay.connect().await;
        client.try_send(head).await;
        assert_eq!(client.response().await.status, status);
        assert_eq!(client.rest().await, b"");
        neighbour.is_well().await;
    }
}

/// The accounts as another process sees them.
fn beside(relay: &Relay) -> Accounts {
    Accounts::open_existing(&relay.dir.path().join("relay"), Now::system()).unwrap()
}

/// Posts until one is told to come later; how many were taken before.
async fn until_limited(relay: &Relay, endpoint: &str) -> usize {
    for count in 0..1000 {
        let response = relay.post(endpoint, "x").await;
        if response.status == 429 {
            assert_eq!(response.error(), (429, "rate_limited".into()));
            assert_eq!(response.get("retry-after"), "1");
            return count;
        }
        assert_eq!(response.status, 200);
    }
    panic!("never limited");
}

#[tokio::test]
async fn an_account_gets_so_many_webhooks_a_second_over_all_its_endpoints() {
    let relay = counting(|config| config.limits.rate = std::num::NonZeroU32::new(3)).await;
    let mut shop = relay.listen("shop").await;
    drop(relay.listen("idle").await);
    relay.gone("idle").await;
    assert!(until_limited(&relay, "idle").await >= 3, "as many at once");
    // The other endpoint has no more than this one: it may take a while until that is seen, on a slow machine.
    let limited = async {
        loop {
            tokio::select! {
                response = relay.post("shop", "x") => if response.status == 429 { break },
                _ = shop.handle(replied(200, &[], "")) => {}
            }
        }
    };
    soon(limited).await;
    let notice = async {
        loop {
            match shop.next().await.unwrap() {
                Frame::Notice(notice) => break notice,
                Frame::Deliver { .. } => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let notice = notice.await;
    assert_eq!(notice.code, "rate_limited");
    assert!(
        notice.message.contains("429") && notice.message.contains("3 webhooks a second"),
        "{}",
        notice.message
    );
    assert!(relay.counted("webhooks_total{answer=\"relay\",status=\"429\"}").await > 0);

    // Another account is not concerned, and what is too much is no failure of its sender's.
    let _other = Cli::dial(relay.addr, &relay.stranger(), hello("other")).await.unwrap().serve(echo);
    assert_eq!(relay.post("other", "x").await.by(), (200, "app"));
    assert_eq!(relay.counted("limited_total").await, 0);
}

#[tokio::test]
async fn an_account_may_have_a_rate_of_its_own() {
    let relay = Relay::start().await;
    let _app = relay.listen("shop").await.serve(echo);
    for _ in 0..100 {
        assert_eq!(relay.post("shop", "x").await.by(), (200, "app"), "there is none by default");
    }
    let set = |rate: Option<u32>| {
        let rate = rate.map(|rate| std::num::NonZeroU32::new(rate).unwrap());
        let quotas = NewQuotas { rate: Some(rate), ..NewQuotas::default() };
        beside(&relay).set_quotas(&AccountName::default(), quotas).unwrap();
    };
    // In effect within a second, by itself.
    set(Some(1));
    soon(async { while relay.post("shop", "x").await.status != 429 {} }).await;
    set(None);
    soon(async { while relay.post("shop", "x").await.status != 200 {} }).await;
    for _ in 0..20 {
        assert_eq!(relay.post("shop", "x").await.by(), (200, "app"));
    }
}

#[tokio::test]
async fn forgeries_use_up_nobodys_rate_where_signatures_are_checked() {
    let relay = Relay::with(|config| config.limits.rate = std::num::NonZeroU32::new(1)).await;
    let key = Key::new("whsec-of-a-test").unwrap();
    relay.accounts.claim_endpoint(&AccountName::default(), Some(&"shop".parse().unwrap())).unwrap();
    beside(&relay).set_verification(&"shop".parse().unwrap(), Some(&key)).unwrap();
    let forged = || relay.post("shop", "forged");
    soon(async { while forged().await.status != 401 {} }).await;
    // What was taken before the check was in effect is forgotten by then.
    sleep(Duration::from_secs(1)).await;
    for _ in 0..20 {
        assert_eq!(forged().await.status, 401);
    }
    let at = i64::try_from(Now::system().unix_millis() / 1000).unwrap();
    let signature = sign(&key, at, b"true");
    let true_one = format!(
        "POST /h/shop HTTP/1.1\r\nhost: x\r\nmux-signature: {signature}\r\ncontent-length: 4\r\n\r\ntrue"
    );
    assert_eq!(relay.ask(&true_one).await.by(), (200, "held"));
}
