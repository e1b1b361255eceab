//! What the app gets, and what comes back.

use proptest::prelude::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use super::app::{App, body_of, ok, read_request};
use super::*;

/// An app that hands on each request as it came.
async fn recorder() -> (App, mpsc::Receiver<Vec<u8>>) {
    let (sender, requests) = mpsc::channel(8);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                let _ = sender.send(request).await;
                let _ = stream.write_all(&ok(b"")).await;
            }
        }
    })
    .await;
    (app, requests)
}

#[tokio::test]
async fn the_request_arrives_byte_for_byte() {
    let (app, mut requests) = recorder().await;
    let headers: Headers = [
        ("content-type", &b"application/json"[..]),
        ("x-twice", b"1"),
        ("connection", b"close, x-private"),
        ("x-private", b"0"),
        ("x-bytes", b"\x80\x9f\xff"),
        ("x-twice", b"2"),
        ("mux-signature", b"t=1,v1=ab"),
        ("x-forwarded-for", b"203.0.113.9"),
    ]
    .into_iter()
    .collect();
    let sent = Delivery {
        path: "/s".into(),
        query: Some("q=2".into()),
        headers,
        ..delivery(&b"{\"a\": 1 }\n\0\xff"[..])
    };
    let mut forwarder: Forwarder<u32> = Forwarder::new(Options {
        headers: vec![HeaderOverride::parse("X-Added: yes").unwrap()],
        ..options()
    });
    forwarder.start(&target(format!("localhost:{}/base/?x=1", app.port)), &sent, 9);
    let done = forwarder.next().await;
    assert_eq!((done.tag, &*done.target), (9, &*format!("http://localhost:{}/base/?x=1", app.port)));
    let expected = [
        b"POST /base/s?x=1&q=2 HTTP/1.1\r\nhost: localhost:".as_slice(),
        app.port.to_string().as_bytes(),
        b"\r\ncontent-type: application/json\r\nx-twice: 1\r\nx-bytes: \x80\x9f\xff\r\nx-twice: 2\r\n\
          mux-signature: t=1,v1=ab\r\nx-forwarded-for: 203.0.113.9\r\nx-added: yes\r\n\
          muxhook-delivery: 019b76da-a800-7707-8707-070707070707\r\ncontent-length: 12\r\n\r\n\
          {\"a\": 1 }\n\0\xff",
    ]
    .concat();
    assert_eq!(
        requests.recv().await.unwrap().escape_ascii().to_string(),
        expected.escape_ascii().to_string()
    );
}

#[tokio::test]
async fn every_form_of_target_reaches_the_app() {
    let (app, mut requests) = recorder().await;
    let port = app.port;
    for (text, host) in [
        (format!("{port}/x"), "localhost"),
        (format!(":{port}/x"), "localhost"),
        (format!("localhost:{port}/x"), "localhost"),
        (format!("http://127.0.0.1:{port}/x"), "127.0.0.1"),
        (format!("http://[::ffff:127.0.0.1]:{port}/x"), "[::ffff:127.0.0.1]"),
        (format!("my.localhost:{port}/x"), "my.localhost"),
    ] {
        let done = forward(&mut forwarder(), &target(&text), "").await;
        assert_eq!(reply(done).status, 200, "{text}");
        let request = String::from_utf8(requests.recv().await.unwrap()).unwrap();
        assert!(request.starts_with(&format!("POST /x HTTP/1.1\r\nhost: {host}:{port}\r\n")), "{request}");
    }
}

#[tokio::test]
async fn answers_of_every_framing_come_back() {
    for (answer, status, body) in [
        ("HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\nno", 500, "no"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, "abc"),
        ("HTTP/1.0 200 OK\r\n\r\nuntil close", 200, "until close"),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 E\r\nx: y\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            204,
            "",
        ),
        ("HTTP/1.1 299 Odd\r\ncontent-length: 0\r\n\r\n", 299, ""),
    ] {
        let app = App::answering(answer).await;
        let reply = reply(forward(&mut forwarder(), &target(app.url()), "x").await);
        assert_eq!(
            (reply.status, &*reply.body, reply.truncated),
            (status, body.as_bytes(), false),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer() {
    let app = App::answering("HTTP/1.1 308 P\r\nlocation: /there\r\ncontent-length: 0\r\n\r\n").await;
    let reply = reply(forward(&mut forwarder(), &target(app.url()), "x").await);
    assert_eq!((reply.status, reply.headers.get("location")), (308, Some(&b"/there"[..])));
    assert_eq!(app.accepted(), 1);
}

#[tokio::test]
async fn a_huge_answer_is_cut_and_its_connection_closed() {
    let size = muxhook_protocol::MAX_REPLY_BODY + 1;
    let (sender, mut closed) = mpsc::channel(1);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            let _ = stream
                .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: {size}\r\n\r\nx").as_bytes())
                .await;
            // Neither side has anything more to say: this ends only when the forwarder closes.
            let _ = stream.read(&mut [0]).await;
            let _ = sender.send(()).await;
        }
    })
    .await;
    let mut forwarder = forwarder();
    let reply = reply(forward(&mut forwarder, &target(app.url()), "x").await);
    assert_eq!((reply.status, reply.truncated, reply.body.len()), (200, true, 0));
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn an_app_may_answer_before_it_has_read_the_body() {
    let app = App::start(|_, mut stream| async move {
        let _ = stream.read(&mut [0; 100]).await;
        let _ = stream.write_all(b"HTTP/1.1 413 Too Large\r\ncontent-length: 3\r\n\r\nbig").await;
        // Ends, since the whole body may be in the system's buffers by now and the connection look fit for another
        // request; and reads on, so that closing does not throw the answer away.
        let _ = stream.shutdown().await;
        let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    for n in 1..3 {
        let reply = reply(forward(&mut forwarder, &to, vec![0; 5 << 20]).await);
        assert_eq!((reply.status, &*reply.body), (413, &b"big"[..]));
        assert_eq!(app.accepted(), n, "the rest of a body is not taken for a request");
    }
}

#[tokio::test]
async fn a_large_body_arrives_whole() {
    let body: Vec<u8> = (0..5_u32 << 20).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let (app, mut requests) = recorder().await;
    let done = forward(&mut forwarder(), &target(app.url()), body.clone()).await;
    assert_eq!(reply(done).status, 200);
    assert!(body_of(&requests.recv().await.unwrap()) == body);
}

#[tokio::test]
async fn what_is_no_request_is_not_sent() {
    let (app, _requests) = recorder().await;
    let mut forwarder = forwarder();
    let headers = [("x", &b"1\r\ny: 2"[..])].into_iter().collect();
    forwarder.start(&target(app.url()), &Delivery { headers, ..delivery("") }, 5);
    assert_eq!(forwarder.in_flight(), 1);
    let done = forwarder.next().await;
    assert_eq!(done.tag, 5);
    assert_eq!(failure(done).0, FailReason::Protocol);
    assert_eq!((app.accepted(), forwarder.in_flight()), (0, 0));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]
    #[test]
    fn random_bodies_come_back_equal(
        bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..8192), 1..20),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::echo().await;
            let (mut forwarder, to) = (forwarder(), target(app.url()));
            for (tag, body) in (0..).zip(&bodies) {
                forwarder.start(&to, &delivery(body.clone()), tag);
            }
            for _ in &bodies {
                let done = forwarder.next().await;
                let sent = &bodies[done.tag as usize];
                assert_eq!(&reply(done).body, sent);
            }
        });
    }
}
