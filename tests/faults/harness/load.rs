//! Senders: each on a connection of its own that it keeps.

use std::net::SocketAddr;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::ledger::Verdict;
use super::{Ledger, Wire, webhook};

/// Webhooks as fast as they are answered. Each sender ends when its connection breaks.
pub(crate) struct Load {
    stop: CancellationToken,
    senders: JoinSet<()>,
}

impl Load {
    pub(crate) fn start(addr: SocketAddr, endpoint: &str, ledger: &Ledger, connections: usize) -> Self {
        let stop = CancellationToken::new();
        let mut senders = JoinSet::new();
        for _ in 0..connections {
            let (stop, ledger, endpoint) = (stop.clone(), ledger.clone(), endpoint.to_owned());
            senders.spawn(async move {
                let Some(mut wire) = Wire::connect(addr).await else { return };
                while !stop.is_cancelled() && post(&mut wire, &endpoint, &ledger).await.is_some() {}
            });
        }
        Self { stop, senders }
    }

    /// Lets each sender have the answer that it waits for.
    pub(crate) async fn finish(self) {
        self.stop.cancel();
        self.senders.join_all().await;
    }

    /// Waits until each sender has lost its connection.
    pub(crate) async fn broken(self) {
        self.senders.join_all().await;
    }
}

/// Posts a webhook that never was before; `None` when the connection breaks before the answer.
pub(crate) async fn post(wire: &mut Wire, endpoint: &str, ledger: &Ledger) -> Option<(u64, Verdict)> {
    let number = ledger.number();
    let answer = wire.ask(&format!("POST /h/{endpoint}"), "", &webhook::body(number)).await?;
    Some((number, ledger.answered(number, &answer)))
}

/// The same on a connection of its own.
pub(crate) async fn post_one(addr: SocketAddr, endpoint: &str, ledger: &Ledger) -> (u64, Verdict) {
    let mut wire = Wire::connect(addr).await.expect("the relay listens");
    post(&mut wire, endpoint, ledger).await.expect("the relay answers")
}
