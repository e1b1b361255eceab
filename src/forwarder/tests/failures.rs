//! How an app can fail, and what is said of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;
use tokio::sync::mpsc;

use super::app::{App, ok, read_request};
use super::*;

/// What comes of forwarding to an app that gives `answer` and closes.
async fn after(answer: impl Into<Vec<u8>>) -> (FailReason, String, String) {
    let app = App::answering(answer).await;
    let (reason, message, hint) = failure(forward(&mut forwarder(), &target(app.url()), "x").await);
    let port = app.port.to_string();
    (reason, message.replace(&port, "PORT"), hint.replace(&port, "PORT"))
}

#[tokio::test]
async fn nobody_there() {
    // The port is taken on both families, and nobody listens on it.
    let (four, six) = (TcpSocket::new_v4().unwrap(), TcpSocket::new_v6().unwrap());
    four.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let free = four.local_addr().unwrap().port();
    six.bind((Ipv6Addr::LOCALHOST, free).into()).unwrap();
    let (reason, message, hint) =
        failure(forward(&mut forwarder(), &target(format!("localhost:{free}")), "x").await);
    assert_eq!(reason, FailReason::Refused);
    assert_eq!(message, format!("nothing listens on localhost:{free} (tried [::1] and 127.0.0.1)"));
    assert!(hint.starts_with("start the app"), "{hint}");
    let to = target(format!("127.0.0.1:{free}"));
    let (_, message, _) = failure(forward(&mut forwarder(), &to, "x").await);
    assert_eq!(message, format!("nothing listens on 127.0.0.1:{free}"));
}

#[tokio::test]
async fn a_name_that_does_not_resolve() {
    let (reason, message, _) =
        failure(forward(&mut forwarder(), &target("http://no-such-app.invalid:3000"), "x").await);
    assert_eq!(reason, FailReason::Refused);
    assert!(message.starts_with("no address is known for no-such-app.invalid: "), "{message}");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer() {
    let (reason, message, hint) = after("").await;
    assert_eq!(reason, FailReason::Reset);
    assert_eq!(message, "127.0.0.1:PORT closed the connection without an answer");
    assert!(hint.contains("https://127.0.0.1:PORT"), "{hint}");
}

#[tokio::test]
async fn a_connection_reset_without_an_answer() {
    let app = App::start(|_, mut stream| async move {
        // Closing with bytes unread makes it a reset.
        let _ = stream.read(&mut [0; 10]).await;
    })
    .await;
    let (reason, message, _) = failure(forward(&mut forwarder(), &target(app.url()), "x").await);
    assert_eq!(reason, FailReason::Reset);
    assert!(message.ends_with("closed the connection without an answer"), "{message}");
}

#[tokio::test]
async fn an_answer_cut_short() {
    for cut in ["HTTP/1.1 200 OK\r\nx:", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"] {
        let (reason, message, _) = after(cut).await;
        assert_eq!(reason, FailReason::Reset);
        assert_eq!(message, "127.0.0.1:PORT closed the connection in the middle of its answer");
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http() {
    let (reason, message, _) = after("SSH-2.0-OpenSSH_9.6\r\n").await;
    assert_eq!(reason, FailReason::Protocol);
    assert_eq!(
        message,
        r#"the answer of 127.0.0.1:PORT is no HTTP/1.x: it begins with "SSH-2.0-OpenSSH_9.6\r\n""#
    );
    let (_, message, _) = after("\u{1b}[2J\u{7}").await;
    assert!(message.ends_with(r#"it begins with "\x1b[2J\x07""#), "{message}");
}

#[tokio::test]
async fn an_answer_against_the_rules() {
    let (reason, message, _) =
        after("HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab").await;
    assert_eq!(reason, FailReason::Protocol);
    assert_eq!(message, "the answer of 127.0.0.1:PORT has content-lengths that contradict each other");
}

#[tokio::test]
async fn a_head_without_end() {
    let (reason, message, _) = after(format!("HTTP/1.1 200 OK\r\nx: {}\r\n\r\n", "y".repeat(70_000))).await;
    assert_eq!(
        (reason, &*message),
        (FailReason::TooLarge, "the answer of 127.0.0.1:PORT has a head above 64 KiB")
    );
    let (reason, message, _) = after(format!("HTTP/1.1 200 OK\r\n{}\r\n", "x: y\r\n".repeat(101))).await;
    assert_eq!(
        (reason, &*message),
        (FailReason::TooLarge, "the answer of 127.0.0.1:PORT has more than 100 header fields")
    );
}

#[tokio::test]
async fn an_app_that_speaks_https() {
    let (reason, message, hint) = after(b"\x15\x03\x01\x00\x02\x02\x46".as_slice()).await;
    assert_eq!(reason, FailReason::Protocol);
    assert_eq!(message, "127.0.0.1:PORT speaks https, not http");
    assert_eq!(hint, "forward to https://127.0.0.1:PORT");
}

#[tokio::test(start_paused = true)]
async fn an_app_that_does_not_answer_in_time() {
    let (sender, mut closed) = mpsc::channel(1);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            let _ = stream.read(&mut [0]).await;
            sender.send(()).await.unwrap();
        }
    })
    .await;
    let mut forwarder: Forwarder<u32> =
        Forwarder::new(Options { timeout: Duration::from_millis(12_345), ..options() });
    let start = tokio::time::Instant::now();
    let done = forward(&mut forwarder, &target(app.url()), "x").await;
    assert_eq!(start.elapsed().as_millis(), 12_345, "one alarm, and yet on time");
    assert_eq!(done.latency, start.elapsed());
    let (reason, message, hint) = failure(done);
    assert_eq!(reason, FailReason::Timeout);
    assert_eq!(message, format!("127.0.0.1:{} did not answer within 12.345s", app.port));
    assert!(hint.contains("answer first") && hint.contains("--timeout"));
    closed.recv().await.unwrap();
    assert_eq!(forwarder.in_flight(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_delivery_has_its_own_deadline() {
    let app = App::start(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        std::future::pending::<()>().await;
    })
    .await;
    let (mut forwarder, to) =
        (Forwarder::new(Options { timeout: Duration::from_millis(300), ..options() }), target(app.url()));
    forwarder.start(&to, &delivery("x"), 0);
    assert!(tokio::time::timeout(Duration::from_millis(200), forwarder.next()).await.is_err());
    forwarder.start(&to, &delivery("x"), 1);
    for tag in 0..2 {
        let done = forwarder.next().await;
        assert_eq!((done.tag, done.latency.as_millis()), (tag, 300));
    }
}

#[tokio::test]
async fn a_request_that_went_out_is_not_sent_again() {
    let app = App::start(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stream.write_all(&ok(b"")).await.unwrap();
        // The second request is read, and the connection closed in place of an answer.
        let _ = read_request(&mut stream).await;
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    assert_eq!(reply(forward(&mut forwarder, &to, "1").await).status, 200);
    assert_eq!(failure(forward(&mut forwarder, &to, "2").await).0, FailReason::Reset);
    assert_eq!(app.accepted(), 1);
}
