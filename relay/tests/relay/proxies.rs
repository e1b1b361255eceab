//! The proxies of docs/proxies.md in front of a relay: each is the real program, with what the page says to the letter.
//! Where one is not installed it is left out, and that is said; with `MUXHOOK_PROXIES=required` it is a failure.
//!
//! - `cases`: requests that two programs could read differently.
//! - `front`: a proxy that runs.
//! - `smuggling`: what comes of the cases.

mod cases;
mod front;
mod smuggling;

use std::net::Ipv4Addr;
use std::time::Duration;

use muxhook_protocol::Delivery;
use tokio::join;

use crate::harness::{Cli, RelayProcess, Response, greet, hello, replied, upgrade_at};
use front::{Front, HOST, KINDS};

/// Two senders, neither at the proxy's own address.
const SENDER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);
const OTHER: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 78);

/// Each proxy that is there, in front of a relay of its own that trusts it.
async fn fronts() -> Vec<(RelayProcess, Front)> {
    let mut fronts = Vec::new();
    for kind in KINDS {
        let relay = RelayProcess::start(&["--trusted-proxy=127.0.0.1"]).await;
        if let Some(front) = Front::start(kind, relay.addr).await {
            fronts.push((relay, front));
        }
    }
    fronts
}

/// A listener whose link goes through the proxy.
async fn listen(relay: &RelayProcess, front: &Front, endpoint: &str) -> Cli {
    let socket = upgrade_at(HOST, front.stream(SENDER).await, &relay.token).await.unwrap();
    let (link, welcome) = greet(socket, hello(endpoint)).await.expect("welcome");
    Cli::over(link, welcome)
}

fn values<'d>(delivery: &'d Delivery, name: &str) -> Vec<&'d [u8]> {
    delivery.headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
}

/// Sends a request as it stands, which must arrive; its answer, and what arrived.
async fn carried(front: &Front, cli: &mut Cli, request: impl AsRef<[u8]>) -> (Response, Delivery) {
    let mut client = front.connect(SENDER).await;
    let sent = async {
        client.send(request).await;
        client.response().await
    };
    let answer = replied(222, &[("x-app", b"\x80\xff b"), ("x-app", b"a")], "the app's");
    let (response, delivery) = join!(sent, cli.handle(answer));
    assert_eq!((response.by(), response.text()), ((222, "app"), "the app's"), "{}", front.name);
    assert_eq!(response.all("x-app"), [&b"\x80\xff b"[..], b"a"], "{}", front.name);
    (response, delivery)
}

#[tokio::test]
async fn a_webhook_goes_through_each_proxy_byte_for_byte_and_the_answer_comes_back() {
    for (relay, front) in fronts().await {
        let mut cli = listen(&relay, &front, "shop").await;
        targets(&front, &mut cli).await;
        fields(&front, &mut cli).await;
        bodies(&front, &mut cli).await;
    }
}

async fn targets(front: &Front, cli: &mut Cli) {
    for (target, path, query) in [
        ("", "", None),
        ("/", "/", None),
        ("?", "", Some("")),
        ("/a%2Fb/%2e%2E//c;d=e/../f/./%41", "/a%2Fb/%2e%2E//c;d=e/../f/./%41", None),
        ("//a?b=c&b=d;e=%20+%2B??x=/../&&", "//a", Some("b=c&b=d;e=%20+%2B??x=/../&&")),
        ("/:@!$&'()*+,=-._~?%zz", "/:@!$&'()*+,=-._~", Some("%zz")),
    ] {
        let request =
            format!("POST /h/shop{target} HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: 0\r\n\r\n");
        let (_, delivery) = carried(front, cli, request).await;
        let arrived = (&*delivery.path, delivery.query.as_deref());
        assert_eq!(arrived, (path, query), "{}: {target}", front.name);
    }
}

async fn fields(front: &Front, cli: &mut Cli) {
    let mut every: Vec<u8> = (0x80..=0xff).chain(0x21..=0x7e).collect();
    every.extend(b"\t x");
    let mut request = b"POST /h/shop HTTP/1.1\r\nHost: hooks.example.com\r\nX-Every: ".to_vec();
    request.extend(&every);
    request.extend(b"\r\nx-two: b\r\nX-Empty:\r\nX-Two: a\r\nMUX-Signature: t=1,v1=ab\r\nx-two:  c \r\n");
    request.extend(b"x_under.dot!: 1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: gopher\r\n");
    request.extend(b"X-Forwarded-Host: evil\r\nconnection: x-hop, close\r\nx-hop: 1\r\n");
    request.extend(b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    let (_, delivery) = carried(front, cli, request).await;
    let sender = SENDER.to_string();
    for (name, expected) in [
        ("x-every", &[&*every][..]),
        ("x-two", &[b"b", b"a", b"c"]),
        ("x-empty", &[b""]),
        ("mux-signature", &[b"t=1,v1=ab"]),
        ("x_under.dot!", &[b"1"]),
        ("x-forwarded-for", &[sender.as_bytes()]),
        ("x-forwarded-proto", &[b"https"]),
        ("x-forwarded-host", &[b"hooks.example.com"]),
        ("content-type", &[b"application/json"]),
        ("content-length", &[b"2"]),
        ("accept-encoding", &[]),
        ("user-agent", &[]),
    ] {
        assert_eq!(values(&delivery, name), expected, "{}: {name}", front.name);
    }
    assert_eq!((&*delivery.method, &*delivery.body), ("POST", &b"{}"[..]), "{}", front.name);
}

async fn bodies(front: &Front, cli: &mut Cli) {
    let largest: Vec<u8> = (0..5 << 20).map(|at: u32| (at.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let head = "POST /h/shop HTTP/1.1\r\nhost: hooks.example.com\r\n";
    for body in [&b""[..], b"\0\r\n\r\n", &largest] {
        let request = [format!("{head}content-length: {}\r\n\r\n", body.len()).as_bytes(), body].concat();
        let (_, delivery) = carried(front, cli, request).await;
        assert!(*delivery.body == *body, "{}: {} bytes", front.name, body.len());
        let mut request = format!("{head}transfer-encoding: chunked\r\n\r\n").into_bytes();
        for chunk in body.chunks(70_001) {
            request.extend(format!("{:X};a=b\r\n", chunk.len()).as_bytes());
            request.extend([chunk, b"\r\n"].concat());
        }
        request.extend(b"0\r\nx-trailer: 1\r\n\r\n");
        let (_, delivery) = carried(front, cli, request).await;
        assert!(*delivery.body == *body, "{}: {} bytes in chunks", front.name, body.len());
        assert!(values(&delivery, "x-trailer").is_empty(), "{}", front.name);
    }
}

#[tokio::test]
async fn behind_a_proxy_failures_are_counted_by_the_senders_own_address() {
    for (relay, front) in fronts().await {
        let mut cli = listen(&relay, &front, "shop").await;
        // What a sender claims of its way makes it nobody else.
        let failing = "POST /h/nobody HTTP/1.1\r\nhost: hooks.example.com\r\nx-forwarded-for: 192.0.2.1\r\n\
                       content-length: 0\r\n\r\n";
        let mut statuses = Vec::new();
        while statuses.last() != Some(&429) {
            assert!(statuses.len() < 200, "{}: never limited", front.name);
            statuses.push(front.ask(SENDER, failing).await.status);
        }
        assert!(statuses.len() > 60, "{}: {statuses:?}", front.name);
        assert_eq!(front.ask(OTHER, failing).await.status, 404, "{}", front.name);
        let webhook = "POST /h/shop HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: 0\r\n\r\n";
        carried(&front, &mut cli, webhook).await;
    }
}

/// A link that says nothing but its heartbeats for so long, and then a webhook over it.
async fn idle(span: Duration) {
    let mut links = Vec::new();
    for (relay, front) in fronts().await {
        let cli = listen(&relay, &front, "shop").await;
        links.push((relay, front, cli));
    }
    tokio::time::sleep(span).await;
    for (_relay, front, cli) in &mut links {
        let webhook = "POST /h/shop HTTP/1.1\r\nhost: hooks.example.com\r\ncontent-length: 0\r\n\r\n";
        carried(front, cli, webhook).await;
    }
}

#[tokio::test]
async fn a_link_lives_through_a_heartbeat_of_silence() {
    idle(Duration::from_secs(12)).await;
}

/// Longer than any proxy waits for a word.
#[tokio::test]
#[ignore = "takes 75 s: cargo test -p muxhook-relay --test relay -- --ignored a_link_lives"]
async fn a_link_lives_longer_than_a_proxy_waits() {
    idle(Duration::from_secs(75)).await;
}
