//! What is known of one app: the connections that wait for a next request, and where it answered.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Notices;
use super::connection::Connection;
use super::flight::Learnt;
use super::target::Origin;
use super::trouble::name_of;

/// How long an idle connection is kept: less than any dev server's own limit (gunicorn's 2 s is the shortest).
pub(super) const MAX_IDLE: Duration = Duration::from_millis(1500);

/// One app, by its origin.
pub(super) struct Site {
    pub(super) origin: Arc<Origin>,
    /// Where it answered last.
    pub(super) last: Option<SocketAddr>,
    /// Idle connections and since when, the newest at the back.
    idle: VecDeque<(Connection, Instant)>,
    told_of_address: bool,
    told_of_certificate: bool,
}

impl Site {
    pub(super) fn new(origin: Arc<Origin>) -> Self {
        Self { origin, last: None, idle: VecDeque::new(), told_of_address: false, told_of_certificate: false }
    }

    /// An open connection, the one used last.
    pub(super) fn take(&mut self, now: Instant) -> Option<Connection> {
        while let Some((mut connection, since)) = self.idle.pop_back() {
            if now.duration_since(since) < MAX_IDLE && connection.is_quiet() {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for a next request.
    pub(super) fn keep(&mut self, connection: Connection, now: Instant) {
        self.idle.push_back((connection, now));
    }

    /// Closes what has been idle too long; whether anything is left.
    pub(super) fn sweep(&mut self, now: Instant) -> bool {
        let stale = self.idle.iter().take_while(|(_, since)| now.duration_since(*since) >= MAX_IDLE).count();
        self.idle.drain(..stale);
        !self.idle.is_empty()
    }

    /// Takes in what a new connection taught; what of it the user should know, once.
    pub(super) fn learn(&mut self, learnt: Learnt) -> Notices {
        let Learnt { peer: Some(peer), refused, forgiven } = learnt else { return Notices::new() };
        self.last = Some(peer);
        let mut notices = Notices::new();
        if self.origin.host.is_localhost() && !refused.is_empty() && !self.told_of_address {
            self.told_of_address = true;
            let (here, port) = (name_of(&peer), self.origin.port);
            let not_there: Vec<_> = refused.iter().map(name_of).collect();
            let host = &self.origin.host;
            notices.push((
                "app_address",
                format!("{host} answered on {here}:{port}; nothing listens on {}", not_there.join(" or ")),
            ));
        }
        if let (Some(error), false) = (forgiven, self.told_of_certificate) {
            self.told_of_certificate = true;
            notices.push((
                "app_certificate",
                format!("the certificate of {} is not one that this machine trusts ({error}); taken all the same, since the app runs here", self.origin),
            ));
        }
        notices
    }
}
