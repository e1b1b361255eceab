//! What of an app's answer may reach a sender.

use bytes::Bytes;
use muxhook_protocol::{Headers, MAX_REPLY_BODY, Outcome, Reply};
use tokio::join;

use crate::harness::{Relay, Response, replied, skipped};

async fn answered(headers: &[(&'static str, &'static [u8])], body: &'static str) -> Response {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    join!(relay.post("shop", ""), cli.handle(replied(200, headers, body))).0
}

#[tokio::test]
async fn an_answer_can_set_nothing_and_run_nothing_at_the_relays_origin() {
    let response = answered(
        &[("set-cookie", b"session=1"), ("set-cookie", b"b=2"), ("content-security-policy", b"script-src *")],
        "{}",
    )
    .await;
    assert!(response.all("set-cookie").is_empty());
    assert_eq!(response.all("content-security-policy"), [b"sandbox; default-src 'none'"]);
    assert_eq!(response.all("x-content-type-options"), [b"nosniff"]);
}

#[tokio::test]
async fn html_is_sent_as_text_however_it_is_called() {
    for kinds in [
        &[("content-type", &b"text/html"[..])][..],
        &[("content-type", b" TEXT/HTML ; charset=utf-16")],
        &[("content-type", b"application/xhtml+xml")],
        &[("content-type", b"text/plain"), ("content-type", b"text/html")],
        &[("content-type", b"text/plain, text/html")],
    ] {
        let response = answered(kinds, "<script>alert(1)</script>").await;
        assert_eq!(response.all("content-type"), [b"text/plain; charset=utf-8"], "{kinds:?}");
        assert_eq!(response.text(), "<script>alert(1)</script>");
    }
    let response = answered(&[("content-type", b"application/json")], "{}").await;
    assert_eq!(response.get("content-type"), "application/json");
}

#[tokio::test]
async fn an_answer_frames_nothing_and_signs_nothing_in_the_relays_name() {
    let response = answered(
        &[
            ("content-length", b"99999"),
            ("transfer-encoding", b"chunked"),
            ("connection", b"upgrade"),
            ("upgrade", b"h2c"),
            ("keep-alive", b"timeout=1"),
            ("muxhook-answer", b"relay"),
            ("muxhook-truncated", b"1"),
            ("location", b"https://elsewhere.example/"),
        ],
        "four",
    )
    .await;
    assert_eq!((response.all("content-length"), response.text()), (vec![&b"4"[..]], "four"));
    for name in ["transfer-encoding", "connection", "upgrade", "keep-alive", "muxhook-truncated"] {
        assert!(response.all(name).is_empty(), "{name}");
    }
    assert_eq!(response.all("muxhook-answer"), [b"app"]);
    assert_eq!(response.get("location"), "https://elsewhere.example/");
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let moved = replied(302, &[("location", b"/login")], "");
    let (response, _) = join!(relay.post("shop", ""), cli.handle(moved));
    assert_eq!((response.by(), response.get("location")), ((302, "app"), "/login"));
}

#[tokio::test]
async fn an_answer_that_http_cannot_carry_is_a_502_and_harms_nothing() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    for status in [0, 99, 100, 101, 199, 1000, u16::MAX] {
        let (response, _) = join!(client.post("shop", ""), cli.handle(replied(status, &[], "x")));
        assert_eq!(response.error(), (502, "app_unreachable".into()), "{status}");
    }
    let fields: &[(&str, &[u8])] = &[
        ("a b", b"1"),
        ("", b"1"),
        ("x-split", b"a\r\nset-cookie: a=b\r\n\r\n"),
        ("x-nul", b"\0"),
        (":status", b"500"),
        ("x-good", b"\xff"),
    ];
    let (response, _) = join!(client.post("shop", ""), cli.handle(replied(200, fields, "body")));
    assert_eq!((response.text(), response.all("x-good")), ("body", vec![&b"\xff"[..]]));
    assert!(response.headers.iter().all(|(name, _)| !["set-cookie", "x-split", "x-nul"].contains(&&**name)));
    // The connection holds for the next.
    let (response, _) = join!(client.post("shop", ""), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn an_answer_of_more_fields_than_a_map_holds_is_a_502() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    let headers: Headers = (0..26_000).map(|_| ("a", "")).collect();
    let outcome = Outcome::Replied(Reply { status: 200, headers, body: Bytes::new(), truncated: false });
    let (response, _) = join!(client.post("shop", ""), cli.handle(outcome));
    assert_eq!(response.error(), (502, "app_unreachable".into()));
    let (response, _) = join!(client.post("shop", ""), cli.handle(skipped()));
    assert_eq!(response.by(), (200, "skipped"));
}

#[tokio::test]
async fn answers_without_a_body_have_none() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let mut client = relay.connect().await;
    for status in [204, 205, 304] {
        let (response, _) = join!(client.post("shop", ""), cli.handle(replied(status, &[], "never")));
        assert_eq!((response.by(), response.text()), ((status, "app"), ""));
    }
    let (response, _) = join!(client.post("shop", ""), cli.handle(replied(200, &[], "next")));
    assert_eq!(response.text(), "next", "the connection is still in step");
}

#[tokio::test]
async fn the_largest_answer_comes_whole() {
    let relay = Relay::start().await;
    let mut cli = relay.listen("shop").await;
    let body: Vec<u8> = (0..MAX_REPLY_BODY).map(|i| (i / 7) as u8).collect();
    let (response, _) = join!(relay.post("shop", ""), cli.handle(replied(200, &[], body.clone())));
    assert!(response.body == body, "{} bytes", response.body.len());
}
