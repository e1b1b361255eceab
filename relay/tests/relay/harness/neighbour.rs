//! Somebody else on the same relay, whom a test's hostilities must not touch.

use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

use super::{Client, Relay, echo};

/// An endpoint with an app that echoes, and a sender with one connection to it that stays open.
pub(crate) struct Neighbour {
    sender: Mutex<Client<TcpStream>>,
    app: JoinHandle<()>,
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.app.abort();
    }
}

impl Neighbour {
    pub(crate) async fn of(relay: &Relay) -> Self {
        let app = relay.listen("neighbour").await.serve(echo);
        let neighbour = Self { sender: Mutex::new(relay.connect().await), app };
        neighbour.is_well().await;
        neighbour
    }

    /// A webhook of the neighbour's comes through, on the same connection as those before.
    pub(crate) async fn is_well(&self) {
        let response = self.sender.lock().await.post("neighbour", "are you there?").await;
        assert_eq!((response.by(), response.text()), ((200, "app"), "are you there?"));
    }
}
