//! Whether an app can be reached, address by address, without sending it anything.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::timeout;

use super::dial::addresses;
use super::target::Target;

/// How long one address may take.
const LIMIT: Duration = Duration::from_secs(3);

/// Connects to every address that a target may be at, and says for each whether something took the connection.
///
/// # Errors
/// The target's name has no address.
pub async fn probe(target: &Target) -> io::Result<Vec<(SocketAddr, io::Result<()>)>> {
    let connect = async |address: SocketAddr| match timeout(LIMIT, TcpStream::connect(address)).await {
        Ok(connected) => (address, connected.map(drop)),
        Err(_) => (address, Err(io::ErrorKind::TimedOut.into())),
    };
    Ok(futures_util::future::join_all(addresses(&target.origin).await?.into_iter().map(connect)).await)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn each_address_of_localhost_is_tried() {
        let app = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = app.local_addr().unwrap().port();
        let found = probe(&Target::parse(&format!("localhost:{port}")).unwrap()).await.unwrap();
        let open: Vec<_> = found.iter().map(|(address, open)| (address.is_ipv4(), open.is_ok())).collect();
        assert_eq!(open, [(false, false), (true, true)]);
    }
}
