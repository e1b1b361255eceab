//! Kept connections that turn out closed only when a request is to go out on them.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use super::app::{body_of, ok, read_request};
use super::tls::acceptor;
use super::*;

/// An app in a thread of its own: it resets its first connection when told, and says so. The test's runtime
/// does not look at its sockets meanwhile.
struct Resetting {
    port: u16,
    reset: SyncSender<()>,
    was_reset: Receiver<()>,
}

impl Resetting {
    fn start(tls: Option<TlsAcceptor>) -> Self {
        let (reset, told) = sync_channel(1);
        let (say, was_reset) = sync_channel(1);
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(play(listener, tls, &told, &say));
        });
        Self { port, reset, was_reset }
    }
}

async fn play(
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
    told: &Receiver<()>,
    say: &SyncSender<()>,
) {
    let listener = TcpListener::from_std(listener).unwrap();
    for first in [true, false] {
        let (tcp, _) = listener.accept().await.unwrap();
        tcp.set_zero_linger().unwrap();
        match &tls {
            None => drop(answer(tcp, first, told).await),
            Some(tls) => drop(answer(tls.accept(tcp).await.unwrap(), first, told).await),
        }
        say.send(()).unwrap();
    }
}

async fn answer<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S, first: bool, told: &Receiver<()>) -> S {
    let request = read_request(&mut stream).await.unwrap();
    stream.write_all(&ok(body_of(&request))).await.unwrap();
    stream.flush().await.unwrap();
    if first {
        told.recv().unwrap();
    } else {
        let _ = read_request(&mut stream).await;
    }
    stream
}

async fn second_goes_out_on_a_new_connection(app: &Resetting, url: String) {
    let (mut forwarder, to) = (forwarder(), target(url));
    assert_eq!(&*reply(forward(&mut forwarder, &to, "one").await).body, b"one");
    app.reset.send(()).unwrap();
    app.was_reset.recv().unwrap();
    assert_eq!(&*reply(forward(&mut forwarder, &to, "two").await).body, b"two");
}

#[tokio::test]
async fn a_plain_one_is_replaced() {
    let app = Resetting::start(None);
    second_goes_out_on_a_new_connection(&app, format!("http://127.0.0.1:{}", app.port)).await;
}

#[tokio::test]
async fn one_under_tls_is_replaced() {
    let app = Resetting::start(Some(acceptor(&[])));
    second_goes_out_on_a_new_connection(&app, format!("https://127.0.0.1:{}", app.port)).await;
}
