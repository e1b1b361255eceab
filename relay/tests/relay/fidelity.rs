//! Byte for byte: what a sender sends is what the CLI gets, and what an app answers is what the sender gets.

use muxhook_protocol::Delivery;
use proptest::prelude::*;
use tokio::join;

use crate::harness::{Cli, Relay, Response, hello, replied, skipped};

/// Sends a request as it stands; what arrived of it.
async fn carried(relay: &Relay, cli: &mut Cli, request: impl AsRef<[u8]>) -> (Response, Delivery) {
    let taken = async {
        let response = relay.ask(request).await;
        assert_eq!(response.by(), (200, "skipped"));
        response
    };
    join!(taken, cli.handle(skipped()))
}

fn values<'d>(delivery: &'d Delivery, name: &str) -> Vec<&'d [u8]> {
    delivery.headers.iter().filter(|(other, _)| *other == name).map(|(_, value)| value).collect()
}

#[tokio::test]
async fn path_and_query_are_not_touched() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    for (target, path, query) in [
        ("", "", None),
        ("/", "/", None),
        ("?", "", Some("")),
        ("/?", "/", Some("")),
        ("/a%2Fb/%2e%2e//c;d=e/../f/.", "/a%2Fb/%2e%2e//c;d=e/../f/.", None),
        ("/a?b=c&b=d;e=%20+%zz??x=/../", "/a", Some("b=c&b=d;e=%20+%zz??x=/../")),
        ("/:@!$&'()*+,=-._~|^[]{}\"", "/:@!$&'()*+,=-._~|^[]{}\"", None),
        ("/über?q=ß", "/über", Some("q=ß")),
    ] {
        let request = format!("POST /h/shop{target} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
        let (_, delivery) = carried(&relay, &mut cli, request).await;
        assert_eq!((&*delivery.path, delivery.query.as_deref()), (path, query), "{target}");
    }
}

#[tokio::test]
async fn a_target_with_its_origin_is_the_same_target() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let request = "POST http://other.example:81/h/shop/a?b HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n";
    let (response, delivery) = carried(&relay, &mut cli, request).await;
    assert_eq!((response.status, &*delivery.path, delivery.query.as_deref()), (200, "/a", Some("b")));
    // Its Host is the target's (RFC 9112 §3.2.2).
    for name in ["host", "x-forwarded-host"] {
        assert_eq!(values(&delivery, name), [b"other.example:81"], "{name}");
    }
}

#[tokio::test]
async fn fields_keep_bytes_repeats_and_order() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut every: Vec<u8> = (0x80..=0xff).chain(0x21..=0x7e).collect();
    every.extend(b"\t x");
    let mut request = b"POST /h/shop HTTP/1.1\r\nhost: hooks.example\r\nX-Every: ".to_vec();
    request.extend(&every);
    request.extend(b"\r\nx-two: b\r\nX-Empty:\r\nX-Two: a\r\nMUX-Signature: t=1,v1=ab\r\nx-two:  c \r\n");
    request.extend(b"content-type: application/json\r\ncontent-length: 2\r\n\r\n{}");
    let (_, delivery) = carried(&relay, &mut cli, request).await;
    assert_eq!(values(&delivery, "x-every"), [&*every]);
    assert_eq!(values(&delivery, "x-two"), [b"b", b"a", b"c"]);
    assert_eq!(values(&delivery, "x-empty"), [b""]);
    assert_eq!(values(&delivery, "mux-signature"), [b"t=1,v1=ab"]);
    assert_eq!(values(&delivery, "content-length"), [b"2"]);
    assert_eq!((&*delivery.method, &*delivery.body), ("POST", &b"{}"[..]));
}

#[tokio::test]
async fn what_belongs_to_the_connection_stays_and_what_came_before_it_is_not_believed() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let request = "POST /h/shop HTTP/1.1\r\nhost: hooks.example:81\r\nconnection: x-private, close\r\nx-private: 1\r\n\
                   keep-alive: 5\r\nte: trailers\r\nproxy-authorization: secret\r\nupgrade: h2c\r\n\
                   x-forwarded-for: 6.6.6.6\r\nx-forwarded-host: evil\r\nx-forwarded-proto: gopher\r\n\
                   x-forwarded-for: 7.7.7.7\r\nx-real: 1\r\ncontent-length: 0\r\n\r\n";
    let (_, delivery) = carried(&relay, &mut cli, request).await;
    let mut left: Vec<_> =
        delivery.headers.iter().map(|(name, value)| (name, String::from_utf8_lossy(value))).collect();
    left.sort();
    let left: Vec<_> = left.iter().map(|(name, value)| (*name, &**value)).collect();
    assert_eq!(
        left,
        [
            ("content-length", "0"),
            ("host", "hooks.example:81"),
            ("x-forwarded-for", "127.0.0.1"),
            ("x-forwarded-host", "hooks.example:81"),
            ("x-forwarded-proto", "http"),
            ("x-real", "1"),
        ]
    );
}

#[tokio::test]
async fn a_trusted_proxys_word_is_passed_on() {
    let relay = Relay::with(|config| {
        config.trusted_proxies =
            muxhook_relay::config::TrustedProxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
    })
    .await;
    let mut cli = relay.listen("shop").await;
    let request = "POST /h/shop HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 6.6.6.6\r\nx-forwarded-host: hooks.example\r\n\
                   x-forwarded-proto: https\r\ncontent-length: 0\r\n\r\n";
    let (_, delivery) = carried(&relay, &mut cli, request).await;
    assert_eq!(values(&delivery, "x-forwarded-for"), [b"6.6.6.6"]);
    assert_eq!(values(&delivery, "x-forwarded-host"), [b"hooks.example"]);
    assert_eq!(values(&delivery, "x-forwarded-proto"), [b"https"]);
}

#[tokio::test]
async fn a_body_may_come_in_any_way() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let head = "POST /h/shop HTTP/1.1\r\nhost: x\r\n";
    for (rest, body) in [
        ("\r\n", ""),
        ("content-length: 0\r\n\r\n", ""),
        ("content-length: 3\r\n\r\n\0\r\n", "\0\r\n"),
        ("content-length: 1\r\ncontent-length: 1\r\n\r\na", "a"),
        ("transfer-encoding: chunked\r\n\r\n0\r\n\r\n", ""),
        ("transfer-encoding: chunked\r\n\r\n2;x=y\r\nab\r\n1\r\nc\r\n0\r\nx-trailer: 1\r\n\r\n", "abc"),
        ("TRANSFER-ENCODING: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
    ] {
        let (response, delivery) = carried(&relay, &mut cli, format!("{head}{rest}")).await;
        assert_eq!((response.by(), &*delivery.body), ((200, "skipped"), body.as_bytes()), "{rest}");
    }
}

#[tokio::test]
async fn a_body_may_come_in_pieces() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client.send("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nab").await;
    for piece in ["c", "de", "f"] {
        tokio::task::yield_now().await;
        client.send(piece).await;
    }
    let (response, delivery) = join!(client.response(), cli.handle(skipped()));
    assert_eq!((response.status, &*delivery.body), (200, &b"abcdef"[..]));
}

#[tokio::test]
async fn a_sender_that_asks_first_is_told_to_go_on() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client
        .send("POST /h/shop HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: 2\r\n\r\n")
        .await;
    assert_eq!(client.response().await.status, 100);
    client.send("hi").await;
    let (response, delivery) = join!(client.response(), cli.handle(skipped()));
    assert_eq!((response.by(), &*delivery.body), ((200, "skipped"), &b"hi"[..]));
}

#[tokio::test]
async fn http_1_0_is_spoken() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    client.send("POST /h/shop HTTP/1.0\r\ncontent-length: 2\r\n\r\nhi").await;
    let (response, delivery) = join!(client.response(), cli.handle(replied(200, &[], "ho")));
    assert_eq!((response.text(), &*delivery.body), ("ho", &b"hi"[..]));
    assert!(values(&delivery, "x-forwarded-host").is_empty(), "there was no Host");
    assert_eq!(client.rest().await, b"", "the connection ends");
}

#[tokio::test]
async fn requests_on_one_connection_are_answered_in_order() {
    let relay = Relay::start().await;
    let _app = relay.listen("shop").await.serve(crate::harness::echo);
    let mut client = relay.connect().await;
    let request = |body: &str| format!("POST /h/shop HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\n{body}");
    client.send(format!("{}{}{}", request("1"), request("2"), request("3"))).await;
    for body in ["1", "2", "3"] {
        assert_eq!(client.response().await.text(), body);
    }
}

/// A field's value: any bytes but controls, no white space at its ends (RFC 9110 §5.5).
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![0x21u8..=0x7e, 0x80u8..=0xff];
    proptest::collection::vec(byte, 0..40)
}

type Fields = Vec<(String, Vec<u8>)>;

fn fields() -> impl Strategy<Value = Fields> {
    proptest::collection::vec(("x-[a-e]", value()), 0..20)
}

fn sorted(fields: impl IntoIterator<Item = (String, Vec<u8>)>) -> Fields {
    let mut fields: Vec<_> = fields.into_iter().filter(|(name, _)| name.len() == 3).collect();
    // By name alone, and stable: the order of one name's values counts.
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(16) })]

    #[test]
    fn whatever_is_sent_arrives_and_whatever_is_answered_returns(
        sent in proptest::collection::vec((fields(), proptest::collection::vec(any::<u8>(), 0..3000)), 1..12),
        chunked in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(round_trips(sent, chunked));
    }
}

async fn round_trips(sent: Vec<(Fields, Vec<u8>)>, chunked: bool) {
    let relay = Relay::start().await;
    let mut cli = relay.dial(hello("shop")).await;
    let mut client = relay.connect().await;
    for (fields, body) in sent {
        client.send(request(&fields, &body, chunked)).await;
        let act = async {
            let delivery = cli.delivery().await;
            let headers = fields.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let reply =
                muxhook_protocol::Reply { status: 222, headers, body: body.clone().into(), truncated: false };
            cli.settle(delivery.id, muxhook_protocol::Outcome::Replied(reply));
            delivery
        };
        let (response, delivery) = join!(client.response(), act);
        assert_eq!(&*delivery.body, &*body);
        let arrived = delivery.headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec()));
        assert_eq!(sorted(arrived), sorted(fields.clone()));
        assert_eq!((response.status, &response.body), (222, &body));
        assert_eq!(sorted(response.headers), sorted(fields));
    }
}

fn request(fields: &Fields, body: &[u8], chunked: bool) -> Vec<u8> {
    let mut request = b"POST /h/shop/any HTTP/1.1\r\nhost: x\r\n".to_vec();
    for (name, value) in fields {
        request.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if !chunked {
        request.extend(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        request.extend(body);
        return request;
    }
    request.extend(b"transfer-encoding: chunked\r\n\r\n");
    for chunk in body.chunks(700) {
        request.extend(format!("{:x}\r\n", chunk.len()).as_bytes());
        request.extend([chunk, b"\r\n"].concat());
    }
    request.extend(b"0\r\n\r\n");
    request
}
