//! How an app is reached: its addresses, tried so that neither `::1` nor `127.0.0.1` is missed.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::TcpStream;

use super::connection::{Connection, Stream};
use super::target::{Host, Origin};
use super::tls::Tls;
use super::trouble::Trouble;

/// How long one address may take before the next is tried beside it.
const HEAD_START: Duration = Duration::from_millis(50);

/// Most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// A connection, and what was learnt on the way to it.
pub(super) struct Dialled {
    pub(super) connection: Connection,
    pub(super) peer: SocketAddr,
    /// Addresses that were tried in vain before.
    pub(super) refused: Vec<SocketAddr>,
    /// Why the app's certificate would not do, was this not loopback.
    pub(super) forgiven: Option<String>,
}

/// Connects to `origin`, first to where it answered last.
pub(super) async fn dial(
    origin: Arc<Origin>,
    last: Option<SocketAddr>,
    tls: Arc<Tls>,
) -> Result<Dialled, Trouble> {
    let mut addresses = addresses(&origin).await.map_err(|error| Trouble::unresolved(&origin, &error))?;
    if let Some(at) = last.and_then(|last| addresses.iter().position(|address| *address == last)) {
        addresses[..=at].rotate_right(1);
    }
    let won = race(addresses).await.map_err(|failed| Trouble::unreached(&origin, &failed))?;
    let Won { tcp, peer, refused } = won;
    let (stream, forgiven) = if origin.secure {
        let secured = tls.connect(&origin.host, tcp).await;
        let secured = secured.map_err(|fault| Trouble::tls(&origin, &fault))?;
        (Stream::Tls(Box::new(secured.stream)), secured.forgiven.map(|error| error.to_string()))
    } else {
        (Stream::Plain(tcp), None)
    };
    Ok(Dialled { connection: Connection::new(stream), peer, refused, forgiven })
}

/// Where `origin` may be: never empty.
pub(super) async fn addresses(origin: &Origin) -> io::Result<Vec<SocketAddr>> {
    match &origin.host {
        Host::Ip(ip) => Ok(vec![SocketAddr::new(*ip, origin.port)]),
        host if host.is_localhost() => {
            let both = [IpAddr::V6(Ipv6Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::LOCALHOST)];
            Ok(both.map(|ip| SocketAddr::new(ip, origin.port)).into())
        }
        Host::Name(name) => {
            let found = tokio::net::lookup_host((name.as_str(), origin.port)).await?;
            let found: Vec<_> = found.take(MAX_ADDRESSES).collect();
            if found.is_empty() { Err(io::ErrorKind::NotFound.into()) } else { Ok(found) }
        }
    }
}

struct Won {
    tcp: TcpStream,
    peer: SocketAddr,
    refused: Vec<SocketAddr>,
}

/// The first address that answers wins. Each is tried when the one before has failed or had its head start.
async fn race(addresses: Vec<SocketAddr>) -> Result<Won, Vec<(SocketAddr, io::Error)>> {
    let mut waiting = addresses.into_iter();
    let mut running: FuturesUnordered<_> = waiting.next().map(connect).into_iter().collect();
    let mut failed = Vec::new();
    loop {
        tokio::select! {
            biased;
            Some((peer, result)) = running.next() => match result {
                Ok(tcp) => {
                    let refused = failed.into_iter().map(|(address, _)| address).collect();
                    return Ok(Won { tcp, peer, refused });
                }
                Err(error) => {
                    failed.push((peer, error));
                    running.extend(waiting.next().map(connect));
                }
            },
            () = tokio::time::sleep(HEAD_START), if waiting.len() > 0 => {
                running.extend(waiting.next().map(connect));
            }
            else => return Err(failed),
        }
    }
}

async fn connect(address: SocketAddr) -> (SocketAddr, io::Result<TcpStream>) {
    let connected = async {
        let tcp = TcpStream::connect(address).await?;
        if tcp.local_addr()? == address {
            // With nobody at a port of the ephemeral range, TCP can meet itself there (RFC 9293 §3.5).
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        tcp.set_nodelay(true)?;
        Ok(tcp)
    };
    (address, connected.await)
}
