//! Sockets to listen on: bound here, or handed over by whoever started the relay.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpListener;

/// Most connections that wait to be accepted; the system may have less (`net.core.somaxconn`). One too many is as good as
/// lost for a second and more: and thousands of CLIs may come at once, when the relay was away.
#[cfg(unix)]
const BACKLOG: i32 = 4096;

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
            None => Ok(Listener { socket: bind(address).await?, is_shared: false }),
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

/// Listens on an address.
async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = TcpListener::bind(address).await?;
    // Said once more of a socket that listens, it is the length of its queue that changes (POSIX `listen`).
    #[cfg(unix)]
    rustix::net::listen(&listener, BACKLOG)?;
    Ok(listener)
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

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn hundreds_may_wait_to_be_accepted() {
        use tokio::net::TcpStream;
        let listener = bind((std::net::Ipv4Addr::LOCALHOST, 0).into()).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        // With room for 128 the next one would never get there.
        for _ in 0..300 {
            waiting.push(TcpStream::connect(addr).await.unwrap());
        }
        for _ in &waiting {
            listener.accept().await.unwrap();
        }
    }
}
