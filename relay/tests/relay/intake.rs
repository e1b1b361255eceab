//! Bad requests: each gets a clear answer, reaches no app, and disturbs nobody.

use std::time::Duration;

use muxhook_protocol::Frame;
use muxhook_relay::config::Config;
use tokio::join;

use crate::harness::{Neighbour, Relay, echo, replied, skipped};

/// Small enough to go beyond with little.
const MAX_BODY: usize = 100_000;

fn small(config: &mut Config) {
    config.limits.max_body = MAX_BODY;
    config.limits.max_head = 16 * 1024;
}

const HEAD: &str = "POST /h/shop HTTP/1.1\r\nhost: x\r\n";

/// Requests that are none, and what the parser says to each.
fn malformed() -> Vec<(&'static str, Vec<u8>, &'static [u16])> {
    let many = |n: usize| (0..n).map(|i| format!("x-{i}: y\r\n")).collect::<String>();
    let with = |rest: &str| format!("{HEAD}{rest}").into_bytes();
    vec![
        ("garbage", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\r\n\r\n".to_vec(), &[400]),
        ("no request line", b"hello\r\n\r\n".to_vec(), &[400]),
        ("an unknown version", b"POST /h/shop HTTP/3.1\r\n\r\n".to_vec(), &[400, 505]),
        ("NUL in a value", with("x-a: a\0b\r\n\r\n"), &[400]),
        ("NUL in the target", b"POST /h/sh\0op HTTP/1.1\r\n\r\n".to_vec(), &[400]),
        ("a bare CR in a value", with("x-a: a\rb: c\r\n\r\n"), &[400]),
        ("a space before the colon", with("content-length : 1\r\n\r\na"), &[400]),
        ("a folded line", with("x-a: b\r\n c\r\n\r\n"), &[400]),
        ("a field without a colon", with("x-a\r\n\r\n"), &[400]),
        ("two lengths", with("content-length: 1\r\ncontent-length: 2\r\n\r\nab"), &[400]),
        ("a list of lengths", with("content-length: 1, 1\r\n\r\na"), &[400]),
        ("a length that is none", with("content-length: +1\r\n\r\na"), &[400]),
        ("a negative length", with("content-length: -1\r\n\r\n"), &[400]),
        ("a length beyond numbers", with("content-length: 99999999999999999999\r\n\r\n"), &[400]),
        ("a coding beside chunked", with("transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n"), &[400]),
        (
            "chunked by HTTP/1.0",
            b"POST /h/shop HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n".to_vec(),
            &[400],
        ),
        ("a coding before chunked", with("transfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), &[501]),
        ("chunked twice", with("transfer-encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), &[400]),
        (
            "chunked on two lines",
            with("transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n"),
            &[400],
        ),
        ("two hosts, and a request behind", with(&format!("host: y\r\n\r\n{HEAD}\r\n")), &[400]),
        ("no host, and a request behind", format!("POST /h/shop HTTP/1.1\r\n\r\n{HEAD}\r\n").into(), &[400]),
        ("a host with a user", b"POST /h/shop HTTP/1.1\r\nhost: a@b\r\n\r\n".to_vec(), &[400]),
        ("a target of CONNECT's", b"POST x:80 HTTP/1.1\r\nhost: x:80\r\n\r\n".to_vec(), &[400]),
        (
            "a tunnel, and a request in it",
            format!("CONNECT x:80 HTTP/1.1\r\nhost: x:80\r\n\r\n{HEAD}\r\n").into(),
            &[405],
        ),
        ("another scheme", b"POST ftp://x/h/shop HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), &[400]),
        ("an encoded NUL", b"POST /h/shop/%00 HTTP/1.1\r\nhost: x\r\n\r\n".to_vec(), &[400]),
        ("a chunk that is none", with("transfer-encoding: chunked\r\n\r\nzz\r\nab\r\n0\r\n\r\n"), &[400]),
        ("a chunk longer than said", with("transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n"), &[400]),
        ("300 fields", with(&format!("{}\r\n", many(300))), &[431]),
        ("a huge field", with(&format!("x-a: {}\r\n\r\n", "a".repeat(100_000))), &[431]),
        (
            "a huge target",
            format!("POST /h/{} HTTP/1.1\r\n\r\n", "a".repeat(100_000)).into_bytes(),
            &[414, 431],
        ),
    ]
}

#[tokio::test]
async fn a_request_that_is_none_is_refused_and_closed() {
    let relay = Relay::with(small).await;
    let neighbour = Neighbour::of(&relay).await;
    let mut cli = relay.listen("shop").await;
    for (what, bytes, statuses) in malformed() {
        let mut client = relay.connect().await;
        client.try_send(bytes).await;
        let response = client.try_response().await.unwrap_or_else(|| panic!("{what}: no response"));
        assert!(statuses.contains(&response.status), "{what}: {response:?}");
        neighbour.is_well().await;
        assert_eq!(client.rest().await, b"", "{what}: the connection ends");
    }
    // None of it was delivered: the first delivery is this one.
    let (_, delivery) = join!(relay.post("shop", "first"), cli.handle(skipped()));
    assert_eq!(&*delivery.body, b"first");
}

#[tokio::test]
async fn a_length_beside_chunked_is_left_aside_and_nothing_is_smuggled_in() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let mut cli = relay.listen("shop").await;
    let (length, chunked) = ("content-length: 4\r\n", "transfer-encoding: chunked\r\n");
    for fields in [format!("{length}{chunked}"), format!("{chunked}{length}")] {
        let mut client = relay.connect().await;
        client.send(format!("{HEAD}{fields}\r\n1\r\na\r\n0\r\n\r\n{HEAD}content-length: 0\r\n\r\n")).await;
        let (response, delivery) = join!(client.response(), cli.handle(skipped()));
        assert_eq!((response.status, response.get("connection"), &*delivery.body), (200, "close", &b"a"[..]));
        assert_eq!(delivery.headers.get("content-length"), None);
        assert_eq!(client.rest().await, b"", "the connection ends (RFC 9112 §6.1)");
    }
    neighbour.is_well().await;
}

#[tokio::test]
async fn another_language_than_http_1_is_hung_up_on() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let mut client = relay.connect().await;
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert_eq!(client.rest().await, b"");
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let relay = Relay::with(small).await;
    let neighbour = Neighbour::of(&relay).await;
    let mut cli = relay.listen("shop").await;
    let most = "m".repeat(MAX_BODY);
    let (response, delivery) = join!(relay.post("shop", &most), cli.handle(skipped()));
    assert_eq!((response.status, delivery.body.len()), (200, MAX_BODY));

    let response = relay.post("shop", &(most + "m")).await;
    assert_eq!(response.error(), (413, "body_too_large".into()));
    assert!(response.text().contains("100000 bytes"), "{}", response.text());
    match cli.next().await.unwrap() {
        Frame::Notice(notice) => {
            assert_eq!(notice.code, "body_too_large");
            assert!(notice.message.contains("100000 bytes"), "{}", notice.message);
        }
        other => panic!("not a notice: {other:?}"),
    }
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_body_that_grows_too_large_is_refused_on_its_way() {
    let relay = Relay::with(small).await;
    let _cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client.send(format!("{HEAD}transfer-encoding: chunked\r\n\r\n")).await;
    let chunk = format!("8000\r\n{}\r\n", "c".repeat(0x8000));
    for _ in 0..4 {
        client.try_send(&chunk).await;
    }
    assert_eq!(client.response().await.error(), (413, "body_too_large".into()));
}

#[tokio::test]
async fn a_sender_busy_with_a_body_that_nobody_wants_gets_to_read_why() {
    let relay = Relay::start().await;
    let _cli = relay.listen("shop").await;
    // More than sockets hold: the sender is still writing when the answer is out.
    let body = "b".repeat(16 << 20);
    for (target, status) in
        [("POST /h/shop", 413), ("POST /h/nobody", 404), ("PUT /h/shop", 405), ("POST /x", 404)]
    {
        let mut client = relay.connect().await;
        let length = body.len();
        client.send(format!("{target} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n{body}")).await;
        let response = client.response().await;
        assert_eq!((response.status, response.get("connection")), (status, "close"), "{target}");
    }
}

#[tokio::test]
async fn a_sender_that_asks_first_is_spared_a_body_that_nobody_wants() {
    let relay = Relay::with(small).await;
    let _cli = relay.listen("shop").await;
    for (target, status) in [("POST /h/shop", 413), ("POST /h/nobody", 404)] {
        let mut client = relay.connect().await;
        let head =
            format!("{target} HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 100001\r\n\r\n");
        client.send(head).await;
        // What came next on this connection could be taken for the body.
        let response = client.response().await;
        assert_eq!((response.status, response.get("connection")), (status, "close"), "{target}");
    }
}

#[tokio::test]
async fn a_body_cut_short_is_delivered_to_nobody() {
    let relay = Relay::start().await;
    let neighbour = Neighbour::of(&relay).await;
    let mut cli = relay.listen("shop").await;
    for rest in
        ["content-length: 100\r\n\r\ncut", "transfer-encoding: chunked\r\n\r\n64\r\ncut", "content-len"]
    {
        let mut client = relay.connect().await;
        client.send(format!("{HEAD}{rest}")).await;
        neighbour.is_well().await;
        client.finish().await;
        let told = client.rest().await;
        assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 400"), "{}", String::from_utf8_lossy(&told));
    }
    let (_, delivery) = join!(relay.post("shop", "whole"), cli.handle(skipped()));
    assert_eq!(&*delivery.body, b"whole");
}

#[tokio::test]
async fn a_slow_body_is_given_up() {
    let relay = Relay::with(|config| config.limits.body_idle = Duration::from_millis(200)).await;
    let neighbour = Neighbour::of(&relay).await;
    let _cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client.send(format!("{HEAD}content-length: 100\r\n\r\nslow")).await;
    neighbour.is_well().await;
    assert_eq!(client.response().await.error(), (408, "body_too_slow".into()));
    neighbour.is_well().await;
}

#[tokio::test]
async fn a_dripping_body_is_given_up_in_the_end() {
    let relay = Relay::with(|config| {
        config.limits.body_idle = Duration::from_secs(60);
        config.limits.body_total = Duration::from_millis(300);
    })
    .await;
    let _cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client.send(format!("{HEAD}content-length: 100\r\n\r\n")).await;
    client.send("drip").await;
    assert_eq!(client.response().await.error(), (408, "body_too_slow".into()));
}

#[tokio::test]
async fn a_slow_head_is_given_up() {
    let relay = Relay::with(|config| config.limits.head_timeout = Duration::from_millis(200)).await;
    let _app = relay.listen("shop").await.serve(echo);
    for begun in ["", "P", HEAD] {
        let mut client = relay.connect().await;
        client.send(begun).await;
        assert_eq!(relay.post("shop", "there?").await.text(), "there?");
        let told = client.rest().await;
        assert!(told.is_empty() || told.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&told));
    }
}

#[tokio::test]
async fn as_many_webhooks_as_may_are_in_flight_and_no_more() {
    let relay = Relay::with(|config| config.limits.in_flight_total = 1).await;
    let mut cli = relay.listen("shop").await;
    let (mut first, mut second) = (relay.connect().await, relay.connect().await);
    first.send(format!("{HEAD}content-length: 0\r\n\r\n")).await;
    let id = cli.delivery().await.id;
    let refused = second.post("shop", "").await;
    assert_eq!((refused.error(), refused.get("retry-after")), ((503, "busy".into()), "5"));
    assert!(matches!(cli.next().await, Ok(Frame::Notice(notice)) if notice.code == "busy"));
    cli.settle(id, replied(200, &[], "first"));
    assert_eq!(first.response().await.text(), "first");
    let (response, _) = join!(second.post("shop", ""), cli.handle(replied(200, &[], "second")));
    assert_eq!(response.text(), "second");
}

#[tokio::test]
async fn as_many_bytes_as_may_are_in_flight_and_no_more() {
    let relay = Relay::with(|config| config.limits.in_flight_bytes = 1000).await;
    let mut cli = relay.listen("shop").await;
    let mut first = relay.connect().await;
    first.send(format!("{HEAD}content-length: 600\r\n\r\n{}", "a".repeat(600))).await;
    let id = cli.delivery().await.id;
    assert_eq!(relay.post("shop", &"b".repeat(600)).await.error(), (503, "busy".into()));
    assert!(matches!(cli.next().await, Ok(Frame::Notice(notice)) if notice.code == "busy"));
    cli.settle(id, skipped());
    assert_eq!(first.response().await.status, 200);
    let body = "c".repeat(600);
    let (response, _) = join!(relay.post("shop", &body), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}
