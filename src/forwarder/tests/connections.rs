//! How connections are made, kept and left, and how many deliveries are under way.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{sleep, timeout};

use super::app::{App, body_of, echo, ok, read_request};
use super::*;
use crate::forwarder::site::MAX_IDLE;

#[tokio::test]
async fn one_connection_carries_one_request_after_another() {
    let app = App::echo().await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    for n in 0..20_u8 {
        assert_eq!(&*reply(forward(&mut forwarder, &to, vec![n]).await).body, [n]);
    }
    assert_eq!(app.accepted(), 1);
    // Another path is the same app.
    let other = target(format!("{}/other", app.url()));
    assert_eq!(reply(forward(&mut forwarder, &other, "x").await).status, 200);
    assert_eq!(app.accepted(), 1);
}

#[tokio::test]
async fn a_request_on_an_idle_connection_is_written_at_once() {
    let (sender, mut requests) = mpsc::channel(8);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            while let Some(request) = read_request(&mut stream).await {
                let _ = sender.send(body_of(&request).to_vec()).await;
                let _ = stream.write_all(&ok(b"")).await;
            }
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    forward(&mut forwarder, &to, "first").await;
    forwarder.start(&to, &delivery("second"), 0);
    // Nobody polls the forwarder, and the app has the request all the same.
    assert_eq!(requests.recv().await.unwrap(), b"first");
    assert_eq!(requests.recv().await.unwrap(), b"second");
    assert_eq!(reply(forwarder.next().await).status, 200);
}

#[tokio::test]
async fn answers_that_end_the_connection_are_not_followed_by_a_request() {
    for answer in [
        &b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"[..],
        b"HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\nsmuggled",
    ] {
        let app = App::start(move |_, mut stream| async move {
            while read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(answer).await;
            }
        })
        .await;
        let (mut forwarder, to) = (forwarder(), target(app.url()));
        for _ in 0..3 {
            assert_eq!(&*reply(forward(&mut forwarder, &to, "x").await).body, b"");
        }
        assert_eq!(app.accepted(), 3, "{}", answer.escape_ascii());
    }
}

#[tokio::test]
async fn a_connection_that_the_app_closed_meanwhile_is_not_used() {
    let (sender, mut closed) = mpsc::channel(8);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(&ok(b"")).await.unwrap();
            drop(stream);
            sender.send(()).await.unwrap();
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    for n in 1..4 {
        assert_eq!(reply(forward(&mut forwarder, &to, "x").await).status, 200);
        closed.recv().await.unwrap();
        // The close reaches this side's socket at the runtime's next look at them.
        sleep(Duration::from_millis(5)).await;
        assert_eq!(app.accepted(), n);
    }
}

#[tokio::test]
async fn bytes_that_nobody_asked_for_end_an_idle_connection() {
    let (sender, mut written) = mpsc::channel(8);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                let _ = stream.write_all(&ok(b"")).await;
                sleep(Duration::from_millis(1)).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nwrong").await;
                let _ = sender.send(()).await;
            }
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    for n in 1..4 {
        assert_eq!(&*reply(forward(&mut forwarder, &to, "x").await).body, b"");
        written.recv().await.unwrap();
        sleep(Duration::from_millis(5)).await;
        assert_eq!(app.accepted(), n);
    }
}

#[tokio::test(start_paused = true)]
async fn idle_connections_are_closed_while_nothing_happens() {
    let (sender, mut closed) = mpsc::channel(8);
    let app = App::start(move |_, stream| {
        let sender = sender.clone();
        async move {
            echo(stream).await;
            let _ = sender.send(()).await;
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    forward(&mut forwarder, &to, "x").await;
    let start = tokio::time::Instant::now();
    tokio::select! {
        _ = forwarder.next() => panic!("nothing is under way"),
        end = closed.recv() => end.unwrap(),
    }
    let kept = start.elapsed();
    assert!(kept >= MAX_IDLE, "{kept:?}");
    assert!(forwarder.alarm.is_none(), "nothing is left to watch");
}

#[tokio::test]
async fn an_idle_connection_above_its_age_is_not_used() {
    let app = App::echo().await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    forward(&mut forwarder, &to, "x").await;
    tokio::time::pause();
    tokio::time::advance(MAX_IDLE).await;
    tokio::time::resume();
    forward(&mut forwarder, &to, "x").await;
    assert_eq!(app.accepted(), 2);
}

/// An app at `ip` alone, on a port that the other family's loopback has free.
async fn at(ip: impl Into<std::net::IpAddr>) -> App {
    App::at(SocketAddr::new(ip.into(), 0), |_, stream| echo(stream)).await
}

#[tokio::test]
async fn localhost_finds_an_app_on_either_family() {
    let app = at(Ipv6Addr::LOCALHOST).await;
    let (mut forwarder, to) = (forwarder(), target(format!("localhost:{}", app.port)));
    let done = forward(&mut forwarder, &to, "six").await;
    assert_eq!(done.notices, []);
    assert_eq!(&*reply(done).body, b"six");

    let app = at(Ipv4Addr::LOCALHOST).await;
    let to = target(format!("localhost:{}", app.port));
    let done = forward(&mut forwarder, &to, "four").await;
    let said = format!("localhost answered on 127.0.0.1:{}; nothing listens on [::1]", app.port);
    assert_eq!(done.notices, [("app_address", said)]);
    assert_eq!(&*reply(done).body, b"four");
}

#[tokio::test]
async fn the_family_that_answered_is_tried_first_and_the_other_one_when_it_fails() {
    let four = App::at(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), |_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\nfour").await.unwrap();
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(format!("localhost:{}", four.port)));
    assert_eq!(forward(&mut forwarder, &to, "").await.notices.len(), 1);
    let six = App::at(SocketAddr::new(Ipv6Addr::LOCALHOST.into(), four.port), |_, stream| echo(stream)).await;
    let done = forward(&mut forwarder, &to, "x").await;
    assert_eq!(done.notices, [], "it is said once");
    assert_eq!(&*reply(done).body, b"four");
    drop(four);
    assert_eq!(&*reply(forward(&mut forwarder, &to, "six").await).body, b"six");
    assert_eq!(six.accepted(), 1);
}

#[tokio::test]
async fn a_slow_handler_holds_up_nobody() {
    let app = App::start(|_, mut stream| async move {
        while let Some(request) = read_request(&mut stream).await {
            if body_of(&request) == b"slow" {
                std::future::pending::<()>().await;
            }
            let _ = stream.write_all(&ok(b"")).await;
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    forwarder.start(&to, &delivery("slow"), 0);
    for tag in 1..50 {
        forwarder.start(&to, &delivery("fast"), tag);
    }
    let mut tags = Vec::new();
    for _ in 1..50 {
        tags.push(forwarder.next().await.tag);
    }
    tags.sort_unstable();
    assert_eq!(tags, (1..50).collect::<Vec<_>>());
    assert_eq!(forwarder.in_flight(), 1);
}

#[tokio::test]
async fn above_the_limit_deliveries_wait_in_order() {
    let (sender, mut bodies) = mpsc::channel(16);
    let go = Arc::new(Notify::new());
    let gate = go.clone();
    let app = App::start(move |_, mut stream| {
        let (sender, gate) = (sender.clone(), gate.clone());
        async move {
            while let Some(request) = read_request(&mut stream).await {
                sender.send(body_of(&request)[0]).await.unwrap();
                gate.notified().await;
                stream.write_all(&ok(b"")).await.unwrap();
            }
        }
    })
    .await;
    let mut forwarder: Forwarder<u32> = Forwarder::new(Options { max_in_flight: 1, ..options() });
    let to = target(app.url());
    for n in 0..5_u8 {
        forwarder.start(&to, &delivery(vec![n]), n.into());
    }
    assert_eq!((forwarder.in_flight(), forwarder.waiting()), (1, 4));
    for n in 0..5 {
        go.notify_one();
        assert_eq!(forwarder.next().await.tag, n);
        assert_eq!(bodies.recv().await.unwrap(), u8::try_from(n).unwrap());
    }
    assert_eq!((forwarder.in_flight(), forwarder.waiting()), (0, 0));
    assert_eq!(app.accepted(), 1);
}

#[tokio::test]
async fn next_can_be_dropped_and_asked_again() {
    let (release, gate) = oneshot::channel::<()>();
    let gate = Arc::new(tokio::sync::Mutex::new(Some(gate)));
    let app = App::start(move |_, mut stream| {
        let gate = gate.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-le").await.unwrap();
            gate.lock().await.take().unwrap().await.unwrap();
            stream.write_all(b"ngth: 2\r\n\r\nok").await.unwrap();
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    assert!(timeout(Duration::from_millis(5), forwarder.next()).await.is_err(), "nothing is under way");
    forwarder.start(&to, &delivery("x"), 3);
    for _ in 0..5 {
        assert!(timeout(Duration::from_millis(5), forwarder.next()).await.is_err());
    }
    release.send(()).unwrap();
    let done = forwarder.next().await;
    assert_eq!((done.tag, &*reply(done).body), (3, &b"ok"[..]));
}

#[tokio::test]
async fn dropping_the_forwarder_closes_what_is_under_way() {
    let (sender, mut events) = mpsc::channel(8);
    let app = App::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            sender.send("asked").await.unwrap();
            let _ = stream.read(&mut [0]).await;
            sender.send("closed").await.unwrap();
        }
    })
    .await;
    let (mut forwarder, to) = (forwarder(), target(app.url()));
    forwarder.start(&to, &delivery("x"), 0);
    tokio::select! {
        _ = forwarder.next() => panic!("there is no answer"),
        event = events.recv() => assert_eq!(event, Some("asked")),
    }
    drop(forwarder);
    assert_eq!(events.recv().await, Some("closed"));
}

#[test]
fn a_forwarder_can_live_in_a_task() {
    fn is_send(_: impl Send) {}
    is_send(forwarder());
}
