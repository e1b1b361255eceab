//! Sockets to listen on: bound here, or handed over by whoever started the relay.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Sockets that listen already. Each serves the address of the config that it is bound to; what has none is bound.
#[derive(Debug, Default)]
pub struct Sockets(Vec<(SocketAddr, std::net::TcpListener)>);

impl Sockets {
    /// Takes one more; the address it is bound to.
    ///
    /// # Errors
    /// It is no socket of TCP's that listens.
    pub fn hand_over(&mut self, socket: std::net::TcpListener) -> io::Result<SocketAddr> {
        if !listens(&socket)? {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it does not listen"));
        }
        let address = socket.local_addr()?;
        socket.set_nonblocking(true)?;
        self.0.push((address, socket));
        Ok(address)
    }

    /// The socket that was handed over for `address`, or a new one.
    pub(super) async fn listen(&mut self, address: SocketAddr) -> io::Result<Listener> {
        match self.0.iter().position(|(bound, _)| *bound == address) {
            Some(index) => {
                let socket = TcpListener::from_std(self.0.swap_remove(index).1)?;
                Ok(Listener { socket, is_shared: true })
            }
            None => Ok(Listener { socket: TcpListener::bind(address).await?, is_shared: false }),
        }
    }
}

#[cfg(unix)]
fn listens(socket: &std::net::TcpListener) -> io::Result<bool> {
    Ok(rustix::net::sockopt::socket_acceptconn(socket)?)
}

/// Nobody hands sockets over there.
#[cfg(not(unix))]
fn listens(_: &std::net::TcpListener) -> io::Result<bool> {
    Ok(true)
}

/// A socket that listens.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) socket: TcpListener,
    /// Whether others have it too: what nobody accepts waits there for the next relay, and is not this one's to end.
    pub(super) is_shared: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_socket_serves_its_own_address_and_once() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let mut sockets = Sockets::default();
        let address = sockets.hand_over(socket).unwrap();
        let other = sockets.listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
        assert!(!other.is_shared);
        let taken = sockets.listen(address).await.unwrap();
        assert_eq!((taken.socket.local_addr().unwrap(), taken.is_shared), (address, true));
        let again = sockets.listen(address).await.unwrap_err();
        assert_eq!(again.kind(), io::ErrorKind::AddrInUse);
    }
}
