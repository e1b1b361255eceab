//! Public connections: taken, served, and let end when the relay goes down.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use muxhook_link::Stream;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;

use super::Shared;
use super::doors::{self, Guarded, Pace, Place, Times, Unfit};
use super::sockets::Listener;
use crate::ingress::Peer;
use crate::remark::OneLine;
use crate::tls::acme;

/// How long to wait before accepting again when the system has no room for a connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Takes connections until the relay goes down. What waits on a socket that is its own is taken then: it would be reset
/// by its end. On a socket that others have as well it waits for them.
pub(super) async fn accept(listener: Listener, tls: Option<TlsAcceptor>, shared: Arc<Shared>) {
    let Listener { socket: listener, is_shared } = listener;
    let take = |socket: TcpStream, addr: SocketAddr| match shared.doors.enter(addr.ip()) {
        Ok(place) => {
            shared.connections.spawn(serve(socket, addr, tls.clone(), place, Arc::clone(&shared)));
        }
        // A reset leaves nothing behind, not even in the system.
        Err(_) => drop(socket.set_zero_linger()),
    };
    let take_all = async {
        loop {
            match listener.accept().await {
                Ok((socket, addr)) => take(socket, addr),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    shared.stop.run_until_cancelled(take_all).await;
    if let Ok(listener) = listener.into_std()
        && !is_shared
    {
        while let Ok((socket, addr)) = listener.accept() {
            if let Ok(socket) = socket.set_nonblocking(true).and_then(|()| TcpStream::from_std(socket)) {
                take(socket, addr);
            }
        }
    }
}

async fn serve(
    socket: TcpStream,
    addr: SocketAddr,
    tls: Option<TlsAcceptor>,
    place: Place,
    shared: Arc<Shared>,
) {
    // Small frames both ways: waiting to fill a packet would cost a round trip each.
    let _ = socket.set_nodelay(true);
    let limits = shared.settings.now().limits;
    doors::watch(&socket, limits.unread_timeout);
    let peer = Peer { ip: addr.ip(), tls: tls.is_some() };
    let stream = match tls {
        None => Stream::Plain(socket),
        Some(tls) => match handshake(socket, addr, &tls, peer, &shared).await {
            Some(stream) => stream,
            None => return,
        },
    };
    let source = shared.doors.source(peer.ip);
    let is_mute = source.is_some_and(|source| shared.sources.is_spent(source, Instant::now()));
    let pace = Arc::new(Pace::new(Times::of(&limits), is_mute));
    let service = {
        let (shared, pace) = (Arc::clone(&shared), Arc::clone(&pace));
        service_fn(move |request| {
            pace.asked();
            let (shared, pace) = (Arc::clone(&shared), Arc::clone(&pace));
            async move { Ok::<_, std::convert::Infallible>(shared.answer(peer, &pace, request).await) }
        })
    };
    let connection = http1::Builder::new()
        // The pace knows more: how long a connection was silent, and how long its head has taken.
        .header_read_timeout(None)
        .max_buf_size(limits.max_head)
        .max_header_size(limits.max_head)
        .serve_connection(TokioIo::new(Guarded::new(stream, Arc::clone(&pace), place)), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = pace.keep(connection.as_mut()) => ended,
        () = shared.hang_up.cancelled() => {
            connection.as_mut().graceful_shutdown();
            pace.keep(connection).await
        }
    };
    let Err(unfit) = ended else { return };
    tracing::debug!(peer = %addr, ?unfit, "a connection ended badly");
    match unfit {
        Some(Unfit::SlowHead) => shared.connection_failed(peer, "slow_head"),
        Some(Unfit::BadHead) => shared.connection_failed(peer, "head"),
        // It has had its answer, right or wrong, and that was counted.
        Some(Unfit::SlowReader) => shared.metrics.connections.failed("slow_reader"),
        None => {}
    }
}

/// TLS over the socket, if the other side is up to it.
async fn handshake(
    socket: TcpStream,
    addr: SocketAddr,
    tls: &TlsAcceptor,
    peer: Peer,
    shared: &Shared,
) -> Option<Stream> {
    let patience = shared.settings.now().limits.handshake_timeout;
    let handshake = timeout(patience, tls.accept(Stream::Plain(socket)));
    match shared.hang_up.run_until_cancelled(handshake).await? {
        // The handshake was all that a directory came for (RFC 8737 §3).
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(acme::ALPN) => None,
        Ok(Ok(stream)) => Some(Stream::Tls(Box::new(stream.into()))),
        Ok(Err(error)) => {
            tracing::debug!(peer = %addr, error = %OneLine(&error), "a TLS handshake failed");
            if !is_relays(&error) {
                shared.connection_failed(peer, "tls");
            }
            None
        }
        Err(_) => {
            tracing::debug!(peer = %addr, "a TLS handshake took too long");
            shared.connection_failed(peer, "slow_tls");
            None
        }
    }
}

/// Whether a handshake failed for want of a certificate, while the relay has none yet: nobody else is to blame for that.
fn is_relays(error: &std::io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    matches!(cause, Some(rustls::Error::General(_)))
}
