//! The CLI's rooms in this process, joined as `listen` joins them: for tests that pause the clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use muxhook::dial::{DialOptions, Dialer};
use muxhook::forwarder::{Done, Forwarder, Options, Target};
use muxhook::relay_url::RelayUrl;
use muxhook::secret::Secret;
use muxhook::session::{Session, Settings, Signal};
use muxhook_protocol::frame::{Ack, Owed, Role};
use muxhook_protocol::{DeliveryId, Outcome};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::relay::TOKEN;

/// What the user would be told, beside each delivery's arrival.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The path of the public address.
    Ready(String),
    Answered(DeliveryId),
    Forwarded(DeliveryId, Outcome),
    Lost(String),
    Back,
}

/// A session and a forwarder at work.
pub(crate) struct Carrier {
    told: mpsc::Receiver<(Instant, Told)>,
    _task: JoinSet<()>,
}

impl Carrier {
    /// Carries webhooks from the relay at `relay` to `app`, which may take all the time it wants.
    pub(crate) fn start(relay: SocketAddr, app: &str) -> Self {
        let settings = Settings {
            relay: RelayUrl::parse(&format!("http://{relay}"), false).unwrap(),
            token: Secret::new(TOKEN),
            endpoint: None,
            prefer: Vec::new(),
            role: Role::Listener,
            ack: Ack::App,
            owed: Owed::Deliver,
            since: None,
            agent: "muxhook/test".into(),
            retry: true,
        };
        let session = Session::new(settings, Dialer::new(DialOptions::default()).unwrap());
        let timeout = Duration::from_secs(3600);
        let options = Options { timeout, max_in_flight: 100, skip_verify: false, headers: Vec::new() };
        let target = Arc::new(Target::parse(app).unwrap());
        let (tell, told) = mpsc::channel(1000);
        let mut task = JoinSet::new();
        task.spawn(carry(session, Forwarder::new(options), target, tell));
        Self { told, _task: task }
    }

    /// What is told next, and when.
    pub(crate) async fn tells(&mut self) -> (Instant, Told) {
        self.told.recv().await.expect("the session goes on")
    }
}

async fn carry(
    mut session: Session,
    mut forwarder: Forwarder<DeliveryId>,
    target: Arc<Target>,
    tell: mpsc::Sender<(Instant, Told)>,
) {
    loop {
        let told = tokio::select! {
            biased;
            signal = session.next() => match signal.unwrap() {
                Signal::Deliver(delivery) => {
                    forwarder.start(&target, &delivery, delivery.id);
                    continue;
                }
                Signal::Answered(id) => Told::Answered(id),
                Signal::Live { welcome, down: None } => Told::Ready(format!("/h/{}", welcome.endpoint)),
                Signal::Live { .. } => Told::Back,
                Signal::Lost { reason, .. } => Told::Lost(reason),
                Signal::Notice(notice) => panic!("{notice:?}"),
                Signal::Gap(gap) => panic!("{gap:?}"),
            },
            Done { tag, outcome, .. } = forwarder.next() => {
                session.settle(tag, &outcome);
                Told::Forwarded(tag, outcome)
            }
        };
        tell.try_send((Instant::now(), told)).expect("a test that listens");
    }
}
