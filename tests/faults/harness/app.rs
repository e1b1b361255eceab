//! The developer's app: takes everything, and keeps account of it.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::webhook;
use super::wire::{Message, Wire};

pub(crate) struct App {
    addr: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    arrived: watch::Receiver<usize>,
    _task: JoinSet<()>,
}

#[derive(Default)]
struct Kept {
    /// In the order of their first arrival.
    order: Vec<Arrival>,
    times: HashMap<u64, usize>,
    /// How many bodies nobody had sent.
    strange: usize,
}

/// A webhook's first arrival.
#[derive(Clone, Debug)]
pub(crate) struct Arrival {
    pub(crate) number: u64,
    /// The relay's id of it.
    pub(crate) delivery: String,
}

impl App {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let kept = Arc::new(Mutex::new(Kept::default()));
        let (tell, arrived) = watch::channel(0);
        let tell = Arc::new(tell);
        let mut task = JoinSet::new();
        let shared = Arc::clone(&kept);
        task.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (kept, tell) = (Arc::clone(&shared), Arc::clone(&tell));
                connections.spawn(async move {
                    let mut wire = Wire::new(stream);
                    while let Some(request) = wire.receive().await {
                        kept.lock().unwrap().take(&request);
                        tell.send_modify(|count| *count += 1);
                        if wire.send(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await.is_none() {
                            return;
                        }
                    }
                });
            }
        });
        Self { addr, kept, arrived, _task: task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Waits until this webhook has come.
    pub(crate) async fn until(&self, number: u64) {
        self.arrived.clone().wait_for(|_| self.times(number) > 0).await.unwrap();
    }

    /// Waits for this many webhooks, each counted once.
    pub(crate) async fn until_distinct(&self, count: usize) {
        self.arrived.clone().wait_for(|_| self.distinct() >= count).await.unwrap();
    }

    /// How often a webhook came.
    pub(crate) fn times(&self, number: u64) -> usize {
        self.kept.lock().unwrap().times.get(&number).copied().unwrap_or(0)
    }

    /// How many webhooks came, each counted once.
    pub(crate) fn distinct(&self) -> usize {
        self.kept.lock().unwrap().order.len()
    }

    /// How many requests came.
    pub(crate) fn arrived(&self) -> usize {
        *self.arrived.borrow()
    }

    /// How many bodies came that nobody had sent.
    pub(crate) fn strange(&self) -> usize {
        self.kept.lock().unwrap().strange
    }

    /// The first arrivals, in order.
    pub(crate) fn order(&self) -> Vec<Arrival> {
        self.kept.lock().unwrap().order.clone()
    }
}

impl Kept {
    fn take(&mut self, request: &Message) {
        let Some(number) = webhook::number(&request.body) else {
            self.strange += 1;
            return;
        };
        let times = self.times.entry(number).or_default();
        *times += 1;
        if *times == 1 {
            let delivery = request.get("muxhook-delivery").expect("a delivery's id").to_owned();
            self.order.push(Arrival { number, delivery });
        }
    }
}
