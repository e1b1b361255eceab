//! Public connections: taken, served, and let end when the relay goes down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use muxhook_link::Stream;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Shared;
use crate::ingress::Peer;
use crate::tls::acme;

/// How long a TLS handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long to wait before accepting again when the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until it is dropped.
pub(super) async fn accept(listener: TcpListener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    loop {
        match listener.accept().await {
            Ok((socket, addr)) => {
                // Small frames both ways: waiting to fill a packet would cost a round trip each.
                let _ = socket.set_nodelay(true);
                let serve = serve(socket, addr, tls.clone(), Arc::clone(&shared));
                shared.connections.spawn(serve);
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(socket: TcpStream, addr: SocketAddr, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let peer = Peer { ip: addr.ip(), tls: tls.is_some() };
    let stream = match tls {
        None => Stream::Plain(socket),
        Some(tls) => {
            let handshake = timeout(HANDSHAKE, tls.accept(Stream::Plain(socket)));
            match shared.stop.run_until_cancelled(handshake).await {
                // The handshake was all that a directory came for (RFC 8737 §3).
                Some(Ok(Ok(stream))) if stream.get_ref().1.alpn_protocol() == Some(acme::ALPN) => return,
                Some(Ok(Ok(stream))) => Stream::Tls(Box::new(stream.into())),
                Some(Ok(Err(error))) => {
                    return tracing::debug!(peer = %addr, %error, "a TLS handshake failed");
                }
                Some(Err(_)) => return tracing::debug!(peer = %addr, "a TLS handshake took too long"),
                None => return,
            }
        }
    };
    let service = {
        let shared = Arc::clone(&shared);
        service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, std::convert::Infallible>(shared.answer(peer, request).await) }
        })
    };
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.limits.head_timeout)
        .max_buf_size(shared.limits.max_head)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = &mut connection => ended,
        () = shared.stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(peer = %addr, %error, "a connection ended badly");
    }
}
