//! A good client, and how long its webhooks take.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::harness::Client;

/// Between two webhooks: a sender, and no flood.
const PAUSE: Duration = Duration::from_millis(1);

/// One connection, one webhook at a time.
pub(crate) struct Sender {
    client: Client<TcpStream>,
    endpoint: &'static str,
}

/// How long each webhook took, in milliseconds.
pub(crate) struct Times(Vec<f64>);

impl Sender {
    pub(crate) async fn new(addr: SocketAddr, endpoint: &'static str) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self { client: Client::new(stream), endpoint }
    }

    pub(crate) async fn post(&mut self) {
        let response = self.client.post(self.endpoint, r#"{"type":"video.asset.ready"}"#).await;
        assert_eq!(response.by(), (200, "app"));
    }

    /// Posts for so long.
    pub(crate) async fn measure(&mut self, time: Duration) -> Times {
        self.measure_until(sleep(time)).await.0
    }

    /// Posts until `done` is.
    pub(crate) async fn measure_until<T>(&mut self, done: impl Future<Output = T>) -> (Times, T) {
        let mut done = std::pin::pin!(done);
        let mut times = Vec::new();
        loop {
            let began = Instant::now();
            self.post().await;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
            tokio::select! {
                value = &mut done => return (Times(times), value),
                () = sleep(PAUSE) => {}
            }
        }
    }
}

impl Times {
    pub(crate) fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The time that so many of a hundred are within.
    pub(crate) fn at(&self, percent: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() - 1) * percent / 100]
    }
}
