//! Listeners by the thousand: the CLI's own sessions, each on an endpoint of its own, all in this process.

use std::time::Duration;

use muxhook::dial::Dialer;
use muxhook::secret::Secret;
use muxhook::session::{Session, Settings, Signal};
use muxhook_protocol::frame::{Ack, Owed, Role};
use muxhook_protocol::{Headers, Outcome, Reply};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::{Relay, TOKEN};

/// So many dial at once while the crowd gathers: it is not their coming that is weighed.
const AT_ONCE: usize = 128;

/// What became of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    Live,
    Lost,
}

/// When what happened to which.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Event {
    pub(crate) number: usize,
    pub(crate) at: Instant,
    pub(crate) told: Told,
}

/// A crowd. Its connections break when it is dropped.
pub(crate) struct Listeners {
    events: mpsc::Receiver<Event>,
    pub(crate) count: usize,
    _tasks: JoinSet<()>,
}

/// One session that answers every webhook with 200.
pub(crate) struct Listener {
    session: Session,
}

impl Listener {
    pub(crate) fn new(relay: &Relay, dialer: Dialer, endpoint: &str) -> Self {
        let settings = Settings {
            relay: relay.url(),
            token: Secret::new(TOKEN),
            endpoint: Some(endpoint.parse().unwrap()),
            prefer: Vec::new(),
            role: Role::Listener,
            ack: Ack::App,
            owed: Owed::Deliver,
            since: None,
            agent: "muxhook/load".into(),
            retry: true,
        };
        Self { session: Session::new(settings, dialer) }
    }

    /// What becomes of it next.
    pub(crate) async fn next(&mut self) -> Told {
        loop {
            match self.session.next().await.unwrap() {
                Signal::Live { .. } => return Told::Live,
                Signal::Lost { .. } => return Told::Lost,
                Signal::Deliver(delivery) => {
                    let body = delivery.body.clone();
                    let reply = Reply { status: 200, headers: Headers::new(), body, truncated: false };
                    self.session.settle(delivery.id, &Outcome::Replied(reply));
                }
                Signal::Answered(_) | Signal::Notice(_) | Signal::Gap(_) => {}
            }
        }
    }
}

/// The endpoint of a listener.
pub(crate) fn endpoint(number: usize) -> String {
    format!("load-{number}")
}

impl Listeners {
    /// So many more beyond `first`, all of them live.
    pub(crate) async fn gather(relay: &Relay, first: usize, count: usize) -> Self {
        let (tell, events) = mpsc::channel(4 * count + 16);
        let (dialer, mut tasks) = (relay.dialer(), JoinSet::new());
        let mut crowd = Self { events, count, _tasks: JoinSet::new() };
        let mut live = 0;
        for number in first..first + count {
            let mut listener = Listener::new(relay, dialer.clone(), &endpoint(number));
            let tell = tell.clone();
            tasks.spawn(async move {
                loop {
                    let told = listener.next().await;
                    let event = Event { number, at: Instant::now(), told };
                    if tell.send(event).await.is_err() {
                        return;
                    }
                }
            });
            while number - first - live >= AT_ONCE {
                live += usize::from(crowd.next().await.told == Told::Live);
            }
        }
        while live < count {
            live += usize::from(crowd.next().await.told == Told::Live);
        }
        crowd._tasks = tasks;
        crowd
    }

    /// What happens next to any of them.
    pub(crate) async fn next(&mut self) -> Event {
        self.events.recv().await.expect("listeners listen")
    }

    /// Lets time pass, and counts the links that are lost meanwhile.
    pub(crate) async fn idle(&mut self, time: Duration) -> usize {
        sleep(time).await;
        let mut lost = 0;
        while let Ok(event) = self.events.try_recv() {
            lost += usize::from(event.told == Told::Lost);
        }
        lost
    }
}
