//! Which port the embedded relay listens on: the one it had last, so that its address stays the same.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use crate::event::{Level, Notice};

/// The port it has unless a foreign program sits there.
pub(super) const USUAL: u16 = 6894;

/// How many ports behind the wanted one are tried.
const FURTHER: u16 = 50;

/// The address of a port on this machine alone.
pub(super) fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// The port to listen on: `last` or the usual one, else the next free one; and what to say when it changes.
pub(super) fn choose(last: Option<u16>) -> io::Result<(u16, Option<Notice>)> {
    let wanted = last.unwrap_or(USUAL);
    let free = (wanted..=wanted.saturating_add(FURTHER)).find(|port| is_free(*port)).map_or_else(any, Ok)?;
    Ok((free, (free != wanted).then(|| changed(wanted, free))))
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(address(port)).is_ok()
}

fn any() -> io::Result<u16> {
    TcpListener::bind(address(0)).and_then(|listener| listener.local_addr()).map(|addr| addr.port())
}

fn changed(wanted: u16, free: u16) -> Notice {
    Notice {
        level: Level::Warning,
        code: "port_changed".to_owned(),
        message: format!(
            "another program uses port {wanted}, so this machine's relay now has port {free}: the address below is \
             a new one"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_that_is_taken_is_left_to_its_owner_and_the_change_is_said() {
        let foreign = TcpListener::bind(address(0)).unwrap();
        let taken = foreign.local_addr().unwrap().port();
        let (port, notice) = choose(Some(taken)).unwrap();
        assert_ne!(port, taken);
        let message = notice.unwrap().message;
        assert!(message.contains(&taken.to_string()) && message.contains(&port.to_string()), "{message}");
        drop(foreign);
        assert_eq!(choose(Some(taken)).unwrap(), (taken, None));
    }
}
