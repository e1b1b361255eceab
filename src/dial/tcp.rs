//! TCP: the name resolved, its addresses raced (after RFC 8305).

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;

use super::error::{DialError, Peer, in_words};

/// How long one address is tried before the next one is tried beside it (RFC 8305 §5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Most addresses of one name that are tried.
const MOST_ADDRESSES: usize = 16;

/// A connection to the first of the peer's addresses that takes one.
pub(super) async fn connect(peer: &Peer) -> Result<TcpStream, DialError> {
    let found = lookup_host((peer.host.as_str(), peer.port)).await;
    let found = found.map_err(|error| unresolved(peer, &error.to_string()))?;
    let addresses = in_turns(found.take(MOST_ADDRESSES));
    if addresses.is_empty() {
        return Err(unresolved(peer, "it has no address"));
    }
    race(addresses).await.map_err(|failures| unreachable(peer, &failures))
}

/// The addresses with the families taking turns, the resolver's favourite first (RFC 8305 §4).
fn in_turns(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut addresses: Vec<_> = addresses.collect();
    let Some(first) = addresses.first().copied() else { return addresses };
    let mut places = [0, 0];
    addresses.sort_by_cached_key(|address| {
        let family = usize::from(address.is_ipv4() != first.is_ipv4());
        places[family] += 1;
        (places[family], family)
    });
    addresses
}

async fn race(addresses: Vec<SocketAddr>) -> Result<TcpStream, Vec<(SocketAddr, io::Error)>> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut failures = Vec::new();
    loop {
        running.extend(waiting.next().map(attempt));
        match timeout(HEAD_START, running.next()).await {
            Ok(Some(Ok(stream))) => return Ok(stream),
            Ok(Some(Err(failure))) => failures.push(failure),
            Ok(None) => return Err(failures),
            Err(_) => {}
        }
    }
}

async fn attempt(address: SocketAddr) -> Result<TcpStream, (SocketAddr, io::Error)> {
    let stream = TcpStream::connect(address).await.map_err(|error| (address, error))?;
    // A frame must not wait for the acknowledgement of the one before it.
    stream.set_nodelay(true).map_err(|error| (address, error))?;
    Ok(stream)
}

fn unresolved(peer: &Peer, why: &str) -> DialError {
    DialError::transient(format!("{peer} cannot be reached: its name does not resolve ({why})"))
}

fn unreachable(peer: &Peer, failures: &[(SocketAddr, io::Error)]) -> DialError {
    let mut reasons: Vec<String> = Vec::new();
    for (address, error) in failures {
        let why = in_words(error);
        // Where the host is itself an address, naming it again says nothing.
        let named = address.ip().to_string() == peer.host;
        reasons.push(if named { why } else { format!("{}: {why}", address.ip()) });
    }
    DialError::transient(format!("{peer} cannot be reached: {}", reasons.join("; ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turns(addresses: &[&str]) -> Vec<String> {
        let addresses = addresses.iter().map(|text| SocketAddr::new(text.parse().unwrap(), 1));
        in_turns(addresses).iter().map(|address| address.ip().to_string()).collect()
    }

    #[test]
    fn families_take_turns() {
        assert_eq!(turns(&["::1", "::2", "::3", "1.1.1.1"]), ["::1", "1.1.1.1", "::2", "::3"]);
        assert_eq!(turns(&["1.1.1.1", "2.2.2.2", "::1"]), ["1.1.1.1", "::1", "2.2.2.2"]);
        assert_eq!(turns(&[]), [""; 0]);
    }

    #[tokio::test]
    async fn an_address_that_refuses_gives_way_to_the_next() {
        let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let dead = closed.local_addr().unwrap();
        drop(closed);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = race(vec![dead, listener.local_addr().unwrap()]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), listener.local_addr().unwrap());
        assert!(stream.nodelay().unwrap());
        assert_eq!(race(vec![dead]).await.unwrap_err()[0].1.kind(), io::ErrorKind::ConnectionRefused);
    }
}
